"""LibriSpeech's layout: SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac, texts in SPEAKER-CHAPTER.trans.txt.

The audio may be in any format that is read at all. Who speaks is in SPEAKERS.TXT, where that lies in or above
the folder. Multilingual LibriSpeech and other corpora in this layout are read too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.row import BadRow, ReaderOptions, Row, gender_name
from earwright.data.corpora.search import audio_by_stem, found_in, hint, require_folder, walk
from earwright.errors import EarwrightError

SPEAKERS_NAME = "SPEAKERS.TXT"
LEVELS_ABOVE = 3  # dev-clean/1272/128104 is three below the folder that SPEAKERS.TXT is in


def recognize(source: Path) -> str | None:
    """A folder with a .trans.txt in it, at any depth."""
    if source.is_dir():
        for folder, names in walk(source):
            for name in names:
                if name.endswith(".trans.txt"):
                    return f"{(folder / name).relative_to(source)} is a list of texts as LibriSpeech has them"
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a folder in LibriSpeech's layout: a part of it, several, a speaker or a chapter.

    Args:
        source: the folder.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path, `custom` with the chapter; audio without a line of text has the text "".

    Raises:
        EarwrightError: there is no such folder, or no .trans.txt in it.
    """
    require_folder(source, "LibriSpeech")
    genders = read_genders(source)
    refused: list[BadRow] = []
    empty = True
    for folder, names in walk(source, refused):
        transcripts = [name for name in names if name.endswith(".trans.txt")]
        if transcripts:
            empty = False
            yield from _read_chapter(folder, transcripts, audio_by_stem(names), genders)
    if empty:
        raise EarwrightError(
            f"{source}: this is not LibriSpeech's layout: no .trans.txt below it, but {found_in(source)}."
            f"{hint(source)}"
        )
    yield from refused


def read_genders(source: Path) -> dict[str, str]:
    """Speaker id -> "female" or "male" from the nearest SPEAKERS.TXT in or above `source`; {} without one."""
    places = [source, *source.resolve().parents[:LEVELS_ABOVE]]
    path = next((place / SPEAKERS_NAME for place in places if (place / SPEAKERS_NAME).is_file()), None)
    if path is None:
        return {}
    genders = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) >= 2 and not line.startswith(";"):
            gender = gender_name(columns[1])
            if gender:
                genders[columns[0]] = gender
    return genders


def _read_chapter(
    folder: Path, transcripts: list[str], audio: dict[str, str], genders: dict[str, str]
) -> Iterator[Row | BadRow]:
    """The rows of one folder: the transcripts' lines, then the audio that no line names."""
    without_text = dict(audio)
    for name in transcripts:
        # LibriSpeech is plain ASCII; what is not UTF-8 is a damaged line, and only that line is lost.
        lines = (folder / name).read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            try:
                words = line.decode("utf-8-sig" if number == 1 else "utf-8").split(None, 1)
            except UnicodeDecodeError:
                yield BadRow(f"{folder / name}, line {number}: not UTF-8 text")
                continue
            if words:
                utterance, text = words[0], words[1] if len(words) > 1 else ""
                without_text.pop(utterance, None)
                yield _row(folder, utterance, audio.get(utterance, f"{utterance}.flac"), text, genders)
    for utterance, file_name in without_text.items():
        yield _row(folder, utterance, file_name, "", genders)


def _row(folder: Path, utterance: str, file_name: str, text: str, genders: dict[str, str]) -> Row:
    # 1272-128104-0000: speaker, chapter, number. Some names carry letters, none a further hyphen.
    speaker, _, rest = utterance.partition("-")
    chapter = rest.partition("-")[0]
    return Row(
        id=utterance,
        path=str(folder / file_name),
        text=text,
        speaker=speaker or None,
        gender=genders.get(speaker),
        custom={"chapter": chapter} if chapter else {},
    )
