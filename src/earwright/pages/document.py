"""A whole page from its sections: one file, which asks nobody for anything."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import IO, NamedTuple

from earwright.errors import EarwrightError
from earwright.files import atomic_write
from earwright.pages.markup import LONGEST_NAME, escape

POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


class Section(NamedTuple):
    """A part of a page: its anchor, its title (text) and what is in it (HTML; "" leaves it out)."""

    name: str
    title: str
    content: str


def build_document(
    title: str, heading: str, lead: str, sections: Sequence[Section], rooms: Iterable[str] = ()
) -> str:
    """The page.

    Args:
        title: of the window; text.
        heading: HTML.
        lead: what stands under the heading; HTML.
        sections: in order, those without content left out.
        rooms: packages whose page.css is added to the one of all pages.
    """
    shown = [section for section in sections if section.content]
    links = "".join(
        f'<li><a href="#{name}">{escape(section_title)}</a></li>' for name, section_title, _ in shown
    )
    body = "\n".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(section_title)}</h2>\n{content}</section>'
        for name, section_title, content in shown
    )
    style = "".join(map(_style, ("earwright.pages", *rooms)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title, LONGEST_NAME)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">To the figures</a>\n'
        f"<header><h1>{heading}</h1>\n<p>{lead}</p></header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f'<main id="main">\n{body}\n</main>\n</body>\n</html>\n'
    )


def page_file(path: str | os.PathLike[str]) -> contextlib.AbstractContextManager[IO[str]]:
    """A file to write a page into, which is there when the block ends well.

    Raises:
        EarwrightError: the place cannot be written.
    """
    if os.path.isdir(path):
        raise EarwrightError(f"{path}: this is a folder; name a file for the page.")
    return atomic_write(path)


def _style(room: str) -> str:
    return resources.files(room).joinpath("page.css").read_text("utf-8")
