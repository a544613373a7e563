"""Where a recognition and a text agree for certain, so that what lies between can be aligned by itself.

As in Moreno et al. 1998 ("A recursive algorithm for the forced alignment of very long audio segments"): runs
of words that the recognizer has found in the text's order are islands of confidence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

SEED = 3  # words: shorter sequences are found by chance
MOST_PLACES = 16  # of a sequence in the text: what is said more often tells nothing
LEAST_RUN = 5  # matched words that make a place to cut at certain
EDGE = 2  # of which a cut keeps this many on each side


def match_words(heard: Sequence[str], text: Sequence[str]) -> dict[int, int]:
    """Heard word -> word of the text, in the order of both.

    Of all sequences of SEED words that both have, the longest chain is taken that goes forward in both.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in range(len(text) - SEED + 1):
        places[tuple(text[at : at + SEED])].append(at)
    pairs = []
    for at in range(len(heard) - SEED + 1):
        found = places.get(tuple(heard[at : at + SEED]), ())
        if len(found) <= MOST_PLACES:
            # Backwards, so that of one heard word's places only one can be in a chain.
            pairs += [(at, place) for place in reversed(found)]
    matched: dict[int, int] = {}
    last = -1
    for at, place in (pairs[index] for index in longest_rising([place for _, place in pairs])):
        for step in range(SEED):
            if at + step not in matched and place + step > last:
                matched[at + step] = last = place + step
    return matched


def longest_rising(values: Sequence[int]) -> list[int]:
    """Indices of a longest strictly rising subsequence (Fredman 1975)."""
    tails: list[int] = []  # the smallest last value of a rising subsequence of each length
    ends: list[int] = []  # and its index
    before: list[int] = []
    for index, value in enumerate(values):
        length = bisect_left(tails, value)
        before.append(ends[length - 1] if length else -1)
        if length == len(tails):
            tails.append(value)
            ends.append(index)
        else:
            tails[length], ends[length] = value, index
    chain = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(index)
        index = before[index]
    return chain[::-1]


def cuts_between(
    heard: Sequence[tuple[int, int]], matched: dict[int, int], least: int, most: int
) -> list[tuple[int, int]]:
    """Where to part recording and text: (frame, number of the first word after it) each.

    Args:
        heard: frames [start, end) of each heard word.
        matched: as `match_words` has it.
        least, most: frames of a part. Within them the longest pause is taken; where there is none for
            certain, a part is longer.
    """
    places = sorted(matched.items())
    certain: list[tuple[int, int, int]] = []  # pause, frame, word
    first = 0
    for index in range(1, len(places) + 1):
        ends = index == len(places) or (
            places[index][0] != places[index - 1][0] + 1 or places[index][1] != places[index - 1][1] + 1
        )
        if not ends:
            continue
        if index - first >= LEAST_RUN:
            for inner in range(first + EDGE, index - EDGE + 1):
                before, after = heard[places[inner - 1][0]][1], heard[places[inner][0]][0]
                if after > before:
                    certain.append((after - before, (before + after) // 2, places[inner][1]))
        first = index
    cuts: list[tuple[int, int]] = []
    begin, at = 0, 0
    while at < len(certain):
        near = [cut for cut in certain[at:] if least <= cut[1] - begin <= most]
        if not near:
            later = next((cut for cut in certain[at:] if cut[1] - begin > most), None)
            if later is None:
                break
            near = [later]
        _, frame, word = max(near, key=lambda cut: (cut[0], -cut[1]))
        cuts.append((frame, word))
        begin = frame
        while at < len(certain) and certain[at][1] <= frame:
            at += 1
    return cuts
