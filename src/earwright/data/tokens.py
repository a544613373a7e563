"""What a recognizer would learn to write: the characters of its training texts, and what becomes of them."""

from __future__ import annotations

import math
import unicodedata
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from earwright.cuts import Cut
from earwright.data.frames import frames_in, frames_needed
from earwright.data.preparation.characters import character_name, code_point, script
from earwright.errors import EarwrightError
from earwright.text import CharTokenizer, Tokenizer, char_tokenizer_from_counts, normalize
from earwright.text.tokenizers import WORD_START

SPEEDS = (1.0, 1.1)  # as recorded, and the fastest that training plays it
RARE = 10  # utterances: of a character in no more of them, one is shown
THRESHOLDS = (2, 3, 5, 10, 20, 50, 100)  # of min_count, for which it is told what they would cost


@dataclass
class Use:
    """Where a character is: in how many utterances, of how many seconds, and in which (the first of them)."""

    example_id: str
    example: str
    utterances: int = 0
    seconds: float = 0.0
    places: array[int] = field(default_factory=lambda: array("l"))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "utterances": self.utterances,
            "hours": round(self.seconds / 3600, 4),
            "example": {"id": self.example_id, "text": self.example},
        }


@dataclass(frozen=True)
class Change:
    """A character that the normalizer does not leave as it is.

    Attributes:
        character, count: of the texts as they are.
        kind: "changed", "space" (it becomes one), "removed", or "joined" (with the letter before it).
        becomes: what it is changed to.
    """

    character: str
    count: int
    kind: str
    becomes: str = ""


@dataclass(frozen=True)
class LeftOut:
    """What a min_count would cost.

    Attributes:
        min_count: characters seen less often get no token.
        characters: those, the most frequent first; an utterance with any of them is left out.
        utterances, hours: how much is left out.
    """

    min_count: int
    characters: tuple[str, ...]
    utterances: int
    hours: float


@dataclass(frozen=True)
class TokenFigures:
    """How long texts are in tokens, beside the frames that there are to write them in.

    Attributes:
        vocabulary: tokens, the blank included.
        unused: tokens that no text uses, the blank not counted.
        utterances: that can be written with it.
        per_second: tokens a second of speech: all of them by all of it.
        per_second_99: what 99 % of the utterances do not exceed.
        too_long: speed -> utterances with more text than CTC can fit into the audio.
    """

    vocabulary: int
    unused: int
    utterances: int
    per_second: float
    per_second_99: float
    too_long: dict[float, int]


class TextSurvey:
    """Counts of what is said in cuts, taken one by one.

    Args:
        normalizer: applied to the texts first.
        min_count: the largest for which `left_out` will be asked.
        keep_texts: whether `texts` is to hold them, for those who need them all at once.
    """

    def __init__(self, normalizer: str = "basic", min_count: int = 1, keep_texts: bool = False) -> None:
        self.normalizer = normalizer
        self.seconds = array("d")  # of each utterance that has a text
        self.lengths = array("l")  # characters, spaces among them
        self.needed = array("l")  # frames
        self.texts: list[str] = []
        self.raw: Counter[str] = Counter()
        self.uses: dict[str, Use] = {}
        self.by_language: dict[str, Counter[str]] = {}
        self.language_size: dict[str, list[float]] = {}  # utterances, seconds
        self.without_text: list[str] = []
        self._keep_texts = keep_texts
        self._places_kept = max(min_count, *THRESHOLDS)

    def add(self, cut: Cut) -> None:
        """Take in the next utterance.

        Raises:
            EarwrightError: it has no length.
        """
        if not (math.isfinite(cut.duration) and cut.duration > 0):
            raise EarwrightError(f"cut {cut.id!r} is {cut.duration} s long; prepare it again.")
        text = normalize(cut.text, self.normalizer)
        self.raw.update(cut.text)
        if not text:
            self.without_text.append(cut.id)
            return
        language = cut.language or ""
        self.by_language.setdefault(language, Counter()).update(text)
        size = self.language_size.setdefault(language, [0, 0.0])
        size[0] += 1
        size[1] += cut.duration
        for character in set(text):
            use = self.uses.get(character)
            if use is None:
                use = self.uses[character] = Use(cut.id, text)
            use.utterances += 1
            use.seconds += cut.duration
            if len(use.places) < self._places_kept or character == WORD_START:
                use.places.append(len(self.seconds))
        self.seconds.append(cut.duration)
        self.lengths.append(len(text))
        self.needed.append(frames_needed(text))
        if self._keep_texts:
            self.texts.append(text)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Character -> how often, the most frequent first; " " is the space between words."""
        total: Counter[str] = sum(self.by_language.values(), Counter())
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))

    @property
    def hours(self) -> float:
        """Of utterances with a text."""
        return sum(self.seconds) / 3600

    def tokenizer(self, min_count: int = 1) -> CharTokenizer:
        """What `tokenizer = "char"` makes of these texts.

        Raises:
            EarwrightError: no character is left.
        """
        return char_tokenizer_from_counts(self.counts, min_count)

    def left_out(self, min_count: int) -> LeftOut:
        """What a min_count up to the one of the constructor would cost."""
        rare = [c for c, n in self.counts.items() if (n < min_count or c == WORD_START) and c != " "]
        places = {place for character in rare for place in self.uses[character].places}
        hours = sum(self.seconds[place] for place in places) / 3600
        return LeftOut(min_count, tuple(rare), len(places), hours)

    def figures(self, min_count: int = 1) -> TokenFigures:
        """Of the characters as tokens, for the utterances that min_count leaves."""
        tokenizer = self.tokenizer(min_count)
        gone = {place for c in self.left_out(min_count).characters for place in self.uses[c].places}
        kept = [place for place in range(len(self.seconds)) if place not in gone]
        if not kept:
            raise EarwrightError(f"no utterance is left with a min_count of {min_count}; give a smaller one.")
        used = {WORD_START if character == " " else character for character in self.counts}
        return token_figures(
            tokenizer,
            [self.lengths[place] for place in kept],
            [self.needed[place] for place in kept],
            [self.seconds[place] for place in kept],
            unused=sum(token not in used for token in tokenizer.tokens[1:]),
        )

    def changes(self) -> list[Change]:
        """Characters that the normalizer removes or changes, the most frequent first; plain spaces aside."""
        found = []
        for character, count in sorted(self.raw.items(), key=lambda item: (-item[1], item[0])):
            kind, becomes = fate(character, self.normalizer)
            if kind != "kept" and character != " ":
                found.append(Change(character, count, kind, becomes))
        return found

    def word_rules(self) -> tuple[dict[str, int], dict[str, int]]:
        """What rules for whole words take away and put in ("Dr." to "doctor"), beyond single characters."""
        expected: Counter[str] = Counter()
        for character, count in self.raw.items():
            kind, becomes = fate(character, self.normalizer)
            for letter in becomes if kind == "changed" else character if kind == "kept" else "":
                expected[letter] += count
        actual = Counter(self.counts)
        expected[" "] = actual[" "] = 0
        return dict((expected - actual).most_common()), dict((actual - expected).most_common())

    def languages(self) -> dict[str, tuple[int, float, list[str], list[str]]]:
        """Language -> utterances, seconds, its characters, and those that no other language has."""
        found = {}
        for language, counts in self.by_language.items():
            others = set().union(*(other for name, other in self.by_language.items() if name != language))
            characters = [character for character in self.counts if character in counts and character != " "]
            utterances, seconds = self.language_size[language]
            only = [character for character in characters if character not in others]
            found[language] = int(utterances), seconds, characters, only
        return dict(sorted(found.items(), key=lambda item: -item[1][1]))

    def scripts(self) -> dict[str, dict[str, int]]:
        """Script -> its characters with their counts; the largest script first."""
        found: dict[str, dict[str, int]] = {}
        for character, count in self.counts.items():
            if character != " ":
                found.setdefault(script(character), {})[character] = count
        return dict(sorted(found.items(), key=lambda item: -sum(item[1].values())))

    def to_dict(self, min_count: int = 1) -> dict[str, Any]:
        """All of it in plain dictionaries, ready for JSON."""
        taken, put = self.word_rules()
        return {
            "normalizer": self.normalizer,
            "utterances": len(self.seconds),
            "hours": round(self.hours, 4),
            "without_text": len(self.without_text),
            "characters": [_told(c) | {"count": n} | self.uses[c].to_dict() for c, n in self.counts.items()],
            "left_out": asdict(self.left_out(min_count)),
            "min_counts": [asdict(self.left_out(threshold)) for threshold in THRESHOLDS],
            "changes": [_told(change.character) | asdict(change) for change in self.changes()],
            "word_rules": {"taken": taken, "put": put},
            "scripts": self.scripts(),
            "languages": {
                language: {
                    "utterances": utterances,
                    "hours": round(seconds / 3600, 4),
                    "characters": "".join(characters),
                    "only_here": "".join(only),
                }
                for language, (utterances, seconds, characters, only) in self.languages().items()
            },
        }


def _told(character: str) -> dict[str, Any]:
    return {
        "character": character,
        "code": code_point(character),
        "name": character_name(character),
        "script": script(character),
    }


@lru_cache(maxsize=8192)
def fate(character: str, normalizer: str) -> tuple[str, str]:
    """What a normalizer does to a character that stands between two letters.

    Returns:
        "kept", "changed" (and what to), "space", "removed", or "joined" with the letter before it.
    """
    result = normalize(f"a{character}a", normalizer)
    if not (result.startswith("a") and result.endswith("a") and len(result) > 1):
        joined = character in unicodedata.normalize("NFD", result)
        return ("joined", "") if joined else ("removed", "")
    inside = result[1:-1]
    if not inside.strip():
        return ("space", " ") if inside else ("removed", "")
    becomes = inside.strip()
    return ("kept", character) if becomes == character else ("changed", becomes)


def token_figures(
    tokenizer: Tokenizer,
    lengths: Sequence[int],
    needed: Sequence[int],
    seconds: Sequence[float],
    unused: int,
) -> TokenFigures:
    """The figures of utterances as tokens.

    Args:
        tokenizer: that made the tokens.
        lengths, needed, seconds: of each utterance its tokens, the frames that CTC needs for them, and how
            long it is; at least one.
        unused: tokens that no text uses.
    """
    rates = sorted(length / second for length, second in zip(lengths, seconds, strict=True))
    too_long = {
        speed: sum(n > frames_in(s / speed) for n, s in zip(needed, seconds, strict=True)) for speed in SPEEDS
    }
    return TokenFigures(
        vocabulary=tokenizer.vocab_size,
        unused=unused,
        utterances=len(lengths),
        per_second=sum(lengths) / sum(seconds),
        per_second_99=rates[max(-(-99 * len(rates) // 100) - 1, 0)],
        too_long=too_long,
    )
