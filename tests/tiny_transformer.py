"""A Transformer language model with random weights, small enough for the enumeration of all that it says."""

from __future__ import annotations

from pathlib import Path

from earwright.lm.neural import NeuralLanguageModel
from earwright.lm.spelling import token_vocabulary
from earwright.text import Tokenizer


def random_transformer(
    path: Path, vocabulary: Tokenizer | list[str], seed: int = 1, sharpness: float = 4.0
) -> NeuralLanguageModel:
    """Write one and open it.

    Args:
        path: NAME.onnx.
        vocabulary: a tokenizer whose tokens it foretells; or words, the three special ones first.
        seed: of its weights.
        sharpness: of what it says; 1 is nearly the same of all.
    """
    import torch

    from earwright.models.language_model import TransformerLanguageModel, TransformerOptions
    from earwright.training.language_model.export import export_language_model

    torch.manual_seed(seed)
    words = vocabulary if isinstance(vocabulary, list) else token_vocabulary(vocabulary)
    # A window shorter than the texts of tests, so that the past is forgotten in them, too.
    options = TransformerOptions(dim=8, layers=2, heads=2, window=3)
    model = TransformerLanguageModel(options, len(words))
    with torch.no_grad():
        for block in model.blocks:
            for weight in block.parameters():
                if weight.dim() == 2:
                    weight.normal_(0.0, 0.5)
        model.norm.weight.fill_(sharpness)
    tokenizer = None if isinstance(vocabulary, list) else vocabulary
    export_language_model(path, model, words, "none", {}, tokenizer)
    return NeuralLanguageModel.load(path, threads=1)
