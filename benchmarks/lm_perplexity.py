"""How well language models foretell novels that they have not read: n-grams, a Transformer, and both.

    python benchmarks/lm_perplexity.py text/english-novels [--minutes 20] [--books N] [--save FILE.json]

Three novels are held out to measure on, a fourth to find the weights of mixtures; all models learn from the
others, with the same vocabulary of `--max-words` words. Perplexities are a word, where sentence ends count as
words, and unknown words as <unk>. The Transformer's time is that of its training alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earwright.evaluation.record import machine, save_record

# Of three decades and kinds: a novel of manners, a sensation novel, a spy story.
TEST = ("austen-emma-1815", "collins-woman-in-white-1860", "buchan-thirtynine-steps-1915")
DEV = "benson-dodo-1893"
VOCABULARIES = (20_000, 60_000, 200_000)

# Name -> order, what is pruned, bits a number.
NGRAMS: dict[str, tuple[int, list[str], int]] = {
    "2-gram": (2, [], 0),
    "3-gram": (3, [], 0),
    "4-gram": (4, [], 0),
    "5-gram": (5, [], 0),
    "3-gram, pruned by entropy 1e-8": (3, ["--prune-entropy", "1e-8"], 0),
    "3-gram, pruned by entropy 1e-7": (3, ["--prune-entropy", "1e-7"], 0),
    "4-gram, singletons pruned": (4, ["--prune", "0", "0", "1"], 0),
    "4-gram, 8 bits": (4, [], 8),
}
MIXED_WITH = "4-gram"


def main() -> int:
    """Train, measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0, help="of the Transformer's training")
    parser.add_argument("--max-words", type=int, default=60_000)
    parser.add_argument("--books", type=int, help="learn from the first N alone, to see that it works")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    books = {path.name.partition(".")[0]: path for path in sorted(args.folder.glob("*.txt*"))}
    missing = [name for name in (*TEST, DEV) if name not in books]
    if missing:
        raise SystemExit(f"{args.folder} lacks {', '.join(missing)}")
    test = [str(books.pop(name)) for name in TEST]
    dev = str(books.pop(DEV))
    texts = [str(path) for path in books.values()][: args.books]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), texts, test, dev, args.max_words)
        rows = [bench.ngrams(name, *how) for name, how in NGRAMS.items()]
        rows.append(bench.transformer(args.minutes))
        rows.append(bench.mixture())
        oov = [bench.oov(size) for size in VOCABULARIES]
    result = {
        "name": "lm-perplexity",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "seed": 1,
        "texts": len(texts),
        "words": rows[0]["words"],
        "test": list(TEST),
        "dev": DEV,
        "max_words": args.max_words,
        "models": rows,
        "oov": oov,
    }
    print_table(result)
    if args.save:
        save_record(args.save, result)
    return 0


class Bench:
    """Trains and measures models in a folder.

    Args:
        folder: for the models.
        texts: to learn from.
        test: to measure on.
        dev: to find weights on.
        max_words: of all vocabularies.
    """

    def __init__(
        self, folder: Path, texts: Sequence[str], test: Sequence[str], dev: str, max_words: int
    ) -> None:
        self.folder, self.texts, self.test, self.dev, self.max_words = folder, texts, test, dev, max_words

    def ngrams(self, name: str, order: int, pruned: Sequence[str], bits: int) -> dict[str, Any]:
        """A row of the table: an n-gram model."""
        path = self.folder / f"{name}.bin"
        size = ["--order", str(order), "--max-words", str(self.max_words)]
        made, seconds = earwright("train", *self.texts, "-o", str(path), *size, *pruned)
        if bits:
            earwright("convert", str(path), str(path), "--quantize", str(bits))
        row = {"model": name, "ngrams": made["ngrams"], "words": made["words"]}
        return {**row, "training_seconds": round(seconds, 1), **self.measure(path)}

    def transformer(self, minutes: float) -> dict[str, Any]:
        """A row of the table: the neural model."""
        path = self.folder / "transformer.onnx"
        how = ["--kind", "transformer", "--max-words", str(self.max_words), "--max-time", f"{minutes:g}m"]
        made, _ = earwright("train", *self.texts, "-o", str(path), *how)
        facts = ("parameters", "steps", "epochs", "tokens_per_second", "precision", "looks")
        row = {"model": f"Transformer, {minutes:g} min", **{key: made[key] for key in facts}}
        return {**row, "training_seconds": made["seconds"], **self.measure(path)}

    def mixture(self) -> dict[str, Any]:
        """A row of the table: an n-gram model and the neural one, interpolated word by word."""
        ngrams, neural = self.folder / f"{MIXED_WITH}.bin", self.folder / "transformer.onnx"
        more = ["--with", str(neural), "--weight", "auto", "--dev", self.dev]
        measured = self.measure(ngrams, *more)
        size = ngrams.stat().st_size + neural.stat().st_size
        return {"model": f"{MIXED_WITH} and Transformer", **measured, "bytes": size}

    def measure(self, path: Path, *more: str) -> dict[str, Any]:
        """Perplexities of a model, its size, and how long it took to measure."""
        measured, seconds = earwright("perplexity", str(path), *self.test, *more)
        each = {Path(text["name"]).name.partition(".")[0]: text["perplexity"] for text in measured["texts"]}
        weight = {"weight_of_transformer": measured["weight"]} if "weight" in measured else {}
        return {
            **weight,
            "perplexity": measured["all"]["perplexity"],
            "perplexity_without_oov": measured["all"]["perplexity_without_oov"],
            "perplexities": each,
            "test_words": measured["all"]["words"],
            "bytes": path.stat().st_size,
            "measuring_seconds": round(seconds, 1),
        }

    def oov(self, size: int) -> dict[str, Any]:
        """How much of the test novels is outside the most frequent words of the others."""
        path = self.folder / "words.bin"
        made, _ = earwright(
            "train",
            *self.texts,
            "-o",
            str(path),
            "--order",
            "1",
            "--min-count",
            "1",
            "--max-words",
            str(size),
        )
        measured, _ = earwright("perplexity", str(path), *self.test)
        rates = {
            Path(text["name"]).name.partition(".")[0]: round(text["oov"] / text["words"], 5)
            for text in measured["texts"]
        }
        whole = measured["all"]
        return {
            "max_words": size,
            "vocabulary": made["vocabulary"] - 3,
            "oov": round(whole["oov"] / whole["words"], 5),
            "oov_of_each": rates,
        }


def earwright(*arguments: str) -> tuple[Any, float]:
    """What `earwright lm ... --json` prints, and its seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "earwright.cli.main", "lm", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout), time.perf_counter() - began


def print_table(result: dict[str, Any]) -> None:
    """The rows as Markdown."""
    print(f"{result['words']:,} words of {result['texts']} novels; vocabulary {result['max_words']:,}\n")
    print("| model | perplexity | without oov | n-grams or parameters | MB | training |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in result["models"]:
        size = row.get("parameters") or sum(row.get("ngrams", [])) or ""
        seconds = f"{row['training_seconds']:,.0f} s" if "training_seconds" in row else ""
        print(
            f"| {row['model']} | {row['perplexity']:.1f} | {row['perplexity_without_oov']:.1f} | "
            f"{size:{',' if size else ''}} | {row['bytes'] / 1e6:.1f} | {seconds} |"
        )
    print("\n| words | oov |\n|---:|---:|")
    for row in result["oov"]:
        print(f"| {row['vocabulary']:,} | {row['oov']:.2%} |")


if __name__ == "__main__":
    raise SystemExit(main())
