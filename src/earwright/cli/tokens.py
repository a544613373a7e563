"""`earwright tokens CUTS`: what a recognizer would learn to write, seen before anything is trained."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from earwright.data.pieces import PieceSurvey
    from earwright.data.tokens import TextSurvey, TokenFigures

PIECES_SHOWN = 40
CHARACTERS_IN_LINE = 40
RARE_SHOWN = 20
WORD_RULES_SHOWN = 10
ID_SHOWN = 24  # characters; the end of an id tells more than its beginning
CONTEXT = 30  # characters of an example on either side of the one that it is for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Rare characters are mostly typing errors: look at them before a recognizer learns them. What is\n"
        "--min-count here is text.min_count in a recipe, --normalizer text.normalizer, --bpe text.vocab_size."
    )
    parser.add_argument(
        "cuts", metavar="CUTS", nargs="+", help="what `earwright prepare` wrote, or a manifest of cuts"
    )
    parser.add_argument(
        "--normalizer", default="basic", metavar="NAME", help="raw, basic (the default) or english"
    )
    parser.add_argument(
        "--min-count",
        type=int,
        default=1,
        metavar="N",
        help="leave out what has characters seen less often (default 1)",
    )
    parser.add_argument(
        "--bpe", metavar="SIZE[,...]", help="train byte-pair encodings with so many pieces, too"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="write tokens.txt, and for --bpe SIZE tokenizer.model, to DIR"
    )
    parser.add_argument(
        "--rows", type=int, default=60, metavar="N", help="characters to list; 0 lists all (default 60)"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Survey the texts, and print what was found."""
    import json

    from rich.console import Console

    from earwright.text import normalize

    normalize("", args.normalizer)  # a wrong name is told before the work, not after
    sizes = _sizes(args.bpe)
    if args.min_count < 1:
        raise EarwrightError(f"--min-count must be at least 1, not {args.min_count}.")
    if args.out and len(sizes) > 1:
        raise EarwrightError("--out is for one tokenizer; give --bpe one size with it.")
    survey = _survey(args, keep_texts=bool(sizes))
    figures = {"char": survey.figures(args.min_count)}
    pieces: list[PieceSurvey] = []
    problems: dict[int, str] = {}
    for size in sizes:
        try:
            pieces.append(_pieces(survey, size))
            figures[f"bpe {size}"] = pieces[-1].figures
        except EarwrightError as error:
            if len(sizes) == 1:
                raise
            problems[size] = str(error)
    if args.out:
        _save(Path(args.out), survey, args.min_count, pieces)
    if args.json:
        print(json.dumps(_to_dict(args, survey, figures, pieces, problems), ensure_ascii=False, indent=1))
    else:
        _print(Console(highlight=False), args, survey, figures, pieces, problems)
    return 0


def _sizes(text: str | None) -> list[int]:
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    wrong = next((word for word in words if not word.isdecimal() or int(word) < 2), None)
    if wrong is not None:
        raise EarwrightError(f"--bpe {text}: {wrong!r} is no number of pieces from 2 up.")
    return sorted({int(word) for word in words})


def _survey(args: argparse.Namespace, keep_texts: bool) -> TextSurvey:
    from earwright.cli.terminal import progress
    from earwright.cuts import iterate_cuts
    from earwright.data.tokens import TextSurvey

    survey = TextSurvey(args.normalizer, args.min_count, keep_texts)
    with progress("reading texts") as bar:
        for path in args.cuts:
            for cut in iterate_cuts(Path(path).expanduser()):
                survey.add(cut)
                bar.advance()
    if not survey.seconds:
        count = len(survey.without_text)
        what = f"none of {count:,} cuts has a text" if count else "there are no cuts in it"
        raise EarwrightError(f"{args.cuts[0]}: {what} (normalizer {args.normalizer}).")
    return survey


def _pieces(survey: TextSurvey, size: int) -> PieceSurvey:
    from earwright.cli.terminal import progress
    from earwright.data.pieces import survey_pieces

    with progress(f"learning {size} pieces"):
        return survey_pieces(survey.texts, survey.seconds, size)


def _save(folder: Path, survey: TextSurvey, min_count: int, pieces: Sequence[PieceSurvey]) -> None:
    from earwright.text.tokenizers import MODEL_FILE

    if pieces:
        pieces[0].tokenizer.save(folder)
        return
    if (folder / MODEL_FILE).exists():
        raise EarwrightError(
            f"{folder / MODEL_FILE}: an earlier tokenizer lies here, and tokens.txt would be taken for its; "
            "remove it or name another folder."
        )
    survey.tokenizer(min_count).save(folder)


def _to_dict(
    args: argparse.Namespace,
    survey: TextSurvey,
    figures: dict[str, TokenFigures],
    pieces: Sequence[PieceSurvey],
    problems: dict[int, str],
) -> dict[str, Any]:
    from dataclasses import asdict

    from earwright.data.frames import FRAME_SHIFT

    return {
        "cuts": args.cuts,
        **survey.to_dict(args.min_count),
        "frames_per_second": 1 / FRAME_SHIFT,
        "tokens": {name: asdict(each) for name, each in figures.items()},
        "pieces": {str(each.size): each.counts for each in pieces},
        "samples": {str(each.size): each.samples for each in pieces},
        "problems": {str(size): problem for size, problem in problems.items()},
    }


def _print(
    console: Console,
    args: argparse.Namespace,
    survey: TextSurvey,
    figures: dict[str, TokenFigures],
    pieces: Sequence[PieceSurvey],
    problems: dict[int, str],
) -> None:
    from rich.text import Text

    def section(title: str, *parts: RenderableType | None) -> None:
        shown = [part for part in parts if part is not None]
        if shown:
            console.print()
            console.print(Text(title, style="bold"))
            for part in shown:
                console.print(part)

    count = len(survey.seconds)
    without = f"; {len(survey.without_text):,} more have no text" if survey.without_text else ""
    console.print(
        Text(f"{count:,} utterances, {_hours(survey.hours)}; normalizer {args.normalizer}{without}")
    )
    section(
        f"Characters: {len(survey.counts.keys() - {' '})}", _characters(survey, args.min_count, args.rows)
    )
    section("Rare ones, and where", _rare(survey, args.rows))
    section("What min_count would leave out", _left_out(survey, args.min_count))
    section(f"What the normalizer {args.normalizer} changes", *_changes(survey, args.rows))
    if len(survey.scripts().keys() - {"digits", "signs"}) > 1:
        section("Scripts", _scripts(survey))
    if len(survey.by_language) > 1:
        section("Languages", _languages(survey))
    note = "too long: more text than CTC can write into its frames, as recorded and played 1.1 times as fast"
    section("Tokens, for 25 frames a second", _figures(figures), Text(note, style="dim"))
    for size, problem in problems.items():
        console.print(Text(f"bpe {size}: {problem}"))
    for each in pieces:
        section(f"BPE with {each.size} pieces", *_piece_lines(each))


def _hours(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def _characters(survey: TextSurvey, min_count: int, rows: int) -> Table:
    from earwright.cli.terminal import plain_table
    from earwright.data.preparation.characters import character_name, code_point, readable

    def row(character: str) -> list[str]:
        use, count, space = survey.uses[character], survey.counts[character], character == " "
        return [
            "" if space else code_point(character),
            "▁" if space else readable(character),
            "the space between words" if space else character_name(character),
            f"{count:,}",
            f"{use.utterances:,}",
            _hours(use.seconds / 3600),
            "left out" if count < min_count and not space else "",
        ]

    every = list(survey.counts)
    if rows and len(every) > rows:
        gap = ["…", "", f"{len(every) - rows:,} more (--rows 0 lists all)", "", "", "", ""]
        first, last = every[: rows // 2], every[len(every) - (rows - rows // 2) :]
        table = [*map(row, first), gap, *map(row, last)]
    else:
        table = [*map(row, every)]
    return plain_table(["code", "", "name", " times", " utterances", " speech", ""], table, wide="name")


def _rare(survey: TextSurvey, rows: int) -> Table | None:
    from earwright.cli.terminal import plain_table
    from earwright.data.preparation.characters import code_point, readable
    from earwright.data.tokens import RARE

    rare = [c for c in survey.counts if survey.uses[c].utterances <= RARE and c != " "][::-1]
    table = []
    for character in rare[:RARE_SHOWN] if rows else rare:
        use = survey.uses[character]
        place = use.example.index(character)
        first, last = max(place - CONTEXT, 0), place + CONTEXT
        text = use.example[first:last]
        table.append(
            [
                code_point(character),
                readable(character),
                f"{survey.counts[character]:,}",
                use.example_id if len(use.example_id) <= ID_SHOWN else "…" + use.example_id[1 - ID_SHOWN :],
                readable(f"{'…' if first else ''}{text}{'…' if last < len(use.example) else ''}"),
            ]
        )
    headings = ["code", "", " times", "utterance", "for example"]
    return plain_table(headings, table, wide="for example") if table else None


def _left_out(survey: TextSurvey, min_count: int) -> Table:
    from earwright.cli.terminal import plain_table
    from earwright.data.tokens import THRESHOLDS

    rows, last = [], None
    for threshold in sorted({*THRESHOLDS, min_count} - {1}):
        out = survey.left_out(threshold)
        if out.characters == last and threshold != min_count:
            continue  # nothing more than the one above
        last = out.characters
        counts = f"{threshold:,}", f"{len(out.characters):,}", f"{out.utterances:,}"
        rows.append([*counts, _hours(out.hours), _listed(out.characters)])
    headings = [" min_count", " characters", " utterances", " speech", "which"]
    return plain_table(headings, rows, wide="which")


def _changes(survey: TextSurvey, rows: int) -> list[RenderableType | None]:
    from rich.text import Text

    from earwright.cli.terminal import plain_table
    from earwright.data.preparation.characters import character_name, code_point, readable

    changes = survey.changes()
    lower = [change for change in changes if change.becomes == change.character.lower() != change.character]
    others = [change for change in changes if change not in lower]
    parts: list[RenderableType | None] = []
    if lower:
        times = sum(change.count for change in lower)
        letters = _listed(sorted(change.character for change in lower))
        parts.append(Text(f"{len(lower):,} capitals become small letters, {times:,} times: {letters}"))
    words = {"space": "a space", "removed": "nothing", "joined": "one with its letter"}
    table = [
        [
            code_point(change.character),
            readable(change.character),
            character_name(change.character),
            f"{change.count:,}",
            words.get(change.kind) or readable(change.becomes),
        ]
        for change in (others[:rows] if rows else others)
    ]
    parts.append(
        plain_table(["code", "", "name", " times", "becomes"], table, wide="name") if table else None
    )
    for verb, counts in zip(("take away", "put in"), survey.word_rules(), strict=True):
        if counts:
            shown = [f"{readable(c)} {n:,}" for c, n in counts.items()][:WORD_RULES_SHOWN]
            more = ", …" if len(shown) < len(counts) else ""
            total = sum(counts.values())
            parts.append(Text(f"rules for words {verb} {total:,} characters more: {', '.join(shown)}{more}"))
    return parts


def _scripts(survey: TextSurvey) -> Table:
    from earwright.cli.terminal import plain_table

    rows = [
        [script, f"{len(counts):,}", f"{sum(counts.values()):,}", _listed(counts)]
        for script, counts in survey.scripts().items()
    ]
    return plain_table(["script", " characters", " times", "which"], rows, wide="which")


def _languages(survey: TextSurvey) -> Table:
    from earwright.cli.terminal import plain_table

    rows = [
        [
            language or "not named",
            f"{utterances:,}",
            _hours(seconds / 3600),
            f"{len(characters):,}",
            _listed(only),
        ]
        for language, (utterances, seconds, characters, only) in survey.languages().items()
    ]
    headings = ["language", " utterances", " speech", " characters", "in no other"]
    return plain_table(headings, rows, wide="in no other")


def _listed(characters: Iterable[str]) -> str:
    """Some of them in a line."""
    from earwright.data.preparation.characters import readable

    several = list(characters)
    more = f" … {len(several) - CHARACTERS_IN_LINE:,} more" if len(several) > CHARACTERS_IN_LINE else ""
    return " ".join(readable(character) for character in several[:CHARACTERS_IN_LINE]) + more


def _figures(figures: dict[str, TokenFigures]) -> Table:
    from earwright.cli.terminal import plain_table

    speeds = list(next(iter(figures.values())).too_long)
    headings = [f" too long{'' if speed == 1 else f' at {speed:g}'}" for speed in speeds]
    rows = [
        [
            name,
            f"{each.vocabulary:,}",
            f"{each.unused:,}",
            f"{each.per_second:.1f}",
            f"{each.per_second_99:.1f}",
            *(f"{n:,} ({100 * n / each.utterances:.2f} %)" for n in each.too_long.values()),
        ]
        for name, each in figures.items()
    ]
    return plain_table(["", " tokens", " unused", " a second", " 99 %", *headings], rows)


def _piece_lines(survey: PieceSurvey) -> list[RenderableType]:
    from rich.text import Text

    from earwright.data.preparation.characters import readable

    used = [(piece, count) for piece, count in survey.counts.items() if count]
    several = [piece for piece, _ in used if len(piece.strip("▁")) > 1]
    longest = sorted(several, key=lambda piece: (-len(piece), piece))

    def line(name: str, pieces: Sequence[str]) -> Text:
        more = "  …" if len(pieces) > PIECES_SHOWN else ""
        shown = "  ".join(readable(piece) for piece in pieces[:PIECES_SHOWN]) + more
        return Text(f"{name:13}", style="dim").append(shown, style="not dim")

    lines = [line("most used", several), line("least used", several[::-1]), line("longest", longest)]
    return [*lines, *(line("for example", sample) for sample in survey.samples)]
