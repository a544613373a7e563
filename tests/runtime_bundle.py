"""A bundle whose answers are known, of two small ONNX graphs, so that the runtime is tested without torch.

Its "speech" is a tone for each character: how loud it is says which one. `say("hello you")` is the audio,
and a recognizer with this bundle hears "hello you" in it.

    features.onnx   mean absolute value of each 10 ms frame              (B, N) -> (B, T, 1)
    encoder.onnx    every second frame against each token's loudness     (B, T, 1) -> (B, ceil(T / 2), V)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from earwright.bundle import BundleMeta, write_bundle

RATE = 16000
HOP = 160  # 10 ms
FRAME_SHIFT = 0.02
TOKENS = ("<blank>", "▁", *"abcdefghijklmnopqrstuvwxyz")
LEVELS = np.linspace(0.0, 0.6, len(TOKENS))  # mean absolute value of each token's tone; the blank is silence
TONE_SECONDS, GAP_SECONDS = 0.06, 0.04


def say(text: str, rate: int = RATE, pause: float = 0.3) -> npt.NDArray[np.float32]:
    """The audio of a text: float32 (N,), silent for `pause` seconds at both ends."""
    parts = [np.zeros(round(pause * rate))]
    for character in text:
        level = LEVELS[TOKENS.index("▁" if character == " " else character)]
        time = np.arange(round(TONE_SECONDS * rate)) / rate
        # 500 Hz has five whole periods in 10 ms; the mean absolute value of a sine is 2 / pi of its peak.
        parts.append(level * np.pi / 2 * np.sin(2 * np.pi * 500 * time))
        parts.append(np.zeros(round(GAP_SECONDS * rate)))
    parts.append(np.zeros(round(pause * rate)))
    return np.concatenate(parts).astype(np.float32)


def features_graph() -> bytes:
    """features.onnx as bytes."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Shape", ["waveform"], ["samples"], start=1, end=2),
        helper.make_node("Squeeze", ["samples"], ["count"]),
        helper.make_node("Range", ["zero", "count", "one"], ["positions"]),
        helper.make_node("Unsqueeze", ["lengths", "axis1"], ["ends"]),
        helper.make_node("Less", ["positions", "ends"], ["real"]),
        helper.make_node("Cast", ["real"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Abs", ["waveform"], ["loud"]),
        helper.make_node("Mul", ["loud", "mask"], ["masked"]),
        helper.make_node("Unsqueeze", ["masked", "axis1"], ["channel"]),
        helper.make_node("Pad", ["channel", "pads"], ["padded"]),
        helper.make_node("AveragePool", ["padded"], ["pooled"], kernel_shape=[HOP], strides=[HOP]),
        helper.make_node("Transpose", ["pooled"], ["features"], perm=[0, 2, 1]),
        helper.make_node("Add", ["lengths", "round_up"], ["sum"]),
        helper.make_node("Div", ["sum", "hop"], ["feature_lengths"]),
    ]
    constants = {
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "axis1": np.array([1], np.int64),
        "pads": np.array([0, 0, 0, 0, 0, HOP - 1], np.int64),
        "round_up": np.array([HOP - 1], np.int64),
        "hop": np.array([HOP], np.int64),
    }
    return _graph(
        nodes,
        {"waveform": (TensorProto.FLOAT, ["B", "N"]), "lengths": (TensorProto.INT64, ["B"])},
        {"features": (TensorProto.FLOAT, ["B", "T", 1]), "feature_lengths": (TensorProto.INT64, ["B"])},
        constants,
    )


def encoder_graph(sharpness: float = 2e4, bias: float = 0.0) -> bytes:
    """encoder.onnx as bytes; `bias` is added to every logit (NaN makes a broken model)."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Slice", ["features", "first", "end", "axis1", "step"], ["halved"]),
        helper.make_node("Sub", ["halved", "levels"], ["difference"]),
        helper.make_node("Mul", ["difference", "difference"], ["square"]),
        helper.make_node("Mul", ["square", "sharpness"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
        helper.make_node("Add", ["lengths", "axis1"], ["sum"]),
        helper.make_node("Div", ["sum", "step"], ["output_lengths"]),
    ]
    constants = {
        "first": np.array([0], np.int64),
        "end": np.array([np.iinfo(np.int64).max], np.int64),
        "axis1": np.array([1], np.int64),
        "step": np.array([2], np.int64),
        "levels": LEVELS.astype(np.float32).reshape(1, 1, -1),
        "sharpness": np.array(-sharpness, np.float32),
        "bias": np.array(bias, np.float32),
    }
    return _graph(
        nodes,
        {"features": (TensorProto.FLOAT, ["B", "T", 1]), "lengths": (TensorProto.INT64, ["B"])},
        {
            "log_probs": (TensorProto.FLOAT, ["B", "T2", len(TOKENS)]),
            "output_lengths": (TensorProto.INT64, ["B"]),
        },
        constants,
    )


def _graph(nodes: list[Any], inputs: Any, outputs: Any, constants: dict[str, npt.NDArray[Any]]) -> bytes:
    from onnx import checker, helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


META = BundleMeta(
    name="tones",
    sample_rate=RATE,
    frame_shift=FRAME_SHIFT,
    languages=("en",),
    tokenizer="char",
    normalizer="basic",
    created_with="tests",
)


def bundle_files(**graphs: bytes) -> dict[str, bytes]:
    """The files of the bundle; `features=` and `encoder=` take the place of a graph."""
    return {
        "features.onnx": graphs.get("features") or features_graph(),
        "encoder.onnx": graphs.get("encoder") or encoder_graph(),
        "tokens.txt": ("\n".join(TOKENS) + "\n").encode(),
    }


@pytest.fixture(scope="session")
def runtime_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as a folder; do not change it (copy it first)."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tones.ear", META, bundle_files())


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests must not leave notes in the cache of whoever runs them, nor find any there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
