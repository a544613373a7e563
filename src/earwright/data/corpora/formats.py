"""The formats that `earwright prepare` reads: what each is, and where its reader lives.

To add one: copy a reader that is like it, and give it a line here.
"""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.errors import EarwrightError

AUTO = "auto"  # in the place of a format: find out


@dataclass(frozen=True)
class Format:
    """A format of corpora.

    Attributes:
        module: of the reader, in this folder.
        meaning: what its source is, for --help.
        reads, recognizes: the names of the module's two functions.
        transcribed: whether its rows must have texts.
    """

    module: str
    meaning: str
    reads: str = "read"
    recognizes: str = "recognize"
    transcribed: bool = True

    def read(self, source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
        """The rows of a source, in its own order.

        Raises:
            EarwrightError: the source is missing, or not in this format.
        """
        rows: Iterator[Row | BadRow] = getattr(self._import(), self.reads)(source, options)
        return rows

    def recognize(self, source: Path) -> str | None:
        """What shows that a source is in this format ("validated.tsv with a column client_id"), or None."""
        try:
            reason: str | None = getattr(self._import(), self.recognizes)(source)
        except OSError:  # what may not be looked into is not recognized
            return None
        return reason

    def _import(self) -> object:
        return importlib.import_module(f"earwright.data.corpora.{self.module}")


def find_format(name: str) -> Format:
    """The format of a name.

    Raises:
        EarwrightError: there is none.
    """
    if name in FORMATS:
        return FORMATS[name]
    near = difflib.get_close_matches(name, FORMATS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ";"
    raise EarwrightError(f"there is no format {name!r}{hint} There are {', '.join(FORMATS)}.")


def recognize(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Find out in which format a source is.

    Returns:
        The format's name, and what showed it.

    Raises:
        EarwrightError: there is no such source, or no format fits.
    """
    from earwright.data.corpora.search import found_in

    place = Path(source)
    if not place.exists():
        raise EarwrightError(f"{place}: there is no such file or folder.")
    for name, kind in FORMATS.items():
        reason = kind.recognize(place)
        if reason:
            return name, reason
    what = f"found {found_in(place)}" if place.is_dir() else f"a {place.suffix or 'nameless'} file"
    raise EarwrightError(f"{place}: no format fits ({what}); name one of {', '.join(FORMATS)}.")


# In the order in which `auto` asks them: a format that is easily mistaken for another comes after it, and
# those that have to look through a whole folder come after those that know where to look.
FORMATS = {
    "commonvoice": Format(
        "commonvoice", "Common Voice: a language's folder, a folder of several, or one .tsv such as train.tsv"
    ),
    "kaldi": Format("kaldi", "a Kaldi data directory (wav.scp, text, segments, ...), or a folder of several"),
    "huggingface": Format(
        "huggingface", "a Hugging Face data set: audio with metadata.csv or .jsonl, Parquet, or saved to disk"
    ),
    "nemo": Format("nemo", "a NeMo manifest: JSON lines with audio_filepath, text; duration, offset, lang"),
    "csv": Format(
        "table",
        "a table with columns path, text; id, speaker, language, gender, start, duration, end if wanted",
        "read_csv",
        "recognize_csv",
    ),
    "tsv": Format("table", "the same, parted by tabs", "read_tsv", "recognize_tsv"),
    "ljspeech": Format("ljspeech", "LJSpeech's layout: metadata.csv with lines id|text, the audio in wavs"),
    "librispeech": Format(
        "librispeech", "a folder in LibriSpeech's layout, the audio in any format (.flac, .opus, .mp3, .wav)"
    ),
    "folder": Format("folder", "a folder of audio files with a .txt of the same name beside each"),
    "rttm": Format("rttm", "speakers' turns without texts: .rttm files and their audio", transcribed=False),
    "audio": Format("audio", "a folder of audio without texts: noise, music, speech", transcribed=False),
}
