"""Speaking styles of espeak-ng's voices: the same speaker in a hurry, in doubt, shouting, whispering."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earwright.data.synthesis.espeak import Voice, has_variant
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    import numpy as np

Range = tuple[float, float]

SLOWEST, FASTEST = 80, 450  # words a minute that espeak-ng can say


@dataclass(frozen=True)
class Style:
    """What a style does to a speaker; every range is drawn from evenly, anew for each utterance.

    Attributes:
        rate: factor of the speaker's words a minute.
        pitch: added to the speaker's, which goes from 0 to 100.
        range: factor of how much the speaker's pitch moves.
        gap: between words, in hundredths of a second at 175 words a minute.
        emphatic: one word of a text is stressed.
        effort: of the voice, see `Voice`.
        variants: one of these of espeak-ng's speakers speaks, where a way of speaking needs one of its own.
    """

    rate: Range = (1.0, 1.0)
    pitch: Range = (0.0, 0.0)
    range: Range = (1.0, 1.0)
    gap: Range = (0.0, 0.0)
    emphatic: bool = False
    effort: Range = (0.0, 0.0)
    variants: tuple[str, ...] = ()


# As far as people go, and well within what espeak-ng can say.
STYLES = {
    "neutral": Style(),
    "fast": Style(rate=(1.25, 1.6)),
    "slow": Style(rate=(0.6, 0.8)),
    "high": Style(pitch=(15, 30)),
    "low": Style(pitch=(-30, -15)),
    "lively": Style(rate=(1.0, 1.15), pitch=(0, 10), range=(1.4, 2.0)),
    "monotone": Style(range=(0.0, 0.2)),
    "hesitant": Style(rate=(0.8, 1.0), gap=(10, 40)),
    "emphatic": Style(range=(1.1, 1.5), emphatic=True),
    # Raised voices are higher, slower and brighter (Summers et al. 1988, doi:10.1121/1.396660).
    "shouting": Style(rate=(0.8, 0.95), pitch=(15, 30), range=(1.2, 1.6), effort=(0.6, 0.9)),
    "whisper": Style(rate=(0.8, 1.0), variants=("whisper", "whisperf")),
    "creaky": Style(pitch=(-20, 0), variants=("croak",)),
}


def check_styles(names: Sequence[str], without: Collection[str] = ()) -> None:
    """See that the styles can be had.

    Args:
        names: of styles.
        without: variants of espeak-ng that must not speak.

    Raises:
        EarwrightError: there is no such style, or nobody is left to speak in it.
    """
    for name in names:
        if name not in STYLES:
            raise EarwrightError(f'espeak-ng has no style "{name}"; it has {", ".join(STYLES)}.')
        if STYLES[name].variants and not _left(STYLES[name], without):
            raise EarwrightError(
                f"nobody is left to speak in the style {name}: the other set has {_listed(STYLES[name])}; "
                "leave the style out of one of the two."
            )


def in_style(voice: Voice, name: str, generator: np.random.Generator, without: Collection[str] = ()) -> Voice:
    """A speaker in one of the styles.

    Args:
        voice: who speaks.
        name: of a style that `check_styles` has passed.
        generator: decides how far the style goes.
        without: variants that must not speak.
    """
    style = STYLES[name]
    rate, pitch, moves, gap, effort = (
        float(generator.uniform(*span))
        for span in (style.rate, style.pitch, style.range, style.gap, style.effort)
    )
    variants = _left(style, without) or [voice.variant]
    return dataclasses.replace(
        voice,
        variant=variants[int(generator.integers(len(variants)))],
        rate=min(max(round(voice.rate * rate), SLOWEST), FASTEST),
        pitch=min(max(round(voice.pitch + pitch), 0), 100),
        range=min(max(round(voice.range * moves), 0), 100),
        gap=round(gap),
        emphatic=style.emphatic,
        effort=round(effort, 2),
    )


def _left(style: Style, without: Collection[str]) -> list[str]:
    return [variant for variant in style.variants if variant not in without and has_variant(variant)]


def _listed(style: Style) -> str:
    return " and ".join(style.variants)
