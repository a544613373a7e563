"""`earwright align`: when was each word of a text said?"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from earwright.cli.search_flags import positive
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.alignment import TextAlignment

FORMATS = ("ctm", "textgrid", "json", "srt", "vtt")
SHOWN = 5  # stretches of text or speech without the other


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = (
        "Find out when each word of a text was said in a recording of any length. Neither has to be "
        "complete: words that were not said have no times, and speech that is not in the text is told. Any "
        "recognizer of the language will do, one with many errors, too."
    )
    add = parser.add_argument
    add("audio", metavar="AUDIO", help="the recording")
    add("text", metavar="TEXT", help="what is said in it: a text file, of any layout")
    add("-m", "--model", metavar="BUNDLE", help="the recognizer (or $EARWRIGHT_MODEL)")
    add("-f", "--format", choices=[*FORMATS, "all"], help="default: ctm on stdout, all with -o")
    add("-o", "--output-dir", metavar="DIR", help="write DIR/NAME.FORMAT, NAME being that of the recording")
    add("--threads", type=positive, metavar="N", help="cores to use (default: all physical ones)")


def run(args: argparse.Namespace) -> int:
    """Align, write, and say what has no counterpart."""
    from pathlib import Path

    from earwright.alignment import align_recording, read_words, write_alignment
    from earwright.alignment.formats import FORMATS as WRITERS
    from earwright.cli.terminal import progress
    from earwright.recognizer import Recognizer

    model = args.model or os.environ.get("EARWRIGHT_MODEL")
    if not model:
        raise EarwrightError("name a recognizer with --model BUNDLE, or set EARWRIGHT_MODEL.")
    if args.format == "all" and not args.output_dir:
        raise EarwrightError("-f all needs -o DIR.")
    recognizer = Recognizer.load(model, threads=args.threads)
    words = read_words(args.text, recognizer.meta.normalizer)
    with progress("listening", total=None) as bar:
        alignment = align_recording(recognizer, args.audio, words, on_seconds=bar.advance)
    stem = Path(args.audio).stem
    if args.output_dir:
        formats = list(FORMATS) if args.format in (None, "all") else [args.format]
        for path in write_alignment(alignment, args.output_dir, stem, formats):
            print(path, file=sys.stderr)
    else:
        print(WRITERS[args.format or "ctm"](alignment, stem), end="")
    _tell(alignment)
    return 0


def _tell(alignment: TextAlignment) -> None:
    """What was not found, on stderr."""
    from earwright.cli.terminal import err_console

    spoken = [word for word in alignment.words if word.spoken]
    missing = [word for word in spoken if word.missing]
    seconds = sum(stretch.end - stretch.start for stretch in alignment.extra)
    lines = [f"{len(spoken) - len(missing):,} of {len(spoken):,} words found in {alignment.duration:,.1f} s."]
    if missing:
        lines.append(f"Not said: {_some([f'{word.text} (line {word.line})' for word in missing])}.")
    if alignment.extra:
        heard = [f"{stretch.start:.1f} to {stretch.end:.1f} s" for stretch in alignment.extra]
        lines.append(f"Not in the text: {seconds:,.1f} s of speech, {_some(heard)}.")
    for line in lines:
        err_console().print(line, markup=False)


def _some(things: list[str]) -> str:
    more = len(things) - SHOWN
    return ", ".join(things[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
