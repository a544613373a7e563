"""Error rates of a set of utterances, with where the errors are."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from earwright.errors import EarwrightError
from earwright.evaluation.align import Counts, Operation, Pair, Weights, align, count, count_errors
from earwright.evaluation.bootstrap import DRAWS, LEVEL, bootstrap_interval
from earwright.evaluation.network import align_networks, into_characters, parse
from earwright.evaluation.trn import trn_speaker
from earwright.text.normalize import normalize

_Key = TypeVar("_Key", str, tuple[str, str])

# Seconds; utterances are grouped by the first bound that is not below their duration.
DURATION_BOUNDS = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0)

SCLITE_NORMALIZER = "sclite"  # the name printed for transcripts that are compared by sclite's own rules


@dataclass(frozen=True)
class Utterance:
    """One scored utterance.

    Attributes:
        id: of the utterance.
        reference, hypothesis: normalized texts.
        pairs: the alignment of the words.
        words, characters: counts of the alignments of words and of characters.
        speaker: who speaks, if known.
        duration: seconds, if known.
    """

    id: str
    reference: str
    hypothesis: str
    pairs: tuple[Pair, ...]
    words: Counts
    characters: Counts
    speaker: str | None = None
    duration: float | None = None


@dataclass(frozen=True)
class DurationGroup:
    """The utterances longer than `low` and at most `high` seconds (None: without end)."""

    low: float
    high: float | None
    utterances: int
    words: Counts


@dataclass(frozen=True)
class Evaluation:
    """What `score` found.

    Attributes:
        normalizer: the name of the normalizer that both texts went through.
        weights: the costs of the alignment, "unit" or "sclite".
        scored: the utterances, in the order given.
        words, characters: counts over all utterances.
        wer_interval, cer_interval: bootstrap intervals, as fractions.
        interval_unit: what the bootstrap drew, "speaker" or "utterance".
        seed: of the bootstrap.
    """

    normalizer: str
    weights: Weights
    scored: tuple[Utterance, ...]
    words: Counts
    characters: Counts
    wer_interval: tuple[float, float]
    cer_interval: tuple[float, float]
    interval_unit: str
    seed: int

    @property
    def utterances(self) -> int:
        """How many were scored."""
        return len(self.scored)

    @property
    def wer(self) -> float:
        """Word error rate, as a fraction."""
        return self.words.rate

    @property
    def cer(self) -> float:
        """Character error rate, as a fraction; spaces count, except with sclite's weights."""
        return self.characters.rate

    @property
    def speakers(self) -> int:
        """How many speakers are known."""
        return len({utterance.speaker for utterance in self.scored if utterance.speaker is not None})

    @property
    def wrong_utterances(self) -> int:
        """How many have at least one error."""
        return sum(utterance.words.errors > 0 for utterance in self.scored)

    def worst(self, limit: int = 10) -> list[Utterance]:
        """The utterances that stand out most, by errors times error rate: neither all short nor all long."""
        wrong = [utterance for utterance in self.scored if utterance.words.errors]
        return sorted(wrong, key=lambda each: -each.words.errors * each.words.rate)[:limit]

    def confused(self, limit: int | None = 10) -> list[tuple[str, str, int]]:
        """The most frequent substitutions: said, recognized, how often."""
        pairs = Counter((pair.reference, pair.hypothesis) for pair in self._pairs("substitution"))
        return [(said, recognized, number) for (said, recognized), number in _most(pairs, limit)]

    def deleted(self, limit: int | None = 10) -> list[tuple[str, int]]:
        """The words most often left out, and how often."""
        return _most(Counter(pair.reference for pair in self._pairs("deletion")), limit)

    def inserted(self, limit: int | None = 10) -> list[tuple[str, int]]:
        """The words most often put in, and how often."""
        return _most(Counter(pair.hypothesis for pair in self._pairs("insertion")), limit)

    def by_duration(self) -> list[DurationGroup]:
        """The counts of words of short and of long utterances; empty where durations are not known."""
        groups: dict[int, list[Utterance]] = {}
        for utterance in self.scored:
            if utterance.duration is not None:
                number = bisect_left(DURATION_BOUNDS, utterance.duration)
                groups.setdefault(number, []).append(utterance)
        bounds = (0.0, *DURATION_BOUNDS, None)
        return [
            DurationGroup(
                bounds[number] or 0.0, bounds[number + 1], len(members), _total(u.words for u in members)
            )
            for number, members in sorted(groups.items())
        ]

    def of(self, scored: Sequence[Utterance]) -> Evaluation:
        """The same of some of the utterances, with intervals of their own.

        Raises:
            EarwrightError: there are none.
        """
        return _evaluation(scored, self.normalizer, self.weights, self.seed)

    def summary(self) -> dict[str, Any]:
        """Rates (as fractions), intervals and counts, ready for JSON."""
        return {
            "utterances": self.utterances,
            "speakers": self.speakers,
            "normalizer": self.normalizer,
            "weights": self.weights,
            "wer": self.wer,
            "wer_interval": list(self.wer_interval),
            "cer": self.cer,
            "cer_interval": list(self.cer_interval),
            "interval": {"drawn": self.interval_unit, "draws": DRAWS, "level": LEVEL, "seed": self.seed},
            "words": _counts_dict(self.words),
            "characters": _counts_dict(self.characters),
            "wrong_utterances": self.wrong_utterances,
        }

    def to_dict(self, limit: int = 10) -> dict[str, Any]:
        """The summary and the details: worst utterances, confused words, error by duration."""
        return self.summary() | {
            "worst": [
                {"id": u.id, "wer": u.words.rate, "reference": u.reference, "hypothesis": u.hypothesis}
                for u in self.worst(limit)
            ],
            "confused": [
                {"said": said, "recognized": recognized, "count": number}
                for said, recognized, number in self.confused(limit)
            ],
            "deleted": [{"word": word, "count": number} for word, number in self.deleted(limit)],
            "inserted": [{"word": word, "count": number} for word, number in self.inserted(limit)],
            "by_duration": [
                {
                    "over": group.low,
                    "up_to": group.high,
                    "utterances": group.utterances,
                    "wer": group.words.rate,
                    "words": _counts_dict(group.words),
                }
                for group in self.by_duration()
            ],
        }

    def _pairs(self, operation: Operation) -> Iterator[Pair]:
        return (pair for each in self.scored for pair in each.pairs if pair.operation == operation)


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    normalizer: str = "basic",
    speakers: Sequence[str | None] | None = None,
    durations: Sequence[float] | None = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    weights: Weights = "unit",
) -> Evaluation:
    """Score hypotheses against references.

    An empty hypothesis is all deletions, an empty reference all insertions; where no reference has any words,
    the rate is the number of insertions (as in jiwer).

    Args:
        references: what was said, a text for each utterance.
        hypotheses: what was recognized.
        normalizer: "raw", "english" or "basic"; both texts go through it.
        speakers: of each utterance; the bootstrap draws speakers if two or more are known, else utterances.
        durations: seconds of each utterance.
        ids: names of the utterances; default "1", "2", ...
        seed: of the bootstrap.
        weights: "unit" (jiwer's counts) or "sclite" (NIST sclite's, with spaces left out of the characters).

    Raises:
        EarwrightError: no utterances, or lists of different lengths.
    """
    names = [str(number) for number in range(1, len(references) + 1)] if ids is None else list(ids)
    for what, given in (
        ("hypotheses", hypotheses),
        ("speakers", speakers),
        ("durations", durations),
        ("ids", names),
    ):
        if given is not None and len(given) != len(references):
            raise EarwrightError(
                f"{len(references)} references but {len(given)} {what}: give one for each utterance."
            )
    scored = []
    for number, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        said, recognized = normalize(reference, normalizer), normalize(hypothesis, normalizer)
        pairs = align(said.split(), recognized.split(), weights)
        texts = (
            (said, recognized) if weights == "unit" else (said.replace(" ", ""), recognized.replace(" ", ""))
        )
        scored.append(
            Utterance(
                id=names[number],
                reference=said,
                hypothesis=recognized,
                pairs=tuple(pairs),
                words=count(pairs),
                characters=count_errors(*texts, weights),
                speaker=speakers[number] if speakers is not None else None,
                duration=durations[number] if durations is not None else None,
            )
        )
    return _evaluation(scored, normalizer, weights, seed)


def score_marked(
    references: Mapping[str, str],
    hypotheses: Mapping[str, str],
    *,
    optional: bool = False,
    fragments: bool = False,
    case_sensitive: bool = False,
    drop_hyphens: bool = False,
    seed: int = 0,
) -> Evaluation:
    """Score transcripts with sclite's markup as sclite does: `{ a / b }`, and if asked `(word)` and `wo-`.

    Args:
        references: utterance id -> transcript, as `read_trn` gives them.
        hypotheses: the same; every one needs its reference.
        optional: sclite's -D, `(word)` may be left out.
        fragments: sclite's -F, `wo-` fits what begins like it.
        case_sensitive: sclite's -s; otherwise all letters are folded (sclite folds ASCII only).
        drop_hyphens: hyphens do not count as characters (sclite's -c DH).
        seed: of the bootstrap.

    Raises:
        EarwrightError: no utterances, or a hypothesis without a reference.
    """
    known = {_folded(name, case_sensitive): text for name, text in references.items()}
    scored = []
    for name, hypothesis in hypotheses.items():
        reference = known.get(_folded(name, case_sensitive))
        if reference is None:
            raise EarwrightError(f"utterance {name} has no reference; give references for all hypotheses.")
        texts = [_folded(text, case_sensitive) for text in (reference, hypothesis)]
        networks = [parse(text, optional=optional, fragments=fragments) for text in texts]
        pairs = align_networks(*networks)
        for network in networks:
            into_characters(network, drop_hyphens=drop_hyphens)
        scored.append(
            Utterance(
                id=name,
                reference=" ".join(pair.reference for pair in pairs if pair.reference),
                hypothesis=" ".join(pair.hypothesis for pair in pairs if pair.hypothesis),
                pairs=tuple(pairs),
                words=count(pairs),
                characters=count(align_networks(*networks)),
                speaker=trn_speaker(name),
            )
        )
    return _evaluation(scored, SCLITE_NORMALIZER, "sclite", seed)


def _folded(text: str, case_sensitive: bool) -> str:
    return text if case_sensitive else text.lower()


def _evaluation(scored: Sequence[Utterance], normalizer: str, weights: Weights, seed: int) -> Evaluation:
    if not scored:
        raise EarwrightError("there are no utterances to score; check that the set is not empty.")
    speakers = [utterance.speaker for utterance in scored]
    by_speaker = None not in speakers and len(set(speakers)) > 1
    clusters = speakers if by_speaker else None
    intervals = [
        bootstrap_interval([c.errors for c in counts], [c.reference for c in counts], clusters, seed=seed)
        for counts in ([u.words for u in scored], [u.characters for u in scored])
    ]
    return Evaluation(
        normalizer=normalizer,
        weights=weights,
        scored=tuple(scored),
        words=_total(utterance.words for utterance in scored),
        characters=_total(utterance.characters for utterance in scored),
        wer_interval=intervals[0],
        cer_interval=intervals[1],
        interval_unit="speaker" if by_speaker else "utterance",
        seed=seed,
    )


def _total(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())


def _counts_dict(counts: Counts) -> dict[str, int]:
    return asdict(counts) | {"reference": counts.reference}


def _most(counter: Counter[_Key], limit: int | None) -> list[tuple[_Key, int]]:
    """The most frequent, equals in the order of the alphabet."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:limit]
