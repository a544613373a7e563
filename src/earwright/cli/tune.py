"""`earwright tune`: find the weights of a beam search on a dev set, and put them into the bundle."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earwright.cli.search_flags import positive
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.decoding import BeamDecoder, Rescorer, SearchOptions
    from earwright.evaluation.calibration import Calibration
    from earwright.evaluation.tune import Tuning
    from earwright.recognizer import Recognizer


RESCORING = ("rescore.bin", "rescore.onnx")  # in a bundle: n-grams, or a neural model


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
    add(
        "--rescore",
        metavar="FILE",
        help="a larger model for a second look, if it helps; without it there is none",
    )
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
    found = _tune(recognizer, cuts, args)
    if not args.dry_run:
        write_search(
            args.bundle,
            args.output or args.bundle,
            found.tuning.options,
            args.lm,
            args.lexicon,
            rescorer=found.rescorer,
            rescoring_model=args.rescore,
            temperature=found.calibration.temperature,
        )
    if args.json:
        print(json.dumps(_facts(found)))
    else:
        _tell(found, args)
    return 0


@dataclass(frozen=True)
class Found:
    """What goes into the bundle; errors with the rescorer, if there is one."""

    tuning: Tuning
    rescorer: Rescorer | None
    errors: int
    calibration: Calibration


def _tune(recognizer: Recognizer, cuts: Any, args: argparse.Namespace) -> Found:
    from typing import cast

    from earwright.cli.terminal import progress
    from earwright.cuts import read_cut_audio
    from earwright.decoding import BeamDecoder, GreedyDecoder, greedy_search, timed_words
    from earwright.decoding.rescore import ModelScorer
    from earwright.evaluation.calibration import calibrate
    from earwright.evaluation.tune import tune_rescoring, tune_search
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

        texts = [cut.text for cut in cuts]

        def plain(text: str) -> str:
            return normalize(text, args.normalizer)

        tuning = tune_search(search, grids, texts, greedy, plain, tell)
        rescorer, errors = None, tuning.errors if tuning.options else tuning.greedy_errors
        if tuning.options is None:
            recognizer.decoder = GreedyDecoder()
        else:
            if args.rescore:
                scorer, nbest = ModelScorer.load(args.rescore), BeamDecoder.candidates
                looked = tuning.options, scorer, grids, texts, plain, nbest, errors
                rescorer, errors = tune_rescoring(search, *looked)
            recognizer.use_beam(lm=args.lm, lexicon=args.lexicon, options=tuning.options)
            # Not what an earlier tuning has left in the bundle: without --rescore it is taken out.
            beam = cast("BeamDecoder", recognizer.decoder)
            recognizer.decoder = dataclasses.replace(beam, rescorer=rescorer)
        shift = recognizer.meta.frame_shift
        heard = [
            timed_words(found, recognizer.tokenizer, shift, 0.0, shift * len(grid))
            for found, grid in zip(recognizer.decoder.decode(grids), grids, strict=True)
        ]
        return Found(tuning, rescorer, errors, calibrate(heard, texts, plain))


def write_search(
    bundle: str,
    output: str,
    options: SearchOptions | None,
    lm: str | None,
    lexicon: str | None,
    *,
    rescorer: Rescorer | None = None,
    rescoring_model: str | None = None,
    temperature: float = 1.0,
) -> None:
    """Put what was tuned into a bundle, with the files that it needs; what is of no use is taken out.

    Args:
        bundle, output: which may be the same.
        options: of the search; None: greedy.
        lm, lexicon: files; None: what the bundle has.
        rescorer, rescoring_model: for a second look, and its file; None: there is none.
        temperature: of confidences.

    Raises:
        EarwrightError: a file cannot be read, or the bundle cannot be written.
    """
    import tempfile
    from dataclasses import asdict, replace
    from pathlib import Path

    from earwright.bundle import Bundle, write_bundle
    from earwright.lm.binary import is_binary, write_binary
    from earwright.lm.neural import is_neural
    from earwright.lm.query import load_ngrams

    def model(path: str, name: str) -> Path:
        if is_binary(path) or is_neural(path):
            return Path(path)
        write_binary(Path(folder) / name, load_ngrams(path))
        return Path(folder) / name

    opened = Bundle.open(bundle)
    own = ("lm.bin", "words.txt", *RESCORING)
    files: dict[str, bytes | Path] = {name: opened.read(name) for name in opened.names if name not in own}
    search: dict[str, Any] = {"method": "greedy"}
    with tempfile.TemporaryDirectory() as folder:
        if options is not None:
            search = {"method": "beam", **asdict(options)}
            if lm is not None:
                files["lm.bin"] = model(lm, "lm.bin")
            if lexicon is not None:
                files["words.txt"] = Path(lexicon)
            for name, other in (("lm.bin", lm), ("words.txt", lexicon)):
                if other is None and name in opened.files:  # tuned again with what it has
                    files[name] = opened.read(name)
            if rescorer is not None and rescoring_model is not None:
                name = RESCORING[is_neural(rescoring_model)]
                files[name] = model(rescoring_model, name)
                search |= {"rescore_share": rescorer.share, "rescore_scale": rescorer.scale}
        if temperature != 1.0:
            search["confidence_temperature"] = temperature
        write_bundle(output, replace(opened.meta, search=search), files)


def _facts(found: Found) -> dict[str, Any]:
    from dataclasses import asdict

    tuning, rescorer = found.tuning, found.rescorer
    return {
        "method": "greedy" if tuning.options is None else "beam",
        "options": None if tuning.options is None else asdict(tuning.options),
        "wer": tuning.errors / max(1, tuning.words),
        "greedy_wer": tuning.greedy_errors / max(1, tuning.words),
        "words": tuning.words,
        "tries": tuning.tries,
        "errors_by_beam": tuning.errors_by_beam,
        "rescoring": None if rescorer is None else {"share": rescorer.share, "scale": rescorer.scale},
        "wer_rescored": found.errors / max(1, tuning.words),
        "confidence": asdict(found.calibration),
    }


def _tell(found: Found, args: argparse.Namespace) -> None:
    tuning, calibration, rescorer = found.tuning, found.calibration, found.rescorer
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
    if rescorer is not None:
        again = found.errors / max(1, tuning.words)
        print(
            f"WER {again:.2%} with a second look: share {rescorer.share:g}, scale {rescorer.scale:g} of the "
            "language model's weight."
        )
    elif args.rescore and options is not None:
        print("A second look does not help, and is left out.")
    print(
        f"Confidence and share of correct words are {100 * calibration.error:.1f} points apart on average "
        f"({100 * calibration.error_before:.1f} without its temperature, {calibration.temperature:g})."
    )
    if not args.dry_run:
        print(f"{args.output or args.bundle} searches so from now on.")
