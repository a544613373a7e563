"""The text of a neural language model: read as for n-grams, in numbers, some of it held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm import END, START, UNKNOWN
from earwright.lm.documents import check_readable
from earwright.lm.ngrams import SPECIAL_WORDS
from earwright.lm.numbering import Ids, WordNumbers
from earwright.lm.spelling import Speller, token_vocabulary
from earwright.lm.storage import Array, Spool, Workspace
from earwright.lm.train import TrainOptions, TrainReport, check_options, read_texts, renumbered
from earwright.lm.wordlist import choose_vocabulary, read_vocabulary
from earwright.text import Tokenizer

# Of the text that is held out where no other is given, and at most so many tokens, at so many places.
HELD_OUT_SHARE, HELD_OUT_TOKENS, HELD_OUT_PLACES = 0.01, 40_000, 20
LEAST_AT_A_PLACE = 200

Ranges = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NumberedText:
    """A text in numbers.

    Attributes:
        ids: (n,) int32, END after each sentence; in memory or mapped.
        vocabulary: of them.
        counts: (V,) int64, of the whole text.
        ranges: (k, 2) int64, what of the ids to train on, from where to where.
        held_out: (m,) int32, whole sentences that are not among it.
        report: what was read.
    """

    ids: Array
    vocabulary: list[str]
    counts: npt.NDArray[np.int64]
    ranges: Ranges
    held_out: Ids
    report: TrainReport


def read_training_text(
    paths: Sequence[str],
    options: TrainOptions,
    workspace: Workspace,
    tokenizer: Tokenizer | None = None,
    dev: Sequence[str] = (),
    on_read: Callable[[int], None] = lambda size: None,
) -> NumberedText:
    """Read texts into numbers.

    Args:
        paths: the files; "-" is standard input.
        options: how to read them, and which words to take.
        workspace: where there is room; the text may lie in it.
        tokenizer: to train on its tokens; None: on words, the most frequent first.
        dev: texts to watch the training by; without any, some of the text is held out.
        on_read: told how many bytes more have been read.

    Raises:
        EarwrightError: a file will not do, or has no words.
    """
    check_options(options)
    check_readable([*paths, *dev])
    made = TrainReport()
    speller = Speller(tokenizer) if tokenizer else None
    given = read_vocabulary(options.vocabulary, options.normalizer) if options.vocabulary else None
    numbers = speller.numbers if speller else WordNumbers(given or SPECIAL_WORDS, growing=given is None)
    words = Spool(workspace, np.int32)
    word_counts = read_texts(paths, options, numbers, words, made, on_read)
    made.words, made.sentences = int(word_counts.sum() - word_counts[END]), int(word_counts[END])
    if not made.words:
        raise EarwrightError(f"{', '.join(paths[:3])}: there are no words to learn from.")
    made.distinct = int(np.count_nonzero(word_counts[len(SPECIAL_WORDS) :]))
    text = Spool(workspace, np.int32)
    if speller and tokenizer:
        vocabulary = token_vocabulary(tokenizer)
        chunks = _spelled(speller, renumbered(words, np.arange(len(numbers), dtype=np.int32)))
    else:
        # A given vocabulary, too, must be in the order of frequency.
        fewest = options.min_count if given is None else 0
        vocabulary, new_ids = choose_vocabulary(list(numbers), word_counts, options.max_words, fewest)
        chunks = renumbered(words, new_ids)
    counts = np.zeros(len(vocabulary), np.int64)
    for chunk in chunks:
        text.append(chunk)
        counts += np.bincount(chunk, minlength=len(vocabulary))
    words.release()
    made.vocabulary, made.unknown = len(vocabulary), int(counts[UNKNOWN])
    ids = text.array()
    if dev:
        ranges = np.array([[0, len(ids)]])
        held_out = _read_held_out(dev, options, workspace, vocabulary, speller)
    else:
        ranges, held_out = hold_out(ids)
    return NumberedText(ids, vocabulary, counts, ranges, held_out, made)


def _spelled(speller: Speller, chunks: Iterator[Ids]) -> Iterator[Ids]:
    begins = True
    for chunk in chunks:
        yield speller.spell(chunk, begins)[0]
        begins = bool(chunk[-1] == END)


def _read_held_out(
    paths: Sequence[str],
    options: TrainOptions,
    workspace: Workspace,
    vocabulary: Sequence[str],
    speller: Speller | None,
) -> Ids:
    numbers = speller.numbers if speller else WordNumbers(vocabulary, growing=False)
    spool = Spool(workspace, np.int32)
    read_texts(paths, replace(options, vocabulary=None), numbers, spool, TrainReport(), lambda size: None)
    words = spool.array()
    ids: Ids = speller.spell(words)[0] if speller else np.array(words)
    if not len(ids):
        raise EarwrightError(f"{', '.join(paths[:3])}: there are no words to watch the training by.")
    return ids[: _next_sentence(ids, HELD_OUT_TOKENS)] if len(ids) > HELD_OUT_TOKENS else ids


def hold_out(ids: Ids) -> tuple[Ranges, Ids]:
    """Take whole sentences out at many places of a text.

    Returns:
        (k, 2) the ranges that are left to train on, and the ids that were taken.
    """
    total = int(min(HELD_OUT_SHARE * len(ids), HELD_OUT_TOKENS))
    places = min(total // LEAST_AT_A_PLACE + 1, HELD_OUT_PLACES)
    size = total // places + 1
    ranges, taken, last = [], [], 0
    for place in range(1, places + 1):
        begin = _next_sentence(ids, max(place * len(ids) // (places + 1), last + 1))
        end = _next_sentence(ids, begin + size)
        if end < len(ids):  # a short text ends before all places are found
            ranges.append((last, begin))
            taken.append(ids[begin:end])
            last = end
    ranges.append((last, len(ids)))
    return np.array(ranges), np.concatenate([np.empty(0, np.int32), *taken])


def _next_sentence(ids: Ids, place: int) -> int:
    """Where the first sentence begins that does not begin before a place."""
    for begin in range(max(place - 1, 0), len(ids), 1 << 16):
        ends = np.flatnonzero(ids[begin : begin + (1 << 16)] == END)
        if len(ends):
            return begin + int(ends[0]) + 1
    return len(ids)


def plan_rows(ranges: Ranges, length: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Where the rows of one pass begin, in the order in which they are learnt from.

    Args:
        ranges: (k, 2) what may be used.
        length: tokens a row; at least one of the ranges is as long.
        seed, epoch: of the draw.
    """
    generator = np.random.default_rng([seed, epoch])
    rows = []
    for begin, end in ranges.tolist():
        if end - begin >= length:
            # Rows begin anywhere in a sentence, and elsewhere in each pass.
            shift = int(generator.integers(min(length, end - begin - length + 1)))
            rows.append(np.arange(begin + shift, end - length + 1, length))
    found: npt.NDArray[np.int64] = generator.permutation(np.concatenate(rows))
    return found


def read_rows(ids: Ids, begins: npt.NDArray[np.int64], length: int) -> tuple[Array, Array]:
    """Rows of a text and what stands before each token.

    Returns:
        (B, T) int64 the tokens before, START where a sentence begins; (B, T) int64 the tokens.
    """
    places = begins[:, None] + np.arange(-1, length)
    found = ids[np.maximum(places, 0)].astype(np.int64)
    before = np.where((found[:, :-1] == END) | (places[:, :-1] < 0), START, found[:, :-1])
    return before, found[:, 1:]


def pack_sentences(ids: Ids, length: int) -> tuple[Array, Array, Array]:
    """Rows of whole sentences, for a look at a text; a sentence longer than a row is cut.

    Returns:
        (B, T) the tokens before, (B, T) the tokens, and (B, T) bool, True where there is one.
    """
    rows: list[list[int]] = [[]]
    for sentence in np.split(ids, np.flatnonzero(ids == END) + 1):
        for begin in range(0, len(sentence), length):
            part = sentence[begin : begin + length].tolist()
            if len(rows[-1]) + len(part) > length:
                rows.append([])
            rows[-1] += part
    tokens = np.full((len(rows), length), END, np.int64)
    real = np.zeros((len(rows), length), bool)
    for number, row in enumerate(rows):
        tokens[number, : len(row)], real[number, : len(row)] = row, True
    before = np.concatenate([np.full((len(rows), 1), END), tokens[:, :-1]], axis=1)
    return np.where(before == END, START, before), tokens, real
