"""What fine-tuning has gained on new speech, beside what it has lost on old speech."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from earwright.data.packed import Examples
from earwright.training.checkpoint import Progress
from earwright.training.recipe import Recipe

if TYPE_CHECKING:
    from earwright.training.setup import Parts
    from earwright.training.watch import DevResult


def errors_by_name(results: Sequence[DevResult]) -> dict[str, float]:
    """Error rates as fractions: "wer" and "cer" on new speech, "old_wer" and "old_cer" on old, if watched."""
    pairs = list(zip(("", "old_"), results, strict=False))
    return {f"{prefix}{rate}": getattr(result, rate) for prefix, result in pairs for rate in ("wer", "cer")}


def compared(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    """ "new WER 12.3 % (was 48.1), CER 4.1 % (was 20.2); old WER 33.0 % (was 30.4), CER 11.9 % (was 10.8)".

    Args:
        before, now: error rates as fractions: "wer" and "cer", and "old_wer" and "old_cer" if old speech is
            watched.
    """
    sets = [
        ", ".join(
            f"{rate.upper()} {100 * now[prefix + rate]:.1f} % (was {100 * before[prefix + rate]:.1f})"
            for rate in ("wer", "cer")
        )
        for prefix in ("", "old_")
        if f"{prefix}wer" in now
    ]
    return "; ".join(f"{name} {rates}" for name, rates in zip(("new", "old"), sets, strict=False))


def comparison_table(
    before: Mapping[str, float], after: Mapping[str, float], counts: Sequence[int]
) -> list[str]:
    """Lines for the end of a run: what was gained on new speech, and what became of the old.

    Args:
        before, after: as in `compared`.
        counts: utterances of the new dev set, and of the old one if it is watched.
    """
    lines = [f"{'dev, error in %':<22}{'before':>8}{'after':>8}{'change':>8}"]
    for (name, prefix), count in zip((("new", ""), ("old", "old_")), counts, strict=False):
        for rate in ("wer", "cer"):
            was, now = 100 * before[prefix + rate], 100 * after[prefix + rate]
            label = f"{name} speech ({count}) {rate.upper()}"
            lines.append(f"{label:<22}{was:>8.1f}{now:>8.1f}{now - was:>+8.1f}")
    return lines


def facts_of(parts: Parts, recipe: Recipe, progress: Progress) -> dict[str, Any]:
    """What bundle.toml says of where a recognizer came from; nothing if it was trained from scratch."""
    if not parts.start:
        return {}
    facts: dict[str, Any] = {"init": parts.start.bundle.meta.name, "init_sha256": parts.start.digest}
    if parts.training_set.replayed:
        new = parts.training_set.new
        old = parts.training_set.examples[len(new) :]
        facts |= {"utterances": len(new), "hours_of_speech": _hours(new)}
        facts |= {"replay_utterances": len(old), "replay_hours": _hours(old)}
        facts["replay_share"] = recipe.finetune.replay_share
    frozen = sum(p.numel() for p in parts.model.parameters() if not p.requires_grad)
    if frozen:
        facts["frozen_parameters"] = frozen
    for when, errors in (("before", progress.before), ("after", progress.after)):
        facts |= {f"dev_{name}_{when}": round(value, 4) for name, value in errors.items()}
    return facts


def _hours(examples: Examples) -> float:
    return round(float(examples.seconds.sum()) / 3600, 3)


def card_lines(facts: Mapping[str, Any]) -> str:
    """What card.md says of it, line by line; nothing if it was trained from scratch."""
    lines = []
    if "replay_share" in facts:
        lines.append(
            f"- Replayed: {facts['replay_utterances']} older utterances, {facts['replay_hours']} hours, as "
            f"{100 * facts['replay_share']:g} % of the audio\n"
        )
    lines += [
        f"- Words wrong of the {name} dev utterances, before fine-tuning and after: "
        f"{100 * facts[f'dev_{key}_before']:.1f} and {100 * facts[f'dev_{key}_after']:.1f} %\n"
        for name, key in (("new", "wer"), ("old", "old_wer"))
        if f"dev_{key}_before" in facts
    ]
    return "".join(lines)
