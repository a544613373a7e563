"""From files of text to an n-gram model: the whole way on one screen."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from earwright.errors import EarwrightError
from earwright.lm.documents import ReadingNotes, check_readable, read_document
from earwright.lm.estimate import check_order, check_prune, estimate_from_chunks
from earwright.lm.ngrams import END, SPECIAL_WORDS, UNKNOWN, NgramModel
from earwright.lm.numbering import Ids, Numberer, WordNumbers
from earwright.lm.sentences import laid_out
from earwright.lm.spelling import Speller, token_vocabulary
from earwright.lm.storage import Spool, Workspace
from earwright.lm.wordlist import choose_vocabulary, read_vocabulary
from earwright.text import Tokenizer


@dataclass(frozen=True)
class TrainOptions:
    """What kind of model, of what text.

    Attributes:
        order: of the longest n-grams.
        normalizer: that the text goes through, kept in the model.
        layout: one of `sentences.LAYOUTS`; "auto" finds it out for each file.
        encoding: of the files; None takes UTF-8, and UTF-16 with a mark.
        vocabulary: a file with one word a line; None takes the words of the text.
        max_words: the most frequent words of the text, so many; None: all.
        min_count: words that are said less often become <unk>.
        prune: of each order, how often an n-gram may have been said to be left out.
        prune_entropy: n-grams whose loss raises the perplexity by a smaller share are left out.
        jobs: processes for normalizers that need whole sentences; None takes one for each core.
    """

    order: int = 3
    normalizer: str = "basic"
    layout: str = "auto"
    encoding: str | None = None
    vocabulary: str | None = None
    max_words: int | None = None
    min_count: int = 1
    prune: tuple[int, ...] = ()
    prune_entropy: float = 0.0
    jobs: int | None = None


@dataclass
class TrainReport:
    """What a model was made of.

    Attributes:
        words, sentences: of the text.
        distinct: different words of the text; with a vocabulary from a file, those of it that were found.
        vocabulary: words of the model, the three special ones among them.
        unknown: words of the text that became <unk>, or tokens where those are foretold.
        ngrams: n-grams of each order in the model.
        discounts: of each order.
        layouts: layout -> files.
        notes: what was odd -> how often.
        seconds: for each part of the work.
        spilled_bytes: what went to temporary files.
        peak_memory_bytes: of the process, None where the system does not tell.
    """

    words: int = 0
    sentences: int = 0
    distinct: int = 0
    vocabulary: int = 0
    unknown: int = 0
    ngrams: tuple[int, ...] = ()
    discounts: dict[str, str] = field(default_factory=dict)
    layouts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    spilled_bytes: int = 0
    peak_memory_bytes: int | None = None

    @property
    def unknown_share(self) -> float:
        """Of the words of the text."""
        return self.unknown / max(self.words, 1)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "unknown_share": self.unknown_share}


def train(
    paths: Sequence[str],
    options: TrainOptions,
    workspace: Workspace,
    report: Callable[[str, int], None] = lambda doing, size: None,
    tokenizer: Tokenizer | None = None,
) -> tuple[NgramModel, TrainReport]:
    """Estimate a model from files of text.

    Args:
        paths: the files; "-" is standard input.
        options: what kind of model.
        workspace: memory and temporary files; the model may lie in them.
        report: told what is being done, and how many bytes more of the files have been read.
        tokenizer: of a recognizer, whose tokens are to be foretold instead of words.

    Raises:
        EarwrightError: a file, the vocabulary or an option will not do, or a disk is full.
    """
    made = TrainReport()
    prune = check_options(options)
    given = read_vocabulary(options.vocabulary, options.normalizer) if options.vocabulary else None
    check_readable(list(paths))
    speller = Speller(tokenizer) if tokenizer else None
    numbers = speller.numbers if speller else WordNumbers(given or SPECIAL_WORDS, growing=given is None)
    with _Stopwatch(made.seconds, "read"):
        text = Spool(workspace, np.int32)
        counts = read_texts(paths, options, numbers, text, made, lambda size: report("reading", size))
    made.words = int(counts.sum() - counts[END])
    made.sentences = int(counts[END])
    made.distinct = int(np.count_nonzero(counts[len(SPECIAL_WORDS) :]))
    if made.words == 0:
        raise EarwrightError(f"{', '.join(paths[:3])}: there are no words to learn from.")
    if speller:
        vocabulary, chunks = token_vocabulary(speller.tokenizer), spelled(text, speller, made)
    else:
        vocabulary, new_ids = (
            choose_vocabulary(list(numbers), counts, options.max_words, options.min_count)
            if given is None
            else (given, np.arange(len(given), dtype=np.int32))
        )
        made.unknown = int(counts[new_ids == UNKNOWN].sum())
        chunks = renumbered(text, new_ids)
    del numbers
    made.vocabulary = len(vocabulary)
    report("counting", 0)
    with _Stopwatch(made.seconds, "estimate"):
        model = estimate_from_chunks(
            chunks, options.order, vocabulary, prune=prune, prune_entropy=options.prune_entropy,
            normalizer=options.normalizer, unit="token" if speller else "word", workspace=workspace,
        )  # fmt: skip
    text.release()
    made.ngrams = model.counts
    made.discounts = {key: value for key, value in model.notes.items() if key.startswith("discounts")}
    made.spilled_bytes = workspace.spilled
    made.peak_memory_bytes = peak_memory()
    facts = {"words": str(made.words), "sentences": str(made.sentences), "unknown": str(made.unknown)}
    return replace(model, notes={**facts, **model.notes}), made


def check_options(options: TrainOptions) -> list[int]:
    """What to prune of each order, if the options will do.

    Raises:
        EarwrightError: they will not.
    """
    for name, number in (("max-words", options.max_words), ("min-count", options.min_count)):
        if number is not None and number < 1:
            raise EarwrightError(f"--{name} is {number}; it must be 1 or more.")
    if not options.prune_entropy >= 0:
        raise EarwrightError(f"--prune-entropy is {options.prune_entropy}; it must be above 0, such as 1e-8.")
    return check_prune(options.prune, check_order(options.order))


def read_texts(
    paths: Sequence[str],
    options: TrainOptions,
    numbers: WordNumbers,
    text: Spool,
    made: TrainReport,
    on_read: Callable[[int], None],
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Put the ids of all files into `text`, and count them.

    Args:
        paths: the files; "-" is standard input.
        options: how to read them.
        numbers: of the words.
        text: gets the ids, END after each sentence.
        made: gets layouts and notes.
        on_read: told how many bytes more have been read.

    Returns:
        (words,) int64, how often each was said.

    Raises:
        EarwrightError: a file is no text.
    """
    notes = ReadingNotes()
    counts = np.zeros(len(numbers), np.int64)
    with Numberer(numbers, options.normalizer, notes, options.jobs) as numberer:
        for path in paths:
            layout, pieces = laid_out(read_document(path, options.encoding, notes, on_read), options.layout)
            made.layouts[layout] = made.layouts.get(layout, 0) + 1
            for ids in numberer.number(pieces, layout):
                text.append(ids)
                found = np.bincount(ids, minlength=len(counts))
                found[: len(counts)] += counts
                counts = found
    made.notes = notes.counts
    return np.concatenate([counts, np.zeros(len(numbers) - len(counts), np.int64)])


def renumbered(text: Spool, new_ids: Ids, size: int = 1 << 22) -> Iterator[Ids]:
    """The ids of a text after its words got others, `size` at a time."""
    ids = text.array()
    for begin in range(0, len(ids), size):
        yield new_ids[ids[begin : begin + size]]


class _Stopwatch:
    """Notes how long a part of the work took."""

    def __init__(self, seconds: dict[str, float], part: str) -> None:
        self._seconds, self._part = seconds, part

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *details: object) -> None:
        self._seconds[self._part] = round(time.perf_counter() - self._began, 3)


def peak_memory() -> int | None:
    """Bytes that this process has had at once, mapped files among them; None where nobody tells."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def spelled(text: Spool, speller: Speller, made: TrainReport, size: int = 1 << 20) -> Iterator[Ids]:
    """The tokens of a text, `size` words at a time; `made` is told how many are unknown."""
    words = text.array()
    for begin in range(0, len(words), size):
        begins = begin == 0 or bool(words[begin - 1] == END)
        tokens, _ = speller.spell(np.asarray(words[begin : begin + size]), begins)
        made.unknown += int(np.count_nonzero(tokens == UNKNOWN))
        yield tokens
