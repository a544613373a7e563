"""One whole model a file, and which of them a recipe's `[model] kind` asks for."""

from __future__ import annotations

from earwright.models.acoustic import AcousticModel, EncoderOutput
from earwright.models.conformer import Conformer, ConformerOptions
from earwright.models.reference import ReferenceModel
from earwright.models.reference_options import ReferenceOptions

__all__ = [
    "AcousticModel",
    "Conformer",
    "ConformerOptions",
    "EncoderOutput",
    "ModelOptions",
    "ReferenceModel",
    "ReferenceOptions",
    "build_model",
    "output_shift",
]

ModelOptions = ConformerOptions | ReferenceOptions


def build_model(
    options: ModelOptions, n_features: int, vocab_size: int, feature_rate: float = 100.0
) -> AcousticModel:
    """The model that these options describe.

    Args:
        options: of its kind.
        n_features: F, of the features.
        vocab_size: V, tokens with the blank at 0.
        feature_rate: feature frames a second.
    """
    if isinstance(options, ReferenceOptions):
        return ReferenceModel(options, n_features, vocab_size, feature_rate)
    return Conformer(options, n_features, vocab_size, feature_rate)


def output_shift(options: ModelOptions, n_features: int, feature_shift: float) -> float:
    """Seconds from one frame of log-probs to the next, without building the model.

    Args:
        options: of the model.
        n_features: F, of the features.
        feature_shift: seconds from one frame of features to the next.
    """
    samples = (
        options.downsampling / n_features if isinstance(options, ReferenceOptions) else options.downsampling
    )
    return samples * feature_shift
