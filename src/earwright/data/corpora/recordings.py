"""Finding the recording that a transcript belongs to, by name."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from earwright.data.corpora.search import audio_by_stem, is_audio, walk

LANGUAGE_TAG = re.compile(r"\.([a-z]{2})(?:[-_][A-Za-z0-9]+)*")  # .en, .pt-BR, .zh-Hans


class Recordings:
    """The recordings of a source, found by their names without ending."""

    def __init__(self, source: Path) -> None:
        self._root = source if source.is_dir() else source.parent
        self._folders: dict[Path, dict[str, str]] = {}
        self._below: dict[str, list[Path]] | None = None
        self._around: dict[str, list[Path]] | None = None
        self._transcripts: dict[Path, dict[str, list[str]]] = {}

    def find(self, folder: Path, stem: str, around: bool = False) -> Path | None:
        """The recording of a name: in a folder, or else the one that lies nearest to it below the source.

        Of two that are equally near neither is taken: every folder may have its 001.wav. Nearness is the
        number of folders' names in common, so that texts/a/001.srt belongs to audio/a/001.wav.

        Args:
            folder: of the transcript.
            stem: the name.
            around: whether to look, at last, in the folder above the source and in that one's folders.
        """
        beside = self._in(folder).get(stem)
        if beside is not None:
            return folder / beside
        if self._below is None:
            self._below = self._search(folder for folder, _ in walk(self._root))
        found = self._below.get(stem, [])
        if not found and around:
            if self._around is None:
                self._around = self._search(_neighbours(self._root))
            found = self._around.get(stem, [])
        near = sorted((-len({*path.parent.parts} & {*folder.parts}), path) for path in found)
        return near[0][1] if near and (len(near) == 1 or near[0][0] < near[1][0]) else None

    def of_transcript(self, transcript: Path) -> tuple[Path | None, str | None]:
        """The recording that a transcript belongs to, and its language if its name tells."""
        names: list[tuple[str, str | None]] = [(transcript.stem, None)]
        if is_audio(transcript.stem):
            names.append((os.path.splitext(transcript.stem)[0], None))
        tag = _language_tag(transcript.stem)
        if tag and not self._translations(transcript):
            names.append((transcript.stem.removesuffix(tag[0]), tag[1]))
        for stem, language in names:
            found = self.find(transcript.parent, stem)
            # Elsewhere it may have a transcript of its own: then this one only has the same name.
            if found and (found.parent == transcript.parent or not _has_transcript(found, transcript)):
                return found, language
        return None, None

    def complaint(self, transcript: Path) -> str:
        """Why a transcript has no recording."""
        others = self._translations(transcript)
        if others and _language_tag(transcript.stem):
            return f"{others[0]} is of the same recording; keep the one in the language that is spoken"
        return "there is no recording of the same name"

    def name_of(self, audio: Path) -> str:
        """The path of a recording below the source, for ids."""
        return audio.relative_to(self._root).as_posix() if audio.is_relative_to(self._root) else audio.name

    def _translations(self, transcript: Path) -> list[str]:
        """The transcripts beside talk.en.srt in other languages, or in one that is not named."""
        folder = transcript.parent
        if folder not in self._transcripts:
            self._transcripts[folder] = {}
            for path in sorted(folder.iterdir()):
                self._transcripts[folder].setdefault(_without_tag(path), []).append(path.name)
        return [
            name for name in self._transcripts[folder][_without_tag(transcript)] if name != transcript.name
        ]

    def _in(self, folder: Path) -> dict[str, str]:
        if folder not in self._folders:
            try:
                names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
            except OSError:  # a folder around the source may be somebody else's
                names = []
            self._folders[folder] = audio_by_stem(names)
        return self._folders[folder]

    def _search(self, folders: Iterable[Path]) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for folder in folders:
            for stem, name in self._in(folder).items():
                found.setdefault(stem, []).append(folder / name)
        return found


def _language_tag(stem: str) -> tuple[str, str] | None:
    """ ".en-US" and "en" of talk.en-US."""
    base, dot, tag = stem.rpartition(".")
    match = LANGUAGE_TAG.fullmatch(dot + tag)
    return (match[0], match[1]) if match and base else None


def _without_tag(path: Path) -> str:
    """talk.srt of talk.en.srt."""
    tag = _language_tag(path.stem)
    return path.stem.removesuffix(tag[0] if tag else "") + path.suffix


def _has_transcript(audio: Path, transcript: Path) -> bool:
    """Whether a transcript of the same kind lies beside a recording."""
    return audio.with_name(f"{audio.stem}{transcript.suffix}").exists()


def _neighbours(folder: Path) -> list[Path]:
    """The folder above, and its folders."""
    above = folder.absolute().parent
    with contextlib.suppress(OSError):
        return [above, *sorted(place for place in above.iterdir() if place.is_dir())]
    return [above]
