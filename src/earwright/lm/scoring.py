"""How well a model foretells texts: log10 of each sentence, and perplexities of whole files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.documents import ReadingNotes, check_readable, read_document
from earwright.lm.ngrams import END, UNKNOWN
from earwright.lm.numbering import Numberer
from earwright.lm.query import Scores
from earwright.lm.scored_text import Model, TextScorer, text_scorer
from earwright.lm.sentences import laid_out
from earwright.text import normalize


@dataclass(frozen=True)
class SentenceScore:
    """One line of text and what a model says to it.

    Attributes:
        words: after the model's normalizer.
        scores: of the words and, as the last, of </s>.
    """

    words: tuple[str, ...]
    scores: Scores

    @property
    def log_prob(self) -> float:
        """log10 of the sentence with its end."""
        return float(self.scores.log_probs.sum(dtype=np.float64))

    @property
    def unknown(self) -> int:
        """Words outside the vocabulary."""
        return int(self.scores.unknown.sum())

    def to_dict(self, *, words: bool = False) -> dict[str, Any]:
        """Ready for JSON; `words` adds what each word got."""
        table: dict[str, Any] = {
            "text": " ".join(self.words),
            "log10": round(self.log_prob, 6),
            "words": len(self.words),
            "oov": self.unknown,
        }
        if words:
            table["each"] = [
                {
                    "word": word,
                    "log10": round(float(self.scores.log_probs[place]), 6),
                    "backoff": round(float(self.scores.backoffs[place]), 6),
                    "order": int(self.scores.matched[place]),
                    "oov": bool(self.scores.unknown[place]),
                }
                for place, word in enumerate((*self.words, "</s>"))
            ]
        return table


def score_lines(model: Model | TextScorer, path: str, encoding: str | None = None) -> Iterator[SentenceScore]:
    """Score a file in which each line is a sentence.

    Args:
        model: of either kind, or what scores texts by it; the lines go through its normalizer.
        path: the file, also gzipped; "-" is standard input.
        encoding: as for `read_document`.

    Yields:
        One for each line, in their order; an empty line is a sentence without words.

    Raises:
        EarwrightError: as `read_document`.
    """
    check_readable([path])
    scorer = text_scorer(model)
    for line in _lines(read_document(path, encoding)):
        words = tuple(normalize(line, scorer.normalizer).split())
        yield SentenceScore(words, scorer.sentence(words))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces, which may end within a line."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from lines
    if rest:
        yield rest


@dataclass
class Perplexity:
    """The figures of a text, as they add up.

    Attributes:
        name: of the text.
        words: without sentence ends.
        sentences: each has one sentence end, which is foretold too.
        unknown: words outside the vocabulary.
        log_prob: log10 of all words and sentence ends.
        log_prob_unknown: the part of the unknown words in that.
        matched: how many words and sentence ends were found as an n-gram of order 1, 2 and so on.
        tokens: that spell the words, sentence ends among them; 0 in a model of words.
    """

    name: str
    words: int = 0
    sentences: int = 0
    unknown: int = 0
    log_prob: float = 0.0
    log_prob_unknown: float = 0.0
    matched: tuple[int, ...] = ()
    tokens: int = 0

    @property
    def with_unknown(self) -> float:
        """Perplexity of all words and sentence ends: KenLM's "including OOVs"."""
        return _perplexity(self.log_prob, self.words + self.sentences)

    @property
    def without_unknown(self) -> float:
        """The same where unknown words do not count: KenLM's "excluding OOVs", SRILM's ppl."""
        known = self.log_prob - self.log_prob_unknown
        return _perplexity(known, self.words + self.sentences - self.unknown)

    @property
    def without_ends(self) -> float:
        """The last, spread over the known words alone: SRILM's ppl1."""
        return _perplexity(self.log_prob - self.log_prob_unknown, self.words - self.unknown)

    @property
    def of_tokens(self) -> float:
        """Perplexity a token, where words are spelled in tokens; the others are a word."""
        return _perplexity(self.log_prob, self.tokens)

    def add(self, ids: npt.NDArray[np.int64], scores: Scores, order: int) -> None:
        """Count words that were scored."""
        unknown = ids == UNKNOWN
        ends = int((ids == END).sum())
        self.sentences += ends
        self.words += len(ids) - ends
        self.unknown += int(unknown.sum())
        self.log_prob += float(scores.log_probs.sum(dtype=np.float64))
        self.log_prob_unknown += float(scores.log_probs[unknown].sum(dtype=np.float64))
        found = np.bincount(scores.matched, minlength=order + 1)[1:]
        self.matched = tuple((found + (self.matched or np.zeros(order, np.int64))).tolist())

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        tokens = {"tokens": self.tokens, "perplexity_of_tokens": _rounded(self.of_tokens)}
        return {
            "name": self.name,
            "words": self.words,
            "sentences": self.sentences,
            "oov": self.unknown,
            "log10": round(self.log_prob, 4),
            "perplexity": _rounded(self.with_unknown),
            "perplexity_without_oov": _rounded(self.without_unknown),
            "perplexity_without_oov_and_ends": _rounded(self.without_ends),
            "matched": list(self.matched),
            **(tokens if self.tokens else {}),
        }


def _perplexity(log_prob: float, count: int) -> float:
    return float(10.0 ** min(-log_prob / count, 300.0)) if count else float("nan")


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)


def total(parts: Iterable[Perplexity]) -> Perplexity:
    """The figures of several texts together."""
    sum_of = Perplexity("all")
    for part in parts:
        sum_of.words += part.words
        sum_of.sentences += part.sentences
        sum_of.unknown += part.unknown
        sum_of.log_prob += part.log_prob
        sum_of.log_prob_unknown += part.log_prob_unknown
        sum_of.tokens += part.tokens
        matched = zip(part.matched, sum_of.matched or (0,) * len(part.matched), strict=True)
        sum_of.matched = tuple(a + b for a, b in matched) or sum_of.matched
    return sum_of


def measure(
    model: Model | TextScorer,
    paths: Iterable[str],
    *,
    layout: str = "auto",
    encoding: str | None = None,
    notes: ReadingNotes | None = None,
    on_read: Callable[[int], None] = lambda size: None,
) -> Iterator[Perplexity]:
    """Perplexities of texts, which are read and normalized as for training.

    Args:
        model: of either kind, or what scores texts by it; the texts go through its normalizer.
        paths: files, also gzipped; "-" is standard input.
        layout: what a line of the files is, one of `sentences.LAYOUTS`; "auto" finds it out for each file.
        encoding: as for `read_document`.
        notes: told what was odd.
        on_read: told how many bytes more have been read.

    Yields:
        One for each file.

    Raises:
        EarwrightError: a file is missing, is no text, or has no words.
    """
    paths = list(paths)
    check_readable(paths)
    notes = notes or ReadingNotes()
    scorer = text_scorer(model)
    with Numberer(scorer.numbers, scorer.normalizer, notes) as numberer:
        for path in paths:
            layout_found, pieces = laid_out(read_document(path, encoding, notes, on_read), layout)
            found = Perplexity(path)
            for part in scorer.scored(numberer.number(pieces, layout_found)):
                found.add(part.ids, part.scores, scorer.order)
                found.tokens += part.tokens
            if not found.words:
                raise EarwrightError(f"{path}: there are no words in it to measure a model by.")
            yield found
