"""The search that `earwright tune` has put into a bundle."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from earwright.bundle import Bundle
from earwright.decoding.rescore import ModelScorer, Rescorer
from earwright.decoding.setup import read_words
from earwright.lm.query import LanguageModel

# Of what a bundle says of its search, what is no option of a beam search.
_OTHER = ("method", "confidence_temperature", "rescore_share", "rescore_scale")


def read_tuned(bundle: Bundle) -> dict[str, Any]:
    """The options, the language model, the words and the rescorer, as `Recognizer.use_beam` takes them.

    Raises:
        EarwrightError: one of its files cannot be read.
    """
    search = bundle.meta.search

    def rescorer(path: Path) -> Rescorer:
        share, scale = search.get("rescore_share", 0.5), search.get("rescore_scale", 1.0)
        return Rescorer(ModelScorer.load(path), float(share), float(scale))

    readers: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "lm.bin": ("lm", LanguageModel.load),
        "words.txt": ("lexicon", read_words),
        **dict.fromkeys(("rescore.bin", "rescore.onnx"), ("rescorer", rescorer)),
    }
    tuned: dict[str, Any] = {"options": {name: value for name, value in search.items() if name not in _OTHER}}
    with contextlib.ExitStack() as stack:
        for name in readers.keys() & bundle.files.keys():
            place = bundle.file_path(name)
            if place is None:  # inside a zip; what is mapped stays when the file goes
                folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
                place = Path(stack.enter_context(folder)) / name
                place.write_bytes(bundle.read(name))
            what, read = readers[name]
            tuned[what] = read(place)
    return tuned
