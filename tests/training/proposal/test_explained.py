"""Recipes with reasons: they read back as they were meant, and every value has its reason above it."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from earwright.training.proposal.explained import WIDTH, Line, explained_toml, table_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.one_of(
    texts,
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(texts, max_size=3),
    st.lists(st.floats(0, 2), max_size=3).map(tuple),
)


@given(
    header=st.lists(texts, max_size=3),
    found=st.lists(st.tuples(st.sampled_from(["", "a", "b"]), values, texts), max_size=8),
)
def test_it_reads_back_whatever_is_in_it(header: list[str], found: list[tuple[str, object, str]]) -> None:
    lines = [
        Line(table, f"key_{number}", value, why)
        for number, (table, value, why) in enumerate(sorted(found, key=lambda one: one[0]))
    ]
    text = explained_toml(header, lines)
    assert tomllib.loads(text) == table_of(lines)


def test_every_value_has_its_reason_above_it() -> None:
    lines = [
        Line("", "name", "x", "Of it."),
        Line("data", "train", ["a", "b"], "long " * 60),
        Line("data", "workers", 2, "folder\nseed = 7"),
    ]
    text = explained_toml(["One paragraph.", "Another one."], lines)
    assert text.startswith('# One paragraph.\n#\n# Another one.\n\n# Of it.\nname = "x"\n')
    found = text.splitlines()
    for number, line in enumerate(found):
        if line and not line.startswith(("#", "[")):
            assert found[number - 1].startswith("# ")
    assert max(map(len, found)) <= WIDTH
    assert "[data]\n# long long" in text and 'train = ["a", "b"]' in text
    assert tomllib.loads(text) == {"name": "x", "data": {"train": ["a", "b"], "workers": 2}}
