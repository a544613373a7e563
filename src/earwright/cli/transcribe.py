"""`earwright transcribe`: recordings to text, with the output flags of openai/whisper's command."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from earwright.cli.search_flags import add_search_arguments, positive

if TYPE_CHECKING:
    from earwright.decoding.lattice import Lattice
    from earwright.errors import EarwrightError
    from earwright.transcript import Segment, Transcript
    from earwright.writers import Layout

FORMATS = ("txt", "srt", "vtt", "tsv", "json")
LATTICE_FORMATS = ("slf", "kaldi")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILES",
        help="audio files, folders, quoted patterns such as '**/*.mp3', or - for stdin",
    )
    add = parser.add_argument
    add(
        "-m",
        "--model",
        metavar="BUNDLE",
        help="the recognizer: NAME.ear or its zip (or $EARWRIGHT_MODEL)",
    )
    add(
        "-o", "--output_dir", "--output-dir", metavar="DIR",
        help="write DIR/NAME.FORMAT for each file; without it text goes to stdout as it is found",
    )  # fmt: skip
    add(
        "-f", "--output_format", "--output-format", choices=[*FORMATS, "all"],
        help="default: txt on stdout, all with -o",
    )  # fmt: skip
    add("--json", action="store_true", help="one JSON object a file on stdout, errors among them")
    add(
        "--word_timestamps", "--word-timestamps", action=_Switch, default=True,
        help="words with times in JSON; on unless it is given as False",
    )  # fmt: skip
    for flag, what in (
        ("max_line_width", "characters in a line of a subtitle"),
        ("max_line_count", "lines in a subtitle; needs --max_line_width"),
        ("max_words_per_line", "words in a subtitle; no effect beside both of the above"),
    ):
        add(f"--{flag}", f"--{flag.replace('_', '-')}", type=positive, metavar="N", help=what)
    add(
        "--highlight_words", "--highlight-words", action=_Switch, default=False,
        help="underline each word in subtitles while it is spoken",
    )  # fmt: skip
    add(
        "--lattice", metavar="DIR",
        help="write DIR/NAME-PIECE.slf (or .lat): a word lattice of each piece of at most 20 s, as the first "
        "search has it; needs a beam",
    )  # fmt: skip
    add(
        "--lattice_format", "--lattice-format", choices=LATTICE_FORMATS, default="slf",
        help="HTK's format, or Kaldi's CompactLattice as text (default: slf)",
    )  # fmt: skip
    add(
        "--nbest", type=positive, default=1, metavar="N",
        help="in JSON, the N best hypotheses of each piece of at most 20 s; searches with a beam",
    )  # fmt: skip
    add("--threads", type=positive, metavar="N", help="cores to use (default: all)")
    add_search_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Transcribe, and return 1 if any file failed."""
    from earwright.cli.audio_inputs import find_audio, output_stems
    from earwright.writers import Layout

    model = args.model or os.environ.get("EARWRIGHT_MODEL")
    inputs = find_audio([*args.files, *getattr(args, "more_files", ())])
    if complaint := _complaint(args, model, len(inputs.paths) + len(inputs.problems)):
        print(f"earwright transcribe: error: {complaint}", file=sys.stderr)
        return 2
    layout = Layout(
        word_timestamps=args.word_timestamps,
        max_line_width=args.max_line_width,
        max_line_count=args.max_line_count,
        max_words_per_line=args.max_words_per_line,
        highlight_words=args.highlight_words,
    )
    _speak_utf8()
    output = _Output(args, layout, inputs.paths, output_stems(inputs.paths))
    for problem in inputs.problems:
        output.failed(None, problem)
    if inputs.paths:
        from earwright.cli.search_flags import use_search
        from earwright.recognizer import Recognizer

        recognizer = Recognizer.load(str(model), threads=args.threads)
        use_search(recognizer, args, args.nbest)
        output.transcribe(recognizer)
    return output.finish()


class _Output:
    """Where results go, what failed, and how far the job is."""

    def __init__(self, args: argparse.Namespace, layout: Layout, paths: list[str], stems: list[str]) -> None:
        self.json: bool = args.json or (args.output_format == "json" and args.output_dir is None)
        self.folder: str | None = args.output_dir
        formats = args.output_format or ("all" if self.folder else "txt")
        self.formats: list[str] = list(FORMATS) if formats == "all" else [formats]
        self.text = not self.json and self.folder is None and self.formats == ["txt"]
        self.layout = layout
        self.lattices: str | None = args.lattice
        self.lattice_format: str = args.lattice_format
        self.paths = paths
        self.stems = stems
        self.count = 0
        self.failures = 0
        self.unspoken = 0

    def transcribe(self, recognizer: Any) -> None:
        """Run all files through; progress goes to stderr, unless the text itself shows it on a terminal."""
        from earwright.cli.audio_inputs import opened, seconds_of
        from earwright.cli.terminal import progress
        from earwright.errors import EarwrightError

        shown = sys.stderr.isatty() and not (self.text and sys.stdout.isatty())
        total = seconds_of(self.paths) if shown else None
        with progress("transcribing", total) if shown else _NoBar() as bar:

            def on_piece(index: int, segments: tuple[Segment, ...], seconds: float) -> None:
                bar.advance(seconds)
                self._tell_rejected(index, segments)
                if self.text:
                    self._print_text(index, segments)

            on_lattice = self._lattice_writer(recognizer) if self.lattices is not None else None
            results = recognizer.transcribe_each(
                map(opened, self.paths), on_piece=on_piece, on_lattice=on_lattice
            )
            for index, result in enumerate(results):
                if isinstance(result, EarwrightError):
                    self.failed(index, result)
                else:
                    self._done(index, result)

    def failed(self, index: int | None, problem: EarwrightError) -> None:
        """Report a bad file, and go on."""
        self.failures += 1
        self.count += 1
        print(f"earwright: {problem}", file=sys.stderr, flush=True)
        if self.json:
            import json

            source = None if index is None else self.paths[index]
            print(json.dumps({"source": source, "error": str(problem)}, ensure_ascii=False), flush=True)

    def finish(self) -> int:
        """The exit code, after a word about what was rejected, and about failures among several files."""
        if self.unspoken and not self.json:
            segments = "1 segment was" if self.unspoken == 1 else f"{self.unspoken} segments were"
            print(
                f"earwright: {segments} rejected: what was heard there is doubted and no speech, as over "
                "music. --keep-unspoken writes it.",
                file=sys.stderr,
            )
        if self.failures and self.count > 1:
            print(f"earwright: {self.failures} of {self.count} files failed.", file=sys.stderr)
        return 1 if self.failures else 0

    def _done(self, index: int, transcript: Transcript) -> None:
        from earwright.errors import EarwrightError
        from earwright.writers import WRITERS, to_whisper_dict, write_transcript

        self.count += 1
        if self.folder is not None:
            try:
                write_transcript(transcript, self.folder, self.stems[index], self.formats, self.layout)
            except EarwrightError as error:
                self.count -= 1
                self.failed(index, error)
                return
        if self.json:
            import json

            line = {"source": self.paths[index], **to_whisper_dict(transcript, self.layout)}
            print(json.dumps(line, ensure_ascii=False), flush=True)
        elif self.folder is None and not self.text:
            print(WRITERS[self.formats[0]](transcript, self.layout), end="", flush=True)

    def _lattice_writer(self, recognizer: Any) -> Callable[[int, float, Lattice], None]:
        """Writes the lattices of a file's pieces, which are counted from 1."""
        from collections import Counter
        from pathlib import Path

        from earwright.decoding.lattice import write_kaldi, write_slf

        pieces: Counter[int] = Counter()

        def write(index: int, start: float, lattice: Lattice) -> None:
            pieces[index] += 1
            place = Path(str(self.lattices)) / f"{self.stems[index]}-{pieces[index]:04d}"
            name = "_".join(place.name.split())
            if self.lattice_format == "kaldi":
                write_kaldi(f"{place}.lat", {name: lattice})
            else:
                write_slf(f"{place}.slf", name, lattice, recognizer.meta.frame_shift, start)

        return write

    def _print_text(self, index: int, segments: tuple[Segment, ...]) -> None:
        # With several files each line tells which one it is from, as grep does.
        name = f"{self.paths[index]}: " if len(self.paths) > 1 else ""
        for segment in segments:
            if segment.text:
                print(f"{name}{segment.text}", flush=True)

    def _tell_rejected(self, index: int, segments: tuple[Segment, ...]) -> None:
        """Say where nothing was found that a grammar allows; JSON has it among the rest.

        What is rejected without a grammar is counted alone: an hour of music has hundreds.
        """
        for segment in segments:
            self.unspoken += segment.rejected and segment.score is None
            if segment.rejected and segment.score is not None and not self.json:
                why = f"nothing in the grammar fits (score {segment.score:.2f})"
                if segment.score == -math.inf:
                    why = "no phrase of the grammar is possible"
                where = f"{self.paths[index]}: {segment.start:.2f} to {segment.end:.2f} s"
                print(
                    f"earwright: {where}: rejected, {why}.",
                    file=sys.stderr,
                    flush=True,
                )


class _NoBar:
    """Stands where a progress bar would."""

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def advance(self, amount: float) -> None:
        """Nothing to show."""


class _Switch(argparse.Action):
    """A flag that may be followed by whisper's True or False; anything else that follows is a file."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs="?", metavar="True|False", **options)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: str | Sequence[Any] | None,
        option: str | None = None,
    ) -> None:
        """Set the flag."""
        if value is not None and str(value).lower() not in ("true", "false"):
            namespace.more_files = [*getattr(namespace, "more_files", ()), str(value)]
            value = None
        setattr(namespace, self.dest, value is None or str(value).lower() == "true")


def _complaint(args: argparse.Namespace, model: str | None, files: int) -> str | None:
    """What is wrong with the arguments taken together."""
    stdout_only = args.output_dir is None
    if not files:
        return "name at least one audio file"
    if not model:
        return "name a recognizer with --model BUNDLE, or set EARWRIGHT_MODEL"
    if stdout_only and args.output_format == "all":
        return "-f all needs -o DIR"
    if stdout_only and args.output_format in ("srt", "vtt", "tsv") and files > 1:
        return f"-f {args.output_format} of several files needs -o DIR"
    if stdout_only and args.json and args.output_format not in (None, "json"):
        return f"--json and -f {args.output_format} both want stdout; give -o DIR for the files"
    in_json = args.json or args.output_format in ("json", "all")
    if args.nbest > 1 and not (in_json or (args.output_dir and args.output_format is None)):
        return "--nbest needs --json or -f json: the hypotheses are in there"
    if args.max_line_count and not args.max_line_width:
        return "--max_line_count needs --max_line_width"
    return None


def _speak_utf8() -> None:
    """Make text UTF-8 in a file or pipe, and on a terminal what that can show (Windows' cannot show all)."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        if sys.stdout.isatty():
            reconfigure(errors="replace")
        else:
            reconfigure(encoding="utf-8")
