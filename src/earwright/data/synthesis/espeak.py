"""The espeak-ng synthesizer through ctypes: one text, one voice, one array of samples.

The library keeps everything in global variables: one process, one voice at a time. It comes with the
`espeakng-loader` wheel (GPL-3), is looked up when first used, and is not part of earwright.
"""

from __future__ import annotations

import _ctypes
import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from earwright.errors import EarwrightError, first_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from earwright.audio.read import Samples

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS = (
    2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback, and the call returns when all are there
)
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report an error instead of ending the process
_UTF8, _SSML = 1, 0x10  # espeakCHARS_UTF8, espeakSSML
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7  # espeak_PARAMETER
_VOLUME_WITHOUT_CLIPPING = 50  # of 100: the loudest voices clip at the default

# Voices that sound like machines, monsters or whispers: nobody to learn from.
_NOT_HUMAN = re.compile(r"robo|robot|demonic|whisper|croak|tweaky|fast|storm|klatt", re.IGNORECASE)
_ECHO = re.compile(r"^echo\s+\d+\s+(\d+)", re.MULTILINE)  # of a speaker's file: delay in ms, loudness in %
_ECHO_OF_A_ROOM = 20  # percent; the louder ones sound like two machines at once
_OTHER_SCRIPTS = {"en-shaw"}  # English in the Shavian alphabet


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker.

    Attributes:
        accent: the name of one of espeak-ng's languages, such as "en-us" or "en-gb-scotland".
        variant: the name of one of its speakers, such as "f3".
        rate: words a minute.
        pitch: 0 to 100, 50 is the variant's own.
        range: how much the pitch moves, 0 (monotone) to 100.
        gap: between words, in hundredths of a second at 175 words a minute.
        emphatic: one word of each text, whichever, is stressed.
        effort: 0 to below 1: by how much high frequencies are raised (by a pre-emphasis of so much), as they
            are in a voice that is raised.
    """

    accent: str
    variant: str
    rate: int = 175
    pitch: int = 50
    range: int = 50
    gap: int = 0
    emphatic: bool = False
    effort: float = 0.0

    @property
    def name(self) -> str:
        """A name fit for file names that tells every setting."""
        variant = self.variant.replace(" ", "_")
        return f"{self.accent}.{variant}.{self.rate}.{self.pitch}.{self.range}"

    @property
    def language(self) -> str:
        """The code of its language, and after a hyphen the accent."""
        return self.accent

    @property
    def columns(self) -> dict[str, Any]:
        """What its cuts say of it."""
        return {"synthesizer": "espeak-ng", "variant": self.variant}

    @property
    def settings(self) -> dict[str, Any]:
        """What a style has made of it."""
        return {
            "rate": self.rate,
            "pitch": self.pitch,
            "range": self.range,
            "gap": self.gap,
            "effort": self.effort,
        }

    def say(self, text: str, seed: int) -> tuple[Samples, int]:
        """Samples (N,), float32 in [-1, 1], and their rate in Hz; see `speak`."""
        import numpy as np

        spoken, rate = speak(text, self, seed)
        samples: Samples = spoken.astype(np.float32) / np.float32(32768)
        if self.effort:
            samples[1:] -= np.float32(self.effort) * samples[:-1]
        return samples, rate


def accents(language: str) -> list[str]:
    """Espeak-ng's accents of a language: "en" has eight, "en-gb" five of them, "de" one.

    Raises:
        EarwrightError: there is none, or espeak-ng is not installed.
    """
    wanted = language.lower()
    found = [
        accent
        for accent, codes in _accent_codes().items()
        if any(code == wanted or code.startswith(wanted + "-") for code in codes)
    ]
    if not found:
        known = sorted({accent.partition("-")[0] for accent in _accent_codes()})
        raise EarwrightError(f"espeak-ng has no language {language!r}; it has {', '.join(known)}.")
    return found


@cache
def variants() -> tuple[str, ...]:
    """Espeak-ng's speakers that sound like people, by name."""
    return tuple(sorted(path.name for path in _variant_folder().iterdir() if _sounds_human(path)))


def has_variant(name: str) -> bool:
    """Whether espeak-ng has a speaker of this name, human or not."""
    return (_variant_folder() / name).is_file()


def _sounds_human(path: Path) -> bool:
    """Whether a speaker's file describes somebody that one could meet."""
    echo = _ECHO.search(path.read_text(encoding="utf-8", errors="replace"))
    return not _NOT_HUMAN.search(path.name) and (echo is None or int(echo[1]) <= _ECHO_OF_A_ROOM)


def _variant_folder() -> Path:
    return _data_folder() / "voices" / "!v"


def speak(text: str, voice: Voice, seed: int = 0) -> tuple[NDArray[np.int16], int]:
    """Say a text.

    The library is loaded anew for every call, since what it said before leaves traces in its global state
    (phase, flutter, noise): so the samples depend on the arguments only. That takes about 5 ms.

    Args:
        text: what to say, in the language of the voice's accent.
        voice: who says it.
        seed: of the noise in breathy sounds, and of the word that is stressed.

    Returns:
        Samples (N,) and their rate in Hz (22050); N is 0 for a text without anything to pronounce.

    Raises:
        EarwrightError: espeak-ng is not installed, does not load, or refuses the voice.
    """
    import numpy as np

    blocks: list[NDArray[np.int16]] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0  # go on

    callback_type = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )
    callback = callback_type(collect)
    with _library() as library:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, str(_data_folder()).encode(), _DONT_EXIT)
        if rate <= 0:
            raise EarwrightError("espeak-ng did not start; install it again: pip install espeakng-loader")
        library.espeak_SetSynthCallback(callback)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed + 1))  # 0 would mean the time of day
        if library.espeak_SetVoiceByName(f"{voice.accent}+{voice.variant}".encode()) != 0:
            raise EarwrightError(f"espeak-ng has no voice {voice.accent}+{voice.variant}.")
        library.espeak_SetParameter(_RATE, voice.rate, 0)
        library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        library.espeak_SetParameter(_RANGE, voice.range, 0)
        library.espeak_SetParameter(_VOLUME, _VOLUME_WITHOUT_CLIPPING, 0)
        if voice.gap:
            library.espeak_SetParameter(_WORD_GAP, voice.gap, 0)
        said = text.replace("\0", " ")
        flags = _UTF8 | _SSML if voice.emphatic else _UTF8
        data = (_with_emphasis(said, seed) if voice.emphatic else said).encode()
        failed = library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, flags, None, None)
        library.espeak_Terminate()
    if failed:
        raise EarwrightError(f"espeak-ng could not say {text[:60]!r} (its error {failed}).")
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.int16)), int(rate)


def _with_emphasis(text: str, seed: int) -> str:
    """SSML in which one word is stressed."""
    import numpy as np

    words = [escape(word) for word in text.split()]
    if words:
        chosen = int(np.random.default_rng((seed, 0)).integers(len(words)))
        words[chosen] = f'<emphasis level="strong">{words[chosen]}</emphasis>'
    return " ".join(words)


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """Load the library, and unload it at the end."""
    path = _loader().get_library_path()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise EarwrightError(f"espeak-ng does not load on this system: {first_line(error)}.") from error
    try:
        # Some speakers draw from C's own generator.
        if hasattr(library, "srand"):
            library.srand(1)
        yield library
    finally:
        unload = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary")  # noqa: B009
        unload(library._handle)


@cache
def _accent_codes() -> dict[str, set[str]]:
    """Each accent's file name in lower case, and the language codes that its file gives it."""
    found: dict[str, set[str]] = {}
    for path in sorted((_data_folder() / "lang").rglob("*")):
        accent = path.name.lower()
        if not path.is_file() or accent in _OTHER_SCRIPTS:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        named = re.search(r"^dictionary\s+(\S+)", text, re.MULTILINE)
        dictionary = named[1] if named else accent.partition("-")[0]
        # A few languages are listed without the dictionary that they need.
        if (_data_folder() / f"{dictionary}_dict").exists():
            codes = re.findall(r"^language\s+(\S+)", text, re.MULTILINE)
            found[accent] = {accent, *(code.lower() for code in codes)}
    return found


@cache
def _data_folder() -> Path:
    return Path(_loader().get_data_path())


def _loader() -> Any:
    try:
        import espeakng_loader
    except ModuleNotFoundError as error:
        raise EarwrightError(
            "synthetic speech needs the espeak-ng synthesizer: pip install 'earwright[synthesize]'"
        ) from error
    return espeakng_loader
