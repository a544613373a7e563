"""What a user can say about a split, and how it is read from the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from earwright.errors import EarwrightError

PARTS = ("train", "dev", "test")
NONE = "none"  # in `parts_of`: cuts with this value are in no part
SECONDS = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True)
class Amount:
    """How much a part should have: a share of all hours, or seconds."""

    number: float
    is_share: bool = True

    def seconds(self, total: float) -> float:
        """In a corpus of `total` seconds."""
        return self.number * total if self.is_share else self.number


@dataclass(frozen=True)
class SplitOptions:
    """How to split.

    Attributes:
        by: columns whose values must not be in two parts: speaker, recording, utterance, or any that the
            corpus has; () takes the first of these three that there is something to part by.
        dev, test: how much each should have; 0 makes no such part.
        balance: columns of whose values each part should have like shares.
        column: the column that says which part a cut is in; `balance` is then only reported, and `by`, `dev`,
            `test` and `keep` are not looked at.
        parts_of: value of that column -> part, or "none" for neither; "" stands for no value.
        shared_texts: what becomes of sentences that are said in two parts: "report" counts them, "part" keeps
            all who say one together, "drop" takes them out of train (and of dev, where test says them).
        keep: folder of an earlier split, whose groups stay where they are.
        seed: another one gives another split.
    """

    by: tuple[str, ...] = ()
    dev: Amount = Amount(0.1)
    test: Amount = Amount(0.1)
    balance: tuple[str, ...] = ()
    column: str | None = None
    parts_of: Mapping[str, str] = field(default_factory=lambda: {name: name for name in PARTS})
    shared_texts: str = "report"
    keep: str | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.column:
            return
        shares = [amount.number for amount in (self.dev, self.test) if amount.is_share]
        if sum(shares) >= 1:
            raise EarwrightError(
                f"dev and test are to have {sum(shares):.0%} of the hours, which leaves nothing to train on; "
                "ask for less (--dev, --test)."
            )
        if len(self.wanted_parts) == 1:
            raise EarwrightError("neither dev nor test is asked for; give --dev or --test more than 0.")

    @property
    def wanted_parts(self) -> tuple[str, ...]:
        """The parts that are asked for by amount."""
        amounts = {"train": 1.0, "dev": self.dev.number, "test": self.test.number}
        return tuple(name for name in PARTS if amounts[name] > 0)


def parse_amount(text: str, option: str) -> Amount:
    """An amount as people write it: 0.1 and 10% are shares; 30m, 1.5h and 90s are times.

    Args:
        text: what they wrote.
        option: where, for messages.

    Raises:
        EarwrightError: it is neither, or a share of 1 or more.
    """
    match = re.fullmatch(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(%|h|min|m|s)?\s*", text)
    if not match:
        raise EarwrightError(f"{option} {text}: give a share (0.1 or 10%) or a time (30m, 1.5h).")
    number, unit = float(match[1]), match[2]
    if unit in SECONDS:
        return Amount(number * SECONDS[unit], is_share=False)
    share = number / 100 if unit else number
    if share >= 1:
        raise EarwrightError(
            f"{option} {text}: a share lies below 1 (0.1 is a tenth), and a time has a unit (30m, 1.5h)."
        )
    return Amount(share)


def parse_parts(text: str) -> dict[str, str]:
    """Which part each value of a column names, from "dev=validation,none=other": value -> part.

    Parts that are not mentioned go by their own names.

    Raises:
        EarwrightError: it is not of that form, or names a value twice.
    """
    said: dict[str, str] = {}
    for piece in text.split(","):
        part, sign, value = (word.strip() for word in piece.partition("="))
        if not sign or part not in (*PARTS, NONE):
            raise EarwrightError(
                f"--parts {text}: {piece.strip()!r} is not PART=VALUE, PART being train, dev, test or none."
            )
        if value in said:
            raise EarwrightError(f"--parts {text}: the value {value!r} is in it twice.")
        said[value] = part
    return {name: name for name in PARTS if name not in said.values()} | said
