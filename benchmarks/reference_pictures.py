"""Pictures of the reference model for docs/reference-model.md.

    python benchmarks/reference_pictures.py clip runs/reference/reference.ear speech.wav docs/clip.png
    python benchmarks/reference_pictures.py curves docs/curves.png runs/reference runs/reference-32x
    python benchmarks/reference_pictures.py codebooks docs/codebooks.png runs/reference runs/no-revival

`clip`: what the model makes of one clip, from top to bottom: its spectrogram, what the first block of
convolutions hears, the codes of the first codebook, letters at their times, and where each head of each layer
looks. `curves`: loss and dev error of runs over the speech that they have heard. `codebooks`: perplexity and
dead codes over steps.
"""

from __future__ import annotations

import argparse
import io
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from safetensors.torch import load
from torch import Tensor

from earwright.audio.read import read_audio
from earwright.bundle import Bundle
from earwright.models import ReferenceModel, build_model
from earwright.models.reference import Attention
from earwright.nn.features import FeatureOptions, build_features
from earwright.nn.normalization import FeatureNormalization
from earwright.text import load_tokenizer
from earwright.text.tokenizers import WORD_START
from earwright.training.log import read_log
from earwright.training.recipe import recipe_from_dict


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    pictures = parser.add_subparsers(dest="picture", required=True)
    clip = pictures.add_parser("clip")
    for name in ("bundle", "audio", "out"):
        clip.add_argument(name, type=Path)
    for name in ("curves", "codebooks"):
        runs = pictures.add_parser(name)
        runs.add_argument("out", type=Path)
        runs.add_argument("runs", type=Path, nargs="+")
    args = parser.parse_args()
    draw = {"clip": draw_clip, "curves": draw_curves, "codebooks": draw_codebooks}[args.picture]
    figure = draw(args)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=80, bbox_inches="tight")
    Image.open(drawn).convert("RGB").quantize(256).save(args.out, optimize=True)  # a fifth of the bytes


@torch.no_grad()
def draw_clip(args: argparse.Namespace) -> Figure:
    """One clip on its way through the model."""
    bundle = Bundle.open(args.bundle)
    recipe = recipe_from_dict(tomllib.loads(bundle.read("recipe.toml").decode()), str(args.bundle))
    tokenizer = load_tokenizer({"tokens.txt": bundle.read("tokens.txt")})
    tensors = load(bundle.read("weights.safetensors"))
    model = build_model(
        recipe.model, recipe.features.dim, tokenizer.vocab_size, 1 / recipe.features.frame_shift
    )
    assert isinstance(model, ReferenceModel)
    normalization = FeatureNormalization(recipe.features.dim)
    model.load_state_dict(_part(tensors, "model."))
    normalization.load_state_dict(_part(tensors, "normalization."))
    model.eval()
    heard: list[Tensor] = []
    weights: list[Tensor] = []
    model.subsampling.blocks[0].register_forward_hook(lambda _, __, out: heard.append(out[0][0]))
    for module in model.modules():
        if isinstance(module, Attention):
            module.register_forward_hook(lambda own, inputs, _: weights.append(_attention(own, inputs[0])))
    samples = torch.from_numpy(read_audio(args.audio, recipe.features.sample_rate))
    x, lengths = build_features(recipe.features)(samples[None], torch.tensor([len(samples)]))
    output = model(normalization(x, lengths), lengths)
    seconds = len(samples) / recipe.features.sample_rate
    mel = build_features(FeatureOptions(sample_rate=recipe.features.sample_rate))(
        samples[None], torch.tensor([len(samples)])
    )[0][0]

    layers, heads = len(weights), weights[0].shape[0]
    figure = Figure(figsize=(12, 9 + 1.1 * layers))
    whole = figure.add_gridspec(2, 1, height_ratios=[9, 1.1 * layers], hspace=0.1)
    grid = whole[0].subgridspec(4, 1, height_ratios=[2, 2, 1.2, 2], hspace=0.5)
    looks = whole[1].subgridspec(layers, heads, hspace=0.3, wspace=0.05)
    _image(figure, grid[0], mel.T, seconds, "log-mel spectrum, which the model never sees")
    first = torch.nn.functional.avg_pool1d(heard[0].T[None], max(1, len(heard[0]) // 800))[0]  # (C, t)
    order = _centres(model).argsort(stable=True)
    _image(figure, grid[1], first[order], seconds, "the first block, its channels by frequency")
    axis = figure.add_subplot(grid[2])
    if output.codes is not None:
        codes = output.codes[0].numpy()
        axis.plot(np.arange(codes.shape[1]) * model.frame_shift, codes[0], ".", markersize=3)
    axis.set(title="codes of the first codebook", xlim=(0, seconds))
    _image(figure, grid[3], output.log_probs[0].exp().sqrt().T, seconds, "tokens, from the blank up")
    best = output.log_probs[0].argmax(1).tolist()
    for frame, (token, before) in enumerate(zip(best, [0, *best], strict=False)):
        if token not in (0, before):
            letter = tokenizer.tokens[token].replace(WORD_START, "_")
            figure.axes[-1].text(
                frame * model.frame_shift, len(tokenizer.tokens), letter, fontsize=8, ha="center"
            )
    figure.axes[-1].set_title("tokens, from the blank up, and what the best of them spell", pad=14)
    for layer, of_layer in enumerate(weights):
        for head, one in enumerate(of_layer):
            axis = figure.add_subplot(looks[layer, head])
            axis.imshow(one.sqrt(), cmap="magma", aspect="auto", vmax=float(one.sqrt().quantile(0.995)))
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=8, pad=3)
    return figure


def draw_curves(args: argparse.Namespace) -> Figure:
    """CTC loss and dev error of runs over the hours of speech that they have heard, however fast that was."""
    figure = Figure(figsize=(11, 4))
    loss, error = figure.subplots(1, 2)
    for folder in args.runs:
        log = read_log(folder / "log.jsonl")
        looks = [line for line in log if line["kind"] == "dev"]
        steps = [line for line in log if line["kind"] == "step"]
        last = looks[-1]
        per_step = last["audio_seconds_per_second"] * last["minutes"] / 60 / last["step"]
        hours = [per_step * line["step"] for line in steps]
        window = max(1, len(steps) // 100)
        smooth = np.convolve([line["loss"] for line in steps], np.ones(window) / window, "valid")
        loss.plot(hours[: len(smooth)], smooth, label=folder.name)
        error.plot(
            [per_step * line["step"] for line in looks],
            [100 * line["cer"] for line in looks],
            label=folder.name,
        )
    # At first it is 100 where 3,500 frames are a hundred letters.
    loss.set(xlabel="hours of speech, repeats counted", ylabel="CTC loss, nats a token", yscale="log")
    error.set(xlabel="hours of speech, repeats counted", ylabel="CER on dev, %", ylim=(0, 105))
    loss.legend()
    return figure


def draw_codebooks(args: argparse.Namespace) -> Figure:
    """Perplexity and dead codes of each codebook over steps: two pictures a run, four runs side by side."""
    columns = min(4, len(args.runs))
    bands = math.ceil(len(args.runs) / columns)
    figure = Figure(figsize=(3.2 * columns, 4.8 * bands), layout="constrained")
    axes: Any = figure.subplots(2 * bands, columns, squeeze=False)
    for number in range(bands * columns):
        band, column = divmod(number, columns)
        above, below = axes[2 * band, column], axes[2 * band + 1, column]
        if number >= len(args.runs):
            above.axis("off")
            below.axis("off")
            continue
        folder = args.runs[number]
        steps = [line for line in read_log(folder / "log.jsonl") if "perplexity" in line]
        for axis, name in ((above, "perplexity"), (below, "dead_codes")):
            values = np.array([line[name] for line in steps])
            for book in range(values.shape[1]):
                axis.plot([line["step"] for line in steps], values[:, book], label=f"codebook {book + 1}")
            axis.set(ylim=(0, 1050), ylabel=name.replace("_", " ") if column == 0 else None)
        above.set_title(folder.name.replace("-", " "), fontsize=10)
        below.set(xlabel="step")
    axes[0, 0].legend(fontsize=8)
    return figure


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): tensor for n, tensor in tensors.items() if n.startswith(prefix)}


def _attention(module: Attention, x: Tensor) -> Tensor:
    """The weights that the fused attention never holds: (H, T, T) of the first clip."""
    batch, frames, dim = x.shape
    qkv = module.to_qkv(x).view(batch, frames, 3, module.heads, dim // module.heads)
    query, key, _ = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    result: Tensor = (query @ key.transpose(2, 3) / (dim // module.heads) ** 0.5).softmax(-1)[0]
    return result


def _centres(model: ReferenceModel) -> Tensor:
    """The frequency that each filter of the first block hears best, in bins."""
    kernels = model.state_dict()["subsampling.blocks.0.find.convolution.weight"][:, 0, 0]  # (C, K)
    result: Tensor = torch.fft.rfft(kernels, 512).abs().argmax(1)
    return result


def _image(figure: Figure, place: Any, values: Tensor, seconds: float, title: str) -> None:
    axis = figure.add_subplot(place)
    low, high = np.percentile(values.numpy(), (2, 99.5))  # a few loud points must not hide the rest
    axis.imshow(
        values,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, seconds, -0.5, len(values) - 0.5),
        vmin=low,
        vmax=high,
    )
    axis.set(title=title, xlim=(0, seconds))


if __name__ == "__main__":
    main()
