"""What key terms gain and what they cost: how many are heard, how many wrongly, and what the rest suffers.

Everything is counted in the alignment of a reference's and a hypothesis's words, both normalized, as the
words of the terms are. A term *is said* wherever its words stand one after the other in the reference, within
another term's, too. It *is found* there if each of those words is correct and nothing is inserted between
them. It is *put in* wherever its words stand one after the other in the hypothesis and it is not found. So
recall is found / said, and precision found / (found + put in).

*Everything else* is the words of the reference that belong to no term that is said. Wrong among them are
those that are substituted or deleted, and all insertions but those beside a term's word that is wrong itself
(a name heard as two words is the name's error, not its neighbour's). A term that is put in is an error there,
too. The *damage* is by how much the errors of everything else grow over those of the same search without
terms, relative to them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.decoding import BeamDecoder, Decoder, SearchOptions
from earwright.evaluation.align import Pair
from earwright.evaluation.bootstrap import bootstrap_interval
from earwright.evaluation.score import Evaluation
from earwright.text.normalize import normalize

DEFAULT = SearchOptions().keyterm_boost
BOOSTS = tuple(round(part * DEFAULT, 6) for part in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0))

Interval = tuple[float, float]
Longs = npt.NDArray[np.int64]
Phrase = tuple[str, ...]


@dataclass(frozen=True)
class KeytermCounts:
    """What came of the terms in one run.

    Attributes:
        said, found, put_in: (U, K) how often each of K terms was, in each of U utterances.
        words, errors: (U,) of everything else.
    """

    said: Longs
    found: Longs
    put_in: Longs
    words: Longs
    errors: Longs


@dataclass(frozen=True)
class BoostPoint:
    """The terms at one boost; rates and shares are fractions, intervals those of the bootstrap.

    Attributes:
        boost: for each character; 0: without the terms.
        said, found, put_in: how often terms were, all together.
        recall, precision: 0 where nothing was said, or found or put in.
        words, errors: of everything else.
        elsewhere: the error rate there.
        damage: by how much the errors there grow, relative to those without terms.
        wer: of all words.
    """

    boost: float
    said: int
    found: int
    put_in: int
    recall: float
    recall_interval: Interval
    precision: float
    words: int
    errors: int
    elsewhere: float
    elsewhere_interval: Interval
    damage: float
    damage_interval: Interval
    wer: float


@dataclass(frozen=True)
class TermRow:
    """One term: how often it was said, found without and with the boost in use, and put in with it."""

    term: str
    said: int
    found_without: int
    found: int
    put_in: int


@dataclass(frozen=True)
class KeytermCurve:
    """The terms over the boost.

    Attributes:
        boost: the one in use.
        points: one a boost, ascending; the first is without the terms.
        rows: of the terms that were said or put in, those said most often first.
        terms: how many are listed.
        interval_unit: what the bootstrap drew, "speaker" or "utterance".
    """

    boost: float
    points: tuple[BoostPoint, ...]
    rows: tuple[TermRow, ...]
    terms: int
    interval_unit: str

    @property
    def in_use(self) -> BoostPoint:
        """The point of the boost in use."""
        return next(point for point in self.points if point.boost == self.boost)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "boost": self.boost,
            "terms": self.terms,
            "terms_said": sum(row.said > 0 for row in self.rows),
            "interval_drawn": self.interval_unit,
            "curve": [
                {
                    name: list(value) if isinstance(value, tuple) else value
                    for name, value in vars(point).items()
                }
                for point in self.points
            ],
            "by_term": [dict(vars(row)) for row in self.rows],
        }


def boost_decoders(decoder: BeamDecoder, boosts: Sequence[float]) -> dict[float, Decoder]:
    """The same search with each boost, without the terms (0) and with the boost in use among them."""
    options = decoder.options or decoder.search.options
    wanted = sorted({0.0, options.keyterm_boost, *boosts})
    return {boost: replace(decoder, options=replace(options, keyterm_boost=boost)) for boost in wanted}


def count_keyterms(alignments: Sequence[Sequence[Pair]], terms: Sequence[Phrase]) -> KeytermCounts:
    """Count in aligned words.

    Args:
        alignments: of each utterance.
        terms: the words of each term, all different.
    """
    by_first: dict[str, list[int]] = {}
    for number, term in enumerate(terms):
        by_first.setdefault(term[0], []).append(number)
    counts = KeytermCounts(
        *(np.zeros((len(alignments), len(terms)), np.int64) for _ in range(3)),
        *(np.zeros(len(alignments), np.int64) for _ in range(2)),
    )
    for row, pairs in enumerate(alignments):
        correct = [pair.operation == "correct" for pair in pairs]
        of_term = [False] * len(pairs)
        for number, columns in _occurrences([pair.reference for pair in pairs], terms, by_first):
            counts.said[row, number] += 1
            for column in columns:
                of_term[column] = True
            counts.found[row, number] += _whole(columns) and all(correct[column] for column in columns)
        for number, columns in _occurrences([pair.hypothesis for pair in pairs], terms, by_first):
            counts.put_in[row, number] += not (_whole(columns) and all(correct[column] for column in columns))
        counts.words[row] = sum(
            bool(pair.reference) and not own for pair, own in zip(pairs, of_term, strict=True)
        )
        counts.errors[row] = sum(_wrong_elsewhere(pairs, of_term))
    return counts


def _occurrences(
    words: Sequence[str], terms: Sequence[Phrase], by_first: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, list[int]]]:
    """Each term that stands among the words of one side, with the columns of its words."""
    places = [column for column, word in enumerate(words) if word]
    for begin, column in enumerate(places):
        for number in by_first.get(words[column], ()):
            columns = places[begin : begin + len(terms[number])]
            if tuple(words[each] for each in columns) == terms[number]:
                yield number, columns


def _whole(columns: Sequence[int]) -> bool:
    """Whether nothing is inserted between the words."""
    return columns[-1] - columns[0] == len(columns) - 1


def _wrong_elsewhere(pairs: Sequence[Pair], of_term: Sequence[bool]) -> Iterator[bool]:
    """For each column whether it is an error of everything else."""
    for column, pair in enumerate(pairs):
        if pair.operation != "insertion":
            yield not of_term[column] and pair.operation != "correct"
            continue
        beside = []
        for step in (-1, 1):
            at = column + step
            while 0 <= at < len(pairs) and pairs[at].operation == "insertion":
                at += step
            if 0 <= at < len(pairs):
                beside.append(of_term[at] and pairs[at].operation != "correct")
        yield not any(beside)


def keyterm_curve(
    evaluations: Mapping[float, Evaluation], terms: Sequence[str], boost: float
) -> KeytermCurve:
    """What terms do at each boost.

    Args:
        evaluations: boost -> that of the search with it, of the same utterances; 0 and `boost` among them.
        terms: as they are listed; they go through the evaluations' normalizer.
        boost: the one in use.
    """
    normalizer = evaluations[boost].normalizer
    phrases = list(dict.fromkeys(tuple(normalize(term, normalizer).split()) for term in terms))
    phrases = [phrase for phrase in phrases if phrase]
    counts = {
        each: count_keyterms([one.pairs for one in evaluation.scored], phrases)
        for each, evaluation in evaluations.items()
    }
    speakers = [one.speaker for one in evaluations[boost].scored]
    by_speaker = evaluations[boost].interval_unit == "speaker"
    points = [
        _point(each, counts[each], counts[0.0], evaluations[each], speakers if by_speaker else None)
        for each in sorted(counts)
    ]
    said, found, put_in = (
        part.sum(axis=0) for part in (counts[boost].said, counts[boost].found, counts[boost].put_in)
    )
    without = counts[0.0].found.sum(axis=0)
    rows = [
        TermRow(" ".join(phrases[k]), int(said[k]), int(without[k]), int(found[k]), int(put_in[k]))
        for k in sorted(range(len(phrases)), key=lambda k: (-said[k], -put_in[k], phrases[k]))
        if said[k] or put_in[k]
    ]
    unit = evaluations[boost].interval_unit
    return KeytermCurve(boost, tuple(points), tuple(rows), len(phrases), unit)


def _point(
    boost: float,
    counts: KeytermCounts,
    without: KeytermCounts,
    evaluation: Evaluation,
    clusters: Sequence[Hashable] | None,
) -> BoostPoint:
    said, found, put_in = (part.sum(axis=1) for part in (counts.said, counts.found, counts.put_in))
    errors, words, before = int(counts.errors.sum()), int(counts.words.sum()), int(without.errors.sum())

    def interval(parts: Longs, of: Longs) -> Interval:
        return bootstrap_interval(parts, of, clusters, seed=evaluation.seed)

    return BoostPoint(
        boost=boost,
        said=int(said.sum()),
        found=int(found.sum()),
        put_in=int(put_in.sum()),
        recall=int(found.sum()) / max(int(said.sum()), 1),
        recall_interval=interval(found, said),
        precision=int(found.sum()) / max(int((found + put_in).sum()), 1),
        words=words,
        errors=errors,
        elsewhere=errors / max(words, 1),
        elsewhere_interval=interval(counts.errors, counts.words),
        damage=(errors - before) / max(before, 1),
        damage_interval=interval(counts.errors - without.errors, without.errors),
        wer=evaluation.wer,
    )
