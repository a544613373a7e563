"""Tiers of annotations, as Praat and ELAN have them: which of them hold what is said, and who says it.

Unless the user names one, the first of these that a file has is taken, by the tiers' names:
1. tiers of whole utterances: text, transcription, utterance, sentence, ORT and such;
2. tiers of words (words, ORT-MAU: what forced aligners write), joined into utterances where nobody pauses;
3. whatever else is not known to hold something other than text (phones, gloss, notes and such): one tier, or
   one for each speaker, as interviews have it.
With a further part, a name is the speaker's: "Ann - words", "text@Ann". Tiers of several speakers take turns;
two that are filled at the same times are two layers of the same speech, and then the user has to choose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from earwright.data.corpora.row import ReaderOptions
from earwright.data.corpora.timed import Flaw, Segment, TranscriptError
from earwright.data.corpora.words import join_words
from earwright.errors import EarwrightError

# What a tier is called -> what is in it. Plurals are understood.
ROLES = {
    "text": "text txt transcript transcription trans trn utterance utt sentence phrase segment speech ort "
    "ortho orthography orthographic",
    "words": "word wrd token ort-mau",
    "other": "phone phoneme phonetic phonemic phn ipa syllable syll mau kan-mau kan-mas mas tone tobi pitch "
    "intensity break pos lemma morph morpheme gloss glosse translation note comment remark misc event noise "
    "silence topic gesture breath point",
}
ROLE_OF = {name: role for role, names in ROLES.items() for name in names.split()}
PARTS = re.compile(r"[\s_@:./-]+")
SILENCES = {"<eps>", "sil", "<sil>", "sp", "<p:>", "<p>", "pau"}  # of aligners, among the words
LAYERS = 0.5  # of the shorter of two tiers, shared with the other: speakers do not overlap so much
TIERS_SHOWN = 20


@dataclass(frozen=True)
class Tier:
    """A tier: its name, what it holds, whose it is if the file says so, and what ELAN calls its type."""

    name: str
    segments: tuple[Segment | Flaw, ...]
    speaker: str | None = None
    kind: str = ""


def utterances_of(tiers: Sequence[Tier], options: ReaderOptions, place: Path) -> Iterator[Segment | Flaw]:
    """What is said in the tiers that hold it; see the head of this module.

    Args:
        tiers: of one file.
        options: `columns["text"]` names a tier, or in ELAN a type of tiers; `pause` and `longest` join words.
        place: the file.

    Yields:
        The flaws, then segments in order of time.

    Raises:
        TranscriptError: the tier that the user names is not there, or none holds text.
        EarwrightError: several may hold the text, as layers of the same speech.
    """
    wanted = options.columns.get("text")
    chosen = _choose(tiers, wanted, place)
    if not chosen:
        return
    # A file of an interview in which one has not said a word still has a tier for each.
    unnamed = [tier for tier in tiers if _role(tier)[0] is None]
    several = len(chosen) > 1 or (wanted is None and len(unnamed) > 1 and chosen[0] in unnamed)
    found: list[Segment | Flaw] = []
    for tier in chosen:
        role, speaker = _role(tier)
        speaker = tier.speaker or speaker
        if speaker is None and several:
            speaker = tier.name
        segments = sorted(tier.segments, key=_start)
        if role == "words":
            words = [word for word in segments if isinstance(word, Flaw) or word.text.lower() not in SILENCES]
            segments = list(join_words(words, options))
        found += [
            segment if isinstance(segment, Flaw) else replace(segment, speaker=speaker)
            for segment in segments
        ]
    yield from sorted(found, key=_start)


def _choose(tiers: Sequence[Tier], wanted: str | None, place: Path) -> list[Tier]:
    if wanted is not None:
        for matches in (
            [tier for tier in tiers if tier.name == wanted],
            [tier for tier in tiers if tier.name.casefold() == wanted.casefold()],
            [tier for tier in tiers if tier.kind == wanted],
        ):
            if matches:
                return matches
        raise TranscriptError(f"it has no tier {wanted!r}, but {_names(tiers)}")
    filled = [tier for tier in tiers if tier.segments]
    if not filled:
        return []
    for role in ("text", "words", None):
        found = [tier for tier in filled if _role(tier)[0] == role]
        if found and not any(_coincide(first, second) for first, second in combinations(found, 2)):
            return found
        if found:
            raise EarwrightError(
                f"{place}: it cannot be told which of its tiers holds what is said: {_names(filled)}. "
                "Name it (--columns text=TIER)."
            )
    raise TranscriptError(f"none of its tiers seems to hold what is said: {_names(filled)}")


def _names(tiers: Sequence[Tier]) -> str:
    names = ", ".join(tier.name or "one without a name" for tier in tiers[:TIERS_SHOWN])
    return (names or "none") + (" and others" if len(tiers) > TIERS_SHOWN else "")


def _role(tier: Tier) -> tuple[str | None, str | None]:
    """What a tier holds, None if its name does not tell; and the speaker if its name has a further part."""
    name = tier.name.strip()
    role = _known(name)
    if role:
        return role, None
    parts = list(PARTS.finditer(name))
    if parts:
        head, rest = name[: parts[0].start()], name[parts[0].end() :]
        front, tail = name[: parts[-1].start()], name[parts[-1].end() :]
        for word, speaker in ((head, rest), (tail, front)):
            role = _known(word)
            if role:
                return role, speaker or None
    return _known(tier.kind), None


def _known(name: str) -> str | None:
    name = name.lower()
    return ROLE_OF.get(name) or ROLE_OF.get(name.removesuffix("s"))


def _start(segment: Segment | Flaw) -> float:
    if isinstance(segment, Flaw) or math.isnan(segment.start):
        return -math.inf
    return segment.start


def _coincide(first: Tier, second: Tier) -> bool:
    """Whether two tiers are filled at the same times."""
    one, other = _spans(first), _spans(second)
    shared, place = 0.0, 0
    for start, end in one:
        while place < len(other) and other[place][1] <= start:
            place += 1
        ahead = place
        while ahead < len(other) and other[ahead][0] < end:
            shared += min(end, other[ahead][1]) - max(start, other[ahead][0])
            ahead += 1
    return shared > LAYERS * min(_length(one), _length(other))


def _spans(tier: Tier) -> list[tuple[float, float]]:
    """The times that a tier is filled at, in order, without overlap."""
    spans: list[tuple[float, float]] = []
    for segment in sorted((s for s in tier.segments if isinstance(s, Segment)), key=_start):
        if math.isfinite(segment.start) and math.isfinite(segment.end):
            start = max(segment.start, spans[-1][1]) if spans else segment.start
            if segment.end > start:
                spans.append((start, segment.end))
    return spans


def _length(spans: Sequence[tuple[float, float]]) -> float:
    return sum(end - start for start, end in spans)
