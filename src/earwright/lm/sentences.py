"""Where the sentences of a text are: its layout is found out, and full stops are told from abbreviations.

A token is what stands between spaces. What it means for the sentences depends on the token alone, so that
each is looked at once: it may end a sentence, and it may begin one; a sentence ends where the one follows the
other.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from earwright.compiling import kernel
from earwright.errors import EarwrightError
from earwright.lm.storage import Array

# What ends at a newline: a sentence, which ends nowhere else; a paragraph; nothing but at an empty line.
LINES, PARAGRAPHS, WRAPPED = LAYOUTS = ("lines", "paragraphs", "wrapped")

ENDS, BEGINS, WORDLESS, BREAK = 1, 2, 4, 8
BREAK_TOKEN = "\n"  # between paragraphs; no token can be like it

_CLOSERS = "\"'”’»)]}›_*“‘«"
_TERMINATORS = ".!?…。！？।؟۔"
_ALWAYS = frozenset("。！？")  # of scripts that put no space after it

_ABBREVIATIONS = frozenset(
    word
    for words in (
        "mr mrs ms messrs mme mlle dr st prof rev revd hon rt capt col gen lieut lt sergt sgt corp maj adm",
        "gov pres sen rep esq jr sr bros mt ft no nos vol vols chap ch fig figs p pp ed eds vs viz cf al",
        "eg ie e.g i.e approx jan feb mar apr jun jul aug sept oct nov dec",
        "hr hrn fr frl nr bd bzw dgl geb sog evtl ca u.a z.b d.h s.o s.u",
    )
    for word in words.split()
)
_TITLE_NUMBER = re.compile(r"\d{1,2}\.")  # "3. Mai", "1. the first"


def token_flags(token: str) -> int:
    """What a token means for the sentences: ENDS, BEGINS and WORDLESS, or BREAK."""
    if token == BREAK_TOKEN:
        return BREAK
    first = next((character for character in token if character.isalnum()), "")
    flags = 0 if first else WORDLESS
    if first and (not first.islower()) and (first.isupper() or first.isdigit() or _caseless(first)):
        flags |= BEGINS
    bare = token.rstrip(_CLOSERS)
    if bare and bare[-1] in _TERMINATORS and not _abbreviation(bare.lstrip(_CLOSERS + "([{")):
        flags |= ENDS
    return flags


def _caseless(character: str) -> bool:
    return unicodedata.category(character) in ("Lo", "Lt")


def _abbreviation(token: str) -> bool:
    """Whether the full stop at the end of a token belongs to the word before it."""
    if not token.endswith(".") or token.endswith(".."):
        return False
    stem = token[:-1]
    if len(stem) == 1 and stem.isalpha() and stem != "I":  # an initial
        return True
    return stem.lower() in _ABBREVIATIONS or _TITLE_NUMBER.fullmatch(token) is not None


@kernel
def _find_ends(types: Array, flags: Array, whole_lines: bool, state: Array, ends: Array) -> None:
    pending = state[0]
    for place in range(len(types)):
        flag = flags[types[place]]
        if flag & BREAK:
            ends[place] = True
            pending = False
            continue
        if whole_lines:
            continue
        if pending and flag & BEGINS:
            ends[place] = True
            pending = False
        if flag & ENDS:
            pending = True
        elif not flag & WORDLESS:
            pending = False
    state[0] = pending


def find_ends(types: Array, flags: Array, layout: str, state: Array) -> Array:
    """Before which tokens of a piece of text a sentence ends: (n,) bool.

    Args:
        types: (n,) the number of each token's type.
        flags: of each type.
        layout: one of LAYOUTS.
        state: (1,) bool, carried from piece to piece: whether the last token ended a sentence.
    """
    ends = np.zeros(len(types), bool)
    _find_ends(types, flags, layout == LINES, state, ends)
    return ends


def split_tokens(text: str, layout: str) -> list[str]:
    """The tokens of a piece of text, BREAK_TOKEN where a line (or, hard-wrapped, an empty line) ends."""
    *lines, last = text.split("\n")
    tokens: list[str] = []
    for line in lines:
        words = line.split()
        tokens += words
        if layout != WRAPPED or not words:
            tokens.append(BREAK_TOKEN)
    return tokens + last.split()


def laid_out(pieces: Iterable[str], layout: str = "auto") -> tuple[str, Iterator[str]]:
    """The layout of a text, found out from its first piece where it is "auto", and all pieces.

    Raises:
        EarwrightError: there is no such layout.
    """
    if layout not in ("auto", *LAYOUTS):
        raise EarwrightError(f'there is no layout "{layout}"; there are auto, {", ".join(LAYOUTS)}.')
    rest = iter(pieces)
    first = next(rest, "")
    return find_layout(first) if layout == "auto" else layout, itertools.chain([first], rest)


# Of the lines that go on: so short and so even are those of a hard-wrapped book, in characters.
_WRAPPED_LONGEST = 110
_WRAPPED_SHORTEST = 35
_INNER_END = re.compile(rf"[^\W\d_][.!?…][{re.escape(_CLOSERS)}]*[ ]+[{re.escape(_CLOSERS)}(]*[^\W\d_a-z]")
_FULL_END = re.compile(rf"[{_TERMINATORS}][{re.escape(_CLOSERS)}]*$")


def find_layout(sample: str) -> str:
    """LINES, PARAGRAPHS or WRAPPED, from the beginning of a text.

    Hard-wrapped lines are full nearly to the same length and mostly end inside a sentence. One sentence a
    line has hardly a sentence that ends inside a line, and either full stops at the ends or none anywhere.
    All else is a paragraph a line.
    """
    lines = [line.strip() for line in sample.split("\n")[:20000]]
    filled = [line for line in lines if line]
    if not filled:
        return LINES
    if _is_wrapped(lines, filled):
        return WRAPPED
    inner = sum(len(_INNER_END.findall(line)) for line in filled) / len(filled)
    # Headings, lists and verse have no full stops either; books have both, and many inside their lines.
    return PARAGRAPHS if inner > 0.25 else LINES


def _is_wrapped(lines: Sequence[str], filled: Sequence[str]) -> bool:
    lengths = np.sort([len(line) for line in filled])
    full = int(lengths[int(0.95 * (len(lengths) - 1))])
    if not _WRAPPED_SHORTEST <= full <= _WRAPPED_LONGEST:
        return False
    # Lines that another follows in the same paragraph.
    inside = [line for line, following in itertools.pairwise(lines) if line and following]
    if len(inside) < max(0.5 * len(filled), 3):
        return False
    long_ones = sum(len(line) > 0.75 * full for line in inside) / len(inside)
    stopped = sum(_FULL_END.search(line) is not None for line in inside) / len(inside)
    anywhere = sum(_FULL_END.search(line) is not None or "." in line for line in filled) / len(filled)
    return long_ones > 0.7 and stopped < 0.5 and anywhere > 0.1
