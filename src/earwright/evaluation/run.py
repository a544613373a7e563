"""Running a recognizer over cuts, to score what it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earwright.audio.read import Samples
from earwright.cuts import Cut, read_cut_audio
from earwright.decoding import Decoded, Decoder
from earwright.errors import EarwrightError
from earwright.evaluation.align import Weights
from earwright.evaluation.score import Evaluation, score
from earwright.recognizer import Recognizer
from earwright.transcript import Transcript, Word


@dataclass(frozen=True)
class Run:
    """Transcripts of cuts, and what they took.

    Attributes:
        cuts: the cuts that were transcribed, in order.
        transcripts: theirs.
        failed: the other cuts, with the reason.
        audio_seconds: length of the cuts that were transcribed.
        decode_seconds: of wall time, reading and resampling included.
        others: the transcripts by other decoders of the same log-probs, whose time does not count.
    """

    cuts: tuple[Cut, ...]
    transcripts: tuple[Transcript, ...]
    failed: tuple[tuple[Cut, str], ...]
    audio_seconds: float
    decode_seconds: float
    others: tuple[tuple[Transcript, ...], ...] = ()

    def score_others(
        self, normalizer: str = "basic", weights: Weights = "unit", seed: int = 0
    ) -> list[Evaluation]:
        """`score` for the transcripts of each of the other decoders."""
        return [
            replace(self, transcripts=transcripts).score(normalizer, weights, seed)
            for transcripts in self.others
        ]

    def score(self, normalizer: str = "basic", weights: Weights = "unit", seed: int = 0) -> Evaluation:
        """Score the transcripts against the cuts' texts; the arguments are those of `evaluation.score`.

        Raises:
            EarwrightError: no cut could be transcribed.
        """
        if not self.cuts and self.failed:
            cut, reason = self.failed[0]
            raise EarwrightError(
                f"none of the {len(self.failed)} cuts could be transcribed; {cut.id}: {reason}"
            )
        return score(
            [cut.text for cut in self.cuts],
            [transcript.text for transcript in self.transcripts],
            normalizer,
            speakers=[cut.speaker for cut in self.cuts],
            durations=[cut.duration for cut in self.cuts],
            ids=[cut.id for cut in self.cuts],
            seed=seed,
            weights=weights,
        )


def transcribe_cuts(
    recognizer: Recognizer,
    cuts: Sequence[Cut],
    on_seconds: Callable[[float], None] | None = None,
    on_failure: Callable[[Cut, str], None] | None = None,
    others: Sequence[Decoder] = (),
    alter: Callable[[Cut, Samples], Samples] | None = None,
) -> Run:
    """Transcribe cuts; one that cannot be read is kept aside and the rest goes on.

    Args:
        recognizer: what to run.
        cuts: what to run it on.
        on_seconds: told of the seconds of audio done, for a progress bar.
        on_failure: told at once of a cut that could not be transcribed, and why.
        others: decoders to read the same log-probs with, too.
        alter: makes of a cut's audio what is transcribed in its place; what it raises ends all.
    """
    sent: list[Cut] = []
    done: list[tuple[Cut, tuple[Transcript, ...]]] = []
    clocked = [_Clocked(decoder) for decoder in others]
    failed: list[tuple[Cut, str]] = []

    def fail(cut: Cut, reason: str) -> None:
        failed.append((cut, reason))
        if on_failure is not None:
            on_failure(cut, reason)

    def waveforms() -> Iterator[Samples]:
        for cut in cuts:
            try:
                samples = read_cut_audio(cut, recognizer.meta.sample_rate)
            except EarwrightError as error:
                fail(cut, str(error))
                continue
            sent.append(cut)
            yield samples if alter is None else alter(cut, samples)

    began = time.perf_counter()
    results = recognizer.transcribe_ways(waveforms(), [recognizer.decoder, *clocked])
    for number, result in enumerate(results):
        cut = sent[number]
        if isinstance(result, EarwrightError):
            fail(cut, str(result))
        else:
            done.append((cut, result))
        if on_seconds is not None:
            on_seconds(cut.duration)
    return Run(
        cuts=tuple(cut for cut, _ in done),
        transcripts=tuple(found[0] for _, found in done),
        failed=tuple(failed),
        audio_seconds=sum(cut.duration for cut, _ in done),
        decode_seconds=time.perf_counter() - began - sum(each.seconds for each in clocked),
        others=tuple(tuple(found[1 + way] for _, found in done) for way in range(len(others))),
    )


class _Clocked:
    """A decoder, and how long it took."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder, self.seconds = decoder, 0.0

    def decode(self, batch: Sequence[npt.NDArray[np.float32]]) -> list[Decoded]:
        """What the decoder finds."""
        began = time.perf_counter()
        found = self.decoder.decode(batch)
        self.seconds += time.perf_counter() - began
        return found

    def write(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """As the decoder writes them."""
        return self.decoder.write(words)
