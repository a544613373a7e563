"""What a user can choose when a corpus is prepared."""

from __future__ import annotations

from dataclasses import dataclass, field

from earwright.data.corpora.row import ReaderOptions
from earwright.data.preparation.checks import WARNINGS, Limits
from earwright.data.preparation.copies import CopyOptions
from earwright.data.preparation.ledger import Shard
from earwright.data.shards.write import ShardOptions
from earwright.errors import EarwrightError


@dataclass(frozen=True)
class PrepareOptions:
    """What a user can choose.

    Attributes:
        language: code of the language, such as en, for rows that do not name theirs.
        limits: what an utterance must keep to.
        channels: "mix", "split" (each side of a stereo file is a speaker) or the number of a channel.
        reader: what the corpus's reader is told.
        spell_numbers: put English and German numbers into words.
        reject: names of warnings for which rows are rejected.
        against: other prepared folders; what they share with this one is found.
        copy: how to copy the audio; None leaves it where it is.
        shards: how to copy it into shards; None makes none.
        shard: listen to this part of the files only, and write no cuts yet.
        merge: put together what the shards heard.
        jobs: processes; None takes all cores.
    """

    language: str | None = None
    limits: Limits = field(default_factory=Limits)
    channels: str = "mix"
    reader: ReaderOptions = field(default_factory=ReaderOptions)
    spell_numbers: bool = False
    reject: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    copy: CopyOptions | None = None
    shards: ShardOptions | None = None
    shard: Shard | None = None
    merge: bool = False
    jobs: int | None = None

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise EarwrightError(f"{self.jobs} processes cannot work; --jobs is at least 1.")
        unknown = next((name for name in self.reject if name not in WARNINGS), None)
        if unknown:
            known = ", ".join(WARNINGS)
            raise EarwrightError(f"there is no warning {unknown!r} to reject for; there are {known}.")
        if self.shard and not 1 <= self.shard.number <= self.shard.count:
            raise EarwrightError(
                f"there is no shard {self.shard.number} of {self.shard.count}: they are counted from 1."
            )
        if self.shard and self.merge:
            raise EarwrightError("--shard does a part of the work and --merge puts parts together: give one.")
        if self.shards and self.copy:
            raise EarwrightError("audio is copied into files of its own or into shards: give one of them.")
        if self.channels not in ("mix", "split") and not self.channels.isdecimal():
            raise EarwrightError(f"--channels {self.channels}: it is mix, split, or a number from 0 on.")
