"""Confusion networks against all paths written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.lattice.examples import all_paths, edit_distance, lattices, path_posteriors, words_of
from earwright.decoding.lattice import (
    Lattice,
    assemble,
    confusion_network,
    empty_lattice,
    nbest_paths,
    word_posteriors,
)


@given(lattices(), st.sampled_from([1.0, 0.4]))
def test_places_sum_to_one_and_are_in_order(lattice: Lattice, scale: float) -> None:
    network = confusion_network(lattice, scale)
    for slot in network.slots:
        assert sum(slot.posteriors) == pytest.approx(1.0)
        assert list(slot.posteriors) == sorted(slot.posteriors, reverse=True)
        times = zip(slot.starts, slot.ends, strict=True)
        assert all(0 <= start <= end <= lattice.frames for start, end in times)
        assert len(set(slot.words)) == len(slot.words)


@given(lattices(), st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4))
def test_expected_errors_are_no_fewer_than_by_enumeration(lattice: Lattice, words: list[str]) -> None:
    """An alignment for all paths at once can be no better than one for each."""
    least = sum(
        share * edit_distance(words_of(lattice, path), words)
        for path, share in path_posteriors(lattice).items()
    )
    assert confusion_network(lattice, words=words).expected_errors >= least - 1e-6


@given(lattices())
def test_the_consensus_is_expected_to_err_less_than_the_best_path(lattice: Lattice) -> None:
    best = nbest_paths(lattice)[0].words
    network = confusion_network(lattice)
    fixed = confusion_network(lattice, words=best)
    assert network.expected_errors <= fixed.expected_errors + 1e-6
    # What it says of itself is what it is worth as a text.
    assert confusion_network(lattice, words=network.words).expected_errors == pytest.approx(
        network.expected_errors, abs=1e-3
    )


@given(st.data())
def test_one_text_alone_is_sure(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=5))
    lattice = chain([[(word, -1.0)] for word in words])
    network = confusion_network(lattice)
    assert (network.words, network.expected_errors) == (tuple(words), pytest.approx(0.0, abs=1e-9))
    assert word_posteriors(lattice, words) == pytest.approx([1.0] * len(words))
    assert [slot.starts[0] for slot in network.slots] == [2.0 * place for place in range(len(words))]


@given(st.data())
def test_words_that_compete_at_their_places_have_their_arcs_posteriors(data: st.DataObject) -> None:
    places = data.draw(st.integers(1, 4))
    scores = st.floats(-3, 0, width=32)
    bins = [[(f"{kind}{place}", data.draw(scores)) for kind in "xyz"] for place in range(places)]
    lattice = chain(bins)
    posteriors = lattice.posteriors()
    best = nbest_paths(lattice)[0].words
    network = confusion_network(lattice)
    by_word = dict(zip(lattice.words, posteriors.tolist(), strict=True))
    # The same, or one that is just as likely, to the last digits.
    assert [by_word[word] for word in network.words] == pytest.approx([by_word[word] for word in best])
    for arc, word in enumerate(lattice.words):
        slot = network.slots[int(word[1:])]
        assert slot.posterior(word) == pytest.approx(posteriors[arc], abs=1e-6)
    assert word_posteriors(lattice, best) == pytest.approx(
        [float(posteriors[lattice.words.index(word)]) for word in best], abs=1e-6
    )


def test_a_word_that_may_not_be_there() -> None:
    lattice = chain([[("a", 0.0)], [("b", 0.0), ("", np.log(3.0))], [("c", 0.0)]])
    network = confusion_network(lattice)
    assert network.words == ("a", "c")
    (gap,) = [slot for slot in network.slots if slot.words[0] == ""]
    assert gap.posterior("b") == pytest.approx(0.25)
    assert gap.posterior("") == pytest.approx(0.75)
    assert gap.posterior("d") == 0.0
    assert word_posteriors(lattice, ["a", "b", "c"]) == pytest.approx([1.0, 0.25, 1.0])


def test_an_empty_lattice_is_sure_of_nothing() -> None:
    assert confusion_network(empty_lattice()).slots == ()
    assert word_posteriors(empty_lattice(), ["a"]) == [0.0]
    assert len(all_paths(empty_lattice())) == 0


def chain(bins: list[list[tuple[str, float]]]) -> Lattice:
    """A lattice of places, each with words and their scores."""
    arcs = [(place, word, score) for place, words in enumerate(bins) for word, score in words]
    zeros = np.zeros(len(arcs))
    return assemble(
        range(0, 2 * len(bins) + 1, 2),
        [place for place, _, _ in arcs],
        [place + 1 for place, _, _ in arcs],
        [word for _, word, _ in arcs],
        [score for _, _, score in arcs],
        zeros,
        zeros,
        [()] * len(arcs),
        lm_weight=1.0,
        start=0,
        end=len(bins),
    )
