"""What 1,000 key terms gain and cost: 50 rare names that are said, 950 that are not; and the time of 10,000.

    python benchmarks/keyterms.py BUNDLE prepared/dev prepared/test text/english-novels --save FILE.json

A name is a word that the novels print with a capital letter nine times out of ten within sentences (after a
small letter, a comma or a semicolon), rarely: at most 100 times there. The terms are the 50 names that a set
says most often, and 950 drawn with a seed from those that it does not say. Dev, with its own names, is what
the default boost was chosen on: the largest, in tenths, that did less than 0.4 % of damage with a beam of 100
and the weights that the bundle is tuned to. Searches: as the bundle is tuned, and any words without a
language model, both with the default boost. Times are of the process, of the same search with and without
terms in turn.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import gzip
import random
import re
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from earwright import Recognizer
from earwright.cuts import Cut, read_cut_audio, read_cuts
from earwright.decoding import BeamDecoder, BeamSearch, SearchOptions
from earwright.evaluation import score
from earwright.evaluation.keyterms import BOOSTS, keyterm_curve
from earwright.evaluation.record import machine, save_record
from earwright.text import normalize

LogProbs = npt.NDArray[np.float32]
INSIDE = re.compile(r"(?<=[a-z,;] )[A-Za-z]+\b")  # a word that begins no sentence
SAID, UNSAID, PHRASES = 50, 950, 10_000
RARE, SHARE, SHORTEST = 100, 0.9, 4


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("dev")
    parser.add_argument("test")
    parser.add_argument("novels", type=Path)
    parser.add_argument("--boosts", type=float, nargs="+", default=[*BOOSTS])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    tuned = cast(BeamDecoder, recognizer.decoder).search
    searches = {"tuned": tuned, "any words, no language model": BeamSearch(recognizer.tokenizer)}
    names = rare_names(args.novels, recognizer.tokenizer.tokens)
    result: dict[str, Any] = {
        "name": "keyterms",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "seed": args.seed,
        "bundle": recognizer.meta.name,
        "names_in_novels": len(names),
    }
    for part, place in (("dev", args.dev), ("test", args.test)):
        cuts = [cut for cut in read_cuts(place) if cut.text.strip()]
        grids = [recognizer.log_probs([read_cut_audio(cut, recognizer.meta.sample_rate)])[0] for cut in cuts]
        terms = choose(names, cuts, args.seed)
        known = set(tuned.tree.words)
        result[part] = {"utterances": len(cuts), "terms": terms[:SAID]}
        result[part]["terms_outside_lexicon"] = sum(term not in known for term in terms[:SAID])
        for name, search in searches.items():
            result[part][name] = quality(search, cuts, grids, terms, args.boosts)
            tell(f"{part}, {name}", result[part][name])
    result["cost"] = {
        name: cost(search, grids[::10], names, args.rounds, args.seed) for name, search in searches.items()
    }
    print(result["cost"])
    if args.save:
        save_record(args.save, result)
    return 0


def rare_names(folder: Path, tokens: Sequence[str]) -> list[str]:
    """Words that are names by their capitals, and rare; in the order of the alphabet."""
    written: collections.Counter[str] = collections.Counter()
    capitals: collections.Counter[str] = collections.Counter()
    for path in sorted(folder.glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for word in INSIDE.findall(file.read()):
                written[word.lower()] += 1
                capitals[word.lower()] += word.istitle()
    letters = {letter for token in tokens[1:] for letter in token}
    return sorted(
        word
        for word, count in written.items()
        if count <= RARE
        and capitals[word] >= SHARE * count
        and len(word) >= SHORTEST
        and set(word) <= letters
    )


def choose(names: Sequence[str], cuts: Sequence[Cut], seed: int) -> list[str]:
    """The names that are said most often, and others that are not said."""
    said = collections.Counter(word for cut in cuts for word in normalize(cut.text, "basic").split())
    often = sorted((name for name in names if said[name]), key=lambda name: (-said[name], name))
    return often[:SAID] + random.Random(seed).sample([name for name in names if not said[name]], UNSAID)


def quality(
    search: BeamSearch,
    cuts: Sequence[Cut],
    grids: Sequence[LogProbs],
    terms: Sequence[str],
    boosts: Sequence[float],
) -> dict[str, Any]:
    """Recall and damage over the boost."""
    ready, default = search.keyterms(terms), SearchOptions().keyterm_boost
    evaluations = {}
    for boost in sorted({0.0, default, *boosts}):
        found = search.decode_batch(grids, 1, replace(search.options, keyterm_boost=boost), ready)
        evaluations[boost] = score(
            [cut.text for cut in cuts],
            [one[0].text if one else "" for one in found],
            speakers=[cut.speaker for cut in cuts],
        )
    facts = keyterm_curve(evaluations, terms, default).to_dict()
    return {name: value for name, value in facts.items() if name != "by_term"}  # a line a term is too long


def tell(title: str, curve: dict[str, Any]) -> None:
    """Print a curve."""
    print(title)
    for point in curve["curve"]:
        print(
            f"  boost {point['boost']:g}: found {point['found']} of {point['said']}, "
            f"put in {point['put_in']}, damage {point['damage']:+.2%}",
            flush=True,
        )


def cost(
    search: BeamSearch, grids: Sequence[LogProbs], names: Sequence[str], rounds: int, seed: int
) -> dict[str, Any]:
    """The time of a search with 10,000 phrases over that without, and that of making them."""
    generator = random.Random(seed)
    phrases = {
        " ".join(generator.choices(names, k=generator.choice((1, 2, 3)))): None for _ in range(2 * PHRASES)
    }
    began = time.process_time()
    ready = search.keyterms(list(phrases)[:PHRASES])
    built = time.process_time() - began
    ratios = []
    for number in range(rounds + 1):
        spent = {}
        for terms in (None, ready) if number % 2 else (ready, None):
            began = time.process_time()
            for grid in grids:
                search.decode(grid, keyterms=terms)
            spent[terms is None] = time.process_time() - began
        if number:  # the first compiles
            ratios.append(spent[False] / spent[True])
    return {
        "phrases": PHRASES,
        "build_seconds": round(built, 3),
        "ratios": [round(ratio, 4) for ratio in ratios],
        "median_ratio": round(statistics.median(ratios), 4),
    }


if __name__ == "__main__":
    raise SystemExit(main())
