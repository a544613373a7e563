"""What the looks at dev tell, and the clock: rules from the log so far to findings."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, median
from typing import Any

from earwright.training.doctor.finding import NOTE, Finding
from earwright.training.doctor.history import History, number

# Looks at dev in a row: a small dev set goes up and down by itself.
IN_A_ROW = 3
# Times its lowest. In the last tenth of a healthy run the loss on dev varies by 2 %, on a few digits by 5 %.
WORSE, WORSE_AT_LEAST = 1.2, 0.05  # and nats: near nought, a fifth is nothing
# Times the training loss of that time: the model went on learning what does not carry over.
LEARNT_SINCE = 0.8
# This is overfitting even where the errors have not grown yet: a dev loss so far above its lowest, or so many
# times that of training, which can only be had by heart.
MUCH_WORSE, GAP = 1.5, 20.0
# Of the lowest CER, which is the luckiest of many looks: less than that is noise.
STANDARD_ERRORS = 2.0
FEW_LETTERS = 1000  # in dev, where the log does not say
WORDS_WRONG = 0.5  # of them, at least
# Written for one that was said. Healthy models write words too short at first, and so too many; too few for
# so many letters they write only where spaces are missing.
MANY_LETTERS, JOINED = 0.5, 0.5
# Where letters are right three times of four, what is wrong with the words is between the letters.
LETTERS_KNOWN = 0.25
SPELT_OTHERWISE = 0.1  # in CER, that spaces, signs and case alone add
FINE = 0.35  # of the loss of a guess: about every second word is right then
FAR = 0.8  # of the same: hardly anything is
HALF = 0.5  # of the run
# A seventh of the time is worth more than most changes to a model; reading ahead hides all of it.
WAITING = 0.15
WINDOW = 15.0  # seconds of training in which that is measured: some dozens of batches of every length
# Seconds: two such windows in a row are more than a spell in which something else was done on the machine.
LONG_WINDOW = 60.0
SLOWER = 0.6  # times the speed before: batches of other lengths change it by a tenth
WINDOWS = 4  # at least, two of them slow


def overfitting(history: History) -> Finding | None:
    """Dev gets worse while the training loss falls on."""
    looks = [line for line in history.dev if math.isfinite(number(line.get("loss")))]
    if len(looks) < 2 * IN_A_ROW or history.plan.get("overfit"):
        return None
    lowest = min(looks, key=lambda line: line["loss"])
    recent = looks[-IN_A_ROW:]
    now, then = recent[-1], lowest
    if min(line["loss"] for line in recent) < max(WORSE * then["loss"], then["loss"] + WORSE_AT_LEAST):
        return None
    if not now["train_loss"] < LEARNT_SINCE * then["train_loss"]:
        return None
    best = min(looks, key=lambda line: line["cer"])
    errors = fmean(line["cer"] for line in recent)
    letters = history.facts.get("dev", {}).get("letters") or FEW_LETTERS
    noise = math.sqrt(max(0.0, best["cer"] * (1 - best["cer"])) / letters)
    by_heart = now["loss"] > min(MUCH_WORSE * then["loss"], GAP * now["train_loss"])
    worse = by_heart or errors > best["cer"] + STANDARD_ERRORS * noise
    seen = (
        f"Overfitting: since step {then['step']} the loss on dev has risen from {then['loss']:.2f} to "
        f"{now['loss']:.2f} nats a token, while that of the training set fell from {then['train_loss']:.2f} "
        f"to {now['train_loss']:.2f}; the fewest errors on dev were made at step {best['step']} "
        f"(CER {100 * best['cer']:.1f} %, now {100 * errors:.1f} %)."
    )
    return Finding(
        "overfitting",
        seen,
        "More speakers and more hours help most; then a higher model.dropout, more SpecAugment, a smaller "
        f"model or fewer steps (training.steps = {best['step']})."
        if worse
        else "It makes no more errors so far, but grows too sure of them.",
        severity="warning" if worse else NOTE,
        weight=now["loss"] / then["loss"],
        figures={
            "best_step": best["step"], "best_cer": best["cer"], "cer": errors, "dev_loss": now["loss"],
            "train_loss": now["train_loss"],
        },
    )  # fmt: skip


def left_behind(history: History) -> Finding | None:
    """What is learnt never carried over to dev at all."""
    guess = history.guess
    if not history.dev or guess is None or history.share_done < HALF or history.plan.get("overfit"):
        return None
    now = history.dev[-1]
    loss = min((number(line.get("loss")) for line in history.dev), default=math.nan)
    train = now["train_loss"]
    if not (train < FINE * guess and loss > FAR * guess):
        return None
    return Finding(
        "dev-left-behind",
        f"The training loss is fine ({train:.2f} nats a token), and dev has never been below {loss:.2f}, "
        f"where guessing costs {guess:.2f}: CER {100 * now['cer']:.0f} %.",
        "What is learnt does not carry over: the training set is too small, or dev is of another kind "
        "(speakers, room, words).",
        figures={"train_loss": train, "dev_loss": loss},
    )


def words_wrong(history: History) -> Finding | None:
    """Letters that are right in words that are wrong."""
    looks = history.dev[-2:]
    if len(looks) < 2 or any(not {"letters_cer", "letters", "words"} <= line.keys() for line in looks):
        return None
    now = looks[-1]
    if any(line["wer"] < WORDS_WRONG for line in looks):
        return None
    figures = {key: now[key] for key in ("wer", "letters_cer", "letters", "words")}
    if all(line["letters"] >= MANY_LETTERS and line["words"] < JOINED * line["letters"] for line in looks):
        return Finding(
            "spaces-wrong",
            f"It joins words: {now['words']:.2f} are written for each that was said, and "
            f"{now['letters']:.2f} letters for each letter (WER {100 * now['wer']:.0f} %).",
            "See whether the training texts have their spaces (earwright tokens shows them), and whether "
            "both sets write words apart in the same way.",
            figures=figures,
        )
    between = now["cer"] - now["letters_cer"]
    if any(line["letters_cer"] > LETTERS_KNOWN for line in looks) or between <= SPELT_OTHERWISE:
        return None
    return Finding(
        "spelt-otherwise",
        f"The letters are right ({100 * now['letters_cer']:.0f} % errors) and the words are not (WER "
        f"{100 * now['wer']:.0f} %): case, signs and spaces make {100 * between:.0f} % of the errors.",
        "Write both sets by the same rules (text.normalizer).",
        figures=figures,
    )


def waiting_for_data(history: History) -> Finding | None:
    """The model computes faster than it gets batches."""
    windows = history.windows(WINDOW)
    if len(windows) < 2 or min(window["waiting"] for window in windows[-2:]) < WAITING:
        return None
    share = windows[-1]["waiting"]
    return Finding(
        "waiting-for-data",
        f"{100 * share:.0f} % of the time the model waits for data.",
        'Raise data.workers; data.cache = "pcm" decodes every recording only once; and put the data on a '
        "faster disk.",
        weight=share,
        figures={"waiting": share},
    )


def machine_slower(history: History) -> Finding | None:
    """The same work takes longer than before."""
    windows = history.windows(LONG_WINDOW)
    if len(windows) < WINDOWS:
        return None
    before = median(window["speed"] for window in windows[:-2])
    now = max(window["speed"] for window in windows[-2:])
    if not 0 < now < SLOWER * before:
        return None
    cores_before = median(window["cores"] for window in windows[:-2])
    cores = windows[-1]["cores"]
    given_away = cores < (1 + SLOWER) / 2 * cores_before
    return Finding(
        "machine-slower",
        f"The machine has slowed down since step {windows[-2]['from_step']}: {now:.0f} s of audio a second, "
        f"where it had {before:.0f}; the run has {cores:.1f} cores at work (before: {cores_before:.1f}).",
        "Something else has taken the cores: see what runs beside it."
        if given_away
        else "The cores themselves are slower: heat, a saving of power, or neighbours on a shared machine.",
        weight=before / now,
        figures={"speed": now, "before": before, "cores": cores},
    )


Rule = Callable[[History], Finding | None]
DEV_LOOK_RULES: tuple[Rule, ...] = (overfitting, left_behind, words_wrong)
CLOCK_RULES: tuple[Rule, ...] = (waiting_for_data, machine_slower)


def describe_dev(history: History) -> dict[str, Any]:
    """The last look at dev and the best one; {} where there was none."""
    looks = [line for line in history.dev if math.isfinite(number(line.get("cer")))]
    if not looks:
        return {}
    best, last = min(looks, key=lambda line: line["cer"]), looks[-1]
    keys = ("step", "wer", "cer", "loss")
    return {name: {key: line.get(key) for key in keys} for name, line in (("last", last), ("best", best))}
