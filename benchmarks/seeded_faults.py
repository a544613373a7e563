"""Spoil recordings and texts in every way that `earwright prepare` knows, and count what it finds.

    python benchmarks/seeded_faults.py PREPARED [PREPARED ...] [--good 1000] [--each 20] [--save FILE.json]

Takes good utterances of a prepared folder as they are, and others that it spoils: for each kind of fault so
many files or rows. Every spoiled one must be found, as the kind that it is, and no good one may be rejected.
Returns 1 if that is not so.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from earwright.cuts import Cut, read_cut_audio, read_cuts
from earwright.data.preparation.checks import REASONS
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.evaluation.record import machine

RATE = 16000
Samples = npt.NDArray[Any]


@dataclass
class Spoiled:
    """A row to write: its columns, and its audio or the bytes of its file (None: no file)."""

    text: str
    audio: Samples | None = None
    packed: bytes | None = None
    subtype: str = "PCM_16"
    columns: dict[str, str] = field(default_factory=dict)


def flac(samples: Samples) -> bytes:
    """A FLAC file's bytes."""
    with tempfile.TemporaryFile() as file:
        soundfile.write(file, samples, RATE, format="FLAC", subtype="PCM_16")
        file.seek(0)
        return file.read()


def opposite(x: Samples) -> Samples:
    """Two channels, one wired the wrong way round and a little quieter."""
    return np.stack([x, -0.9 * x], axis=1)


def with_nan(x: Samples) -> Samples:
    """One sample that is no number."""
    return np.where(np.arange(len(x)) == len(x) // 2, np.float32(np.nan), x)


def telephone(x: Samples) -> Samples:
    """Nothing above 3.8 kHz."""
    narrow: Samples = soxr.resample(soxr.resample(x, RATE, 7600), 7600, RATE)
    return narrow


# Kind, as prepare calls it -> what is done to a good recording and its text. What lies between two rows is in
# `rows_of`.
FAULTS: dict[str, Callable[[Samples, str, int], Spoiled]] = {
    "unreadable": lambda x, text, i: Spoiled(text, packed=b"this is no audio " * 100),
    "truncated": lambda x, text, i: Spoiled(text, packed=flac(x)[: len(flac(x)) * (40 + i) // 100]),
    "empty-audio": lambda x, text, i: Spoiled(text, packed=b""),
    "missing-audio": lambda x, text, i: Spoiled(text),
    "empty-text": lambda x, text, i: Spoiled(" " * i, x),
    "silent": lambda x, text, i: Spoiled(text, np.zeros_like(x)),
    "all-but-silent": lambda x, text, i: Spoiled(text, x * 10 ** (-(45 + i / 4) / 20), subtype="PCM_24"),
    "nan-samples": lambda x, text, i: Spoiled(text, with_nan(x), subtype="FLOAT"),
    "too-short": lambda x, text, i: Spoiled("A", x[: 100 * (i % 10 + 1)]),
    "too-long": lambda x, text, i: Spoiled(text, np.tile(x, 1 + 61 * RATE // len(x))),
    "outside-audio": lambda x, text, i: Spoiled(text, x, columns={"end": str(len(x) / RATE + 0.2 + i)}),
    "text-too-long": lambda x, text, i: Spoiled((text + " ") * 4, x),
    "clipped": lambda x, text, i: Spoiled(text, np.clip(x * (0.9 + i / 10) / np.std(x) / 2, -1, 1)),
    "dc-offset": lambda x, text, i: Spoiled(text, 0.8 * x + 0.015 + i / 100),
    "channels-cancel": lambda x, text, i: Spoiled(text, opposite(x)),
    "narrow-band": lambda x, text, i: Spoiled(text, telephone(x)),
    "speaking-rate": lambda x, text, i: Spoiled(text.split()[0][:6], np.tile(x, 2)[: 15 * RATE]),
    "digits": lambda x, text, i: Spoiled(f"{text} {i + 10}", x),
    "symbols": lambda x, text, i: Spoiled(f"{text} {'%$&+@#=€£°'[i % 10]}", x),
    "mixed-scripts": lambda x, text, i: Spoiled(text.replace("A", "\u0410", 1).replace("E", "\u0415", 2), x),
    "control-characters": lambda x, text, i: Spoiled(text + " CAF\ufffd", x),
    "rare-character": lambda x, text, i: Spoiled(f"{text} {chr(0x1F0 + i)}A", x),
}


def rows_of(kind: str, cut: Cut, x: Samples, text: str, i: int) -> list[Spoiled]:
    """The rows for a fault that lies between two rows, the good one first."""
    name = f"{kind}-{i}"
    if kind == "duplicate-id":
        return [Spoiled(text, x, columns={"id": name}), Spoiled(text, x[::-1], columns={"id": name})]
    if kind == "duplicate-audio":
        return [Spoiled(text, x), Spoiled(text[::-1], x)]
    if kind == "duplicate-text":
        return [
            Spoiled(text, x, columns={"speaker": "s"}),
            Spoiled(text.lower(), -x, columns={"speaker": "s"}),
        ]
    words = text.split()  # near-duplicate-text
    words[i % len(words)] += "S"
    return [Spoiled(text, x), Spoiled(" ".join(words), -x)]


PAIRED = ("duplicate-id", "duplicate-audio", "duplicate-text", "near-duplicate-text")


def main() -> int:
    """Spoil, prepare, compare, print; 0 if all was found and nothing else rejected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prepared", nargs="+", help="prepared folders with good recordings")
    parser.add_argument("--good", type=int, default=1000)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    kinds = [*FAULTS, *PAIRED]
    needed = args.good + len(kinds) * args.each

    cuts = [cut for folder in args.prepared for cut in read_cuts(folder) if is_fit(cut)]
    if len(cuts) < needed:
        raise SystemExit(f"there are {len(cuts)} fit utterances; {needed} are needed.")
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), cuts, kinds, args.good, args.each)
    result |= {"name": "seeded-faults", "command": shlex.join(["python", *sys.argv]), "machine": machine()}
    print(json.dumps(result, indent=1))
    if args.save:
        Path(args.save).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if not result["missed"] and not result["good_rejected"] else 1


def is_fit(cut: Cut) -> bool:
    """Long enough that a word more or less is no outlier, short enough to stay so when it is made longer."""
    return 5 < cut.duration < 16 and len(cut.text.split()) > 8


def run(folder: Path, cuts: list[Cut], kinds: list[str], good: int, each: int) -> dict[str, Any]:
    """Write the spoiled corpus, prepare it, and compare what was found with what was done."""
    columns = ["path", "text", "id", "speaker", "end"]
    with open(folder / "table.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        for number, cut in enumerate(cuts[:good]):
            table.writerow(
                {"path": cut.path, "text": cut.text, "id": f"good-{number}", "speaker": cut.speaker}
            )
        rest = iter(cuts[good:])
        for kind in kinds:
            for i in range(each):
                cut = next(rest)
                x = read_cut_audio(cut, RATE)
                x = 0.5 * x / np.abs(x).max()
                if kind in FAULTS:
                    pair = [FAULTS[kind](x, cut.text, i)]
                else:
                    pair = rows_of(kind, cut, x, cut.text, i)
                for place, row in enumerate(pair):
                    name = f"{kind}-{i}" if place == len(pair) - 1 else f"first-{kind}-{i}"
                    write(folder, name, row, table)
        for i in range(each):
            file.write(f"bad.wav,too,many,columns,{i},here\r\n")
    prepare("csv", folder / "table.csv", folder / "out", PrepareOptions())
    return compare(folder / "out", [*kinds, "bad-row"], each)


def write(folder: Path, name: str, row: Spoiled, table: csv.DictWriter[str]) -> None:
    """Write one row and its audio."""
    path = folder / f"{name}.wav"
    if row.packed is not None:
        path.write_bytes(row.packed)
    elif row.audio is not None:
        soundfile.write(path, row.audio, RATE, subtype=row.subtype)
    table.writerow({"path": path.name, "text": row.text, "id": name, "speaker": name, **row.columns})


def compare(out: Path, kinds: list[str], each: int) -> dict[str, Any]:
    """What was found of each kind, what was missed, and what good rows were accused of."""
    found: Counter[str] = Counter()
    good_rejected, good_warned = [], Counter[str]()
    for name in ("rejected.jsonl", "warnings.jsonl"):
        for line in (out / name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            kind = row["id"].removeprefix("first-").rpartition("-")[0] or row["reason"]
            if row["id"].startswith("good-"):
                if name == "rejected.jsonl":
                    good_rejected.append(row)
                else:
                    good_warned[row["reason"]] += 1
            elif row["reason"] == kind and not row["id"].startswith("first-"):
                found[kind] += 1
    return {
        "found": {kind: found[kind] for kind in kinds},
        "each": each,
        "missed": {kind: each - found[kind] for kind in kinds if found[kind] < each},
        "good_rejected": good_rejected,
        "good_warned": dict(good_warned),
        "not_seeded": sorted(set(REASONS) - set(kinds)),
    }


if __name__ == "__main__":
    raise SystemExit(main())
