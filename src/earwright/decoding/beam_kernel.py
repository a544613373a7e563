"""CTC prefix beam search, compiled: hypotheses advance frame by frame.

A prefix is what a hypothesis has said, and its probability is the sum over all alignments that say it (Hannun
et al. 2014, arXiv:1408.2873, algorithm 1). Masses are plain probabilities, not logarithms, divided by the
best one's after each frame: a sum is then an addition, and a factor that belongs to the prefix (language
model, bonuses) is multiplied in once, when the prefix is made.

Source of the shape: a prefix that stays and one that grows by a token compete in one selection, and what
cannot be among the best any more is thrown away as soon as that shows.
"""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import math

import numpy as np

from earwright.decoding.beam_arrays import (
    CANDIDATES,
    FRAMES,
    HYPOTHESES,
    NO_WORD,
    OFF_TREE,
    ROOT,
    SCALE,
    THRESHOLD,
    TRACES,
    UNKNOWN_WORD,
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
from earwright.lm.kernels import compiled, inlined, step
from earwright.lm.ngrams import END, UNKNOWN
from earwright.lm.tables import Tables

BOUNDARY = 0  # the unit between words


@inlined
def mixed(key: np.uint64, value: int) -> np.uint64:
    """A hash of a hash and a number (the finisher of splitmix64)."""
    x = key ^ (np.uint64(value + 11) * np.uint64(0x9E3779B97F4A7C15))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inlined
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


@inlined
def total(blank: float, label: float, maximum: bool) -> float:
    """The mass of a prefix."""
    return max(blank, label) if maximum else blank + label


@compiled
def advance(
    s: Search, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights, limits: Limits,
    probs: Floats, more: Floats,
) -> None:  # fmt: skip
    """Go through frames.

    Args:
        s: the search, changed in place; it must have room for `beam` traces more for each frame.
        tree, spellings, lm, terms: what can be said and how likely it is.
        w, limits: the options.
        probs: (T, V), any scale.
        more: (beam, V) a factor for each hypothesis and next token, as of a neural language model; then T is
            1. Empty: none.
    """
    now, after = s.now, s.next
    if s.counts[FRAMES] & 1:
        now, after = s.next, s.now
    for frame in range(len(probs)):
        row = probs[frame]
        tokens = choose_tokens(s, row, spellings, limits)
        stay(s, now, row, limits)
        s.counts[CANDIDATES] = 0
        if tokens > 0:
            fill_table(s, now)
            for this in range(s.counts[HYPOTHESES]):
                for place in range(tokens):
                    token = s.tokens[place]
                    factor = row[token] * more[this, token] if len(more) > 0 else row[token]
                    extend(s, now, tree, spellings, lm, terms, w, limits, this, token, factor)
        select_best(s, now, after, limits)
        now, after = after, now
        s.counts[FRAMES] += 1


@compiled
def choose_tokens(s: Search, row: Floats, spellings: Spellings, limits: Limits) -> int:
    """Put the frame's tokens that are probable enough into s.tokens, the best first; returns how many."""
    best = 0.0
    everything = 0.0
    for token in range(len(row)):
        best = max(best, row[token])
        everything += row[token]
    if row[limits.blank] >= limits.blank_skip * everything:
        return 0
    least = best * limits.token_width
    count = 0
    for token in range(len(row)):
        value = row[token]
        if token == limits.blank or value < least or value <= 0.0 or not spellings.said[token]:
            continue
        place = count
        if count == len(s.tokens):
            if value <= row[s.tokens[count - 1]]:
                continue
            place -= 1
        else:
            count += 1
        while place > 0 and row[s.tokens[place - 1]] < value:
            s.tokens[place] = s.tokens[place - 1]
            place -= 1
        s.tokens[place] = token
    return count


@compiled
def stay(s: Search, now: Hypotheses, row: Floats, limits: Limits) -> None:
    """What hypotheses are worth if they add no token; and what a candidate must have beside them."""
    count = s.counts[HYPOTHESES]
    best, worst = 0.0, np.inf
    for this in range(count):
        s.stay_blank[this] = total(now.blank[this], now.label[this], limits.maximum) * row[limits.blank]
        s.stay_label[this] = now.label[this] * row[now.last[this]] if now.last[this] != limits.blank else 0.0
        mass = total(s.stay_blank[this], s.stay_label[this], limits.maximum)
        best, worst = max(best, mass), min(worst, mass)
    # Those that stay fill the beam alone, so who has less than the last of them need not apply.
    full = worst if count >= limits.beam else 0.0
    s.levels[THRESHOLD] = max(full, best * limits.beam_width)


@compiled
def fill_table(s: Search, now: Hypotheses) -> None:
    """Note where each prefix is."""
    s.table[:] = -1
    mask = np.uint64(len(s.table) - 1)
    for this in range(s.counts[HYPOTHESES]):
        cell = now.key[this] & mask
        while s.table[cell] >= 0:
            cell = (cell + np.uint64(1)) & mask
        s.table[cell] = this


@inlined
def find_prefix(s: Search, now: Hypotheses, key: np.uint64) -> int:
    """The hypothesis with this prefix, -1 if there is none."""
    mask = np.uint64(len(s.table) - 1)
    cell = key & mask
    while s.table[cell] >= 0:
        if now.key[s.table[cell]] == key:
            return s.table[cell]
        cell = (cell + np.uint64(1)) & mask
    return -1


@inlined
def extend(
    s: Search, now: Hypotheses, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights,
    limits: Limits, this: int, token: int, factor: float,
) -> None:  # fmt: skip
    """Add a token to a hypothesis, in each way that the tree allows."""
    if token == now.last[this]:
        mass = now.blank[this] * factor
    else:
        mass = total(now.blank[this], now.label[this], limits.maximum) * factor
    place = now.place[this]
    taken_back = -tree.ahead[place] if place > ROOT else 0.0
    bound = taken_back + max(w.word, 0.0) + w.largest_gain
    if mass <= 0.0 or mass * math.exp(bound) < s.levels[THRESHOLD]:
        return
    first, last = spellings.begins[token], spellings.begins[token + 1]
    cut = first  # the units before `cut` belong to the word that is open, those after to a new one
    while cut < last and spellings.units[cut] != BOUNDARY:
        cut += 1
    before = walk(tree, spellings, place, first, cut)
    ends = cut < last and before != ROOT
    after = walk(tree, spellings, ROOT, cut + 1, last) if cut < last else before
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
        arrive(s, now, tree, spellings, lm, terms, w, limits, this, token, mass, to, word)


@inlined
def walk(tree: Tree, spellings: Spellings, place: int, first: int, last: int) -> int:
    """Where units lead in the tree."""
    for index in range(first, last):
        if place == OFF_TREE:
            break
        place = child_of(tree.units, tree.begins, place, spellings.units[index])
    return place


@inlined
def arrive(
    s: Search, now: Hypotheses, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights,
    limits: Limits, this: int, token: int, mass: float, after: int, word: int,
) -> None:  # fmt: skip
    """One way to add a token: to the prefix if it is there already, else as a candidate."""
    key = mixed(mixed(now.key[this], token), word)
    there = find_prefix(s, now, key)
    if there >= 0:
        more = mass * math.exp(now.score[there] - now.score[this])
        s.stay_label[there] = max(s.stay_label[there], more) if limits.maximum else s.stay_label[there] + more
        return
    gain = changes(tree, w, now.place[this], after, word)
    if gain == -np.inf:
        return
    ended = word != NO_WORD and not limits.boundaries
    term, bonus = follow_terms(terms, spellings, now.term[this], token, now.place[this], ended)
    gain += bonus
    if mass * math.exp(gain) < s.levels[THRESHOLD]:  # a probability cannot make it more
        return
    lm_state, lm_score = now.lm[this], 0.0
    if limits.token_lm or (limits.word_lm and word != NO_WORD):
        lm_score, lm_state = lm_step(now, tree, spellings, lm, limits, this, token, word)
    gain += w.lm * lm_score
    mass *= math.exp(gain)
    if mass < s.levels[THRESHOLD] or mass <= 0.0:
        return
    at = room(s, limits)
    c = s.candidates
    c.mass[at], c.key[at], c.source[at], c.token[at], c.word[at] = mass, key, this, token, word
    c.place[at], c.lm[at], c.term[at] = after, lm_state, term
    c.score[at], c.lm_score[at] = now.score[this] + gain, now.lm_score[this] + lm_score


@inlined
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


@inlined
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
    score, state, _, _ = step(lm, now.lm[this], number)
    if keep:
        now.ended[this], now.ended_lm[this] = score, state
    return score, state


@inlined
def follow_term(terms: Terms, state: int, unit: int) -> tuple[int, float]:
    """Where a unit leads in the automaton of key terms, and what it adds to the score."""
    was = terms.promised[state]
    while True:
        child = child_of(terms.units, terms.begins, state, unit)
        if child >= 0:
            return child, terms.promised[child] - was + terms.earned[child]
        if state == 0:
            return 0, -was
        state = terms.fails[state]


@inlined
def follow_terms(
    terms: Terms, spellings: Spellings, state: int, token: int, place: int, ended: bool
) -> tuple[int, float]:
    """The same for the units of a token, and for the end of a word if it has no unit of its own.

    A boundary where no word is open, as between two spaces, is none.
    """
    if len(terms.units) <= 1:
        return state, 0.0
    bonus = 0.0
    first = spellings.begins[token]
    for index in range(first, spellings.begins[token + 1]):
        if index == first and place == ROOT and spellings.units[index] == BOUNDARY:
            continue
        state, more = follow_term(terms, state, spellings.units[index])
        bonus += more
    if ended:
        state, more = follow_term(terms, state, BOUNDARY)
        bonus += more
    return state, bonus


@inlined
def room(s: Search, limits: Limits) -> int:
    """A free candidate; when there are no more, the worse half goes and the threshold rises."""
    c = s.candidates
    count = s.counts[CANDIDATES]
    if count == len(c.mass):
        for at in range(count):
            s.masses[at] = c.mass[at]
        least = nth_largest(s.masses, count, limits.beam)
        s.levels[THRESHOLD] = max(s.levels[THRESHOLD], least)
        kept = 0
        for at in range(count):
            if c.mass[at] >= least and kept < limits.beam:
                move(c, at, kept)
                kept += 1
        count = kept
    s.counts[CANDIDATES] = count + 1
    return count


@inlined
def move(c: Candidates, at: int, to: int) -> None:
    """Copy a candidate over another."""
    c.mass[to], c.key[to], c.source[to], c.token[to] = c.mass[at], c.key[at], c.source[at], c.token[at]
    c.word[to], c.place[to], c.lm[to], c.term[to] = c.word[at], c.place[at], c.lm[at], c.term[at]
    c.score[to], c.lm_score[to] = c.score[at], c.lm_score[at]


@compiled
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


@compiled
def select_best(s: Search, now: Hypotheses, after: Hypotheses, limits: Limits) -> None:
    """Make the best of those that stay and those that grew the hypotheses of the next frame."""
    stays, grown = s.counts[HYPOTHESES], s.counts[CANDIDATES]
    best = 0.0
    for this in range(stays):
        s.masses[this] = total(s.stay_blank[this], s.stay_label[this], limits.maximum)
        best = max(best, s.masses[this])
    for at in range(grown):
        s.masses[stays + at] = s.candidates.mass[at]
        best = max(best, s.candidates.mass[at])
    if best <= 0.0:  # nothing that can be said fits this frame
        s.counts[HYPOTHESES] = 0
        return
    least = best * limits.beam_width
    if stays + grown > limits.beam:
        least = max(least, nth_largest(s.masses, stays + grown, limits.beam))
    kept = 0
    if limits.recombine:
        s.table[:] = -1
    for this in range(stays):
        blank, label = s.stay_blank[this] / best, s.stay_label[this] / best
        if total(s.stay_blank[this], s.stay_label[this], limits.maximum) >= least and kept < limits.beam:
            last, place = now.last[this], now.place[this]
            to = slot(s, after, limits, kept, blank, label, last, place, now.lm[this], now.term[this])
            if to >= 0:
                keep_stay(now, after, this, to, blank, label)
                kept = max(kept, to + 1)
    c = s.candidates
    for at in range(grown):
        if c.mass[at] >= least and kept < limits.beam:
            label, token, place = c.mass[at] / best, c.token[at], c.place[at]
            to = slot(s, after, limits, kept, 0.0, label, token, place, c.lm[at], c.term[at])
            if to >= 0:
                keep_grown(s, now, after, at, to, label)
                kept = max(kept, to + 1)
    s.counts[HYPOTHESES] = kept
    s.levels[SCALE] += math.log(best)


@inlined
def slot(
    s: Search, after: Hypotheses, limits: Limits, kept: int, blank: float, label: float, last: int,
    place: int, lm: int, term: int,
) -> int:  # fmt: skip
    """Where a hypothesis goes: after those that were kept; -1 if it need not be.

    Where two prefixes have the same last token, place and states, all that may come is equally likely after
    both. If one has as much as the other of both masses, it will be ahead for ever, whatever comes.
    """
    if not limits.recombine:
        return kept
    mask = np.uint64(len(s.table) - 1)
    cell = mixed(mixed(mixed(mixed(np.uint64(7), last), place), lm), term) & mask
    while s.table[cell] >= 0:
        other = s.table[cell]
        same = after.last[other] == last and after.place[other] == place
        if same and after.lm[other] == lm and after.term[other] == term:
            if after.blank[other] >= blank and after.label[other] >= label:
                return -1
            if after.blank[other] <= blank and after.label[other] <= label:
                return other
        cell = (cell + np.uint64(1)) & mask
    s.table[cell] = kept
    return kept


@inlined
def keep_stay(now: Hypotheses, after: Hypotheses, this: int, to: int, blank: float, label: float) -> None:
    """A hypothesis that added no token."""
    after.key[to], after.last[to], after.place[to] = now.key[this], now.last[this], now.place[this]
    after.blank[to], after.label[to] = blank, label
    after.lm[to], after.term[to], after.trace[to] = now.lm[this], now.term[this], now.trace[this]
    after.score[to], after.lm_score[to] = now.score[this], now.lm_score[this]
    after.ended[to], after.ended_lm[to] = now.ended[this], now.ended_lm[this]


@inlined
def keep_grown(s: Search, now: Hypotheses, after: Hypotheses, at: int, to: int, label: float) -> None:
    """A candidate becomes a hypothesis, and what it said is noted."""
    c, trace = s.candidates, s.counts[TRACES]
    s.counts[TRACES] = trace + 1
    s.traces.parent[trace], s.traces.token[trace] = now.trace[c.source[at]], c.token[at]
    s.traces.word[trace], s.traces.frame[trace] = c.word[at], s.counts[FRAMES]
    after.key[to], after.last[to], after.place[to] = c.key[at], c.token[at], c.place[at]
    after.blank[to], after.label[to] = 0.0, label
    after.lm[to], after.term[to], after.trace[to] = c.lm[at], c.term[at], trace
    after.score[to], after.lm_score[to] = c.score[at], c.lm_score[at]
    after.ended[to], after.ended_lm[to] = np.nan, 0


@compiled
def finish(
    s: Search, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights, limits: Limits,
    end: bool, mass: Floats, score: Floats, lm_score: Floats, word: Ints,
) -> None:  # fmt: skip
    """What each hypothesis is worth if the utterance ends here; the search itself is not changed.

    Args:
        end: whether a sentence ends, too, for the language model.
        mass, score, lm_score: (beam,) to be filled, as in `Hypotheses`.
        word: (beam,) to be filled: the word that the end ends.
    """
    now = s.next if s.counts[FRAMES] & 1 else s.now
    for this in range(s.counts[HYPOTHESES]):
        place = now.place[this]
        mass[this] = total(now.blank[this], now.label[this], limits.maximum)
        word[this], gain, state, of_lm = NO_WORD, 0.0, now.lm[this], 0.0
        if place != ROOT and not limits.boundaries:
            gain = -np.inf  # half a word
        elif place != ROOT:
            first_word, last_word = 0, 0
            if place > ROOT:
                first_word, last_word = tree.word_begins[place], tree.word_begins[place + 1]
            gain = -np.inf
            for entry in range(first_word - (first_word == last_word), last_word):
                ended = UNKNOWN_WORD if entry < first_word else tree.words[entry]
                more, after, told = changes(tree, w, place, ROOT, ended), now.lm[this], 0.0
                if limits.word_lm:
                    told, after = lm_step(now, tree, spellings, lm, limits, this, 0, ended)
                if more + w.lm * told > gain:
                    gain, state, of_lm, word[this] = more + w.lm * told, after, told, ended
        if len(terms.units) > 1:
            term, bonus = now.term[this], 0.0
            if limits.boundaries and place != ROOT:
                term, bonus = follow_term(terms, term, BOUNDARY)
            gain += bonus - terms.promised[term]
        if end and (limits.word_lm or limits.token_lm):
            told, _, _, _ = step(lm, state, END)
            gain += w.lm * told
            of_lm += told
        mass[this] *= math.exp(gain)
        score[this] = now.score[this] + gain
        lm_score[this] = now.lm_score[this] + of_lm
