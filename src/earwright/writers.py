"""Transcripts as text, subtitles, tables and JSON, laid out as openai/whisper's command writes them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earwright.files import atomic_write
from earwright.transcript import Alternatives, Segment, Transcript, Word

LONG_PAUSE = 3.0  # seconds between the starts of two words after which whisper begins a new subtitle


@dataclass(frozen=True)
class Layout:
    """How subtitles are broken up; all of it as whisper's flags of the same names.

    Attributes:
        word_timestamps: put words into JSON.
        max_line_width: characters in a line.
        max_line_count: lines in a subtitle; with `max_line_width`, subtitles then run on over segments.
        max_words_per_line: words in a subtitle, where segments are kept.
        highlight_words: show each word underlined while it is spoken.
    """

    word_timestamps: bool = True
    max_line_width: int | None = None
    max_line_count: int | None = None
    max_words_per_line: int | None = None
    highlight_words: bool = False


def to_txt(transcript: Transcript, layout: Layout) -> str:
    """One line a segment."""
    return "".join(f"{segment.text}\n" for segment in _with_text(transcript))


def to_srt(transcript: Transcript, layout: Layout) -> str:
    """SubRip subtitles: number, `00:00:00,000 --> 00:00:01,000`, text, empty line."""
    cues = _timed_texts(transcript, layout, lambda seconds: format_time(seconds, ",", always_hours=True))
    return "".join(f"{n}\n{start} --> {end}\n{text}\n\n" for n, (start, end, text) in enumerate(cues, 1))


def to_vtt(transcript: Transcript, layout: Layout) -> str:
    """WebVTT subtitles: `00:00.000 --> 00:01.000`, text, empty line."""
    cues = _timed_texts(transcript, layout, lambda seconds: format_time(seconds, ".", always_hours=False))
    return "WEBVTT\n\n" + "".join(f"{start} --> {end}\n{text}\n\n" for start, end, text in cues)


def to_tsv(transcript: Transcript, layout: Layout) -> str:
    """A table of start and end in milliseconds, and text."""
    rows = (
        f"{round(1000 * segment.start)}\t{round(1000 * segment.end)}\t{' '.join(segment.text.split())}\n"
        for segment in _with_text(transcript)
    )
    return "start\tend\ttext\n" + "".join(rows)


def _with_text(transcript: Transcript) -> list[Segment]:
    """Its segments but those that were rejected."""
    return [segment for segment in transcript.segments if segment.text]


def to_json(transcript: Transcript, layout: Layout) -> str:
    """One line of JSON: see `to_whisper_dict`."""
    return json.dumps(to_whisper_dict(transcript, layout), ensure_ascii=False) + "\n"


WRITERS: dict[str, Callable[[Transcript, Layout], str]] = {
    "txt": to_txt,
    "srt": to_srt,
    "vtt": to_vtt,
    "tsv": to_tsv,
    "json": to_json,
}


def write_transcript(
    transcript: Transcript, folder: str | os.PathLike[str], stem: str, formats: list[str], layout: Layout
) -> list[Path]:
    """Write `folder/stem.FORMAT` for each format, and return the paths.

    Args:
        transcript: what to write.
        folder: made if need be.
        stem: the name before the last dot; it may begin with folders.
        formats: some of WRITERS.
        layout: of subtitles.

    Raises:
        EarwrightError: the place cannot be written, or the disk is full.
    """
    paths = []
    for name in formats:
        path = Path(folder) / f"{stem}.{name}"
        with atomic_write(path) as file:
            file.write(WRITERS[name](transcript, layout))
        paths.append(path)
    return paths


def to_whisper_dict(transcript: Transcript, layout: Layout) -> dict[str, Any]:
    """A transcript with whisper's keys: text, segments (id, start, end, text, words), language.

    As there, a word's text begins with a space and its confidence is called probability. Times are seconds,
    to the millisecond. Where they were asked for, `alternatives` has the best hypotheses of each piece.
    A segment that was `rejected` says so. Those that were searched with a grammar have that in any case, and
    `score` (null: no phrase was possible) and `tags`, too.
    """
    segments = []
    for number, segment in enumerate(transcript.segments):
        entry: dict[str, Any] = {
            "id": number,
            "start": round(segment.start, 3),
            "end": round(segment.end, 3),
            "text": segment.text,
            "confidence": round(segment.confidence, 4),
        }
        if layout.word_timestamps:
            entry["words"] = [_word_dict(word) for word in segment.words]
        if segment.rejected or segment.score is not None:
            entry["rejected"] = segment.rejected
        if segment.score is not None:
            entry["score"] = _finite(segment.score)
            entry["tags"] = list(segment.tags)
        segments.append(entry)
    found = {
        "text": transcript.text,
        "segments": segments,
        "language": transcript.language,
        "duration": round(transcript.duration, 3),
    }
    if transcript.alternatives:
        found["alternatives"] = [_alternatives_dict(piece) for piece in transcript.alternatives]
    return found


def _finite(number: float) -> float | None:
    """JSON has no infinities."""
    return round(number, 4) if math.isfinite(number) else None


def _alternatives_dict(piece: Alternatives) -> dict[str, Any]:
    return {
        "start": round(piece.start, 3),
        "end": round(piece.end, 3),
        "hypotheses": [{"text": one.text, "score": _finite(one.score)} for one in piece.hypotheses],
    }


def _word_dict(word: Word) -> dict[str, Any]:
    return {
        "word": f" {word.text}",
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "probability": round(word.confidence, 4),
    }


def format_time(seconds: float, decimal_marker: str = ".", always_hours: bool = False) -> str:
    """Seconds as [HH:]MM:SS.mmm."""
    whole, milliseconds = divmod(round(1000 * seconds), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    hour = f"{hours:02d}:" if hours or always_hours else ""
    return f"{hour}{minute:02d}:{second:02d}{decimal_marker}{milliseconds:03d}"


def _timed_texts(
    transcript: Transcript, layout: Layout, clock: Callable[[float], str]
) -> Iterator[tuple[str, str, str]]:
    """Start, end and text of each subtitle."""
    if not (layout.max_line_width or layout.max_words_per_line or layout.highlight_words):
        for segment in _with_text(transcript):
            yield clock(segment.start), clock(segment.end), _safe(segment.text)
        return
    for cue in _cues(transcript.segments, layout):
        words = [word for line in cue for word in line]
        if layout.highlight_words:
            yield from _highlighted(cue, words, clock)
        else:
            yield clock(words[0].start), clock(words[-1].end), _cue_text(cue)


def _cues(segments: tuple[Segment, ...], layout: Layout) -> Iterator[list[list[Word]]]:
    """Words in lines, lines in subtitles."""
    width = layout.max_line_width or 1000
    most_words = layout.max_words_per_line or 1000
    most_lines = layout.max_line_count
    keep_segments = layout.max_line_width is None or most_lines is None
    cue: list[list[Word]] = []
    used, last = 0, 0.0  # characters of the last line; start of the last word
    for segment in segments:
        for position, word in enumerate(segment.words):
            parts = bool(cue) and keep_segments and position % most_words == 0
            pause = bool(cue) and not keep_segments and word.start - last > LONG_PAUSE
            if cue and not parts and not pause and used + 1 + len(word.text) <= width:
                cue[-1].append(word)
                used += 1 + len(word.text)
            else:
                if parts or pause or (cue and most_lines is not None and len(cue) >= most_lines):
                    yield cue
                    cue = []
                cue.append([word])
                used = len(word.text)
            last = word.start
    if cue:
        yield cue


def _highlighted(
    cue: list[list[Word]], words: list[Word], clock: Callable[[float], str]
) -> Iterator[tuple[str, str, str]]:
    """The subtitle once for each word, and once more, plain, for each gap between words."""
    last = clock(words[0].start)
    for word in words:
        start, end = clock(word.start), clock(word.end)
        if last != start:
            yield last, start, _cue_text(cue)
        yield start, end, _cue_text(cue, underlined=word)
        last = end


def _cue_text(cue: list[list[Word]], underlined: Word | None = None) -> str:
    lines = (
        " ".join(f"<u>{_safe(word.text)}</u>" if word is underlined else _safe(word.text) for word in line)
        for line in cue
    )
    return "\n".join(lines)


def _safe(text: str) -> str:
    """An arrow would look like a time line to whoever reads the subtitles."""
    return text.replace("-->", "->")
