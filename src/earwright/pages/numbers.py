"""Numbers on axes and in tables: where the ticks are, and how they are written."""

from __future__ import annotations

import math


def ticks(low: float, high: float, number: int = 6) -> list[float]:
    """At most about so many round numbers from low to high."""
    rough = (high - low) / number
    if rough <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * (1 - 1e-9))
    digits = max(2 - math.floor(math.log10(width)), 0)
    first, last = math.ceil(low / width - 1e-9), math.floor(high / width + 1e-9)
    return [round(place * width, digits) for place in range(first, last + 1)]


def nice_ceiling(count: int) -> int:
    """The next number from here on that is easily halved: 2, 4, 6, 8, 10, 12, 16, 20, 30, 40 ..."""
    power = 10 ** max(len(str(count)) - 1, 0)
    tops = (
        step * power // 10 for step in (10, 12, 16, 20, 30, 40, 50, 60, 80, 100) if step * power % 10 == 0
    )
    return next((top for top in tops if top >= count and top % 2 == 0), 2)


def short(count: int) -> str:
    """12,000 as 12k, 1,200,000 as 1.2M."""
    if count >= 10**6:
        return f"{count / 10**6:g}M"
    return f"{count / 1000:g}k" if count >= 10**4 else f"{count:,}"


def hours(number: float) -> str:
    """As "1 h 02 min", or seconds where it is less than two minutes."""
    if number * 3600 < 120:
        return f"{number * 3600:.0f} s"
    minutes = round(number * 60)
    return f"{minutes // 60:,} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
