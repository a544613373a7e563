"""`earwright evaluate`: from cuts or transcript files to a report, JSON, trn files and a kept result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.bundle_description import BundleMeta
from earwright.cli.main import main
from earwright.cuts import Cut, write_cuts
from earwright.decoding import SearchOptions
from earwright.errors import EarwrightError
from earwright.evaluation.trn import read_trn
from earwright.recognizer import Recognizer
from earwright.transcript import Transcript
from runtime_bundle import RATE, say

TEXTS = ["Hello there.", "The cat sat on the mat", "no", "a dog"]
HEARD = ["hello there", "the hat sat on mat", "", "a dog a"]


class Parrot:
    """Stands for a recognizer: tells the recordings apart by their level, and is sure of what it heard."""

    meta = BundleMeta(
        name="parrot",
        sample_rate=8000,
        frame_shift=0.04,
        languages=("en",),
        tokenizer="char",
        normalizer="basic",
        parameters=1234,
        training_minutes=7.5,
        training={"seed": 17},
    )

    decoder = None

    def transcribe_ways(self, sources: Iterable[Any], decoders: Any) -> Iterator[Any]:
        for samples in sources:
            number = round(float(np.abs(samples).max()) * 10) - 1
            if number >= len(HEARD):
                yield EarwrightError("too loud for a parrot; turn it down.")
            else:
                yield (Transcript(HEARD[number], (), len(samples) / 8000),)


@pytest.fixture
def cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Recognizer, "load", lambda path, threads=None: Parrot())
    monkeypatch.chdir(tmp_path)
    made = []
    for number, text in enumerate(TEXTS):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.full(8000 + 800 * number, 0.1 * (number + 1)), 8000)
        made.append(
            Cut(
                f"s{number % 2}-{number}",
                str(path),
                0.0,
                1 + 0.1 * number,
                8000,
                text=text,
                speaker=f"s{number % 2}",
            )
        )
    return write(tmp_path / "corpus/test", made)


def write(folder: Path, made: list[Cut]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cuts.jsonl.gz").open("wb") as file:
        write_cuts(made, file)
    return folder


def test_report(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "parrot.ear", str(cuts)]) == 0
    shown = capsys.readouterr().out
    for part in ("parrot on corpus test", "WER  36.36 %", "4 utterances of 2 speakers", "real-time factor"):
        assert part in shown


def test_json_and_saved_result(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "parrot.ear", "corpus/test", "--json", "--save", "docs/results/first.json"]
    assert main([*arguments, "--threads", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    kept = json.loads(Path("docs/results/first.json").read_text("utf-8"))
    assert kept.items() <= told.items()
    assert kept["words"] == {
        "correct": 8,
        "substitutions": 1,
        "deletions": 2,
        "insertions": 1,
        "reference": 11,
    }
    assert kept["wer"] == pytest.approx(4 / 11) and kept["normalizer"] == "basic"
    assert (kept["name"], kept["corpus"], kept["split"], kept["utterances"]) == ("first", "corpus", "test", 4)
    assert (kept["seed"], kept["parameters"], kept["training_minutes"]) == (17, 1234, 7.5)
    assert kept["audio_seconds"] == pytest.approx(4.6) and kept["decode_seconds"] > 0
    assert kept["command"] == (
        "earwright evaluate parrot.ear corpus/test --threads=1 --save=docs/results/first.json"
    )
    assert told["worst"] and told["confused"] == [{"said": "cat", "recognized": "hat", "count": 1}]


def test_rates_of_groups(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "parrot.ear", "corpus/test", "--by", "speaker", "--save", "kept.json"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "By speaker" in shown
    kept = json.loads(Path("kept.json").read_text("utf-8"))
    assert "--by=speaker" in kept["command"]
    groups = kept["by"]["speaker"]
    assert set(groups) == {"s0", "s1"} and sum(one["utterances"] for one in groups.values()) == 4
    # "Hello there." is right and "no" is not heard; of the mat and the dog, 3 of 8 words are wrong.
    assert groups["s0"]["wer"] == pytest.approx(1 / 3) and groups["s1"]["wer"] == pytest.approx(3 / 8)
    for column, message in (("colour", "no cut has a colour"), ("age:", "write a column")):
        assert main(["evaluate", "parrot.ear", "corpus/test", "--by", column]) == 1
        assert message in capsys.readouterr().err
    assert main(["evaluate", "parrot.ear", "corpus/test", "--by", "speaker", "--by", "speaker:1,2"]) == 1
    assert "--by speaker is given twice" in capsys.readouterr().err
    assert main(["evaluate", "parrot.ear", "--nothing", "silence", "--by", "speaker"]) == 1
    assert "--by needs CUTS" in capsys.readouterr().err


def test_names_given_by_hand(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "evaluate",
                "x",
                str(cuts),
                "--json",
                "--name",
                "n",
                "--corpus",
                "c",
                "--split",
                "s",
                "--limit",
                "2",
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["corpus"], told["split"], told["utterances"]) == ("n", "c", "s", 2)


def test_corpus_and_split_from_the_summary(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cuts / "summary.json").write_text(json.dumps({"source": "../corpora/librispeech/dev"}))
    assert main(["evaluate", "x", str(cuts), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["corpus"], told["split"]) == ("librispeech", "dev")


def test_the_parts_of_a_split_go_by_their_own_names(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cuts / "summary.json").write_text(json.dumps({"source": "../corpora/all", "format": "split"}))
    assert main(["evaluate", "x", str(cuts), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["corpus"], told["split"]) == (cuts.parent.name, cuts.name)


def test_trn_files_score_the_same(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "x", str(cuts), "--trn", "out", "--sclite", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert read_trn("out/ref.trn")["s1-1"] == "the cat sat on the mat"
    assert read_trn("out/hyp.trn")["s0-2"] == ""
    assert main(["evaluate", "out/hyp.trn", "out/ref.trn", "--sclite", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    for key in (
        "wer",
        "wer_interval",
        "cer",
        "cer_interval",
        "words",
        "characters",
        "utterances",
        "speakers",
    ):
        assert first[key] == second[key], key
    assert second["normalizer"] == "sclite" and first["weights"] == second["weights"] == "sclite"


def test_trn_files_with_markup_and_with_a_normalizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("said.ref").write_text("It's {gone / fine} (really) tod- (a-1)\n")
    Path("heard.hyp").write_text("it's fine today (a-1)\n")
    assert main(["evaluate", "heard.hyp", "said.ref", "--sclite", "-F", "-D", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wer"] == 0
    Path("said.ref").write_text("It is fine today! (a-1)\n")
    assert main(["evaluate", "heard.hyp", "said.ref", "--normalizer", "english", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wer"] == 0
    Path("said.ref").write_text("x (b-1)\n")
    assert main(["evaluate", "heard.hyp", "said.ref"]) == 1
    assert "utterance a-1 of heard.hyp is not in it" in capsys.readouterr().err


def test_bad_cuts_are_told_and_left_out(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = Cut("s0-0", "0.wav", 0.0, 1.0, 8000, text=TEXTS[0])
    missing = Cut("gone", "none.wav", 0.0, 1.0, 8000, text="x")
    soundfile.write("loud.wav", np.full(8000, 0.9), 8000)
    loud = Cut("loud", "loud.wav", 0.0, 1.0, 8000, text="x")
    untold = Cut("untold", "0.wav", 0.0, 1.0, 8000)
    write(cuts, [missing, loud, good, untold])
    assert main(["evaluate", "x", str(cuts), "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (told["utterances"], told["failed"], told["without_text"], told["wer"]) == (1, 2, 1, 0)
    assert "cut gone is left out" in captured.err and "too loud for a parrot" in captured.err
    write(cuts, [missing])
    assert main(["evaluate", "x", str(cuts)]) == 1
    assert "none of the 1 cuts could be transcribed; gone:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "message"),
    [([], "it holds no cuts"), ([Cut("a", "0.wav", 0.0, 1.0, 8000)], "none of its 1 cuts has a text")],
)
def test_nothing_to_score(
    cuts: Path, capsys: pytest.CaptureFixture[str], made: list[Cut], message: str
) -> None:
    write(cuts, made)
    assert main(["evaluate", "x", str(cuts)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--limit", "0"], 2, "0 is not a number from 1 up"),
        (["--threads", "x"], 2, "x is not a number from 1 up"),
        (["--normalizer", "whisper"], 1, 'no normalizer "whisper"'),
        (["--optional"], 1, "go with --sclite"),
        (["--save", "corpus/test/cuts.jsonl.gz/x.json"], 1, "corpus/test/cuts.jsonl.gz"),
    ],
)
def test_wrong_arguments(
    cuts: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert main(["evaluate", "x", "corpus/test", *arguments]) == code
    captured = capsys.readouterr().err
    assert message in captured and "Traceback" not in captured


def test_missing_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "none.ear"), str(tmp_path / "none")]) == 1
    assert "there is no such file; make it with earwright prepare" in capsys.readouterr().err


def test_with_a_real_bundle(
    tmp_path: Path, runtime_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made = []
    for number, (said, text) in enumerate(
        [("hello you", "Hello, you!"), ("yes", "no"), ("low road", "low road")]
    ):
        samples = say(said)
        soundfile.write(f"{number}.wav", samples, RATE, subtype="FLOAT")
        made.append(Cut(f"c{number}", f"{number}.wav", 0.0, len(samples) / RATE, RATE, text=text))
    cuts = write(tmp_path / "tones/test", made)
    assert main(["evaluate", str(runtime_bundle), str(cuts), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["confused"] == [{"said": "no", "recognized": "yes", "count": 1}]
    assert told["wer"] == pytest.approx(1 / 5) and told["name"] == "tones"
    assert told["audio_seconds"] == pytest.approx(sum(cut.duration for cut in made), abs=1e-3)


def test_key_terms_over_the_boost(
    runtime_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made = []
    for number, (said, text) in enumerate([("hello you", "Emma knows"), ("good day", "good day")]):
        soundfile.write(f"{number}.wav", say(said), RATE)
        made.append(Cut(f"c{number}", f"{number}.wav", 0.0, len(say(said)) / RATE, RATE, text=text))
    cuts = write(tmp_path / "corpus/test", made)
    Path("terms.txt").write_text("Emma\t1\thello\nday\n")
    arguments = ["evaluate", str(runtime_bundle), str(cuts), "--keyterms", "terms.txt"]
    assert main([*arguments, "--json", "--boosts", "0,2", "--save", "r.json", "--html", "p.html"]) == 0
    told = json.loads(capsys.readouterr().out)["keyterms"]
    points = [
        (p["boost"], p["found"], p["said"], p["put_in"], p["words"], p["errors"]) for p in told["curve"]
    ]
    boost = SearchOptions().keyterm_boost
    assert points == [(0.0, 1, 2, 0, 2, 1), (boost, 2, 2, 0, 2, 1), (2.0, 2, 2, 0, 2, 1)]
    assert json.loads(Path("r.json").read_text())["keyterms"] == told
    assert "--keyterms=terms.txt" in json.loads(Path("r.json").read_text())["command"]
    assert "What the terms gain" in Path("p.html").read_text("utf-8")
    assert main([*arguments, "--keyterm-boost", "0"]) == 0
    assert "Key terms over the boost" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.trn", "b.trn", "--keyterms", "t.txt"], "--keyterms needs a recognizer"),
        (["x", "corpus/test", "--boosts", "0,1"], "--boosts goes with --keyterms"),
    ],
)
def test_key_terms_without_a_search(
    cuts: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *arguments]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("boosts", ["x", "0,-1", "nan", "1,,2"])
def test_boosts_are_numbers(boosts: str, cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "x", str(cuts), "--keyterms", "t.txt", "--boosts", boosts]) == 2
    assert "is not numbers from 0 up" in capsys.readouterr().err
