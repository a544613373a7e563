"""A lattice with the scores of another language model, exactly: nodes are parted by the model's states."""

from __future__ import annotations

import numpy as np

from earwright.decoding.lattice.graph import Lattice, assemble, empty_lattice
from earwright.errors import EarwrightError
from earwright.lm.ngrams import END, UNKNOWN
from earwright.lm.query import LanguageModel


def rescore_lattice(lattice: Lattice, lm: LanguageModel, lm_weight: float | None = None) -> Lattice:
    """The same paths, each with what another model says of its words; acoustics and bonuses stay.

    A node of the result is a node of the lattice and a state of the model (the composition of the two), so
    each path's score is that of its words as a whole sentence.

    Args:
        lattice: any.
        lm: n-grams of words, of any order. A word that it lacks is <unk> to it.
        lm_weight: of the new scores; None: as it was.

    Raises:
        EarwrightError: a model of tokens, or one that has none of the lattice's words.
    """
    weight = lattice.lm_weight if lm_weight is None else lm_weight
    if lm.unit != "word":
        raise EarwrightError("lattices are rescored by language models of words, and this is one of tokens.")
    if not lattice.nodes:
        return empty_lattice(weight)
    spelled = sorted({word for word in lattice.words if word})
    ids = {word: lm.id(word) for word in spelled}
    if spelled and all(number == UNKNOWN for number in ids.values()):
        raise EarwrightError(
            f"the language model has none of the lattice's {len(spelled)} words, such as {spelled[0]!r}; "
            "is it of another language?"
        )
    last = lattice.nodes - 1
    numbers: dict[tuple[int, int], int] = {(0, lm.start_state): 0}
    states: list[list[int]] = [[] for _ in range(lattice.nodes)]
    states[0].append(lm.start_state)
    froms: list[int] = []
    tos: list[int] = []
    arcs: list[int] = []
    told: list[float] = []
    sources, targets = lattice.sources.tolist(), lattice.targets.tolist()
    leaving = lattice.leaving.tolist()
    for node in range(lattice.nodes):
        for state in states[node]:
            for arc in range(leaving[node], leaving[node + 1]):
                score, after = 0.0, state
                if lattice.words[arc]:
                    score, after = lm.score(state, ids[lattice.words[arc]])
                target = targets[arc]
                if target == last:
                    score, after = score + lm.score(after, END)[0], 0
                if (target, after) not in numbers:
                    numbers[target, after] = len(numbers)
                    states[target].append(after)
                froms.append(numbers[sources[arc], state])
                tos.append(numbers[target, after])
                arcs.append(arc)
                told.append(score)
    return assemble(
        lattice.times[[node for node, _ in numbers]],
        froms,
        tos,
        [lattice.words[arc] for arc in arcs],
        lattice.acoustic[arcs],
        np.array(told),
        lattice.other[arcs],
        [lattice.alignments[arc] for arc in arcs],
        lm_weight=weight,
        start=0,
        end=numbers[last, 0],
    )
