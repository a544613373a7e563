"""Kaldi's data directories: wav.scp, text, and where there are any segments, utt2spk, spk2gender and others.

Lines may be in any order. Audio is looked for relative to the data directory, to the folders above it, and to
the current one: Kaldi's paths are relative to wherever its scripts were run. Files of two columns named utt2X
or spk2X are kept as `custom` X. A channel is that of the segment (its fifth column), of the command in
wav.scp (see kaldi_commands.py), or of reco2file_and_channel, in this order.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from earwright.audio.read import audio_info
from earwright.data.corpora.kaldi_commands import audio_of
from earwright.data.corpora.lines import head, is_unicode, read_lines
from earwright.data.corpora.row import BadRow, ReaderOptions, Row, channel_index, gender_name
from earwright.data.corpora.search import find_named, found_in, hint, left_out, locate, require_folder
from earwright.errors import EarwrightError

SCP_NAME = "wav.scp"
LEVELS = 3  # egs/mine/s5 holds data/train; below a data directory lie only copies of parts of it (split8)
MAPPING = re.compile(r"(utt|spk)2(\w+)")


def recognize(source: Path) -> str | None:
    """A folder with wav.scp in it or below it."""
    if os.path.isdir(source):
        for path in find_named(source, SCP_NAME, LEVELS):
            if any(len(line.split()) > 1 for line in head(path)):
                return f"{path.relative_to(source)} names recordings as Kaldi does"
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a Kaldi data directory, or a folder that holds several.

    Args:
        source: the folder; of several, `custom` says as "subset" which one a row is from.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of segments, or of wav.scp; an utterance without a line in text has the text "". Then,
        as bad rows, texts without audio. Recordings that no segment names are left out, as Kaldi does.

    Raises:
        EarwrightError: there is no such folder, or no wav.scp in it.
    """
    require_folder(source, "Kaldi's data directory")
    refused: list[BadRow] = []
    empty = True
    for path in find_named(source, SCP_NAME, LEVELS, refused):
        empty = False
        subset = path.parent.relative_to(source).as_posix()
        yield from _read_directory(path.parent.absolute(), {} if subset == "." else {"subset": subset})
    if empty:
        raise EarwrightError(
            f"{source}: this is not a Kaldi data directory: no {SCP_NAME} in it, but {found_in(source)}."
            f"{hint(source)}"
        )
    yield from refused


def _read_directory(folder: Path, custom: dict[str, str]) -> Iterator[Row | BadRow]:
    entries: dict[str, str] = {}
    texts: dict[str, str] = {}
    sides: dict[str, str] = {}
    about = _About()
    yield from _load(folder / SCP_NAME, entries)
    for name, table in (("text", texts), ("reco2file_and_channel", sides)):
        if os.path.isfile(folder / name):
            yield from _load(folder / name, table)
    yield from about.load(folder)
    recordings = _Recordings(folder, entries, sides)
    for utterance in _utterances(folder, entries):
        if isinstance(utterance, BadRow):
            texts.pop(utterance.id, None)  # one report is enough
            yield utterance
            continue
        identity, recording, start, duration, channel = utterance
        text = texts.pop(identity, "")
        try:
            path, side = recordings.find(recording)
        except ValueError as error:
            yield BadRow(f"{folder / SCP_NAME}: {error}", identity, text=text)
            continue
        yield about.row(
            Row(
                identity,
                path,
                text,
                start=start,
                duration=duration,
                channel=channel if channel >= 0 else side,
            ),
            custom,
        )
    for identity, text in texts.items():
        yield BadRow(
            f"{folder / 'text'}: there is no audio for the utterance {identity}", identity, text=text
        )


def _load(path: Path, table: dict[str, str]) -> Iterator[BadRow]:
    """Fill a table with a file's lines: first word -> the rest. What cannot be taken comes as a bad row."""
    try:
        for number, line in read_lines(path):
            words = line.split(None, 1)
            where = f"{path}, line {number}: "
            if not is_unicode(line):
                yield BadRow(where + "not UTF-8 text")
            elif words[0] in table:
                yield BadRow(where + f"{words[0]} has a line above already", words[0])
            else:
                table[words[0]] = words[1].strip() if len(words) > 1 else ""
    except EarwrightError as error:
        yield BadRow(str(error).rstrip("."), path=str(path))


def _utterances(
    folder: Path, entries: dict[str, str]
) -> Iterator[tuple[str, str, float, float | None, int] | BadRow]:
    """Id, recording, start, duration and channel (-1 if it is not said) of each utterance."""
    path = folder / "segments"
    if not os.path.isfile(path):
        yield from ((recording, recording, 0.0, None, -1) for recording in entries)
        return
    try:
        for number, line in read_lines(path):
            words = line.split()
            where = f"{path}, line {number}: "
            if len(words) not in (4, 5) or not is_unicode(line):
                yield BadRow(where + "a segment has an id, a recording, a start and an end", text=line)
                continue
            try:
                start, end = float(words[2]), float(words[3])
                channel = int(words[4]) if len(words) == 5 else -1
                if not math.isfinite(start + end):
                    raise ValueError
            except ValueError:
                yield BadRow(where + f"{' '.join(words[2:])} are no numbers of seconds", words[0])
                continue
            # An end below 0 is that of the recording.
            yield words[0], words[1], start, None if end < 0 else end - start, channel
    except EarwrightError as error:
        yield BadRow(str(error).rstrip("."), path=str(path))


class _Recordings:
    """The recordings of a data directory: where the audio lies; each is looked for once."""

    def __init__(self, folder: Path, entries: dict[str, str], sides: dict[str, str]) -> None:
        self._bases = [folder, *folder.parents, Path.cwd()]
        self._entries = entries
        self._sides = sides
        self._last: tuple[str, str, int | None] | None = None

    def find(self, recording: str) -> tuple[str, int | None]:
        """Path and channel of a recording. Raises ValueError with the reason if nobody can say."""
        if self._last is None or self._last[0] != recording:  # segments of one follow each other
            if recording not in self._entries:
                raise ValueError(f"there is no recording {recording}")
            name, channel = audio_of(self._entries[recording])
            path = self._locate(name)
            if channel is None and recording in self._sides:
                channel = _side(path, self._sides[recording])
            self._last = recording, path, channel
        return self._last[1:]

    def _locate(self, name: str) -> str:
        paths = (locate(base, name) for base in self._bases)
        return next((path for path in paths if os.path.isfile(path)), os.path.join(self._bases[0], name))


def _side(path: str, file_and_channel: str) -> int | None:
    """The channel that reco2file_and_channel names; None if the file is mono, and holds that side alone."""
    channel = channel_index(file_and_channel.split()[-1]) if file_and_channel else None
    if channel:
        try:
            return channel if channel < audio_info(path).channels else None
        except EarwrightError:
            return channel
    return channel


class _About:
    """What a data directory says of utterances and speakers in files named utt2X and spk2X."""

    def __init__(self) -> None:
        self._speakers: dict[str, str] = {}
        self._tables: dict[str, dict[str, dict[str, str]]] = {"spk": {}, "utt": {}}

    def load(self, folder: Path) -> Iterator[BadRow]:
        """Read the files; those of more than two columns, such as spk2utt, are of another kind."""
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            yield left_out(error)
            return
        for name in names:
            match = MAPPING.fullmatch(name)
            if not match or name == "spk2utt" or not os.path.isfile(folder / name):
                continue
            if name != "utt2spk" and any(len(line.split()) != 2 for line in head(folder / name, 5)):
                continue
            table: dict[str, str] = {}
            yield from _load(folder / name, table)
            if name == "utt2spk":
                self._speakers = table
            else:
                self._tables[match[1]][match[2]] = table

    def row(self, row: Row, custom: dict[str, str]) -> Row:
        """The row with what is known of it and its speaker added."""
        speaker = self._speakers.get(row.id)
        known = dict(custom)
        for kind, key in (("spk", speaker), ("utt", row.id)):
            for name, table in self._tables[kind].items():
                if key is not None and table.get(key):
                    known[name] = table[key]
        return replace(
            row,
            speaker=speaker,
            language=known.pop("lang", None),
            gender=gender_name(known.pop("gender", "")),
            custom=known,
        )
