"""An alignment as CTM, TextGrid, JSON and subtitles."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from earwright.alignment.align import AlignedWord, TextAlignment
from earwright.files import atomic_write
from earwright.transcript import Segment, Transcript, Word
from earwright.writers import Layout, to_srt, to_vtt

# Of a segment: subtitles have two lines of 42 characters and stay for 7 seconds at most
# (Netflix, "Timed Text Style Guide: General Requirements").
MOST_CHARACTERS = 84
MOST_SECONDS = 7.0
PAUSE = 0.8  # seconds of silence that part segments
SENTENCE_END = re.compile(r"[.!?\u2026\u3002][\"'\u201d\u2019)\]]*$")


def to_ctm(alignment: TextAlignment, name: str) -> str:
    """NIST's CTM, a line a word: recording, channel, start, duration, word, confidence."""
    return "".join(
        f"{_plain(name)} 1 {start:.3f} {end - start:.3f} {word.text} {word.confidence:.4f}\n"
        for word, start, end in _said(alignment)
    )


def to_textgrid(alignment: TextAlignment, name: str) -> str:
    """Praat's TextGrid (long form): a tier of words, in which silence has no text, and one of segments."""
    words = [(start, end, word.text) for word, start, end in _said(alignment)]
    segments = [(s.start, s.end, s.text) for s in as_transcript(alignment).segments]
    tiers = [
        ("words", _filled(words, alignment.duration)),
        ("segments", _filled(segments, alignment.duration)),
    ]
    lines = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0",
        f"xmax = {alignment.duration:.4f}", "tiers? <exists>", f"size = {len(tiers)}", "item []:",
    ]  # fmt: skip
    for number, (title, intervals) in enumerate(tiers, 1):
        lines += [
            f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{title}"',
            "        xmin = 0", f"        xmax = {alignment.duration:.4f}",
            f"        intervals: size = {len(intervals)}",
        ]  # fmt: skip
        for place, (start, end, text) in enumerate(intervals, 1):
            quoted = text.replace('"', '""')
            lines += [
                f"        intervals [{place}]:", f"            xmin = {start:.4f}",
                f"            xmax = {end:.4f}", f'            text = "{quoted}"',
            ]  # fmt: skip
    return "\n".join(lines) + "\n"


def to_json(alignment: TextAlignment, name: str) -> str:
    """All of it: each word of the text, without times where it was not said; speech that the text lacks."""
    words = [
        {
            "word": word.text,
            "line": word.line,
            "start": None if word.start is None else round(word.start, 3),
            "end": None if word.end is None else round(word.end, 3),
            "confidence": round(word.confidence, 4),
            **({"missing": True} if word.missing else {}),
        }
        for word in alignment.words
    ]
    extra = [{"start": round(e.start, 3), "end": round(e.end, 3), "heard": e.text} for e in alignment.extra]
    facts = {"name": name, "duration": round(alignment.duration, 3), "words": words, "extra": extra}
    return json.dumps(facts, ensure_ascii=False) + "\n"


def _subtitles(write: Callable[[Transcript, Layout], str]) -> Callable[[TextAlignment, str], str]:
    return lambda alignment, name: write(as_transcript(alignment), Layout())


FORMATS: dict[str, Callable[[TextAlignment, str], str]] = {
    "ctm": to_ctm,
    "textgrid": to_textgrid,
    "json": to_json,
    "srt": _subtitles(to_srt),
    "vtt": _subtitles(to_vtt),
}
ENDINGS = {"textgrid": "TextGrid"}


def write_alignment(
    alignment: TextAlignment, folder: str | os.PathLike[str], stem: str, formats: list[str]
) -> list[Path]:
    """Write `folder/stem.FORMAT` for each of some FORMATS, and return the paths.

    Raises:
        EarwrightError: the place cannot be written.
    """
    paths = []
    for name in formats:
        path = Path(folder) / f"{stem}.{ENDINGS.get(name, name)}"
        with atomic_write(path) as file:
            file.write(FORMATS[name](alignment, stem))
        paths.append(path)
    return paths


def as_transcript(alignment: TextAlignment) -> Transcript:
    """The words that were said, in segments as long as a subtitle: parted at pauses and ends of sentences."""
    segments = []
    for words in _segments(alignment):
        text = " ".join(word.text for word in words)
        mean = sum(word.confidence for word in words) / len(words)
        segments.append(Segment(text, words[0].start, words[-1].end, tuple(words), mean))
    return Transcript(" ".join(s.text for s in segments), tuple(segments), alignment.duration)


def _segments(alignment: TextAlignment) -> Iterator[list[Word]]:
    gathered: list[Word] = []
    length = 0
    for word, start, end in _said(alignment):
        if gathered and (
            start - gathered[-1].end > PAUSE
            or length + 1 + len(word.text) > MOST_CHARACTERS
            or end - gathered[0].start > MOST_SECONDS
            or SENTENCE_END.search(gathered[-1].text)
        ):
            yield gathered
            gathered, length = [], 0
        gathered.append(Word(word.text, start, end, word.confidence))
        length += len(word.text) + 1
    if gathered:
        yield gathered


def _said(alignment: TextAlignment) -> Iterator[tuple[AlignedWord, float, float]]:
    """The words with times; a dash that stands by itself has none."""
    for word in alignment.words:
        if word.start is not None and word.end is not None:
            yield word, word.start, word.end


def _filled(intervals: list[tuple[float, float, str]], duration: float) -> list[tuple[float, float, str]]:
    """Intervals that follow each other without a gap."""
    filled = []
    last = 0.0
    for start, end, text in intervals:
        if start - last > 5e-5:
            filled.append((last, start, ""))
        filled.append((max(start, last), max(end, last), text))
        last = max(end, last)
    if duration - last > 5e-5 or not filled:
        filled.append((last, duration, ""))
    return filled


def _plain(name: str) -> str:
    """A name without blanks, which part the columns."""
    return "_".join(name.split()) or "recording"
