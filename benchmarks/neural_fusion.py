"""A neural language model in the first pass, beside greedy search and a 3-gram: error rate and time.

    earwright lm train --kind transformer --tokens BUNDLE -o chars.onnx --dim 160 --layers 2 --window 40 \\
        --max-time 10m text/*.txt.gz
    python benchmarks/neural_fusion.py BUNDLE dev test novels3.bin chars.onnx --save FILE.json

Weights and word bonus of each are the best of a few on the dev set, at the middle one of the beams. The
recognizer's log-probs are computed beforehand and count for nobody; times are of the process (one thread),
of everything between log-probs and text.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright import Recognizer
from earwright.cuts import read_cut_audio, read_cuts
from earwright.decoding import BeamSearch, SearchOptions, greedy_search
from earwright.evaluation import score
from earwright.evaluation.record import machine, save_record
from earwright.lm.neural import NeuralLanguageModel, States
from earwright.lm.ngrams import SPECIAL_WORDS
from earwright.lm.query import LanguageModel

Grids = Sequence[npt.NDArray[np.float32]]


def main() -> int:
    """Tune, decode, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("bundle", "dev", "test", "ngrams", "neural"):
        parser.add_argument(name)
    parser.add_argument("--limit", type=int, default=40, metavar="N", help="of each set so many utterances")
    parser.add_argument("--beams", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--weights", type=float, nargs="+", default=[0.2, 0.35, 0.5, 0.7])
    parser.add_argument("--bonuses", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    dev, dev_texts, _ = listen(recognizer, args.dev, args.limit)
    test, texts, seconds = listen(recognizer, args.test, args.limit)
    ngrams = LanguageModel.load(args.ngrams)
    neural = NeuralLanguageModel.load(args.neural, threads=1)
    words = [word for word in ngrams.vocabulary if word not in SPECIAL_WORDS]
    tokens = recognizer.tokenizer
    searches = {
        "3-gram of words": BeamSearch(tokens, lm=ngrams),
        "Transformer of characters, any words": BeamSearch(tokens, lm=neural),
        "Transformer of characters, the 3-gram's words": BeamSearch(tokens, lexicon=words, lm=neural),
    }
    greedy = [tokens.decode(greedy_search(grid).tokens) for grid in test]
    rows: list[dict[str, Any]] = [{"search": "greedy", "wer": round(score(texts, greedy, "basic").wer, 5)}]
    print(json.dumps(rows[0]), flush=True)
    for name, search in searches.items():
        middle = sorted(args.beams)[len(args.beams) // 2]
        tries = [
            SearchOptions(beam=middle, lm_weight=weight, word_bonus=bonus)
            for weight, bonus in itertools.product(args.weights, args.bonuses)
        ]
        best = min(tries, key=lambda options: run(search, options, dev, dev_texts)["wer"])
        for beam in args.beams:
            options = SearchOptions(beam=beam, lm_weight=best.lm_weight, word_bonus=best.word_bonus)
            found = run(search, options, test, texts)
            row = {"search": name, "beam": beam, "lm_weight": best.lm_weight, "word_bonus": best.word_bonus}
            rows.append({**row, **found, "real_time_factor": round(found["seconds"] / seconds, 5)})
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "name": "neural-fusion",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "normalizer": "basic",
        "neural": dict(neural.notes),
        "utterances": len(test),
        "dev_utterances": len(dev),
        "audio_seconds": round(seconds, 1),
        "rows": rows,
    }
    if args.save:
        save_record(args.save, result)
    return 0


def listen(recognizer: Recognizer, path: str, limit: int) -> tuple[Grids, list[str], float]:
    """Log-probs and texts of utterances, evenly chosen, and how long they are."""
    cuts = [cut for cut in read_cuts(path) if cut.text.strip()]
    cuts = cuts[:: max(1, len(cuts) // limit)][:limit]
    grids = [recognizer.log_probs([read_cut_audio(cut, recognizer.meta.sample_rate)])[0] for cut in cuts]
    return grids, [cut.text for cut in cuts], sum(cut.duration for cut in cuts)


def run(search: BeamSearch, options: SearchOptions, grids: Grids, texts: Sequence[str]) -> dict[str, Any]:
    """Error rate, seconds, and how often a network ran over how many prefixes in all."""
    search.decode(grids[0][:5], options=options)  # what is compiled at the first call
    counted = count_runs(search)
    began = time.process_time()
    found = [search.decode(grid, options=options) for grid in grids]
    spent = time.process_time() - began
    said = [one[0].text if one else "" for one in found]
    result = {"wer": round(score(texts, said, "basic").wer, 5), "seconds": round(spent, 2)}
    if counted:
        frames = sum(map(len, grids))
        result |= {"frames": frames, "runs": len(counted), "prefixes": sum(counted)}
    return result


def count_runs(search: BeamSearch) -> list[int]:
    """A list that gets the size of each batch of prefixes from now on."""
    sizes: list[int] = []
    if search.fusion is not None:
        model = search.fusion.model
        ask = NeuralLanguageModel.predict

        def predict(states: States) -> Any:
            sizes.append(len(states))
            return ask(model, states)

        object.__setattr__(model, "predict", predict)
    return sizes


if __name__ == "__main__":
    raise SystemExit(main())
