from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
import torch

from earwright.data.frames import frames_needed
from earwright.losses import ctc_loss


def enumerated(log_probs: torch.Tensor, text: list[int]) -> float:
    """Sum over every path of frames that collapses to the text."""
    total = 0.0
    frames, vocab = log_probs.shape
    for path in itertools.product(range(vocab), repeat=frames):
        collapsed = [token for token, _ in itertools.groupby(path) if token != 0]
        if collapsed == text:
            total += math.exp(sum(float(log_probs[t, token]) for t, token in enumerate(path)))
    return -math.log(total) if total else math.inf


@pytest.mark.parametrize("text", [[], [1], [1, 1], [2, 1], [1, 2, 2]])
def test_it_equals_enumeration_of_all_paths(text: list[int]) -> None:
    torch.manual_seed(len(text))
    log_probs = torch.randn(1, 5, 3).log_softmax(-1)
    loss = ctc_loss(log_probs, torch.tensor([5]), torch.tensor([text]).long(), torch.tensor([len(text)]))
    assert float(loss.total) == pytest.approx(enumerated(log_probs[0], text), abs=1e-4)


def test_warp_ctc_s_costs_and_gradients(shared: Path) -> None:
    case = json.loads((shared / "vectors/decoder/ctc_loss/cases.json").read_text())
    # Their blank is the last symbol, ours the first; their gradient is of the logits.
    order = [case["blank"], *range(case["blank"])]
    logits = torch.tensor(case["probs"]).log().transpose(0, 1)[:, :, order].requires_grad_()  # (B, T, V)
    labels = [[label + 1 for label in labels] for labels in case["labels"]]
    targets = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in labels], batch_first=True)
    lengths = torch.full((len(labels),), logits.shape[1])
    each = [
        ctc_loss(
            logits[i : i + 1].log_softmax(-1), lengths[:1], targets[i : i + 1], torch.tensor([len(labels[i])])
        ).total
        for i in range(len(labels))
    ]
    assert [loss.item() for loss in each] == pytest.approx(case["loss"], abs=1e-4)
    together = ctc_loss(
        logits.log_softmax(-1), lengths, targets, torch.tensor([len(row) for row in labels])
    ).total
    together.backward()
    assert logits.grad is not None
    expected = torch.tensor(case["grad_wrt_logits (of the softmax input)"]).transpose(0, 1)[:, :, order]
    torch.testing.assert_close(logits.grad, expected, atol=1e-4, rtol=0)


def test_an_impossible_text_adds_nothing_not_even_a_gradient() -> None:
    logits = torch.randn(3, 6, 4, requires_grad=True)
    targets = torch.tensor([[1, 2, 0, 0], [1, 1, 1, 1], [3, 0, 0, 0]])
    loss = ctc_loss(logits.log_softmax(-1), torch.tensor([6, 6, 6]), targets, torch.tensor([2, 4, 1]))
    assert loss.usable.tolist() == [True, False, True]
    loss.total.backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()
    assert logits.grad[1].abs().max() == 0
    alone = ctc_loss(
        logits.detach()[[0, 2]].log_softmax(-1), torch.tensor([6, 6]), targets[[0, 2]], torch.tensor([2, 1])
    )
    assert float(loss.total) == pytest.approx(float(alone.total), abs=1e-5)


def test_a_nan_in_one_utterance_leaves_the_others_alone() -> None:
    logits = torch.randn(2, 6, 4)
    logits[1, 2] = torch.nan
    logits.requires_grad_()
    loss = ctc_loss(
        logits.log_softmax(-1), torch.tensor([6, 6]), torch.tensor([[1, 2], [1, 3]]), torch.tensor([2, 2])
    )
    assert loss.usable.tolist() == [True, False]
    assert torch.isfinite(loss.total)


@pytest.mark.parametrize(("text", "frames"), [([], 0), ([1], 1), ([1, 1], 3), ([1, 2, 2, 2], 6)])
def test_the_frames_that_a_text_needs_are_exact(text: list[int], frames: int) -> None:
    assert frames_needed(text) == frames
    if text:
        log_probs = torch.zeros(1, max(frames, 1), 3).log_softmax(-1)
        for length, usable in ((frames, True), (frames - 1, False)):
            if length > 0:
                loss = ctc_loss(
                    log_probs, torch.tensor([length]), torch.tensor([text]), torch.tensor([len(text)])
                )
                assert bool(loss.usable[0]) is usable
