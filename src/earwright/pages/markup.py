"""Pieces of HTML in which anything may stand: names, texts and tables of them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from earwright.text.visible import visible

LONGEST_NAME = 200
SHORT_NAME = 32  # of ids and speakers, which some corpora make of 128 hexadecimal digits


def make_table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, tall: bool = False
) -> str:
    """A table that can be scrolled with the keyboard where it is wider than the window.

    Args:
        caption: text; escaped here.
        headings: HTML; one that begins with a space is of a column of numbers. "" heads what only decorates.
        rows: cells of HTML; the first of each row heads it.
        tall: whether it is scrolled up and down too, where it is long.
    """
    classes = ["number" if heading.startswith(" ") else "name" for heading in headings]
    head = "".join(
        f'<th scope="col" class="{kind}">{heading.strip()}</th>' if heading else "<td></td>"
        for heading, kind in zip(headings, classes, strict=True)
    )
    body = []
    for first, *others in rows:
        cells = "".join(
            f'<td class="{kind}">{cell}</td>' for cell, kind in zip(others, classes[1:], strict=True)
        )
        body.append(f'<tr><th scope="row" class="{classes[0]}">{first}</th>{cells}</tr>')
    caption = escape(caption, LONGEST_NAME)
    return (
        f'<div class="scroll{" tall" * tall}" role="group" aria-label="Table: {caption}" tabindex="0">'
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>\n"
    )


def make_totals(totals: Iterable[tuple[str, str]]) -> str:
    """A few figures in large letters, each with what it is; HTML both."""
    tiles = "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in totals)
    return f'<dl class="totals">{tiles}</dl>\n'


def make_facts(facts: Iterable[tuple[str, str]]) -> str:
    """What is known of something, a line each: its name and HTML; those that are empty are left out."""
    lines = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts if value)
    return f'<dl class="facts">{lines}</dl>\n'


def make_details(summary: str, content: str) -> str:
    """What is folded away until somebody asks for it; the summary is text, the content HTML."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>\n"


def full_name(text: str) -> str:
    """A name or path, in its own direction."""
    return f"<bdi>{escape(text, LONGEST_NAME)}</bdi>" if text else ""


def short_name(text: str) -> str:
    """The beginning and the end of a name, the whole of it where the pointer rests."""
    if len(text) <= SHORT_NAME:
        return full_name(text)
    half = SHORT_NAME // 2
    return f'<bdi title="{escape(text, LONGEST_NAME)}">{escape(text[:half])}…{escape(text[-half:])}</bdi>'


def escape(text: str, longest: int | None = None) -> str:
    """Text as HTML, for elements and quoted attributes; see `visible`."""
    return html.escape(visible(text, longest))
