"""`earwright report`: of runs in every state, of bundles, with an evaluation or without, and refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile

from earwright.bundle import write_bundle
from earwright.cli.main import main
from earwright.cuts import Cut, write_cuts
from page_checks import check_page
from runtime_bundle import META, RATE, bundle_files, say

pytest.importorskip("torch", reason="needs earwright[train]")


def prepared(folder: Path) -> Path:
    """A dev set of three utterances, one of them misheard."""
    folder.mkdir(parents=True)
    cuts = []
    for number, (said, text) in enumerate(
        [("hello you", "hello you"), ("yes", "no"), ("low road", "low road")]
    ):
        samples = say(said)
        soundfile.write(folder / f"{number}.wav", samples, RATE, subtype="FLOAT")
        cuts.append(
            Cut(f"c{number}", str(folder / f"{number}.wav"), 0.0, len(samples) / RATE, RATE, text=text)
        )
    with open(folder / "cuts.jsonl.gz", "wb") as file:
        write_cuts(cuts, file)
    return folder


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path / "data/dev")
    folder = tmp_path / "run"
    folder.mkdir()
    recipe = b'name = "tones"\n[data]\ndev = ["data/dev"]\n'
    (folder / "recipe.toml").write_bytes(recipe)
    lines = [
        {"kind": "step", "step": n, "loss": 1 / n, "gradient_norm": 1.0, "learning_rate": 1.0} for n in (1, 2)
    ]
    lines.append({"kind": "dev", "step": 2, "wer": 0.25, "cer": 0.125, "minutes": 1.0, "cpu_minutes": 2.0})
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    write_bundle(folder / "tones.ear", META, {**bundle_files(), "recipe.toml": recipe})
    return folder


def test_in_words(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "run"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[:3] == [
        "tones",
        "Finished: 2 steps in 60 s; the recognizer is run/tones.ear.",
        "Lowest dev CER 12.50 % (WER 25.00 %) at step 2; at the last look, step 2, 12.50 % (WER 25.00 %).",
    ]
    assert shown.err == ""
    assert main(["report", "run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["finished"], told["best"]["cer"]) == ("tones", True, 0.125)


@pytest.mark.parametrize("place", ["run", "run/tones.ear"])
def test_the_page_has_the_run_and_an_evaluation(
    run_folder: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    assert main(["report", place, "-o", "new/page.html", "--threads", "1"]) == 0
    shown = capsys.readouterr()
    assert "The page: new/page.html (" in shown.err
    parser = check_page(Path("new/page.html").read_text("utf-8"))
    assert len(parser.all("audio")) == 3
    assert main(["evaluate", "run/tones.ear", "data/dev", "--json", "--threads", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    low, high = told["wer_interval"]
    assert f"words (WER){100 * told['wer']:.2f} %{100 * low:.2f} to {100 * high:.2f} %" in parser.said()
    assert "Error on dev" in parser.said() and "Finished: 2 steps" in parser.said()


def test_an_evaluation_as_a_page(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a recognizer with clips, and of transcripts alone without."""
    Path("ref.trn").write_text("hello you (u1)\n<b>no</b> (u2)\n")
    Path("hyp.trn").write_text("hello you (u1)\nyes (u2)\n")
    for words, players, said in (
        (["run/tones.ear", "data/dev", "--clips", "2"], 2, "2 of 3 utterances, of each at most 20 s"),
        (["hyp.trn", "ref.trn", "--normalizer", "raw"], 0, "<b>no</b>yes1"),
    ):
        assert main(["evaluate", *words, "--html", "page.html"]) == 0
        shown = capsys.readouterr()
        assert "WER" in shown.out and "The page: page.html (" in shown.err
        parser = check_page(Path("page.html").read_text("utf-8"))
        assert len(parser.all("audio")) == players and said in parser.said()
    assert main(["evaluate", "run/tones.ear", "data/dev", "--html", "other.html", "--clips", "101"]) == 1
    assert "--clips 101 makes no sense" in capsys.readouterr().err and not Path("other.html").exists()


def test_other_cuts_a_limit_or_no_evaluation(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(Path("data/other"))
    for words, players, said in (
        (
            ["--cuts", "data/other", "--limit", "2", "--clips", "1"],
            1,
            "earwright evaluate run/tones.ear data/other",
        ),
        (["--limit", "0"], 0, "Error on dev"),
    ):
        assert main(["report", "run", "--html", "page.html", *words]) == 0
        parser = check_page(Path("page.html").read_text("utf-8"))
        assert len(parser.all("audio")) == players and said in parser.said()


def test_without_audio_dev_set_or_bundle_the_page_is_made(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> str:
        assert main(["report", "run", "--html", "page.html"]) == 0
        return check_page(Path("page.html").read_text("utf-8")).said()

    for wav in Path("data/dev").glob("*.wav"):
        wav.unlink()
    assert "No evaluation: none of the 3 cuts could be transcribed; c0:" in told()
    shutil.rmtree("data/dev")
    assert "No evaluation: data/dev: there is no such file" in told()
    (run_folder / "recipe.toml").write_text('name = "tones"\n')
    assert "No evaluation: the recipe names no dev set; give one with --cuts." in told()
    (run_folder / "tones.ear" / "tokens.txt").write_text("x")
    assert "tokens.txt was altered" in told()
    shutil.rmtree(run_folder / "tones.ear")
    text = told()
    assert "No evaluation: there is no bundle yet." in text and "Not finished: 2 steps" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "none: there is no such place; give the --out of earwright train, or a bundle."),
        (["data"], "data: neither a run's folder"),
        (["run/log.jsonl"], "run/log.jsonl: "),
        (["run", "--clips", "101"], "--clips 101 makes no sense; it is from 0 to 100."),
        (["run", "--limit", "-1"], "--limit -1 makes no sense; it is at least 0."),
        (["run", "--threads", "0"], "--threads 0 makes no sense; it is at least 1."),
        (["run", "--html", "."], ".: this is a folder; name a file for the page."),
        (["run", "--html", "run/log.jsonl/page.html"], "run/log.jsonl/page.html: "),
        (["run", "--html", "page.html", "--cuts", "none"], "none: there is no such file"),
    ],
)
def test_refusals_are_one_sentence(
    run_folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["report", *arguments]) == 1
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and shown.out == ""
    assert not Path("page.html").exists()


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 2
    assert main(["report", "run", "--clips", "many"]) == 2
