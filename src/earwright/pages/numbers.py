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


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, both above 0, for a logarithmic axis: 1, 2, 5, 10 or powers of 10."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    span = math.log10(high / low)
    steps = (1, 2, 5) if span <= 2.2 else (1,)
    every = max(1, round(span / 5)) if span > 2.2 else 1
    numbers = (float(f"{step}e{power}") for power in range(first, last + 1, every) for step in steps)
    return [number for number in numbers if low <= number <= high]


def nice_ceiling(count: int) -> int:
    """The next number from here on that is easily halved: 2, 4, 6, 8, 10, 12, 16, 20, 30, 40 ..."""
    power = 10 ** max(len(str(count)) - 1, 0)
    tops = (
        step * power // 10 for step in (10, 12, 16, 20, 30, 40, 50, 60, 80, 100) if step * power % 10 == 0
    )
    return next((top for top in tops if top >= count and top % 2 == 0), 2)


def short(count: int) -> str:
    """12,000 as 12k, 1,234,567 as 1.23M."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= max(0.9995 * unit, 10**4):
            return f"{count / unit:.3g}{letter}"
    return f"{count:,}"


def hours(number: float) -> str:
    """As "1 h 02 min", or seconds where it is less than two minutes."""
    if number * 3600 < 120:
        return f"{number * 3600:.0f} s"
    minutes = round(number * 60)
    return f"{minutes // 60:,} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def percent(rate: float) -> str:
    """A rate of errors, a fraction, as "12.34 %"."""
    return f"{100 * rate:.2f} %"
