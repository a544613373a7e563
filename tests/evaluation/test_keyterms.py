"""What key terms gain and cost: counted by hand, and by its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from earwright.evaluation import align, score
from earwright.evaluation.keyterm_report import keyterm_report
from earwright.evaluation.keyterms import count_keyterms, keyterm_curve
from earwright.evaluation.page.keyterms import keyterm_section


def counts(said: str, heard: str, *terms: str) -> tuple[list[int], list[int], list[int], int, int]:
    found = count_keyterms([align(said.split(), heard.split())], [tuple(term.split()) for term in terms])
    parts = [part[0].tolist() for part in (found.said, found.found, found.put_in)]
    return parts[0], parts[1], parts[2], int(found.words[0]), int(found.errors[0])


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("go to new york now", "go to new york now", ([1, 1], [1, 1], [0, 0], 3, 0)),
        ("go to new york now", "go to york now", ([1, 1], [0, 1], [0, 0], 3, 0)),
        ("go to new york now", "go to no york no", ([1, 1], [0, 1], [0, 0], 3, 1)),
        ("go to new york", "go to new old york", ([1, 1], [0, 1], [0, 0], 2, 1)),  # both words are right
        ("go to york", "go to yo ark", ([0, 1], [0, 0], [0, 0], 2, 0)),  # the name's error alone
        ("go to work", "go to york", ([0, 0], [0, 0], [0, 1], 3, 1)),
        ("go to", "go new york to", ([0, 0], [0, 0], [1, 1], 2, 2)),
        ("york york", "york", ([0, 2], [0, 1], [0, 0], 0, 0)),
    ],
)
def test_occurrences_are_counted_in_the_alignment(said: str, heard: str, expected: object) -> None:
    assert counts(said, heard, "new york", "york") == expected


WORDS = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)


@given(WORDS, WORDS, st.sets(st.sampled_from(["a", "a b", "b a", "c c"]), min_size=1))
def test_what_is_counted_adds_up(said: str, heard: str, terms: set[str]) -> None:
    listed = sorted(terms)
    there, found, put_in, words, errors = counts(said, heard, *listed)
    for text, numbers in ((said, there), (heard, [f + p for f, p in zip(found, put_in, strict=True)])):
        for term, number in zip(listed, numbers, strict=True):
            padded = f" {text} "
            assert number == sum(padded.startswith(f" {term} ", at) for at in range(len(padded)))
    assert all(f <= s for f, s in zip(found, there, strict=True))
    total = score([said], [heard], "raw").words
    assert words <= total.reference and errors <= total.errors
    if not any(there):
        assert (words, errors) == (total.reference, total.errors)


def test_the_curve_its_report_and_its_page() -> None:
    said = ["go to Hartfield", "the heart of it", "a field"]
    heard = {0.0: ["go to hart field", "the heart of it", "a field"]}
    heard[1.0] = ["go to hartfield", "the heart of it", "field"]
    heard[2.0] = ["go to hartfield", "the hartfield of it", "hartfield"]
    evaluations = {boost: score(said, texts, speakers=["x", "y", "y"]) for boost, texts in heard.items()}
    curve = keyterm_curve(evaluations, ["Hartfield", "<Emma>", "hartfield", "..."], 1.0)
    assert curve.terms == 2
    facts = [(p.boost, p.said, p.found, p.put_in, p.words, p.errors) for p in curve.points]
    assert facts == [(0.0, 1, 0, 0, 8, 0), (1.0, 1, 1, 0, 8, 1), (2.0, 1, 1, 2, 8, 3)]
    assert curve.in_use.precision == 1.0 and curve.points[2].precision == pytest.approx(1 / 3)
    (row,) = curve.rows
    assert (row.term, row.said, row.found_without, row.found, row.put_in) == ("hartfield", 1, 0, 1, 0)
    for width in (60, 120):
        console = Console(width=width, record=True, file=None)
        with console.capture() as captured:
            console.print(keyterm_report(curve, width))
        assert all(len(line) <= width for line in captured.get().splitlines())
        assert "*1" in captured.get() and "hartfield" in captured.get()
    page = keyterm_section(curve)
    assert page.count("<svg") == 2 and "hartfield" in page and "<Emma>" not in page
