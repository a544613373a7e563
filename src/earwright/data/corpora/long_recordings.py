"""Long recordings, each with its whole text beside it: talk.mp3 and talk.txt, a chapter, minutes, a speech.

A recognizer finds out when each word was said (`earwright.alignment`); the recording is cut at pauses, and
what does not match its text is left out, with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from earwright.data.corpora.row import BadRow, ReaderOptions, Row, made_id
from earwright.data.corpora.search import audio_by_stem, found_in, require_folder, walk
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.alignment.utterances import CuttingOptions, Utterance
    from earwright.recognizer import Recognizer


def recognize(source: Path) -> str | None:
    """Never found by itself: it looks like `folder`, and needs a recognizer."""
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Align and cut.

    Args:
        source: a folder with recordings and a .txt of the same name beside each, at any depth.
        options: `model` is the recognizer's bundle; `pause` and `longest` say where to cut;
            `least_confidence` what to leave out.

    Yields:
        Rows in order of path and time, what is left out as bad rows among them; a recording without a text or
        that cannot be aligned is one bad row.

    Raises:
        EarwrightError: there is no recognizer, no such folder, or not one pair of recording and text in it.
    """
    from earwright.alignment.utterances import CuttingOptions
    from earwright.recognizer import Recognizer

    require_folder(source, "`long`")
    if not options.model:
        raise EarwrightError("`prepare long` needs a recognizer to hear the words with: --model BUNDLE.")
    refused: list[BadRow] = []
    pairs: list[tuple[str, Path, Path]] = []
    for folder, names in walk(source, refused):
        audio = audio_by_stem(names)
        texts = {os.path.splitext(name)[0]: name for name in names if name.lower().endswith(".txt")}
        for stem in sorted(audio):
            identity = (folder / stem).relative_to(source).as_posix()
            if stem in texts:
                pairs.append((identity, folder / audio[stem], folder / texts[stem]))
            else:
                refused.append(
                    BadRow("there is no .txt of the same name beside it", identity, str(folder / audio[stem]))
                )
    if not pairs:
        raise EarwrightError(
            f"{source}: no recording here has a .txt of the same name beside it; found {found_in(source)}."
        )
    cutting = CuttingOptions(longest=options.longest, least_confidence=options.least_confidence)
    if options.pause is not None:
        cutting = replace(cutting, pause=options.pause)
    recognizer = Recognizer.load(options.model)
    for identity, audio_path, text_path in pairs:
        try:
            yield from _rows(recognizer, identity, audio_path, text_path, cutting)
        except EarwrightError as error:
            yield BadRow(str(error).removesuffix("."), identity, str(audio_path))
    yield from refused


def _rows(
    recognizer: Recognizer, identity: str, audio: Path, text: Path, cutting: CuttingOptions
) -> Iterator[Row | BadRow]:
    from earwright.alignment import align_recording, read_words
    from earwright.alignment.utterances import cut_utterances

    words = read_words(text, recognizer.meta.normalizer)
    for utterance in cut_utterances(align_recording(recognizer, audio, words), cutting):
        yield _row(utterance, identity, str(audio))


def _row(utterance: Utterance, identity: str, path: str) -> Row | BadRow:
    start, duration = round(utterance.start, 3), round(utterance.end - utterance.start, 3)
    name = made_id(identity, start, duration)
    if utterance.reason:
        where = f"{start:.2f} to {start + duration:.2f} s"
        return BadRow(f"{where}: {utterance.detail}", name, path, utterance.text, utterance.reason)
    facts = {"alignment_confidence": round(utterance.confidence, 4), "line": utterance.line}
    return Row(name, path, utterance.text, start=start, duration=duration, custom=facts)
