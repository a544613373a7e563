"""`earwright synthesize TEXTS OUT`: training data from texts with a speech synthesizer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.data.augmentation.options import AugmentOptions
    from earwright.data.synthesis.options import SynthesisOptions

SNR = (0.0, 20.0)  # decibels, of --noise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "texts",
        metavar="TEXTS",
        type=Path,
        nargs="+",
        help="text files, UTF-8, one sentence a line; with --sentences also books",
    )
    parser.add_argument(
        "out", metavar="OUT", type=Path, help="the folder to write: audio/*.flac, cuts.jsonl.gz"
    )
    parser.add_argument("--language", default="en", help="en (all accents), en-gb, de, hi, ... (default: en)")
    parser.add_argument("--sample-rate", type=int, default=16000, metavar="HZ", help="(default: 16000)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same audio (default: 0)")
    parser.add_argument("--jobs", type=int, default=None, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    _add_text_arguments(parser.add_argument_group("what is said"))
    _add_voice_arguments(parser.add_argument_group("who says it, and how"))
    _add_sound_arguments(parser.add_argument_group("where it is said"))


def _add_text_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--sentences",
        type=int,
        metavar="N",
        help="draw so many sentences of 4 to 35 words from TEXTS, which may be books (default: every line)",
    )
    group.add_argument(
        "--apart-from",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="with --sentences: none that has eight words in a row in common with FOLDER, which prepare "
        "wrote: a set to test on",
    )


def _add_voice_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--voices",
        type=int,
        metavar="N",
        help="how many speakers (default: 40; of a command or a function 1)",
    )
    group.add_argument(
        "--per-text", type=int, default=1, metavar="N", help="how many of them say each text (default: 1)"
    )
    group.add_argument(
        "--unlike",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="only voices that do not speak in FOLDER, which synthesize wrote: for a set to test on",
    )
    group.add_argument(
        "--styles",
        metavar="A,B,...",
        help="draw a style for each utterance: neutral, fast, slow, high, low, lively, monotone, hesitant, "
        "emphatic, shouting, whisper, creaky; or those that the command or function knows",
    )
    group.add_argument(
        "--command",
        metavar="TEMPLATE",
        help="say it with any command that writes audio to {out}, such as 'piper --model x.onnx "
        "--output_file {out}'; it gets the text in its input, or as {text} or {text_file}, and if it wants "
        "{voice}, {seed}, {language}, {style}",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="that the command may take for one text (default: 60)",
    )
    group.add_argument(
        "--function",
        metavar="MODULE:NAME",
        help="say it with a Python function: (text, voice, seed) -> (samples, rate), float32 in [-1, 1]",
    )


def _add_sound_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--clean", action="store_true", help="no pauses, no hiss, no changes of level")
    group.add_argument(
        "--noise",
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help="put noise behind every utterance: recordings, or a folder of them for each class, of which "
        "30 %% are kept for tests",
    )
    group.add_argument(
        "--snr",
        type=float,
        nargs=2,
        metavar=("LEAST", "MOST"),
        help=f"decibels between speech and noise (default: {SNR[0]:g} {SNR[1]:g})",
    )
    group.add_argument(
        "--rooms",
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help="put every utterance into a room: impulse responses; 30 %% are kept for tests",
    )
    group.add_argument(
        "--recipe",
        metavar="FILE",
        help="do what [augment] of a recipe says, as training would, but for what is done to features and to "
        "several utterances",
    )


def run(args: argparse.Namespace) -> None:
    """Synthesize, and print what came of it."""
    import json

    from earwright.cli.terminal import progress
    from earwright.data.synthesis.synthesize import synthesize, variants_in

    options = _options(args)
    texts = _texts(args)
    without = {variant for folder in args.unlike for variant in variants_in(folder)}
    total = len(texts) * min(args.per_text, options.voices)
    with progress("synthesizing", total=total) as bar:
        summary = synthesize(
            texts, args.out, options, without=without, jobs=args.jobs, advance=bar.advance, say=bar.print
        )
    if args.json:
        print(json.dumps(summary.to_dict(), ensure_ascii=False, indent=1))
        return
    print(summary.describe())


def _options(args: argparse.Namespace) -> SynthesisOptions:
    from earwright.data.synthesis.options import VOICES, SynthesisOptions

    for option in ("voices", "per_text", "sample_rate", "jobs", "sentences"):
        value = getattr(args, option)
        if value is not None and value < 1:
            raise EarwrightError(f"--{option.replace('_', '-')} must be at least 1, not {value}.")
    if args.seed < 0:
        raise EarwrightError(f"--seed must not be negative: {args.seed}.")
    return SynthesisOptions(
        language=args.language,
        voices=args.voices or (VOICES if args.command is None and args.function is None else 1),
        per_text=args.per_text,
        sample_rate=args.sample_rate,
        clean=args.clean,
        seed=args.seed,
        styles=_styles(args.styles),
        command=args.command,
        function=args.function,
        timeout=args.timeout,
        augment=_augment(args),
    )


def _styles(typed: str | None) -> tuple[str, ...]:
    if typed is None:
        return ()
    names = tuple(name.strip() for name in typed.split(","))
    if not all(names):
        raise EarwrightError(f'--styles "{typed}": write names with commas between them, such as fast,slow.')
    return names


def _augment(args: argparse.Namespace) -> AugmentOptions | None:
    """What --noise, --rooms or --recipe ask for."""
    from earwright.data.augmentation.options import AugmentOptions, NoiseOptions, RoomOptions

    if args.snr and not args.noise:
        raise EarwrightError("--snr goes with --noise.")
    if args.recipe:
        if args.noise or args.rooms:
            raise EarwrightError(
                "--recipe says which noise and rooms there are; leave out --noise and --rooms."
            )
        from earwright.training.recipe import load_recipe

        return load_recipe(args.recipe).augment
    if not args.noise and not args.rooms:
        return None
    least, most = args.snr or SNR
    noise, room = NoiseOptions(), RoomOptions()
    if args.noise:
        noise = NoiseOptions(probability=1.0, snr=(least, most), folders=tuple(args.noise), generated=())
    if args.rooms:
        room = RoomOptions(probability=1.0, folders=tuple(args.rooms))
    for flag, folders in (("--noise", args.noise), ("--rooms", args.rooms)):
        if folders:
            _check_folders(flag, folders)
    return AugmentOptions(speeds=(1.0,), noise=noise, room=room)


def _check_folders(flag: str, folders: list[str]) -> None:
    """Here, so that an error names the flag and not the recipe's key, which was not typed."""
    from earwright.audio.backgrounds import find_backgrounds

    try:
        find_backgrounds(folders, "train")
    except EarwrightError as error:
        raise EarwrightError(f"{flag}: {error}") from error


def _texts(args: argparse.Namespace) -> list[str]:
    from earwright.data.synthesis.texts import draw_sentences_of, read_lines

    if args.sentences:
        return draw_sentences_of(args.texts, args.sentences, args.seed, args.apart_from)
    if args.apart_from:
        raise EarwrightError("--apart-from goes with --sentences.")
    return [text for path in args.texts for text in read_lines(path)]
