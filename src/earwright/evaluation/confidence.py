"""Words at their times, how sure the recognizer was of each, and how often it was right to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from earwright.evaluation.align import Pair, align
from earwright.text.normalize import normalize
from earwright.transcript import Word

BINS = 10  # of confidence, from 0 to 1


@dataclass(frozen=True)
class Placed:
    """A column of an alignment at its time.

    Attributes:
        pair: what was said and what was recognized.
        start, end: seconds; both the same where nothing was recognized: guessed, as if such words were spread
            evenly between the recognized ones around them.
        confidence: of the recognized word; None where there is none, or it is no single word of the
            transcript (a normalizer may make "21" of two).
    """

    pair: Pair
    start: float
    end: float
    confidence: float | None


@dataclass(frozen=True)
class ConfidenceBin:
    """The recognized words whose confidence lies from `low` up to `high` (in the last bin: also at it)."""

    low: float
    high: float
    words: int = 0
    correct: int = 0
    confidence: float = 0.0  # their mean

    @property
    def accuracy(self) -> float:
        """The share of them that is correct."""
        return self.correct / max(self.words, 1)


def place_pairs(
    pairs: Sequence[Pair], words: Sequence[Word], normalizer: str, duration: float | None = None
) -> tuple[Placed, ...]:
    """Give an alignment of normalized words the times and confidences of a transcript.

    Args:
        pairs: the alignment; its hypothesis is the transcript, normalized.
        words: of the transcript, as it was recognized.
        normalizer: that the transcript went through.
        duration: of the recording in seconds; None if it is not known, or does not matter.
    """
    recognized = [number for number, pair in enumerate(pairs) if pair.hypothesis]
    found = {
        recognized[place]: spot
        for place, spot in _matched([pairs[number].hypothesis for number in recognized], words, normalizer)
    }
    placed: list[Placed] = []
    now = 0.0
    for known, group in groupby(enumerate(pairs), key=lambda entry: entry[0] in found):
        row = list(group)
        if known:
            placed += [Placed(pair, *found[number]) for number, pair in row]
            now = placed[-1].end
        else:
            after = found[row[-1][0] + 1][0] if row[-1][0] + 1 in found else duration
            gap = 0.0 if after is None else max(after - now, 0.0) / (len(row) + 1)
            times = (now + gap * order for order in range(1, len(row) + 1))
            placed += [Placed(pair, time, time, None) for (_, pair), time in zip(row, times, strict=True)]
    return tuple(placed)


def confidence_bins(placed: Iterable[Placed]) -> list[ConfidenceBin]:
    """How often words of like confidence are correct; all bins from 0 to 1, the empty ones too."""
    sums = [[0, 0, 0.0] for _ in range(BINS)]
    for each in placed:
        if each.confidence is not None:
            entry = sums[min(int(each.confidence * BINS), BINS - 1)]
            entry[0] += 1
            entry[1] += each.pair.operation == "correct"
            entry[2] += each.confidence
    return [
        ConfidenceBin(
            number / BINS, (number + 1) / BINS, int(words), int(correct), total / words if words else 0.0
        )
        for number, (words, correct, total) in enumerate(sums)
    ]


def calibration_error(bins: Sequence[ConfidenceBin]) -> float:
    """The expected calibration error: how far confidence and share of correct words are apart, on average.

    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    words = sum(each.words for each in bins)
    apart = sum(each.words * abs(each.accuracy - each.confidence) for each in bins)
    return apart / words if words else 0.0


def _matched(
    hypothesis: Sequence[str], words: Sequence[Word], normalizer: str
) -> Iterator[tuple[int, tuple[float, float, float]]]:
    """For words of the hypothesis their place in it, and the start, end and confidence of what they are of.

    A word that the normalizer makes several of ("it's") shares its time among them.
    """
    parts = [(part, number) for number, word in enumerate(words) for part in _parts(word, normalizer)]
    spelled = [part for part, _ in parts]
    if spelled == list(hypothesis):
        same = [(place, place) for place in range(len(spelled))]
    else:  # a rule that looks at more than one word was at work
        same = list(_same(spelled, hypothesis))
    for number, group in groupby(same, key=lambda places: parts[places[0]][1]):
        places = [place for _, place in group]
        word = words[number]
        share = (word.end - word.start) / len(places)
        for order, place in enumerate(places):
            start = word.start + order * share
            yield place, (start, start + share, word.confidence)


def _parts(word: Word, normalizer: str) -> list[str]:
    return normalize(word.text, normalizer).split()


def _same(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places at which two lists of words agree."""
    one = two = 0
    for pair in align(first, second):
        if pair.operation == "correct":
            yield one, two
        one += pair.reference != ""
        two += pair.hypothesis != ""
