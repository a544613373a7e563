"""The beam search beside flashlight-text and pyctcdecode: the same log-probs, ARPA file, words and beam.

    pip install flashlight-text pyctcdecode kenlm-ex
    python benchmarks/decoder_peers.py BUNDLE prepared/test novels.arpa --words 60000 --save FILE.json

The recognizer's log-probs are computed beforehand and count for nobody. The words are the most frequent of
the ARPA file's unigrams, the same for all; flashlight-text and earwright say no others, pyctcdecode may. Each
decoder is run with the language model's weight that is best for it of a few, and with each beam; times are of
the process (one thread), of everything between log-probs and text.

What a beam leaves out depends on its thresholds, too. flashlight-text is run with earwright's default (12
behind the best hypothesis; it tries all tokens); pyctcdecode with its own (10 behind the best hypothesis, no
token 5 behind its frame's best), and earwright once more with those. Ratios are told at equal thresholds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright import Recognizer
from earwright.cuts import read_cut_audio, read_cuts
from earwright.decoding import BeamSearch
from earwright.decoding.options import search_options
from earwright.evaluation import score
from earwright.evaluation.record import machine, save_record
from earwright.lm.ngrams import SPECIAL_WORDS
from earwright.lm.query import LanguageModel

LogProbs = npt.NDArray[np.float32]
Decode = Callable[[LogProbs], str]
SPACE = "\u2581"


def main() -> int:
    """Decode with each, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("cuts")
    parser.add_argument("arpa")
    parser.add_argument("--words", type=int, default=60_000)
    parser.add_argument("--limit", type=int, metavar="N", help="the first N utterances alone")
    parser.add_argument("--beams", type=int, nargs="+", default=[50, 100, 200, 500])
    parser.add_argument("--weights", type=float, nargs="+", default=[0.3, 0.5, 0.7])
    parser.add_argument("--bonus", type=float, default=0.0)
    parser.add_argument("--without", nargs="*", default=[], choices=list(DECODERS))
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    cuts = [cut for cut in read_cuts(args.cuts) if cut.text.strip()][: args.limit]
    grids = [recognizer.log_probs([read_cut_audio(cut, recognizer.meta.sample_rate)])[0] for cut in cuts]
    texts = [cut.text for cut in cuts]
    words = frequent_words(LanguageModel.load(args.arpa), recognizer.tokenizer.tokens, args.words)
    seconds = sum(cut.duration for cut in cuts)
    rows = []
    for name, make in DECODERS.items():
        if name in args.without:
            continue
        tuned = min(
            args.weights,
            key=lambda weight: run(make, recognizer, args, words, weight, 50, grids[::4], texts[::4])["wer"],
        )
        for beam in args.beams:
            row = run(make, recognizer, args, words, tuned, beam, grids, texts)
            row = {"decoder": name, "beam": beam, "lm_weight": tuned, **row}
            row["real_time_factor"] = round(row["seconds"] / seconds, 6)
            rows.append(row)
            print(json.dumps(row), flush=True)
    ratios = [
        {
            "beam": beam,
            "flashlight-text / earwright": _ratio(rows, beam, "flashlight-text", "earwright"),
            "pyctcdecode / earwright, narrow": _ratio(rows, beam, "pyctcdecode", "earwright, narrow"),
        }
        for beam in args.beams
    ]
    for row in ratios:
        print(json.dumps(row))
    result = {
        "name": "decoder-peers",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "utterances": len(cuts),
        "audio_seconds": round(seconds, 1),
        "words": len(words),
        "ratios": ratios,
        "rows": rows,
    }
    if args.save:
        save_record(args.save, result)
    return 0


def _ratio(rows: Sequence[dict[str, Any]], beam: int, slow: str, fast: str) -> float | None:
    """How many times as long one takes."""
    seconds = {row["decoder"]: row["seconds"] for row in rows if row["beam"] == beam}
    return round(seconds[slow] / seconds[fast], 2) if slow in seconds and fast in seconds else None


def run(
    make: Callable[..., Decode],
    recognizer: Recognizer,
    args: argparse.Namespace,
    words: Sequence[str],
    weight: float,
    beam: int,
    grids: Sequence[LogProbs],
    texts: Sequence[str],
) -> dict[str, Any]:
    """One decoder over all utterances: its error rate and its seconds."""
    decode = make(recognizer.tokenizer.tokens, args.arpa, words, weight, args.bonus, beam)
    decode(grids[0])  # what is compiled or read at the first call
    began = time.process_time()
    found = [decode(grid) for grid in grids]
    spent = time.process_time() - began
    return {"wer": round(score(texts, found, "basic").wer, 5), "seconds": round(spent, 3)}


def frequent_words(lm: LanguageModel, tokens: Sequence[str], count: int) -> list[str]:
    """The most probable unigrams that can be spelled with the tokens."""
    letters = {letter for token in tokens[1:] for letter in token}
    words = [word for word in lm.vocabulary if word not in SPECIAL_WORDS and set(word) <= letters]
    alone, _ = lm.score_batch(np.full(len(words), lm.empty_state), lm.ids(words))
    best = np.sort(np.argsort(-alone, kind="stable")[:count])
    return [words[index] for index in best]


def earwright(
    tokens: Sequence[str],
    arpa: str,
    words: Sequence[str],
    weight: float,
    bonus: float,
    beam: int,
    **thresholds: float,
) -> Decode:
    """Ours."""
    given = {"lm_weight": weight, "word_bonus": bonus, "unknown_penalty": math.inf, **thresholds}
    options = search_options({**given, "beam": beam})
    search = BeamSearch(tokens, lexicon=words, lm=LanguageModel.load(arpa), options=options)

    def decode(log_probs: LogProbs) -> str:
        found = search.decode(log_probs)
        return found[0].text if found else ""

    return decode


def earwright_narrow(
    tokens: Sequence[str], arpa: str, words: Sequence[str], weight: float, bonus: float, beam: int
) -> Decode:
    """Ours, with what pyctcdecode leaves out by itself."""
    return earwright(tokens, arpa, words, weight, bonus, beam, beam_threshold=10.0, token_threshold=5.0)


def flashlight(
    tokens: Sequence[str], arpa: str, words: Sequence[str], weight: float, bonus: float, beam: int
) -> Decode:
    """flashlight-text's LexiconDecoder with its KenLM, as torchaudio sets it up."""
    from flashlight.lib.text.decoder import (
        CriterionType,
        LexiconDecoder,
        LexiconDecoderOptions,
        SmearingMode,
        Trie,
    )
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    space = tokens.index(SPACE)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{word}\n" for word in [*words, "<unk>"]))
        file.flush()
        known = Dictionary(file.name)
    lm = KenLM(arpa, known)
    trie, start = Trie(len(tokens), space), lm.start(False)
    for word in words:
        index = known.get_index(word)
        _, alone = lm.score(start, index)
        trie.insert([*(tokens.index(letter) for letter in word), space], index, alone)
    trie.smear(SmearingMode.MAX)
    options = LexiconDecoderOptions(
        beam_size=beam,
        beam_size_token=len(tokens),
        beam_threshold=12.0,
        lm_weight=weight * math.log(10),
        word_score=bonus,
        unk_score=-math.inf,
        sil_score=0.0,
        log_add=True,
        criterion_type=CriterionType.CTC,
    )
    decoder = LexiconDecoder(options, trie, lm, space, 0, known.get_index("<unk>"), [], False)

    def decode(log_probs: LogProbs) -> str:
        grid = np.ascontiguousarray(log_probs, np.float32)
        best = decoder.decode(grid.ctypes.data, *grid.shape)[0]
        return " ".join(known.get_entry(word) for word in best.words if word >= 0)

    return decode


def pyctcdecode(
    tokens: Sequence[str], arpa: str, words: Sequence[str], weight: float, bonus: float, beam: int
) -> Decode:
    """pyctcdecode with KenLM."""
    from pyctcdecode import build_ctcdecoder

    labels = ["", *(" " if token == SPACE else token for token in tokens[1:])]
    decoder = build_ctcdecoder(labels, arpa, unigrams=list(words), alpha=weight, beta=bonus)
    return lambda log_probs: str(decoder.decode(log_probs, beam_width=beam))


DECODERS: dict[str, Callable[..., Decode]] = {
    "earwright": earwright,
    "earwright, narrow": earwright_narrow,
    "flashlight-text": flashlight,
    "pyctcdecode": pyctcdecode,
}

if __name__ == "__main__":
    raise SystemExit(main())
