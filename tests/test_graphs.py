"""ONNX graphs from anybody: nothing outside the bundle is read; what cannot run says so in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from earwright.bundle import Bundle, write_bundle
from earwright.errors import EarwrightError
from earwright.graphs import Graph
from runtime_bundle import META, bundle_files, encoder_graph

INPUTS = ("features", "lengths")


def outside(location: str = "../secret") -> TensorProto:
    """A tensor that keeps its numbers in another file."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "weights")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="offset", value="0")
    tensor.external_data.add(key="location", value=location)
    return tensor


def model(place: Callable[[ModelProto], Any]) -> bytes:
    """The encoder with `outside()` put somewhere into it."""
    proto = ModelProto.FromString(encoder_graph())
    place(proto)
    return bytes(proto.SerializeToString())


def in_subgraph(proto: ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [outside()])
    node = proto.graph.node.add(op_type="If")
    node.attribute.append(helper.make_attribute("then_branch", branch))


def in_subgraph_list(proto: ModelProto) -> None:
    attribute = AttributeProto(name="branches", type=AttributeProto.GRAPHS)
    attribute.graphs.append(helper.make_graph([], "branch", [], [], [outside()]))
    proto.graph.node.add(op_type="Switch").attribute.append(attribute)


def in_constant(proto: ModelProto) -> None:
    proto.graph.node.add(op_type="Constant").attribute.append(helper.make_attribute("value", outside()))


def in_function(proto: ModelProto) -> None:
    function = proto.functions.add(name="f", domain="local")
    function.node.add(op_type="Constant").attribute.append(helper.make_attribute("value", outside()))


def in_sparse(proto: ModelProto) -> None:
    sparse = proto.graph.sparse_initializer.add()
    sparse.values.CopyFrom(outside())


def in_training(proto: ModelProto) -> None:
    proto.training_info.add().initialization.initializer.append(outside())


@pytest.mark.parametrize(
    "place",
    [
        lambda proto: proto.graph.initializer.append(outside()),
        lambda proto: proto.graph.initializer.append(outside("/etc/hostname")),
        lambda proto: proto.graph.initializer.append(outside("*/_ORT_MEM_ADDR_/*")),
        lambda proto: proto.graph.initializer.append(outside("weights.bin")),  # plain, but not in the bundle
        in_subgraph,
        in_subgraph_list,
        in_constant,
        in_function,
        in_sparse,
        in_training,
    ],
)
def test_weights_outside_the_bundle_are_refused(tmp_path: Path, place: Callable[[ModelProto], Any]) -> None:
    (tmp_path / "secret").write_bytes(b"0123456789abcdef")
    path = write_bundle(tmp_path / "b.ear", META, {"encoder.onnx": model(place)})
    with pytest.raises(EarwrightError, match="not a file of this bundle"):
        Bundle.open(path)


def test_of_two_places_the_last_counts_as_for_protobuf(tmp_path: Path) -> None:
    tensor = outside("weights.bin")
    tensor.external_data[1].CopyFrom(type(tensor.external_data[1])(key="location", value="weights.bin"))
    # A second value in the same message, which a parser takes instead of the first.
    entry = tensor.external_data[1].SerializeToString() + b"\x12\x09../secret"
    raw = outside("x")
    del raw.external_data[:]
    field = bytes([13 << 3 | 2, len(entry)]) + entry
    data = raw.SerializeToString() + field
    graph = b"\x2a" + bytes([len(data)]) + data  # field 5 of a graph: an initializer
    whole = (
        encoder_graph() + b"\x3a" + bytes([len(graph)]) + graph
    )  # field 7 of a model, merged into the first
    assert ModelProto.FromString(whole).graph.initializer[-1].external_data[0].value == "../secret"
    path = write_bundle(tmp_path / "b.ear", META, {"encoder.onnx": whole, "weights.bin": b"1234"})
    with pytest.raises(EarwrightError, match=r"\.\./secret"):
        Bundle.open(path)


def external_encoder(folder: Path, name: str) -> Path:
    """A bundle whose encoder keeps its levels in a file of the bundle."""
    proto = ModelProto.FromString(encoder_graph())
    levels = next(tensor for tensor in proto.graph.initializer if tensor.name == "levels")
    data = levels.raw_data
    levels.ClearField("raw_data")
    levels.data_location = TensorProto.EXTERNAL
    levels.external_data.add(key="location", value="encoder.onnx.data")
    graph = bytes(proto.SerializeToString())
    return write_bundle(folder / name, META, {"encoder.onnx": graph, "encoder.onnx.data": data})


def test_weights_in_a_file_of_the_bundle_are_read(tmp_path: Path) -> None:
    bundle = Bundle.open(external_encoder(tmp_path, "b.ear"))
    features, lengths = np.zeros((1, 10, 1), np.float32), np.array([10])
    whole = Bundle.open(write_bundle(tmp_path / "whole.ear", META, bundle_files()))
    for one, other in zip(
        Graph(bundle, "encoder.onnx", INPUTS).run(features, lengths),
        Graph(whole, "encoder.onnx", INPUTS).run(features, lengths),
        strict=True,
    ):
        assert np.array_equal(one, other)


def test_weights_beside_a_graph_in_a_zip_say_unpack_it(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="unpack the zip"):
        Bundle.open(external_encoder(tmp_path, "b.zip"))


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"\x0b\x0c", b"ORTM" * 30])
def test_what_is_no_graph_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = write_bundle(tmp_path / "b.ear", META, {"encoder.onnx": data})
    with pytest.raises(EarwrightError) as caught:
        Graph(Bundle.open(path), "encoder.onnx", INPUTS)
    assert "\n" not in str(caught.value)


def test_an_operator_that_onnxruntime_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    data = model(lambda proto: setattr(proto.graph.node[0], "op_type", "RunMyProgram"))
    bundle = Bundle.open(write_bundle(tmp_path / "b.ear", META, {"encoder.onnx": data}))
    with pytest.raises(EarwrightError, match="cannot be opened by onnxruntime") as caught:
        Graph(bundle, "encoder.onnx", INPUTS)
    assert "\n" not in str(caught.value)


def test_a_graph_with_other_inputs_is_one_sentence(tmp_path: Path) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "b.ear", META, bundle_files()))
    with pytest.raises(EarwrightError, match="takes lengths, waveform instead of features, lengths"):
        Graph(bundle, "features.onnx", INPUTS)


def test_a_missing_graph_is_named(tmp_path: Path) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "b.ear", META, {"tokens.txt": b""}))
    with pytest.raises(EarwrightError, match=r"has no encoder\.onnx"):
        Graph(bundle, "encoder.onnx", INPUTS)


def test_a_run_that_fails_is_one_sentence(tmp_path: Path) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "b.ear", META, bundle_files()))
    with pytest.raises(EarwrightError, match=r"encoder\.onnx failed to run") as caught:
        Graph(bundle, "encoder.onnx", INPUTS).run(np.zeros((1, 2, 3, 4), np.float32), np.array([2]))
    assert "\n" not in str(caught.value)


def test_a_zip_runs_as_the_folder_does(tmp_path: Path) -> None:
    features, lengths = np.full((1, 10, 1), 0.3, np.float32), np.array([10])
    outputs = [
        Graph(Bundle.open(write_bundle(tmp_path / name, META, bundle_files())), "encoder.onnx", INPUTS).run(
            features, lengths
        )[0]
        for name in ("b.ear", "b.zip")
    ]
    assert np.array_equal(*outputs)
