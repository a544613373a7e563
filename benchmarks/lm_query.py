"""How quick and how small n-gram models are, beside KenLM on the same model and text.

    earwright lm train text/english-novels/[a-d]*.gz -o novels.arpa
    python benchmarks/lm_query.py novels.arpa text/english-novels/t*.gz [--rounds 5] [--save FILE.json]

Writes the model in every form and says how large each is, how long it takes to open, how many queries a
second one core answers along the text and in batches of unrelated states, and which perplexity comes out.
KenLM, where its Python module is installed, scores the same sentences through that module.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import math
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from earwright.evaluation.record import machine, save_record
from earwright.lm.arpa import read_arpa, write_arpa
from earwright.lm.binary import write_binary
from earwright.lm.documents import ReadingNotes, read_document
from earwright.lm.ngrams import END
from earwright.lm.numbering import Numberer, WordNumbers
from earwright.lm.query import LanguageModel
from earwright.lm.scored_text import whole_sentences
from earwright.lm.sentences import laid_out

# What a new process needs beside the model: the interpreter with numpy and numba in it.
IMPORTS = "import time, sys, numpy, numba; from earwright.lm.query import LanguageModel"
FIRST = f"""{IMPORTS}
began = time.perf_counter()
model = LanguageModel.load(sys.argv[1])
opened = time.perf_counter() - began
model.score(model.start_state, model.id("the"))
print(opened, time.perf_counter() - began)
"""


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="an ARPA file")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="that the model has not seen")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    sentences = list(read_sentences(args.texts))
    with tempfile.TemporaryDirectory() as folder:
        result = measure(args.model, sentences, Path(folder), args.rounds)
    print_table(result)
    if args.save:
        head = {
            "name": Path(args.save).stem,
            "command": shlex.join(["python", *sys.argv]),
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
        }
        save_record(args.save, head | result)
    return 0


def read_sentences(paths: Sequence[str], normalizer: str = "basic") -> Iterator[list[str]]:
    """The words of each sentence of books, as `earwright lm` reads them."""
    numbers = WordNumbers()
    with Numberer(numbers, normalizer, ReadingNotes()) as numberer:
        for path in paths:
            layout, pieces = laid_out(read_document(path))
            for ids in whole_sentences(numberer.number(pieces, layout)):
                names = list(numbers)
                for sentence in np.split(ids, np.flatnonzero(ids == END) + 1):
                    if len(sentence) > 1:
                        yield [names[number] for number in sentence[:-1].tolist()]


def measure(path: str, sentences: Sequence[Sequence[str]], folder: Path, rounds: int) -> dict[str, Any]:
    """All figures."""
    read, model = timed(lambda: read_arpa(path))
    forms: dict[str, dict[str, Any]] = {}
    for name, write in (
        ("arpa", lambda path: write_arpa(path, model)),
        ("arpa.gz", lambda path: write_arpa(path, model)),
        ("bin", lambda path: write_binary(path, model)),
        ("8bit.bin", lambda path: write_binary(path, model, 8)),
    ):
        place = folder / f"model.{name}"
        seconds, _ = timed(lambda write=write, place=place: write(place))  # type: ignore[misc]
        forms[name] = {"bytes": place.stat().st_size, "seconds_to_write": round(seconds, 2)}
    for name, form in forms.items():
        form["share_of_gzipped_arpa"] = round(form["bytes"] / forms["arpa.gz"]["bytes"], 4)
        if name.endswith("bin"):
            form |= queries(folder / f"model.{name}", sentences, rounds)
    return {
        "ngrams": list(model.counts),
        "made": dict(model.notes),
        "words": sum(map(len, sentences)),
        "sentences": len(sentences),
        "seconds_to_read_arpa": round(read, 2),
        "forms": forms,
        "kenlm": kenlm_queries(folder / "model.arpa", sentences, rounds),
    }


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of this process on a core (others may run beside it), and the result."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def queries(path: Path, sentences: Sequence[Sequence[str]], rounds: int) -> dict[str, Any]:
    """Opening one of our files, and asking it."""
    opened, first = zip(*(opening(path) for _ in range(rounds)), strict=True)
    model = LanguageModel.load(path)
    ids = np.concatenate([np.append(model.ids(sentence), END) for sentence in sentences])
    model.scores(ids[:1])  # these two are compiled now, or found as compiled before
    model.score_batch([0], [0])
    model.tables.links[:] = 0  # so that the first round has to find them
    along = [timed(lambda: model.scores(ids, end=False)) for _ in range(rounds)]
    states = states_along(model, ids)
    mixed = np.random.default_rng(0).permutation(len(ids))
    batches = [timed(lambda: model.score_batch(states[mixed], ids[mixed]))[0] for _ in range(rounds)]
    return {
        "seconds_to_open": round(statistics.median(opened), 4),
        "seconds_to_first_answer": round(statistics.median(first), 4),
        "queries_per_second": [round(len(ids) / seconds) for seconds, _ in along],
        "queries_per_second_in_batches": [round(len(ids) / seconds) for seconds in batches],
        "perplexity": round(10 ** -float(along[0][1].log_probs.mean(dtype=np.float64)), 4),
    }


def opening(path: Path) -> tuple[float, float]:
    """Wall-clock seconds to open a file, and to its first answer, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST, str(path)], check=True, capture_output=True, text=True
    )
    opened, first = done.stdout.split()
    return float(opened), float(first)


def states_along(model: LanguageModel, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The state before each word of a text."""
    states = np.empty(len(ids), np.int64)
    state = model.start_state
    for place, word in enumerate(ids.tolist()):
        states[place] = state
        state = model.start_state if word == END else model.score(state, word)[1]
    return states


def kenlm_queries(path: Path, sentences: Sequence[Sequence[str]], rounds: int) -> dict[str, Any] | None:
    """KenLM on the same sentences; None where its module is not installed."""
    try:
        import kenlm
    except ImportError:
        return None
    model = kenlm.Model(str(path))
    texts = [" ".join(sentence) for sentence in sentences]
    count = sum(map(len, sentences)) + len(sentences)
    runs = [timed(lambda: math.fsum(map(model.score, texts))) for _ in range(rounds)]
    return {
        "queries_per_second": [round(count / seconds) for seconds, _ in runs],
        "perplexity": round(10 ** (-runs[0][1] / count), 4),
    }


def print_table(result: dict[str, Any]) -> None:
    """A row a form."""
    table = Table(title=f"{result['ngrams']} n-grams, {result['words']:,} words of text")
    for column in ("form", "MB", "of .arpa.gz", "opens in", "queries/s", "in batches", "perplexity"):
        table.add_column(column, justify="left" if column == "form" else "right")
    kenlm = {"KenLM": result["kenlm"]} if result["kenlm"] else {}
    for name, form in itertools.chain(result["forms"].items(), kenlm.items()):
        table.add_row(
            name,
            f"{form['bytes'] / 1e6:.1f}" if "bytes" in form else "",
            f"{100 * form['share_of_gzipped_arpa']:.1f} %" if "bytes" in form else "",
            f"{form['seconds_to_open']:.3f} s" if "seconds_to_open" in form else "",
            *(
                f"{statistics.median(form[key]) / 1e6:.2f} M" if key in form else ""
                for key in ("queries_per_second", "queries_per_second_in_batches")
            ),
            f"{form['perplexity']:.3f}" if "perplexity" in form else "",
        )
    Console().print(table)


if __name__ == "__main__":
    raise SystemExit(main())
