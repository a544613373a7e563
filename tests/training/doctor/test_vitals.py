"""What is measured of a step, and of the data, beside other ways to measure it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from earwright.data.packed import Example
from earwright.decoding.greedy import greedy_search
from earwright.text import build_char_tokenizer
from earwright.training.doctor.data_vitals import (
    describe_clips,
    describe_fit,
    entropy,
    ranks,
    surprise,
    unknown_characters,
)
from earwright.training.doctor.history import step_at
from earwright.training.doctor.vitals import Vitals, count_output, layer_norms, layer_of
from earwright.training.watch import compare_transcripts


def test_output_is_counted_as_greedy_search_writes_it() -> None:
    generator = torch.Generator().manual_seed(0)
    log_probs = (3 * torch.randn(5, 40, 4, generator=generator)).log_softmax(dim=-1)
    lengths = torch.tensor([40, 31, 17, 2, 1])
    frames, blanks, nats, written = count_output(log_probs, lengths)
    rows = [row[:length].numpy() for row, length in zip(log_probs, lengths.tolist(), strict=True)]
    assert frames == 91
    assert blanks == sum(int((row.argmax(-1) == 0).sum()) for row in rows)
    assert written == sum(len(greedy_search(row).tokens) for row in rows)
    assert nats == pytest.approx(sum(float(-(np.exp(row) * row).sum()) for row in rows), rel=1e-4)


def test_norms_by_layer() -> None:
    assert [layer_of(name) for name in ("blocks.3.norm.weight", "output.bias", "feedback.weight")] == [
        "blocks.3", "output", "feedback",
    ]  # fmt: skip
    norms = layer_norms(
        {"a.0.x": torch.tensor([3.0]), "a.0.y": torch.tensor([[4.0]]), "a.1.x": None, "b": torch.ones(4)}
    )
    assert norms == {"a.0": 5.0, "a.1": 0.0, "b": 2.0}


def test_a_step_is_measured_when_it_is_due_or_after_one_that_failed() -> None:
    model = nn.Linear(3, 2)
    vitals = Vitals(model, every=10)
    seen = []
    for step in range(1, 24):
        vitals.begin(step)
        for _ in range(2):  # two parts of a batch
            log_probs = model(torch.ones(2, 5, 3)).log_softmax(-1)
            vitals.see_output(log_probs, torch.tensor([5, 4]), torch.tensor([2, 1]))
        log_probs.sum().backward()
        vitals.see_gradients()
        before = model.weight.detach().clone()
        with torch.no_grad():
            model.weight.mul_(0.9)
        vitals.see_update(step != 13)
        if vitals.measured:
            seen.append(step)
            assert vitals.measured["gradients"]["weight"] == pytest.approx(float(model.weight.grad.norm()))
            if step != 13:
                moved = float((model.weight - before).detach().norm() / before.norm())
                assert vitals.measured["updates"] == {"weight": pytest.approx(moved)}
            assert 0 <= vitals.measured["blank"] <= 1
    assert seen == [1, 10, 14, 20]


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0.1, 30)), min_size=2, max_size=40))
def test_rank_correlation_is_spearmans(rows: list[tuple[int, float]]) -> None:
    """Against the definition: ranks counted by comparing every pair."""
    examples = [Example(str(i), seconds, (1,) * tokens) for i, (tokens, seconds) in enumerate(rows)]
    fit = describe_fit(examples)

    def by_hand(values: list[float]) -> list[float]:
        return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values]

    one, two = by_hand([float(t) for t, _ in rows]), by_hand([s for _, s in rows])
    assert ranks(np.array([float(t) for t, _ in rows])).tolist() == one
    if len(set(one)) > 1 and len(set(two)) > 1:
        a, b = np.array(one) - np.mean(one), np.array(two) - np.mean(two)
        wanted = float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))
        assert fit["correlation"] == pytest.approx(wanted, abs=1e-9)
    else:
        assert fit["correlation"] == 0


def test_clips_of_silence_and_of_speech() -> None:
    generator = np.random.default_rng(0)
    loud = [(0.1 * generator.standard_normal(8000)).astype(np.float32) for _ in range(3)]
    quiet = [np.zeros(8000, np.float32), (1e-5 * generator.standard_normal(8000)).astype(np.float32)]
    clips = describe_clips(loud + quiet, 16000)
    assert (clips["clips"], clips["silent"]) == (5, 2)
    assert clips["level"] == pytest.approx(-20, abs=0.5) and clips["bandwidth"] > 7500
    assert describe_clips(quiet, 16000)["level"] is None


def test_letters_that_cannot_be_written() -> None:
    tokenizer = build_char_tokenizer(["the cat sat"], 1)
    found = unknown_characters(["the cat", "zzx"], tokenizer)
    assert found == {"share": 3 / 9, "characters": "zx", "texts": 0.5}


def test_another_language_is_surprising() -> None:
    english = ["the cat sat on the mat", "there is another thing that they thought", "this and that"] * 20
    german = ["die katze sitzt auf der matte", "ich habe zwei stück kuchen gekauft"] * 10
    costs = surprise(english, german)
    assert costs["dev"] > costs["train"] + 1 and costs["texts"] == 60
    assert surprise(english, english)["dev"] == pytest.approx(costs["train"], abs=0.1)


def test_guessing_costs_the_entropy() -> None:
    assert entropy([5, 5, 0]) == pytest.approx(math.log(2))
    assert entropy([3]) == 0


def test_what_an_error_rate_does_not_say() -> None:
    compared = compare_transcripts([("on the mat", "onthemat"), ("yes, no", "Yes no")], "raw")
    assert compared["letters"] == 1 and compared["letters_cer"] == 0
    assert compared["words"] == 3 / 5 and compared["word_length"] == 13 / 5


def test_the_step_at_a_distance() -> None:
    assert step_at(0.3, [0.1, 0.1, 0.2]) == 3
    assert step_at(1.0, [0.1, 0.1]) is None
