"""From texts to a neural language model in one file: what `earwright lm train --kind transformer` calls."""

from __future__ import annotations

import datetime
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earwright.errors import EarwrightError
from earwright.lm.storage import Workspace
from earwright.lm.train import TrainOptions, TrainReport, peak_memory
from earwright.text import Tokenizer
from earwright.training.language_model.export import export_language_model
from earwright.training.language_model.loop import LanguageModelRun
from earwright.training.language_model.options import LanguageModelOptions
from earwright.training.language_model.text import NumberedText, read_training_text
from earwright.training.log import Reporter


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes:
        path: the model's file.
        unit: "word" or "token".
        parameters: trained numbers.
        steps, planned: that were made, and that were to be made.
        epochs: passes over the text.
        seconds: of training.
        tokens_per_second: of training.
        precision: "fp32" or "bf16".
        held_out: tokens that were held out.
        perplexity: of those, a token; None where there are none.
        looks: step and held-out perplexity on the way.
        text: what the model was made of.
        peak_memory_bytes: of the process.
    """

    path: str
    unit: str
    parameters: int
    steps: int
    planned: int
    epochs: float
    seconds: float
    tokens_per_second: float
    precision: str
    held_out: int
    perplexity: float | None
    looks: tuple[tuple[int, float], ...]
    text: TrainReport
    peak_memory_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "text": self.text.to_dict()}


def train_language_model(
    paths: Sequence[str],
    out: str | os.PathLike[str],
    reading: TrainOptions,
    options: LanguageModelOptions,
    workspace: Workspace,
    reporter: Reporter | None = None,
    *,
    tokenizer: Tokenizer | None = None,
    dev: Sequence[str] = (),
    restart: bool = False,
    on_read: Callable[[int], None] = lambda size: None,
) -> Trained:
    """Train a Transformer on texts, or go on with a training that was stopped.

    Args:
        paths: the files; "-" is standard input.
        out: NAME.onnx; the checkpoint lies beside it until the training is done.
        reading: how to read the texts, and which words to take.
        options: what to train, for how long.
        workspace: memory and temporary files.
        reporter: where lines go; None prints them.
        tokenizer: to train on its tokens; None: on words.
        dev: texts to watch the training by; without any, some of the text is held out.
        restart: throw away what an earlier training left.
        on_read: told how many bytes more have been read.

    Raises:
        EarwrightError: texts, options or disk are not fit.
        KeyboardInterrupt: Ctrl-C; the checkpoint and the model so far have been written.
    """
    reporter = reporter or Reporter(lambda line: print(line, flush=True))
    path = Path(out)
    if path.suffix != ".onnx":
        raise EarwrightError(f"{path}: neural language models are written as .onnx; name it so.")
    checkpoint = path.with_name(f"{path.name}.checkpoint")
    if restart:
        checkpoint.unlink(missing_ok=True)
    text = read_training_text(paths, reading, workspace, tokenizer, dev, on_read)
    reporter.say(
        f"training on {text.report.words:,} words, {len(text.ids):,} tokens of {len(text.vocabulary):,}; "
        f"{len(text.held_out):,} are held out; {100 * text.report.unknown / len(text.ids):.2f} % unknown; "
        f"normalizer {reading.normalizer}"
    )
    facts = {"text": _fingerprint(text), "normalizer": reading.normalizer}
    run = LanguageModelRun(text, options, checkpoint, reporter, facts)
    run.run()
    trained = _summary(run, path, "token" if tokenizer else "word")
    notes = _notes(trained, options)
    export_language_model(path, run.model, text.vocabulary, reading.normalizer, notes, tokenizer)
    if run.stopping:
        reporter.say(
            f"stopped at step {run.progress.step} of {run.progress.steps}; {path} is the model so far, and "
            "the same command goes on from here"
        )
        raise KeyboardInterrupt
    checkpoint.unlink(missing_ok=True)
    return trained


def _fingerprint(text: NumberedText) -> str:
    """What a text must have in common with the one of a checkpoint: words, their counts, its beginning."""
    sums = zlib.crc32("\n".join(text.vocabulary).encode("utf-8", "surrogatepass"))
    sums = zlib.crc32(text.counts.tobytes(), sums)
    return f"{len(text.ids)} tokens, {zlib.crc32(text.ids[: 1 << 20].tobytes(), sums):08x}"


def _summary(run: LanguageModelRun, path: Path, unit: str) -> Trained:
    progress, text = run.progress, run.text
    return Trained(
        path=str(path),
        unit=unit,
        parameters=run.parameters,
        steps=progress.step,
        planned=progress.steps,
        epochs=round(progress.step * run.rows * run.length / len(text.ids), 3),
        seconds=round(progress.wall_seconds, 1),
        tokens_per_second=round(run.tokens_per_second, 1),
        precision=progress.precision,
        held_out=len(text.held_out),
        perplexity=round(run.best_perplexity, 3) if run.best else None,
        looks=tuple((step, round(found, 3)) for step, found in run.looks),
        text=text.report,
        peak_memory_bytes=peak_memory(),
    )


def _notes(trained: Trained, options: LanguageModelOptions) -> dict[str, str]:
    model = options.model
    return {
        "kind": "transformer",
        "size": f"dim {model.dim}, layers {model.layers}, heads {model.heads}, window {model.window}",
        "parameters": str(trained.parameters),
        "words": str(trained.text.words),
        "sentences": str(trained.text.sentences),
        "unknown": str(trained.text.unknown),
        "steps": str(trained.steps),
        "epochs": f"{trained.epochs:g}",
        "minutes": f"{trained.seconds / 60:.2f}",
        "precision": trained.precision,
        "seed": str(options.seed),
        "held-out perplexity": f"{trained.perplexity:g}" if trained.perplexity else "not measured",
        "date": datetime.date.today().isoformat(),
    }
