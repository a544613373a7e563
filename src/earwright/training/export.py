"""From trained modules to a bundle: the ONNX graphs, the weights, the recipe, the card."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import save
from torch import Tensor, nn

from earwright import __version__
from earwright.bundle import BundleMeta, write_bundle
from earwright.codes import CODEBOOKS, Codebooks, write_codebooks
from earwright.models import AcousticModel, ReferenceModel
from earwright.nn.features import Features
from earwright.nn.normalization import FeatureNormalization
from earwright.nn.rvq import ResidualVectorQuantizer
from earwright.pace import Pace
from earwright.text import Tokenizer
from earwright.training.recipe import Recipe, recipe_to_toml

OPSET = 18


class Encoder(nn.Module):
    """What encoder.onnx holds: normalization and model; features in, log-probs and what they come of out."""

    def __init__(self, normalization: FeatureNormalization, model: AcousticModel) -> None:
        super().__init__()
        self.normalization = normalization
        self.model = model
        self.train(model.training)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """(B, T, F) and lengths (B,) -> log-probs (B, T', V), lengths (B,), frames (B, T', D), and codes
        (B, K, T') of a model with a quantizer; those who do not ask for these do not pay for them."""
        normalized = self.normalization(features, lengths)
        output = self.model(normalized, lengths, self.model.inference_context())
        found = (output.log_probs, output.lengths, output.frames, output.codes)
        return tuple(tensor for tensor in found if tensor is not None)


def export_features(features: Features) -> bytes:
    """features.onnx: waveform (B, N) and lengths (B,) -> features (B, T, F) and feature_lengths (B,)."""
    rate = features.options.sample_rate
    return _export(
        features,
        (torch.zeros(2, rate), torch.tensor([rate, rate // 2])),
        ["waveform", "lengths"],
        ["features", "feature_lengths"],
        ["samples", "frames"],
    )


def export_encoder(normalization: FeatureNormalization, model: AcousticModel, n_features: int) -> bytes:
    """encoder.onnx: features (B, T, F) and lengths (B,) -> log_probs (B, T', V) and output_lengths (B,), and
    what else `Encoder` gives."""
    quantizer = getattr(model, "quantizer", None)
    return _export(
        Encoder(normalization, model),
        (torch.zeros(2, 203, n_features), torch.tensor([203, 120])),
        ["features", "lengths"],
        ["log_probs", "output_lengths", "frames", *(["codes"] if quantizer is not None else [])],
        ["frames", "output_frames"],
    )


def _export(
    module: nn.Module, example: tuple[Tensor, Tensor], inputs: list[str], outputs: list[str], times: list[str]
) -> bytes:
    was_training = module.training
    module.eval()
    dynamic = torch.export.Dim.DYNAMIC
    try:
        with quiet(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "graph.onnx"
            program = torch.onnx.export(
                module,
                example,
                input_names=inputs,
                output_names=outputs,
                dynamic_shapes=({0: dynamic, 1: dynamic}, {0: dynamic}),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
                external_data=False,
            )
            assert program is not None
            program.save(str(path), external_data=False)
            graph = onnx.load(str(path))
    finally:
        module.train(was_training)
    _name_axes(graph, times)
    buffer = io.BytesIO()
    onnx.save(graph, buffer)
    return buffer.getvalue()


def _name_axes(graph: Any, times: list[str]) -> None:
    """Call the open axes "batch", and by what they count."""
    for values, name in ((graph.graph.input, times[0]), (graph.graph.output, times[1])):
        for value in values:
            axes = list(value.type.tensor_type.shape.dim)
            if value.name == "codes":  # (B, K, T')
                del axes[1]
            for axis, label in zip(axes, ("batch", name), strict=False):
                axis.ClearField("dim_value")
                axis.dim_param = label


@torch.no_grad()
def _codebooks(quantizer: ResidualVectorQuantizer, output: nn.Linear) -> Codebooks:
    """What the runtime needs to use fewer codebooks: their vectors, as wide as the stream, and the output."""
    none = quantizer.books.new_zeros(1, quantizer.books.shape[2])
    offset = quantizer.out_of(none)[0]  # the projection's bias, (D,)
    vectors = quantizer.out_of(quantizer.books) - offset  # (K, C, D)
    tensors = (vectors, offset, output.weight, output.bias)
    return Codebooks(*(tensor.detach().cpu().float().numpy() for tensor in tensors))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The exporter tells of its own workings at length."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)


def export_bundle(
    path: Path,
    recipe: Recipe,
    features: Features,
    normalization: FeatureNormalization,
    model: AcousticModel,
    tokenizer: Tokenizer,
    training: dict[str, Any],
    card: str,
    with_weights: bool = True,
    pace: Pace | None = None,
) -> Path:
    """Write the bundle of a trained model.

    Args:
        path: NAME.ear, or NAME.zip.
        recipe: what made it.
        features, normalization, model: the trained modules, on the CPU.
        tokenizer: the vocabulary.
        training: facts of the run for bundle.toml; `minutes` among them.
        card: text of card.md.
        with_weights: also write weights.safetensors, which fine-tuning starts from.
        pace: of the speech that it was trained on.

    Raises:
        EarwrightError: the disk is full or cannot be written; the bundle before it survives.
    """
    weights = {f"normalization.{name}": t for name, t in normalization.state_dict().items()}
    weights |= {f"model.{name}": t for name, t in model.state_dict().items()}
    files: dict[str, Any] = {
        "features.onnx": export_features(features),
        "encoder.onnx": export_encoder(normalization, model, features.dim),
        **tokenizer.files(),
        "recipe.toml": recipe_to_toml(recipe).encode(),
        "card.md": card.encode(),
    }
    if isinstance(model, ReferenceModel) and model.quantizer is not None:
        files[CODEBOOKS] = write_codebooks(_codebooks(model.quantizer, model.output))
    if with_weights:
        files["weights.safetensors"] = save({name: t.detach().contiguous() for name, t in weights.items()})
    meta = BundleMeta(
        name=recipe.name,
        sample_rate=recipe.features.sample_rate,
        frame_shift=model.frame_shift,
        languages=recipe.text.languages,
        tokenizer=recipe.text.tokenizer,
        normalizer=recipe.text.normalizer,
        parameters=sum(p.numel() for p in model.parameters()),
        created_with=f"earwright {__version__}",
        search={"method": "greedy"},
        speech={"noise_alone": recipe.augment.nothing.probability > 0, **(pace.to_dict() if pace else {})},
        training_minutes=training.get("minutes"),
        training=training,
    )
    write_bundle(path, meta, files)
    return path
