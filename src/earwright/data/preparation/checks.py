"""What is wrong with a row of training data, in a word and in a sentence: the rules for one row at a time.

What only shows beside the other rows (a narrower band than theirs, the same audio twice) is in
`corpus_checks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from earwright.data.corpora.row import Row
from earwright.data.preparation.listen import END_TOLERANCE, AudioReport, Heard, Problem
from earwright.data.preparation.measure import Measures
from earwright.data.preparation.texts import text_warnings

# Every reason for which a row is rejected, as it stands in rejected.jsonl.
REASONS = {
    "bad-row": "the line cannot be understood",
    "empty-text": "there is no text",
    "missing-audio": "the audio file is not there",
    "unreadable": "the file is not audio, or not of a kind that can be read",
    "truncated": "the audio breaks off before its end",
    "empty-audio": "the file holds no audio",
    "outside-audio": "start, end or channel lie outside the file",
    "two-sides": "one text for the two sides of a conversation",
    "too-short": "shorter than --min-duration",
    "too-long": "longer than --max-duration",
    "nan-samples": "samples are NaN or infinite",
    "silent": "nothing but digital silence",
    "all-but-silent": "nothing loud enough to be speech",
    "text-too-long": "more text than can be said in the time",
    "duplicate-id": "an earlier row has the same id",
    "text-not-said": "a long recording lacks words of its text",
    "speech-without-text": "a long recording has speech that its text lacks",
    "unsure": "a recognizer doubts that a stretch of a long recording says its text",
    "no-pause": "a stretch of a long recording has no pause to be cut at",
}

# Every reason for a warning, as it stands in warnings.jsonl: the row is kept unless --reject names it.
WARNINGS = {
    "clipped": "the loudest parts are cut off",
    "dc-offset": "the samples do not swing around zero",
    "channels-cancel": "mixing the channels takes away most of what is in them",
    "narrow-band": "no high frequencies, which most of the others have",
    "speaking-rate": "far more or less text for its length than the others have",
    "digits": "how its digits are read is not written",
    "symbols": "it has symbols that may be read out",
    "mixed-scripts": "one word mixes letters of several alphabets",
    "control-characters": "it has control characters or bytes that could not be decoded",
    "rare-character": "a character that is in no other text",
    "duplicate-audio": "an earlier row has the same audio",
    "duplicate-text": "an earlier row of the same speaker has the same text",
    "near-duplicate-text": "another text differs from it in a word or a letter",
    "shared-speaker": "its speaker is in a set given with --against",
    "shared-audio": "its audio is in a set given with --against",
    "shared-text": "its sentence is in a set given with --against",
}

# One step of 16 bits between the lowest and the highest sample; dither and codecs stay within.
SILENCE = 1 / 32768
# dBFS of active speech: below lie clips of Common Voice whose microphone was off; quiet digits reach -55.
FAINTEST = -56.0
PEAK_OVER_LEVEL = 12.0  # dB, at least, in speech
CLIPPED_SHARE = 1e-3  # of the samples; a thousandth is heard as a crackle in the loudest vowels
DC_OFFSET = 0.01  # of full scale; -40 dB, below which it does nothing to any feature
CANCELLED = 12.0  # dB; channels without anything in common lose 3, a microphone wired the wrong way round all


@dataclass(frozen=True)
class Limits:
    """What an utterance must keep to.

    Attributes:
        min_duration: seconds; below a tenth there is no word.
        max_duration: seconds; a batch must hold it.
        max_characters_per_second: 25, the frames a second of a recognizer that looks at 40 ms at a time: CTC
            needs a frame for each character. Quick speakers reach 20.
    """

    min_duration: float = 0.1
    max_duration: float = 60.0
    max_characters_per_second: float = 25.0


def check_text(row: Row, transcribed: bool = True) -> Problem | None:
    """What is wrong with a row before its audio is listened to.

    Args:
        row: as its reader gave it.
        transcribed: whether it must have a text.
    """
    if transcribed and not row.text.strip():
        return Problem("empty-text", "there is no text for it")
    if row.start < 0 or (row.duration is not None and row.duration <= 0):
        return Problem("outside-audio", f"start {row.start:g} s, duration {row.duration} s")
    return None


def check_audio(row: Row, report: AudioReport, heard: Heard | None, limits: Limits) -> Problem | None:
    """What is wrong with a row, its file having been listened to.

    Args:
        row: one that `check_text` found nothing wrong with.
        report: of its file.
        heard: its part of the report; None if the report is a problem.
        limits: what it must keep to.
    """
    if report.problem or heard is None:
        return report.problem
    length = report.samples / report.sample_rate
    if not heard.samples:
        return Problem("outside-audio", f"it starts at {row.start:g} s, the file ends at {length:.3f} s")
    if row.duration is not None and row.start + row.duration > length + END_TOLERANCE:
        return Problem(
            "outside-audio", f"it ends at {row.start + row.duration:g} s, the file at {length:.3f} s"
        )
    duration = heard.samples / report.sample_rate
    if heard.not_finite:
        return Problem("nan-samples", f"{heard.not_finite} of {heard.samples} samples are NaN or infinite")
    if duration < limits.min_duration:
        return Problem("too-short", f"{duration:.3f} s; at least {limits.min_duration:g} s are asked for")
    if duration > limits.max_duration:
        return Problem("too-long", f"{duration:.1f} s; at most {limits.max_duration:g} s are asked for")
    if heard.high - heard.low <= SILENCE:
        return Problem("silent", f"{duration:.3f} s of digital silence")
    if heard.measures and _loudness(heard.measures) < FAINTEST:
        detail = f"its loudest parts are at {_loudness(heard.measures):.0f} dBFS; speech is at -40 to -15"
        if heard.cancelled > CANCELLED:
            detail = f"mixed, its channels lose {heard.cancelled:.0f} dB; take one: --channels 0"
        return Problem("all-but-silent", detail)
    if len(row.text) > limits.max_characters_per_second * duration:
        return Problem(
            "text-too-long",
            f"{len(row.text)} characters in {duration:.2f} s; "
            f"at most {limits.max_characters_per_second:g} a second are asked for",
        )
    return None


def _loudness(measures: Measures) -> float:
    """Of active speech in dBFS; of a clip too short or too quiet to tell it, what its peak allows."""
    if measures.level is not None:
        return measures.level
    return -math.inf if measures.peak is None else measures.peak - PEAK_OVER_LEVEL


def warn(row: Row, heard: Heard) -> Iterator[tuple[str, str]]:
    """What in a good row is worth a word: keys of WARNINGS, and the particulars."""
    yield from text_warnings(row.text)
    measures = heard.measures
    if measures is None:
        return
    if measures.clipped > CLIPPED_SHARE:
        yield "clipped", f"{100 * measures.clipped:.1f} % of the samples lie in flat tops"
    if abs(measures.dc_offset) > DC_OFFSET:
        yield "dc-offset", f"the samples swing around {100 * measures.dc_offset:+.1f} % of full scale"
    if heard.cancelled > CANCELLED:
        yield "channels-cancel", f"mixed, the channels lose {heard.cancelled:.0f} dB; take one: --channels 0"
