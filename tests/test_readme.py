"""What the README says, done: its commands run in order in an empty folder, its Python as well."""

from __future__ import annotations

import csv
import glob
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile

from earwright.cli.main import build_parser, main
from runtime_bundle import RATE, say

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
# These take minutes; their arguments are parsed, and the recipe is loaded with its overrides.
NOT_RUN = {"train", "demo"}


def blocks(document: str, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(document: str) -> list[list[str]]:
    """The words of each command in the bash blocks."""
    lines = "\n".join(blocks(document, "bash")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


EARWRIGHT = [
    (document, words[1:]) for document in DOCUMENTS for words in commands(document) if words[0] == "earwright"
]


def test_the_readme_has_commands_and_python() -> None:
    verbs = {words[0] for document, words in EARWRIGHT if document == "README.md"}
    assert {"prepare", "inspect", "train", "transcribe", "evaluate", "synthesize"} <= verbs
    assert blocks("README.md", "python")


@pytest.mark.parametrize(("document", "words"), EARWRIGHT, ids=lambda value: " ".join(value)[:60])
def test_commands_parse(document: str, words: list[str]) -> None:
    build_parser(words[0]).parse_args(words)  # a usage error would exit


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for words in commands(document):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets


def test_links_lead_somewhere() -> None:
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        for place in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (ROOT / place).exists(), f"{document} links to {place}"


@pytest.fixture
def workplace(tmp_path: Path, runtime_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README's commands expect: recordings, tables, and a recognizer."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(runtime_bundle, tmp_path / "runs" / "mine" / "recognizer.ear")
    for folder in ("recordings", "talks"):
        (tmp_path / folder).mkdir()
    for name, text in [
        ("talk.wav", "hello you"),
        ("talks/a.flac", "good morning"),
        ("recordings/b.wav", "yes"),
    ]:
        soundfile.write(tmp_path / name, say(text), RATE)
    (tmp_path / "recordings" / "b.txt").write_text("yes\n")
    for table in ("train.csv", "dev.csv", "test.csv"):
        with open(tmp_path / table, "w", newline="") as file:
            csv.writer(file).writerows(
                [("path", "text"), ("talk.wav", "hello you"), ("talks/a.flac", "good evening")]
            )
    (tmp_path / "audiobook").mkdir()
    for name in ("chapter", "audiobook/one"):
        soundfile.write(tmp_path / f"{name}.mp3", say("hello you"), RATE, format="FLAC")
        (tmp_path / f"{name}.txt").write_text("Hello you.\n")
    (tmp_path / "names.txt").write_text("schlaumeier SH L AW1 M AY2 ER0\n")
    (tmp_path / "terms.txt").write_text("hello you\n")
    (tmp_path / "commands.gram").write_text(
        "#JSGF V1.0;\ngrammar commands;\npublic <any> = hello you | stop;\n"
    )
    (tmp_path / "german.txt").write_text(
        "schlau ʃ l aʊ\nmeier m aɪ ɐ\nlaum l aʊ m\nschal ʃ aː l\nsau z aʊ\nleier l aɪ ɐ\nreim ʁ aɪ m\nei aɪ\n"
        "scheu ʃ ɔʏ\nmaus m aʊ s\n"
    )
    (tmp_path / "sentences.txt").write_text("one sentence\nand another\n")
    (tmp_path / "books.txt").write_text("She was so handsome. He was a clever man. It was a day.\n" * 9)
    (tmp_path / "dev.txt").write_text("She was clever.\n")
    shutil.copytree(ROOT / "tests" / "data" / "librispeech", tmp_path / "LibriSpeech" / "dev-clean")
    for name in ("mine", "other"):  # what training them would have left
        (tmp_path / "runs" / name).mkdir(exist_ok=True)
        look = {"kind": "dev", "step": 9, "cer": 0.3, "wer": 0.7, "minutes": 1.0, "cpu_minutes": 2.0}
        step = {"kind": "step", "step": 9, "loss": 2.0, "gradient_norm": 1.0, "learning_rate": 1e-3}
        (tmp_path / "runs" / name / "log.jsonl").write_text(f"{json.dumps(step)}\n{json.dumps(look)}\n")
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    if find_spec("torch"):  # what `new` measures takes longer than all the rest
        from earwright.training.proposal.speed import Speed

        monkeypatch.setattr(
            "earwright.training.proposal.propose.measure_speed", lambda *args: Speed(100.0, "fp32", 3_000_000)
        )
        # The bundle that --init names is not here; what the recipe says is looked at all the same.
        monkeypatch.setattr("earwright.training.recipe.over_bundle", lambda table: table)
    return tmp_path


def assert_recipe_loads(words: list[str]) -> None:
    from earwright.training import load_recipe

    args = build_parser("train").parse_args(words)
    init = [f"finetune.init={args.init}"] if args.init else []
    assert load_recipe(args.recipe, [*args.overrides, *init])


def test_the_readme_works_from_top_to_bottom(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for document, words in EARWRIGHT:
        if words[0] == "train":
            assert_recipe_loads(words)
        if document != "README.md" or words[0] in NOT_RUN:
            continue
        if words[0] == "synthesize" and not find_spec("espeakng_loader"):
            continue
        words = ["1s" if word == "20m" else word for word in words]  # of training a language model
        expanded = [name for word in words for name in (sorted(glob.glob(word)) if "*" in word else [word])]
        assert main(expanded) == 0, capsys.readouterr().err
    assert "good morning" in (workplace / "subtitles" / "a.srt").read_text()
    assert (workplace / "docs" / "results" / "mine.json").exists()


@pytest.mark.parametrize("code", blocks("README.md", "python"))
def test_python_runs(workplace: Path, capsys: pytest.CaptureFixture[str], code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert shown.startswith("hello you\n")
    assert len(shown.splitlines()) == (3 if "transcript.words" in code else 1)


def test_the_tables_of_results_are_up_to_date() -> None:
    script = ROOT / "benchmarks" / "results_table.py"
    done = subprocess.run(
        [sys.executable, script, "--check", ROOT / "docs" / "results.md"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
