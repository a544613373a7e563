"""What subtitles of all kinds have in common: cues, the marks in their texts, and lines that roll.

A caption is written to be read beside a picture, and not all of it is said. Left out of the text are
- marks: <i>, {\\an8}, <c.yellow>, times between words, &nbsp;, the dashes before the lines of a dialogue, >>;
- who speaks: <v Ann>, JOHN: before words in small letters, and Ann Lee: where at least half of a file's cues
  begin so, as meetings are written down; it is kept as the speaker;
- sounds: all in square brackets, songs between notes (♪), and what stands in round brackets at the
  beginning of a line or after the end of a sentence. Round brackets within a sentence may well be read out,
  and stay.
A cue of which nothing is left is a bad row: it holds a sound or a song and nobody wrote down any speech
there.

Captions that roll (YouTube's, live television's) repeat in each cue the line before it, or a line as it
grows. Where at least half of the cues of a file do, only what is new in each is kept. And where at least
half stay on the screen well into the next, they are taken to end where the next begins.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from earwright.data.corpora.timed import OVERLAP, Flaw, Segment, TranscriptError, read_text, split_lines

# 01:02:03,456 or 02:03.4; spaces creep in where people type times.
TIME = r"(?:([0-9]{1,4})\s*:\s*)?([0-9]{1,2})\s*:\s*([0-9]{1,2})(?:\s*[,.]\s*([0-9]{1,6}))?"
TIMES = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?![0-9:])")
COUNTER = re.compile(r"\s*[0-9]+\s*")
BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)\b")  # of WebVTT, no text
SHARE = 0.5  # of a file's cues for a habit of its writer: people repeat themselves, but not every other time
FEWEST_NAMES = 3  # cues that begin with one: fewer are no habit
ROLLING_GAP = 0.5  # seconds at most between two cues of which one repeats the other

VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>")
# How the characters in a <ruby> are read.
READING = re.compile(r"<rt\b[^<>]*>.*?(?:</rt>|(?=</ruby>)|\Z)", re.DOTALL)
TAG = re.compile(r"</?[A-Za-z][^<>]*>|</?>|<[0-9][0-9:.,]*>|\{\\[^{}]*\}|\{/?[A-Za-z](?::[^{}]*)?\}")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]*);")
DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")  # for layout only
DASH = re.compile(r"^(?:[-‐‑–—]+ |[-‐‑–—]+(?=[^\W\d])|>{2,} ?)", re.MULTILINE)
LABEL = re.compile(r"^([A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ0-9 .'#&-]{0,40}):\s+(?=.*[a-zß-öø-ÿ])", re.MULTILINE | re.DOTALL)
# Ann Lee: Good morning.
NAME = re.compile(r"^([^\W\d_a-zß-öø-ÿ][^\s:]*(?: [^\s\d_a-zß-öø-ÿ:][^\s:]*){0,4}): (?=\S)", re.MULTILINE)
SOUND = re.compile(r"\[[^\[\]]*\]|(?:^|(?<=[.?!…:]))(?:\s*\([^()]*\))+", re.MULTILINE)
# From the first note of a line to the last; all of a line that only begins or ends with one.
SONG = re.compile(r"[♪♫♬♩].*[♪♫♬♩]|^[^♪♫♬♩\n]*[♪♫♬♩] *$|[♪♫♬♩].*", re.MULTILINE)


@dataclass(frozen=True)
class Cue:
    """A caption as it stands in its file: the line of its times, seconds, and the lines of its text."""

    line: int
    start: float
    end: float
    lines: tuple[str, ...]


def read_captions(path: Path, blank_line_ends: bool) -> Iterator[Segment | Flaw]:
    """What is said in each cue of a file of subtitles; see the head of this module and `read_cues`.

    Raises:
        TranscriptError: it is no text, or there are no times in it.
    """
    text, encoding = read_text(path)
    if text.startswith("WEBVTT"):  # whatever the file is called
        blank_line_ends = True
    for segment in segments_of(read_cues(text, blank_line_ends)):
        if isinstance(segment, Segment) and encoding == "windows-1252":
            segment = replace(segment, custom={"encoding": encoding})
        yield segment


def read_cues(text: str, blank_line_ends: bool) -> Iterator[Cue | Flaw]:
    """The cues of SubRip or WebVTT, in order: a line with times, and the lines up to the next.

    Args:
        text: the file.
        blank_line_ends: whether an empty line ends a text, and what comes before the next times is a name
            or a comment, as in WebVTT. In SubRip an empty line may lie within a text. A number directly
            before times counts the cues, unless the first cue has none.

    Raises:
        TranscriptError: there are no times in it.
    """
    lines = split_lines(text)
    places = [number for number, line in enumerate(lines) if "-->" in line]
    if not places:
        raise TranscriptError("there are no times in it such as 00:00:01,000 --> 00:00:02,500")
    counted = places[0] > 0 and COUNTER.fullmatch(lines[places[0] - 1])
    for place, after in pairwise([*places, len(lines)]):
        body = lines[place + 1 : after]
        if blank_line_ends and "" in body:
            body = _up_to_blank(body)
        elif counted:
            _drop_counter(body, is_last=after == len(lines))
        match = TIMES.match(lines[place])
        if match:
            yield Cue(place + 1, _seconds(match.groups()[:4]), _seconds(match.groups()[4:]), tuple(body))
        else:
            detail = f"its times cannot be read: {lines[place].strip()}"
            yield Flaw(f"line {place + 1}", detail, "\n".join(body))


def segments_of(cues: Iterable[Cue | Flaw]) -> Iterator[Segment | Flaw]:
    """What is said in each cue. Cues without any text are left out; see the head of this module."""
    found: list[Segment | Flaw] = []
    for cue in cues:
        if isinstance(cue, Flaw):
            found.append(cue)
            continue
        raw = "\n".join(cue.lines)
        names = {" ".join(_plain(name).split()) for name in VOICE.findall(raw)}
        text = _tidy(_plain(READING.sub("", raw)))
        if text:
            speaker = names.pop() if len(names) == 1 else None
            found.append(Segment(f"line {cue.line}", cue.start, cue.end, text, speaker))
    for segment in _without_overlap(_named(_unrolled(found))):
        yield segment if isinstance(segment, Flaw) else _speech(segment)


def _up_to_blank(body: list[str]) -> list[str]:
    """The text of a cue in WebVTT, which an empty line ends.

    YouTube writes a space into the first line of a text that it leaves empty, and some programs trim it: a
    text after an empty line is the cue's, if it has one after it too. Else it is the name of the next cue.
    """
    end = body.index("")
    if end == 0 and len(body) > 1 and "" in body[1:] and not BLOCK.match(body[1]):
        end = body.index("", 1)
    return body[:end]


def _drop_counter(body: list[str], is_last: bool) -> None:
    """Take the number of the next cue off the lines of one; after the last, one may count nothing."""
    if is_last:
        while body and not body[-1].strip():
            body.pop()
    before = body[-2].strip() if len(body) > 1 else ""
    if body and COUNTER.fullmatch(body[-1]) and not (is_last and (before or len(body) == 1)):
        body.pop()


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return float(f"{whole}.{fraction or 0}")


def _plain(text: str) -> str:
    """A text without marks, its entities turned into characters."""
    text = TAG.sub("", text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))
    text = ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return DIRECTION.sub("", text)


def _tidy(text: str) -> str:
    """The lines with something in them, single spaces between words."""
    return "\n".join(line for line in (" ".join(line.split()) for line in text.split("\n")) if line)


def _speech(segment: Segment) -> Segment | Flaw:
    """What is said in a cue, and by whom."""
    text = SOUND.sub(" ", SONG.sub("", DASH.sub("", segment.text)))
    text = _tidy(DASH.sub("", _tidy(text)))
    labels = LABEL.findall(text)
    speaker = segment.speaker
    if speaker is None and len(labels) == 1 and text.startswith(labels[0]):
        speaker = labels[0]
    text = " ".join(LABEL.sub("", text).split())
    if not text:
        return Flaw(segment.where, "it holds a sound or a song, and no speech", segment.text)
    return replace(segment, text=text, speaker=speaker)


def _unrolled(segments: list[Segment | Flaw]) -> list[Segment | Flaw]:
    """What is new in each segment, if the captions roll; those without anything new are left out."""
    pairs = _neighbours(segments)
    if not pairs or sum(_new(*pair) != pair[1].text for pair in pairs) < SHARE * len(pairs):
        return segments
    news = {id(segment): _new(before, segment) for before, segment in pairs}
    kept: list[Segment | Flaw] = []
    for segment in segments:
        if isinstance(segment, Flaw):
            kept.append(segment)
        elif text := news.get(id(segment), segment.text):
            kept.append(replace(segment, text=text))
    return kept


def _new(before: Segment, segment: Segment) -> str:
    """The text of a cue without what it repeats of the one before it."""
    if segment.start > before.end + ROLLING_GAP:
        return segment.text
    old, lines = before.text.split("\n"), segment.text.split("\n")
    for count in range(min(len(old), len(lines)), 0, -1):
        if old[-count:] == lines[:count]:
            return "\n".join(lines[count:])
    words = " ".join(lines)
    for grown in (" ".join(old), old[-1]):
        if words.startswith(f"{grown} "):
            return words.removeprefix(f"{grown} ")
    return segment.text


def _named(segments: list[Segment | Flaw]) -> list[Segment | Flaw]:
    """The segments without the names that most of them begin with, if they do."""
    spoken = [segment for segment in segments if isinstance(segment, Segment)]
    begun = [match[1] for segment in spoken if (match := NAME.match(segment.text))]
    if len(begun) < max(FEWEST_NAMES, SHARE * len(spoken)):
        return segments
    known = set(begun)
    named: list[Segment | Flaw] = []
    for segment in segments:
        if isinstance(segment, Segment):
            names = [name for name in NAME.findall(segment.text) if name in known]
            text = NAME.sub(lambda match: "" if match[1] in known else match[0], segment.text)
            alone = len(names) == 1 and segment.text.startswith(names[0])
            segment = replace(segment, text=text, speaker=names[0] if alone else segment.speaker)
        named.append(segment)
    return named


def _without_overlap(segments: list[Segment | Flaw]) -> list[Segment | Flaw]:
    """The segments, ending where the next begins if most stay on the screen for longer."""
    pairs = _neighbours(segments)
    lingering = [pair for pair in pairs if pair[0].start < pair[1].start < pair[0].end - OVERLAP]
    if not pairs or len(lingering) < SHARE * len(pairs):
        return segments
    ends = {id(before): min(before.end, after.start) for before, after in pairs if before.start < after.start}
    return [
        segment if isinstance(segment, Flaw) else replace(segment, end=ends.get(id(segment), segment.end))
        for segment in segments
    ]


def _neighbours(segments: list[Segment | Flaw]) -> list[tuple[Segment, Segment]]:
    return list(pairwise(segment for segment in segments if isinstance(segment, Segment)))
