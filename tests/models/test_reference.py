"""The reference model: shapes and costs, padding, notes of copies, and every setting that makes no sense."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from earwright.errors import EarwrightError
from earwright.models import ConformerOptions, build_model, output_shift
from earwright.models.reference import (
    COMPRESSION,
    ClipNorm,
    DownsamplingBlock,
    ReferenceModel,
    TimeConvolution,
    positions,
)
from earwright.models.reference_options import ReferenceOptions
from earwright.nn.batch_norm import BatchNorm
from earwright.nn.mel import mel_edges
from earwright.nn.rvq import QuantizerOptions
from earwright.training.recipe import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL: dict[str, Any] = {
    "dim": 16,
    "strides": (40, 4, 2),
    "hop": 4,
    "hidden": (8, 8, 8),
    "kernels": (32, 5, 5),
    "reduce_kernels": (20, 4, 4),
    "layers": 2,
    "heads": 2,
    "intermediate_ctc": (0, 1),
}


def small(**changes: Any) -> ReferenceModel:
    torch.manual_seed(0)
    quantizer = QuantizerOptions(codebooks=2, size=16, code_dim=4, start="random")
    return ReferenceModel(ReferenceOptions(**{**SMALL, "quantizer": quantizer, **changes}), 160, 7)


def clips(lengths: list[int]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    features = torch.randn(len(lengths), max(lengths), 160)
    for row, length in zip(features, lengths, strict=True):
        row[length:] = 0
    return features, torch.tensor(lengths)


@pytest.mark.parametrize(
    ("recipe", "samples", "rate", "parameters"),
    [("reference-32x", 32, 500, 0.19e6), ("reference", 320, 50, 3.4e6)],
)
def test_what_the_docstring_says_of_the_recipes(
    recipe: str, samples: int, rate: int, parameters: float
) -> None:
    options = load_recipe(RECIPES / f"{recipe}.toml", ["data.train=x"]).model
    assert isinstance(options, ReferenceOptions) and options.downsampling == samples
    model = build_model(options, 160, 28)
    assert 1 / model.frame_shift == pytest.approx(rate)
    assert output_shift(options, 160, 0.01) == pytest.approx(model.frame_shift)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(parameters, rel=0.06)
    x, lengths = clips([700])  # 7 s
    with torch.no_grad():
        output = model.eval()(x, lengths)
    assert output.log_probs.shape == (1, 7 * rate, 28) and output.lengths.tolist() == [7 * rate]
    assert output.codes is not None and output.codes.shape == (1, 4, 7 * rate)


def test_the_recipe_of_the_walk_through_is_to_the_letter() -> None:
    recipe = load_recipe(RECIPES / "reference-32x.toml")
    model, training = recipe.model, recipe.training
    assert isinstance(model, ReferenceOptions)
    assert (model.dim, model.hidden, model.pool, model.strides) == (32, (16,) * 4, 2, (2, 2, 2, 2))
    assert (model.kernels, model.layers, model.heads) == ((8,) * 4, 6, 4)
    assert (model.masks, model.norm) == (False, "batch")
    quantizer = model.quantizer
    assert (quantizer.codebooks, quantizer.size, quantizer.commitment) == (4, 1024, 0.25)
    assert (quantizer.upkeep, quantizer.start, quantizer.revive, quantizer.dropout) == (
        "gradient",
        "random",
        0.0,
        0.0,
    )
    assert (training.learning_rate, training.weight_decay, training.clip) == (5e-4, 0.0, 10.0)
    assert training.batch_clips == 32
    built = build_model(model, 160, 28)
    weights = [built.loss_weights(step) for step in (0, 500, 1000, 9999)]
    assert [one["codebook"] for one in weights] == [10.0, 5.25, 0.5, 0.5]
    assert [one["commitment"] for one in weights] == [2.5, 1.3125, 0.125, 0.125]


def test_a_convolution_makes_one_frame_of_each_stride_that_has_begun() -> None:
    for kernel, stride in ((1, 1), (4, 1), (8, 1), (8, 2), (8, 5), (5, 5), (9, 4)):
        layer = TimeConvolution((3, 6), kernel, stride)
        for frames in (1, 7, 20, 21):
            x = torch.randn(2, frames, 3)
            found = layer(x)
            assert found.shape == (2, -(-frames // stride), 6)
            weight = layer.convolution.weight.squeeze(2)
            padded = F.pad(x, (0, 0, layer.before, layer.after)).transpose(1, 2)
            expected = F.conv1d(padded, weight, layer.convolution.bias, stride).transpose(1, 2)
            torch.testing.assert_close(found, expected[:, : found.shape[1]])


@pytest.mark.parametrize("hop", [1, 2])
def test_a_block_is_two_convolutions_and_a_projected_skip(hop: int) -> None:
    options = ReferenceOptions(**{**SMALL, "strides": (4, 4, 2), "hop": hop, "hidden": (6, 8, 8)})
    block = DownsamplingBlock(options, 0)
    x = torch.randn(2, 20, 1)
    x[1, 9:] = 0
    seen = x[:, ::hop]
    inner = F.relu(block.find(x)) + seen @ block.skip.weight.t() + block.skip.bias
    found, lengths = block(x, torch.tensor([20, 9]))
    assert lengths.tolist() == [5, 3] and (found[1, 3:] == 0).all()
    reduced = torch.asinh(COMPRESSION * block.reduce(inner))[0]
    norm = (reduced - reduced.mean(0)) / (reduced.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(found[0], norm)
    torch.testing.assert_close(found[1, :3], block(x[1:, :9], None)[0][0])


def test_a_later_block_of_a_walk_through_norms_before_the_relu() -> None:
    options = ReferenceOptions(**{**SMALL, "norm": "batch"})
    block = DownsamplingBlock(options, 1)
    x = torch.randn(2, 20, 8)
    found, lengths = block(x, None)
    found_again = block.find(x)
    norm = (found_again - found_again.mean((0, 1))) / (found_again.var((0, 1), correction=0) + 1e-5).sqrt()
    assert lengths is None
    torch.testing.assert_close(found, block.reduce(F.relu(norm) + x))


def test_a_norm_over_time_hears_neither_padding_nor_the_microphone() -> None:
    norm = ClipNorm(3)
    x = torch.randn(2, 40, 3)
    found = norm(x, torch.tensor([40, 25]))
    torch.testing.assert_close(found[1, :25].mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1, :25].var(0, correction=0), torch.ones(3), atol=1e-3, rtol=0)
    other = x * torch.tensor([1.0, 5.0, 0.2]) + torch.tensor([0.0, 3.0, -1.0])
    again = norm(other, torch.tensor([40, 25]))
    torch.testing.assert_close(again[0], found[0], atol=2e-3, rtol=1e-2)
    torch.testing.assert_close(again[1, :25], found[1, :25], atol=2e-3, rtol=1e-2)


def test_filters_begin_as_bands_that_are_equally_wide_in_mel() -> None:
    """A pure tone is loudest in the band around it, wherever in its period the frame begins."""
    layer = TimeConvolution((1, 64), 128, 4)
    layer.begin()
    layer.begin_as_ear(8000.0)
    centres = mel_edges(32, 60.0, 0.485 * 8000)[1:-1]
    time = torch.arange(8000) / 8000
    for band in range(4, 32, 3):
        for phase in (0.0, 0.7, 1.5):
            tone = torch.sin(2 * torch.pi * float(centres[band]) * time + phase)
            heard = F.relu(layer(tone[None, :, None]))[0].mean(0).view(32, 2).sum(1)  # a band's two
            assert heard.argmax() == band


def test_at_the_start_the_first_block_gives_a_spectrogram() -> None:
    model = small(hidden=(16, 8, 8), kernels=(128, 5, 5)).eval()
    centres = mel_edges(8, 60.0, 0.485 * 8000)[1:-1]
    time = torch.arange(32000) / 16000
    low, high = (torch.sin(2 * torch.pi * float(centres[band]) * time) for band in (1, 6))
    waveform = torch.cat([low[:16000], high[16000:]])
    with torch.no_grad():
        x = F.avg_pool1d(waveform[None, None], 2).transpose(1, 2)
        found, _ = model.subsampling.blocks[0](x, torch.tensor([16000]))
    bands = found[0].view(2, -1, 8, 2).mean((1, 3))  # (half, band)
    assert bands[0, 1] > 0.7 > -0.7 > bands[1, 1] and bands[0, 6] < -0.7 < 0.7 < bands[1, 6]


def test_positions_are_sines_and_cosines_of_time() -> None:
    found = positions(50, 8, torch.device("cpu"))
    for t in (0, 1, 37):
        for i in range(4):
            angle = torch.tensor(t / 10000 ** (2 * i / 8))
            torch.testing.assert_close(found[t, i], angle.sin(), atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(found[t, 4 + i], angle.cos(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("quantize", [True, False])
def test_padding_changes_nothing(quantize: bool) -> None:
    model = small(quantize=quantize).eval()
    x, lengths = clips([203, 50, 111])
    with torch.no_grad():
        batch = model(x, lengths)
        for i, length in enumerate(lengths.tolist()):
            alone = model(x[i : i + 1, :length], lengths[i : i + 1])
            frames = int(alone.lengths)
            assert int(batch.lengths[i]) == frames == -(-length // 4)
            torch.testing.assert_close(batch.frames[i, :frames], alone.frames[0], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(batch.log_probs[i, :frames], alone.log_probs[0], atol=1e-4, rtol=1e-4)
            if quantize:
                assert torch.equal(batch.codes[i, :, :frames], alone.codes[0])
                assert (batch.codes[i, :, frames:] == -1).all()


def test_padding_changes_neither_gradients_nor_upkeep() -> None:
    found = []
    for extra in (0, 37):
        model = small().train()
        x, lengths = clips([100, 60])
        output = model(F.pad(x, (0, 0, 0, extra)), lengths)
        real = [row[:n].logsumexp(0).sum() for row, n in zip(output.log_probs, output.lengths, strict=True)]
        (torch.stack(real).sum() + sum(output.losses.values())).backward()
        model.learn(model.take_notes(), torch.Generator().manual_seed(0))
        state = {name: p.grad for name, p in model.named_parameters()}
        found.append(state | dict(model.named_buffers()))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, atol=1e-4, rtol=1e-3)


def test_intermediate_heads_are_there_in_training_alone() -> None:
    model = small(quantize=False)
    x, lengths = clips([80, 60])
    assert model.eval()(x, lengths).intermediate == []
    output = model.train()(x, lengths)
    assert [one.shape for one in output.intermediate] == [output.log_probs.shape] * 2
    assert model.intermediate_weight == 0.3
    sum(one[..., 1].mean() for one in output.intermediate[:1]).backward()
    reached = {name.partition(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert reached == {"subsampling", "first_norm", "norm", "output"}  # no block is in the way


def test_without_masks_a_clip_depends_on_its_company() -> None:
    model = small(masks=False).eval()
    x, lengths = clips([203, 50])
    with torch.no_grad():
        batch, alone = model(x, lengths), model(x[1:, :50], lengths[1:])
        assert (batch.log_probs[1, :10] - alone.log_probs[0, :10]).abs().max() > 1e-3
        assert batch.lengths.tolist() == [51, 13]
        assert model.train()(x, lengths).lengths.tolist() == [51, 51]  # all of it, padding too, for the loss


def test_batch_norm_is_torchs_own() -> None:
    ours, theirs = BatchNorm(5).train(), torch.nn.BatchNorm1d(5).train()
    for seed in range(3):
        torch.manual_seed(seed)
        x = torch.randn(4, 30, 5) * 3 + 1
        mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        found, expected = ours(mine), theirs(other.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        weight = torch.randn_like(found)
        (found * weight).sum().backward()
        (expected * weight).sum().backward()
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-5, rtol=1e-4)
        before = ours.mean.clone()
        noted, ours.noted = ours.noted, []
        assert torch.equal(ours.mean, before) and len(noted) == 1  # the forward pass writes nothing
        ours.learn(noted)
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.variance, theirs.running_var, rtol=0.02, atol=0.02)  # theirs by n - 1
    ours.eval()
    theirs.eval()
    torch.testing.assert_close(ours(x), theirs(x.transpose(1, 2)).transpose(1, 2), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("norm", ["clip", "batch"])
def test_copies_change_nothing_that_they_share(norm: str) -> None:
    model = small(norm=norm).train()
    other = copy.deepcopy(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x, lengths = clips([80, 60])
    model(x[:1], lengths[:1])
    other(x[1:], lengths[1:])
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    notes = [*model.take_notes(), *other.take_notes()]
    assert len(notes) == 2 and not model.take_notes()
    model.learn(notes, torch.Generator().manual_seed(0))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    expected = {f"quantizer.{name}" for name in ("books", "usage", "sums", "tally")}
    assert changed == expected | {n for n in before if norm == "batch" and n.endswith((".mean", ".variance"))}


def test_a_revived_code_is_told_to_those_who_average() -> None:
    quantizer = QuantizerOptions(codebooks=2, size=16, code_dim=4, start="random", decay=0.5, revive=0.5)
    model = small(quantizer=quantizer).train()
    assert model.jumped() == {}
    x, lengths = clips([80, 60])
    before = model.quantizer.books.clone()  # type: ignore[union-attr]
    model(x, lengths)
    model.learn(model.take_notes(), torch.Generator().manual_seed(0))
    model(x, lengths)
    model.learn(model.take_notes(), torch.Generator().manual_seed(0))
    rows = model.jumped()["quantizer.books"]
    assert rows.shape == (2, 16) and rows.any()
    assert not torch.isclose(model.quantizer.books[rows], before[rows]).all(1).any()  # type: ignore[union-attr]
    vitals = model.vitals()
    assert len(vitals["perplexity"]) == 2 and all(1 <= value <= 16 for value in vitals["perplexity"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strides": (40, 0, 2)}, r"strides \[40, 0, 2\]: a stride is 1 or more"),
        ({"strides": (), "hidden": (), "kernels": ()}, "a stride is 1 or more"),
        ({"pool": 0}, "pool is 0"),
        ({"strides": (40, 4)}, "strides names 2, hidden names 3, kernels names 3, reduce_kernels names 3 b"),
        ({"hidden": (4, 0, 8)}, "hidden and final_kernel must be above 0"),
        ({"hop": 3}, "hop is 3; give a number that divides the first stride, 40"),
        ({"hop": 0}, "hop is 0; give a number that divides"),
        ({"kernels": (3, 5, 5)}, "are shorter than the steps they take, 4 and"),
        ({"reduce_kernels": (9, 4, 4)}, r"are shorter than the steps they take, 4 and \[10, 4, 2\]"),
        ({"dim": 18, "heads": 4}, "dim 18 must be even and divisible by 4 heads"),
        ({"heads": 0}, "dim, layers and heads must be above 0"),
        ({"feed_forward": 0.0}, "feed_forward must be above 0"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"intermediate_ctc": (2,)}, "intermediate_ctc must name blocks before the last, 0 to 1"),
        ({"norm": "group"}, 'norm "group" is neither clip nor batch'),
        ({"filters": "bark"}, 'filters "bark" is neither mel nor random'),
        ({"vq_weight": -1.0}, "must be 0 or more"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        ReferenceOptions(**{**SMALL, **options})


def test_a_conformer_is_what_it_was() -> None:
    options = ConformerOptions(dim=32, layers=2, heads=2, half_rate=(0, 0), stem_channels=4)
    model = build_model(options, 40, 7)
    assert model.loss_weights(0) == {} and model.take_notes() == [] and model.vitals() == {}
    assert model.frame_shift == output_shift(options, 40, 0.01) == 0.04
