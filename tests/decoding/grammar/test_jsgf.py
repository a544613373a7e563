"""JSGF: what the specification's texts say, and what is wrong with bad ones."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from earwright.decoding import Grammar
from earwright.errors import EarwrightError

HEADER = "#JSGF V1.0;\ngrammar test;\n"


def prob(text: str, words: str, rule: str | None = None) -> float:
    """Of words in a grammar with these rules."""
    log_prob = Grammar.of_jsgf(HEADER + text, rule).log_prob(words.split())
    return 10.0**log_prob if log_prob > -math.inf else 0.0


def test_the_specification_s_polite_commands() -> None:
    """From its section 5, "Examples"."""
    grammar = Grammar.of_jsgf(
        """#JSGF V1.0 ISO8859-1 en;

        grammar com.acme.commands;

        /**
         * Basic command.
         * @example please move the window
         */
        public <basicCmd> = <startPolite> <command> <endPolite>;

        <command> = <action> <object>;
        <action> = /10/ open |/2/ close |/1/ delete |/1/ move;
        <object> = [the | a] (window | file | menu);
        <startPolite> = (please | kindly | could you | oh mighty computer) *;
        <endPolite> = [ please | thanks | thank you ];
        """
    )
    for said in ("open a window", "please move the window", "oh mighty computer please open file thank you"):
        assert grammar.log_prob(said.split()) > -math.inf
    for other in ("window", "open a", "open the a file", "thanks open a window", ""):
        assert grammar.log_prob(other.split()) == -math.inf
    ratio = grammar.log_prob(["open", "file"]) - grammar.log_prob(["move", "file"])
    assert ratio == pytest.approx(1.0)  # 10 : 1


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("public <a> = a | b;", "a", 1 / 2),
        ("public <a> = /3/ a | /1/ b;", "a", 3 / 4),
        ("public <a> = /3.0/ a | b;", "b", 1 / 4),  # what has no weight weighs 1
        ("public <a> = /1e1/ a | /.5f/ b | /0/ c;", "c", 0.0),
        ("public <a> = a [b];", "a", 1 / 2),
        ("public <a> = a [b | c];", "a c", 1 / 4),
        ("public <a> = a*;", "", 1 / 2),
        ("public <a> = a*;", "a a", 1 / 8),
        ("public <a> = a+;", "", 0.0),
        ("public <a> = a+;", "a a", 1 / 4),
        ("public <a> = a b*;", "a", 1 / 2),  # * belongs to the word before it
        ("public <a> = (a b)+;", "a b a b", 1 / 4),
        ("public <a> = a | b c;", "b c", 1 / 2),  # words bind more than |
        ("public <a> = <b> <b>; <b> = x | y;", "y x", 1 / 4),
        ("public <a> = a <NULL>;", "a", 1.0),
        ("public <a> = a | <VOID>;", "a", 1 / 2),
        ("public <a> = a | b <VOID>;", "b", 0.0),
        ("public <a> = a <b>; <b> = b | c <a>;", "a c a b", 1 / 4),  # recursion where a rule ends
        ("public <a> = x | <a>;", "x", 1 / 2),  # a loop that says nothing changes nothing
        ("public <a> = (<NULL>)* x;", "x", 1 / 2),
        ("public <a> = [[[x]]]*;", "", 1 / 2),
        ('public <a> = "New York" | \'90s | "a \\" b";', "New York", 1 / 3),
        ('public <a> = "a \\" b" | c;', 'a " b', 1 / 2),
        ('public <a> = "a;b|c";', "a;b|c", 1.0),
        ("public <a> = a // b;\n c /* d\n e */ f;", "a c f", 1.0),
        ("public <a> = x; public <b> = y; <c> = z;", "y", 1 / 2),
        ("public <a> = <test.b> <x.test.c>; <b> = y; <c> = z;", "y z", 1.0),
        ("public <a> = grüße 你好 don't;", "grüße 你好 don't", 1.0),
    ],
)
def test_rules_say_this(text: str, words: str, expected: float) -> None:
    text = text.replace("<x.test.c>", "<test.c>")
    assert prob(text, words) == pytest.approx(expected)


def test_a_rule_can_be_chosen() -> None:
    text = "public <a> = x; <c> = z;"
    assert prob(text, "z", rule="c") == pytest.approx(1.0)
    assert prob(text, "x", rule="c") == 0.0


@pytest.mark.parametrize(
    ("text", "words", "tags"),
    [
        (
            "public <a> = (open {OPEN} | close {CLOSE}) [the] door {DOOR};",
            "close the door",
            ("CLOSE", "DOOR"),
        ),
        ("public <a> = <b> {whole} {twice}; <b> = x {part};", "x", ("part", "whole", "twice")),
        ("public <a> = (x {\\} \\\\})+;", "x x", ("} \\", "} \\")),
        ("public <a> = x [<NULL> {silent}] y;", "x y", ()),
        ("public <a> = x <NULL> {silent} y;", "x y", ("silent",)),
        ("public <a> = /1/ x {rare} | /9/ x {often};", "x", ("often",)),
        ("public <a> = x {t};", "y", ()),
        ("public <a> = x;", "x", ()),
    ],
)
def test_tags_are_no_text_and_come_back(text: str, words: str, tags: tuple[str, ...]) -> None:
    grammar = Grammar.of_jsgf(HEADER + text)
    assert "{" not in "".join(grammar.words)
    assert grammar.tags(words.split()) == tags


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("public <a> = <b>;", r"line 3: there is no <b>\."),
        (
            "public <a> = x\n | <comand>; <command> = y;",
            "line 4: there is no <comand>; did you mean <command>",
        ),
        ("<a> = b;", "no rule is public"),
        ("", "no rule is public"),
        ("public <a> = ;", "line 3: there is nothing before ';'; write <NULL>"),
        ("public <a> = a | ;", "line 3: there is nothing before ';'"),
        ("public <a> = a ();", r"line 3: there is nothing before '\)'"),
        ("public <a> = (a;", r"line 3: here stands ';', where there should be '\)'"),
        ("public <a> = a)\n;", r"line 3: here stands '\)', where there should be ';'"),
        ("public <a> = a\n", "line 4: here stands the end of the file, where there should be ';'"),
        ("public <a> = * a;", r"line 3: there is nothing before '\*'"),
        ("public <a> = a; <a> = b;", "the rule <a> is there twice"),
        ("public <NULL> = a;", "the rule <NULL> cannot be defined"),
        ("import <com.acme.*>;\npublic <a> = b;", "line 3: imports are not supported"),
        ("public <a> = a <com.acme.b>;", "line 3: there is no <com.acme.b>"),
        ('public <a> = "b;', "line 3: a quoted word is not ended"),
        ("public <a> = {b;", "line 3: a tag is not ended"),
        ("public <a> = <b;", "line 3: a rule's name is not ended"),
        ("public <a> = b; /* c", "line 3: this is neither a comment nor a weight"),
        ("public <a> = /x/ a;", "line 3: this is neither a comment nor a weight"),
        ("public <a> = /-1/ a;", "line 3: this is neither a comment nor a weight"),
        ("public <a> = /0/ a | /0/ b;", "line 3: all weights are 0"),
        ("public <a> = a }b;", "line 3: '}' cannot stand here"),
        ("public a = b;", "line 3: here stands 'a', where there should be a rule's name"),
        ("public <a> = a <a> b | c;", "line 3: <a> refers to itself elsewhere than at its end"),
        ("public <a> = <a> b | c;", "line 3: <a> refers to itself elsewhere than at its end"),
        ("public <a> = x <b>;\n<b> = <a> y | z;", "line 4: <a> refers to itself"),
        ("public <a> = (b <a>)*;", "line 3: <a> refers to itself"),
        ("public <a> = " + "(" * 3000 + "a" + ")" * 3000 + ";", "line 3: groups lie more than 60 deep"),
    ],
)
def test_bad_grammars_are_said_with_their_line(text: str, message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        Grammar.of_jsgf(HEADER + text)


def test_long_chains_and_explosions_of_rules_are_said() -> None:
    chain = "".join(f"<r{n}> = <r{n + 1}>;\n" for n in range(2000)) + "<r2000> = a;"
    with pytest.raises(EarwrightError, match="too deep"):
        Grammar.of_jsgf(HEADER + "public <a> = <r0>;\n" + chain)
    doubled = "".join(f"<r{n}> = <r{n + 1}> <r{n + 1}>;\n" for n in range(40)) + "<r40> = a;"
    with pytest.raises(EarwrightError, match="written out, the grammar has more than"):
        Grammar.of_jsgf(HEADER + "public <a> = <r0>;\n" + doubled)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("public <a> = <VOID>;", "nothing at all"),
        ("public <a> = a <VOID>;", "nothing at all"),
        ("public <a> = <a>;", "nothing at all"),
        ("public <a> = a <a>;", "nothing at all"),
        ("public <a> = <NULL>;", "the empty text alone"),
        ("public <a> = (<NULL>)*;", "the empty text alone"),
    ],
)
def test_languages_without_words_are_said(text: str, message: str) -> None:
    with pytest.raises(EarwrightError, match=f"the grammar allows {message}"):
        _ = Grammar.of_jsgf(HEADER + text).automaton


def test_loops_that_no_automaton_can_keep_apart() -> None:
    grammar = Grammar.of_jsgf(HEADER + "public <a> = (/9/ x | /1/ y)* b | (/1/ x | /9/ y)* c;")
    assert not grammar.automaton.exact
    for said in ("b", "x x y b", "y y y c"):
        assert grammar.log_prob(said.split()) > -math.inf
    for other in ("", "x", "b c", "x b y c"):
        assert grammar.log_prob(other.split()) == -math.inf
    ambiguous = Grammar.of_jsgf(HEADER + "public <a> = (a | b)* a" + " (a | b)" * 20 + ";")
    with pytest.raises(EarwrightError, match="more ways than a search keeps apart"):
        _ = ambiguous.automaton


def test_files_are_read_in_their_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.gram"
    path.write_bytes("#JSGF V1.0 ISO8859-1 de;\ngrammar a;\npublic <a> = grün;\n".encode("latin-1"))
    assert Grammar.load(path).words == ("grün",)
    path.write_bytes(b"\xef\xbb\xbf#JSGF V1.0;\r\ngrammar a;\r\npublic <a> = b;\r\n")
    assert Grammar.load(path).words == ("b",)
    path.write_bytes("#JSGF V1.0;\ngrammar a;\npublic <a> = grün;\n".encode("latin-1"))
    with pytest.raises(EarwrightError, match=r"a\.gram: cannot be read as UTF-8"):
        Grammar.load(path)
    path.write_bytes(b"#JSGF V1.0 klingon;\ngrammar a;\npublic <a> = b;\n")
    with pytest.raises(EarwrightError, match="cannot be read as klingon"):
        Grammar.load(path)
    path.write_bytes(b"grammar a;\npublic <a> = b;\n")
    with pytest.raises(EarwrightError, match=r"line 1: a JSGF file begins with '#JSGF V1\.0;'"):
        Grammar.load(path)
    with pytest.raises(EarwrightError, match="cannot be read"):
        Grammar.load(tmp_path / "none.gram")
    path.write_text(HEADER + "public <a> = b;")
    with pytest.raises(EarwrightError, match="there is no rule <c>; it has a"):
        Grammar.load(path, rule="c")
