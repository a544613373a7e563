"""How right the times of words are: of free search beside forced alignment, and of alignment beside others'.

    python benchmarks/word_times.py BUNDLE prepared/test --lm novels.bin --vectors alignment/pocketsphinx \\
        --save docs/results/word-times.json

Free search finds words and times without the text; those of its words that are right, by an alignment of
words, are compared with the same words when the text is given. With --vectors, the alignment of a text is
compared with pocketsphinx's (NAME.wav, NAME.txt, NAME.json each), a machine's, too, good to some 20 to 50 ms.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np

from earwright import Recognizer
from earwright.alignment import align_recording, read_words
from earwright.cuts import read_cut_audio, read_cuts
from earwright.decoding import Decoder, GreedyDecoder, align_tokens, timed_words
from earwright.evaluation.align import align
from earwright.evaluation.record import machine, save_record
from earwright.text import normalize


def main() -> int:
    """Compare, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("cuts")
    parser.add_argument("--lm", help="search with a beam and this language model")
    parser.add_argument("--limit", type=int, help="the first N utterances alone")
    parser.add_argument("--vectors", type=Path, help="a folder with pocketsphinx's alignments")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    result = {
        "name": "word-times",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "greedy": against_text(recognizer, GreedyDecoder(), args),
    }
    if args.vectors:
        result["against pocketsphinx"] = against_vectors(recognizer, args.vectors)
    if args.lm or recognizer.meta.search.get("method") == "beam":
        recognizer.use_beam(lm=args.lm)
        result["beam"] = against_text(recognizer, recognizer.decoder, args)
    print(json.dumps({key: value for key, value in result.items() if key != "machine"}, indent=1))
    if args.save:
        save_record(args.save, result)
    return 0


def against_text(recognizer: Recognizer, decoder: Decoder, args: argparse.Namespace) -> dict[str, Any]:
    """Words of free search beside the same words of the given text."""
    meta, tokenizer = recognizer.meta, recognizer.tokenizer
    starts, ends, words = [], [], 0
    for cut in read_cuts(args.cuts)[: args.limit]:
        samples = read_cut_audio(cut, meta.sample_rate)
        seconds = len(samples) / meta.sample_rate
        log_probs = recognizer.log_probs([samples])[0]
        forced = align_tokens(log_probs, tokenizer.encode(normalize(cut.text, meta.normalizer)))
        if forced is None:
            continue
        known = timed_words(forced, tokenizer, meta.frame_shift, 0.0, seconds)
        free = timed_words(decoder.decode([log_probs])[0], tokenizer, meta.frame_shift, 0.0, seconds)
        words += len(known)
        one = other = 0
        for pair in align([word.text for word in known], [word.text for word in free]):
            if pair.reference and pair.hypothesis == pair.reference:
                starts.append(free[other].start - known[one].start)
                ends.append(free[other].end - known[one].end)
            one, other = one + bool(pair.reference), other + bool(pair.hypothesis)
    return {"words": words, "words_compared": len(starts), "start": spread(starts), "end": spread(ends)}


def against_vectors(recognizer: Recognizer, folder: Path) -> dict[str, Any]:
    """Words of an aligned text beside pocketsphinx's."""
    starts, ends = [], []
    for path in sorted(folder.glob("*.wav")):
        entries = json.loads(path.with_suffix(".json").read_text())["w"]
        known = [entry for entry in entries if not entry["t"].startswith("<")]
        words = read_words(path.with_suffix(".txt"), recognizer.meta.normalizer)
        found = align_recording(recognizer, path, words).words
        for word, entry in zip(found, known, strict=True):
            if word.start is not None and word.end is not None:
                starts.append(word.start - entry["b"])
                ends.append(word.end - entry["b"] - entry["d"])
    return {"words_compared": len(starts), "start": spread(starts), "end": spread(ends)}


def spread(differences: list[float]) -> dict[str, float]:
    """Of differences in seconds: the median and the 95th percentile of their sizes, and their own median."""
    values = np.array(differences)
    return {
        "median_ms": round(1000 * float(np.median(np.abs(values))), 1),
        "p95_ms": round(1000 * float(np.quantile(np.abs(values), 0.95)), 1),
        "bias_ms": round(1000 * float(np.median(values)), 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
