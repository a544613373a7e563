"""From a trained language model to one ONNX file that knows its words."""

from __future__ import annotations

import base64
import io
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from earwright.files import atomic_write
from earwright.lm.neural import FORMAT_VERSION, METADATA
from earwright.lm.ngrams import NEVER
from earwright.models.language_model import TransformerLanguageModel
from earwright.text import BpeTokenizer, Tokenizer
from earwright.training.export import OPSET, quiet

INPUTS = ("tokens", "cache", "filled")
OUTPUTS = ("log_probs", "new_cache", "new_filled")


class Step(nn.Module):
    """What the file holds: some tokens further, with log10 probabilities as all language models here have."""

    def __init__(self, model: TransformerLanguageModel) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)

    def forward(self, tokens: Tensor, cache: Tensor, filled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T), (B, L, 2, W, D), (B,) -> log10 P (B, T, V) of what follows, new cache, new filled."""
        log_probs, new_cache, new_filled = self.model(tokens, cache, filled)
        return (log_probs * math.log10(math.e)).clamp(min=NEVER), new_cache, new_filled


def export_language_model(
    path: Path,
    model: TransformerLanguageModel,
    vocabulary: Sequence[str],
    normalizer: str,
    notes: Mapping[str, str],
    tokenizer: Tokenizer | None = None,
) -> None:
    """Write a model as one file.

    Args:
        path: NAME.onnx.
        model: on the CPU.
        vocabulary: of its tokens.
        normalizer: that its text went through.
        notes: how it was made.
        tokenizer: whose tokens it foretells; None: words.

    Raises:
        EarwrightError: the disk is full or cannot be written; the file before it survives.
    """
    graph = export_graph(model)
    facts: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "unit": "token" if tokenizer else "word",
        "normalizer": normalizer,
        "notes": dict(notes),
        "words": list(vocabulary),
    }
    if tokenizer:
        facts["tokenizer"] = tokenizer.kind
    if isinstance(tokenizer, BpeTokenizer):
        facts["tokenizer_model"] = base64.b64encode(tokenizer.model).decode("ascii")
    onnx.helper.set_model_props(graph, {METADATA: json.dumps(facts, ensure_ascii=False)})
    with atomic_write(path, "wb") as file:
        file.write(graph.SerializeToString())


def export_graph(model: TransformerLanguageModel) -> Any:
    """The ONNX graph of a model: tokens, cache, filled -> log_probs, new_cache, new_filled."""
    was_training = model.training
    step = Step(model).eval()
    cache, filled = model.start(2)
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    try:
        with quiet(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "graph.onnx"
            program = torch.onnx.export(
                step,
                (torch.ones(2, 3, dtype=torch.int64), cache, filled),
                input_names=list(INPUTS),
                output_names=list(OUTPUTS),
                dynamic_shapes=({0: batch, 1: length}, {0: batch}, {0: batch}),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
                external_data=False,
            )
            assert program is not None
            program.save(str(path), external_data=False)
            return onnx.load(io.BytesIO(path.read_bytes()))
    finally:
        model.train(was_training)
