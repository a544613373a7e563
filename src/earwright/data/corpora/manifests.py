"""lhotse's manifests as rows: what a recording, a supervision and a cut are in their JSON form.

Nothing that a manifest names is run or fetched: recordings from commands and addresses are bad rows, and so
    is what only lhotse can load (mixed and padded cuts, recordings that are to be changed on loading).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from earwright.data.corpora.row import BadRow, Row, gender_name
from earwright.errors import first_line

CUT_TYPES = ("MonoCut", "MultiCut", "Cut")
# What reading a value of another shape raises.
MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
KEPT = ("sources", "transforms", "duration")  # all of a recording that a row is made of
TOLERANCE = 0.002  # seconds: lhotse's own, for durations that were rounded


def rows_of_cut(
    cut: Mapping[str, Any], folder: Path, where: str, custom: Mapping[str, Any]
) -> Iterator[Row | BadRow]:
    """A row for each supervision of a cut; one with the text "" if it has none.

    The id is the cut's, if one supervision fills it; else the supervision's, which in the windows that a long
    recording was cut into comes again, and is then the same row.

    Args:
        cut: in JSON form.
        folder: that relative paths are in.
        where: it stands, for messages.
        custom: what each row has, unless the cut or a supervision says otherwise.
    """
    try:
        identity = str(cut["id"])
        problem = _cut_problem(cut)
        if problem:
            yield BadRow(f"{where}: cut {identity!r} {problem}", id=identity)
            return
        start, duration = float(cut["start"]), float(cut["duration"])
        custom = {**custom, **(cut.get("custom") or {})}
        whole = {"id": identity, "start": 0.0, "duration": duration, "channel": cut.get("channel")}
        supervisions = list(cut.get("supervisions") or [whole])
        rows: list[Row | BadRow] = []
        for supervision in supervisions:
            fills = (
                len(supervisions) == 1
                and abs(supervision["start"]) <= TOLERANCE
                and abs(supervision["duration"] - duration) <= TOLERANCE
            )
            named = {**supervision, "id": identity} if fills else supervision
            rows.append(row_of(cut["recording"], named, folder, where, custom, start))
    except MISSHAPEN as error:
        yield BadRow(f"{where}: this is not a lhotse cut ({reason(error)})")
    else:
        yield from rows


def row_of(
    recording: Mapping[str, Any],
    supervision: Mapping[str, Any],
    folder: Path,
    where: str,
    custom: Mapping[str, Any],
    offset: float = 0.0,
) -> Row | BadRow:
    """The row of a supervision.

    Where it names some channels of several, each of those holds its speech, and the first of them is taken.

    Args:
        recording, supervision: in JSON form.
        folder: that relative paths are in.
        where: it stands, for messages.
        custom: what the row has, unless the supervision says otherwise.
        offset: seconds into the recording that the supervision's start counts from.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, OverflowError (MISSHAPEN): one of the two is none.
    """
    identity = str(supervision["id"])
    text = str(supervision.get("text") or "")
    channels = supervision.get("channel")
    channels = [channels] if isinstance(channels, int) else list(channels or [])
    sources = recording["sources"]
    problem = _recording_problem(recording)
    if problem:
        return BadRow(f"{where}: the recording of {identity!r} {problem}", id=identity, text=text)
    source = next((source for source in sources if set(source["channels"]) & set(channels)), sources[0])
    inside = [number for number, channel in enumerate(source["channels"]) if channel in channels]
    start, duration = offset + float(supervision["start"]), float(supervision["duration"])
    if not (math.isfinite(start) and math.isfinite(duration)):
        raise ValueError("start and duration are no numbers of seconds")
    if abs(start) <= TOLERANCE:
        start = 0.0
    length = recording.get("duration")
    to_the_end = start == 0 and length is not None and abs(duration - float(length)) <= TOLERANCE
    return Row(
        id=identity,
        path=_path(str(source["source"]), folder),
        text=text,
        speaker=_word(supervision.get("speaker")),
        language=_word(supervision.get("language")),
        gender=gender_name(str(supervision.get("gender") or "")),
        start=round(start, 6),
        duration=None if to_the_end else round(duration, 6),
        custom={**custom, **(supervision.get("custom") or {})},
        channel=inside[0] if inside and len(inside) < len(source["channels"]) else None,
    )


def _cut_problem(cut: Mapping[str, Any]) -> str | None:
    kind = cut.get("type", "MonoCut")
    if kind not in CUT_TYPES:
        return f"is of the type {kind!r}, which only lhotse can load"
    if not cut.get("recording"):
        return "has no recording"
    return None


def _recording_problem(recording: Mapping[str, Any]) -> str | None:
    if recording.get("transforms"):
        return "is to be changed on loading, which only lhotse can do"
    if not recording["sources"]:
        return "has no audio"
    others = [source["type"] for source in recording["sources"] if source["type"] != "file"]
    return f"is of the type {others[0]!r}, and not a file" if others else None


def _path(name: str, folder: Path) -> str:
    """The absolute path: relative ones count from the manifest, a folder above it, or where lhotse ran."""
    for place in (folder, *folder.parents, Path.cwd()):
        if os.path.exists(place / name):
            return str(place / name)
    return str(folder / name)


def _word(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def reason(error: Exception) -> str:
    """What is wrong with a value, of one of MISSHAPEN."""
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else first_line(error)
