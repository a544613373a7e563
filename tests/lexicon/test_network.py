"""The network: its gradients beside differences, its windows beside a loop, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earwright.errors import EarwrightError
from earwright.lexicon import G2pModel, default_lexicon, network, read_g2p, train_g2p, write_g2p
from earwright.lexicon.network import AROUND, BEFORE, Network, look_around, row_offsets, train_network


def test_what_it_sees() -> None:
    letters, said, begins = np.array([1, 2, 3, 0, 1]), np.array([4, 5, 6, 7, 8]), np.array([0, 3, 3, 5])
    seen = look_around(letters, said, begins, 9, 99)
    for begin, end in ((0, 3), (3, 5)):
        for here in range(begin, end):
            around = [
                letters[here + offset] if begin <= here + offset < end else 9
                for offset in range(-AROUND, AROUND + 1)
            ]
            before = [said[here + offset] if here + offset >= begin else 99 for offset in range(-BEFORE, 0)]
            assert seen[here].tolist() == [*around, *before]


def test_gradients_are_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving a weight a little changes the loss by what its gradient says."""
    monkeypatch.setattr(network, "DROPOUT", 0.0)
    generator = np.random.default_rng(1)
    letters, said, begins = generator.integers(0, 3, 12), generator.integers(0, 4, 12), np.array([0, 5, 12])
    weights = network._first_weights(generator, 3, 4)
    inputs = look_around(letters, said, begins, 3, 4)

    def loss() -> float:
        log_probs = Network(3, 4, tuple(weights)).log_probs(inputs)
        return -float(log_probs[np.arange(12), said].astype(np.float64).mean())

    gradients = [np.zeros_like(each) for each in weights]
    rows = (inputs + row_offsets(3, 4)).astype(np.int32)
    network._add_gradients(weights, gradients, rows, said, generator)
    for each, gradient in zip(weights, gradients, strict=True):
        direction = generator.standard_normal(each.shape).astype(np.float32)
        direction += gradient / max(float(np.abs(gradient).max()), 1e-9)
        step = 1e-3
        each += step * direction
        above = loss()
        each -= 2 * step * direction
        below = loss()
        each += step * direction
        assert (above - below) / (2 * step) == pytest.approx(
            float((gradient * direction).sum()), rel=0.02, abs=2e-3
        )


def test_it_learns_from_the_letter_to_come() -> None:
    """A letter is said by what follows it: nothing that was said before tells."""
    generator = np.random.default_rng(0)
    letters = generator.integers(0, 2, 4000)
    said = np.append(letters[1:], 0)
    begins = np.arange(0, 4001, 4000)
    trained = train_network(letters, said, begins, 2, 2, epochs=5)
    word = generator.integers(0, 2, 30)
    right, wrong = np.append(word[1:], 0), 1 - np.append(word[1:], 0)
    scores = trained.score(word, np.stack([right, wrong]))
    assert scores[0] > -3 and scores[1] < -30
    again = train_network(letters, said, begins, 2, 2, epochs=5)
    assert all(np.array_equal(one, other) for one, other in zip(trained.weights, again.weights, strict=True))


def test_it_makes_guesses_better(tmp_path: Path) -> None:
    lexicon = default_lexicon("en").without_stress()
    entries = [(word, lexicon.words[word][0]) for word in list(lexicon.words)[::15]]
    kept, held_out = entries[:-400], entries[-400:]
    model = train_g2p(kept, 6, epochs=3)
    assert model.network is not None and model.notes["epochs of the network"] == "3"
    alone = G2pModel(model.graphones, model.ngrams)
    right = [
        sum(each.pronounce(word)[0].phones == phones for word, phones in held_out) for each in (alone, model)
    ]
    assert right[1] > right[0] > 100
    guesses = model.pronounce("thoroughbread", 40)
    assert 0 < sum(guess.probability for guess in guesses) <= 1.001
    assert [guess.probability for guess in guesses] == sorted((g.probability for g in guesses), reverse=True)
    write_g2p(model, tmp_path / "g2p.bin")
    assert read_g2p(tmp_path / "g2p.bin").pronounce("thoroughbread")[0].phones == guesses[0].phones


def test_small_lexicons_have_none() -> None:
    assert train_g2p([("a", ["A"])] * 10, 2).network is None
    with pytest.raises(EarwrightError, match="no words"):
        train_g2p([])
