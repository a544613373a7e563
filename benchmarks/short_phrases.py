"""Sentences cut into phrases of one to three words, for recognizers of single words.

    python benchmarks/short_phrases.py runs/mine/recognizer.ear data/train-clean-5 phrases/train-clean-5
    earwright prepare tsv phrases/train-clean-5/metadata.tsv prepared/phrases --language en

A recognizer that has only heard sentences writes next to nothing over a word that is said alone. Here a
bundle finds the words of what was prepared, as `earwright align` does, and three phrases in five are a word
alone, others one with the next or the next two. What the bundle is unsure of is left out. Each phrase is a
FLAC file at the bundle's rate.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from earwright import Recognizer
from earwright.alignment.align import AlignedWord, align_recording
from earwright.alignment.text import TextWord
from earwright.cuts import Cut, read_cut_audio, read_cuts
from earwright.errors import EarwrightError

SHARES = (0.6, 0.25, 0.15)  # of phrases of one word, two, three
LEAST_CONFIDENCE = 0.2  # of each word
SECONDS = (0.15, 3.0)  # shorter ones were not found, longer ones have a pause in them
LEAST_PER_WORD = 0.08
# Seconds that are kept: CTC sees a word late, and its last sound goes on after the last letter.
BEFORE, OVERLAP, AFTER, MOST_AFTER = 0.08, 0.03, 0.05, 0.2


def main() -> int:
    """Cut, list, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", help="a recognizer of the language, which finds the words")
    parser.add_argument("prepared", type=Path, help="what `earwright prepare` wrote")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        count, seconds, lost = cut_all(args.bundle, args.prepared, args.out, args.seed)
    except EarwrightError as error:
        print(f"short_phrases: {error}", file=sys.stderr)
        return 1
    print(f"{count} phrases, {seconds / 3600:.2f} h, in {args.out}; {lost} utterances could not be aligned")
    return 0


def cut_all(bundle: str, prepared: Path, out: Path, seed: int) -> tuple[int, float, int]:
    """Phrases, their seconds, and the utterances that could not be aligned."""
    recognizer = Recognizer.load(bundle)
    rate, rng = recognizer.meta.sample_rate, random.Random(seed)
    (out / "clips").mkdir(parents=True, exist_ok=True)
    rows, total, lost = ["path\ttext\tspeaker"], 0.0, 0
    for cut in read_cuts(prepared):
        samples, told = np.asarray(read_cut_audio(cut, rate), dtype=np.float32), words_of(cut)
        try:
            words = align_recording(recognizer, samples, told).words if told else ()
        except EarwrightError:
            lost += 1
            continue
        for start, end, text in phrases(words, len(samples) / rate, rng):
            name = f"clips/{len(rows):06d}.flac"
            soundfile.write(out / name, samples[int(start * rate) : int(end * rate)], rate)
            rows.append(f"{name}\t{text}\t{cut.speaker}")
            total += end - start
    (out / "metadata.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(rows) - 1, total, lost


def words_of(cut: Cut) -> list[TextWord]:
    """A text's words in lower case, without marks."""
    plain = re.sub(r"[^\w' ]", " ", cut.text.lower())
    return [TextWord(word, 1, (word,)) for word in plain.split()]


def phrases(
    words: Sequence[AlignedWord], duration: float, rng: random.Random
) -> Iterator[tuple[float, float, str]]:
    """Start, end and text of what is cut out of one utterance, in its order.

    Args:
        words: of the utterance.
        duration: of its audio in seconds.
        rng: decides how many words go together.
    """
    at = 0
    while at < len(words):
        size = rng.choices((1, 2, 3), SHARES)[0]
        chosen, first, at = words[at : at + size], at, at + size
        if any(word.start is None or word.confidence < LEAST_CONFIDENCE for word in chosen):
            continue
        ends = [word.end for word in words[:first] if word.end is not None]
        starts = [word.start for word in words[first + size :] if word.start is not None]
        begins, stops = chosen[0].start or 0.0, chosen[-1].end or 0.0
        before = min(BEFORE, max(0.0, begins - max(ends, default=0.0)) + OVERLAP)
        after = max(stops + AFTER, min(min(starts, default=duration), stops + MOST_AFTER))
        start, end = max(0.0, begins - before), min(duration, after)
        if max(SECONDS[0], LEAST_PER_WORD * size) <= end - start <= SECONDS[1]:
            yield start, end, " ".join(word.text for word in chosen)


if __name__ == "__main__":
    sys.exit(main())
