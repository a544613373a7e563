"""Transcripts with sclite's markup, as networks of words, and the alignment of two of them.

`{ a / b c / @ }` are alternatives ("@" is no word), `(word)` may be left out, `wo-` and `-rd` are fragments.
A network has an arc for each word; alternatives are parallel paths. The alignment finds the two paths that
fit best (NIST SCTK, sclite: the dynamic program over pairs of arcs, its costs and its order among equals).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from earwright.evaluation.align import GAP_COST, SUBSTITUTION_COST, Operation, Pair, align

NO_WORD = "@"

_Option = tuple[float, tuple[int, int]]  # a cost, and the cell (of two arcs) that it comes from

# Correct < optional deletion < deletion; a "@" all but vanishes. sclite adds in single precision, where sums
# with 0.001 round; ties come out as there only if we round, too.
_NO_WORD_GAP = float(np.float32(0.001))
_CORRECT, _NO_WORD_PAIR, _OPTIONAL_GAP, _GAP, _SUBSTITUTION = (
    0.0,
    1.0,
    2.0,
    float(GAP_COST),
    float(SUBSTITUTION_COST),
)


@dataclass(frozen=True)
class MarkedWord:
    """A word of a transcript.

    Attributes:
        text: without the parentheses of an optional word.
        optional: leaving it out is no error.
        fragment: begins or ends with a hyphen, and fits any word that ends or begins like it.
    """

    text: str
    optional: bool = False
    fragment: bool = False


class _Node:
    def __init__(self) -> None:
        self.incoming: list[_Arc] = []
        self.outgoing: list[_Arc] = []


class _Arc:
    def __init__(self, source: _Node, target: _Node, word: MarkedWord) -> None:
        self.source, self.target, self.word = source, target, word
        source.outgoing.append(self)
        target.incoming.append(self)

    def remove(self) -> None:
        self.source.outgoing.remove(self)
        self.target.incoming.remove(self)


class Network:
    """The paths that a transcript allows; `parse` makes it."""

    def __init__(self) -> None:
        self.start = _Node()
        self.stop = self.start

    def append(self, word: MarkedWord) -> None:
        """Put a word at the end."""
        node = _Node()
        _Arc(self.stop, node, word)
        self.stop = node

    def append_alternatives(self, networks: list[Network]) -> None:
        """Put parallel paths at the end."""
        source, self.stop = self.stop, _Node()
        for network in networks:
            network.insert_between(source, self.stop)

    def insert_between(self, source: _Node, target: _Node) -> None:
        """Give this network's ends to two nodes of another."""
        for arc in self.start.outgoing:
            arc.source = source
            source.outgoing.append(arc)
        for arc in self.stop.incoming:
            arc.target = target
            target.incoming.append(arc)

    def plain_words(self) -> list[str] | None:
        """The words, if there is nothing to them but their order."""
        words, node = [], self.start
        while node.outgoing:
            word = node.outgoing[0].word
            if len(node.outgoing) > 1 or word.optional or word.fragment or word.text == NO_WORD:
                return None
            words.append(word.text)
            node = node.outgoing[0].target
        return words

    def arcs(self) -> list[_Arc]:
        """All arcs, each after those that can come before it."""
        waiting: dict[_Node, int] = {}
        ready, arcs = [self.start], []
        for node in ready:
            for arc in node.outgoing:
                left = waiting.get(arc.target, len(arc.target.incoming)) - 1
                waiting[arc.target] = left
                if not left:
                    ready.append(arc.target)
            arcs += node.outgoing
        return arcs


def parse(text: str, *, optional: bool = False, fragments: bool = False) -> Network:
    """Read a transcript with sclite's markup.

    Args:
        text: words, with `{ a / b }` for alternatives (they may nest).
        optional: `(word)` may be left out (sclite's -D); otherwise it is a word like any other.
        fragments: `wo-` and `-rd` fit words that begin or end so (sclite's -F).
    """
    network = Network()
    for token in _tokens(text):
        if token.startswith("{"):
            inside = token[1:].removesuffix("}")
            parts = [parse(part, optional=optional, fragments=fragments) for part in _alternatives(inside)]
            network.append_alternatives([part if part.start.outgoing else _empty() for part in parts])
        else:
            network.append(_marked(token, optional, fragments))
    return network


def _empty() -> Network:
    network = Network()
    network.append(MarkedWord(NO_WORD))
    return network


def _tokens(text: str) -> list[str]:
    """Words and whole `{...}` groups."""
    tokens: list[str] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        end = _group_end(text, position) if text[position] == "{" else _word_end(text, position)
        tokens.append(text[position:end])
        position = end
    return tokens


def _word_end(text: str, start: int) -> int:
    space = re.compile(r"\s").search(text, start)
    return space.start() if space else len(text)


def _group_end(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    return len(text)


def _alternatives(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "/" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _marked(token: str, optional: bool, fragments: bool) -> MarkedWord:
    # After an unescaped semicolon come tags, which are not compared; a star at the end is a remark, too.
    text = re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\);", token, maxsplit=1)[0])
    if len(text) > 1:
        text = text.removesuffix("*")
    may_go = optional and len(text) > 1 and text[0] == "(" and text[-1] == ")"
    if may_go:
        text = text[1:-1]
    # "(-rd)" is no fragment to sclite, "(wo-)" is.
    broken = fragments and (text.endswith("-") or (text.startswith("-") and not may_go))
    return MarkedWord(text, may_go, broken)


def into_characters(network: Network, *, drop_hyphens: bool = False, keep_ascii: bool = False) -> None:
    """Replace each word by its characters, in place (sclite's -c).

    Args:
        network: what `parse` made.
        drop_hyphens: hyphens do not count (-c DH).
        keep_ascii: runs of ASCII letters stay whole (-c NOASCII).
    """
    # sclite's order of nodes and arcs matters where two alignments cost the same: last in, first out.
    stack, seen = [network.start], {network.start}
    while stack:
        node = stack.pop()
        for arc in node.outgoing:
            if arc.target not in seen:
                seen.add(arc.target)
                stack.append(arc.target)
        for arc in list(node.outgoing):
            if len(arc.word.text) > 1 or arc.word.optional:
                _split_arc(arc, drop_hyphens, keep_ascii)


def _split_arc(arc: _Arc, drop_hyphens: bool, keep_ascii: bool) -> None:
    text = arc.word.text.replace("-", "") if drop_hyphens else arc.word.text
    pieces = re.findall(r"[!-~]+|." if keep_ascii else r".", text)
    path = Network()
    for piece in pieces or [NO_WORD]:
        path.append(MarkedWord(piece, arc.word.optional))
    path.insert_between(arc.source, arc.target)
    arc.remove()


def align_networks(reference: Network, hypothesis: Network) -> list[Pair]:
    """Align the best-fitting paths of two networks.

    Args:
        reference: what was said.
        hypothesis: what was recognized.

    Returns:
        the columns of the alignment; an optional word that was left out counts as correct.
    """
    said, recognized = reference.plain_words(), hypothesis.plain_words()
    if said is not None and recognized is not None:
        return align(said, recognized, "sclite")
    return _align_paths(_Table(reference), _Table(hypothesis))


def _align_paths(first: _Table, second: _Table) -> list[Pair]:
    # Cell (a, b): the least cost of paths that end with arc a and arc b; row and column 0 are the start.
    costs = [[0.0] * len(second.words) for _ in first.words]
    back = [[(0, 0)] * len(second.words) for _ in first.words]
    for a, word in enumerate(first.words):
        for b, other in enumerate(second.words):
            if a == b == 0:
                continue
            options = []
            if a and b:
                cost, came = _least(costs, first.before[a], second.before[b])
                options.append((_add(cost, _pair_cost(word, other)), came))
            if b:
                cost, came = _least(costs, [a], second.before[b])
                options.append((_add(cost, _gap_cost(other)), came))
            if a:
                cost, came = _least(costs, first.before[a], [b])
                options.append((_add(cost, _gap_cost(word)), came))
            # Of equals, `min` takes the first: the pair, the insertion, the deletion, as sclite does.
            costs[a][b], back[a][b] = min(options, key=_cost)
    _, (a, b) = _least(costs, first.last, second.last)
    pairs: list[Pair] = []
    while a or b:
        p, q = back[a][b]
        pairs += _column(first.words[a] if a != p else None, second.words[b] if b != q else None)
        a, b = p, q
    return pairs[::-1]


def _cost(option: _Option) -> float:
    return option[0]


def _least(costs: list[list[float]], rows: list[int], columns: list[int]) -> _Option:
    """The first of the cheapest cells."""
    if len(rows) == len(columns) == 1:
        return costs[rows[0]][columns[0]], (rows[0], columns[0])
    return min(((costs[row][column], (row, column)) for row in rows for column in columns), key=_cost)


def _add(cost: float, more: float) -> float:
    total = cost + more
    return total if total.is_integer() else float(np.float32(total))


class _Table:
    """A network's words, numbered from 1, and which can come before which; 0 is the start."""

    def __init__(self, network: Network) -> None:
        arcs = network.arcs()
        numbers = {arc: number for number, arc in enumerate(arcs, 1)}
        self.words = [MarkedWord("")] + [arc.word for arc in arcs]
        self.before = [[0]] + [[numbers[arc] for arc in this.source.incoming] or [0] for this in arcs]
        self.last = [numbers[arc] for arc in network.stop.incoming] or [0]


def _gap_cost(word: MarkedWord) -> float:
    if word.text == NO_WORD:
        return _NO_WORD_GAP
    return _OPTIONAL_GAP if word.optional else _GAP


def _pair_cost(word: MarkedWord, other: MarkedWord) -> float:
    if word.text == NO_WORD and other.text == NO_WORD:
        return _NO_WORD_PAIR
    return _CORRECT if _fits(word, other) else _SUBSTITUTION


def _fits(word: MarkedWord, other: MarkedWord) -> bool:
    if word.fragment or other.fragment:
        for part, whole in ((word.text, other.text), (other.text, word.text)):
            if len(part) > 1 and part.startswith("-"):
                return whole.endswith(part[1:])
            if len(part) > 1 and part.endswith("-"):
                return whole.startswith(part[:-1])
    return word.text == other.text


def _column(word: MarkedWord | None, other: MarkedWord | None) -> list[Pair]:
    """The column of a step; nothing where only "@" was passed."""
    present = [w for w in (word, other) if w is not None]
    if all(w.text == NO_WORD for w in present):
        return []
    operation: Operation
    if word is not None and other is not None:
        operation = "correct" if _fits(word, other) else "substitution"
    elif present[0].optional:
        operation = "correct"
    else:
        operation = "deletion" if other is None else "insertion"
    return [Pair(operation, word.text if word else "", other.text if other else "")]
