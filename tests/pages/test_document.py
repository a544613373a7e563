"""A page of anything: well-formed, closed to the outside, with colours that can be told from their ground."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.pages.document import Section, build_document
from earwright.pages.markup import escape, full_name, make_table, short_name
from page_checks import HOSTILE, StrictParser, check_page, contrast

texts = st.text() | st.sampled_from(HOSTILE)


@given(texts, texts, st.lists(texts, min_size=2, max_size=2))
def test_whatever_is_written_is_text(title: str, name: str, cells: list[str]) -> None:
    table = make_table(title, ("name", " number"), [[short_name(cells[0]), escape(cells[1])]])
    sections = [Section("one", title, f"<h3>{escape(title)}</h3>{table}"), Section("two", "left out", "")]
    parser = check_page(build_document(title, full_name(name), escape(name), sections))
    assert [attributes.get("id") for attributes in parser.all("h2")] == ["one"]
    assert parser.all("a")[1:] == [{"href": "#one"}]
    whole = "html head title style meta body a header main nav li ul h1 h2 h3 p section div bdi"
    table = "table caption thead tbody tr th td"
    assert {tag for tag, _ in parser.elements} <= {*whole.split(), *table.split()}


def test_long_names_are_cut() -> None:
    assert StrictParser(short_name("x" * 500)).said() == "x" * 16 + "…" + "x" * 16
    assert len(StrictParser(full_name("x" * 500)).said()) == 200
    assert full_name("") == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(theme: str) -> None:
    style = resources.files("earwright.pages").joinpath("page.css").read_text("utf-8")
    blocks = re.findall(r":root \{([^}]*)\}", style)
    assert len(blocks) == 2
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", blocks[theme == "dark"]))
    wanted = {"ink": 7.0, "soft": 4.5, "link": 4.5, "bar": 3.0, "mark": 3.0}
    assert colours.keys() == wanted.keys() | {"ground", "raised", "line"}
    for name, least in wanted.items():
        for ground in ("ground", "raised"):
            assert contrast(colours[name], colours[ground]) >= least, (name, ground)
