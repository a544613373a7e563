"""ONNX graphs from anybody, opened with care by onnxruntime.

An ONNX file may keep its weights in another file ("external data"), whose place it names itself: whoever
opens one looks at `external_data` first, so that a graph cannot make us read anything else on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from earwright.errors import EarwrightError, first_line

# The parts of onnx.proto through which a tensor can be reached: message -> field number -> message.
_CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
    "Entry": {},
}


def external_data(data: bytes) -> Iterator[str]:
    """The places that the tensors of an ONNX graph name for their data, where they lie in another file.

    Raises:
        ValueError, IndexError, RecursionError: it is no whole graph.
    """
    yield from _external_data(memoryview(data), "Model")


def _external_data(data: memoryview, message: str) -> Iterator[str]:
    """The places that the tensors below this protobuf message name for their data."""
    if message == "Entry":
        entry = {
            number: bytes(value) for number, value in _fields(data)
        }  # of a repeated field the last one counts
        if entry.get(1) == b"location":
            yield entry.get(2, b"").decode("utf-8")
        return
    children = _CHILDREN[message]
    for number, value in _fields(data):
        if number in children:
            yield from _external_data(value, children[number])


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of each length-delimited field of a protobuf message (protobuf.dev, "Encoding")."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(data, at)
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind == 0:
            _, at = _varint(data, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("a kind of field that ONNX does not use")
    if at != len(data):
        raise ValueError("the last field is cut off")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")


def open_session(
    source: str | os.PathLike[str] | bytes, where: str, threads: int | None = None, *, arena: bool = False
) -> Any:
    """Open a graph to be run on the CPU.

    Args:
        source: the file, or its bytes.
        where: for the messages.
        threads: how many cores one run may use; None leaves it to onnxruntime (all physical cores).
        arena: whether to keep memory from run to run; for many small runs of about one size.

    Raises:
        EarwrightError: onnxruntime cannot open it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads would spin for the next run, and take the cores from whoever shares this machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # An .ort flatbuffer under an .onnx name would get past the look at external data.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Arena and patterns keep what the largest run needed, for every shape apart. Without them a Conformer
    # of 15 M parameters peaked at 172 instead of 298 MiB on 20 s of audio, and was as fast.
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except ort_errors() as error:
        raise EarwrightError(
            f"{where} cannot be opened by onnxruntime {onnxruntime.__version__} "
            f"({first_line(error)}); update onnxruntime, or export the model again."
        ) from error


def ort_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: its own classes have no common one but Exception and RuntimeError."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = tuple(
        kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)
    )
    return (*own, RuntimeError, ValueError)
