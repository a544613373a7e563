"""What a lexicon holds, and what is wrong in it: all of it, where reading would stop at the first line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from earwright.errors import EarwrightError
from earwright.lexicon.pronunciations import Problem, scan_lexicon


@dataclass(frozen=True)
class LexiconSurvey:
    """Figures of a lexicon.

    Attributes:
        words: different ones.
        pronunciations: of all words.
        phones, letters: how often each is used, the rarest first: those are mostly typing errors.
        problems: lines that are no entries.
    """

    words: int
    pronunciations: int
    phones: dict[str, int]
    letters: dict[str, int]
    problems: tuple[Problem, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        problems = [{"line": problem.line, "problem": problem.message} for problem in self.problems]
        return {**vars(self), "problems": problems}


def survey_lexicon(
    path: str | os.PathLike[str], phones: Iterable[str] | None = None, *, additions: bool = False
) -> LexiconSurvey:
    """Read a lexicon to its end, whatever is wrong in it.

    Args:
        path, phones, additions: as for `scan_lexicon`.

    Raises:
        EarwrightError: the file cannot be read, or is empty.
    """
    words: set[str] = set()
    phone_counts: Counter[str] = Counter()
    letter_counts: Counter[str] = Counter()
    problems = []
    pronunciations = 0
    for found in scan_lexicon(path, phones, additions=additions):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        pronunciations += 1
        phone_counts.update(found.phones)
        if found.word not in words:
            words.add(found.word)
            letter_counts.update(found.word)
    if not words and not problems:
        raise EarwrightError(f"{os.fspath(path)}: there are no words in it; a line is a word and its phones.")
    return LexiconSurvey(
        len(words), pronunciations, _rarest_first(phone_counts), _rarest_first(letter_counts), tuple(problems)
    )


def _rarest_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (pair[1], pair[0])))
