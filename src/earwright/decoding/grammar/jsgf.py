"""JSpeech Grammar Format, version 1 (W3C Note of 5 June 2000, www.w3.org/TR/jsgf): its text as rules.

What this reads: the header with its encoding, comments, public and private rules, groups, `[optional]`,
alternatives with `/weights/`, `*` and `+`, `{tags}`, quoted tokens, <NULL> and <VOID>. Rules of other
grammars (`import`) it does not.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from earwright.decoding.grammar.expressions import (
    NOTHING,
    Choice,
    Expression,
    Reference,
    Repeat,
    Tagged,
    Word,
    optional,
    series,
)
from earwright.errors import EarwrightError

DEEPEST = 60  # groups within groups; a level is three calls

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?\s*#JSGF[ \t]+V1\.0(?:[ \t]+([^\s;]+))?(?:[ \t]+[^\s;]+)?[ \t]*;")
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fFdD]?"
_TOKENS = re.compile(
    rf"""
      (?P<blank>\s+ | //[^\n]* | /\*.*?\*/)
    | (?P<rule><[^<>\n;|]*>)
    | (?P<tag>\{{(?:\\.|[^\\{{}}])*\}})
    | (?P<quoted>"(?:\\.|[^"\\])*")
    | (?P<weight>/\s*{_NUMBER}\s*/)
    | (?P<sign>[;=|*+()\[\]])
    | (?P<word>[^\s;=|*+<>()\[\]{{}}/"]+)
    """,
    re.DOTALL | re.VERBOSE,
)
_UNFINISHED = {
    "/": "this is neither a comment nor a weight, which is a number of 0 or more between slashes.",
    "<": "a rule's name is not ended by '>'.",
    "{": "a tag is not ended by '}'.",
    '"': "a quoted word is not ended.",
}


class _Token(NamedTuple):
    kind: str  # a group of _TOKENS; "end" after the last
    text: str
    line: int


@dataclass(frozen=True)
class Rules:
    """The rules of a grammar, by name, and the names of the public ones."""

    rules: dict[str, Expression]
    public: tuple[str, ...]


def read_jsgf(content: bytes, source: str) -> Rules:
    """Read a grammar.

    Args:
        content: of the file.
        source: its name.

    Raises:
        EarwrightError: it is no JSGF, or has imports; with its line.
    """
    header = _HEADER.match(content)
    if header is None:
        raise EarwrightError(f"{source}, line 1: a JSGF file begins with '#JSGF V1.0;'.")
    encoding = (header[1] or b"UTF-8").decode("ascii", "replace")
    try:
        codecs.lookup(encoding)
        text = content[header.end() :].decode("utf-8-sig" if encoding.upper() == "UTF-8" else encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{source}: cannot be read as {encoding} text ({error}).") from error
    return _Parser(text, 1 + header[0].count(b"\n"), source).grammar()


class _Parser:
    """Recursive descent."""

    def __init__(self, text: str, line: int, source: str) -> None:
        self.source = source
        self.tokens = list(_tokens(text, line, source))
        self.at = 0
        self.depth = 0
        self.name = ""

    def grammar(self) -> Rules:
        if not self._word("grammar"):
            self._wrong("after the header comes 'grammar NAME;'.")
        self.name = self._take("word", "the grammar's name").text
        self._take_sign(";")
        rules: dict[str, Expression] = {}
        public = []
        while self._next.kind != "end":
            if self._word("import"):
                self._wrong("imports are not supported; put the rules into this file.")
            is_public = self._word("public")
            token = self._take("rule", "a rule's name, such as <command>")
            name = token.text.strip("<> \t")
            if name in ("NULL", "VOID", "") or name in rules:
                what = "is there twice" if name in rules else "cannot be defined"
                self._wrong(f"the rule <{name}> {what}; give it another name.", token.line)
            self._take_sign("=")
            rules[name] = self._alternatives()
            self._take_sign(";")
            if is_public:
                public.append(name)
        if not public:
            raise EarwrightError(f"{self.source}: no rule is public; put 'public' before the one to be said.")
        return Rules(rules, tuple(public))

    def _alternatives(self) -> Expression:
        """Of a rule or a group; what has no weight weighs 1."""
        ways = []
        line = self._next.line
        while True:
            weight = 1.0
            if self._next.kind == "weight":
                weight = float(self._step().text.strip("/ \t\r\nfFdD"))
            ways.append((weight, self._sequence()))
            if not self._sign("|"):
                break
        if sum(weight for weight, _ in ways) <= 0.0:
            self._wrong("all weights are 0, so none of these can be said.", line)
        return ways[0][1] if len(ways) == 1 else Choice(tuple(ways))

    def _sequence(self) -> Expression:
        parts = []
        while self._next.kind in ("rule", "quoted", "word") or self._next.text in ("(", "["):
            parts.append(self._item())
        if not parts:
            self._wrong(f"there is nothing before {self._shown()}; write <NULL> for what may be left out.")
        return series(parts)

    def _item(self) -> Expression:
        part = self._single()
        while True:
            if self._sign("*"):
                part = Repeat(part, 0)
            elif self._sign("+"):
                part = Repeat(part, 1)
            elif self._next.kind == "tag":
                part = Tagged(part, re.sub(r"\\(.)", r"\1", self._step().text[1:-1], flags=re.DOTALL).strip())
            else:
                return part

    def _single(self) -> Expression:
        token = self._step()
        if token.kind == "word":
            return Word(token.text, token.line)
        if token.kind == "quoted":
            words = re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL).split()
            return series([Word(word, token.line) for word in words])
        if token.kind == "rule":
            return self._reference(token)
        self.depth += 1
        if self.depth > DEEPEST:
            self._wrong(f"groups lie more than {DEEPEST} deep in each other; make rules of them.")
        inner = self._alternatives()
        self._take_sign(")" if token.text == "(" else "]")
        self.depth -= 1
        return inner if token.text == "(" else optional(inner)

    def _reference(self, token: _Token) -> Expression:
        name = token.text.strip("<> \t")
        if name == "NULL":
            return NOTHING
        if name == "VOID":
            return Choice(())
        package, _, last = name.rpartition(".")
        if package and package in (self.name, self.name.rpartition(".")[2]):
            name = last  # a rule of this very grammar, by its full name
        return Reference(name, token.line)

    @property
    def _next(self) -> _Token:
        return self.tokens[self.at]

    def _step(self) -> _Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def _take(self, kind: str, what: str) -> _Token:
        if self._next.kind != kind:
            self._wrong(f"here stands {self._shown()}, where there should be {what}.")
        return self._step()

    def _take_sign(self, sign: str) -> None:
        if not self._sign(sign):
            self._wrong(f"here stands {self._shown()}, where there should be {sign!r}.")

    def _sign(self, sign: str) -> bool:
        there = self._next.kind == "sign" and self._next.text == sign
        self.at += there
        return there

    def _word(self, word: str) -> bool:
        there = self._next.kind == "word" and self._next.text == word
        self.at += there
        return there

    def _shown(self) -> str:
        return "the end of the file" if self._next.kind == "end" else repr(self._next.text)

    def _wrong(self, what: str, line: int | None = None) -> None:
        raise EarwrightError(f"{self.source}, line {line or self._next.line}: {what}")


def _tokens(text: str, line: int, source: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            why = _UNFINISHED.get(text[at], f"{text[at]!r} cannot stand here; put what has it into quotes.")
            raise EarwrightError(f"{source}, line {line}: {why}")
        if found.lastgroup != "blank":
            yield _Token(str(found.lastgroup), found[0], line)
        line += found[0].count("\n")
        at = found.end()
    yield _Token("end", "", line)
