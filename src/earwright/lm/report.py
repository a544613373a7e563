"""What a text has that a model lacks, and where the model is surprised most."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.documents import ReadingNotes, check_readable, read_document
from earwright.lm.ngrams import END, SPECIAL_WORDS, UNKNOWN
from earwright.lm.numbering import Numberer, WordNumbers
from earwright.lm.scored_text import Model, TextScorer, text_scorer, whole_sentences
from earwright.lm.scoring import Perplexity
from earwright.lm.sentences import laid_out

# The perplexity of a shorter sentence ("Oho!") says more of its one word than of the sentence.
FEWEST_WORDS = 4


@dataclass(frozen=True, order=True)
class Surprise:
    """A sentence that a model did not expect.

    Attributes:
        perplexity: a word, the sentence's end and unknown words among them.
        name: of the text.
        sentence: as the model's normalizer leaves it.
        unknown: how many of its words the model lacks.
    """

    perplexity: float
    name: str
    sentence: str
    unknown: int


@dataclass
class TextReport:
    """Of some texts: perplexities, the words, and the worst sentences.

    Attributes:
        texts: one for each, in order.
        words: word -> how often it is said.
        unknown: the words that the model lacks -> how often; the most frequent first.
        worst: sentences by their perplexity, the highest first.
    """

    texts: list[Perplexity] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    worst: list[Surprise] = field(default_factory=list)

    def lacking(self, has: Callable[[str], bool]) -> dict[str, int]:
        """The words that something else lacks -> how often they are said, the most frequent first."""
        return _by_count((word, count) for word, count in self.words.items() if not has(word))


def report_on(
    model: Model | TextScorer,
    paths: Sequence[str],
    *,
    worst: int = 10,
    layout: str = "auto",
    encoding: str | None = None,
    notes: ReadingNotes | None = None,
    on_read: Callable[[int], None] = lambda size: None,
) -> TextReport:
    """Read texts once, and say what a model makes of them.

    Args:
        model: of any kind; the texts go through its normalizer.
        paths: files, also gzipped; "-" is standard input.
        worst: how many sentences to keep.
        layout, encoding, notes, on_read: as for `scoring.measure`.

    Raises:
        EarwrightError: a file is missing, is no text, or has no words.
    """
    check_readable(list(paths))
    notes = notes or ReadingNotes()
    scorer = text_scorer(model)
    words = WordNumbers(growing=True)
    counts = np.zeros(0, np.int64)
    known = np.arange(len(SPECIAL_WORDS))  # our number of a word -> the model's
    report = TextReport()
    heap: list[Surprise] = []
    with Numberer(words, scorer.normalizer, notes) as numberer:
        for path in paths:
            found = Perplexity(path)
            found_layout, pieces = laid_out(read_document(path, encoding, notes, on_read), layout)
            for ids in whole_sentences(numberer.number(pieces, found_layout)):
                new = itertools.islice(words, len(known), None)
                known = np.append(known, [scorer.numbers[word] for word in new]).astype(np.int64)
                counts = _added(counts, ids, len(words))
                log_probs = _score(scorer, known[ids], found)
                _keep_worst(heap, worst, path, ids, log_probs, known, list(words))
            if not found.words:
                raise EarwrightError(f"{path}: there are no words in it to report on.")
            report.texts.append(found)
    said = [(word, int(counts[number])) for number, word in enumerate(words)][len(SPECIAL_WORDS) :]
    report.words = _by_count(said)
    report.unknown = report.lacking(lambda word: bool(known[words[word]] != UNKNOWN))
    report.worst = sorted(heap, reverse=True)
    return report


def _score(scorer: TextScorer, ids: npt.NDArray[np.int64], found: Perplexity) -> npt.NDArray[np.float64]:
    """The log10 of each word and sentence end, which are counted on the way."""
    parts = []
    for part in scorer.scored([ids.astype(np.int32)]):
        found.add(part.ids, part.scores, scorer.order)
        found.tokens += part.tokens
        parts.append(part.scores.log_probs.astype(np.float64))
    return np.concatenate(parts)


def _keep_worst(
    heap: list[Surprise],
    most: int,
    path: str,
    ids: npt.NDArray[np.int64],
    log_probs: npt.NDArray[np.float64],
    known: npt.NDArray[np.int64],
    names: Sequence[str],
) -> None:
    ends = np.flatnonzero(ids == END) + 1
    begins = np.concatenate([[0], ends[:-1]])
    lengths = ends - begins
    if not len(ends) or not most:
        return
    perplexities = 10.0 ** np.minimum(-np.add.reduceat(log_probs, begins) / lengths, 300.0)
    perplexities[lengths <= FEWEST_WORDS] = 0.0  # the end counts as one
    for place in np.argsort(-perplexities)[:most].tolist():
        perplexity = float(perplexities[place])
        if not perplexity or (len(heap) == most and perplexity <= heap[0].perplexity):
            return
        said = ids[begins[place] : ends[place] - 1]
        sentence = " ".join(names[number] for number in said.tolist())
        surprise = Surprise(perplexity, path, sentence, int((known[said] == UNKNOWN).sum()))
        (heapq.heappushpop if len(heap) == most else heapq.heappush)(heap, surprise)


def _added(counts: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    more = np.bincount(ids, minlength=size)
    more[: len(counts)] += counts
    return more


def _by_count(words: Iterable[tuple[str, int]]) -> dict[str, int]:
    return dict(sorted(words, key=lambda item: (-item[1], item[0])))


def share(lacking: dict[str, int], words: dict[str, int]) -> dict[str, Any]:
    """How much of what is said is lacking: "words", "different", and "share" of all that is said."""
    said = sum(lacking.values())
    return {"words": said, "different": len(lacking), "share": said / max(1, sum(words.values()))}
