"""`earwright synthesize TEXTS OUT`: training data from texts with a speech synthesizer."""

from __future__ import annotations

import argparse
from pathlib import Path

from earwright.errors import EarwrightError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("texts", metavar="TEXTS", type=Path, help="a text file, UTF-8, one sentence a line")
    parser.add_argument(
        "out", metavar="OUT", type=Path, help="the folder to write: audio/*.flac, cuts.jsonl.gz"
    )
    parser.add_argument("--language", default="en", help="en (all accents), en-gb, de, hi, ... (default: en)")
    parser.add_argument("--voices", type=int, default=40, metavar="N", help="how many speakers (default: 40)")
    parser.add_argument(
        "--per-text", type=int, default=1, metavar="N", help="how many of them say each text (default: 1)"
    )
    parser.add_argument(
        "--unlike",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="only voices that do not speak in FOLDER, which synthesize wrote: for a set to test on",
    )
    parser.add_argument("--sample-rate", type=int, default=16000, metavar="HZ", help="(default: 16000)")
    parser.add_argument("--clean", action="store_true", help="no noise, no pauses, no changes of level")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same audio (default: 0)")
    parser.add_argument("--jobs", type=int, default=None, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> None:
    """Synthesize, and print what came of it."""
    import json

    from earwright.cli.terminal import progress
    from earwright.data.synthesis.synthesize import SynthesisOptions, synthesize, variants_in

    for option in ("voices", "per_text", "sample_rate", "jobs"):
        value = getattr(args, option)
        if value is not None and value < 1:
            raise EarwrightError(f"--{option.replace('_', '-')} must be at least 1, not {value}.")
    if args.seed < 0:
        raise EarwrightError(f"--seed must not be negative: {args.seed}.")
    texts = _read_texts(args.texts)
    options = SynthesisOptions(
        language=args.language,
        voices=args.voices,
        per_text=args.per_text,
        sample_rate=args.sample_rate,
        clean=args.clean,
        seed=args.seed,
    )
    without = {variant for folder in args.unlike for variant in variants_in(folder)}
    total = len(texts) * min(args.per_text, args.voices)
    with progress("synthesizing", total=total) as bar:
        summary = synthesize(texts, args.out, options, without=without, jobs=args.jobs, advance=bar.advance)
    if args.json:
        print(json.dumps(summary.to_dict(), ensure_ascii=False, indent=1))
        return
    print(summary.describe())


def _read_texts(path: Path) -> list[str]:
    """The lines of a file that are not empty, with single spaces."""
    if not path.is_file():
        raise EarwrightError(f"{path}: there is no such file; name a text file with one sentence a line.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise EarwrightError(f"{path}: this is not UTF-8 text (byte {error.start}).") from error
    texts = [" ".join(line.split()) for line in lines if line.strip()]
    if not texts:
        raise EarwrightError(f"{path}: there is no text in it.")
    return texts
