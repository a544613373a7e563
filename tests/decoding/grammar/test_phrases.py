"""Plain lists of phrases."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from earwright.decoding import Grammar
from earwright.errors import EarwrightError

LAMP = """# what the lamp understands
{room} = kitchen | living room
{room} = bath   | [upper] hall

turn (on|off) the [big] light [in the {room}]
good night
"""


def test_a_list_with_slots(tmp_path: Path) -> None:
    path = tmp_path / "lamp.txt"
    path.write_text(LAMP)
    grammar = Grammar.load(path)
    for said, prob in (
        ("good night", 1 / 2),
        ("turn on the light", 1 / 2 / 2 / 2 / 2),
        ("turn off the big light in the living room", 1 / 2 / 2 / 2 / 2 / 4),
        ("turn off the light in the upper hall", 1 / 2 / 2 / 2 / 2 / 4 / 2),
    ):
        assert grammar.log_prob(said.split()) == pytest.approx(math.log10(prob))
    for other in ("", "turn the light", "good", "good night good night", "turn on the light in the room"):
        assert grammar.log_prob(other.split()) == -math.inf


def test_phrases_from_a_program() -> None:
    grammar = Grammar.of_phrases(["call {name}", "stop"], {"name": ["ann", "bob (lee|ray)"]})
    assert grammar.log_prob(["call", "bob", "ray"]) == pytest.approx(math.log10(1 / 2 / 2 / 2))
    assert grammar.words == ("ann", "bob", "call", "lee", "ray", "stop")


def test_ten_thousand_names_become_a_few_states() -> None:
    names = [f"given{n % 100} family{n // 100}" for n in range(10_000)]
    grammar = Grammar.of_phrases(["call {name}", "send {name} a message"], {"name": names})
    assert len(grammar.automaton.final) == 2 * 2 + 3 + 1
    assert grammar.log_prob(["send", "given7", "family99", "a", "message"]) == pytest.approx(
        math.log10(0.5e-4)
    )


def test_words_are_respelled() -> None:
    grammar = Grammar.of_phrases(["Play E-mail - now!"]).spelled(
        lambda word: word.lower().replace("-", " ").strip("!")
    )
    assert grammar.log_prob(["play", "e", "mail", "now"]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no phrases"),
        ("# nothing\n\n", "has no phrases"),
        ("{room} = hall\n", "has no phrases"),
        ("go {rom}\n{room} = hall\n", r"line 1: there is no \{rom\}; did you mean \{room\}"),
        ("a\n(b|c\n", r"line 2: '\(' is not closed by '\)' before 'the end of the line'"),
        ("[b)\n", r"line 1: '\[' is not closed by '\]' before '\)'"),
        ("b]\n", "line 1: ']' closes nothing"),
        ("a ()\n", r"line 1: there are no words before '\)'"),
        ("a | \n", "line 1: there are no words before 'the end of the line'"),
        ("{room} =\n", "line 1: there are no words"),
        ("go {room\n", r"line 1: '\{' cannot stand here; a list is named in braces"),
        ("go {}\n", r"line 1: '\{' cannot stand here"),
        ("{a} = x {b}\n{b} = {a} y\ngo {a}\n", r"line 2: \{a\} refers to itself"),
        ("(" * 1000 + "a" + ")" * 1000, "line 1: groups lie more than 60 deep"),
    ],
)
def test_bad_lists_are_said_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "phrases.txt"
    path.write_text(text)
    with pytest.raises(EarwrightError, match=message) as caught:
        Grammar.load(path)
    assert str(path) in str(caught.value)


def test_bad_phrases_of_a_program_are_said() -> None:
    with pytest.raises(EarwrightError, match="the phrases: has no phrases"):
        Grammar.of_phrases([])
    with pytest.raises(EarwrightError, match=r"the list \{name\} is empty"):
        Grammar.of_phrases(["call {name}"], {"name": []})
    with pytest.raises(EarwrightError, match=r"list \{name\}: '\(' is not closed"):
        Grammar.of_phrases(["call {name}"], {"name": ["(a"]})


def test_what_is_no_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EarwrightError, match="cannot be read as UTF-8"):
        Grammar.load(path)
    path.write_text("a\n")
    with pytest.raises(EarwrightError, match="is no JSGF file, so it has no rule 'b'"):
        Grammar.load(path, rule="b")
