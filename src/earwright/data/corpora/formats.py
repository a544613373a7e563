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
from typing import Any

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
        corpus: what the two functions are told first, in a module that reads many: the corpus's name.
    """

    module: str
    meaning: str
    reads: str = "read"
    recognizes: str = "recognize"
    transcribed: bool = True
    corpus: str | None = None

    def read(self, source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
        """The rows of a source, in its own order.

        Raises:
            EarwrightError: the source is missing, or not in this format.
        """
        rows: Iterator[Row | BadRow] = self._call(self.reads, source, options)
        return rows

    def recognize(self, source: Path) -> str | None:
        """What shows that a source is in this format ("validated.tsv with a column client_id"), or None."""
        try:
            reason: str | None = self._call(self.recognizes, source)
        except (OSError, ValueError):  # it may not be looked into, or its name is impossible
            return None
        return reason

    def _call(self, function: str, *arguments: object) -> Any:
        module = importlib.import_module(f"earwright.data.corpora.{self.module}")
        first = () if self.corpus is None else (self.corpus,)
        return getattr(module, function)(*first, *arguments)


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
    "cuts": Format("cuts", "lhotse's cuts, or its recordings with supervisions; a folder that prepare wrote"),
    "ljspeech": Format("ljspeech", "LJSpeech's layout: metadata.csv with lines id|text, the audio in wavs"),
    "librispeech": Format(
        "librispeech", "a folder in LibriSpeech's layout, the audio in any format (.flac, .opus, .mp3, .wav)"
    ),
    "elan": Format("elan", "recordings with ELAN's annotations (.eaf): a file, or a folder with them"),
    "textgrid": Format("textgrid", "the same with Praat's TextGrids"),
    "stm": Format("stm", "the same with NIST's segments (.stm)"),
    "ctm": Format("ctm", "the same with NIST's words (.ctm), joined where nobody pauses"),
    "srt": Format("srt", "the same with SubRip subtitles"),
    "vtt": Format("vtt", "the same with WebVTT subtitles"),
    "folder": Format("folder", "a folder of audio files with a .txt of the same name beside each"),
    "long": Format(
        "long_recordings", "long recordings with their whole text (.txt) beside each; needs --model"
    ),
    "rttm": Format("rttm", "speakers' turns without texts: .rttm files and their audio", transcribed=False),
    "audio": Format("audio", "a folder of audio without texts: noise, music, speech", transcribed=False),
}


def find_format(name: str) -> Format:
    """The format of a name: one of FORMATS, or lhotse:NAME for a corpus that lhotse has a reader of.

    Raises:
        EarwrightError: there is no such format.
    """
    if name in FORMATS:
        return FORMATS[name]
    kind, colon, corpus = name.partition(":")
    if kind == "lhotse" and colon:
        from earwright.data.corpora.lhotse_corpus import find_reader

        find_reader(corpus)
        return Format("lhotse_corpus", f"the corpus {corpus}, read by lhotse", corpus=corpus)
    near = difflib.get_close_matches(name, [*FORMATS, "lhotse:NAME"], n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise EarwrightError(f"there is no format {name!r}; there are {', '.join(FORMATS)} and lhotse:NAME{hint}")
