"""What each part of the search is worth: greedy, words, n-grams, a second look by larger models.

    earwright lm train english-novels/*.txt --kind transformer --max-time 20m -o novels.onnx
    python benchmarks/search_worth.py BUNDLE prepared/dev prepared/test --lm novels.bin \\
        --rescore novels.onnx --save docs/results/search-worth.json

Weights are tuned on the first cuts, as `earwright tune` does it, and figures are of the second. The seconds
are those of search alone, on one core; the recognizer's own come first.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright import Recognizer
from earwright.cuts import read_cut_audio, read_cuts
from earwright.decoding import BeamSearch, Hypothesis, SearchOptions, greedy_search
from earwright.decoding.decoder import candidates_of
from earwright.decoding.rescore import ModelScorer
from earwright.evaluation import score
from earwright.evaluation.record import machine, save_record
from earwright.evaluation.tune import tune_search
from earwright.lm.ngrams import SPECIAL_WORDS
from earwright.lm.query import LanguageModel
from earwright.text import normalize

Grids = list[npt.NDArray[np.float32]]
NBEST = 50
SHARES = (0.3, 0.5, 0.7, 0.85, 1.0)
SCALES = (0.8, 1.0, 1.25, 1.5)  # of the language model's weight in the second look


class Part:
    """Log-probs and texts of some cuts."""

    def __init__(self, recognizer: Recognizer, place: str, limit: int | None) -> None:
        cuts = [cut for cut in read_cuts(place) if cut.text.strip()]
        cuts = cuts[:: -(-len(cuts) // limit)] if limit else cuts
        began = time.perf_counter()
        rate = recognizer.meta.sample_rate
        self.grids: Grids = [recognizer.log_probs([read_cut_audio(cut, rate)])[0] for cut in cuts]
        self.heard_in = time.perf_counter() - began
        self.texts = [cut.text for cut in cuts]
        self.seconds = sum(cut.duration for cut in cuts)


def main() -> int:
    """Tune, search, score, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("dev")
    parser.add_argument("test")
    parser.add_argument("--lm", required=True, help="an n-gram model of words")
    parser.add_argument("--rescore", nargs="*", default=[], help="larger models of words")
    parser.add_argument("--limit", type=int, default=150, help="utterances to tune on (default 150)")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    dev = Part(recognizer, args.dev, args.limit)
    test = Part(recognizer, args.test, None)
    lm = LanguageModel.load(args.lm)
    rows = [row("greedy", test, lambda grid: recognizer.tokenizer.decode(greedy_search(grid).tokens))]
    words = [word for word in lm.vocabulary if word not in SPECIAL_WORDS]
    for name, search in (
        ("+ the words of the language model", BeamSearch(recognizer.tokenizer, lexicon=words)),
        (f"+ {lm.order}-gram", BeamSearch(recognizer.tokenizer, lm=lm)),
    ):
        greedy = [recognizer.tokenizer.decode(greedy_search(grid).tokens) for grid in dev.grids]
        tuned = tune_search(search, dev.grids, dev.texts, greedy, lambda text: normalize(text, "basic"))
        options = tuned.options or search.options
        rows.append({**row(name, test, text_of(search, options)), "options": plain(options)})
        # With the default beam, whatever tuning has taken.
        usual = replace(options, beam=SearchOptions().beam)
        rows.append(row(f"{name}, beam {usual.beam}", test, text_of(search, usual)))
    for path in args.rescore:
        rows.append(rescored(path, search, options, dev, test))
    for line in rows:
        print(json.dumps(line), flush=True)
    result = {
        "name": "search-worth",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "audio_seconds": round(test.seconds, 1),
        "recognizer_seconds": round(test.heard_in, 1),
        "rows": rows,
    }
    if args.save:
        save_record(args.save, result)
    return 0


def text_of(search: BeamSearch, options: SearchOptions) -> Callable[[npt.NDArray[np.float32]], str]:
    """The best words."""

    def decode(grid: npt.NDArray[np.float32]) -> str:
        found = search.decode(grid, options=options)
        return found[0].text if found else ""

    return decode


def row(name: str, part: Part, decode: Callable[[npt.NDArray[np.float32]], str]) -> dict[str, Any]:
    """Error rates and time of a way to search."""
    decode(part.grids[0])
    began = time.process_time()
    found = [decode(grid) for grid in part.grids]
    return {"search": name, **rates(part, found, time.process_time() - began)}


def rates(part: Part, found: Sequence[str], seconds: float) -> dict[str, Any]:
    """Of what was found."""
    scored = score(part.texts, found, "basic")
    return {
        "wer": round(scored.wer, 5),
        "wer_interval": [round(edge, 5) for edge in scored.wer_interval],
        "cer": round(scored.cer, 5),
        "seconds": round(seconds, 2),
        "real_time_factor": round(seconds / part.seconds, 6),
    }


def rescored(path: str, search: BeamSearch, options: SearchOptions, dev: Part, test: Part) -> dict[str, Any]:
    """N-best lists ordered anew; share and weight are chosen on dev."""
    scorer = ModelScorer.load(path)

    def lists(part: Part) -> list[list[Hypothesis]]:
        return [candidates_of(search, grid, NBEST, options)[0] for grid in part.grids]

    def best(found: list[list[Hypothesis]], new: list[list[float]], share: float, scale: float) -> list[str]:
        texts = []
        for hypotheses, values in zip(found, new, strict=True):
            weight = options.lm_weight * math.log(10)
            worth = [
                one.score + weight * (scale * ((1 - share) * one.lm_score + share * value) - one.lm_score)
                for one, value in zip(hypotheses, values, strict=True)
            ]
            texts.append(hypotheses[int(np.argmax(worth))].text if hypotheses else "")
        return texts

    found = lists(dev)
    new = [scorer.log10([one.text for one in hypotheses]) for hypotheses in found]
    choices = [(share, scale) for share in SHARES for scale in SCALES]
    share, scale = min(choices, key=lambda one: score(dev.texts, best(found, new, *one), "basic").wer)
    began = time.process_time()
    found = lists(test)
    new = [scorer.log10([one.text for one in hypotheses]) for hypotheses in found]
    texts = best(found, new, share, scale)
    seconds = time.process_time() - began
    oracle = [nearest(hypotheses, text) for hypotheses, text in zip(found, test.texts, strict=True)]
    return {
        "search": f"+ rescoring of the {NBEST} best by {Path(path).name}",
        **rates(test, texts, seconds),
        "share": share,
        "scale": scale,
        "wer_of_the_best_in_the_lists": round(score(test.texts, oracle, "basic").wer, 5),
    }


def nearest(hypotheses: Sequence[Hypothesis], text: str) -> str:
    """Of hypotheses the one with the fewest errors."""
    texts = [one.text for one in hypotheses] or [""]
    return min(texts, key=lambda one: score([text], [one], "basic").wer)


def plain(options: SearchOptions) -> dict[str, Any]:
    """The options for JSON."""
    return {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in asdict(options).items()}


if __name__ == "__main__":
    raise SystemExit(main())
