"""ARPA files: n-gram models as text, in the dialects of SRILM, KenLM, IRSTLM, MITLM and Sphinx.

    \\data\\
    ngram 1=37
    ngram 2=47

    \\1-grams:
    -1.139057<TAB>.<TAB>-0.845098        log10 P(word), word, log10 of the back-off
    ...
    \\2-grams:
    -0.4771212<TAB>looking on
    ...
    \\end\\

Tolerated: blanks for tabs, blank lines and blanks at line ends, CRLF, a byte order mark, anything before
\\data\\ and after \\end\\, capitals in section names, `<UNK>`, a back-off that is missing (0) or stands at
the highest order (never used), -inf, n-grams in any order, n-grams without their suffix or prefix, and files
without <unk>, <s> or </s>. In the way of KenLM, <unk> then gets log10 -100.

What we write begins with a comment that keeps the normalizer, the unit and the notes. The readers named above
skip it.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import re
import zlib
from array import array
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_write
from earwright.lm.ngrams import END, NEVER, SPECIAL_WORDS, START, UNKNOWN, NgramModel
from earwright.lm.rows import Rows, build_levels

MAX_ORDER = 20
# Where <unk> is missing; KenLM's default (lm/config.cc, unknown_missing_logprob).
MISSING_UNKNOWN = -100.0
_LONGEST_LINE = 1 << 16
_COMMENT = b"# earwright "
_COUNT = re.compile(rb"ngram\s+(\d{1,3})\s*=\s*(\d{1,15})", re.IGNORECASE)
_SECTION = re.compile(rb"\\(\d{1,3})-grams:", re.IGNORECASE)
# Lines that are written at once.
_BLOCK = 1 << 16


def read_arpa(path: str | os.PathLike[str]) -> NgramModel:
    """Read an ARPA file.

    Args:
        path: the file, also gzipped (whatever its name).

    Returns:
        The model. N-grams that others lack (the prefix of one that is there) are filled in with the
        probability that backing off gives them, which changes no score.

    Raises:
        EarwrightError: there is no such file, or it is no well-formed ARPA file in UTF-8; with the line.
    """
    place = Path(path)
    try:
        with _open(place) as file:
            return _Reader(place, file).read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise EarwrightError(f"{place}: damaged gzip file ({first_line(error)}); fetch it again.") from error
    except FileNotFoundError as error:
        raise EarwrightError(f"{place}: there is no such file.") from error
    except OSError as error:
        raise EarwrightError(f"{place}: {error.strerror or error}.") from error


def _open(path: Path) -> IO[bytes]:
    file = path.open("rb")
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return io.BufferedReader(gzip.open(path), 1 << 20)
    file.seek(0)
    return file


class _Reader:
    """One pass over the lines of a file."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self.number = 0
        self._lines = iter(partial(file.readline, _LONGEST_LINE), b"")
        self.ids: dict[bytes, int] = {}
        self.vocabulary = list(SPECIAL_WORDS)
        self.described: dict[str, object] = {}

    def fail(self, problem: str, line: int | None = None) -> NoReturn:
        """Raise with file and line."""
        raise EarwrightError(f"{self.path}, line {self.number if line is None else line}: {problem}.")

    def lines(self) -> Iterator[bytes]:
        """The lines that are not blank, without what surrounds them."""
        for line in self._lines:
            self.number += 1
            if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                self.fail(f"longer than {_LONGEST_LINE:,} bytes, so this is no ARPA file")
            if stripped := line.strip():
                yield stripped

    def read(self) -> NgramModel:
        lines = self.lines()
        self._find_data(lines)
        counts, line = self._read_counts(lines)
        orders: list[Rows] = []
        for order, count in enumerate(counts, 1):
            section = _SECTION.fullmatch(line)
            if section is None or int(section[1]) != order:
                self.fail(f"expected \\{order}-grams:, found {_shown(line)}")
            rows, line = self._read_section(lines, order, count, order == len(counts))
            orders.append(rows)
        if line.lower() != b"\\end\\":
            self.fail(f"expected \\end\\, found {_shown(line)}")
        levels = build_levels(orders, len(self.vocabulary), self._fail_twice)
        notes = self.described.get("notes")
        return NgramModel(
            self.vocabulary,
            levels,
            str(self.described.get("normalizer", "none")),
            str(self.described.get("unit", "word")),
            {str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {},
        )

    def _find_data(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            if line.removeprefix(b"\xef\xbb\xbf").lower() == b"\\data\\":
                return
            if line.startswith(_COMMENT):
                try:
                    described = json.loads(line[len(_COMMENT) :])
                except (ValueError, RecursionError):
                    self.fail("what follows '# earwright' is not JSON; take the line out")
                self.described = described if isinstance(described, dict) else {}
            elif b"\0" in line:
                self.fail("holds zero bytes, so this is no ARPA file in UTF-8; convert it")
        raise EarwrightError(f"{self.path}: no line is \\data\\, so this is no ARPA file.")

    def _read_counts(self, lines: Iterator[bytes]) -> tuple[list[int], bytes]:
        """The counts of the header, and the line after it."""
        counts: list[int] = []
        for line in lines:
            match = _COUNT.fullmatch(line)
            if match is None:
                break
            if int(match[1]) != len(counts) + 1:
                self.fail(
                    f"expected the count of {len(counts) + 1}-grams, found that of {int(match[1])}-grams"
                )
            counts.append(int(match[2]))
        else:
            self._fail_truncated("its counts")
        if not counts or len(counts) > MAX_ORDER:
            self.fail(f"after \\data\\ come 1 to {MAX_ORDER} lines as 'ngram 1=37', found {_shown(line)}")
        return counts, line

    def _read_section(
        self, lines: Iterator[bytes], order: int, count: int, highest: bool
    ) -> tuple[Rows, bytes]:
        """The n-grams of one order, and the line after them."""
        add = self._add_word if order == 1 else partial(self._add_ngram, order)
        ids, log_probs, backoffs, numbers = array("i"), array("f"), array("f"), array("q")
        begin = self.number
        with_backoff, without = order + 2, order + 1
        for line in lines:
            fields = line.split()
            if len(fields) == with_backoff:
                try:
                    log_prob, backoff = float(fields[0]), float(fields[-1])
                except ValueError:
                    self._fail_number(fields)
                del fields[-1]
            elif len(fields) == without:
                try:
                    log_prob, backoff = float(fields[0]), 0.0
                except ValueError:
                    self._fail_number(fields[:1])
            elif line.startswith(b"\\"):
                break
            else:
                self.fail(
                    f"a {order}-gram has a log10 probability, {order} word{'s' * (order > 1)} and perhaps "
                    f"a back-off, found {len(fields)} fields"
                )
            if not (-math.inf <= log_prob <= 0.0 and abs(backoff) < math.inf):
                log_prob, backoff = self._judge(log_prob, backoff)
            add(fields, ids)
            # SRILM writes -inf as -99; KenLM reads -inf.
            log_probs.append(max(log_prob, NEVER) if log_prob == -math.inf else log_prob)
            backoffs.append(0.0 if highest else backoff)
            numbers.append(self.number)
            if len(numbers) > count:
                self.fail(f"more {order}-grams than the {count:,} that the header says")
        else:
            self._fail_truncated(f"its {order}-grams")
        if len(numbers) != count:
            self.fail(
                f"the {order}-grams from line {begin} on are {len(numbers):,}, and the header says {count:,}"
            )
        rows = Rows(
            np.array(ids, np.int32).reshape(-1, order),
            np.array(log_probs, np.float32),
            np.array(backoffs, np.float32),
            np.array(numbers, np.int64),
        )
        return (self._with_specials(rows) if order == 1 else rows), line

    def _judge(self, log_prob: float, backoff: float) -> tuple[float, float]:
        """What to do with numbers that are none, or too large."""
        if backoff == -math.inf:
            backoff = NEVER
        if log_prob > 0:
            self.fail(f"the log10 probability {log_prob:g} is above 0")
        if not abs(backoff) < math.inf or math.isnan(log_prob):
            self.fail(f"{'the back-off' if log_prob <= 0 else 'the log10 probability'} is not a number")
        return log_prob, backoff

    def _add_word(self, fields: list[bytes], ids: array[int]) -> None:
        word = fields[1]
        if word in self.ids:
            self.fail(f"the word {_shown(word)} is in the unigrams twice")
        try:
            text = word.decode("utf-8")
        except UnicodeDecodeError:
            self.fail(f"the word {_shown(word)} is not in UTF-8; convert the file (as by iconv -t UTF-8)")
        if text == "<UNK>":
            text = SPECIAL_WORDS[UNKNOWN]
        if text in SPECIAL_WORDS:
            number = SPECIAL_WORDS.index(text)
            if number == UNKNOWN and UNKNOWN in ids:
                self.fail("<unk> and <UNK> are both in the unigrams; take one out")
        else:
            number = len(self.vocabulary)
            self.vocabulary.append(text)
        self.ids[word] = number
        ids.append(number)

    def _add_ngram(self, order: int, fields: list[bytes], ids: array[int]) -> None:
        known = self.ids
        try:
            ids.extend([known[word] for word in fields[1:]])
        except KeyError as error:
            self.fail(f"the word {_shown(error.args[0])} is not in the unigrams")

    def _with_specials(self, rows: Rows) -> Rows:
        """The unigrams with those of the three special words that the file lacks."""
        present = set(rows.ids[:, 0].tolist()) & {UNKNOWN, START, END}
        lacking = [number for number in (UNKNOWN, START, END) if number not in present]
        unknown = (
            float(rows.log_probs[rows.ids[:, 0] == UNKNOWN][0]) if UNKNOWN in present else MISSING_UNKNOWN
        )
        # A sentence end that the model does not know is a word that it does not know, as to KenLM.
        defaults = {UNKNOWN: unknown, START: NEVER, END: unknown}
        self.ids.setdefault(b"<unk>", UNKNOWN)
        for number in lacking:
            self.ids[SPECIAL_WORDS[number].encode()] = number
        return Rows(
            np.concatenate([rows.ids, np.array(lacking, np.int32).reshape(-1, 1)]),
            np.concatenate([rows.log_probs, np.array([defaults[n] for n in lacking], np.float32)]),
            np.concatenate([rows.backoffs, np.zeros(len(lacking), np.float32)]),
            np.concatenate([rows.lines, np.zeros(len(lacking), np.int64)]),
        )

    def _fail_number(self, fields: list[bytes]) -> NoReturn:
        for field, what in ((fields[0], "log10 probability"), (fields[-1], "back-off")):
            try:
                float(field)
            except ValueError:
                self.fail(f"{_shown(field)} is no number where the {what} should be")
        raise AssertionError("one of them is no number")

    def _fail_truncated(self, where: str) -> NoReturn:
        self.fail(f"the file ends within {where}, before \\end\\; it seems to be cut off")

    def _fail_twice(self, first: int, second: int) -> NoReturn:
        first, second = min(first, second), max(first, second)
        self.fail(f"the same n-gram as in line {first}", second)


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("utf-8", "backslashreplace"))


def write_arpa(path: str | os.PathLike[str], model: NgramModel) -> None:
    """Write a model as an ARPA file; every number is read back as it was.

    Args:
        path: the file to make or replace; gzipped if it ends in .gz.
        model: any.

    Raises:
        EarwrightError: a vocabulary with blanks or twice the same word, or a disk that is full.
    """
    from earwright.lm.vocabulary import check_words

    check_words(model.vocabulary, os.fspath(path))
    with atomic_write(path, "wb") as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
                _write(model, packed)
        else:
            _write(model, file)


def _write(model: NgramModel, file: IO[bytes] | gzip.GzipFile) -> None:
    described: Mapping[str, object] = {
        "normalizer": model.normalizer,
        "unit": model.unit,
        "notes": dict(model.notes),
    }
    head = [_COMMENT.decode() + json.dumps(described, ensure_ascii=True), "\\data\\"]
    head += [f"ngram {order}={count}" for order, count in enumerate(model.counts, 1)]
    file.write(("\n".join(head) + "\n").encode())
    words = list(model.vocabulary)
    for order in range(1, model.order + 1):
        file.write(f"\n\\{order}-grams:\n".encode())
        for begin in range(0, model.counts[order - 1], _BLOCK):
            file.write(_block(model, words, order, begin).encode("utf-8"))
    file.write(b"\n\\end\\\n")


def _block(model: NgramModel, words: list[str], order: int, begin: int) -> str:
    """Up to _BLOCK lines."""
    level = model.levels[order - 1]
    nodes = np.arange(begin, min(begin + _BLOCK, len(level)))
    columns: list[list[str]] = [[]] * order
    places: npt.NDArray[np.int64] = nodes
    for column in range(order - 1, -1, -1):
        columns[column] = [words[word] for word in model.levels[column].words[places].tolist()]
        places = np.searchsorted(model.levels[column].begins, places, side="right") - 1
    ngrams = map(" ".join, zip(*columns, strict=True))
    log_probs = _texts(level.log_probs[nodes])
    if order == model.order:
        return "".join(map("{}\t{}\n".format, log_probs, ngrams))
    backoffs = _texts(level.backoffs[nodes]) if level.backoffs is not None else ["0"] * len(nodes)
    return "".join(map("{}\t{}\t{}\n".format, log_probs, ngrams, backoffs))


def _texts(values: npt.NDArray[np.floating]) -> list[str]:
    """The shortest texts that are read back as the same float32."""
    return [text.removesuffix(".0") for text in values.astype(np.float32).astype("U32").tolist()]
