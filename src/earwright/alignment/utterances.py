"""An aligned recording cut at its pauses: what can be trusted as training data, and what cannot and why."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from earwright.alignment.align import AlignedWord, Extra, TextAlignment
from earwright.errors import EarwrightError

NOT_SAID = "text-not-said"
NO_TEXT = "speech-without-text"
UNSURE = "unsure"
NO_PAUSE = "no-pause"
MOST_SILENCE = 2.0  # seconds within an utterance


@dataclass(frozen=True)
class CuttingOptions:
    """How recordings are cut.

    Attributes:
        pause: seconds without a word at which may be cut.
        longest: seconds of an utterance.
        least_confidence: of the words between two pauses, their mean; 0 keeps all.
        margin: seconds of the pause that an utterance keeps on each side at most.
    """

    pause: float = 0.2
    longest: float = 20.0
    least_confidence: float = 0.3
    margin: float = 0.25

    def __post_init__(self) -> None:
        """Raises EarwrightError for what makes no sense."""
        for name, least in (("pause", 0.04), ("longest", 1.0), ("margin", 0.0)):
            if not least <= getattr(self, name) < math.inf:
                raise EarwrightError(f"{name} is {getattr(self, name)}; give {least} seconds or more.")
        if not 0.0 <= self.least_confidence <= 1.0:
            raise EarwrightError(f"the least confidence is {self.least_confidence}; give 0 to 1.")


@dataclass(frozen=True)
class Utterance:
    """A stretch of a recording with the words that are said in it.

    Attributes:
        start, end: seconds.
        text: as the text has it.
        confidence: the mean of the words'.
        line: of the text on which it begins; 0 where it has no words.
        reason: why it cannot be used; "" if it can.
        detail: the same in words.
    """

    start: float
    end: float
    text: str
    confidence: float
    line: int
    reason: str = ""
    detail: str = ""


@dataclass
class _Stretch:
    """Said words between two pauses, with what is wrong among them."""

    words: list[AlignedWord]  # of the text, also those without a sound that stand between them
    start: float
    end: float
    missing: list[str] = field(default_factory=list)
    extra: list[Extra] = field(default_factory=list)

    @property
    def confidence(self) -> float:
        """The mean of its words'; 0 where there are none."""
        said = [word.confidence for word in self.words if word.start is not None]
        return sum(said) / max(1, len(said))


def cut_utterances(alignment: TextAlignment, options: CuttingOptions = CuttingOptions()) -> list[Utterance]:
    """Cut a recording at its pauses.

    Between two pauses either all words are said as the text has them, or the whole stretch is left out, for
    then nobody knows where the fault ends. Stretches that follow each other are put together up to
    `longest`. What the text has more within a pause is left out by itself.

    Returns:
        In order of time, the usable and the others.
    """
    parts, apart = _stretches(alignment, options)
    found = [*apart]
    together: list[_Stretch] = []
    for part in [*parts, None]:
        fault = _fault(part, options) if part else ("", "")
        joins = (
            part is not None
            and not fault[0]
            and together
            and part.end - together[0].start <= options.longest - 2 * options.margin
            and part.start - together[-1].end <= MOST_SILENCE
        )
        if together and not joins:
            found.append(_utterance(together, "", ""))
            together = []
        if part is not None and fault[0]:
            found.append(_utterance([part], *fault))
        elif part is not None:
            together.append(part)
    return _with_margins(sorted(found, key=lambda one: (one.start, one.end)), alignment, options)


def _stretches(alignment: TextAlignment, options: CuttingOptions) -> tuple[list[_Stretch], list[Utterance]]:
    """What is said between pauses; and what lies in pauses: words not said, speech without a text."""
    parts: list[_Stretch] = []
    apart: list[Utterance] = []
    waiting: list[AlignedWord] = []  # not heard, after the last word that was
    last: _Stretch | None = None  # which had a word
    for sound in _sounds(alignment):
        if isinstance(sound, AlignedWord) and (sound.start is None or sound.end is None):
            waiting.append(sound)
            continue
        start, end = sound.start or 0.0, sound.end or 0.0
        if not parts or start - parts[-1].end >= options.pause:
            parts.append(_Stretch([], start, end))
        here = parts[-1]
        here.end = max(end, here.end)
        if isinstance(sound, Extra):
            here.extra.append(sound)
            continue
        missing = [word for word in waiting if word.missing]
        if last is here:
            here.missing += [word.text for word in missing]
            here.words += [word for word in waiting if not word.missing]
        elif missing:
            apart.append(_not_said(missing, last.end if last else 0.0, start))
        elif last is not None:
            last.words += waiting
        here.words.append(sound)
        waiting, last = [], here
    missing = [word for word in waiting if word.missing]
    if missing:
        apart.append(_not_said(missing, last.end if last else 0.0, alignment.duration))
    elif last is not None:
        last.words += waiting
    return parts, apart


def _sounds(alignment: TextAlignment) -> Iterator[AlignedWord | Extra]:
    """Words, and speech without a text between them at its time."""
    extra = deque(alignment.extra)
    for word in alignment.words:
        while extra and word.start is not None and extra[0].start < word.start:
            yield extra.popleft()
        yield word
    yield from extra


def _not_said(words: Sequence[AlignedWord], start: float, end: float) -> Utterance:
    text = " ".join(word.text for word in words)
    detail = f"line {words[0].line}: the text has more than is said: {text}"
    return Utterance(start, end, text, 0.0, words[0].line, NOT_SAID, detail)


def _fault(part: _Stretch, options: CuttingOptions) -> tuple[str, str]:
    if part.missing:
        return NOT_SAID, f"the text has more than is said: {' '.join(part.missing)}"
    if part.extra:
        return NO_TEXT, f"speech that is not in the text: {' '.join(one.text for one in part.extra)}"
    if part.confidence < options.least_confidence:
        return UNSURE, f"the recognizer doubts that this is said: confidence {part.confidence:.2f}"
    if part.end - part.start > options.longest - 2 * options.margin:
        return NO_PAUSE, f"{part.end - part.start:.1f} s without a pause of {options.pause:g} s"
    return "", ""


def _utterance(parts: Sequence[_Stretch], reason: str, detail: str) -> Utterance:
    whole = _Stretch([word for part in parts for word in part.words], parts[0].start, parts[-1].end)
    text = " ".join(word.text for word in whole.words)
    line = whole.words[0].line if whole.words else 0
    return Utterance(whole.start, whole.end, text, whole.confidence, line, reason, detail)


def _with_margins(
    found: Sequence[Utterance], alignment: TextAlignment, options: CuttingOptions
) -> list[Utterance]:
    """Give each utterance some of the silence around it: up to the middle between it and its neighbours."""
    said = sorted(
        [
            (word.start, word.end)
            for word in alignment.words
            if word.start is not None and word.end is not None
        ]
        + [(one.start, one.end) for one in alignment.extra]
    )
    starts, ends = sorted(start for start, _ in said), sorted(end for _, end in said)
    wider = []
    for one in found:
        if one.reason:
            wider.append(one)
            continue
        before = max((end for end in ends if end <= one.start), default=-one.start)
        after = min((start for start in starts if start >= one.end), default=2 * alignment.duration - one.end)
        room = (one.start - before) / 2, (after - one.end) / 2
        start = one.start - min(options.margin, room[0])
        end = one.end + min(options.margin, room[1])
        wider.append(Utterance(start, min(end, alignment.duration), one.text, one.confidence, one.line))
    return wider
