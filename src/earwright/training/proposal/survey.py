"""What cuts are, as far as a recipe depends on it: read once, line by line."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from earwright.cuts import Cut
from earwright.data.tokens import TextSurvey
from earwright.errors import EarwrightError

MIN_COUNTS = (1, 2, 3, 5)  # of characters, whose cost is looked at
LONG = 30.0  # seconds: what is longer costs memory that grows with the square
TELL_EVERY = 1000  # cuts


@dataclass(frozen=True)
class DataFacts:
    """Cuts that have a text, in figures.

    Attributes:
        utterances, hours: of them.
        without_text: cuts that have none once it is normalized.
        speakers: how many are named; 0 if none is.
        languages: code -> hours, the largest first; "" where no language is named.
        rates: Hz of the recordings -> hours.
        median, longest: seconds of an utterance.
        long_hours: of utterances longer than LONG seconds.
        characters: different ones, the space not counted.
        text_length: characters of all texts together.
        per_second: characters in a second of speech.
        with_digits: utterances whose text has a digit.
        too_long: speed -> utterances with more characters than CTC can fit into their audio.
        lost: min_count -> (characters that are seen less often, utterances that have one of them).
    """

    utterances: int
    hours: float
    without_text: int
    speakers: int
    languages: dict[str, float]
    rates: dict[int, float]
    median: float
    longest: float
    long_hours: float
    characters: int
    text_length: int
    per_second: float
    with_digits: int
    too_long: dict[float, int]
    lost: dict[int, tuple[int, int]]


def survey_cuts(
    cuts: Iterable[Cut], normalizer: str, where: str, report: Callable[[int], None] = lambda done: None
) -> DataFacts:
    """Count what matters, cut by cut.

    Args:
        cuts: however many.
        normalizer: that training would use.
        where: they come from, for messages.
        report: called with the number of cuts so far.

    Raises:
        EarwrightError: there is no cut, or none has a text.
    """
    texts = TextSurvey(normalizer, max(MIN_COUNTS))
    speakers: set[int] = set()  # hashes: names may be long
    languages: dict[str, float] = {}
    rates: dict[int, float] = {}
    seconds = array("d")
    digits = done = 0
    for done, cut in enumerate(cuts, 1):
        before = len(texts.seconds)
        texts.add(cut)
        if len(texts.seconds) > before:
            seconds.append(cut.duration)
            language = cut.language or ""
            languages[language] = languages.get(language, 0.0) + cut.duration / 3600
            rates[cut.sample_rate] = rates.get(cut.sample_rate, 0.0) + cut.duration / 3600
            digits += any(character.isdigit() for character in cut.text)
            if cut.speaker:
                speakers.add(hash(cut.speaker))
        if done % TELL_EVERY == 0:
            report(done)
    if not done:
        raise EarwrightError(f"{where}: there are no cuts in it; make them with earwright prepare.")
    if not seconds:
        raise EarwrightError(
            f"{where}: none of its {done:,} cuts has a text, and a recognizer learns from recordings with "
            "their texts."
        )
    ordered = sorted(seconds)
    figures = texts.figures()
    return DataFacts(
        utterances=len(seconds),
        hours=sum(seconds) / 3600,
        without_text=len(texts.without_text),
        speakers=len(speakers),
        languages=dict(sorted(languages.items(), key=lambda item: (-item[1], item[0]))),
        rates=dict(sorted(rates.items(), key=lambda item: (-item[1], item[0]))),
        median=ordered[len(ordered) // 2],
        longest=ordered[-1],
        long_hours=sum(second for second in ordered if second > LONG) / 3600,
        characters=sum(character != " " for character in texts.counts),
        text_length=sum(texts.lengths),
        per_second=figures.per_second,
        with_digits=digits,
        too_long=figures.too_long,
        lost={n: (len(out.characters), out.utterances) for n in MIN_COUNTS if (out := texts.left_out(n))},
    )
