from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.models.conformer import Conformer, ConformerOptions, average_pairs, repeat_pairs
from earwright.nn.context import Context, attention_mask, length_mask

SMALL = {"dim": 32, "layers": 3, "heads": 2, "kernel_size": 5, "stem_channels": 4, "feed_forward": 2.0}


def small(**changes: object) -> Conformer:
    torch.manual_seed(0)
    options = ConformerOptions(**{**SMALL, "half_rate": (1, 2), **changes})  # type: ignore[arg-type]
    return Conformer(options, n_features=12, vocab_size=7).eval()


MODELS = {
    "half rate": small(),
    "full rate": small(half_rate=(0, 0)),
    "self-conditioned": small(intermediate_ctc=(1, 2), self_conditioning=True),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("context", [None, Context(4, 8)])
@settings(max_examples=12)
@given(lengths=st.lists(st.integers(1, 90), min_size=1, max_size=4), extra=st.integers(0, 9))
def test_padding_never_changes_a_result(
    name: str, context: Context | None, lengths: list[int], extra: int
) -> None:
    model = MODELS[name]
    generator = torch.Generator().manual_seed(sum(lengths))
    clips = [torch.randn(length, 12, generator=generator) for length in lengths]
    padded = torch.zeros(len(clips), max(lengths) + extra, 12)
    for row, clip in enumerate(clips):
        padded[row, : len(clip)] = clip
    with torch.no_grad():
        together = model(padded, torch.tensor(lengths), context)
        for row, clip in enumerate(clips):
            alone = model(clip[None], torch.tensor([len(clip)]), context)
            frames = int(alone.lengths[0])
            assert frames == int(together.lengths[row]) == -(-len(clip) // 4)
            torch.testing.assert_close(
                together.log_probs[row, :frames], alone.log_probs[0, :frames], atol=1e-4, rtol=0
            )


def test_log_probs_are_probabilities() -> None:
    with torch.no_grad():
        output = MODELS["half rate"](torch.randn(2, 50, 12), torch.tensor([50, 31]))
    assert output.log_probs.dtype == torch.float32
    torch.testing.assert_close(output.log_probs.exp().sum(-1), torch.ones(2, 13))


@pytest.mark.parametrize("name", MODELS)
def test_a_chunk_never_sees_the_next(name: str) -> None:
    """Changing the features of later chunks changes nothing before, but for what the stem looks ahead."""
    model, context = MODELS[name], Context(4, 8)
    features = torch.randn(1, 96, 12)
    changed = features.clone()
    changed[:, 48:] += 1.0  # output frame 12 starts chunk 3; the stem sees 3 feature frames ahead
    with torch.no_grad():
        before = model(features, torch.tensor([96]), context).log_probs
        after = model(changed, torch.tensor([96]), context).log_probs
    # The last frame of chunk 2 sees feature 48 through the stem, so chunk 2 may move; chunks 0 and 1 may not.
    torch.testing.assert_close(before[:, :8], after[:, :8], atol=1e-6, rtol=0)
    assert (before[:, 12:] - after[:, 12:]).abs().max() > 1e-3
    with torch.no_grad():
        full = model(changed, torch.tensor([96])).log_probs
    assert (model(features, torch.tensor([96])).log_probs - full)[:, :8].abs().max() > 1e-4


def test_one_chunk_is_full_context() -> None:
    model = MODELS["half rate"]
    features, lengths = torch.randn(2, 61, 12), torch.tensor([61, 40])
    with torch.no_grad():
        full = model(features, lengths)
        one = model(features, lengths, Context(16, 0))
    for row in range(2):
        frames = int(full.lengths[row])
        torch.testing.assert_close(
            full.log_probs[row, :frames], one.log_probs[row, :frames], atol=1e-5, rtol=0
        )


def test_the_attention_mask_by_definition() -> None:
    real = length_mask(torch.tensor([7, 5]), 7)
    mask = attention_mask(real, Context(chunk=2, left=4))
    for row, length in enumerate((7, 5)):
        for query in range(length):
            for key in range(7):
                behind = query // 2 - key // 2
                assert bool(mask[row, 0, query, key]) == (0 <= behind <= 2 and key < length)
    assert mask.any(dim=-1).all(), "a row without a key makes nan"


def test_training_draws_follow_the_generator() -> None:
    model = small(context="drawn", stochastic_depth=0.5)
    torch.manual_seed(3)
    first = [model.draw() for _ in range(20)]
    torch.manual_seed(3)
    assert [model.draw() for _ in range(20)] == first
    contexts = {context for context, _ in first}
    assert None in contexts and len(contexts) > 2
    assert all(context is None or context.chunk % 2 == 0 for context in contexts)
    assert any(any(skipped) for _, skipped in first)
    assert model.inference_context() is None
    assert small(context="limited").inference_context() == Context(chunk=8, left=128)


def test_skipped_blocks_are_skipped() -> None:
    model, features, lengths = MODELS["half rate"], torch.randn(1, 40, 12), torch.tensor([40])
    with torch.no_grad():
        whole = model(features, lengths).log_probs
        without = model(features, lengths, None, [False, True, False]).log_probs
        torch.testing.assert_close(model(features, lengths, None, [False] * 3).log_probs, whole)
    assert (whole - without).abs().max() > 1e-3


def test_every_parameter_learns() -> None:
    model = small(intermediate_ctc=(2,), self_conditioning=True).train()
    output = model(torch.randn(2, 60, 12), torch.tensor([60, 44]))
    loss = output.log_probs[..., 1].sum() + output.intermediate[0][..., 2].sum()
    loss.backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # A key's bias shifts all scores of a query alike, so softmax removes it; it has no gradient by design.
    assert silent == []


@given(frames=st.integers(1, 9))
def test_pairs(frames: int) -> None:
    x = torch.arange(frames, dtype=torch.float32).reshape(1, frames, 1)
    averaged = average_pairs(x)
    assert averaged.shape[1] == (frames + 1) // 2
    assert repeat_pairs(averaged, frames).shape == x.shape
    for place in range(frames // 2):
        assert averaged[0, place, 0] == 2 * place + 0.5


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [("3m", 2.5e6, 4e6), ("10m", 9e6, 12e6), ("30m", 25e6, 35e6), ("100m", 85e6, 115e6)],
)
def test_the_sizes_are_what_their_recipes_say(size: str, low: float, high: float) -> None:
    from pathlib import Path

    from earwright.training.recipe import load_recipe

    recipe = load_recipe(Path(__file__).parents[2] / "recipes" / f"conformer-{size}.toml")
    with torch.device("meta"):
        model = Conformer(recipe.model, 80, 30)
    assert low < sum(p.numel() for p in model.parameters()) < high
