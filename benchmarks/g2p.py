"""How well unknown words are said: `python benchmarks/g2p.py [--save docs/results/g2p.json]`.

Trains a g2p model on nine tenths of the words of the shipped cmudict, with all their pronunciations, and lets
it say the words of the last tenth. A word is right if the best guess is any of its listed pronunciations;
digits for stress are left out on both sides. The clock runs from the lexicon in memory to the trained model,
compiling of the kernels included.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from earwright.evaluation.bootstrap import bootstrap_interval
from earwright.evaluation.record import machine, save_record
from earwright.lexicon import default_lexicon, read_g2p, score_g2p, split_words, train_g2p, write_g2p


def main() -> None:
    """Train, score, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--order", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=10, help="of the network; 0 leaves it out")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the split and the network (default 1; choices were made on 0)"
    )
    parser.add_argument("--save", metavar="FILE.json")
    args = parser.parse_args()
    result = measure(args.order, args.epochs, args.seed)
    print(json.dumps(result, indent=2))
    if args.save:
        save_record(args.save, result)


def measure(order: int, epochs: int, seed: int) -> dict[str, Any]:
    """All figures of one split."""
    lexicon = default_lexicon("en")
    kept, held_out = split_words(lexicon.words, 0.1, seed)
    entries = [(word, phones) for word in kept for phones in lexicon.words[word]]
    wall, processor = time.perf_counter(), time.process_time()
    model = train_g2p(entries, order, epochs=epochs, seed=seed, report=show)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g2p.bin"
        write_g2p(model, path)
        size = os.path.getsize(path)
        model = read_g2p(path)  # what is scored is what a user has: the rounded file
    model.pronounce("word")  # compiles the search
    began = time.process_time()
    score = score_g2p(model, {word: lexicon.words[word] for word in held_out})
    searching = time.process_time() - began
    wrong = [int(count > 0) for count in score.errors]
    return {
        "name": "g2p",
        "command": f"python benchmarks/g2p.py --order {order} --epochs {epochs} --seed {seed} "
        "--save docs/results/g2p.json",
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "seed": seed,
        "lexicon": "cmudict, as shipped; stress ignored, any listed pronunciation counts",
        "training_words": len(kept),
        "training_pronunciations": len(entries),
        "held_out_words": score.words,
        "failed_words": score.failed,
        "phone_error_rate": round(score.phone_error_rate, 4),
        "phone_error_interval": rounded(bootstrap_interval(score.errors, score.lengths, seed=seed)),
        "word_error_rate": round(score.word_error_rate, 4),
        "word_error_interval": rounded(bootstrap_interval(wrong, [1] * score.words, seed=seed)),
        "training_seconds": round(wall, 1),
        "training_processor_seconds": round(processor, 1),
        "milliseconds_per_word": round(1000 * searching / score.words, 2),
        "file_bytes": size,
        "notes": dict(model.notes),
    }


def show(doing: str, share: float) -> None:
    """Say on stderr how far the training is."""
    print(f"\r{doing} {100 * share:3.0f} %", end="\n" if share == 1 else "", file=sys.stderr)


def rounded(interval: tuple[float, float]) -> list[float]:
    """The ends of an interval as they are kept."""
    return [round(end, 4) for end in interval]


if __name__ == "__main__":
    main()
