"""`earwright split`: the table, the JSON, and the sentences for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earwright.cli.main import main
from earwright.cuts import Cut, read_cuts, write_cuts


@pytest.fixture
def cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty speakers, half of them women, three utterances each; one sentence is everybody's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    made = [
        Cut(
            f"s{speaker:02d}-{number}",
            f"/s{speaker:02d}-{number}.wav",
            0.0,
            4.0 + number,
            16000,
            text=f"Sentence {speaker}, number {number}." if number else "Good morning!",
            speaker=f"s{speaker:02d}",
            gender=("female", "male")[speaker % 2],
            custom={
                "accent": "north" if speaker % 4 < 2 else "south",
                "set": ("train", "valid")[speaker % 2],
            },
        )
        for speaker in range(40)
        for number in range(3)
    ]
    with open("cuts.jsonl.gz", "wb") as file:
        write_cuts(made, file)
    return tmp_path / "cuts.jsonl.gz"


def test_the_table(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["split", "cuts.jsonl.gz", "out", "--balance", "gender, accent", "--dev", "20%"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "split by speaker: all 120 cuts name theirs"
    assert lines[1].split() == [
        "part",
        "utterances",
        "minutes",
        "share",
        "asked",
        "for",
        "speakers",
        "recordings",
    ]
    assert lines[2].split() == ["train", "84", "7.00", "70.0", "%", "7.00", "28", "84"]
    assert lines[3].split() == ["dev", "24", "2.00", "20.0", "%", "2.00", "8", "24"]
    assert lines[4].split() == ["test", "12", "1.00", "10.0", "%", "1.00", "4", "12"]
    assert lines[6].split() == ["gender", "all", "train", "dev", "test"]
    assert lines[7].split() == ["female", *["50.0", "%"] * 4]
    assert "accent" in lines[10] and lines[11].split()[0] == "north"
    assert ["sentences", "train", "and", "test", "1", "4", "(33.3", "%)"] in [line.split() for line in lines]
    assert all(len(line) <= 80 for line in lines) and printed.err == ""
    assert sum(len(read_cuts(Path("out") / name)) for name in ("train", "dev", "test")) == 120


def test_json(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["split", "cuts.jsonl.gz", "out", "--by", "accent,gender", "--dev", "0", "--test", "2m", "--json"]
    assert main(words) == 1  # all four groups are joined through each other
    assert "only 1 accent and gender (north) for 2 parts" in capsys.readouterr().err
    words[words.index("accent,gender")] = "accent"
    assert main([*words, "--drop-shared-texts"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert told["by"] == "accent" and told["seed"] == 1 and list(told["parts"]) == ["train", "test"]
    assert told["parts"]["test"]["groups"] == 1 and told["parts"]["test"]["wanted_hours"] == 0.0333
    assert told["left_out"] == {"of train, said in another part too": 20} and told["shared"] == []
    assert told == json.loads(Path("out/split.json").read_text())
    assert printed.err.splitlines() == [f"earwright: {note}" for note in told["notes"]] and told["notes"]


def test_a_column(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["split", "cuts.jsonl.gz", "out", "--column", "set", "--parts", "dev=valid"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "split by column set"
    assert lines[3].split() == ["dev", "60", "5.00", "50.0", "%", "20", "60"]
    assert not Path("out/test").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--dev", "30"],
            1,
            "--dev 30: a share lies below 1 (0.1 is a tenth), and a time has a unit (30m, 1.5h).",
        ),
        (["--dev", "x"], 1, "--dev x: give a share"),
        (["--dev", "0", "--test", "0"], 1, "neither dev nor test is asked for"),
        (["--dev", ".5", "--test", ".5"], 1, "dev and test are to have 100% of the hours"),
        (["--test", "1h"], 1, "dev and test are to have 1.0 min and 1.0 h of 10.0 min"),
        (["--balance", "axent"], 1, "no cut says its axent; did you mean 'accent'?"),
        (["--by", "gender"], 1, "only 2 values of gender for 3 parts"),
        (["--no-shared-texts"], 1, "ties 40 of 40 together, 100% of the hours"),
        (["--column", "set"], 1, "has the value 'valid' (60 cuts), which is no part"),
        (["--column", "set", "--by", "speaker"], 1, "--column says who goes where, and --by too"),
        (["--column", "set", "--drop-shared-texts"], 1, "and --drop-shared-texts too"),
        (["--column", "set", "--parts", "valid"], 1, "--parts valid: 'valid' is not PART=VALUE"),
        (["--parts", "dev=valid"], 1, "--parts goes with --column"),
        (["--keep", "nowhere"], 1, "nowhere: there is no earlier split to keep to"),
        (["--no-shared-texts", "--drop-shared-texts"], 2, "not allowed with"),
    ],
)
def test_faults(
    cuts: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["split", "cuts.jsonl.gz", "out", *words]) == code
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert code == 2 or error.count("\n") == 1
    assert not Path("out").exists()


def test_no_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["split", str(tmp_path), str(tmp_path / "out")]) == 1
    assert "there is no cuts.jsonl.gz in it; make it with earwright prepare" in capsys.readouterr().err
