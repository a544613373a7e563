"""The `earwright` command: finds the verb, runs it, and turns errors into one sentence and an exit code.

Exit codes: 0 done, 1 something the user can put right, 2 a usage error, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn, TextIO

from earwright import __version__
from earwright.compiling import tell_before_compiling
from earwright.errors import EarwrightError, EarwrightWarning, first_line
from earwright.files import describe_os_error

# Verb -> (module, its line in --help), in the order in which a newcomer meets them. Only the chosen verb's
# module is imported, and modules import what is heavy inside run(), so that --help answers at once.
VERBS = {
    "demo": ("earwright.cli.demo", "train a small recognizer on synthesized speech and watch it learn"),
    "prepare": ("earwright.cli.prepare", "turn recordings and their texts into checked training data"),
    "inspect": ("earwright.cli.inspect", "look into prepared data: figures, pictures, clips to listen to"),
    "synthesize": ("earwright.cli.synthesize", "make training data from texts with a speech synthesizer"),
    "split": ("earwright.cli.split", "make train, dev and test out of one prepared folder"),
    "tokens": ("earwright.cli.tokens", "show which characters or pieces a recognizer would learn"),
    "features": ("earwright.cli.features", "compute and plot what the recognizer sees of a recording"),
    "augment": ("earwright.cli.augment", "hear and see what augmentation does to a recording"),
    "lm": ("earwright.cli.lm", "train, prune, mix and query n-gram language models"),
    "new": ("earwright.cli.new", "write a first recipe that fits your data, machine and time"),
    "train": ("earwright.cli.train", "train a recognizer from a recipe"),
    "runs": ("earwright.cli.runs", "list training runs with their curves, or compare two"),
    "report": ("earwright.cli.report", "say how a training run went, in words or as a page with its curves"),
    "doctor": ("earwright.cli.doctor", "say what is wrong with a training run, and what to try"),
    "evaluate": ("earwright.cli.evaluate", "score a recognizer on prepared data"),
    "tune": ("earwright.cli.tune", "find the weights of a beam search on a dev set"),
    "transcribe": ("earwright.cli.transcribe", "turn recordings into text, subtitles or JSON"),
    "codes": ("earwright.cli.codes", "turn recordings into the codes of a quantizer, a few numbers a frame"),
    "align": ("earwright.cli.align", "find out when each word of a text is said in a recording"),
    "lexicon": ("earwright.cli.lexicon", "say words: lexicons, and models for words that they lack"),
    "bundle": ("earwright.cli.bundle", "look into a recognizer's bundle and verify it"),
}

# What is missing -> the extra that brings it.
EXTRAS = {
    "accelerate": "train",
    "fsspec": "train",
    "lhotse": "train",
    "matplotlib": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "torch": "train",
    "urllib3": "train",
    "espeakng_loader": "synthesize",
    "num2words": "numbers",
    "pyarrow": "parquet",
    "pyroomacoustics": "rooms",
}

BROKEN_PIPE = 141  # what a shell reports for a process that SIGPIPE ended: 128 + 13
INTERRUPTED = 130  # and for one that SIGINT ended: 128 + 2


def entry() -> NoReturn:
    """The console script."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; None takes the process's own.

    Returns:
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if sys.stderr.isatty():
        tell_before_compiling(_tell_of_compiling)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return _run(arguments)
    except KeyboardInterrupt:
        print("earwright: stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if debug:
            raise
        print(f"earwright: {_sentence(error)}", file=sys.stderr)
        return 1


def _tell_of_compiling() -> None:
    print(
        "earwright: compiling for this processor, which takes up to half a minute; the result is kept.",
        file=sys.stderr,
        flush=True,
    )


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What earwright warns its user of is one line; what a library warns its caller of stays as it is."""
    if issubclass(category, EarwrightWarning):
        print(f"earwright: warning: {message}", file=sys.stderr if file is None else file)
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        (sys.stderr if file is None else file).write(text)


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The whole command's parser, with the arguments of `verb` (and of no other verb) filled in."""
    parser = argparse.ArgumentParser(
        prog="earwright",
        description="Train a speech recognizer of your own, and run it anywhere, offline.",
        epilog="`earwright VERB --help` says more about a verb.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=16),
    )
    parser.add_argument("--version", action="version", version=f"earwright {__version__}")
    debug_help = "show where an error came from"
    parser.add_argument("--debug", action="store_true", help=debug_help)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, (module_name, summary) in VERBS.items():
        sub = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        # SUPPRESS: a --debug before the verb must not be reset by its absence after it.
        sub.add_argument("--debug", action="store_true", help=debug_help, default=argparse.SUPPRESS)
        if name == verb:
            module = importlib.import_module(module_name)
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def chosen_verb(argv: Sequence[str]) -> str | None:
    """The first argument that is no option: the options before the verb take no values."""
    return next((argument for argument in argv if not argument.startswith("-")), None)


def _run(argv: list[str]) -> int:
    verb = chosen_verb(argv)
    parser = build_parser(verb)
    try:
        if verb is not None and verb not in VERBS:
            near = difflib.get_close_matches(verb, VERBS, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(VERBS)}."
            parser.error(f"no such verb '{verb}'{hint}")
        args = parser.parse_args(argv)
        if args.verb is None:
            parser.print_help()
            return 0
        code = args.run(args)
        sys.stdout.flush()  # here, where a closed pipe is still caught
    except SystemExit as stop:  # argparse: 0 after --help and --version, 2 after a usage error
        return stop.code if isinstance(stop.code, int) else 1
    return int(code or 0)


def _sentence(error: Exception) -> str:
    """One sentence for whatever went wrong."""
    if isinstance(error, EarwrightError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        if missing in EXTRAS:
            return f"this needs {missing}, which is not installed: pip install 'earwright[{EXTRAS[missing]}]'"
    if isinstance(error, OSError) and error.filename is not None:
        return describe_os_error(error, error.filename)
    return (
        f"this should not have happened ({type(error).__name__}: {first_line(error)}). "
        "Run it again with --debug to see where, and please report it."
    )


if __name__ == "__main__":
    entry()
