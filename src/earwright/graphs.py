"""The ONNX graphs of a bundle: checked before anything opens them, then run by onnxruntime.

An ONNX file may keep its weights in another file ("external data"), whose place it names itself. Here that
place must be a file of the same bundle, so that a graph cannot make us read anything else on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError, first_line

if TYPE_CHECKING:
    import numpy.typing as npt

    from earwright.bundle import Bundle

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


def graph_problem(bundle: Bundle, name: str) -> str | None:
    """Why a graph must not be opened, as the end of a sentence that starts with its name; None if it may."""
    try:
        places = list(_external_data(memoryview(bundle.read(name)), "Model"))
    except (ValueError, IndexError, RecursionError):
        return "is not a whole ONNX graph"
    for place in places:
        if place not in bundle.files:
            return f"keeps weights in {place!r}, which is not a file of this bundle"
        if bundle.is_zip:
            return (
                f"keeps weights in {place!r}, which cannot be read from inside a zip (unpack the zip first)"
            )
    return None


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


class Graph:
    """One ONNX graph of a bundle, ready to run on the CPU.

    Args:
        bundle: where it comes from; its files are already checked.
        name: such as "encoder.onnx".
        inputs: the names of what goes in, in the order of `run`'s arguments.
        threads: how many cores one run may use; None leaves it to onnxruntime (all physical cores).

    Raises:
        EarwrightError: the bundle has no such graph, or onnxruntime cannot open it, or its inputs are others.
    """

    def __init__(
        self, bundle: Bundle, name: str, inputs: tuple[str, ...], threads: int | None = None
    ) -> None:
        import onnxruntime

        self.where = f"{bundle.path}: {name}"
        self._inputs = inputs
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Idle threads would spin for the next run, and take the cores from whoever shares this machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # An .ort flatbuffer under an .onnx name would get past the check above.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # Arena and patterns keep what the largest run needed, for every shape apart. Without them a Conformer
        # of 15 M parameters peaked at 172 instead of 298 MiB on 20 s of audio, and was as fast.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        if name not in bundle.files:
            bundle.read(name)  # says what is missing
        try:
            source = bundle.file_path(name) or bundle.read(name)
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except _ort_errors() as error:
            raise EarwrightError(
                f"{self.where} cannot be opened by onnxruntime {onnxruntime.__version__} "
                f"({first_line(error)}); update onnxruntime, or export the model again."
            ) from error
        found = {value.name for value in self._session.get_inputs()}
        if found != set(inputs):
            raise EarwrightError(
                f"{self.where} takes {', '.join(sorted(found)) or 'nothing'} instead of {', '.join(inputs)}; "
                "export the model again."
            )
        # Of the first output; axes that vary have names instead of sizes.
        self.output_shape: tuple[int | str | None, ...] = tuple(self._session.get_outputs()[0].shape)

    def run(self, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Compute the graph's outputs.

        Raises:
            EarwrightError: onnxruntime gives up, as when memory runs out.
        """
        try:
            outputs: list[npt.NDArray[Any]] = self._session.run(
                None, dict(zip(self._inputs, values, strict=True))
            )
        except _ort_errors() as error:
            raise EarwrightError(f"{self.where} failed to run ({first_line(error)}).") from error
        return outputs


def _ort_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: its own classes have no common one but Exception and RuntimeError."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = tuple(
        kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)
    )
    return (*own, RuntimeError, ValueError)
