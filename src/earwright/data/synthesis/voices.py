"""Who says what: speakers of espeak-ng, of a command or of a function, and the style of each utterance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from earwright.data.synthesis.command_voice import CommandVoice, parse_command, speakers_in
from earwright.data.synthesis.espeak import Voice, accents, variants
from earwright.data.synthesis.function_voice import FunctionVoice, load_function
from earwright.data.synthesis.options import SynthesisOptions
from earwright.data.synthesis.styles import check_styles, in_style
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    import numpy as np

    from earwright.audio.read import Samples

# What the speakers' settings are drawn from: people speak 110 to 210 words a minute, and the extremes of
# espeak-ng's pitch sound like cartoons.
RATES = (120, 210)
PITCHES = (25, 75)
RANGES = (30, 70)

NOBODY = "no voice is left; train with fewer voices, so that others remain to test with."


class Speaker(Protocol):
    """Somebody who says texts: plain data, since it travels to other processes."""

    @property
    def name(self) -> str:
        """Fit for file names."""
        ...

    @property
    def language(self) -> str:
        """Its code, and perhaps after a hyphen the accent."""
        ...

    @property
    def columns(self) -> dict[str, Any]:
        """What its cuts say of it: the synthesizer, and the variant that no other set may have."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What a style has made of it."""
        ...

    def say(self, text: str, seed: int) -> tuple[Samples, int]:
        """Samples (N,), float32 in [-1, 1], and their rate in Hz.

        Raises:
            EarwrightError: it cannot be said.
        """
        ...


def choose_speakers(options: SynthesisOptions, without: Collection[str] = ()) -> Sequence[Speaker]:
    """The speakers that the options ask for.

    Args:
        options: which synthesizer, and how many voices.
        without: variants that must not speak.

    Raises:
        EarwrightError: the synthesizer is not there, cannot do what is asked, or has no voice left.
    """
    if options.espeak:
        check_styles(options.styles, without)
        return choose_voices(options.language, options.voices, options.seed, without)
    if options.function is not None:
        load_function(options.function)
        return [
            FunctionVoice(options.function, number, options.language)
            for number in _numbers(options.voices, without)
        ]
    assert options.command is not None
    words = parse_command(options.command, bool(options.styles))
    if options.voices > 1 and not speakers_in(words):
        raise EarwrightError(
            f"--command '{options.command}' has one voice, not {options.voices}: it says nowhere {{voice}}."
        )
    return [
        CommandVoice(words, number, options.language, options.timeout)
        for number in _numbers(options.voices, without, None if speakers_in(words) else 1)
    ]


def _numbers(count: int, without: Collection[str], known: int | None = None) -> list[int]:
    """The first numbers of speakers that are free; how many there are, only the synthesizer knows."""
    last = known if known is not None else count + len(without)
    free = [number for number in range(last) if str(number) not in without][:count]
    if not free:
        raise EarwrightError(NOBODY)
    return free


def styled(
    speaker: Speaker, style: str, generator: np.random.Generator, without: Collection[str] = ()
) -> Speaker:
    """A speaker in a style."""
    if isinstance(speaker, Voice):
        return in_style(speaker, style, generator, without)
    assert isinstance(speaker, CommandVoice | FunctionVoice)
    return speaker.in_style(style, generator)


def choose_voices(language: str, count: int, seed: int = 0, without: Collection[str] = ()) -> list[Voice]:
    """Draw speakers: as different from each other as espeak-ng allows.

    Args:
        language: of espeak-ng, such as "en", "en-gb", "de".
        count: how many.
        seed: the same seed gives the same speakers, and fewer are the first of more.
        without: names of variants that must not speak: those of a training set, for a set to test on.

    Raises:
        EarwrightError: no such language, or no variant is left.
    """
    import numpy as np

    allowed = [variant for variant in variants() if variant not in without]
    if not allowed:
        raise EarwrightError(NOBODY)
    places = accents(language)
    order = np.random.default_rng((seed, 0)).permutation(len(allowed))
    voices = []
    for number in range(count):
        rng = np.random.default_rng((seed, 1, number))
        voices.append(
            Voice(
                accent=places[int(rng.integers(len(places)))],
                # No variant speaks twice before all have spoken once.
                variant=allowed[int(order[number % len(allowed)])],
                rate=int(rng.integers(RATES[0], RATES[1] + 1)),
                pitch=int(rng.integers(PITCHES[0], PITCHES[1] + 1)),
                range=int(rng.integers(RANGES[0], RANGES[1] + 1)),
            )
        )
    return voices
