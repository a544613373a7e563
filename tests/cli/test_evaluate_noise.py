"""`earwright evaluate` with noise, in rooms, and where nobody speaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cli.main import main
from earwright.cuts import Cut, write_cuts
from runtime_bundle import RATE, say

TEXTS = ["hello you", "low road", "yes", "no dog here", "the cat", "a day"]


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="FLOAT")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Speech in corpus/test, two classes of noise, two rooms, and music in which something is heard."""
    monkeypatch.chdir(tmp_path)
    made = []
    for number, text in enumerate(TEXTS):
        write(Path(f"{number}.wav"), say(text))
        seconds = len(say(text)) / RATE
        made.append(
            Cut(f"c{number}", f"{number}.wav", 0.0, seconds, RATE, text=text, speaker=f"s{number % 3}")
        )
    Path("corpus/test").mkdir(parents=True)
    with open("corpus/test/cuts.jsonl.gz", "wb") as file:
        write_cuts(made, file)
    generator = np.random.default_rng(0)
    for number in range(4):
        write(Path(f"noise/rain/{number}.wav"), generator.normal(0, 0.3, 2 * RATE))
        write(Path(f"noise/tap/{number}.wav"), generator.uniform(-0.1, 0.1, RATE // 2))
    write(Path("noise/boiler/only.wav"), generator.normal(0, 0.3, RATE))
    for number in range(2):
        ir = np.zeros(5 * RATE)
        ir[[100 + number, 2000, 3000]] = 0.5, 0.4, 0.3
        write(Path(f"rooms/{number}.wav"), ir)
        write(Path(f"music/{number}.wav"), say("la la"))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def test_noise_and_rooms(place: Path, runtime_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", str(runtime_bundle), "corpus/test", "--noise", "noise", "--snr", "70,-10"]
    arguments += ["--rooms", "rooms", "--nothing", "music", "silence"]
    assert main([*arguments, "--json", "--save", "r.json", "--html", "p.html"]) == 0
    result = told(capsys)
    kept = json.loads(Path("r.json").read_text("utf-8"))
    assert result["wer"] == 0  # the noise is beside the score, not in it
    noise, rooms = result["noise"], result["rooms"]
    assert (kept["noise"], kept["rooms"], kept["nothing"]) == (noise, rooms, result["nothing"])
    assert noise["recordings"] == 2 and noise["classes_left_out"] == ["boiler"] and noise["part"] == "test"
    everything = {row["snr"]: row for row in noise["rows"] if row["kind"] is None}
    assert everything[70.0]["wer"] == 0 and everything[-10.0]["wer"] > 0.9
    assert everything[-10.0]["difference"] == everything[-10.0]["wer"]
    assert {row["kind"] for row in noise["rows"]} == {None, "rain", "tap"}
    assert sum(row["utterances"] for row in noise["rows"] if row["kind"] and row["snr"] == 70) == len(TEXTS)
    assert [(row["kind"], row["snr"]) for row in rooms["rows"]] == [(None, None), ("rooms", None)]
    assert rooms["rows"][0]["wer"] > 0 and rooms["recordings"] == 1
    assert {kind["kind"]: kind["words"] for kind in result["nothing"]["kinds"]} == {"silence": 0, "music": 2}
    for part in ("--noise noise", "--rooms rooms", "--nothing music silence", "--snr=70,-10"):
        assert part in kept["command"]
    page = Path("p.html").read_text("utf-8")
    assert all(part in page for part in ("Errors with noise behind", "Errors in rooms", "la la"))

    assert main([*arguments, "--json"]) == 0
    assert told(capsys)["noise"] == noise  # the same samples again
    assert main([*arguments, "--noise-part", "all", "--json"]) == 0
    assert told(capsys)["noise"]["recordings"] == 9


def test_in_the_terminal(place: Path, runtime_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", str(runtime_bundle), "corpus/test", "--noise", "noise", "--rooms", "rooms"]
    assert main([*arguments, "--nothing", "room"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "With noise behind the speech",
        "20 dB",
        " 0 dB",
        "WER by class",
        "In rooms",
        "paired bootstrap draws of speakers",
        "no recording in the test part: boiler",
        "Words invented where nobody speaks",
    ):
        assert part in shown


def test_bad_recordings_are_passed_over(
    place: Path, runtime_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        Path(f"noise/rain/{number}.wav").write_bytes(b"no audio")
    write(Path("noise/tap/1.wav"), np.zeros(RATE))
    arguments = ["evaluate", str(runtime_bundle), "corpus/test", "--noise", "noise", "--noise-part", "all"]
    assert main([*arguments, "--snr", "10", "--json"]) == 0
    captured = capsys.readouterr()
    noise = json.loads(captured.out)["noise"]
    assert noise["skipped"] and all(str(place) not in one["reason"] for one in noise["skipped"])
    assert all(row["utterances"] for row in noise["rows"])
    assert main([*arguments, "--snr", "10"]) == 0
    assert "passed over: " in capsys.readouterr().out


def test_nothing_needs_no_cuts(place: Path, runtime_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("music/2.wav").write_bytes(b"no audio")
    arguments = ["evaluate", str(runtime_bundle), "--nothing", "silence", "--nothing", "music"]
    arguments += ["--noise-part", "all"]
    assert main([*arguments, "--json", "--save", "quiet.json", "--html", "p.html", "--threads", "1"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert json.loads(Path("quiet.json").read_text("utf-8")) == result
    assert "2.wav is left out: " in captured.err
    assert (result["name"], result["bundle"], result["corpus"]) == ("quiet", "tones", "nothing")
    assert "wer" not in result and result["split"] == "silence, music"
    silence, music = result["nothing"]["kinds"]
    assert (silence["words"], silence["seconds"], music["words"]) == (0, 600, 4)
    assert music["words_per_minute"] == pytest.approx(60 * 4 / music["seconds"], rel=1e-3)
    assert [one["text"] for one in music["inventions"]] == ["la la", "la la"]
    assert result["command"].endswith("--nothing silence music --noise-part=all --save=quiet.json")
    page = Path("p.html").read_text("utf-8")
    assert "quiet where nobody speaks" in page and "la la" in page
    assert main([*arguments, "--name", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "mine where nobody speaks" in shown and "Heard in music, 2 times in all" in shown


def test_cuts_may_stand_anywhere(
    place: Path, runtime_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(runtime_bundle), "--json", "corpus/test"]) == 0
    assert told(capsys)["utterances"] == len(TEXTS)
    assert main(["evaluate", "--nothing", "silence", "--json", "--", str(runtime_bundle)]) == 0
    assert told(capsys)["nothing"]["words"] == 0
    assert main(["evaluate", str(runtime_bundle), "--json"]) == 2
    assert "required: CUTS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["corpus/test", "--noise", "noise", "--snr", "inf"], 2, "inf is not decibels from -40 to 100"),
        (["corpus/test", "--noise", "noise", "--snr", "10,,5"], 2, "is not decibels"),
        (["corpus/test", "--noise", "noise", "--snr", "loud"], 2, "loud is not decibels"),
        (["corpus/test", "--noise", "noise", "--snr=-300"], 2, "-300 is not decibels"),
        (["corpus/test", "--snr", "10"], 1, "--snr goes with --noise"),
        (["corpus/test", "--noise-part", "all"], 1, "--noise-part goes with"),
        (["corpus/test", "--noise", "none"], 1, "none is not a folder of recordings"),
        (["corpus/test", "--noise", "empty"], 1, "there is no recording in it"),
        (["corpus/test", "--noise", "bad"], 1, "none of 1 recordings can be used, such as"),
        (["corpus/test", "--rooms", "silent"], 1, "none of 1 recordings can be used, such as"),
        (["corpus/test", "--noise", "noise/boiler"], 1, "a class needs two at least"),
        (["--nothing", "noise/boiler"], 1, "a class needs two at least"),
        (["--nothing", "bad"], 1, "recordings can be read, such as"),
        (["--nothing", "silence", "--noise", "noise"], 1, "--noise needs CUTS"),
        (["--nothing", "silence", "--limit", "3"], 1, "--limit needs CUTS"),
        (["--nothing", "silence", "--normalizer", "whisper"], 1, 'no normalizer "whisper"'),
        (["--nothing"], 2, "expected at least one argument"),
    ],
)
def test_wrong_arguments(
    place: Path,
    runtime_bundle: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    Path("empty").mkdir()
    Path("bad").mkdir()
    for number in range(2):
        Path(f"bad/{number}.wav").write_bytes(b"no audio")
        write(Path(f"silent/{number}.wav"), np.zeros(RATE))
    assert main(["evaluate", str(runtime_bundle), *arguments]) == code
    captured = capsys.readouterr()
    assert message in captured.err and "Traceback" not in captured.err and not captured.out


def test_transcripts_hear_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.trn", "b.trn"):
        Path(name).write_text("hello (s-1)\n")
    assert main(["evaluate", "a.trn", "b.trn", "--nothing", "silence"]) == 1
    assert "--nothing needs a recognizer to listen" in capsys.readouterr().err
