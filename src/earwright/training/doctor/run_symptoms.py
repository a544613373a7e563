"""What goes wrong while a model learns: rules from the log so far to findings.

Where a threshold comes from "healthy runs", these are some twenty that were looked at: tones, synthesized
commands, digits, LibriSpeech and a German reader; 32 to 256 channels, 2 to 10 blocks, 400 to 3600 steps,
characters and pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median

from earwright.training.doctor.finding import NOTE, Finding
from earwright.training.doctor.history import History

# Tokens written for one that was said. A model that has found its first letter writes it everywhere.
ONLY_BLANKS = 0.02
EARLY = 0.1  # of the run: before that there is nothing to say about blanks
STILL_STUCK = 0.25  # of the run: with steps that large, letters would have come
LATE = 0.6  # of the run: letters that come later leave no time to learn words
# Sum of the learning rates before letters came in healthy runs (0.02 to 1.1), and with a margin of two.
LETTERS_AFTER = (0.02, 1.1)
STUCK = 2.0
# Of the loss of who guesses by frequency alone. A model knows nothing more until it is below; the plateau
# itself lies at 0.98 to 1.06.
NOTHING_LEARNT = 0.95
# A step moves a matrix by this share of its size. Healthy runs stay below 0.02; beyond 0.25 a few steps
# replace the whole matrix, and what it had learnt with it.
LARGE_UPDATE, HUGE_UPDATE = 0.04, 0.25
SHORT_WARMUP = 10  # steps: Adam's second moment is a mean over fifty (beta 0.98), and a guess before
RISE, RISE_AT_LEAST = 1.5, 0.3  # times the lowest loss, and nats above it: dearer batches explain neither
# Sum of the updates, as a share of the weights: even if all went one way, less than a third of a random
# matrix would have changed. Healthy runs have 1 and more.
LITTLE_MOVEMENT = 0.3
USUAL_RATE = 3e-4  # the lowest that recipes for such models use at their peak
GROWN, ABOVE_CLIP = 20.0, 2.0  # times the smallest norm of the run, and times the norm that is clipped to
NOT_FINITE, AMONG = 3, 50  # steps; one may be a bad batch
# Of the largest layer's gradient. Neighbouring blocks of healthy runs differ by 2 to 5, all layers by less
# than 30.
DYING = 1e-3
CHANCE = 1e-6  # that layers which are skipped at random pass for frozen


def only_blanks(history: History) -> Finding | None:
    """Nothing is written yet, which is how every CTC model begins."""
    written, share = history.last("written", 2), history.share_done
    if len(written) < 2 or max(written) >= ONLY_BLANKS or share < EARLY:
        return None
    blank, loss, rate = history.vitals[-1]["blank"], history.loss(), history.plan.get("learning_rate", 0.0)
    what = (
        f"only blanks ({100 * blank:.0f} % of the frames)"
        if blank >= 0.5
        else "one token all the way through"
    )
    seen = f"At step {_of(history)} it writes {what}, at a loss of {loss:.2f} nats a token."
    figures = {"blank": blank, "loss": loss, "share_of_run": share}
    first, last = history.plan.get("letters_expected") or (1, None)
    if history.travelled < STUCK and share < LATE:
        if first is None:
            return None  # the rates are too low for letters: another rule tells
        if last is None or history.step <= last:
            normal = f"That is normal at this point: letters are to be expected from step {first} on"
            seen = f"{seen} {normal}{f', and by step {last}' if last else ''}."
        else:
            seen = f"{seen} That is late: letters were to be expected by step {last}."
        return Finding("only-blanks", seen, "", NOTE, figures=figures)
    travel = history.plan.get("travel", math.inf)
    earliest, latest = LETTERS_AFTER
    usual = f"in healthy runs letters came once the learning rates added up to {earliest} to {latest}"
    if travel < latest:
        return Finding(
            "too-few-steps",
            f"{seen} This run may be over before letters come: {usual}, and here they will add up to "
            f"{travel:.2g}.",
            "Train for longer"
            + (f", or raise training.learning_rate ({rate:g})." if rate < USUAL_RATE else "."),
            figures=figures | {"travel": travel},
        )
    return Finding(
        "only-blanks",
        f"{seen} That is not normal so late: {usual}, and here they add up to {history.travelled:.2f}.",
        "See whether it learns ten utterances by heart (--overfit 10): if it does, it needs more steps or "
        "easier, shorter utterances; if not, listen to some recordings beside their texts.",
        figures=figures,
    )


def learns_nothing(history: History) -> Finding | None:
    """It writes something, and is no better than guessing."""
    guess, loss = history.guess, history.loss()
    if guess is None or not loss >= NOTHING_LEARNT * guess or history.share_done < LATE:
        return None
    if only_blanks(history) or history.travelled < LETTERS_AFTER[1]:
        return None
    return Finding(
        "learns-nothing",
        f"At step {_of(history)} the loss is {loss:.2f} nats a token, no better than guessing each token by "
        f"its frequency ({guess:.2f}).",
        "The texts seem not to belong to the recordings: compare some by ear, and see whether ten utterances "
        "can be learnt by heart (--overfit 10).",
        figures={"loss": loss, "guess": guess},
    )


def rate_too_high(history: History) -> Finding | None:
    """Steps so large that they undo what was learnt."""
    moved = [(line["step"], _median(line["updates"])) for line in history.vitals if line.get("updates")]
    if not moved or history.step < SHORT_WARMUP:
        return None
    largest = max(update for _, update in moved)
    # Adam's first step moves every weight by the whole rate, whatever the gradient: alone it proves nothing.
    later = max((update for step, update in moved if step > 1), default=0.0)
    loss, guess = history.loss(), history.guess or math.inf
    late = history.share_done >= STILL_STUCK or history.travelled >= STUCK
    stuck = late and loss >= NOTHING_LEARNT * guess
    if not (largest >= HUGE_UPDATE or (later >= LARGE_UPDATE and stuck)):
        return None
    sentence = (
        f"A step changes a layer by up to {100 * largest:.0f} % of its size, where 0.1 to 2 % are usual, and "
        f"the loss is {loss:.2f} nats a token"
    )
    sentence += f" ({guess:.2f} is what guessing costs)." if math.isfinite(guess) else "."
    figures = {"update": largest, "loss": loss}
    rate = history.plan.get("learning_rate", max(history.rates, default=math.nan))
    if history.plan.get("warmup_steps", SHORT_WARMUP) < SHORT_WARMUP:
        return Finding(
            "no-warmup",
            sentence.replace("A step", f"Without a warm-up, at a rate of {rate:g} from the start, a step", 1),
            "Let training.warmup be 0.1, so that the rate rises over the first tenth of the steps; if that "
            "is not enough, lower training.learning_rate.",
            figures=figures,
        )
    return Finding(
        "rate-too-high",
        sentence,
        f"Lower training.learning_rate ({rate:g}) to {_rounded(rate * 0.01 / largest)}.",
        figures=figures,
    )


def loss_rises(history: History) -> Finding | None:
    """The loss has left the best that it had reached."""
    losses = [line["loss"] for line in history.vitals if math.isfinite(line["loss"])]
    if len(losses) < 6:
        return None
    best, now = min(losses[2:-2], default=math.inf), min(losses[-2:])
    if now < max(RISE * best, best + RISE_AT_LEAST):
        return None
    return Finding(
        "loss-rises",
        f"The training loss has risen from {best:.2f} to {now:.2f} nats a token and stays there.",
        "Lower training.learning_rate by half, or training.clip; the averaged weights of the best step are "
        "not kept, so begin again.",
        weight=now,
        figures={"loss": now, "lowest": best},
    )


def rate_too_low(history: History) -> Finding | None:
    """Steps so small that the run ends where it began."""
    guess, loss = history.guess, history.loss()
    whole = history.plan.get("travel", 0.0)
    if guess is None or not whole or history.share_done < 2 * EARLY or loss < NOTHING_LEARNT * guess:
        return None
    so_far = history.movement()
    ahead = so_far * whole / max(history.travelled, 1e-12)
    if not 0 < ahead < LITTLE_MOVEMENT:
        return None
    rate = history.plan.get("learning_rate", math.nan)
    seen = (
        f"By the end of this run the weights can have changed by {100 * ahead:.0f} % of their size at most, "
        f"which is too little to learn anything; the loss is {loss:.2f} nats a token, where guessing costs "
        f"{guess:.2f}."
    )
    figures = {"movement": ahead, "loss": loss}
    if rate < USUAL_RATE:
        return Finding(
            "rate-too-low", seen, f"Raise training.learning_rate ({rate:g}) to 1e-3 or so.", figures=figures
        )
    return Finding(
        "too-few-steps",
        seen,
        f"Train for longer: {history.steps} steps are too few, and the rate ({rate:g}) is not low.",
        figures=figures,
    )


def gradients_not_finite(history: History) -> Finding | None:
    """Steps that had to be left out."""
    recent = [step for step in history.not_finite if step > history.step - AMONG]
    if len(recent) < NOT_FINITE:
        return None
    layers = [
        layer
        for line in history.vitals[-AMONG:]
        for layer, norm in (line.get("gradients") or {}).items()
        if norm is None and line["step"] in recent
    ]
    # backward runs from the last layer to the first
    where = f", first seen in {layers[-1]}" if layers else ""
    bf16 = history.plan.get("precision") == "bf16"
    return Finding(
        "gradients-not-finite",
        f"The gradients of {len(recent)} of the last {min(AMONG, history.step)} steps were not "
        f"finite{where}; these steps changed nothing.",
        'Set training.precision = "fp32".' if bf16 else "Lower training.learning_rate by half.",
        weight=len(recent),
        figures={"steps": len(recent)},
    )


def gradients_explode(history: History) -> Finding | None:
    """Norms that have grown far beyond what the run had before."""
    norms = [norm for norm in history.norms[-20:] if math.isfinite(norm)]
    clip = history.plan.get("clip", 5.0)
    lowest = history.lowest_norm()
    if len(norms) < 20 or not lowest or median(norms) < max(GROWN * lowest, ABOVE_CLIP * clip):
        return None
    now = median(norms)
    layers = history.vitals[-1].get("gradients") or {}
    largest = max(layers, key=lambda layer: layers[layer] or math.inf, default="")
    share = (layers[largest] or 0.0) / max(now, 1e-12) if largest else 0.0
    where = f", most of all in {largest} ({layers[largest]:.3g})" if share > 0.5 else ""
    return Finding(
        "gradients-explode",
        f"The gradient has a norm of {now:.3g}, where it had {lowest:.2g} before{where}; training.clip = "
        f"{clip:g} holds it, and hides how wrong its direction is.",
        "Lower training.learning_rate by half, and see whether the loss still falls.",
        weight=now,
        figures={"norm": now, "before": lowest},
    )


def layer_still(history: History) -> Finding | None:
    """A layer that does not learn: nothing moves in it, or next to nothing reaches it."""
    looks = _looks(history)
    updates, gradients = history.last("updates", looks), history.last("gradients", looks)
    if len(updates) < looks or len(gradients) < looks or history.rates[-1] <= 0:
        return None
    frozen = [layer for layer in updates[-1] if all(not line.get(layer) for line in updates)]
    if frozen:
        return Finding(
            "layer-frozen",
            f"{_listed(frozen)} did not move in {looks} steps that were looked at, while others changed by "
            f"{100 * _median(updates[-1]):.2g} % a step.",
            "If that is not wanted, see whether requires_grad was switched off, or whether the layer is used "
            "at all.",
            weight=len(frozen),
            figures={"layers": len(frozen)},
        )
    shares = {
        layer: max((line[layer] or 0.0) / max(norm or 0.0 for norm in line.values()) for line in gradients)
        for layer in gradients[-1]
        if all(any(line.values()) and layer in line for line in gradients)
    }
    dying = [layer for layer, share in shares.items() if share < DYING]
    if not dying:
        return None
    smallest = min(shares[layer] for layer in dying)
    return Finding(
        "gradients-die",
        f"Next to nothing reaches {_listed(dying)}: its gradient is {smallest:.0e} of the largest layer's, "
        "where 0.03 to 1 is usual.",
        "Something above it is saturated or cuts the gradient off: lower training.learning_rate, and look at "
        "what was changed in the model there.",
        weight=len(dying),
        figures={"share": smallest, "layers": len(dying)},
    )


def _looks(history: History) -> int:
    """So many looks in a row that no layer which is skipped at random is skipped in all of them by chance."""
    skipped = history.plan.get("stochastic_depth", 0.0)
    return max(3, math.ceil(math.log(CHANCE) / math.log(skipped))) if 0 < skipped < 1 else 3


def _of(history: History) -> str:
    return f"{history.step} of {history.steps}" if history.steps else str(history.step)


def _median(layers: dict[str, float]) -> float:
    """Of the layers that moved; one that was skipped did not."""
    moved = [value for value in layers.values() if value]
    return median(moved) if moved else 0.0


def _listed(layers: list[str]) -> str:
    return ", ".join(layers[:3]) + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")


def _rounded(rate: float) -> str:
    """To one digit, as people write rates."""
    return f"{rate:.0e}".replace("e-0", "e-")


Rule = Callable[[History], Finding | None]
# What explains others comes before them.
RUN_RULES: tuple[Rule, ...] = (
    gradients_not_finite,
    rate_too_high,
    rate_too_low,
    layer_still,
    gradients_explode,
    loss_rises,
    only_blanks,
    learns_nothing,
)
