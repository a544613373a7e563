"""Lattices in HTK's Standard Lattice Format, version 1.0, one a file.

    VERSION=1.0
    UTTERANCE=name
    base=2.718281828459045
    lmscale=0.5 wdpenalty=0.0 acscale=1.0 prscale=1.0
    start=0 end=2
    N=3 L=2
    I=0 t=0.0
    J=0 S=0 E=1 W=word a=-12.25 l=-7.0 r=0.0

`a` is log P of the acoustics, `l` of the language model, unscaled; bonuses and penalties are in `r`, which
HTK has for the pronunciation. No word is !NULL.

Source: the HTK Book, chapter "HTK Standard Lattice Format (SLF)".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from earwright.decoding.lattice.files import ArcList, Path, check_words, index, number, read_lines, wrong
from earwright.decoding.lattice.graph import Lattice, empty_lattice
from earwright.errors import EarwrightError
from earwright.files import atomic_write

_NOTHING = "!NULL"
_LN10 = math.log(10.0)
_FIELD = re.compile(r"""([A-Za-z][A-Za-z0-9]*)=("(?:\\.|[^"\\])*"(?=\s|$)|'(?:\\.|[^'\\])*'(?=\s|$)|\S*)""")
_SHORT = {
    "NODES": "N", "LINKS": "L", "START": "S", "END": "E", "WORD": "W", "time": "t", "acoustic": "a",
    "language": "l", "ngram": "n", "UTTERANCE": "U", "VERSION": "V",
}  # fmt: skip


def write_slf(path: Path, name: str, lattice: Lattice, frame_shift: float, start: float = 0.0) -> None:
    """Write a lattice.

    Args:
        path: the file to make or replace.
        name: of the utterance.
        lattice: any; an empty one has no nodes.
        frame_shift: seconds of a frame.
        start: seconds that are added to all times, as of a piece of a recording.

    Raises:
        EarwrightError: the place cannot be written, or a word has a space in it.
    """
    check_words(lattice, _NOTHING)
    with atomic_write(path) as file:
        file.write(slf_text(name, lattice, frame_shift, start))


def slf_text(name: str, lattice: Lattice, frame_shift: float, start: float = 0.0) -> str:
    """A lattice as text."""
    lines = ["VERSION=1.0", f"UTTERANCE={_escaped(name)}", f"base={math.e!r}"]
    lines.append(f"lmscale={float(lattice.lm_weight)!r} wdpenalty=0.0 acscale=1.0 prscale=1.0")
    if lattice.nodes:
        lines.append(f"start=0 end={lattice.nodes - 1}")
    lines.append(f"N={lattice.nodes} L={lattice.arcs}")
    lines += [
        f"I={node} t={round(start + time * frame_shift, 6)!r}"
        for node, time in enumerate(lattice.times.tolist())
    ]
    rows = zip(
        lattice.sources.tolist(), lattice.targets.tolist(), lattice.words, lattice.acoustic.tolist(),
        (lattice.lm * _LN10).tolist(), lattice.other.tolist(), strict=True,
    )  # fmt: skip
    lines += [
        f"J={arc} S={source} E={target} W={_escaped(word) or _NOTHING} a={heard!r} l={told!r} r={other!r}"
        for arc, (source, target, word, heard, told, other) in enumerate(rows)
    ]
    return "\n".join(lines) + "\n"


def read_slf(path: Path, frame_shift: float) -> tuple[str, Lattice]:
    """Read a file of one lattice, of HTK, SRILM or earwright.

    Args:
        path: the file.
        frame_shift: seconds of a frame, to count times in frames from the first node's on.

    Returns:
        The utterance ("" where none is named), and its lattice; frames' tokens are not in such files.

    Raises:
        EarwrightError: a line is no part of a lattice, a node or arc is missing or there twice, there is not
            one first and one last node, arcs make a circle, or there are sublattices.
    """
    return _Reader(path, frame_shift).read()


class _Reader:
    def __init__(self, path: Path, frame_shift: float) -> None:
        self.path, self.frame_shift = path, frame_shift
        self.header: dict[str, tuple[int, str]] = {}
        self.nodes: dict[int, tuple[float, str]] = {}
        self.links: dict[int, tuple[int, dict[str, str]]] = {}
        self.size: tuple[int, int] | None = None

    def read(self) -> tuple[str, Lattice]:
        for place, line in enumerate(read_lines(self.path), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            fields = self._fields(place, line)
            if "I" in fields:
                self._node(place, fields)
            elif "J" in fields:
                self._link(place, fields)
            elif self.size is not None and not fields.keys() & {"N", "L"}:
                raise wrong(self.path, place, "after the size there are nodes (I=) and arcs (J=) alone.")
            else:
                self.header |= {key: (place, value) for key, value in fields.items()}
                if {"N", "L"} <= self.header.keys():
                    nodes, arcs = (self.header[key] for key in "NL")
                    self.size = (
                        index(self.path, nodes[0], nodes[1], "N"),
                        index(self.path, arcs[0], arcs[1], "L"),
                    )
        if self.size is None:
            raise EarwrightError(f"{self.path}: is no lattice in HTK's format: it has no line N=... L=....")
        if len(self.links) != self.size[1]:
            raise EarwrightError(
                f"{self.path}: has {len(self.links)} arcs, and L={self.size[1]}; is it cut off?"
            )
        return self.header.get("U", (0, ""))[1], self._lattice(self.size[0])

    def _fields(self, place: int, line: str) -> dict[str, str]:
        found, end = {}, 0
        for match in _FIELD.finditer(line):
            if line[end : match.start()].strip():
                break
            end = match.end()
            found[_SHORT.get(match[1], match[1])] = _unescaped(match[2])
        if not found or line[end:].strip():
            raise wrong(self.path, place, f"{line[end:].strip()!r} is not NAME=VALUE.")
        if "SUBLAT" in found or ("I" in found and "L" in found):
            raise wrong(self.path, place, "sublattices are not read.")
        return found

    def _node(self, place: int, fields: Mapping[str, str]) -> None:
        node = index(self.path, place, fields["I"], "a node", self._sized(place)[0])
        if node in self.nodes:
            raise wrong(self.path, place, f"the node {node} is there twice.")
        time = number(self.path, place, fields.get("t", "0"), "a time")
        self.nodes[node] = time, fields.get("W", "")

    def _link(self, place: int, fields: dict[str, str]) -> None:
        link = index(self.path, place, fields["J"], "an arc", self._sized(place)[1])
        if link in self.links:
            raise wrong(self.path, place, f"the arc {link} is there twice.")
        if not {"S", "E"} <= fields.keys():
            raise wrong(self.path, place, "an arc has a first node (S=) and a last one (E=).")
        self.links[link] = place, fields

    def _sized(self, place: int) -> tuple[int, int]:
        if self.size is None:
            raise wrong(self.path, place, "the size (N=... L=...) comes before nodes and arcs.")
        return self.size

    def _factor(self, name: str, default: float) -> float:
        place, text = self.header.get(name, (0, repr(default)))
        return number(self.path, place, text, name)

    def _lattice(self, nodes: int) -> Lattice:
        weight = self._factor("lmscale", 1.0)
        if not nodes:
            return empty_lattice(weight)
        base = self._factor("base", math.e)
        if base <= 0 or base == 1:
            raise wrong(self.path, self.header["base"][0], f"likelihoods to the base {base} are not read.")
        # Six digits, as HTK writes its numbers, mean e.
        unit = 1.0 if abs(base - math.e) < 1e-5 else math.log(base)
        acoustic, other = self._factor("acscale", 1.0) * unit, self._factor("prscale", 1.0) * unit
        penalty = self._factor("wdpenalty", 0.0) * unit
        arcs, lines = ArcList(), []
        for place, fields in (self.links[link] for link in sorted(self.links)):
            source, target = (index(self.path, place, fields[key], "a node", nodes) for key in "SE")
            word = fields.get("W", self.nodes.get(target, (0.0, ""))[1])
            word = "" if word == _NOTHING else word
            heard, told, more = (
                number(self.path, place, fields.get(key, fallback), key)
                for key, fallback in (("a", "0"), ("l", fields.get("n", "0")), ("r", "0"))
            )
            gain = other * more + (penalty if word else 0.0)
            arcs.add(source, target, word, acoustic * heard, told * unit / _LN10, gain)
            lines.append(place)
        start, end = self._tips(arcs, nodes)
        origin = self.nodes.get(start, (0.0, ""))[0]
        times = [
            round((self.nodes.get(node, (origin, ""))[0] - origin) / self.frame_shift)
            for node in range(nodes)
        ]
        return arcs.lattice(self.path, lines[0] if lines else 1, times, weight, start, end)

    def _tips(self, arcs: ArcList, nodes: int) -> tuple[int, int]:
        """The first and the last node: those that the header names, or that nothing leads to, or from."""
        found = []
        for name, busy in (("start", arcs.targets), ("end", arcs.sources)):
            if name in self.header:
                place, text = self.header[name]
                found.append(index(self.path, place, text, name, nodes))
                continue
            free = sorted(set(range(nodes)) - set(busy))
            if len(free) != 1:
                raise EarwrightError(
                    f"{self.path}: {len(free)} nodes can be the {name}; say in the file which, {name}=N."
                )
            found.append(free[0])
        return found[0], found[1]


def _escaped(text: str) -> str:
    safe = text.replace("\\", "\\\\")
    if safe.split() != [safe] and safe:
        return '"' + safe.replace('"', '\\"') + '"'
    return f"\\{safe}" if safe[:1] in ("'", '"') else safe


def _unescaped(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)
