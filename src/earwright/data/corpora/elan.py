"""ELAN's annotations of recordings: talk.eaf.

The recording is the one that the file names, if it is there, or else the one of the same name. Read are the
tiers that have times of their own and depend on no other; a tier that depends on one is read if the user
names it, with the times of what it depends on. Which tiers hold the text is described in `tiers`. The
format is XML (https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf); a file that declares
entities is refused.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

from earwright.audio.read import AUDIO_SUFFIXES
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.tiers import Tier, utterances_of
from earwright.data.corpora.timed import (
    Flaw,
    Segment,
    TranscriptError,
    read_transcripts,
    recognize_transcripts,
)
from earwright.errors import first_line

SUFFIX = ".eaf"
# Annotation -> start and end in seconds, None where they are not set, or the annotation that it depends on.
Times = dict[str | None, tuple[float, float] | str | None]


def recognize(source: Path) -> str | None:
    """A .eaf with its recording, or a folder with such a pair in it."""
    return recognize_transcripts(source, SUFFIX, "tiers", find_media)


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read ELAN's annotations.

    Args:
        source: a folder of recordings with .eaf files, at any depth, or one .eaf.
        options: `columns["text"]` names the tier to read, or the type of tiers; `pause` and `longest` say how
            words are joined where there is no tier of whole utterances.

    Yields:
        Rows in order of path and time, one an annotation; the tier's participant or name is the speaker.

    Raises:
        EarwrightError: there is no such source, no .eaf in it, or one with tiers of which it cannot be told
            which holds the text.
    """

    def parse_file(path: Path) -> Iterator[Segment | Flaw]:
        return utterances_of(parse(path, "text" in options.columns), options, path)

    return read_transcripts(source, SUFFIX, parse_file, find_media)


def find_media(path: Path) -> Path | None:
    """The recording that an .eaf names, if it is there; of several, one that can be read."""
    try:
        return _media(_load(path), path)[0]
    except (TranscriptError, OSError):
        return None


def parse(path: Path, dependent: bool) -> list[Tier]:
    """The tiers of an .eaf.

    Args:
        path: the file.
        dependent: whether to take the tiers that depend on others, too.

    Raises:
        TranscriptError: it is no .eaf, or damaged.
    """
    root = _load(path)
    header = root.find("HEADER")
    units = header.get("TIME_UNITS", "milliseconds") if header is not None else "milliseconds"
    if units != "milliseconds":
        raise TranscriptError(f"its times are in {units}; save it with milliseconds")
    times = _times(root, _media(root, path)[1])
    speakers = {tier.get("TIER_ID"): tier.get("PARTICIPANT") for tier in root.iter("TIER")}
    tiers = []
    for tier in root.iter("TIER"):
        parent = tier.get("PARENT_REF")
        if parent is None or dependent:
            name = tier.get("TIER_ID", "")
            speaker = tier.get("PARTICIPANT") or speakers.get(parent) or None
            kind = tier.get("LINGUISTIC_TYPE_REF", "")
            tiers.append(Tier(name, tuple(_segments(tier, times)), speaker, kind))
    return tiers


class _Document(ElementTree.TreeBuilder):
    """Refuses declarations: entities can grow a small file beyond any memory, or name other files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise TranscriptError("it declares a document type, which no .eaf of ELAN's does")


def _load(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path, parser=ElementTree.XMLParser(target=_Document())).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise TranscriptError(f"this is no XML, or damaged ({first_line(error)})") from None
    if root is None or root.tag != "ANNOTATION_DOCUMENT":
        raise TranscriptError("this is XML, but none of ELAN's")
    return root


def _media(root: ElementTree.Element, path: Path) -> tuple[Path | None, float]:
    """The recording, and the seconds into it at which the times begin."""
    found: list[tuple[Path, float]] = []
    origins = []
    for media in root.iter("MEDIA_DESCRIPTOR"):
        origins.append((_milliseconds(media.get("TIME_ORIGIN")) or 0) / 1000)
        for key in ("RELATIVE_MEDIA_URL", "MEDIA_URL"):
            # file:///home/ann/talk.wav, ./talk.wav; \0 may stand in no path.
            url = unquote(media.get(key, "").removeprefix("file:")).replace("\\", "/").replace("\0", "")
            place = path.parent / (f"/{url.lstrip('/')}" if url.startswith("//") else url)
            # A folder is often moved as a whole: then the recording still lies beside the .eaf.
            found += [(each, origins[-1]) for each in (place, path.parent / place.name) if each.is_file()]
    if found:
        return min(found, key=lambda each: each[0].suffix.lower() not in AUDIO_SUFFIXES)
    return None, origins[0] if len(origins) == 1 else 0.0


def _times(root: ElementTree.Element, origin: float) -> Times:
    slots = {
        slot.get("TIME_SLOT_ID"): _milliseconds(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")
    }
    times: Times = {}
    for annotation in root.iter("ALIGNABLE_ANNOTATION"):
        start, end = (slots.get(annotation.get(f"TIME_SLOT_REF{number}")) for number in (1, 2))
        span = None if start is None or end is None else (start / 1000 + origin, end / 1000 + origin)
        times[annotation.get("ANNOTATION_ID")] = span
    for annotation in root.iter("REF_ANNOTATION"):
        times[annotation.get("ANNOTATION_ID")] = annotation.get("ANNOTATION_REF")
    return times


def _segments(tier: ElementTree.Element, times: Times) -> Iterator[Segment | Flaw]:
    """The annotations of a tier; those that share out one that they depend on are one segment."""
    annotations = [
        annotation
        for kind in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION")
        for annotation in tier.iter(kind)
        if (annotation.findtext("ANNOTATION_VALUE") or "").strip()
    ]
    for parent, group in itertools.groupby(annotations, key=lambda each: _aligned(each, times)):
        together = list(group)
        where = f"annotation {together[0].get('ANNOTATION_ID')}"
        text = " ".join(" ".join(each.findtext("ANNOTATION_VALUE", "").split()) for each in together)
        span = times.get(parent)
        if isinstance(span, tuple):
            yield Segment(where, *span, text)
        else:
            yield Flaw(where, "its times are not set in ELAN", text)


def _aligned(annotation: ElementTree.Element, times: Times) -> str | None:
    """The annotation that the times are taken from: itself, or what it depends on in the end."""
    identity = annotation.get("ANNOTATION_ID")
    for _ in times:
        above = times.get(identity)
        if not isinstance(above, str):
            break
        identity = above
    return identity


def _milliseconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
