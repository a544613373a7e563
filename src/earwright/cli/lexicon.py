"""`earwright lexicon`: how words are said, by a lexicon, by one's own additions, and by a trained model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.lexicon import Answer, G2pModel, Lexicon

SHOWN = 20  # rare phones and letters that `check` lists


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    _add_pronounce(actions.add_parser("pronounce", help="say words: by additions, lexicon, or g2p model"))
    _add_check(actions.add_parser("check", help="look a lexicon through and list what is wrong in it"))
    g2p = actions.add_parser("g2p", help="train a model that says words no lexicon has, and apply it")
    steps = g2p.add_subparsers(dest="step", metavar="STEP", required=True, title="steps")
    _add_train(steps.add_parser("train", help="train a model on a lexicon"))
    _add_apply(steps.add_parser("apply", help="let a model say words"))


def run(args: argparse.Namespace) -> int:
    """Do the action; 1 if there was something that could not be said, or was wrong."""
    return int(args.act(args))


def _add_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", help="words to say")
    parser.add_argument("--file", metavar="FILE", help="a text file with a word on each line; - is stdin")
    parser.add_argument(
        "--n-best", type=int, default=1, metavar="N", help="guesses of the model for a word (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each word")


def _add_pronounce(parser: argparse.ArgumentParser) -> None:
    _add_words(parser)
    parser.add_argument(
        "--language", default="en", metavar="CODE", help="of the shipped lexicon (default en)"
    )
    parser.add_argument("--lexicon", metavar="FILE", help="a lexicon of your own instead of the shipped one")
    parser.add_argument(
        "--additions", metavar="FILE", help="words of your own; they take the place of the lexicon's"
    )
    parser.add_argument(
        "--g2p", metavar="MODEL", help="says the words that are in neither; for the shipped lexicon one is "
        "trained when first needed, and kept"
    )  # fmt: skip
    parser.add_argument("--no-stress", action="store_true", help="AH for AH0, AH1 and AH2")
    parser.set_defaults(act=_pronounce)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lexicon", metavar="LEXICON", help="a text file, plain, .gz or .xz")
    parser.add_argument("--phones", metavar="FILE", help="the phones that may be used, one a line")
    parser.add_argument(
        "--additions-to", metavar="CODE", help="check it as additions to the shipped lexicon of a language"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(act=_check)


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "lexicon", metavar="LEXICON", nargs="?", help="a text file; without it the shipped English one"
    )
    parser.add_argument("-o", "--out", metavar="MODEL", required=True, help="the file to write, say g2p.bin")
    parser.add_argument("--order", type=int, default=10, help="letters of context and one (default 10)")
    parser.add_argument(
        "--epochs", type=int, default=10, metavar="N",
        help="of the network that looks at guesses again; 0 leaves it out: quicker, less good (default 10)",
    )  # fmt: skip
    parser.add_argument("--phones", metavar="FILE", help="the phones that may be used, one a line")
    parser.add_argument("--no-stress", action="store_true", help="learn AH for AH0, AH1 and AH2")
    parser.add_argument(
        "--hold-out", type=float, default=0.0, metavar="SHARE",
        help="keep this share of the words out (0.1 is a tenth), and print the error rates on them",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, help="of the network and of the words that are held out (default 0)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(act=_train)


def _add_apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="what `earwright lexicon g2p train` wrote")
    _add_words(parser)
    parser.set_defaults(act=_apply)


def _words(args: argparse.Namespace) -> Iterator[str]:
    """The words of the command line, then those of the file."""
    from earwright.lexicon.pronunciations import read_words

    if not args.words and args.file is None:
        raise EarwrightError("there are no words to say; give some, or --file FILE.")
    yield from args.words
    if args.file is not None:
        yield from read_words(args.file)


def _pronounce(args: argparse.Namespace) -> int:
    from earwright.lexicon import default_lexicon, pronounce_words, read_additions, read_g2p

    lexicon = _lexicon(args.lexicon) if args.lexicon else default_lexicon(args.language)
    if args.additions:
        lexicon = read_additions(args.additions, lexicon)
    load: Callable[[], G2pModel] | None = None
    if args.g2p:
        load = lambda: read_g2p(args.g2p)  # noqa: E731
    elif not args.lexicon:
        load = lambda: default_g2p_with_progress(args.language)  # noqa: E731
    return _print_answers(args, pronounce_words(_words(args), lexicon, load, _n_best(args)))


def default_g2p_with_progress(language: str) -> G2pModel:
    """The kept model, or a new one with a bar that shows how far it is."""
    from earwright.cli.terminal import progress
    from earwright.lexicon import default_g2p
    from earwright.verified import cache_folder

    told: list[str] = []
    with progress("reading the g2p model") as bar:

        def report(doing: str, share: float) -> None:
            if not told:
                bar.print("earwright: a g2p model is trained, once; this takes some minutes.")
            told.append(doing)
            bar.update(description=doing, completed=share, total=1.0)

        return default_g2p(language, cache_folder(), report)


def _apply(args: argparse.Namespace) -> int:
    from earwright.lexicon import pronounce_words, read_g2p

    model = read_g2p(args.model)
    return _print_answers(args, pronounce_words(_words(args), None, lambda: model, _n_best(args)))


def _n_best(args: argparse.Namespace) -> int:
    if args.n_best < 1:
        raise EarwrightError(f"--n-best must be at least 1, not {args.n_best}.")
    return int(args.n_best)


def _print_answers(args: argparse.Namespace, answers: Iterator[Answer]) -> int:
    """A line for each pronunciation, or each word with --json; 1 if some word could not be said."""
    failed = 0
    for answer in answers:
        failed += bool(answer.problem)
        if args.json:
            _print_json(_to_dict(answer, getattr(args, "no_stress", False)))
        elif answer.problem:
            print(f"earwright: {answer.problem}", file=sys.stderr)
        else:
            for guess in _to_dict(answer, getattr(args, "no_stress", False))["pronunciations"]:
                share = f"  {guess['probability']:.3f}" if answer.source == "g2p" else ""
                print(f"{answer.word}\t{guess['phones']}\t{answer.source}{share}")
    return 1 if failed else 0


def _to_dict(answer: Answer, no_stress: bool) -> dict[str, Any]:
    from earwright.lexicon.pronunciations import without_stress

    shares: dict[str, float] = {}
    for guess in answer.guesses:
        phones = " ".join(without_stress(guess.phones) if no_stress else guess.phones)
        together = shares.get(phones, 0.0) + guess.probability
        shares[phones] = together if answer.source == "g2p" else 1.0
    best_first = sorted(shares.items(), key=lambda item: -item[1])  # stable: a lexicon's order stays
    return {
        "word": answer.word,
        "source": answer.source or None,
        "pronunciations": [
            {"phones": phones, "probability": round(share, 6)} for phones, share in best_first
        ],
        **({"problem": answer.problem} if answer.problem else {}),
    }


def _check(args: argparse.Namespace) -> int:
    from earwright.lexicon.survey import survey_lexicon

    if args.phones and args.additions_to:
        raise EarwrightError("--phones and --additions-to both name the phones; give one of them.")
    survey = survey_lexicon(args.lexicon, _phones(args), additions=bool(args.additions_to))
    if args.json:
        _print_json(survey.to_dict())
    else:
        for problem in survey.problems:
            print(f"{args.lexicon}, line {problem.line}: {problem.message}.")
        print(
            f"{args.lexicon}: {survey.words:,} words, {survey.pronunciations:,} pronunciations, "
            f"{len(survey.phones)} phones, {len(survey.letters)} letters, {len(survey.problems):,} problems"
        )
        for what, counts in (("phones", survey.phones), ("letters", survey.letters)):
            rare = [f"{name} ({count:,})" for name, count in counts.items()][:SHOWN]
            print(f"rarest {what}: {', '.join(rare)}")
    return 1 if survey.problems else 0


def _phones(args: argparse.Namespace) -> tuple[str, ...] | None:
    from earwright.lexicon import default_phones, read_phones

    if getattr(args, "additions_to", None):
        return default_phones(args.additions_to)
    return read_phones(args.phones) if args.phones else None


def _lexicon(path: str, phones: tuple[str, ...] | None = None) -> Lexicon:
    from earwright.lexicon import read_lexicon

    return read_lexicon(path, phones, warn=_say)


def _train(args: argparse.Namespace) -> int:
    from earwright.cli.terminal import progress
    from earwright.lexicon import default_lexicon, score_g2p, split_words, train_g2p, write_g2p

    if not 0 <= args.hold_out < 1:
        raise EarwrightError(
            f"--hold-out is a share of the words, 0 or more and below 1, not {args.hold_out}."
        )
    lexicon = _lexicon(args.lexicon, _phones(args)) if args.lexicon else default_lexicon("en")
    if args.no_stress:
        lexicon = lexicon.without_stress()
    kept, held_out = split_words(lexicon.words, args.hold_out, args.seed)
    entries = ((word, phones) for word in kept for phones in lexicon.words[word])
    with progress("training") as bar:
        model = train_g2p(
            entries, args.order, epochs=args.epochs, seed=args.seed,
            report=lambda doing, share: bar.update(description=doing, completed=share, total=1.0),
        )  # fmt: skip
    write_g2p(model, args.out)
    result: dict[str, Any] = {"model": args.out, **model.notes, "ngrams": list(model.ngrams.counts)}
    if held_out:
        with progress("trying held-out words", total=len(held_out)) as bar:
            words = {word: lexicon.words[word] for word in held_out}
            score = score_g2p(model, words, report=lambda done: bar.update(completed=done))
        result |= {
            "held_out_words": score.words,
            "phone_error_rate": score.phone_error_rate,
            "word_error_rate": score.word_error_rate,
        }
    if args.json:
        _print_json(result)
    else:
        for key, value in result.items():
            shown = f"{100 * value:.2f} %" if isinstance(value, float) else value
            print(f"{key.replace('_', ' '):<34} {shown}")
    return 0


def _say(sentence: str) -> None:
    print(f"earwright: {sentence}", file=sys.stderr)


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False))
