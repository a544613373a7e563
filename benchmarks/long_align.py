"""An hour put together from a corpus, aligned with a text that lacks some words and has others too many.

    python benchmarks/long_align.py BUNDLE prepared/test --minutes 60 --save docs/results/long-align.json

Utterances follow each other with a short silence between them. The truth is where each word of an utterance
lies when the utterance is aligned alone with what was said in it, by the same recognizer: what is measured is
what length and a faulty text do to an alignment, not how near a recognizer's times are to a listener's.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import resource
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earwright import Recognizer
from earwright.alignment import TextAlignment, align_recording, split_words
from earwright.alignment.utterances import cut_utterances
from earwright.cuts import Cut, read_cut_audio, read_cuts
from earwright.decoding import align_tokens, timed_words
from earwright.evaluation.align import count_errors
from earwright.evaluation.record import machine, save_record
from earwright.text import normalize

NEAR = 0.1  # seconds


def main() -> int:
    """Put together, align, compare, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("cuts")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--missing", type=float, default=0.02, help="share of words that the text lacks")
    parser.add_argument("--added", type=float, default=0.02, help="and put into it, for each word")
    parser.add_argument("--silence", type=float, default=0.4, help="seconds between utterances")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.wav"
        truth = put_together(recognizer, read_cuts(args.cuts), args, path)
        text, kept = spoil([word for word, _ in truth], args)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        alignment = align_recording(recognizer, path, split_words(text, "raw"))
        took = time.perf_counter() - began
    result = {
        "name": "long-align",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "audio_seconds": round(alignment.duration, 1),
        "seconds": round(took, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_memory_before_mb": round(before / 1024),
        **compare(alignment, truth, kept),
        "utterances": judge(alignment, truth),
    }
    print(json.dumps({key: value for key, value in result.items() if key != "machine"}, indent=1))
    if args.save:
        save_record(args.save, result)
    return 0


def put_together(
    recognizer: Recognizer, cuts: list[Cut], args: argparse.Namespace, path: Path
) -> list[tuple[str, float]]:
    """Write the recording; returns its words with their starts."""
    rate, meta = recognizer.meta.sample_rate, recognizer.meta
    truth: list[tuple[str, float]] = []
    now = 0.0
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        for cut in cuts:
            if now > args.minutes * 60:
                break
            samples = read_cut_audio(cut, rate)
            text = normalize(cut.text, meta.normalizer)
            log_probs = recognizer.log_probs([samples])[0]
            found = align_tokens(log_probs, recognizer.tokenizer.encode(text)) if text else None
            if found is None:
                continue
            words = timed_words(found, recognizer.tokenizer, meta.frame_shift, now, now + len(samples) / rate)
            truth += [(word.text, word.start) for word in words]
            file.write(samples)
            file.write(np.zeros(round(args.silence * rate), np.float32))
            now = file.tell() / rate
    return truth


def spoil(words: list[str], args: argparse.Namespace) -> tuple[str, list[int | None]]:
    """The text without some words and with others; and which word of the truth each of its words is."""
    chance = random.Random(args.seed)
    vocabulary = sorted(set(words))
    text: list[str] = []
    kept: list[int | None] = []
    for number, word in enumerate(words):
        if chance.random() < args.added:
            text.append(chance.choice(vocabulary))
            kept.append(None)
        if chance.random() >= args.missing:
            text.append(word)
            kept.append(number)
    return " ".join(text), kept


def compare(
    alignment: TextAlignment, truth: list[tuple[str, float]], kept: list[int | None]
) -> dict[str, Any]:
    """How many words are near where they were said, and what became of those that were not said."""
    off, lost, found = [], 0, 0
    added = sum(number is None for number in kept)
    for word, number in zip(alignment.words, kept, strict=True):
        if number is None:
            found += word.missing
        elif word.start is None:
            lost += 1
        else:
            off.append(abs(word.start - truth[number][1]))
    said = len(off) + lost
    return {
        "words_said": len(truth),
        "words_in_text": len(kept),
        "within_100_ms": round(float(np.sum(np.array(off) <= NEAR)) / said, 5),
        "median_error_ms": round(1000 * float(np.median(off)), 1),
        "said_but_called_missing": round(lost / said, 5),
        "added_words": added,
        "added_words_called_missing": round(found / max(added, 1), 5),
        "stretches_of_extra_speech": len(alignment.extra),
    }


def judge(alignment: TextAlignment, truth: list[tuple[str, float]]) -> dict[str, Any]:
    """What would become training data: how much, and in how many utterances the text is what was said."""
    found = cut_utterances(alignment)
    usable = [one for one in found if not one.reason]
    right = errors = words = 0
    for one in usable:
        said = [word for word, start in truth if one.start - 0.05 <= start < one.end - 0.05]
        counts = count_errors(said, one.text.split())
        wrong = counts.substitutions + counts.deletions + counts.insertions
        right, errors, words = right + (wrong == 0), errors + wrong, words + len(said)
    left_out: dict[str, int] = {}
    for one in found:
        if one.reason:
            left_out[one.reason] = left_out.get(one.reason, 0) + 1
    return {
        "usable": len(usable),
        "usable_seconds": round(sum(one.end - one.start for one in usable), 1),
        "longest_seconds": round(max(one.end - one.start for one in usable), 1),
        "text_exactly_right": round(right / max(1, len(usable)), 5),
        "word_error_rate_of_texts": round(errors / max(1, words), 5),
        "left_out": left_out,
    }


if __name__ == "__main__":
    raise SystemExit(main())
