"""NIST's CTM: a line for each word of a recording, with its times; read as utterances.

    2347 A 1.02 0.29 PRIDE 0.97

File, channel, start and duration in seconds, word, perhaps confidence, type and speaker (sclite's manual,
"ctm"). Of alternatives (<ALT_BEGIN>, <ALT>, <ALT_END>) the first is taken; comments (;;) and words of a
type that is no word are passed over. Words of a channel and speaker are joined where nobody pauses. See
also `nist` and `words`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from earwright.data.corpora.nist import Entry, Line, plain_words, read_nist, recognize_nist, seconds
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.timed import Flaw, Segment
from earwright.data.corpora.words import join_words

SUFFIX = ".ctm"
NO_WORDS = {"non-lex", "misc", "noise"}  # types of the rich transcription evaluations
UNKNOWN = {"", "unknown", "na", "<na>", "null"}  # speakers


def recognize(source: Path) -> str | None:
    """A .ctm with a recording that it names, or a folder with both in it."""
    return recognize_nist(source, SUFFIX, parse, "words")


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read CTM files.

    Args:
        source: a folder with recordings and .ctm files, at any depth, or one .ctm.
        options: `pause` and `longest` say where words are joined into utterances, never across channels.

    Yields:
        Rows in order of path, recording, channel and time; a recording that is not there is one bad row.

    Raises:
        EarwrightError: there is no such source, or no .ctm in it.
    """

    def join(words: list[Segment | Flaw]) -> Iterator[Segment | Flaw]:
        return join_voices(words, options)

    return read_nist(source, SUFFIX, parse, join)


def join_voices(words: Iterable[Segment | Flaw], options: ReaderOptions) -> Iterator[Segment | Flaw]:
    """The utterances of a recording, one channel and speaker after the other.

    A flaw stands for a word that is missing, of whoever said the one before it, and parts what this one says.
    """
    voices: dict[tuple[int | None, str | None], list[Segment | Flaw]] = {}
    voice: tuple[int | None, str | None] = (None, None)
    for word in words:
        if isinstance(word, Segment):
            voice = (word.channel, word.speaker)
        voices.setdefault(voice, []).append(word)
    for said in voices.values():
        yield from join_words(said, options)


def parse(lines: Iterable[Line]) -> Iterator[Entry]:
    """What each line says: a word as a segment of its own."""
    name = channel = ""
    other = False  # whether this is an alternative that is not taken
    for number, line in lines:
        where = f"line {number}"
        if line is None:
            yield name, channel, Flaw(where, "not UTF-8 text")
            continue
        columns = line.split()
        if columns[0].startswith(";;"):
            continue
        if len(columns) < 5:
            yield name, channel, Flaw(where, "a word has file, channel, start, duration and word", line)
            continue
        name, channel, start, duration, token, *more = columns
        if token.upper() in ("<ALT_BEGIN>", "<ALT>", "<ALT_END>"):
            other = token.upper() == "<ALT>"
            continue
        word = plain_words(token)
        if other or not word or (len(more) > 1 and more[1].lower() in NO_WORDS):
            continue
        speaker = more[2] if len(more) > 2 and more[2].lower() not in UNKNOWN else None
        custom: dict[str, str | float] = {}
        with contextlib.suppress(IndexError, ValueError):  # NA stands where nobody knows
            custom["confidence"] = seconds(more[0])
        try:
            begin = seconds(start)
            yield (
                name,
                channel,
                Segment(where, begin, begin + seconds(duration), word, speaker, custom=custom),
            )
        except ValueError as error:
            yield name, channel, Flaw(where, str(error), line)
