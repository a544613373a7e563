"""Error rates with noise behind the speech, or in rooms, beside those of the same utterances as they are.

Each utterance gets one recording: first a class is drawn, all as likely, then one of its recordings, then
where in it to begin. All three follow from the utterance's id and a seed alone, so that any two recognizers
are compared on the same samples, and every level of noise has the same noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwright.audio.backgrounds import Background, find_backgrounds
from earwright.audio.mix import SILENT, excerpt, mix_at_snr
from earwright.audio.read import Samples, audio_info, read_audio
from earwright.audio.rooms import align_to_direct_path, reverberate
from earwright.cuts import Cut
from earwright.errors import EarwrightError, first_line
from earwright.evaluation.align import Counts
from earwright.evaluation.bootstrap import bootstrap_interval
from earwright.evaluation.score import Evaluation, Utterance

SILENT_PEAK = 1e-5  # of an impulse response, -100 dB
SPARE = 0.1  # seconds by which a recording is longer than what is read of it, or else it is read whole

Alter = Callable[[Cut, Samples], Samples]  # an utterance and its audio -> audio of the same length


class Draws:
    """Which recording each utterance gets.

    Args:
        backgrounds: to draw from.
        seed: of the draws.

    Attributes:
        kinds: utterance -> the class of what it got.
        skipped: recording -> why it was passed over where it was drawn; the next one took its place.
        too_short: utterances that are shorter than the impulse response which they got.
    """

    def __init__(self, backgrounds: Sequence[Background], seed: int = 0) -> None:
        self.seed = seed
        self.kinds: dict[str, str] = {}
        self.skipped: dict[Path, str] = {}
        self.too_short: set[str] = set()
        self._by_kind: dict[str, list[Background]] = {}
        for background in sorted(backgrounds, key=lambda one: (one.kind, one.path.name)):
            self._by_kind.setdefault(background.kind, []).append(background)

    def draw(self, name: str, read: Callable[[Path, float], Samples]) -> Samples:
        """What `read` makes of the recording that an utterance gets.

        Args:
            name: the utterance.
            read: takes a recording and where in it to begin, as a share in [0, 1); raises EarwrightError if
                it is of no use there.

        Raises:
            EarwrightError: no recording is of use.
        """
        digest = hashlib.sha256(f"{self.seed}\n{name}".encode("utf-8", "surrogatepass")).digest()
        kind, place, begin = (int.from_bytes(digest[at : at + 8]) for at in (0, 8, 16))
        for background in self._from(kind, place):
            try:
                samples = read(background.path, (begin >> 11) / 2**53)  # as many bits as a float has
            except EarwrightError as error:
                self.skipped[background.path] = first_line(error).removeprefix(f"{background.path}: ")
                continue
            self.kinds[name] = background.kind
            return samples
        count = sum(map(len, self._by_kind.values()))
        path, reason = next(iter(self.skipped.items()))
        raise EarwrightError(f"none of {count} recordings can be used, such as {path.name}: {reason}")

    def _from(self, kind: int, place: int) -> Iterator[Background]:
        """All recordings, class after class, beginning with these."""
        groups = list(self._by_kind.values())
        for turn in range(len(groups)):
            group = groups[(kind + turn) % len(groups)]
            for step in range(len(group)):
                yield group[(place + step) % len(group)]


def behind(draws: Draws, snr: float, sample_rate: int) -> Alter:
    """Puts noise behind utterances, `snr` decibels below their speech."""

    def alter(cut: Cut, samples: Samples) -> Samples:
        noise = draws.draw(cut.id, lambda path, begin: _noise(path, begin, max(1, len(samples)), sample_rate))
        return mix_at_snr(samples, noise[: len(samples)], snr, sample_rate)

    return alter


def inside(draws: Draws, sample_rate: int) -> Alter:
    """Puts utterances into rooms, given by their impulse responses."""

    def alter(cut: Cut, samples: Samples) -> Samples:
        response = draws.draw(cut.id, lambda path, begin: _room(path, sample_rate))
        if len(response) > len(samples):
            draws.too_short.add(cut.id)
        return reverberate(samples, response)

    return alter


def _noise(path: Path, begin: float, length: int, sample_rate: int) -> Samples:
    """A stretch of a recording, of which no more is read than is needed."""
    seconds = length / sample_rate
    spare = audio_info(path).duration - seconds
    if spare > SPARE:
        samples = read_audio(path, sample_rate, start=begin * spare, duration=seconds + SPARE / 2)
        begin = 0.0
    else:
        samples = read_audio(path, sample_rate)
    samples = excerpt(samples, length, begin)
    if float(np.square(samples.astype(np.float64)).mean()) <= SILENT:
        raise EarwrightError("it is silent.")
    return samples


def _room(path: Path, sample_rate: int) -> Samples:
    """An impulse response, aligned."""
    samples = read_audio(path, sample_rate)
    if float(np.abs(samples).max()) <= SILENT_PEAK:
        raise EarwrightError("it is silent.")
    return align_to_direct_path(samples)


@dataclass(frozen=True)
class Backdrop:
    """The recordings for a report.

    Attributes:
        recordings: of the part that is used.
        part: "train", "test" or "all".
        left_out: classes that have no recording in this part.
    """

    recordings: tuple[Background, ...]
    part: str
    left_out: tuple[str, ...]


def find_backdrop(
    folders: Sequence[str], part: str = "test", check: Callable[[Path], object] = audio_info
) -> Backdrop:
    """The recordings of a part of some folders, of which one at least can be used.

    Args:
        folders, part: see `find_backgrounds`.
        check: raises EarwrightError for a recording that is of no use; by default only the header is read.

    Raises:
        EarwrightError: as `find_backgrounds`, or none can be used.
    """
    found = find_backgrounds(folders, part)
    everything = {background.kind for background in find_backgrounds(folders)}
    reason = ""
    for background in found:
        try:
            check(background.path)
            break
        except EarwrightError as error:
            why = first_line(error).removeprefix(f"{background.path}: ")
            reason = reason or f"{background.path}: {why}"
    else:
        raise EarwrightError(
            f"{', '.join(folders)}: none of {len(found)} recordings can be used, such as {reason}"
        )
    kinds = {background.kind for background in found}
    return Backdrop(tuple(found), part, tuple(sorted(everything - kinds)))


def check_room(path: Path) -> None:
    """Read an impulse response, which is short.

    Raises:
        EarwrightError: it cannot be read, or is silent.
    """
    _room(path, 16000)


@dataclass(frozen=True)
class Condition:
    """Utterances in one condition, and the same ones as they are; rates are fractions.

    Attributes:
        kind: the class of noise or rooms; None: all of them.
        snr: decibels; None in rooms.
        utterances: how many.
        words, characters: counts in this condition.
        clean, clean_characters: counts without it.
        interval: of the word error rate.
        difference_interval: of the difference of the two word error rates; both are drawn together.
    """

    kind: str | None
    snr: float | None
    utterances: int
    words: Counts
    characters: Counts
    clean: Counts
    clean_characters: Counts
    interval: tuple[float, float]
    difference_interval: tuple[float, float]

    @property
    def difference(self) -> float:
        """Of the word error rates."""
        return self.words.rate - self.clean.rate

    @property
    def relative(self) -> float | None:
        """The difference as a share of the rate without; None where there are no errors without."""
        return self.difference / self.clean.rate if self.clean.errors else None

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "kind": self.kind,
            "snr": self.snr,
            "utterances": self.utterances,
            "words": self.words.reference,
            "wer": self.words.rate,
            "wer_interval": list(self.interval),
            "cer": self.characters.rate,
            "clean_wer": self.clean.rate,
            "clean_cer": self.clean_characters.rate,
            "difference": self.difference,
            "difference_interval": list(self.difference_interval),
            "relative": self.relative,
        }


@dataclass(frozen=True)
class Conditions:
    """A report on noise or on rooms.

    Attributes:
        what: "noise" or "rooms".
        clean: the counts of all utterances as they are.
        rows: for each level all classes together (kind None), then each.
        backdrop: the recordings.
        seed: of the draws, and of the bootstrap.
        skipped: names of recordings that were passed over, and why; no paths, since results are kept.
        interval_unit: what the bootstrap drew, "speaker" or "utterance".
        too_short: how many utterances are shorter than the impulse response which they got.
    """

    what: str
    clean: Counts
    rows: tuple[Condition, ...]
    backdrop: Backdrop
    seed: int
    skipped: tuple[tuple[str, str], ...]
    interval_unit: str
    too_short: int = 0

    @property
    def snrs(self) -> list[float | None]:
        """The levels, in their order."""
        return list(dict.fromkeys(row.snr for row in self.rows))

    @property
    def kinds(self) -> list[str]:
        """The classes, by the alphabet."""
        return sorted({row.kind for row in self.rows if row.kind is not None})

    def find(self, kind: str | None, snr: float | None) -> Condition | None:
        """The row of a class at a level."""
        return next((row for row in self.rows if (row.kind, row.snr) == (kind, snr)), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "part": self.backdrop.part,
            "seed": self.seed,
            "recordings": len(self.backdrop.recordings),
            "classes_left_out": list(self.backdrop.left_out),
            "skipped": [{"recording": name, "reason": reason} for name, reason in self.skipped],
            "interval_drawn": self.interval_unit,
            **({"shorter_than_their_room": self.too_short} if self.what == "rooms" else {}),
            "rows": [row.to_dict() for row in self.rows],
        }


def conditions(
    what: str,
    clean: Evaluation,
    altered: Mapping[float | None, Evaluation],
    backdrop: Backdrop,
    draws: Draws,
) -> Conditions:
    """The report.

    Args:
        what: "noise" or "rooms".
        clean: of the utterances as they are.
        altered: level -> that of the same utterances with it.
        backdrop, draws: what they got.
    """
    rows = [row for snr, evaluation in altered.items() for row in _rows(clean, evaluation, draws.kinds, snr)]
    skipped = tuple((path.name, reason) for path, reason in draws.skipped.items())
    return Conditions(
        what,
        clean.words,
        tuple(rows),
        backdrop,
        draws.seed,
        skipped,
        clean.interval_unit,
        len(draws.too_short),
    )


def _rows(
    clean: Evaluation, altered: Evaluation, kinds: Mapping[str, str], snr: float | None
) -> Iterator[Condition]:
    before = {utterance.id: utterance for utterance in clean.scored}
    pairs = [(before[utterance.id], utterance) for utterance in altered.scored]
    yield _condition(None, snr, pairs, clean)
    for kind in sorted({kinds[after.id] for _, after in pairs}):
        yield _condition(kind, snr, [pair for pair in pairs if kinds[pair[1].id] == kind], clean)


def _condition(
    kind: str | None, snr: float | None, pairs: Sequence[tuple[Utterance, Utterance]], clean: Evaluation
) -> Condition:
    speakers = [after.speaker for _, after in pairs]
    clusters = speakers if clean.interval_unit == "speaker" and len(set(speakers)) > 1 else None
    lengths = [after.words.reference for _, after in pairs]
    errors = [after.words.errors for _, after in pairs]
    more = [after.words.errors - before.words.errors for before, after in pairs]
    return Condition(
        kind=kind,
        snr=snr,
        utterances=len(pairs),
        words=sum((after.words for _, after in pairs), Counts()),
        characters=sum((after.characters for _, after in pairs), Counts()),
        clean=sum((before.words for before, _ in pairs), Counts()),
        clean_characters=sum((before.characters for before, _ in pairs), Counts()),
        interval=bootstrap_interval(errors, lengths, clusters, seed=clean.seed),
        difference_interval=bootstrap_interval(more, lengths, clusters, seed=clean.seed),
    )
