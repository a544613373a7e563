"""What was heard as a key term's spelling is written as the term: "mister nightly" as "Mr Knightley"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Words = tuple[str, ...]


@dataclass(frozen=True)
class Writing:
    """Words that stand for others.

    Attributes:
        texts: words as they are heard, one after the other -> as they are written.
    """

    texts: dict[Words, Words] = field(default_factory=dict)
    _by_first: dict[str, list[Words]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find the words that each may begin with, the longest first."""
        for heard in sorted(self.texts, key=len, reverse=True):
            self._by_first.setdefault(heard[0], []).append(heard)

    def spans(self, words: Sequence[str]) -> Iterable[tuple[Words, int, int]]:
        """Each piece of a text as it is written, with the range [first, last) of the words it is written for.

        Of spellings that overlap, the one that begins first counts; of those, the longest.
        """
        first = 0
        while first < len(words):
            heard = self._match(words, first)
            last = first + max(len(heard), 1)
            yield self.texts[heard] if heard else (words[first],), first, last
            first = last

    def settled(self, words: Sequence[str]) -> int:
        """How many words are written for the beginning of a text, whatever words come after it."""
        count = 0
        for written, first, _ in self.spans(words):
            rest = tuple(words[first:])
            if any(len(heard) > len(rest) and heard[: len(rest)] == rest for heard in self._at(words[first])):
                break
            count += len(written)
        return count

    def _match(self, words: Sequence[str], first: int) -> Words:
        """The longest spelling that begins at a word; () if none does."""
        for heard in self._at(words[first]):
            if tuple(words[first : first + len(heard)]) == heard:
                return heard
        return ()

    def _at(self, word: str) -> list[Words]:
        return self._by_first.get(word, [])
