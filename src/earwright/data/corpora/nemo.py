"""NeMo's manifests: JSON lines such as {"audio_filepath": "a.wav", "text": "yes", "duration": 2.5}.

Manifests of Whisper's, ESPnet's and Hugging Face's scripts differ in the names alone, and are read too: PATHS
and TEXTS are the names that are known, and `options.columns` takes others. Other values are kept as `custom`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earwright.data.corpora.lines import head, is_unicode, read_lines
from earwright.data.corpora.row import BadRow, ReaderOptions, Row, gender_name, made_id
from earwright.data.corpora.search import found_in, hint, locate
from earwright.errors import EarwrightError

PATHS = ("audio_filepath", "audio_path", "audio", "path", "file", "file_name", "wav")
TEXTS = ("text", "transcript", "transcription", "sentence", "normalized_text")
LANGUAGES = ("target_lang", "lang", "language", "locale")  # target_lang is that of the text
ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".manifest")


def recognize(source: Path) -> str | None:
    """A .json or .jsonl file whose first line is an object with a path of audio and a text."""
    if not source.name.lower().endswith(ENDINGS):
        return None
    first, *_ = head(source) or [""]
    entry = _parse(first)
    if not isinstance(entry, dict):
        return None
    path = next((name for name in PATHS if isinstance(entry.get(name), str)), None)
    text = next((name for name in TEXTS if isinstance(entry.get(name), str)), None)
    if path is None or (text is None and path != PATHS[0]):
        return None
    return f"its lines are JSON with {path}" + (f" and {text}" if text else "")


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a manifest of JSON lines, gzipped or not.

    Args:
        source: the manifest.
        options: `columns` says what it calls path, text and so on.

    Yields:
        Rows in order of line; paths are relative to the manifest's folder. Lines that are not JSON, or have
        no path, come as bad rows.

    Raises:
        EarwrightError: there is no such file, or its first line does not begin like a JSON object.
    """
    if os.path.isdir(source):
        raise EarwrightError(
            f"{source}: nemo is read from a manifest; this is a folder with {found_in(source)} in it."
            f"{hint(source)}"
        )
    if not os.path.lexists(source):
        raise EarwrightError(f"{source}: there is no such file.")
    first = True
    for number, line in read_lines(source):
        if first and not line.lstrip().startswith("{"):
            raise EarwrightError(
                f"{source}: a manifest has a JSON object in each line; its first line is "
                f"{line.strip()[:60]!r}.{hint(source)}"
            )
        first = False
        yield _row(source, number, line, options)


def _parse(line: str) -> Any:
    """What a line says, or the reason as a string if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return str(error) or type(error).__name__


def _row(source: Path, number: int, line: str, options: ReaderOptions) -> Row | BadRow:
    where = f"{source}, line {number}: "
    entry = _parse(line)
    if not isinstance(entry, dict):
        reason = entry if isinstance(entry, str) else "it is not an object"
        return BadRow(where + f"not a JSON object ({reason})")
    # JSON can spell what UTF-8 cannot: half of a surrogate pair.
    if not is_unicode(line) or (
        "\\ud" in line.lower() and not is_unicode(json.dumps(entry, ensure_ascii=False))
    ):
        return BadRow(where + "not UTF-8 text")
    path = _take(entry, "path", PATHS, options)
    text = _take(entry, "text", TEXTS, options)
    if not isinstance(path, str) or not path.strip():
        return BadRow(
            where + f"there is no path of audio in it ({', '.join(PATHS[:4])})", text=str(text or "")
        )
    if not isinstance(text, str | None):
        return BadRow(where + f"its text is {json.dumps(text)[:60]}, not a string", path=path)
    try:
        start = _seconds(_take(entry, "start", ("offset", "start"), options), "offset")
        duration = _seconds(_take(entry, "duration", ("duration",), options), "duration")
        end = _seconds(_take(entry, "end", ("end",), options), "end")
    except ValueError as error:
        return BadRow(where + str(error), path=path, text=text or "")
    if duration is None and end is not None:
        duration = end - (start or 0.0)
    stem = os.path.splitext(path)[0]
    channel = _take(entry, "channel", ("channel_selector",), options)
    # Most manifests give the duration of whole files; it is a part of one only if an offset is given as well.
    made = made_id(stem) if start is None else made_id(stem, start, duration)
    return Row(
        id=_string(_take(entry, "id", ("id", "utt_id", "key"), options)) or made,
        path=locate(source.parent, path),
        text=text or "",
        speaker=_string(_take(entry, "speaker", ("speaker", "speaker_id"), options)),
        language=_string(_take(entry, "language", LANGUAGES, options)),
        gender=gender_name(_string(_take(entry, "gender", ("gender", "sex"), options)) or ""),
        start=start or 0.0,
        duration=duration,
        channel=channel if type(channel) is int else None,  # or "average", which is what None means
        custom={name: value for name, value in entry.items() if name and _is_given(value)},
    )


def _take(entry: dict[str, Any], ours: str, names: tuple[str, ...], options: ReaderOptions) -> Any:
    """Take the first of the names that the entry has, out of it; the one the user gave if there is one."""
    names = (options.columns[ours],) if ours in options.columns else names
    return next((entry.pop(name) for name in names if entry.get(name) is not None), None)


def _string(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _is_given(value: Any) -> bool:
    """Whether a value says anything; Python's own JSON writes NaN where a table had nothing."""
    return value is not None and value != "" and not (isinstance(value, float) and not math.isfinite(value))


def _seconds(value: Any, name: str) -> float | None:
    """A number of seconds, also one in quotes. Raises ValueError with the reason."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError(f"{name} is {str(value)[:40]!r}, not a number of seconds")
    return seconds
