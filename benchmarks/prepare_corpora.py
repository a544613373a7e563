"""Prepare many corpora, each by one command, and print what became of every clip.

    python benchmarks/prepare_corpora.py CORPORA OUT [--save FILE.json]

CORPORA is a folder with corpora under the names below; those that are not there are left out.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from earwright.evaluation.record import machine

# Name, format, source below CORPORA, further arguments.
CORPORA = (
    ("train-clean-5", "auto", "librispeech/train-clean-5", ()),
    ("train-clean-100", "auto", "librispeech/train-clean-100", ()),
    ("train-clean-100-untranscribed", "audio", "librispeech/train-clean-100-untranscribed", ()),
    ("dev", "auto", "librispeech/dev", ()),
    ("test", "auto", "librispeech/test", ()),
    ("dev-clean-mp3", "auto", "librispeech/dev-clean-mp3", ()),
    ("ljspeech", "auto", "ljspeech", ("--language", "en")),
    ("english-kathleen", "auto", "english-kathleen/data", ("--language", "en")),
    ("german-kerstin", "auto", "german-kerstin", ("--language", "de")),
    ("common-voice", "auto", "common-voice", ()),
    ("speechocean762", "auto", "speechocean762", ("--language", "en")),
    ("fsdd", "auto", "fsdd/metadata.tsv", ("--language", "en")),
    (
        "speech-commands",
        "tsv",
        "speech-commands/metadata.tsv",
        ("--columns", "text=word", "--language", "en"),
    ),
    ("noise", "audio", "noise", ()),
    ("music", "audio", "music", ("--max-duration", "600")),
    ("rir", "audio", "rir", ()),
    ("conversation", "auto", "conversation", ()),
)


def main() -> int:
    """Prepare, print a table, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    rows = [
        prepare(args.corpora, args.out, *corpus) for corpus in CORPORA if (args.corpora / corpus[2]).exists()
    ]
    print_table(rows)
    if args.save:
        command = shlex.join(["python", *sys.argv])
        result = {"name": "prepare-corpora", "command": command, "machine": machine(), "corpora": rows}
        Path(args.save).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def prepare(
    corpora: Path, out: Path, name: str, kind: str, source: str, more: tuple[str, ...]
) -> dict[str, Any]:
    """One command, and what its summary says."""
    arguments = ["prepare", kind, str(corpora / source), str(out / name), *more]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "earwright.cli.main", *arguments, "--json"], capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    summary = json.loads(done.stdout)
    shown = shlex.join(["earwright", "prepare", kind, source, f"prepared/{name}", *more])
    facts = {
        key: summary[key] for key in ("format", "rows", "kept", "rejected", "warned", "hours", "speakers")
    }
    return {"name": name, "command": shown, **facts, "seconds": round(seconds, 1)}


def print_table(rows: list[dict[str, Any]]) -> None:
    """A row a corpus."""
    table = Table(title="Prepared corpora")
    for column in ("corpus", "format", "rows", "kept", "rejected", "warnings", "hours", "seconds"):
        table.add_column(column, justify="left" if column in ("corpus", "format") else "right")
    for row in rows:
        table.add_row(
            *(row["name"], row["format"], str(row["rows"]), str(row["kept"])),
            *(counts(row["rejected"]), counts(row["warned"])),
            *(f"{row['hours']:.2f}", f"{row['seconds']:.1f}"),
        )
    Console().print(table)


def counts(values: dict[str, int]) -> str:
    """ "2 silent, 1 truncated"."""
    return ", ".join(f"{count} {name}" for name, count in values.items()) or "-"


if __name__ == "__main__":
    raise SystemExit(main())
