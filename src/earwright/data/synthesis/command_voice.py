"""Any command as a voice: it is given a text and writes a file of audio.

A template such as `piper --model en.onnx --speaker {voice} --output_file {out}` is split into words once, and
the placeholders are filled in word by word, without a shell: no text can become a command.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from earwright.audio.mix import SILENT
from earwright.errors import EarwrightError, first_line

if TYPE_CHECKING:
    import numpy as np

    from earwright.audio.read import Samples

PLACEHOLDERS = {
    "out": "the audio file that the command must write",
    "text": "the text, as one argument",
    "text_file": "a UTF-8 file with the text",
    "voice": "the number of the speaker, from 0",
    "seed": "a number below 2^31, another one for each utterance",
    "language": "what --language says",
    "style": "the name of the style",
}
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_OF_A_SHELL = {"<", ">", ">>", "<<", "|", "||", "&", "&&", ";", "2>", "2>&1"}
_SAID = 200  # characters of what a command that failed has said


@dataclass(frozen=True)
class CommandVoice:
    """One speaker of a command.

    Attributes:
        words: of the template; see `parse_command`.
        number: of the speaker.
        language: passed on to the command.
        timeout: seconds that it may take for one text.
        style: passed on to the command; "" for none.
    """

    words: tuple[str, ...]
    number: int
    language: str
    timeout: float
    style: str = ""

    @property
    def name(self) -> str:
        """A name fit for file names: the program's, and the number."""
        return f"{self._program}.{self.number}"

    @property
    def columns(self) -> dict[str, Any]:
        """What its cuts say of it."""
        return {"synthesizer": self._program, "variant": str(self.number)}

    @property
    def settings(self) -> dict[str, Any]:
        """Nothing: what a style is, the command knows."""
        return {}

    @property
    def _program(self) -> str:
        return Path(self.words[0]).stem

    def in_style(self, style: str, generator: np.random.Generator) -> CommandVoice:
        """The same speaker, asked for a style."""
        return dataclasses.replace(self, style=style)

    def say(self, text: str, seed: int) -> tuple[Samples, int]:
        """Run the command on a text.

        Args:
            text: what to say; where the template does not place it, it goes to the standard input.
            seed: passed on.

        Returns:
            Samples (N,), float32, and their rate in Hz.

        Raises:
            EarwrightError: the command failed, took too long, or wrote no audio.
        """
        from earwright.audio.read import audio_info, read_audio

        text = text.replace("\0", " ")
        with tempfile.TemporaryDirectory(prefix="earwright-") as folder:
            out, text_file = Path(folder) / "out.wav", Path(folder) / "text.txt"
            text_file.write_bytes(text.encode() + b"\n")
            values = {
                "out": str(out),
                "text": text,
                "text_file": str(text_file),
                "voice": str(self.number),
                "seed": str(seed),
                "language": self.language,
                "style": self.style,
            }
            words = [_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in self.words]
            last_words = self._run(words, text_file)
            if not out.is_file() or not out.stat().st_size:
                raise EarwrightError(f"{self._program} wrote no audio to {{out}}{last_words}")
            try:
                samples, rate = read_audio(out, None), audio_info(out).sample_rate
            except EarwrightError as error:
                reason = first_line(error).removeprefix(f"{out}: ").rstrip(".")
                raise EarwrightError(f"what {self._program} wrote is no audio: {reason}") from error
        check_audible(samples, self._program)
        return samples, rate

    def _run(self, words: Sequence[str], text_file: Path) -> str:
        """Run it to its end; what it said last, for messages."""
        with open(text_file, "rb") as stdin, tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    words,
                    # A session of its own: what hangs is ended with all that it has started.
                    start_new_session=True,
                    stdin=stdin,
                    stdout=said,
                    stderr=said,
                )
            except (OSError, ValueError) as error:
                raise EarwrightError(f"{self._program} could not be run: {first_line(error)}") from error
            with _ended_with_us(process):
                try:
                    code = process.wait(self.timeout)
                except subprocess.TimeoutExpired:
                    raise EarwrightError(
                        f"{self._program} took longer than {self.timeout:g} s for one text"
                    ) from None
            last_words = _last_words(said)
            if code:
                raise EarwrightError(f"{self._program} failed with {_exit(code)}{last_words}")
            return last_words


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process that is still at work after the block, with what it has started, even after Ctrl-C."""
    # Ctrl-C does not reach another session, and a worker would die of it at once (see `data/workers.py`).
    of_a_worker = signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    if of_a_worker:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()
        if of_a_worker:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _exit(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"


def _last_words(said: IO[bytes]) -> str:
    """ ": " and the last line that a command has said, which most often is why it failed."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - 4096))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1].strip()[:_SAID]}" if lines else ""


def check_audible(samples: Samples, who: str) -> None:
    """Raise if nothing is to be heard."""
    import numpy as np

    if not len(samples) or float(np.square(samples, dtype=np.float64).mean()) <= SILENT:
        raise EarwrightError(f"what {who} made is silent")


def parse_command(template: str, styled: bool = False) -> tuple[str, ...]:
    """The words of a template, checked.

    Args:
        template: as one would type it, with placeholders.
        styled: whether it is to be given styles.

    Raises:
        EarwrightError: quotes are left open, a placeholder is unknown or missing, a shell is asked for, or
            the program is not there.
    """
    where = f"--command '{template}'"
    try:
        words = tuple(shlex.split(template))
    except ValueError as error:
        raise EarwrightError(f"{where}: cannot be split into words ({first_line(error)}).") from error
    if not words:
        raise EarwrightError("--command is empty: write a program and its arguments, with {out} among them.")
    named = {name for word in words for name in _PLACEHOLDER.findall(word)}
    for name in sorted(named - PLACEHOLDERS.keys()):
        known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
        raise EarwrightError(f"{where}: {{{name}}} is no placeholder; there are {known}.")
    for word in words:
        if word in _OF_A_SHELL:
            raise EarwrightError(
                f"{where}: no shell runs it, which {word} would need; a text that is placed nowhere goes to "
                "the standard input, and sh -c '...' is a command, too."
            )
    for name, needed in (("out", True), ("style", styled)):
        if needed and name not in named:
            raise EarwrightError(f"{where}: {{{name}}} is missing, {PLACEHOLDERS[name]}.")
    if shutil.which(words[0]) is None:
        raise EarwrightError(f"{where}: there is no program {words[0]}; install it, or write its whole path.")
    return words


def speakers_in(words: Sequence[str]) -> bool:
    """Whether a command has several speakers: it says where the number goes."""
    return any("voice" in _PLACEHOLDER.findall(word) for word in words)
