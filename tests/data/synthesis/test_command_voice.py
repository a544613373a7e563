"""Any command as a voice: what it is given, what comes of it, and what it may do wrong."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.synthesis.command_voice import CommandVoice, parse_command
from earwright.data.synthesis.options import SynthesisOptions
from earwright.data.synthesis.synthesize import synthesize, variants_in
from earwright.errors import EarwrightError

# A synthesizer: a tone whose pitch tells the voice, and whose length the words; what it was given is kept.
SPEAKER = """
import json, pathlib, sys
import numpy, soundfile
out, voice, seed, *more = sys.argv[1:]
text = sys.stdin.read()
if "unspeakable" in text:
    sys.exit("I do not say that")
place = numpy.arange(8000 * len(text.split())) / 8000
soundfile.write(out, 0.3 * numpy.sin(2 * numpy.pi * (200 + 100 * int(voice)) * place), 8000, subtype="FLOAT")
given = {"text": text, "voice": voice, "seed": seed, "more": more}
pathlib.Path(__file__).with_name(f"given-{seed}.json").write_text(json.dumps(given))
"""


def script(folder: Path, source: str, arguments: str) -> str:
    """A template that runs a Python program."""
    path = folder / "speaker.py"
    path.write_text(source)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))} {arguments}"


def voice(template: str, number: int = 0, timeout: float = 60.0, style: str = "") -> CommandVoice:
    return CommandVoice(parse_command(template), number, "en-gb", timeout, style)


def test_the_command_gets_everything_and_its_audio_is_taken_as_it_is(tmp_path: Path) -> None:
    template = script(tmp_path, SPEAKER, "{out} {voice} {seed} {language} '{style} style' {text_file} {text}")
    samples, rate = voice(template, 3, style="calm").say("hello you", 7)
    expected = 0.3 * np.sin(2 * np.pi * 500 * np.arange(16000) / 8000)
    assert rate == 8000
    np.testing.assert_allclose(samples, expected, atol=1e-6)
    given = json.loads((tmp_path / "given-7.json").read_text())
    assert given["text"] == "hello you\n"
    language, style, text_file, text = given["more"]
    assert (language, style, text) == ("en-gb", "calm style", "hello you")
    assert not Path(text_file).exists()  # what a command is given is gone when it has spoken


def test_no_text_becomes_a_command(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    text = f"'; touch {trap}; \" $(touch {trap}) `touch {trap}` | > {trap} {{seed}} \\ \u00e9\u65e5"
    template = script(tmp_path, SPEAKER, "{out} {voice} {seed} {text}")
    voice(template).say(text, 5)
    given = json.loads((tmp_path / "given-5.json").read_text())
    assert given["more"] == [text] and given["text"] == text + "\n"
    assert not trap.exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; sys.exit(3)", "failed with exit code 3$"),
        ("import sys; print('x'); sys.exit('no such model: x.onnx')", "exit code 1: no such model: x.onnx$"),
        ("import os; os.kill(os.getpid(), 15)", "failed with signal 15$"),
        ("print('usage: speaker')", "wrote no audio to {out}: usage: speaker$"),
        ("import sys; open(sys.argv[1], 'w')", "wrote no audio to {out}$"),
        ("import sys; open(sys.argv[1], 'w').write('hello' * 99)", "is no audio"),
        ("import sys; open(sys.argv[1], 'wb').write(b'RIFF' + bytes(40))", "is no audio"),
        (
            "import sys, numpy, soundfile; soundfile.write(sys.argv[1], numpy.zeros(8000), 8000)",
            "made is silent$",
        ),
        ("import sys, numpy, soundfile; soundfile.write(sys.argv[1], numpy.zeros(0), 8000)", "no audio"),
    ],
)
def test_what_a_command_may_do_wrong(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        voice(script(tmp_path, source, "{out}")).say("hello", 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    source = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(__file__).with_name("child").write_text(str(child.pid))
time.sleep(600)
"""
    with pytest.raises(EarwrightError, match="took longer than 2 s for one text"):
        voice(script(tmp_path, source, "{out}"), timeout=2.0).say("hello", 0)
    stat = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
    for _ in range(100):  # the kernel may need a moment; nobody may be there to bury it
        try:
            state = stat.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        time.sleep(0.05)
    raise AssertionError(state)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("sh 'x {out}", "cannot be split"),
        ("sh {text}", "{out} is missing, the audio file"),
        ("sh {out} {speed}", "{speed} is no placeholder; there are {out}, {text}"),
        ("sh {out} {}", "{} is no placeholder"),
        ("sh {out} < {text_file}", "no shell runs it, which < would need"),
        ("sh {out} | cat", "which | would need"),
        ("no-such-synthesizer {out}", "there is no program no-such-synthesizer"),
        ("./no/such/place {out}", "there is no program ./no/such/place"),
    ],
)
def test_templates_that_cannot_work(template: str, message: str) -> None:
    with pytest.raises(EarwrightError) as caught:
        parse_command(template)
    assert message in str(caught.value)
    with pytest.raises(EarwrightError, match=r"\{style\} is missing"):
        parse_command("sh {out}", styled=True)


def test_a_folder_said_by_a_command(tmp_path: Path) -> None:
    template = script(tmp_path, SPEAKER, "{out} {voice} {seed} {style}")
    options = SynthesisOptions(
        command=template, voices=3, per_text=2, seed=4, styles=("calm", "angry"), language="en-gb", clean=True
    )
    texts = ["one", "an unspeakable thing", "three words here", "four", "five", "six"]
    made: list[int] = []
    summary = synthesize(texts, tmp_path / "a", options, jobs=1, advance=made.append)
    assert sum(made) == summary.rows == 12
    assert (summary.kept, summary.rejected) == (10, {"unspeakable": 2})
    cuts = read_cuts(tmp_path / "a")
    assert {cut.custom["style"] for cut in cuts} == {"calm", "angry"}
    assert {cut.language for cut in cuts} == {"en"}
    for cut in cuts:
        samples = read_cut_audio(cut, 16000)
        assert len(samples) == 16000 * len(cut.text.split())
        heard = float(np.abs(np.fft.rfft(samples)).argmax()) * 16000 / len(samples)
        assert heard == pytest.approx(200 + 100 * int(cut.custom["variant"]), abs=1)
        assert cut.speaker == f"{Path(sys.executable).stem}.{cut.custom['variant']}"
    assert "I do not say that" in (tmp_path / "a" / "rejected.jsonl").read_text()

    synthesize(texts, tmp_path / "b", options, jobs=2)
    for name in sorted(path.name for path in (tmp_path / "a" / "audio").iterdir()):
        assert (tmp_path / "a" / "audio" / name).read_bytes() == (
            tmp_path / "b" / "audio" / name
        ).read_bytes()

    # Other speakers for a set to test on: the next numbers.
    heard_before = variants_in(tmp_path / "a")
    synthesize(["one"], tmp_path / "c", options, without=heard_before, jobs=1)
    assert not variants_in(tmp_path / "c") & heard_before


def test_a_command_that_says_nothing_at_all_stops_early(tmp_path: Path) -> None:
    counter = tmp_path / "calls"
    source = f"open({str(counter)!r}, 'a').write('x'); raise SystemExit('out of order')"
    options = SynthesisOptions(command=script(tmp_path, source, "{out}"), voices=1)
    with pytest.raises(EarwrightError, match=r"first 4 texts could not be said; 'a 0': .*out of order"):
        synthesize([f"a {number}" for number in range(50)], tmp_path / "out", options, jobs=1)
    assert counter.read_text() == "xxxx"
    assert not (tmp_path / "out").exists()


def test_voices_that_a_command_does_not_have(tmp_path: Path) -> None:
    template = script(tmp_path, SPEAKER, "{out} 0 {seed}")
    with pytest.raises(EarwrightError, match="has one voice, not 2"):
        synthesize(["one"], tmp_path / "out", SynthesisOptions(command=template, voices=2), jobs=1)
    with pytest.raises(EarwrightError, match="no voice is left"):
        synthesize(
            ["one"], tmp_path / "out", SynthesisOptions(command=template, voices=1), without={"0"}, jobs=1
        )
    with pytest.raises(EarwrightError, match="give one of the two"):
        SynthesisOptions(command=template, function="a:b")
    with pytest.raises(EarwrightError, match="timeout of 0 s"):
        SynthesisOptions(command=template, timeout=0)


def test_stereo_at_another_rate_is_mixed_and_resampled(tmp_path: Path) -> None:
    source = "import sys, shutil; shutil.copy(sys.argv[2], sys.argv[1])"
    left = np.random.default_rng(0).uniform(-0.5, 0.5, 22050)
    soundfile.write(tmp_path / "said.flac", np.stack([left, -0.5 * left], axis=1), 22050)
    template = script(tmp_path, source, f"{{out}} {shlex.quote(str(tmp_path / 'said.flac'))}")
    samples, rate = voice(template).say("x", 0)
    assert rate == 22050
    np.testing.assert_allclose(samples, 0.25 * left, atol=1e-4)
