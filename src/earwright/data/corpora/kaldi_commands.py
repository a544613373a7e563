"""What Kaldi's wav.scp names: a file, or a command whose output is the audio. Commands are read, never run.

Most of them only unpack a file that is read here as it is, or pick one of its channels: then the file and the
channel are what is wanted. What changes the audio otherwise, or is not understood, is refused with a reason.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Sequence

ARCHIVE_PLACE = re.compile(r":\d+$")  # file.ark:1234, an offset into an archive
QUIET = re.compile(r"\s2>\s*/dev/null")
STDIN = ("-", "pipe:0", "pipe:", "/dev/stdin")
STDOUT = ("-", "pipe:1", "pipe:", "/dev/stdout")
EFFECT_VALUE = re.compile(r"[-+.\d]")  # what follows the name of an effect: options and numbers
ALL = -1  # the channels are mixed: none of them can be picked any more

# Options that leave the audio as it is, but for its container, rate, level or mix: alone, and with a value.
FLAGS = {
    "cat": "-u",
    "flac": "-c --stdout -d --decode -s --silent --totally-silent -f --force",
    "gunzip": "-c --stdout --to-stdout -f --force -q --quiet",
    "gzip": "-d --decompress -c --stdout --to-stdout -f --force -q --quiet",
    "zcat": "-f --force -q --quiet",
    "sph2pipe": "-p -u -a",
    "ffmpeg": "-nostdin -hide_banner -nostats -y -vn -sn -dn -bitexact",
    "sox": "-q -S -V -V0 -V1 -V2 -V3 -V4 -G --guard -D --no-dither -R -L -B -x --single-threaded "
    "--multi-threaded --ignore-length --norm",
    "wav-copy": "",
}
VALUED = {
    "sph2pipe": "-f -c",
    "ffmpeg": "-i -v -loglevel -f -ar -ac -c:a -codec:a -acodec -ab -b:a -sample_fmt -threads -map_metadata",
    "sox": "-t --type -r --rate -b --bits -e --encoding -c --channels --endian -v --volume --buffer",
}
MIXERS = ("sox", "ffmpeg")
# Of sox's effects, those that change neither the time nor what is said.
EFFECTS = ("remix", "channels", "rate", "dither", "norm", "gain", "vol")


def audio_of(entry: str) -> tuple[str, int | None]:
    """The file, and the channel of it, that an entry of wav.scp stands for.

    Args:
        entry: what follows the recording's id, such as `a.wav` or `sph2pipe -f wav -p -c 2 a.sph |`.

    Returns:
        The file as it is named, and its channel counted from 0; None for all of them.

    Raises:
        ValueError: nothing of the kind can be said, with the reason.
    """
    entry = entry.strip()
    if not entry.endswith("|"):
        if ARCHIVE_PLACE.search(entry):
            raise ValueError(f"{entry} is a place in an archive, which is not read; write its audio to files")
        if entry.startswith("|") or entry in STDIN or not entry:
            raise ValueError(f"{entry or 'nothing'} is no file")
        return entry, None
    try:
        return _audio_of_command(entry[:-1])
    except ValueError as error:
        raise ValueError(
            f"the command `{entry}` is not run, and is none that only unpacks a file ({error}); "
            "run it yourself and name the file that comes out"
        ) from None


def _audio_of_command(command: str) -> tuple[str, int | None]:
    lexer = shlex.shlex(QUIET.sub(" ", command), posix=True, punctuation_chars="|&;<>()`$")
    lexer.whitespace_split = True
    lexer.commenters = ""
    stages: list[list[str]] = [[]]
    for word in lexer:
        if word == "|":
            stages.append([])
        elif set(word) <= set("|&;<>()`$"):
            raise ValueError(f"{word} is not understood")
        else:
            stages[-1].append(word)
    source, channel = _read_stage(stages[0])
    if source in STDIN:
        raise ValueError("it reads no file")
    for before, words in itertools.pairwise(stages):
        taken, chosen = _read_stage(words)
        if taken not in STDIN:
            raise ValueError("its second command reads a file")
        # Of one channel there is only the first; and what sox and ffmpeg hand on may be mixed.
        if chosen is not None and channel is None and os.path.basename(before[0]) in MIXERS:
            raise ValueError(f"it takes channel {chosen + 1} of a mix")
        if chosen and channel is not None:
            raise ValueError(f"it takes channel {chosen + 1} of one channel")
        channel = chosen if channel is None else channel
    return source, channel


def _read_stage(words: Sequence[str]) -> tuple[str, int | None]:
    """The file that one command of a pipe reads, and the channel that it picks."""
    if not words:
        raise ValueError("a command is missing")
    program = os.path.basename(words[0])
    if program not in FLAGS:
        raise ValueError(f"{program} is not understood")
    if program == "sox":
        return _read_sox(words[1:])
    operands, values = _parse(program, words[1:])
    if program == "ffmpeg":
        operands = [values.get("-i", ""), *operands]
    if program in ("ffmpeg", "wav-copy"):
        if len(operands) != 2 or operands[1] not in STDOUT:
            raise ValueError("it does not write to its output")
        operands.pop()
    if len(operands) > 1 or operands == [""]:
        raise ValueError(
            f"{program} reads {len(operands)} files" if len(operands) > 1 else "it reads no file"
        )
    channel = values.get("-c", "") if program == "sph2pipe" else ""
    if channel not in ("", "1", "2"):
        raise ValueError(f"there is no channel {channel}")
    return operands[0] if operands else "-", int(channel) - 1 if channel else None


def _parse(program: str, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """What stands between a program's options, and the values of those."""
    flags, valued = FLAGS[program].split(), VALUED.get(program, "").split()
    operands: list[str] = []
    values: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in valued:
            if word == "-i" and word in values:
                raise ValueError(f"{program} reads several files")
            values[word] = next(rest, "")
        elif not word.startswith("-") or word in STDIN:
            operands.append(word)
        elif word not in flags and not all(f"-{letter}" in flags for letter in word[1:]):
            raise ValueError(f"the option {word} of {program} is not understood")
    return operands, values


def _read_sox(words: Sequence[str]) -> tuple[str, int | None]:
    """sox [options] IN [options] OUT [EFFECT [its options]]..."""
    place = 0
    files: list[str] = []
    while len(files) < 2:
        if place >= len(words):
            raise ValueError("sox has no input or no output")
        word = words[place]
        step = 2 if word in VALUED["sox"].split() else 1
        if not word.startswith("-") or word in STDIN:
            files.append(word)
        else:
            _parse("sox", words[place : place + step])
        place += step
    if files[1] not in STDOUT:
        raise ValueError("sox does not write to its output")
    return files[0], _channel_of_effects(list(words[place:]))


def _channel_of_effects(effects: list[str]) -> int | None:
    """The channel that sox's effects pick."""
    channel = None
    while effects:
        name = effects.pop(0)
        if name not in EFFECTS:
            raise ValueError(f"sox's effect {name}")
        count = next((n for n, word in enumerate(effects) if not EFFECT_VALUE.match(word)), len(effects))
        values, effects = effects[:count], effects[count:]
        if name == "channels" and channel is None:
            channel = ALL
        elif name == "remix" and values != ["-"]:
            if len(values) != 1 or not values[0].isdigit() or values[0] == "0" or channel is not None:
                raise ValueError(f"sox's effect remix {' '.join(values)}")
            channel = int(values[0]) - 1
        elif name == "remix" and channel is None:
            channel = ALL
    return None if channel == ALL else channel
