"""An utterance over time: its spectrogram, and under it the words at their times and the frames' tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from earwright.evaluation.confidence import Placed
from earwright.pages.clips import Excerpt
from earwright.pages.markup import escape
from earwright.pages.spectrogram import SPECTROGRAM_BOTTOM, SPECTROGRAM_HEIGHT, spectrogram_parts
from earwright.pages.svg import LEFT, RIGHT, TOP, WIDTH, draw, text_width, write
from earwright.text.visible import visible
from earwright.transcript import Word

PER_SECOND = 100.0  # units; at 15 letters a second there is room for nearly all of them
LINE = 14.0  # from one line of words to the next
TOKEN_LINE = 11.0
TOKEN_SIZE = 9.0
BOLD = 1.2  # how much wider bold letters are
SPACE = 3.0  # between words at least
BAR = 4.0  # height of what shows how long a word is
MOST_LINES = 4  # on which words are written, those beyond are left out
LONGEST_WORD = 40  # characters
LETTERS = {"substitution": "S", "deletion": "D", "insertion": "I", "correct": ""}


class Mark(NamedTuple):
    """Something to write at a time: what, when, its class, and what it says where the pointer rests."""

    text: str
    start: float
    end: float
    kind: str
    title: str


def timeline(excerpt: Excerpt, placed: Sequence[Placed], tokens: Sequence[Word], label: str) -> str:
    """The drawing.

    Args:
        excerpt: with a picture.
        placed: the alignment over time; what lies beyond the excerpt is left out.
        tokens: of the frames; may be empty.
        label: what to tell those who do not see it.
    """
    scale = max(PER_SECOND, (WIDTH - LEFT - RIGHT) / excerpt.seconds)
    width = LEFT + RIGHT + scale * excerpt.seconds
    parts = spectrogram_parts(excerpt.picture, excerpt.seconds, excerpt.sample_rate, width)
    parts += _edges(placed, excerpt.seconds, scale)
    below = float(SPECTROGRAM_HEIGHT + 4)
    rows = (
        ("heard", _heard(placed), LINE, 11.0, True),
        ("said", _said(placed), LINE, 11.0, False),
        ("tokens", _tokens(tokens), TOKEN_LINE, TOKEN_SIZE, True),
    )
    for name, marks, line, size, bars in rows:
        marks = [mark for mark in marks if mark.start < excerpt.seconds]
        if marks:
            parts.append(write(2, below + BAR + line - 2, name))
            added, height = _row(marks, below, width, scale, line, size, bars)
            parts += added
            below += height
    return draw(width, below, label, parts, fixed=True)


def _edges(placed: Iterable[Placed], seconds: float, scale: float) -> Iterator[str]:
    """Lines over the spectrogram where the recognized words begin and end."""
    base = SPECTROGRAM_HEIGHT - SPECTROGRAM_BOTTOM
    for each in placed:
        kind = "edge" if each.pair.operation == "correct" else "edge wrong-edge"
        for time in {each.start, each.end}:
            if each.pair.hypothesis and time <= seconds:
                x = LEFT + scale * time
                yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}"/>'


def _heard(placed: Iterable[Placed]) -> list[Mark]:
    marks = []
    for each in placed:
        if each.pair.hypothesis:
            letter = LETTERS[each.pair.operation]
            sure = "" if each.confidence is None else f", confidence {each.confidence:.2f}"
            wrong = f", {each.pair.operation}" if letter else ""
            text = f"{each.pair.hypothesis} ({letter})" if letter else each.pair.hypothesis
            marks.append(_mark(text, each.start, each.end, "wrong" if letter else "word", sure + wrong))
    return marks


def _said(placed: Iterable[Placed]) -> list[Mark]:
    """What was said where something else, or nothing, was recognized."""
    return [
        _mark(
            f"{each.pair.reference} (D)" if each.pair.operation == "deletion" else each.pair.reference,
            *(each.start, each.end, "wrong", f", {each.pair.operation}"),
        )
        for each in placed
        if each.pair.operation in ("substitution", "deletion")
    ]


def _tokens(tokens: Iterable[Word]) -> list[Mark]:
    return [
        _mark(token.text, token.start, token.end, "token", f", confidence {token.confidence:.2f}")
        for token in tokens
    ]


def _mark(text: str, start: float, end: float, kind: str, more: str) -> Mark:
    text = visible(text, LONGEST_WORD)
    time = f"{start:.2f} to {end:.2f} s" if end > start else f"at about {start:.2f} s"
    return Mark(text, start, end, kind, f"{text}: {time}{more}")


def _row(
    marks: Sequence[Mark], top: float, width: float, scale: float, line: float, size: float, bars: bool
) -> tuple[list[str], float]:
    """Words on as many lines as they need so as not to lie upon each other; the height of it all."""
    parts = []
    ends: list[float] = []  # where each line is free again
    for mark in marks:
        x = LEFT + scale * mark.start
        written = text_width(mark.text, size * BOLD if mark.kind == "wrong" else size)
        left = max(min(x, width - written), LEFT)  # a last word may be longer than its time
        number = next((n for n, end in enumerate(ends) if end <= left), len(ends))
        if bars:
            length = max(scale * (mark.end - mark.start) - 1, 1.0)
            kind = "mark-bar" if mark.kind == "wrong" else "bar"
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{length:.1f}" height="{BAR:g}">'
                f"<title>{escape(mark.title)}</title></rect>"
            )
        if number < MOST_LINES:
            ends[number : number + 1] = [left + written + SPACE]
            text = write(left, top + BAR + line * (number + 1) - 3, mark.text, "start", mark.kind)
            parts.append(text.replace("</text>", f"<title>{escape(mark.title)}</title></text>"))
    return parts, BAR + line * min(len(ends), MOST_LINES) + 4
