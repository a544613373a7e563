"""sclite's trn format: a line `words (utterance-id)` for each utterance, `;;` for comments."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from earwright.errors import EarwrightError
from earwright.files import atomic_write

_LINE = re.compile(r"(?P<text>.*)\((?P<id>[^()]*)\)\s*$", re.DOTALL)


def read_trn(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a trn file.

    Args:
        path: UTF-8 text (bytes that are none are read as Latin-1, in which NIST's older files are).

    Returns:
        the text of each utterance by its id, in the order of the file.

    Raises:
        EarwrightError: a line has no id, or an id comes twice with different texts.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise EarwrightError(f"{path}: {error.strerror}; give a trn file of lines `words (id)`.") from error
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = data.decode("latin-1")
    texts: dict[str, str] = {}
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip() or line.startswith(";;"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise EarwrightError(f"{path}, line {number}: no utterance id in parentheses at the end; add it.")
        name, text = match["id"].strip(), " ".join(match["text"].split())
        if texts.setdefault(name, text) != text:
            raise EarwrightError(
                f"{path}, line {number}: a second text for utterance {name}; keep one of them."
            )
    return texts


def write_trn(path: str | os.PathLike[str], utterances: Iterable[tuple[str, str]]) -> None:
    """Write a trn file that sclite reads.

    Args:
        path: the file to make or replace.
        utterances: ids and texts. A semicolon, which would start a tag, is escaped; parentheses and white
            space in ids become underscores.
    """
    with atomic_write(path) as file:
        for name, text in utterances:
            words = " ".join(text.replace("\\", "\\\\").replace(";", "\\;").split())
            safe = re.sub(r"[()\s]", "_", name)
            file.write(f"{words} ({safe})\n".lstrip())


def trn_id(name: str, speaker: str | None) -> str:
    """An utterance id whose speaker sclite can read (-i spu_id): what stands before the first hyphen."""
    if speaker is not None and trn_speaker(name) == speaker:
        return name
    who = re.sub(r"[-_]", ".", speaker) if speaker else "all"
    return f"{who}-{name}"


def trn_speaker(name: str) -> str | None:
    """The speaker of an utterance id, as sclite's -i spu_id: up to the first hyphen, else underscore."""
    cut = name.find("-") if "-" in name else name.find("_")
    return name[:cut] if cut > 0 else None
