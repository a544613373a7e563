"""Which file and channel a command of wav.scp stands for, and which commands stand for none."""

from __future__ import annotations

import gzip
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora.kaldi_commands import audio_of

UNDERSTOOD = {
    "a.wav": ("a.wav", None),
    "/data/my corpus/a b.wav": ("/data/my corpus/a b.wav", None),
    "flac -c -d -s /x/84-121123-0000.flac |": ("/x/84-121123-0000.flac", None),
    "flac -cds a.flac|": ("a.flac", None),
    "/opt/kaldi/tools/sph2pipe_v2.5/sph2pipe -f wav -p -c 1 sw02001.sph |": ("sw02001.sph", 0),
    "sph2pipe -p -f wav -c 2 sw02001.sph |": ("sw02001.sph", 1),
    "sph2pipe -f wav 4k0c0301.wv1 |": ("4k0c0301.wv1", None),
    "sox a.flac -t wav - remix 1 |": ("a.flac", 0),
    "sox -t wav a.wav -t wav - remix 2 rate -h 16000 |": ("a.wav", 1),
    "sox /x/EN2001a.Mix.wav -c 1 -b 16 -e signed-integer -r 16k -t wavpcm - |": ("/x/EN2001a.Mix.wav", None),
    "sox -v 0.9 a.wav -t wav - channels 1 gain -n -3 dither |": ("a.wav", None),
    "sox a.wav -t wav - remix - |": ("a.wav", None),
    "sox -G a.wav -t wav - remix 2 channels 1 norm -1 |": ("a.wav", 1),
    "ffmpeg -v quiet -nostdin -i a.m4a -f wav -ar 16000 -ac 1 -acodec pcm_s16le - |": ("a.m4a", None),
    "ffmpeg -y -i 'a b.mp3' -f wav pipe:1 2>/dev/null |": ("a b.mp3", None),
    "cat a.wav |": ("a.wav", None),
    "cat größe\\ 2.wav |": ("größe 2.wav", None),
    "gunzip -c a.wav.gz |": ("a.wav.gz", None),
    "gzip -dc a.wav.gz |": ("a.wav.gz", None),
    "zcat a.wav.gz |": ("a.wav.gz", None),
    "wav-copy a.wav - |": ("a.wav", None),
    "cat a.flac | flac -c -d -s - | sox -t wav - -t wav - remix 2 |": ("a.flac", 1),
    "sph2pipe -f wav -p -c 2 a.sph | sox -t wav - -r 16000 -t wav - |": ("a.sph", 1),
    "sph2pipe -f wav -c 2 a.sph | sox -t wav - -t wav - remix 1 |": ("a.sph", 1),
}

REFUSED = {
    "": "nothing is no file",
    "-": "- is no file",
    "| cat": "is no file",
    "|": "a command is missing",
    "raw_wav.ark:1234": "a place in an archive",
    "sox a.wav -t wav - speed 0.9 |": "sox's effect speed",
    "sox a.wav -t wav - tempo 1.1 |": "sox's effect tempo",
    "sox a.wav -t wav - remix 1 trim 3 10 |": "sox's effect trim",
    "sox a.wav -t wav - remix 1,2 |": "sox's effect remix 1,2",
    "sox a.wav -t wav - remix 1 2 |": "sox's effect remix 1 2",
    "sox a.wav -t wav - remix 0 |": "sox's effect remix 0",
    "sox a.wav -t wav - channels 1 remix 2 |": "sox's effect remix 2",
    "sox a.wav -t wav - remix 2 remix 1 |": "sox's effect remix 1",
    "sox a.wav b.wav -t wav - |": "does not write to its output",
    "sox -m a.wav b.wav -t wav - |": "the option -m of sox",
    "sox -n -t wav - synth 3 |": "the option -n of sox",
    "sox a.wav b.wav |": "does not write to its output",
    "sox a.wav |": "no input or no output",
    "sph2pipe -f wav -t 1:2 a.sph |": "the option -t of sph2pipe",
    "sph2pipe -c 3 a.sph |": "there is no channel 3",
    "ffmpeg -ss 3 -i a.mp3 -f wav - |": "the option -ss of ffmpeg",
    "ffmpeg -i a.mp3 -af atempo=2 -f wav - |": "the option -af of ffmpeg",
    "ffmpeg -i a.mp3 -i b.mp3 -f wav - |": "reads several files",
    "ffmpeg -i a.mp3 b.wav |": "does not write to its output",
    "ffmpeg -f wav - |": "it reads no file",
    "flac -c -d --skip=100 a.flac |": "the option --skip=100 of flac",
    "cat a.wav b.wav |": "cat reads 2 files",
    "cat |": "it reads no file",
    "cat - |": "it reads no file",
    "cat a.wav | cat b.wav |": "its second command reads a file",
    "sox a.wav -t wav -c 1 - | sox -t wav - -t wav - remix 1 |": "channel 1 of a mix",
    "sph2pipe -c 1 a.sph | sox -t wav - -t wav - remix 2 |": "channel 2 of one channel",
    "cat a.wav > b.wav |": "> is not understood",
    "cat $HOME/a.wav |": "$ is not understood",
    "cat `ls` |": "` is not understood",
    "cat a.wav && rm -r b |": "&& is not understood",
    "cat a.wav || cat b.wav |": "|| is not understood",
    "cat 'a.wav |": "No closing quotation",
    "wget -O - http://example.org/a.wav |": "wget is not understood",
}


@pytest.mark.parametrize("entry", UNDERSTOOD)
def test_commands_that_only_unpack(entry: str) -> None:
    assert audio_of(entry) == audio_of(f"  {entry}  ") == UNDERSTOOD[entry]


@pytest.mark.parametrize("entry", REFUSED)
def test_commands_that_do_more(entry: str) -> None:
    with pytest.raises(ValueError) as caught:
        audio_of(entry)
    assert REFUSED[entry] in str(caught.value) and "\n" not in str(caught.value)


programs = ["cat", "sox", "flac", "ffmpeg", "sph2pipe", "gunzip"]
others = ["-", "a.wav", "b.wav", "-c", "-d", "-i", "-t", "wav", "1", "2", "remix", "rate", "speed"]
words = st.sampled_from([*programs, *others, "|", ";", ">", "'", '"'])


@given(st.lists(words, max_size=8))
def test_any_command_is_a_file_of_its_own_or_refused(parts: list[str]) -> None:
    try:
        name, channel = audio_of(" ".join([*parts, "|"]))
    except ValueError as error:
        assert str(error)
    else:
        assert name in " ".join(parts) and "speed" not in parts[1:] and channel in (None, 0, 1)


# The command, beside what it stands for: run here, by a shell, where its program is installed.
RUN = [
    "cat two.wav |",
    "gunzip -c two.wav.gz |",
    "zcat -q two.wav.gz |",
    "cat two.wav.gz | gzip -dc |",
    "flac -c -d -s two.flac |",
    "sox two.wav -t wav - remix 2 |",
    "flac -c -d -s two.flac | sox -t wav - -t wav - remix 2 channels 1 |",
    "sox two.wav -t wav - |",
    "cat two.wav | sox -t wav - -t wav - remix 1 |",
    "ffmpeg -v quiet -i two.flac -f wav - |",
]


@pytest.mark.parametrize("entry", RUN)
def test_the_output_of_the_command_is_the_file(tmp_path: Path, entry: str) -> None:
    missing = [
        stage.split()[0] for stage in entry.split("|") if stage.strip() and not shutil.which(stage.split()[0])
    ]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    samples = np.random.default_rng(0).integers(-9999, 9999, (4000, 2), dtype=np.int16)
    for name in ("two.wav", "two.flac"):
        soundfile.write(tmp_path / name, samples, 8000)
    with gzip.open(tmp_path / "two.wav.gz", "wb") as file:
        file.write((tmp_path / "two.wav").read_bytes())
    command = entry.rstrip("| ")
    output = subprocess.run(["sh", "-c", f"{command} > out.wav"], cwd=tmp_path, check=True)
    assert output.returncode == 0
    heard, _ = soundfile.read(tmp_path / "out.wav", dtype="int16", always_2d=True)
    name, channel = audio_of(entry)
    assert name in shlex.split(command)
    assert np.array_equal(heard, samples if channel is None else samples[:, [channel]])
