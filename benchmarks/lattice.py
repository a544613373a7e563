"""Word lattices of a beam search: what they hold, what a larger model finds there, what they know of errors.

    python benchmarks/lattice.py BUNDLE prepared/dev --small small.bin --large large.bin --save FILE.json

BUNDLE is a tuned one. Of the cuts' first utterances: density and oracle error rate of lattices by their beam;
the error rate of a search with the small model, of its lattices rescored with the large one, and of a search
with the large one from the start; and how well confidences tell right words from wrong ones (area under the
curve; normalized cross entropy and expected calibration error, raw and after the temperature that is best
here), by the alignment alone and by posteriors in the lattice. Times are of the process, on one thread,
log-probs computed beforehand.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from earwright import Recognizer
from earwright.cuts import read_cut_audio, read_cuts
from earwright.decoding import BeamDecoder, BeamSearch, align_tokens
from earwright.decoding.lattice import (
    Lattice,
    confusion_network,
    nbest_paths,
    oracle_path,
    rescore_lattice,
    word_posteriors,
)
from earwright.decoding.lattice.confidence import word_confidences
from earwright.decoding.words import geometric_mean
from earwright.evaluation import score
from earwright.evaluation.align import align
from earwright.evaluation.record import machine, save_record
from earwright.lm.query import LanguageModel
from earwright.text import normalize

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Row = dict[str, Any]
Item = TypeVar("Item")
Result = TypeVar("Result")
NORMALIZER = "basic"


@dataclass(frozen=True)
class Data:
    """What all of it is measured on."""

    grids: list[npt.NDArray[np.float32]]
    texts: list[str]
    seconds: float

    @property
    def words(self) -> int:
        """That were said."""
        return sum(len(text.split()) for text in self.texts)

    def wer(self, found: Sequence[str]) -> float:
        """Error rate of texts."""
        return round(score(self.texts, found, NORMALIZER).wer, 5)


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("cuts")
    parser.add_argument("--small", required=True, help="language model of the first pass")
    parser.add_argument("--large", required=True, help="the one for the second")
    parser.add_argument("--limit", type=int, default=150, metavar="N")
    parser.add_argument("--beams", type=float, nargs="+", default=[4.0, 6.0, 8.0, 10.0, 12.0])
    parser.add_argument("--scales", type=float, nargs="+", default=[1.0, 0.7, 0.5, 0.4, 0.3])
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    search = cast(BeamDecoder, recognizer.decoder).search
    cuts = [cut for cut in read_cuts(args.cuts) if cut.text.strip()][: args.limit]
    data = Data(
        [recognizer.log_probs([read_cut_audio(cut, recognizer.meta.sample_rate)])[0] for cut in cuts],
        [normalize(cut.text, NORMALIZER) for cut in cuts],
        sum(cut.duration for cut in cuts),
    )
    result: Row = {
        "name": "lattice",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "utterances": len(cuts),
        "audio_seconds": round(data.seconds, 1),
        "normalizer": NORMALIZER,
    }
    for name, rows in (
        ("density", density(search, data, args.beams)),
        ("rescoring", rescoring(recognizer, search, data, args.small, args.large)),
        ("confidence", confidence(recognizer, search, data, args.scales)),
    ):
        result[name] = rows
        for row in rows:
            print(name, json.dumps(row), flush=True)
    if args.save:
        save_record(args.save, result)
    return 0


def timed(work: Callable[[Item], Result], items: Iterable[Item]) -> tuple[float, list[Result]]:
    """Seconds of the process for all of them, and what came of it."""
    began = time.process_time()
    found = [work(item) for item in items]
    return round(time.process_time() - began, 3), found


def density(search: BeamSearch, data: Data, beams: Sequence[float]) -> list[Row]:
    """Lattices by their beam."""
    search.decode(data.grids[0])
    confusion_network(search.lattice(data.grids[0]))  # what is compiled at the first call
    spent, found = timed(search.decode, data.grids)
    rows: list[Row] = [
        {"what": "search alone", "seconds": spent, "wer": data.wer([best(one) for one in found])}
    ]
    for beam in beams:
        spent, lattices = timed(partial(search.lattice, beam=beam), data.grids)
        errors = sum(
            oracle_path(lattice, text.split())[0] for lattice, text in zip(lattices, data.texts, strict=True)
        )
        rows.append({
            "what": "lattice",
            "beam": beam,
            "seconds": spent,
            "arcs_per_second": round(sum(lattice.arcs for lattice in lattices) / data.seconds, 1),
            "nodes_per_second": round(sum(lattice.nodes for lattice in lattices) / data.seconds, 1),
            "oracle_wer": round(errors / data.words, 5),
            "best_path_wer": data.wer([best(nbest_paths(lattice)) for lattice in lattices]),
            "consensus_wer": data.wer([confusion_network(lattice).text for lattice in lattices]),
        })  # fmt: skip
    return rows


def rescoring(recognizer: Recognizer, tuned: BeamSearch, data: Data, small: str, large: str) -> list[Row]:
    """A first pass with a small model, a second with a large one, beside one pass with the large one."""
    larger = LanguageModel.load(large)
    words = list(tuned.tree.words)  # the same for both, so that the model alone differs
    rows: list[Row] = []
    for name, lm in (("one pass, small model", LanguageModel.load(small)), ("one pass, large model", larger)):
        search = BeamSearch(recognizer.tokenizer, lexicon=words, lm=lm, options=tuned.options)
        search.decode(data.grids[0])
        spent, found = timed(search.decode, data.grids)
        rows.append(
            {
                "what": name,
                "seconds": spent,
                "wer": data.wer([best(one) for one in found]),
                "ngrams": sum(lm.counts),
            }
        )
        if lm is larger:
            continue
        for beam in (8.0, 12.0):
            took, lattices = timed(partial(search.lattice, beam=beam), data.grids)
            more, second = timed(partial(rescore_lattice, lm=larger), lattices)
            rows.append({
                "what": "two passes",
                "beam": beam,
                "seconds_lattices": took,
                "seconds_rescoring": more,
                "arcs_before": sum(one.arcs for one in lattices),
                "arcs_after": sum(one.arcs for one in second),
                "wer": data.wer([best(nbest_paths(one)) for one in second]),
            })  # fmt: skip
    return rows


def confidence(recognizer: Recognizer, search: BeamSearch, data: Data, scales: Sequence[float]) -> list[Row]:
    """How well confidences tell right from wrong."""
    found = [search.decode(grid)[0] for grid in data.grids]
    right: Bools = np.array([
        pair.operation == "correct"
        for one, text in zip(found, data.texts, strict=True)
        for pair in align(text.split(), list(one.words))
        if pair.hypothesis
    ])  # fmt: skip
    aligned: list[float] = []
    for grid, one in zip(data.grids, found, strict=True):
        path = align_tokens(grid, one.tokens, search.units.blank)
        assert path is not None
        aligned += [
            geometric_mean(path.confidences[a:b]) for _, a, b in recognizer.tokenizer.words(path.tokens)
        ]
    rows = [judged("alignment", np.array(aligned), right)]
    spent, lattices = timed(search.lattice, data.grids)
    pairs: list[tuple[Lattice, tuple[str, ...]]] = [
        (lattice, one.words) for lattice, one in zip(lattices, found, strict=True)
    ]
    for scale in scales:
        more, sure = timed(partial(posteriors, scale), pairs)
        row = judged(f"lattice, scale {scale}", np.concatenate(sure), right)
        rows.append({**row, "seconds_lattices": spent, "seconds_posteriors": more})
    values = [sure for pair in pairs for sure in word_confidences(*pair)]
    rows.append(judged("lattice, as a decoder gives them", np.array(values), right))
    return rows


def posteriors(scale: float, pair: tuple[Lattice, tuple[str, ...]]) -> list[float]:
    """Of the words of a text, by its lattice."""
    return word_posteriors(*pair, scale)


def judged(name: str, confidences: Floats, right: Bools) -> Row:
    """The figures of one kind of confidence."""
    calibrated, temperature = max(
        ((tempered(confidences, one), one) for one in np.exp(np.linspace(-2, 3, 101))),
        key=lambda pair: cross_entropy(pair[0], right),
    )
    return {
        "what": name,
        "words": len(right),
        "correct": round(float(right.mean()), 4),
        "auc": round(area(confidences, right), 4),
        "nce": round(cross_entropy(confidences, right), 4),
        "ece": round(calibration(confidences, right), 4),
        "temperature": round(float(temperature), 3),
        "nce_tempered": round(cross_entropy(calibrated, right), 4),
        "ece_tempered": round(calibration(calibrated, right), 4),
    }


def tempered(confidences: Floats, temperature: float) -> Floats:
    """Log-odds divided by a temperature."""
    safe = np.clip(confidences, 1e-4, 1 - 1e-4)
    found: Floats = 1 / (1 + np.exp(-np.log(safe / (1 - safe)) / temperature))
    return found


def area(confidences: Floats, right: Bools) -> float:
    """How often a right word has more than a wrong one (half where both have the same)."""
    order, place = np.unique(confidences, return_inverse=True)
    counts = np.bincount(place, minlength=len(order))
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    good = int(right.sum())
    return float((ranks[right].sum() - good * (good + 1) / 2) / (good * (len(right) - good)))


def cross_entropy(confidences: Floats, right: Bools) -> float:
    """NIST's normalized cross entropy: 1 knows all, 0 knows the share of right words alone."""
    safe, share = np.clip(confidences, 1e-4, 1 - 1e-4), right.mean()
    known = -np.mean(np.where(right, np.log(safe), np.log(1 - safe)))
    return float(1 - known / -(share * np.log(share) + (1 - share) * np.log(1 - share)))


def calibration(confidences: Floats, right: Bools) -> float:
    """Expected calibration error, ten bins."""
    bins = np.minimum((confidences * 10).astype(int), 9)
    inside = [bins == one for one in range(10) if (bins == one).any()]
    return float(sum(one.mean() * abs(right[one].mean() - confidences[one].mean()) for one in inside))


def best(found: Sequence[Any]) -> str:
    """The text of the first, if there is one."""
    return str(found[0].text) if found else ""


if __name__ == "__main__":
    raise SystemExit(main())
