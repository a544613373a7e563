"""What a recognition and a text have in common."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.alignment.anchors import LEAST_RUN, cuts_between, longest_rising, match_words

words = st.lists(st.sampled_from("abcdefgh"), max_size=40)


@given(st.lists(st.integers(0, 9), max_size=9))
def test_the_longest_of_all(values: list[int]) -> None:
    chain = longest_rising(values)
    assert chain == sorted(set(chain))
    assert all(values[a] < values[b] for a, b in itertools.pairwise(chain))
    longest = max(
        length
        for length in range(len(values) + 1)
        if not length
        or any(all(a < b for a, b in itertools.pairwise(c)) for c in itertools.combinations(values, length))
    )
    assert len(chain) == longest


@given(words, words)
def test_matches_go_forward_and_are_the_same_words(heard: list[str], text: list[str]) -> None:
    matched = match_words(heard, text)
    pairs = sorted(matched.items())
    assert all(heard[at] == text[place] for at, place in pairs)
    assert all(a[1] < b[1] for a, b in itertools.pairwise(pairs))


@pytest.mark.parametrize("seed", range(5))
def test_most_of_a_faulty_recognition_is_matched(seed: int) -> None:
    chance = random.Random(seed)
    text = [f"w{chance.randrange(300)}" for _ in range(2000)]
    heard, truth = [], []
    for place, word in enumerate(text):
        if chance.random() < 0.1:
            continue  # not said, or not heard
        wrong = chance.random() < 0.1
        heard.append("wrong" if wrong else word)
        truth.append(None if wrong else place)
    matched = match_words(heard, text)
    right = sum(truth[at] == place for at, place in matched.items())
    assert right >= 0.99 * len(matched)
    assert right >= 0.7 * sum(place is not None for place in truth)


@pytest.mark.parametrize("offset", [0, 700])
def test_cuts_part_both_at_the_same_place(offset: int) -> None:
    spans = [(offset + 10 * n, offset + 10 * n + 7 - n % 3) for n in range(400)]
    matched = {n: n + 5 for n in range(400) if n % 40}
    cuts = cuts_between(spans, matched, 300, 1000)
    assert len(cuts) >= 4
    for frame, word in cuts:
        before, after = spans[word - 6], spans[word - 5]
        assert before[1] <= frame <= after[0]
    frames = [frame for frame, _ in cuts]
    assert frames == sorted(set(frames))
    assert all(b - a <= 1000 for a, b in itertools.pairwise(frames))


def test_short_runs_are_not_certain() -> None:
    spans = [(10 * n, 10 * n + 5) for n in range(100)]
    matched = {n: n for n in range(100) if n % LEAST_RUN}
    assert cuts_between(spans, matched, 100, 300) == []
    assert cuts_between([], {}, 100, 300) == []
