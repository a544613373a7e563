"""Pronunciation lexicons: which phones a word is said with.

Two forms of text are read, one pronunciation a line. cmudict's: `word  PH ON ES`, another pronunciation of
the same word as `word(2)`, comments after ` #` and in lines that begin with `;;;`. And the plain one of Kaldi
and others: the word, blanks or a tab, its phones; another pronunciation is another line. They mix.
"""

from __future__ import annotations

import gzip
import lzma
import os
import re
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from typing import IO, cast

from earwright.errors import EarwrightError, first_line

Phones = tuple[str, ...]

LONGEST_LINE = 1 << 16  # bytes; a longer line belongs to no lexicon
_ALTERNATE = re.compile(r"(?P<word>.+)\((?P<number>[0-9]+)\)")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Entry:
    """One line of a lexicon: a word and one of its pronunciations.

    Attributes:
        line: counted from 1.
        word: as it is written, NFC, without the number of the alternate.
        phones: one at least.
        alternate: whether the line marks itself as one more pronunciation, as `word(2)` does.
    """

    line: int
    word: str
    phones: Phones
    alternate: bool = False


@dataclass(frozen=True)
class Problem:
    """A line that is no entry.

    Attributes:
        line: counted from 1.
        message: what is wrong with it.
        harmless: whether the line only says once more what another one says; cmudict itself has such lines.
    """

    line: int
    message: str
    harmless: bool = False


@dataclass(frozen=True)
class Lexicon:
    """Words with their pronunciations.

    Attributes:
        words: word -> its pronunciations, the first one first.
        phones: all phones that there may be, sorted.
        name: where it is from, for messages.

    Example:
        lexicon = read_additions("names.txt", default_lexicon("en"))
        lexicon.pronunciations("tomato")  # (("T", "AH0", "M", "EY1", "T", "OW2"), ...)
    """

    words: Mapping[str, tuple[Phones, ...]]
    phones: Phones
    name: str = ""
    additions: frozenset[str] = field(default=frozenset())

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return bool(self.pronunciations(word))

    def spelling(self, word: str) -> str | None:
        """The word as the lexicon spells it: as it stands, or in lower case; None where it lacks it."""
        word = unicodedata.normalize("NFC", word)
        return next((form for form in (word, word.lower()) if form in self.words), None)

    def pronunciations(self, word: str) -> tuple[Phones, ...]:
        """All pronunciations of a word, the first one first; none where the lexicon lacks it."""
        spelling = self.spelling(word)
        return () if spelling is None else self.words[spelling]

    def without_stress(self) -> Lexicon:
        """The same words in phones without digits for stress; pronunciations that become alike count once."""
        words = {
            word: tuple(dict.fromkeys(map(without_stress, pronunciations)))
            for word, pronunciations in self.words.items()
        }
        phones = tuple(sorted(set(without_stress(self.phones))))
        return Lexicon(words, phones, self.name, self.additions)

    def entries(self) -> Iterator[tuple[str, Phones]]:
        """(word, phones) of every pronunciation."""
        for word, pronunciations in self.words.items():
            for phones in pronunciations:
                yield word, phones


def without_stress(phones: Phones) -> Phones:
    """Phones without the digits 0, 1 and 2 that ARPAbet marks stress with: AH0 becomes AH."""
    return tuple(phone.rstrip("012") or phone for phone in phones)


def read_lexicon(
    path: str | os.PathLike[str],
    phones: Iterable[str] | None = None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Lexicon:
    """Read a lexicon in either form, plain, .gz or .xz.

    Args:
        path: of the file.
        phones: the only ones that may be used; None takes those that are.
        warn: called with a sentence for each line that repeats another one, which counts once.

    Raises:
        EarwrightError: the file cannot be read or is empty, or a line is no entry: it has no phones, or
            phones outside the set.
    """
    words = _collect(path, scan_lexicon(path, phones), warn)
    used = {phone for pronunciations in words.values() for each in pronunciations for phone in each}
    return Lexicon(words, tuple(sorted(used if phones is None else set(phones))), os.fspath(path))


def read_additions(path: str | os.PathLike[str], lexicon: Lexicon) -> Lexicon:
    """A lexicon with a user's own words: a word that is in both is said as the user says.

    The additions take the place of all pronunciations that the lexicon has for the word. Further ones must be
    marked, `word(2)`, since a word with two different lines would more likely be a mistake.

    Args:
        path: a text file in either form, with phones of the lexicon's set.
        lexicon: what they are added to.

    Raises:
        EarwrightError: as `read_lexicon`, or a word stands there twice, with the same phones or with others.
    """
    words = _collect(path, scan_lexicon(path, lexicon.phones, additions=True), None)
    return Lexicon(
        {**lexicon.words, **words}, lexicon.phones, lexicon.name, lexicon.additions | frozenset(words)
    )


def read_phones(path: str | os.PathLike[str]) -> Phones:
    """A set of phones from a text file: the first word of each line; what follows says more about the phone.

    Raises:
        EarwrightError: the file cannot be read or is empty, or a phone stands there twice.
    """
    seen: dict[str, int] = {}
    for line, text in _lines(path):
        if isinstance(text, Problem):
            raise EarwrightError(f"{path}, line {line}: {text.message}.")
        phone = next(iter(text.split()), "")
        if phone in seen:
            raise EarwrightError(
                f'{path}, line {line}: the phone "{phone}" is in line {seen[phone]} too; remove one.'
            )
        if phone:
            seen[phone] = line
    if not seen:
        raise EarwrightError(f"{path}: there are no phones in it.")
    return tuple(sorted(seen))


def read_words(path: str | os.PathLike[str]) -> Iterator[str]:
    """The words of a text file, one on each line, blank lines left out; "-" is standard input.

    Raises:
        EarwrightError: the file cannot be read, or a line is no text.
    """
    for line, text in _lines(path):
        if isinstance(text, Problem):
            raise EarwrightError(f"{path}, line {line}: {text.message}.")
        if text.strip():
            yield text.strip()


def scan_lexicon(
    path: str | os.PathLike[str], phones: Iterable[str] | None = None, *, additions: bool = False
) -> Iterator[Entry | Problem]:
    """Read a lexicon line by line, the bad ones too.

    Args:
        path: of the file, plain, .gz or .xz.
        phones: the only ones that may be used; None allows all.
        additions: whether a word that stands there twice with different phones is a problem.

    Yields:
        An entry or a problem for every line that is neither blank nor a comment.

    Raises:
        EarwrightError: the file cannot be read.
    """
    allowed = None if phones is None else frozenset(phones)
    seen: dict[str, dict[Phones, int]] = {}
    for line, text in _lines(path):
        if isinstance(text, Problem):
            yield text
            continue
        if text.startswith(";;;"):
            continue
        found = _parse(line, text, allowed)
        if isinstance(found, Entry):
            earlier = seen.setdefault(found.word, {})
            if found.phones in earlier:
                first = earlier[found.phones]
                found = Problem(line, f'"{found.word}" has the same phones in line {first}; remove one', True)
            elif additions and earlier and not found.alternate:
                found = Problem(
                    line,
                    f'"{found.word}" has other phones in line {min(earlier.values())}; remove one, or mark '
                    f"this one as a further pronunciation, {found.word}({len(earlier) + 1})",
                )
            else:
                earlier[found.phones] = line
        if found is not None:
            yield found


def _collect(
    path: str | os.PathLike[str], found: Iterator[Entry | Problem], warn: Callable[[str], None] | None
) -> dict[str, tuple[Phones, ...]]:
    """The entries by word; `warn` is told of harmless problems, which without it are like the others."""
    words: dict[str, tuple[Phones, ...]] = {}
    for each in found:
        if isinstance(each, Problem):
            sentence = f"{path}, line {each.line}: {each.message}."
            if warn is None or not each.harmless:
                raise EarwrightError(sentence)
            warn(sentence)
            continue
        words[each.word] = (*words.get(each.word, ()), each.phones)
    if not words:
        raise EarwrightError(f"{path}: there are no words in it; a line is a word and its phones.")
    return words


def _parse(line: int, text: str, allowed: frozenset[str] | None) -> Entry | Problem | None:
    """The entry of a line, or what is wrong with it; None for a blank one."""
    head, _, rest = text.partition("\t")
    if len(head.split()) > 1 and rest.strip() and not rest.strip().startswith("#"):
        # "new york<tab>N UW ..." would otherwise be the word "new" with a phone "york".
        return Problem(line, f'the word "{head.strip()[:60]}" has a blank in it; write it without')
    parts = text.split()
    comment = next((place for place, part in enumerate(parts) if place and part.startswith("#")), None)
    parts = parts[:comment]
    if not parts:
        return None
    word, phones = unicodedata.normalize("NFC", parts[0]), tuple(parts[1:])
    shown = word[:60]
    if not phones:
        return Problem(line, f'the word "{shown}" has no phones after it')
    match = _ALTERNATE.fullmatch(word)
    outside = [] if allowed is None else [phone for phone in phones if phone not in allowed]
    if outside:
        some = ", ".join(f'"{phone[:20]}"' for phone in dict.fromkeys(outside[:3]))
        return Problem(line, f'"{shown}" has {some}, not among the {len(allowed or ())} phones of the set')
    return Entry(line, match["word"] if match else word, phones, alternate=match is not None)


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str | Problem]]:
    """(number, line or what is wrong with it) of a text file, plain or packed; "-" is standard input."""
    try:
        if os.fspath(path) == "-":
            yield from enumerate(_texts(_unpacked(cast(BufferedReader, sys.stdin.buffer))), 1)
            return
        with open(path, "rb") as file:
            yield from enumerate(_texts(_unpacked(file)), 1)
    except IsADirectoryError:
        raise EarwrightError(f"{path}: this is a folder; a lexicon is one text file.") from None
    except FileNotFoundError:
        raise EarwrightError(f"{path}: there is no such file.") from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise EarwrightError(f"{path}: the file cannot be read ({first_line(error)}).") from error


def _unpacked(file: BufferedReader) -> IO[bytes]:
    magic = file.peek(6)[:6]  # a pipe cannot be read twice
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    if magic == b"\xfd7zXZ\x00":
        return lzma.LZMAFile(file)
    return file


def _texts(file: IO[bytes]) -> Iterator[str | Problem]:
    """The lines, each as text or as a problem; their numbers are counted by the caller."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield Problem(
                number, f"the line is longer than {LONGEST_LINE:,} bytes; a line is a word and its phones"
            )
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            yield Problem(
                number,
                "this is not UTF-8; write the file anew in UTF-8, by `iconv -f latin1 -t utf-8` for one",
            )
            continue
        if _CONTROL.search(text):
            yield Problem(number, "there are control characters in it; is this a text file?")
        else:
            yield text
