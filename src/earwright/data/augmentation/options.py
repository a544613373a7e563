"""[augment] of a recipe: what is done to the training data, how often, and how much of it.

All kinds but the speeds and SpecAugment's masks are off unless a recipe turns them on. `probability` is that
of an utterance to get it, drawn anew each epoch; a range [least, most] is drawn from evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from earwright.data.options import check_options

GENERATED = ("white", "pink", "music", "babble")
BANDS = ("low_pass", "high_pass", "telephone", "equalizer")
CODECS = ("mu_law", "opus", "mp3")

Range = tuple[float, float]


def _check(
    table: str, probability: float, ranges: dict[str, tuple[Range, float, float]], *more: tuple[bool, str]
) -> None:
    """Raise for a probability that is none, a range that is not in order, or one beyond its bounds."""
    checks = [(0 <= probability <= 1, f"probability must lie between 0 and 1, not be {probability:g}")]
    for name, ((least, most), low, high) in ranges.items():
        finite = math.isfinite(least) and math.isfinite(most)
        checks += [
            (finite, f"{name} must be two finite numbers, not [{least:g}, {most:g}]"),
            (least <= most, f"{name} must be [least, most], not [{least:g}, {most:g}]"),
            (low <= least and most <= high, f"{name} must lie between {low:g} and {high:g}"),
        ]
    check_options(f"augment.{table}", *checks, *more)


def _none_of(name: str, kinds: tuple[str, ...], known: tuple[str, ...]) -> tuple[bool, str]:
    strange = [kind for kind in kinds if kind not in known]
    what = f'{name} "{strange[0]}" is none of {", ".join(known)}' if strange else ""
    return not strange, what


@dataclass(frozen=True)
class NoiseOptions:
    """Something behind the speech.

    Attributes:
        probability: of an utterance.
        snr: decibels between speech, where there is any, and noise.
        folders: of recordings; in each a folder a class, drawn as often as another. 30 % of each class are
            kept for tests (`audio/backgrounds.py`).
        without: classes of them that are left alone altogether, for reports on noise of an unknown kind.
        generated: any of white, pink, music (notes of made instruments), and babble (other utterances of the
            training set over one another).
        files_share: of the noise that is from folders, where there is generated noise too.
        voices: how many speak in babble.
    """

    probability: float = 0.0
    snr: Range = (0.0, 20.0)
    folders: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    generated: tuple[str, ...] = GENERATED
    files_share: float = 0.7
    voices: tuple[int, int] = (3, 7)

    def __post_init__(self) -> None:
        _check(
            "noise",
            self.probability,
            {"snr": (self.snr, -30.0, 100.0), "voices": (self.voices, 1, 100)},
            _none_of("generated", self.generated, GENERATED),
            (0 <= self.files_share <= 1, "files_share must lie between 0 and 1"),
            (bool(self.folders or self.generated), "name folders or generated noise"),
        )

    @property
    def babbles(self) -> bool:
        """Whether other utterances are needed."""
        return self.probability > 0 and "babble" in self.generated


@dataclass(frozen=True)
class RoomOptions:
    """Speech in a room.

    Attributes:
        probability: of an utterance.
        folders: of measured impulse responses; 30 % are kept for tests.
        simulated: how many rooms are simulated, anew in each run; needs the extra [rooms].
        reverberation: seconds in which sound in a simulated room falls by 60 dB.
    """

    probability: float = 0.0
    folders: tuple[str, ...] = ()
    simulated: int = 0
    reverberation: Range = (0.15, 0.7)

    def __post_init__(self) -> None:
        _check(
            "room",
            self.probability,
            {"reverberation": (self.reverberation, 0.05, 3.0)},
            (0 <= self.simulated <= 1000, "simulated must lie between 0 and 1000"),
            (
                bool(not self.probability or self.folders or self.simulated),
                "name folders of impulse responses or a number of simulated rooms",
            ),
        )


@dataclass(frozen=True)
class PitchOptions:
    """A higher or deeper voice, no faster or slower.

    Attributes:
        probability: of an utterance.
        semitones: up or, below 0, down.
    """

    probability: float = 0.0
    semitones: Range = (-2.0, 2.0)

    def __post_init__(self) -> None:
        _check("pitch", self.probability, {"semitones": (self.semitones, -12.0, 12.0)})


@dataclass(frozen=True)
class TempoOptions:
    """Faster or slower speech at the pitch that it has, on top of `speeds`.

    Attributes:
        probability: of an utterance.
        factors: above 1 is faster.
    """

    probability: float = 0.0
    factors: Range = (0.9, 1.1)

    def __post_init__(self) -> None:
        _check("tempo", self.probability, {"factors": (self.factors, 0.5, 2.0)})

    @property
    def fastest(self) -> float:
        """The highest factor that is drawn."""
        return max(1.0, self.factors[1]) if self.probability else 1.0


@dataclass(frozen=True)
class TrimOptions:
    """A recording that begins late and ends early: whoever cut it out took soft sounds for silence.

    Attributes:
        probability: of an utterance.
        decibels: what lies so far under the loudest moment goes, at the beginning and at the end.
        most: share of the utterance that may go; what its text needs stays in any case.
    """

    probability: float = 0.0
    decibels: Range = (15.0, 45.0)
    most: float = 0.5

    def __post_init__(self) -> None:
        _check(
            "trim",
            self.probability,
            {"decibels": (self.decibels, 0.0, 100.0)},
            (0 < self.most < 1, "most must lie between 0 and 1"),
        )


@dataclass(frozen=True)
class GainOptions:
    """Louder or quieter.

    Attributes:
        probability: of an utterance.
        decibels: louder, or quieter below 0.
    """

    probability: float = 0.0
    decibels: Range = (-15.0, 5.0)

    def __post_init__(self) -> None:
        _check("gain", self.probability, {"decibels": (self.decibels, -60.0, 40.0)})


@dataclass(frozen=True)
class ClippingOptions:
    """A recording that was too loud for its microphone.

    Attributes:
        probability: of an utterance.
        share: of its samples, the loudest, that are cut to one height.
    """

    probability: float = 0.0
    share: Range = (0.001, 0.05)

    def __post_init__(self) -> None:
        _check("clipping", self.probability, {"share": (self.share, 0.0, 0.9)})


@dataclass(frozen=True)
class BandOptions:
    """Not all frequencies, or not all alike.

    Attributes:
        probability: of an utterance.
        kinds: any of low_pass, high_pass, telephone (300 to 3400 Hz) and equalizer (every octave louder or
            quieter, as another microphone hears it).
        low_pass, high_pass: where they are cut, in Hz.
        equalizer: decibels that an octave is louder or quieter at most.
    """

    probability: float = 0.0
    kinds: tuple[str, ...] = BANDS
    low_pass: Range = (2500.0, 7000.0)
    high_pass: Range = (80.0, 500.0)
    equalizer: float = 8.0

    def __post_init__(self) -> None:
        _check(
            "band",
            self.probability,
            {"low_pass": (self.low_pass, 500.0, 48000.0), "high_pass": (self.high_pass, 1.0, 2000.0)},
            _none_of("kinds", self.kinds, BANDS),
            (bool(self.kinds), "kinds names no band"),
            (0 < self.equalizer <= 40, "equalizer must lie above 0 and be at most 40"),
        )


@dataclass(frozen=True)
class CodecOptions:
    """Speech that went through a telephone or a small file.

    Attributes:
        probability: of an utterance.
        kinds: any of mu_law (at 8 kHz), opus and mp3.
        opus, mp3: kbit/s, one of them drawn.
    """

    probability: float = 0.0
    kinds: tuple[str, ...] = CODECS
    opus: tuple[int, ...] = (6, 9, 12, 16)
    mp3: tuple[int, ...] = (16, 24, 32)

    def __post_init__(self) -> None:
        _check(
            "codec",
            self.probability,
            {},
            _none_of("kinds", self.kinds, CODECS),
            (bool(self.kinds), "kinds names no codec"),
            (
                len(self.opus) > 0 and all(6 <= rate <= 128 for rate in self.opus),
                "opus must lie between 6 and 128",
            ),
            (
                len(self.mp3) > 0 and all(16 <= rate <= 64 for rate in self.mp3),
                "mp3 must lie between 16 and 64",
            ),
        )


@dataclass(frozen=True)
class CutoutOptions:
    """Moments that are missing, as when packets are lost.

    Attributes:
        probability: of an utterance.
        seconds: how long a gap is.
        gaps: how many there are; together they take at most a fifth.
    """

    probability: float = 0.0
    seconds: Range = (0.02, 0.15)
    gaps: tuple[int, int] = (1, 3)

    def __post_init__(self) -> None:
        _check(
            "cutout",
            self.probability,
            {"seconds": (self.seconds, 0.001, 5.0), "gaps": (self.gaps, 1, 100)},
        )


@dataclass(frozen=True)
class ConcatenationOptions:
    """Utterances one after the other as one, so that sentences do not always begin at the beginning.

    Attributes:
        probability: of an utterance to get others behind it; an epoch still has each once.
        most: utterances that become one.
        max_seconds: as recorded, of what is made so.
        pause: seconds between two.
    """

    probability: float = 0.0
    most: int = 2
    max_seconds: float = 20.0
    pause: Range = (0.0, 0.4)

    def __post_init__(self) -> None:
        _check(
            "concatenation",
            self.probability,
            {"pause": (self.pause, 0.0, 10.0)},
            (2 <= self.most <= 100, "most must lie between 2 and 100"),
            (self.max_seconds > 0, "max_seconds must be above 0"),
        )


@dataclass(frozen=True)
class NothingOptions:
    """No speech at all, and no text: a recognizer that has never heard noise alone writes words over it.

    Attributes:
        probability: of an utterance to be replaced, for this epoch, by noise of its length: a recording of
            `noise.folders`, white or pink noise, made music, or digital silence. Rooms, microphones and lines
            may follow.
        decibels: mean power of it, relative to full scale.
        often: classes of the recordings that make up half of them, such as music, which sounds most like
            speech; all others are drawn one as often as another.
    """

    probability: float = 0.0
    decibels: Range = (-65.0, -10.0)
    often: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("nothing", self.probability, {"decibels": (self.decibels, -100.0, 0.0)})


@dataclass(frozen=True)
class AugmentOptions:
    """What is done to the training data so that it is never the same twice.

    Attributes:
        speeds: each utterance is played at one of these, drawn anew each epoch (Ko et al. 2015).
        frequency_masks: SpecAugment's bands an utterance that are silenced (Park et al. 2019).
        frequency_width: at most so many features wide.
        time_masks_per_second: SpecAugment's stretches of time that are silenced.
        time_seconds: at most so long each.
        time_share: at most this share of an utterance lies under time masks.
        warp_seconds: SpecAugment's time warp: a moment of each utterance is moved by up to so much, and the
            rest with it.
        start: share of all steps before SpecAugment and what is done to the waveform set in (speeds, tempo
            and concatenation are there from the beginning). A model that still says only blanks finds its
            first letters in half the steps when nothing is hidden from it, and no noise says blank, too.
        noise, room, pitch, tempo, trim, gain, clipping, band, codec, cutout, concatenation, nothing: what is
            done to the waveform, each a table of its own.
    """

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    frequency_masks: int = 2
    frequency_width: int = 27
    time_masks_per_second: float = 0.7
    time_seconds: float = 0.4
    time_share: float = 0.2
    warp_seconds: float = 0.0
    start: float = 0.1
    noise: NoiseOptions = field(default_factory=NoiseOptions)
    room: RoomOptions = field(default_factory=RoomOptions)
    pitch: PitchOptions = field(default_factory=PitchOptions)
    tempo: TempoOptions = field(default_factory=TempoOptions)
    trim: TrimOptions = field(default_factory=TrimOptions)
    gain: GainOptions = field(default_factory=GainOptions)
    clipping: ClippingOptions = field(default_factory=ClippingOptions)
    band: BandOptions = field(default_factory=BandOptions)
    codec: CodecOptions = field(default_factory=CodecOptions)
    cutout: CutoutOptions = field(default_factory=CutoutOptions)
    concatenation: ConcatenationOptions = field(default_factory=ConcatenationOptions)
    nothing: NothingOptions = field(default_factory=NothingOptions)

    def __post_init__(self) -> None:
        check_options(
            "augment",
            (
                len(self.speeds) > 0 and all(0.5 <= s <= 2 for s in self.speeds),
                "speeds must lie between 0.5 and 2",
            ),
            (self.frequency_masks >= 0 and self.frequency_width >= 0, "frequency masks must be 0 or more"),
            (self.time_masks_per_second >= 0 and self.time_seconds >= 0, "time masks must be 0 or more"),
            (0 <= self.time_share <= 1 and 0 <= self.start <= 1, "time_share and start must lie in [0, 1]"),
            (0 <= self.warp_seconds <= 5, "warp_seconds must lie between 0 and 5"),
        )

    @property
    def top_speed(self) -> float:
        """The fastest that speech is played: it shortens the audio that a text must fit into."""
        return max(self.speeds) * self.tempo.fastest
