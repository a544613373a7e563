"""Sphinx's FSG files; and pocketsphinx' own grammar in both of its forms."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from earwright.decoding import Grammar
from earwright.errors import EarwrightError

TURTLE = """# comment
FSG_BEGIN turtle
NUM_STATES 4
START_STATE 0
FINAL_STATE 3
TRANSITION 0 1 1.0 go
T 1 2 0.25 forward
T 1 2 0.75 backward
TRANSITION 2 0 0.5
TRANSITION 2 3 0.5
FSG_END
"""


def test_transitions_with_and_without_words(tmp_path: Path) -> None:
    path = tmp_path / "turtle.fsg"
    path.write_text(TURTLE)
    grammar = Grammar.load(path)
    assert grammar.words == ("backward", "forward", "go")
    assert grammar.log_prob(["go", "forward"]) == pytest.approx(math.log10(0.125))
    assert grammar.log_prob(["go", "backward", "go", "backward"]) == pytest.approx(math.log10(0.75**2 / 4))
    assert grammar.log_prob(["go"]) == -math.inf


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FSG_END\n", "", "ends without FSG_END"),
        ("NUM_STATES 4\n", "", "lacks NUM_STATES"),
        ("START_STATE 0\n", "", "lacks START_STATE"),
        ("0.25 forward", "0.0 forward", "line 7: '0.0' is no probability"),
        ("0.25 forward", "1.5 forward", "line 7: '1.5' is no probability"),
        ("0.25 forward", "x forward", "line 7: 'x' is no probability"),
        ("T 1 2 0.25 forward", "T 1 9 0.25 forward", "line 7: there is no state 9; NUM_STATES is 4"),
        ("FINAL_STATE 3", "FINAL_STATE 4", "there is no state 4"),
        ("T 1 2 0.25 forward", "T 1 -2 0.25 forward", "line 7: '-2' is not a whole number"),
        ("T 1 2 0.25 forward", "T 1 2", "line 7: 'T 1 2' is no line of an FSG file"),
        ("TRANSITION 2 3 0.5", "", "nothing at all"),
    ],
)
def test_bad_files_are_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.fsg"
    assert TURTLE.count(old) == 1
    path.write_text(TURTLE.replace(old, new))
    with pytest.raises(EarwrightError, match=message):
        _ = Grammar.load(path).automaton


def test_pocketsphinx_own_grammar_in_both_forms() -> None:
    shared = os.environ.get("EARWRIGHT_SHARED")
    folder = Path(shared or "") / "vectors" / "decoder" / "pocketsphinx"
    if not shared or not folder.is_dir():
        pytest.skip("EARWRIGHT_SHARED names no folder with pocketsphinx' grammars")
    jsgf = Grammar.load(folder / "goforward.gram", rule="move2")
    fsg = Grammar.load(folder / "goforward.fsg")
    assert jsgf.words == fsg.words
    said = ["go", "forward", "ten", "meters"]
    assert fsg.log_prob(said) == pytest.approx(math.log10(0.5 * 0.1 * 0.9))
    assert jsgf.log_prob(said) == pytest.approx(math.log10(0.5 * 0.1 * 0.5 * 0.5))
    assert Grammar.load(folder / "goforward.gram").log_prob(said) == pytest.approx(math.log10(0.5))
    assert jsgf.log_prob(said[:3]) > -math.inf and fsg.log_prob(said[:3]) == -math.inf
