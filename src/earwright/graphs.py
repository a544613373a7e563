"""The ONNX graphs of a bundle: checked before anything opens them, then run by onnxruntime.

An ONNX file may keep its weights in another file ("external data"), whose place it names itself. Here that
place must be a file of the same bundle, so that a graph cannot make us read anything else on the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError, first_line
from earwright.sessions import external_data, open_session, ort_errors

if TYPE_CHECKING:
    import numpy.typing as npt

    from earwright.bundle import Bundle


def graph_problem(bundle: Bundle, name: str) -> str | None:
    """Why a graph must not be opened, as the end of a sentence that starts with its name; None if it may."""
    try:
        places = list(external_data(bundle.read(name)))
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
        self.where = f"{bundle.path}: {name}"
        self._inputs = inputs
        if name not in bundle.files:
            bundle.read(name)  # says what is missing
        self._session = open_session(bundle.file_path(name) or bundle.read(name), self.where, threads)
        found = {value.name for value in self._session.get_inputs()}
        if found != set(inputs):
            raise EarwrightError(
                f"{self.where} takes {', '.join(sorted(found)) or 'nothing'} instead of {', '.join(inputs)}; "
                "export the model again."
            )
        # Of the first output; axes that vary have names instead of sizes.
        outputs = self._session.get_outputs()
        self.output_shape: tuple[int | str | None, ...] = tuple(outputs[0].shape)
        self.outputs = tuple(value.name for value in outputs)

    def run(self, *values: npt.NDArray[Any], outputs: Sequence[str] | None = None) -> list[npt.NDArray[Any]]:
        """Compute the graph's outputs, all of them or those of these names.

        Raises:
            EarwrightError: onnxruntime gives up, as when memory runs out.
        """
        try:
            computed: list[npt.NDArray[Any]] = self._session.run(
                outputs, dict(zip(self._inputs, values, strict=True))
            )
        except ort_errors() as error:
            raise EarwrightError(f"{self.where} failed to run ({first_line(error)}).") from error
        return computed
