"""`earwright codes`: recordings as the codes of a quantizer, to feed speech to a language model with."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from earwright.cli.search_flags import positive
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.codes import Encoded
    from earwright.recognizer import Recognizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="a recognizer whose model has a quantizer")
    add("files", nargs="+", metavar="AUDIO", help="files, folders, quoted patterns, or - for stdin")
    add(
        "-o",
        "--out",
        metavar="FILE",
        help="write FILE.npz, or a line a recording to FILE.jsonl (default: lines on stdout)",
    )
    add("--codebooks", type=positive, metavar="N", help="only the codes of the first N (default: all)")
    add("--threads", type=positive, metavar="N", help="cores to use (default: all physical ones)")


def run(args: argparse.Namespace) -> int:
    """Encode, and return 1 if any file failed."""
    from earwright.cli.audio_inputs import find_audio, opened, output_stems
    from earwright.recognizer import Recognizer

    kind = Path(args.out).suffix.lower() if args.out else ".jsonl"
    if kind not in (".npz", ".jsonl"):
        raise EarwrightError(f"--out {args.out}: give a name that ends in .npz or .jsonl.")
    inputs = find_audio(args.files)
    recognizer = Recognizer.load(args.bundle, threads=args.threads)
    count = recognizer.codebooks.checked(args.codebooks)
    failed = 0
    for problem in inputs.problems:
        failed += 1
        print(f"earwright: {problem}", file=sys.stderr)
    arrays: dict[str, Any] = {}
    with _lines(args.out if kind == ".jsonl" else None) as lines:
        for path, stem in zip(inputs.paths, output_stems(inputs.paths), strict=True):
            try:
                encoded = recognizer.encode(opened(path), codebooks=count)
            except EarwrightError as error:
                failed += 1
                print(f"earwright: {error}", file=sys.stderr)
                continue
            if kind == ".npz":
                arrays |= _arrays(stem, encoded)
            else:
                lines.write(json.dumps(_line(path, encoded, recognizer), ensure_ascii=False) + "\n")
    if kind == ".npz":
        _save(args.out, arrays | _facts(recognizer, count))
    return 1 if failed else 0


def _line(path: str, encoded: Encoded, recognizer: Recognizer) -> dict[str, Any]:
    assert encoded.codes is not None and encoded.bits_per_second is not None
    return {
        "audio": path,
        "frame_shift": encoded.frame_shift,
        "bits_per_second": round(encoded.bits_per_second, 3),
        "codebook_size": recognizer.codebooks.vectors.shape[1],
        "codes": encoded.codes.tolist(),  # a list for each codebook
    }


def _arrays(stem: str, encoded: Encoded) -> dict[str, Any]:
    """Codes (K, T), as small as they go, and the second at which each frame begins."""
    import numpy as np

    assert encoded.codes is not None
    narrow = np.uint16 if encoded.codes.max(initial=0) < 2**16 else np.uint32
    return {stem: encoded.codes.astype(narrow), f"{stem}.times": encoded.times}


def _facts(recognizer: Recognizer, count: int) -> dict[str, Any]:
    import numpy as np

    shift = recognizer.meta.frame_shift
    return {
        "frame_shift": np.array(shift),
        "bits_per_second": np.array(recognizer.codebooks.bits_per_second(shift, count)),
        "codebook_size": np.array(recognizer.codebooks.vectors.shape[1]),
    }


def _save(path: str, arrays: dict[str, Any]) -> None:
    import numpy as np

    from earwright.files import atomic_write

    with atomic_write(Path(path), "wb") as file:
        np.savez(file, **arrays)


@contextlib.contextmanager
def _lines(path: str | None) -> Iterator[IO[str]]:
    """Where lines go."""
    from earwright.files import atomic_write

    if path is None:
        yield sys.stdout
    else:
        with atomic_write(Path(path)) as file:
            yield file
