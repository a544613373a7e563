"""lhotse's own data: cuts.jsonl.gz, or recordings.jsonl.gz with supervisions.jsonl.gz; also what prepare
wrote.

JSON lines, gzipped or not, and JSON arrays (.json, which are read whole); what is in a file is told by its
first line. Cuts and supervisions are read line by line; of recordings, only where they lie is kept in
memory. How they become rows is described in `manifests`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earwright.cuts import manifest_lines
from earwright.data.corpora.manifests import CUT_TYPES, KEPT, MISSHAPEN, reason, row_of, rows_of_cut
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.search import found_in, hint, walk
from earwright.errors import EarwrightError

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
RECORDINGS, SUPERVISIONS = "recordings", "supervisions"  # in the names of the files, as lhotse gives them
LINES_LOOKED_AT = 3  # for one that is a JSON object


def recognize(source: Path) -> str | None:
    """A file of cuts, recordings or supervisions, or a folder with such in it."""
    try:
        for place in [source] if source.is_file() else _manifests(source):
            kind = _kind(place)
            if kind:
                return f"{place.name} holds {kind} of lhotse's"
    except (EarwrightError, OSError):
        pass
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read lhotse's manifests.

    Args:
        source: a file of cuts; one of recordings or supervisions that has the other beside it (the names must
            only differ in these words); or a folder with such, at any depth. Where a folder has cuts, other
            manifests in it are taken to be what they were made of.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path and line.

    Raises:
        EarwrightError: there is no such source, no manifest in it, or one that is damaged or without its
            other half.
    """
    if not source.exists():
        raise EarwrightError(f"{source}: there is no such file or folder.")
    if source.is_file():
        yield from _read_file(source, _kind(source))
        return
    empty = True
    refused: list[BadRow] = []
    for folder, names in walk(source, refused):
        kinds = {folder / name: _kind(folder / name) for name in names if _is_manifest(name)}
        cuts = [path for path, kind in kinds.items() if kind == "cuts"]
        for path in cuts or [path for path, kind in kinds.items() if kind == SUPERVISIONS]:
            empty = False
            yield from _read_file(path, kinds[path])
    if empty:
        raise EarwrightError(
            f"{source}: there are no cuts (cuts.jsonl.gz) and no supervisions with recordings in it, but "
            f"{found_in(source)}.{hint(source)}"
        )
    yield from refused


def _read_file(path: Path, kind: str | None) -> Iterator[Row | BadRow]:
    if kind == "cuts":
        for where, cut in _objects(path):
            yield from rows_of_cut(cut, path.parent, where, {}) if cut else [_no_object(where)]
    elif kind == SUPERVISIONS:
        yield from _read_pair(_other_half(path, SUPERVISIONS, RECORDINGS), path)
    elif kind == RECORDINGS:
        yield from _read_pair(path, _other_half(path, RECORDINGS, SUPERVISIONS))
    else:
        raise EarwrightError(f"{path}: these are no cuts, recordings or supervisions of lhotse's.")


def _read_pair(recordings: Path, supervisions: Path) -> Iterator[Row | BadRow]:
    known: dict[str, dict[str, Any]] = {}
    for where, recording in _objects(recordings):
        if recording and "id" in recording:
            known[str(recording["id"])] = {key: recording[key] for key in KEPT if key in recording}
        else:
            yield _no_object(where)
    for where, supervision in _objects(supervisions):
        name = str(supervision.get("recording_id"))
        if not supervision:
            yield _no_object(where)
        elif name not in known:
            yield BadRow(f"{where}: its recording {name!r} is not in {recordings.name}")
        else:
            try:
                yield row_of(known[name], supervision, supervisions.parent, where, {})
            except MISSHAPEN as error:
                yield BadRow(f"{where}: this is not a lhotse supervision ({reason(error)})")


def _other_half(path: Path, word: str, other: str) -> Path:
    before, found, after = path.name.rpartition(word)
    partner = path.with_name(f"{before}{other}{after}")
    if not found or not partner.is_file():
        raise EarwrightError(
            f"{path}: these are {word} of lhotse's, and beside them there is no "
            f"{partner.name if found else other}."
        )
    return partner


def _no_object(where: str) -> BadRow:
    return BadRow(f"{where}: this is no object of lhotse's in JSON")


def _objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of a manifest and where it stands; {} for what is none."""
    if path.name.removesuffix(".gz").endswith(".json"):
        try:
            values = json.loads("".join(manifest_lines(path)))
        except (ValueError, RecursionError) as error:
            raise EarwrightError(f"{path}: this is not JSON ({reason(error)}).") from error
        for number, value in enumerate(values if isinstance(values, list) else [values], 1):
            yield f"{path}, entry {number}", value if isinstance(value, dict) else {}
        return
    for number, line in enumerate(manifest_lines(path), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            yield f"{path}, line {number}", value if isinstance(value, dict) else {}


def _kind(path: Path) -> str | None:
    """What a manifest holds, by the first of its objects: "cuts", "recordings" or "supervisions"."""
    for (_, value), _ in zip(_objects(path), range(LINES_LOOKED_AT), strict=False):
        if value.get("type") in (*CUT_TYPES, "MixedCut", "PaddingCut"):
            return "cuts"
        if "sources" in value and "sampling_rate" in value:
            return RECORDINGS
        if "recording_id" in value and "start" in value and "duration" in value:
            return SUPERVISIONS
    return None


def _manifests(folder: Path) -> Iterator[Path]:
    for place, names in walk(folder):
        yield from (place / name for name in names if _is_manifest(name))


def _is_manifest(name: str) -> bool:
    """Whether a name is one that lhotse's manifests have, so that not every JSON file must be opened."""
    return name.endswith(SUFFIXES) and any(word in name for word in ("cuts", RECORDINGS, SUPERVISIONS))
