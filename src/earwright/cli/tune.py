"""`earwright tune`: find the weights of a beam search on a dev set, and put them into the bundle."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from earwright.cli.search_flags import positive
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.decoding import BeamDecoder, SearchOptions
    from earwright.evaluation.tune import Tuning
    from earwright.recognizer import Recognizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.description = (
        "Find the weights and the beam of a search with which a recognizer makes the fewest errors on a dev "
        "set, and put them into its bundle with the language model. Where greedy search makes fewer, that "
        "stays."
    )
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="the recognizer; changed in place unless -o says otherwise")
    add("cuts", metavar="CUTS", help="what `earwright prepare` wrote: a dev set, which test sets must not be")
    add("-o", "--output", metavar="BUNDLE", help="write another bundle and leave the first as it is")
    add("--lm", metavar="FILE", help="an n-gram model of `earwright lm train`, or ARPA; goes into the bundle")
    add("--lexicon", metavar="FILE", help="the words that there are, one a line; goes into the bundle")
    add("--normalizer", default="basic", metavar="NAME", help="of the scoring (default: basic)")
    add("--limit", type=positive, default=300, metavar="N", help="so many cuts, evenly chosen (default 300)")
    add("--threads", type=positive, metavar="N", help="cores to use (default: all physical ones)")
    add("--dry-run", action="store_true", help="say what is best and write nothing")
    add("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the verb."""
    import json

    from earwright.cuts import read_cuts
    from earwright.lm.neural import is_neural
    from earwright.recognizer import Recognizer

    if args.lm is not None and is_neural(args.lm):
        raise EarwrightError(
            f"{args.lm}: a neural model is too slow to be tuned with; compare a few weights with "
            "`earwright evaluate --lm FILE --lm-weight X`, or tune with an n-gram model."
        )
    cuts = [cut for cut in read_cuts(args.cuts) if cut.text.strip()]
    if not cuts:
        raise EarwrightError(f"{args.cuts}: no cut has a text, so there is nothing to tune on.")
    cuts = cuts[:: -(-len(cuts) // args.limit)]
    recognizer = Recognizer.load(args.bundle, threads=args.threads)
    recognizer.use_beam(lm=args.lm, lexicon=args.lexicon)
    tuning = _tune(recognizer, cuts, args)
    if not args.dry_run:
        write_search(args.bundle, args.output or args.bundle, tuning.options, args.lm, args.lexicon)
    if args.json:
        print(json.dumps(_facts(tuning)))
    else:
        _tell(tuning, args)
    return 0


def _tune(recognizer: Recognizer, cuts: Any, args: argparse.Namespace) -> Tuning:
    from typing import cast

    from earwright.cli.terminal import progress
    from earwright.cuts import read_cut_audio
    from earwright.decoding import greedy_search
    from earwright.evaluation.tune import tune_search
    from earwright.text import normalize

    normalize("", args.normalizer)
    search = cast("BeamDecoder", recognizer.decoder).search
    grids = []
    with progress("listening", total=sum(cut.duration for cut in cuts)) as bar:
        for cut in cuts:
            samples = read_cut_audio(cut, recognizer.meta.sample_rate)
            grids.append(recognizer.log_probs([samples])[0])
            bar.advance(cut.duration)
        greedy = [recognizer.tokenizer.decode(greedy_search(grid).tokens) for grid in grids]
        words = sum(len(normalize(cut.text, args.normalizer).split()) for cut in cuts)

        def tell(options: SearchOptions, errors: int) -> None:
            bar.print(
                f"{errors / max(1, words):7.2%}  lm_weight {options.lm_weight:g}  word_bonus "
                f"{options.word_bonus:g}  blank_penalty {options.blank_penalty:g}  unknown_penalty "
                f"{options.unknown_penalty:g}  beam {options.beam}"
            )

        return tune_search(
            search,
            grids,
            [cut.text for cut in cuts],
            greedy,
            lambda text: normalize(text, args.normalizer),
            tell,
        )


def write_search(
    bundle: str, output: str, options: SearchOptions | None, lm: str | None, lexicon: str | None
) -> None:
    """Put options, language model and lexicon into a bundle; None takes them out of it.

    Raises:
        EarwrightError: a file cannot be read, or the bundle cannot be written.
    """
    import tempfile
    from dataclasses import asdict, replace
    from pathlib import Path

    from earwright.bundle import Bundle, write_bundle
    from earwright.lm.binary import is_binary, write_binary
    from earwright.lm.query import load_ngrams

    opened = Bundle.open(bundle)
    files: dict[str, bytes | Path] = {
        name: opened.read(name) for name in opened.names if name not in ("lm.bin", "words.txt")
    }
    search: dict[str, Any] = {"method": "greedy"}
    with tempfile.TemporaryDirectory() as folder:
        if options is not None:
            search = {"method": "beam", **asdict(options)}
            if lm is not None and not is_binary(lm):
                write_binary(Path(folder) / "lm.bin", load_ngrams(lm))
                files["lm.bin"] = Path(folder) / "lm.bin"
            elif lm is not None:
                files["lm.bin"] = Path(lm)
            if lexicon is not None:
                files["words.txt"] = Path(lexicon)
            for name, other in (("lm.bin", lm), ("words.txt", lexicon)):
                if other is None and name in opened.files:  # tuned again with what it has
                    files[name] = opened.read(name)
        write_bundle(output, replace(opened.meta, search=search), files)


def _facts(tuning: Tuning) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "method": "greedy" if tuning.options is None else "beam",
        "options": None if tuning.options is None else asdict(tuning.options),
        "wer": tuning.errors / max(1, tuning.words),
        "greedy_wer": tuning.greedy_errors / max(1, tuning.words),
        "words": tuning.words,
        "tries": tuning.tries,
        "errors_by_beam": tuning.errors_by_beam,
    }


def _tell(tuning: Tuning, args: argparse.Namespace) -> None:
    greedy = tuning.greedy_errors / max(1, tuning.words)
    best = tuning.errors / max(1, tuning.words)
    options = tuning.options
    if options is None:
        print(f"greedy search stays: WER {greedy:.2%} on {tuning.words:,} words; with a beam {best:.2%}.")
    else:
        print(
            f"WER {best:.2%} on {tuning.words:,} words, greedily {greedy:.2%}: lm_weight "
            f"{options.lm_weight:g}, word_bonus {options.word_bonus:g}, blank_penalty "
            f"{options.blank_penalty:g}, unknown_penalty {options.unknown_penalty:g}, beam {options.beam}."
        )
    if not args.dry_run:
        print(f"{args.output or args.bundle} searches so from now on.")
