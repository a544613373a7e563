"""Lattices as Kaldi's CompactLattice text: what `lattice-copy ark:- ark,t:-` writes, and reads again.

    utterance
    0 1 word 3.5,12.25,4_4_1_9
    1
    (an empty line)

A line is an arc: its nodes, its word, and three things about it: the graph's cost (language model, weighted,
with bonuses and penalties), the acoustics' cost, and what is heard in each frame. Costs are natural
logarithms with their signs turned. Kaldi puts transition-ids for the frames; here a frame's number is that of
its token plus 1 (0 means nothing to Kaldi), the blank among them, so that Kaldi's tools tell times from them.
A node alone on a line ends the utterance, at a cost if one is given. Words are given as text, as after
`utils/int2sym.pl -f 3 words.txt`.

Source: kaldi-asr.org/doc/lattices.html, "Compact lattices".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from earwright.decoding.lattice.files import ArcList, Path, check_words, index, number, read_lines, wrong
from earwright.decoding.lattice.graph import Lattice, empty_lattice
from earwright.files import atomic_write

_NOTHING = "<eps>"
_LN10 = math.log(10.0)


def write_kaldi(path: Path, lattices: Mapping[str, Lattice]) -> None:
    """Write lattices by the names of their utterances.

    Raises:
        EarwrightError: the place cannot be written, or a name or word has a space in it.
    """
    for name, lattice in lattices.items():
        check_words(lattice, _NOTHING)
        if name.split() != [name]:
            raise wrong(path, 1, f"the utterance {name!r} has a name with a space, or none.")
    with atomic_write(path) as file:
        for name, lattice in lattices.items():
            file.write(kaldi_text(name, lattice))


def kaldi_text(name: str, lattice: Lattice) -> str:
    """One lattice as text, the empty line after it included."""
    graph = lattice.lm_weight * _LN10 * lattice.lm + lattice.other
    lines = [name]
    rows = zip(
        lattice.sources.tolist(), lattice.targets.tolist(), lattice.words, graph.tolist(),
        lattice.acoustic.tolist(), lattice.alignments, strict=True,
    )  # fmt: skip
    for source, target, word, worth, heard, frames in rows:
        ids = "_".join(str(token + 1) for token in frames)
        lines.append(f"{source} {target} {word or _NOTHING} {-worth!r},{-heard!r},{ids}")
    if lattice.nodes:
        lines.append(f"{lattice.nodes - 1}")
    return "\n".join(lines) + "\n\n"


def read_kaldi(path: Path, lm_weight: float = 1.0) -> dict[str, Lattice]:
    """Read a file of lattices.

    Args:
        path: the file.
        lm_weight: for a language model that is asked later. What the file's own said is part of the graph's
            cost, which becomes `other`.

    Returns:
        utterance -> lattice; its times are frames, as counted along the arcs.

    Raises:
        EarwrightError: a line is no part of a lattice, an utterance is there twice, arcs make a circle, or
            two ways to a node are of different length.
    """
    found: dict[str, Lattice] = {}
    for first, lines in _blocks(read_lines(path)):
        name = lines[0].strip()
        if len(name.split()) != 1:
            raise wrong(path, first, f"{name!r} is no name of an utterance, with which a lattice begins.")
        if name in found:
            raise wrong(path, first, f"the utterance {name!r} is there twice.")
        found[name] = _Reader(path, first, lm_weight).lattice(lines[1:])
    return found


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """What stands between empty lines, with the number of its first line."""
    block: list[str] = []
    for place, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield place - len(block), block
            block = []


class _Reader:
    def __init__(self, path: Path, first: int, lm_weight: float) -> None:
        self.path, self.first, self.lm_weight = path, first, lm_weight
        self.nodes: dict[int, int] = {}  # the file's number -> ours; 0 is the end of all
        self.arcs = ArcList()
        self.ends: list[int] = []  # nodes that end the utterance at no cost

    def lattice(self, lines: Sequence[str]) -> Lattice:
        if not lines:
            return empty_lattice(self.lm_weight)
        for place, line in enumerate(lines, self.first + 1):
            fields = line.split()
            if len(fields) in (3, 4):
                ends = self._node(place, fields[0]), self._node(place, fields[1])
                self._arc(place, *ends, fields[2], fields[3] if len(fields) == 4 else "0,0,")
            elif len(fields) in (1, 2):
                node = self._node(place, fields[0])
                self._arc(place, node, 0, _NOTHING, fields[1] if len(fields) == 2 else "0,0,")
                if len(fields) == 1:
                    self.ends.append(node)
            else:
                raise wrong(self.path, place, "an arc has two nodes, a word and costs.")
        end = self.ends[0] if self.ends and self.arcs.sources.count(self.ends[0]) == 1 else 0
        if self.arcs.targets.count(0) > 1:  # more than one node ends it
            end = 0
        return self.arcs.lattice(self.path, self.first, self._times(), self.lm_weight, 1, end)

    def _node(self, place: int, text: str) -> int:
        return self.nodes.setdefault(index(self.path, place, text, "a node"), 1 + len(self.nodes))

    def _arc(self, place: int, source: int, target: int, word: str, weight: str) -> None:
        parts = weight.split(",")
        if len(parts) != 3:
            raise wrong(self.path, place, f"{weight!r} is not graph cost, acoustic cost and ids with commas.")
        graph, acoustic = (number(self.path, place, part, "a cost") for part in parts[:2])
        ids = [index(self.path, place, part, "an id") for part in parts[2].split("_")] if parts[2] else []
        if 0 in ids:
            raise wrong(self.path, place, "the ids of frames begin with 1.")
        said = "" if word == _NOTHING else word
        self.arcs.add(source, target, said, -acoustic, 0.0, -graph, (one - 1 for one in ids))

    def _times(self) -> list[int]:
        """Frames before each node; a circle is left for others to find."""
        times = [-1] * (1 + len(self.nodes))
        times[1] = 0
        leaving: dict[int, list[int]] = {}
        for arc, source in enumerate(self.arcs.sources):
            leaving.setdefault(source, []).append(arc)
        waiting = [1]
        while waiting:
            node = waiting.pop()
            for arc in leaving.get(node, ()):
                target, time = self.arcs.targets[arc], times[node] + len(self.arcs.alignments[arc])
                if times[target] == -1:
                    times[target] = time
                    waiting.append(target)
                elif times[target] != time and any(self.arcs.alignments):
                    line = self.first + 1 + arc
                    raise wrong(self.path, line, "the ways to this arc's end differ in frames.")
        return times
