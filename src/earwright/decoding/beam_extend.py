"""A hypothesis and one more token: where that leads in all that the search knows. Compiled.

What is here is compiled into `beam_kernel.advance`.
"""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from earwright.decoding.beam_arrays import (
    CANDIDATES,
    NO_WORD,
    OFF_TREE,
    ROOT,
    THRESHOLD,
    UNKNOWN_WORD,
    WANTED,
    Candidates,
    Floats,
    Hypotheses,
    Ints,
    Limits,
    Search,
    Spellings,
    Terms,
    Tree,
    Weights,
)
from earwright.decoding.beam_grammar import arc_of, may_lead
from earwright.decoding.spellings import BOUNDARY
from earwright.lm.kernels import apart, inlined, inner, step
from earwright.lm.ngrams import UNKNOWN
from earwright.lm.tables import Tables

# What one token can add at most, as a natural logarithm: doubles end at e ** 709.
MOST_GAIN = 600.0


@inner
def mixed(key: np.uint64, value: int) -> np.uint64:
    """A hash of a hash and a number (the finisher of splitmix64)."""
    x = key ^ (np.uint64(value + 11) * np.uint64(0x9E3779B97F4A7C15))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inner
def child_of(units: Ints, begins: Ints, node: int, unit: int) -> int:
    """The child of a node of a tree; -1 where there is none."""
    low, high = begins[node], begins[node + 1]
    while high - low > 4:
        middle = (low + high) >> 1
        if units[middle] <= unit:
            low = middle
        else:
            high = middle
    for child in range(low, high):
        if units[child] == unit:
            return child
    return -1


@inner
def total(blank: float, label: float, maximum: bool) -> float:
    """The mass of a prefix."""
    return max(blank, label) if maximum else blank + label


@inner
def find_prefix(s: Search, now: Hypotheses, key: np.uint64) -> int:
    """The hypothesis with this prefix, -1 if there is none."""
    mask = np.uint64(len(s.table) - 1)
    cell = key & mask
    while s.table[cell] >= 0:
        if now.key[s.table[cell]] == key:
            return s.table[cell]
        cell = (cell + np.uint64(1)) & mask
    return -1


@inner
def extend(
    s: Search, now: Hypotheses, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights,
    limits: Limits, this: int, token: int, factor: float, more: Floats,
) -> None:  # fmt: skip
    """Add a token to a hypothesis, in each way that the tree allows."""
    if token == now.last[this]:
        mass = now.blank[this] * factor
    else:
        mass = total(now.blank[this], now.label[this], limits.maximum) * factor
    place = now.place[this]
    taken_back = -tree.ahead[place] if place > ROOT else 0.0
    bound, listening = taken_back + max(w.word, 0.0), len(terms.nodes) > 1
    first, last = spellings.begins[token], spellings.begins[token + 1]
    most = 1.0
    if listening:
        node = terms.nodes[now.term[this]]
        most = node["most"] if last - first > 1 or leads(node, spellings.units[first]) else node["least"]
    if mass <= 0.0 or mass * math.exp(bound) * most < s.levels[THRESHOLD]:
        return
    cut = first  # the units before `cut` belong to the word that is open, those after to a new one
    while cut < last and spellings.units[cut] != BOUNDARY:
        cut += 1
    before = walk(tree, spellings, place, first, cut)
    ends = cut < last and before != ROOT
    after = walk(tree, spellings, ROOT, cut + 1, last) if cut < last else before
    term, bonus = now.term[this], 0.0
    if w.unknown_word == -np.inf and (before == OFF_TREE or after == OFF_TREE):
        return
    # Where the tree says where words end, a word's end comes after this and may add something.
    if after > ROOT and limits.boundaries:
        bound += tree.ahead[after]
        if mass * math.exp(bound) * most < s.levels[THRESHOLD]:
            return
    if listening:
        term, bonus = follow_terms(terms, spellings, term, token, place)
        if after <= ROOT and limits.boundaries and mass * math.exp(bound + bonus) < s.levels[THRESHOLD]:
            return
    first_word, last_word, other, without = 0, 0, NO_WORD, True
    if before > ROOT and (ends or not limits.boundaries):
        first_word, last_word = tree.word_begins[before], tree.word_begins[before + 1]
    if ends:
        other, without = UNKNOWN_WORD, first_word == last_word
    elif not limits.boundaries:  # the tree alone says where words end
        if before <= ROOT:
            return
        without = tree.begins[before] < tree.begins[before + 1]
    for entry in range(first_word - without, last_word):
        word = other if entry < first_word else tree.words[entry]
        to = ROOT if word != NO_WORD and not limits.boundaries else after
        arrive(s, now, tree, spellings, lm, terms, w, limits, this, token, mass, to, word, term, bonus, more)


@inner
def walk(tree: Tree, spellings: Spellings, place: int, first: int, last: int) -> int:
    """Where units lead in the tree."""
    for index in range(first, last):
        if place == OFF_TREE:
            break
        place = child_of(tree.units, tree.begins, place, spellings.units[index])
    return place


@inner
def arrive(
    s: Search, now: Hypotheses, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights,
    limits: Limits, this: int, token: int, mass: float, after: int, word: int, term: int, bonus: float,
    more: Floats,
) -> None:  # fmt: skip
    """One way to add a token, as a candidate if no hypothesis is the same."""
    key = mixed(mixed(now.key[this], token), word)
    if find_prefix(s, now, key) >= 0:  # it has got this already
        return
    gain = changes(tree, w, now.place[this], after, word)
    if gain == -np.inf:
        return
    if len(terms.nodes) > 1 and word != NO_WORD and not limits.boundaries:
        term, gained = follow_term(terms, term, BOUNDARY)  # which has no unit of its own
        bonus += gained
    gain += bonus
    if mass * math.exp(gain) < s.levels[THRESHOLD]:  # a probability cannot make it more
        return
    lm_state, lm_score = now.lm[this], 0.0
    if limits.token_lm or (limits.word_lm and word != NO_WORD):
        lm_score, lm_state = lm_step(now, tree, spellings, lm, limits, this, token, word)
    if limits.grammar and not (lm_score > -np.inf and may_lead(tree, limits.boundaries, lm_state, after)):
        return
    if len(more) > 0:
        if not more[this, token] <= 0.0:
            more[this, token] = np.inf
            s.counts[WANTED] += 1
            return
        lm_score += more[this, token]
    gain = min(gain + w.lm * lm_score, MOST_GAIN)
    mass *= math.exp(gain)
    if mass < s.levels[THRESHOLD] or mass <= 0.0:
        return
    at = room(s, limits)
    c = s.candidates
    c.mass[at], c.key[at], c.source[at], c.token[at], c.word[at] = mass, key, this, token, word
    c.place[at], c.lm[at], c.term[at] = after, lm_state, term
    c.score[at], c.lm_score[at] = now.score[this] + gain, now.lm_score[this] + lm_score


@inner
def changes(tree: Tree, w: Weights, place: int, after: int, word: int) -> float:
    """What a step adds to a prefix's score, language model and terms apart: bonus, penalty, look-ahead.

    Args:
        place: where the hypothesis is.
        after: where it is then.
        word: that ends, NO_WORD or UNKNOWN_WORD.
    """
    gain = 0.0
    if place > ROOT:
        gain -= tree.ahead[place]
    if word != NO_WORD:
        gain += w.word
    # A word is unknown from the unit on that the tree lacks; one that ends within the tree where it ends.
    if place != OFF_TREE and (word == UNKNOWN_WORD or (word == NO_WORD and after == OFF_TREE)):
        gain += w.unknown_word
    if word != NO_WORD and after == OFF_TREE:
        gain += w.unknown_word  # another word
    if after > ROOT:
        gain += tree.ahead[after]
    return gain


@inner
def lm_step(
    now: Hypotheses, tree: Tree, spellings: Spellings, lm: Tables, limits: Limits, this: int, token: int,
    word: int,
) -> tuple[float, int]:  # fmt: skip
    """log10 of a token or a word after a hypothesis, and the state after it.

    Of the one word that may end where the hypothesis is, it is asked for once.
    """
    place, keep = now.place[this], False
    if limits.token_lm:
        number = spellings.lm_ids[token]
    elif word == UNKNOWN_WORD:
        number = UNKNOWN
    else:
        number = tree.lm_ids[word]
        if place > ROOT and tree.word_begins[place + 1] - tree.word_begins[place] == 1:
            keep = tree.words[tree.word_begins[place]] == word
    if keep and not math.isnan(now.ended[this]):
        return now.ended[this], now.ended_lm[this]
    if limits.grammar:
        score, state = arc_of(tree.arcs, now.lm[this], word)
    else:
        score, state, _, _ = step(lm, now.lm[this], number)
    if keep:
        now.ended[this], now.ended_lm[this] = score, state
    return score, state


@inner
def leads(node: Any, unit: int) -> bool:
    """Whether a unit may lead elsewhere than to the root, from a TERM_NODE."""
    return (node["leads"] >> np.uint64(unit & 63)) & np.uint64(1) != 0


@inlined
def follow_term(terms: Terms, state: int, unit: int) -> tuple[int, float]:
    """Where a unit leads in the automaton of key terms, and what it adds to the score."""
    bonus = 0.0
    if not leads(terms.nodes[state], unit):
        return 0, -terms.nodes[state]["promised"]
    while state > 0 or unit == BOUNDARY:  # the root has one child, to which a boundary leads
        node = terms.nodes[state]
        if leads(node, unit):
            for child in range(node["begin"], node["begin"] + node["count"]):
                if terms.nodes[child]["unit"] == unit:
                    return child, bonus + terms.nodes[child]["gain"]
        bonus -= node["drop"]
        state = node["fail"]
    return 0, bonus


@inner
def follow_terms(terms: Terms, spellings: Spellings, state: int, token: int, place: int) -> tuple[int, float]:
    """The same for the units of a token.

    A boundary where no word is open, as between two spaces, is none.
    """
    bonus = 0.0
    first = spellings.begins[token]
    for index in range(first, spellings.begins[token + 1]):
        if index == first and place == ROOT and spellings.units[index] == BOUNDARY:
            continue
        state, more = follow_term(terms, state, spellings.units[index])
        bonus += more
    return state, bonus


@inner
def room(s: Search, limits: Limits) -> int:
    """A free candidate; when there are no more, the worse half goes and the threshold rises."""
    c = s.candidates
    count = s.counts[CANDIDATES]
    if count == len(c.mass):
        for at in range(count):
            s.masses[at] = c.mass[at]
        least = nth_largest(s.masses, count, limits.beam)
        s.levels[THRESHOLD] = max(s.levels[THRESHOLD], least)
        ties, kept = limits.beam - count_above(s.masses, count, least), 0
        for at in range(count):
            if c.mass[at] > least or (c.mass[at] == least and ties > 0):
                ties -= c.mass[at] == least
                move(c, at, kept)
                kept += 1
        count = kept
    s.counts[CANDIDATES] = count + 1
    return count


@inner
def move(c: Candidates, at: int, to: int) -> None:
    """Copy a candidate over another."""
    c.mass[to], c.key[to], c.source[to], c.token[to] = c.mass[at], c.key[at], c.source[at], c.token[at]
    c.word[to], c.place[to], c.lm[to], c.term[to] = c.word[at], c.place[at], c.lm[at], c.term[at]
    c.score[to], c.lm_score[to] = c.score[at], c.lm_score[at]


@inner
def count_above(values: Floats, count: int, least: float) -> int:
    """How many of the first `count` values are more than `least`."""
    found = 0
    for at in range(count):
        found += values[at] > least
    return found


@apart
def nth_largest(values: Floats, count: int, n: int) -> float:
    """The n-th largest (from 1) of the first `count` values, which are shuffled (Hoare's selection)."""
    low, high, wanted = 0, count - 1, n - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        left, right = low, high
        while left <= right:
            while values[left] > pivot:
                left += 1
            while values[right] < pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if wanted <= right:
            high = right
        elif wanted >= left:
            low = left
        else:
            break
    return values[wanted]
