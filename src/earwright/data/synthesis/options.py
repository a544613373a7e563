"""What is said, by whom and how: the options of `earwright synthesize`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from earwright.data.augmentation.options import AugmentOptions
from earwright.errors import EarwrightError

VOICES = 40


@dataclass(frozen=True)
class SynthesisOptions:
    """How texts are said.

    Attributes:
        language: a language ("en": all its accents) or an accent ("en-us") of espeak-ng; what another voice
            is told.
        voices: how many speakers there are.
        per_text: how many of them say each text.
        sample_rate: of the audio written, in Hz.
        clean: leave out the noise and the changes of level.
        seed: of every draw.
        styles: names of which one is drawn for each utterance; one that is named twice comes twice as often.
            Without any, everybody speaks as usual.
        command: instead of espeak-ng, a command that writes audio, see `command_voice.py`.
        function: instead of espeak-ng, a Python function "package.module:function", see `function_voice.py`.
        timeout: seconds that a command may take for one text.
        augment: what else happens to the speech, as in a recipe; only what changes the waveform of one
            utterance: speed, tempo, pitch, trim, room, noise, gain, clipping, band, codec, cutout.
    """

    language: str = "en"
    voices: int = VOICES
    per_text: int = 1
    sample_rate: int = 16000
    clean: bool = False
    seed: int = 0
    styles: tuple[str, ...] = ()
    command: str | None = None
    function: str | None = None
    timeout: float = 60.0
    augment: AugmentOptions | None = None

    @property
    def espeak(self) -> bool:
        """Whether espeak-ng speaks."""
        return self.command is None and self.function is None

    def __post_init__(self) -> None:
        if self.command is not None and self.function is not None:
            raise EarwrightError("a command and a function cannot both speak: give one of the two.")
        if not 0 < self.timeout < math.inf:
            raise EarwrightError(f"a timeout of {self.timeout:g} s is none: give seconds above 0.")
