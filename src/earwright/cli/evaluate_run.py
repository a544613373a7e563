"""What `earwright evaluate` runs: a recognizer on prepared data, with a progress bar, and its score."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.bundle_description import BundleMeta
    from earwright.cuts import Cut
    from earwright.decoding import Decoder
    from earwright.evaluation.align import Weights
    from earwright.evaluation.keyterms import KeytermCurve
    from earwright.evaluation.noise import Alter, Conditions
    from earwright.evaluation.nothing import NothingReport
    from earwright.evaluation.run import Run
    from earwright.evaluation.score import Evaluation
    from earwright.recognizer import Recognizer

SHOWN_FAILURES = 10


@dataclass(frozen=True)
class Scored:
    """An evaluation, what else there is to keep of it, and where it is from if a recognizer was run."""

    evaluation: Evaluation
    details: dict[str, Any] = field(default_factory=dict)
    recognizer: Recognizer | None = None
    run: Run | None = None
    keyterms: KeytermCurve | None = None
    conditions: tuple[Conditions, ...] = ()
    nothing: NothingReport | None = None
    groups: dict[str, dict[str, Evaluation]] = field(default_factory=dict)


def score_recognizer(
    bundle: str | os.PathLike[str],
    places: Sequence[str | os.PathLike[str]],
    *,
    normalizer: str,
    sclite: bool = False,
    seed: int = 0,
    limit: int | None = None,
    threads: int | None = None,
    prepare: Callable[[Recognizer], None] = lambda recognizer: None,
    keyterms: str | None = None,
    boosts: Sequence[float] | None = None,
) -> Scored:
    """Run a recognizer on the cuts of some places, with a progress bar, and score it; all as the verb's.

    What `prepare` does to the recognizer comes first. With `keyterms`, the file of those it listens for, what
    they do at some boosts is measured beside it.
    """
    from earwright.cli.evaluate_keyterms import measure_keyterms, other_decoders
    from earwright.recognizer import Recognizer

    told, untold = _cuts(places, limit)
    recognizer = Recognizer.load(bundle, threads=threads)
    prepare(recognizer)
    others = other_decoders(recognizer, boosts) if keyterms else {}
    done = transcribe(recognizer, told, list(others.values()))
    weights: Weights = "sclite" if sclite else "unit"
    evaluation = done.score(normalizer, weights, seed)
    curve = None
    if keyterms:
        scores = done.score_others(normalizer, weights, seed)
        curve = measure_keyterms(recognizer, keyterms, evaluation, dict(zip(others, scores, strict=True)))
    meta = recognizer.meta
    details = {
        "bundle": meta.name,
        "seed": meta.training.get("seed", seed),
        "parameters": meta.parameters or None,
        "training_minutes": meta.training_minutes,
        **trained_on(meta),
        "audio_seconds": round(done.audio_seconds, 3),
        "decode_seconds": round(done.decode_seconds, 3),
        "threads": threads,
        "failed": len(done.failed),
        "without_text": untold,
    }
    if curve is not None:
        details["keyterms"] = curve.to_dict()
    return Scored(evaluation, details, recognizer, done, curve)


def trained_on(meta: BundleMeta) -> dict[str, Any]:
    """What a bundle says of its training, for a kept result: hours of speech, the machine."""
    training = meta.training
    threads = training.get("threads")
    machine = None
    if training.get("processor") and threads:
        machine = f"{training['processor']}, {threads} thread{'s' * (threads != 1)}"
    return {
        key: value
        for key, value in {
            "training_hours": training.get("hours_of_speech"),
            "training_machine": machine,
        }.items()
        if value is not None
    }


def _cuts(places: Sequence[str | os.PathLike[str]], limit: int | None) -> tuple[list[Cut], int]:
    """The cuts that can be scored, and how many cannot for want of a text."""
    from earwright.cuts import read_cuts

    cuts = [cut for place in places for cut in read_cuts(place)][:limit]
    told = [cut for cut in cuts if cut.text.strip()]
    if not told:
        what = f"none of its {len(cuts)} cuts has a text" if cuts else "it holds no cuts"
        raise EarwrightError(f"{', '.join(map(str, places))}: {what}, so there is nothing to score.")
    return told, len(cuts) - len(told)


def transcribe(
    recognizer: Recognizer,
    cuts: Sequence[Cut],
    others: Sequence[Decoder] = (),
    alter: Alter | None = None,
    condition: str = "",
) -> Run:
    """Transcribe cuts with a progress bar; those that cannot be are told and left out.

    Args:
        recognizer, cuts, others, alter: as for `transcribe_cuts`.
        condition: what the bar says beside "transcribing".
    """
    from earwright.cli.terminal import progress
    from earwright.evaluation.run import transcribe_cuts

    failures = 0
    with progress(f"transcribing{condition}", total=sum(cut.duration for cut in cuts)) as bar:

        def tell(cut: Cut, reason: str) -> None:
            nonlocal failures
            failures += 1
            if failures <= SHOWN_FAILURES:
                bar.print(f"earwright: cut {cut.id} is left out: {reason}")

        done = transcribe_cuts(recognizer, cuts, bar.advance, tell, others, alter)
        if failures > SHOWN_FAILURES:
            bar.print(f"earwright: {failures - SHOWN_FAILURES} more cuts are left out.")
    return done


def typed(args: argparse.Namespace) -> list[str]:
    """The arguments that made the figures, without those that only say where to put them."""
    from earwright.cli.noise_flags import noise_words
    from earwright.cli.search_flags import search_words

    words = ["evaluate", args.bundle, *([args.cuts] if args.cuts else [])]
    if args.normalizer != "basic":
        words += ["--normalizer", args.normalizer]
    words += [f"--{flag}" for flag in ("sclite", "optional", "fragments") if getattr(args, flag)]
    words += [f"--by={column}" for column in args.by]
    words += [f"--seed={args.seed}"] if args.seed else []
    words += [f"--limit={args.limit}"] if args.limit else []
    words += [f"--threads={args.threads}"] if args.threads else []
    words += search_words(args) + noise_words(args)
    return words + ([f"--save={args.save}"] if args.save else [])
