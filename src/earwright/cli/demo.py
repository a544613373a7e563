"""`earwright demo`: synthesized speech, a recognizer trained on it from scratch, its score, transcripts."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from rich.console import Console

    from earwright.training import Recipe

# What is synthesized: (folder, sentences, voices). No variant of espeak-ng speaks in two folders.
# Sets are made in this order, and none may use a variant that one before it took: the few voices of test and
# dev are put aside first, so that training can have hundreds. With sixty voices to learn from, the recognizer
# knew them by heart (loss 0.02) and still got a quarter of an unheard voice's words wrong.
TRAINING_SENTENCES = 3000
SETS = (("test", 500, 16), ("dev", 60, 10), ("train", TRAINING_SENTENCES, 600))
SHOWN = 5  # transcripts at the end
BAR = 32  # width of the curve, in characters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-out"),
        metavar="DIR",
        help="folder to work in (default: demo-out)",
    )
    parser.add_argument(
        "--max-time",
        default=None,
        metavar="TIME",
        help="train for so long, such as 2m (default: the recipe's)",
    )
    parser.add_argument(
        "--sentences",
        type=int,
        default=TRAINING_SENTENCES,
        metavar="N",
        help="to train on (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Everything from sentences to a scored recognizer, told step by step."""
    from earwright.cli.processor import prepare_for_training

    prepare_for_training()
    from earwright.cli.terminal import err_console

    if args.sentences < 10:
        raise EarwrightError(f"--sentences must be at least 10, not {args.sentences}.")
    began = time.monotonic()
    console = err_console()
    _synthesize(args.out, args.sentences, console)
    bundle = _train(_recipe(args.out, args.max_time), args.out, console)
    _score(bundle, args.out, console)
    console.print(f"\nAll this took {(time.monotonic() - began) / 60:.1f} minutes.")
    _tell_what_next(bundle, args.out, console)
    print(bundle)


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")


def _synthesize(out: Path, sentences: int, console: Console) -> None:
    """Speech to train on, and speech of other voices to watch and to score with."""
    from earwright.cli.terminal import progress
    from earwright.data.synthesis.commands import draw_sentences
    from earwright.data.synthesis.synthesize import SynthesisOptions, synthesize, variants_in

    _heading(console, "1. Speech")
    sizes = {"train": sentences}
    taken: set[str] = set()
    for seed, (name, count, voices) in enumerate(SETS, 1):
        texts = draw_sentences(sizes.get(name, count), seed)
        options = SynthesisOptions(voices=voices, seed=seed)
        with progress(f"synthesizing {name}", total=len(texts)) as bar:
            summary = synthesize(texts, out / name, options, without=taken, advance=bar.advance)
        taken |= variants_in(out / name)
        news = "" if name == "train" else ", none of them in the training set"
        minutes = f"{summary.hours * 60:5.1f} minutes"
        line = f"{name:6}{summary.kept:5} utterances, {minutes}, {summary.speakers:2} voices{news}"
        console.print(line, highlight=False)
    console.print("It is made by a synthesizer, espeak-ng: no recording of anybody is involved.")


def _recipe(out: Path, max_time: str | None) -> Recipe:
    from earwright.training import load_recipe

    recipe = load_recipe(_recipe_path())
    data = replace(recipe.data, train=(str(out / "train"),), dev=(str(out / "dev"),))
    training = replace(recipe.training, max_time=max_time or recipe.training.max_time)
    return replace(recipe, data=data, training=training)


def _recipe_path() -> Path:
    """recipes/demo.toml, beside the sources or inside the installed package."""
    package = Path(__file__).parents[1]
    places = (package / "recipes", package.parents[1] / "recipes")
    return next((place / "demo.toml" for place in places if place.is_dir()), places[0] / "demo.toml")


def _train(recipe: Recipe, out: Path, console: Console) -> Path:
    """Train, with the curve of the error rate and one sentence as the recognizer hears it."""
    from earwright.training import Reporter, train

    _heading(console, "2. Training, from nothing")

    class Curve(Reporter):
        """Prints a line for every look at dev: the error rate as a bar, and what was heard."""

        shown = False

        def due(self) -> bool:
            return False  # the curve is progress enough

        def evaluated(
            self, step: int, steps: int, wer: float, cer: float, samples: Sequence[tuple[str, str]]
        ) -> None:
            said, heard = samples[-1]
            if not self.shown:
                console.print(f"\n  step   WER %  {'':{BAR}}  what it hears of “{said}”", markup=False)
                self.shown = True
            bar = "█" * round(BAR * min(wer, 1.0))
            console.print(f"{step:6} {100 * wer:7.1f}  {bar:{BAR}}  {heard or '(nothing)'}", markup=False)

    reporter = Curve(lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
    return train(recipe, out / "run", reporter, restart=True)


def _score(bundle: Path, out: Path, console: Console) -> None:
    """Score on voices that were never heard, and show some transcripts."""
    from earwright.cli.terminal import progress
    from earwright.cuts import read_cuts
    from earwright.evaluation.run import transcribe_cuts
    from earwright.recognizer import Recognizer

    _heading(console, "3. The score, on voices that it never heard")
    cuts = read_cuts(out / "test")
    recognizer = Recognizer.load(bundle)
    with progress("transcribing", total=sum(cut.duration for cut in cuts)) as bar:
        done = transcribe_cuts(recognizer, cuts, bar.advance, lambda cut, reason: bar.print(reason))
    evaluation = done.score(recognizer.meta.normalizer, "unit", 0)
    low, high = evaluation.wer_interval
    speed = done.audio_seconds / max(done.decode_seconds, 1e-9)
    console.print(
        f"WER {100 * evaluation.wer:.2f} % ({100 * low:.2f} to {100 * high:.2f}), "
        f"CER {100 * evaluation.cer:.2f} %: "
        f"{evaluation.utterances} utterances, {evaluation.speakers} voices, "
        f"normalizer {evaluation.normalizer}, greedy search, {speed:.0f} times faster than speech",
        highlight=False,
    )
    _heading(console, "4. At work")
    for cut in cuts[:: max(1, len(cuts) // SHOWN)][:SHOWN]:
        transcript = recognizer.transcribe(cut.path)
        words = " ".join(f"{word.text}[{word.start:.1f}s]" for word in transcript.words)
        console.print(f"said   {cut.text}\nheard  {words}", markup=False, highlight=False)


def _tell_what_next(bundle: Path, out: Path, console: Console) -> None:
    test = out / "test"
    console.print(
        f"""
This was synthetic speech, and all its voices share one synthesizer and one small grammar: a proof that every
step works, not of how well it hears people. To learn from people, bring recordings and their texts:

  earwright prepare csv my-recordings.csv prepared/train      (columns: path, text)
  earwright prepare csv some-others.csv prepared/dev          (other speakers)
  earwright train recipes/librispeech-5h.toml --set data.train=prepared/train --set data.dev=prepared/dev

To go on with what is here:

  earwright transcribe -m {bundle} {test / "audio"} -f json
  earwright evaluate {bundle} {test}
""",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
