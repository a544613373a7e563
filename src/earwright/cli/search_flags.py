"""The arguments that say how log-probs are searched, for all verbs that run a recognizer."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earwright.recognizer import Recognizer


def add_search_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    group = parser.add_argument_group(
        "search", "without any of these a recognizer searches as its bundle says, greedily unless tuned"
    )
    add = group.add_argument
    add(
        "--lm",
        metavar="FILE",
        help="a language model of `earwright lm train`, or ARPA, of words or tokens; a neural one of tokens",
    )
    add("--lexicon", metavar="FILE", help="the words that there are, one a line (default: the lm's)")
    add("--rescore", metavar="FILE", help="a larger language model, for a second look at the best hypotheses")
    add("--keyterms", metavar="FILE", help="words and phrases to listen for, one a line")
    add(
        "--grammar", metavar="FILE",
        help="all that can be said: JSGF, FSG, or phrases, one a line; each recording (each piece of it, if "
        "longer than 20 s) is one of them, or rejected",
    )  # fmt: skip
    add("--beam", type=positive, metavar="N", help="hypotheses kept after each frame")
    for flag, what in (
        ("lm-weight", "of the language model's log-probs"),
        ("word-bonus", "for each word"),
        ("unknown-penalty", "for each word that lexicon and lm lack; inf forbids them"),
        ("keyterm-boost", "for each character of a key term; 0: as without them"),
        (
            "rejection",
            "how badly a phrase of the grammar may fit, for each of its characters; inf rejects none",
        ),
    ):
        add(f"--{flag}", type=float, metavar="X", help=what)
    add(
        "--keep-unspoken", action="store_true",
        help="keep words where a greedy search finds no speech: doubted letters, far slower than spoken",
    )  # fmt: skip
    add("--codebooks", type=positive, metavar="N", help="of a model with a quantizer, use the first N alone")


def numbers(text: str) -> tuple[float, ...]:
    """Numbers from 0 up with commas between them, for argparse."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = (math.nan,)
    if not all(math.isfinite(number) and number >= 0 for number in found):
        raise argparse.ArgumentTypeError(f"{text} is not numbers from 0 up, such as 0,0.5,1")
    return found


def positive(text: str) -> int:
    """A number from 1 up, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 up")
    return int(text)


def search_words(args: argparse.Namespace) -> list[str]:
    """The arguments of the search as they would be typed, without those that were not given."""
    names = (
        "lm",
        "lexicon",
        "rescore",
        "keyterms",
        "beam",
        "lm_weight",
        "word_bonus",
        "unknown_penalty",
        "keyterm_boost",
        "grammar",
        "rejection",
        "codebooks",
    )
    switches = ["--keep-unspoken"] if args.keep_unspoken else []
    return switches + [
        f"--{name.replace('_', '-')}={value:g}"
        if isinstance(value, float)
        else f"--{name.replace('_', '-')}={value}"
        for name in names
        if (value := getattr(args, name)) is not None
    ]


def use_search(recognizer: Recognizer, args: argparse.Namespace, nbest: int = 1) -> None:
    """Have a recognizer search as the arguments say, for so many hypotheses of each piece.

    Raises:
        EarwrightError: a file that cannot be read, or does not fit the recognizer; a flag without its like.
    """
    from earwright.errors import EarwrightError

    names = ("beam", "lm_weight", "word_bonus", "unknown_penalty", "keyterm_boost", "rejection")
    if args.keep_unspoken:
        recognizer.pace = None
    if args.codebooks:
        recognizer.use_codebooks(args.codebooks)
    given: dict[str, Any] = {name: value for name in names if (value := getattr(args, name)) is not None}
    for name, partner in (("rejection", "grammar"), ("keyterm_boost", "keyterms")):
        if name in given and not getattr(args, partner):
            raise EarwrightError(f"--{name.replace('_', '-')} goes with --{partner}.")
    if given or args.lm or args.lexicon or args.keyterms or args.rescore or args.grammar or nbest > 1:
        recognizer.use_beam(
            lm=args.lm,
            lexicon=args.lexicon,
            keyterms=args.keyterms or (),
            options=given,
            rescorer=args.rescore,
            grammar=args.grammar,
            nbest=nbest,
        )
