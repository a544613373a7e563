"""The search for pronunciations, compiled: a beam over cuts of a word into graphones."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

ROOT = 0  # the node of the empty context
_HASH_FACTOR = 6364136223846793005  # Knuth's MMIX multiplier: odd, and its bits are well mixed


@kernel
def first_child(words: IntArray, begin: int, end: int, word: int) -> int:
    """The first of the sorted words[begin:end] that is not below `word`."""
    while begin < end:
        middle = (begin + end) // 2
        if words[middle] < word:
            begin = middle + 1
        else:
            end = middle
    return begin


@kernel
def link_suffixes(words: IntArray, begins: IntArray, parents: IntArray) -> IntArray:
    """For each node of a trie the node of its longest suffix: where a search goes when it backs off.

    Args:
        words: (nodes,) the last word of each node; the root and then level by level.
        begins: (nodes + 1,) the children of node i lie in begins[i]:begins[i + 1].
        parents: (nodes,) of each node.
    """
    suffixes = np.zeros(len(words), np.int64)
    for node in range(1, len(words)):
        parent = parents[node]
        while parent != ROOT:
            parent = suffixes[parent]
            child = first_child(words, begins[parent], begins[parent + 1], words[node])
            if child < begins[parent + 1] and words[child] == words[node]:
                suffixes[node] = child
                break
    return suffixes


@kernel
def log_add(a: float, b: float) -> float:
    """log10(10^a + 10^b)."""
    high: float = max(a, b)
    low: float = min(a, b)
    if low == -np.inf:
        return high
    return high + math.log1p(math.pow(10.0, low - high)) / math.log(10.0)


@kernel
def after(
    node: int, score: float, begins: IntArray, backoffs: FloatArray, suffixes: IntArray
) -> tuple[int, float]:
    """The context that counts from here on: one that has continuations; and the score with its back-offs."""
    while node != ROOT and begins[node] == begins[node + 1]:
        score += backoffs[node]
        node = suffixes[node]
    return node, score


@kernel
def log_prob_of(
    node: int,
    word: int,
    words: IntArray,
    begins: IntArray,
    log_probs: FloatArray,
    backoffs: FloatArray,
    suffixes: IntArray,
) -> float:
    """log10 P(word | the context of the node)."""
    total = 0.0
    while True:
        child = first_child(words, begins[node], begins[node + 1], word)
        if child < begins[node + 1] and words[child] == word:
            return total + float(log_probs[child])
        if node == ROOT:
            return -np.inf
        total += backoffs[node]
        node = suffixes[node]


@kernel
def arrive(
    node: int,
    hashed: int,
    score: float,
    table: IntArray,
    count: IntArray,
    scores: FloatArray,
    nodes: IntArray,
    hashes: IntArray,
) -> int:
    """Enter a hypothesis at a place, or add it to the one with the same phones in the same context.

    Args:
        node, hashed, score: its context, the hash of its phones, its log10 probability.
        table: of entries, with open addressing; -1 where a cell is free.
        count: (1,) how many entries there are.
        scores, nodes, hashes: of the entries.

    Returns:
        The entry that it became or was added to.
    """
    mixed = (hashed ^ (node * 7919)) & 0x7FFFFFFFFFFFFFFF
    cell = (mixed ^ (mixed >> 29)) & (len(table) - 1)
    while table[cell] != -1:
        entry = table[cell]
        if nodes[entry] == node and hashes[entry] == hashed:
            scores[entry] = log_add(scores[entry], score)
            return int(entry)
        cell = (cell + 1) & (len(table) - 1)
    entry = count[0]
    count[0] += 1
    table[cell] = entry
    scores[entry], nodes[entry], hashes[entry] = score, node, hashed
    return int(entry)


@kernel
def finish(
    letters: int,
    wanted: int,
    scores: FloatArray,
    nodes: IntArray,
    hashes: IntArray,
    origins: IntArray,
    graphones: IntArray,
    kept_origins: IntArray,
    kept_graphones: IntArray,
    end_word: int,
    words: IntArray,
    begins: IntArray,
    log_probs: FloatArray,
    backoffs: FloatArray,
    suffixes: IntArray,
) -> tuple[float, FloatArray, IntArray, IntArray]:
    """End the word after each hypothesis, add up those with the same phones, and trace the best back."""
    count = len(scores)
    finals = np.empty(count)
    for this in range(count):
        finals[this] = scores[this] + log_prob_of(
            nodes[this], end_word, words, begins, log_probs, backoffs, suffixes
        )
    by_hash = np.argsort(hashes[:count])
    found = 0
    out_scores = np.empty(count)
    out_ids = np.empty(count, np.int64)
    for index in range(count):
        this = by_hash[index]
        if found and index and hashes[this] == hashes[by_hash[index - 1]]:
            out_scores[found - 1] = log_add(out_scores[found - 1], finals[this])
        else:
            out_scores[found], out_ids[found] = finals[this], this
            found += 1
    everything = -np.inf
    for index in range(found):
        everything = log_add(everything, out_scores[index])
    best_first = np.argsort(-out_scores[:found])[:wanted]
    found = len(best_first)
    out_begins = np.zeros(found + 1, np.int64)
    out_graphones = np.empty(found * letters, np.int64)
    written = 0
    for rank in range(found):
        this = out_ids[best_first[rank]]
        graphone, origin = graphones[this], origins[this]
        while graphone >= 0:
            out_graphones[written] = graphone
            written += 1
            graphone, origin = kept_graphones[origin], kept_origins[origin]
        out_begins[rank + 1] = written
    return everything, out_scores[best_first], out_begins, out_graphones[:written]


@kernel
def search(
    firsts: IntArray,
    lasts: IntArray,
    phone_begins: IntArray,
    phones: IntArray,
    words: IntArray,
    begins: IntArray,
    log_probs: FloatArray,
    backoffs: FloatArray,
    suffixes: IntArray,
    start: int,
    end_word: int,
    beam: int,
    width: float,
    capacity: int,
    wanted: int,
) -> tuple[float, FloatArray, IntArray, IntArray]:
    """The pronunciations of one word that a beam search finds, each summed over its cuts.

    Args:
        firsts, lasts: (letters, longest graphone's letters): the graphones that fit at a place with
            1, 2, ... letters are the ids firsts[i, n - 1] to lasts[i, n - 1] - 1.
        phone_begins, phones: the phones of the graphone g are phones[phone_begins[g]:phone_begins[g + 1]].
        words, begins, log_probs, backoffs, suffixes: the n-gram model as a trie with the root first.
        start: the node of <s>; end_word: the id of </s>.
        beam: hypotheses kept at each place; width: how far (log10) they may be behind the best.
        capacity: how many hypotheses can at most arrive at one place.
        wanted: how many pronunciations to return at most.

    Returns:
        log10 P(letters, any phones found); log10 P(letters, phones) of the best, best first; and a cut of
        each, the graphone that was found last first: cut i is out_graphones[out_begins[i]:out_begins[i + 1]].
    """
    letters, longest = firsts.shape
    slots = longest + 1
    table_size = 2
    while table_size < 2 * capacity:
        table_size *= 2
    # Hypotheses that arrive, for the next few places in turn.
    table = np.full((slots, table_size), -1, np.int64)
    counts = np.zeros(slots, np.int64)
    bests = np.full(slots, -np.inf)
    new_scores = np.empty((slots, capacity))
    new_nodes = np.empty((slots, capacity), np.int64)
    new_hashes = np.empty((slots, capacity), np.int64)
    new_origins = np.empty((slots, capacity), np.int64)
    new_graphones = np.empty((slots, capacity), np.int64)
    # Those that were kept, of all places one after another.
    kept_origins = np.empty((letters + 1) * beam, np.int64)
    kept_graphones = np.empty((letters + 1) * beam, np.int64)
    kept = 0
    seen = np.zeros(len(phone_begins), np.int64)
    stamp = 0

    counts[0] = 1
    bests[0] = 0.0
    new_scores[0, 0] = 0.0
    new_nodes[0, 0], new_hashes[0, 0], new_origins[0, 0], new_graphones[0, 0] = start, 0, -1, -1

    for place in range(letters):
        slot = place % slots
        order = np.argsort(-new_scores[slot, : counts[slot]])
        for rank in range(min(beam, len(order))):
            this = order[rank]
            if new_scores[slot, this] < bests[slot] - width:
                break
            origin = kept
            kept_origins[kept], kept_graphones[kept] = new_origins[slot, this], new_graphones[slot, this]
            kept += 1
            stamp += 1
            node, score = new_nodes[slot, this], new_scores[slot, this]
            while True:
                for n in range(1, min(longest, letters - place) + 1):
                    to = (place + n) % slots
                    last = lasts[place, n - 1]
                    child = first_child(words, begins[node], begins[node + 1], firsts[place, n - 1])
                    while child < begins[node + 1] and words[child] < last:
                        graphone = words[child]
                        sum_here = score + log_probs[child]
                        if seen[graphone] != stamp and sum_here >= bests[to] - width:
                            hashed = new_hashes[slot, this]
                            for index in range(phone_begins[graphone], phone_begins[graphone + 1]):
                                hashed = (hashed + phones[index] + 1) * _HASH_FACTOR
                            state, total = after(child, sum_here, begins, backoffs, suffixes)
                            entry = arrive(
                                state, hashed, total, table[to], counts[to : to + 1],
                                new_scores[to], new_nodes[to], new_hashes[to],
                            )  # fmt: skip
                            if new_scores[to, entry] == total:  # a new one, not one added to another
                                new_origins[to, entry], new_graphones[to, entry] = origin, graphone
                            bests[to] = max(bests[to], new_scores[to, entry])
                        seen[graphone] = stamp
                        child += 1
                if node == ROOT:
                    break
                score += backoffs[node]
                node = suffixes[node]
        table[slot, :] = -1
        counts[slot] = 0
        bests[slot] = -np.inf

    slot = letters % slots
    return finish(
        letters, wanted, new_scores[slot, : counts[slot]], new_nodes[slot], new_hashes[slot],
        new_origins[slot], new_graphones[slot], kept_origins, kept_graphones, end_word, words, begins,
        log_probs, backoffs, suffixes,
    )  # fmt: skip
