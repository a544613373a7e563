"""`earwright tune`: what it finds goes into the bundle, and nothing worse than greedy search does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from earwright.bundle import Bundle, verify_bundle, write_bundle
from earwright.cli.main import main
from earwright.cuts import Cut, read_cuts, write_cuts
from earwright.lm.arpa import write_arpa
from earwright.recognizer import Recognizer
from runtime_bundle import META, RATE, bundle_files, encoder_graph, say
from small_models import random_model

Tune = Callable[..., tuple[int, str, str]]
# What is said, and what its speaker's tongue makes of it: a neighbouring tone for some letters.
SAID = [("hello you", "hellp you"), ("good day", "good dby"), ("you", "ypu")]


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tune:
    """Call `earwright tune` where there are a bundle, cuts, a language model and lists of words."""
    monkeypatch.chdir(tmp_path)
    write_bundle("tones.ear", META, bundle_files(encoder=encoder_graph(sharpness=5e3)))
    for name, told in (("slurred", SAID), ("clear", [(text, text) for text, _ in SAID])):
        cuts = []
        for number, (text, sound) in enumerate(told):
            samples = say(sound)
            soundfile.write(f"{name}{number}.wav", samples, RATE)
            seconds = len(samples) / RATE
            path = str(tmp_path / f"{name}{number}.wav")
            cuts.append(Cut(f"{name}{number}", path, 0.0, seconds, RATE, text=text, speaker="s"))
        Path(name).mkdir()
        with open(f"{name}/cuts.jsonl.gz", "wb") as file:
            write_cuts(cuts, file)
    write_arpa("lm.arpa", random_model(("hello", "you", "good", "day")))
    Path("words.txt").write_text("hello\nyou\ngood\nday\n")
    Path("wrong.txt").write_text("gauge\nbug\n")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["tune", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_language_model_goes_into_the_bundle(tune: Tune) -> None:
    code, out, _ = tune("tones.ear", "slurred", "--lm", "lm.arpa", "-o", "tuned.ear", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["method"], found["wer"]) == ("beam", 0.0)
    assert found["greedy_wer"] == pytest.approx(3 / 5)
    assert verify_bundle("tuned.ear")[1] == []
    search = Bundle.open("tuned.ear").meta.search
    assert search["method"] == "beam" and search["beam"] == found["options"]["beam"]
    assert Recognizer.load("tuned.ear").transcribe("slurred0.wav").text == "hello you"
    assert Recognizer.load("tones.ear").transcribe("slurred0.wav").text == "hellp you"


def test_a_tuned_bundle_works_as_a_zip(tune: Tune) -> None:
    assert tune("tones.ear", "slurred", "--lm", "lm.arpa", "-o", "tuned.zip")[0] == 0
    assert Recognizer.load("tuned.zip").transcribe("slurred1.wav").text == "good day"


def test_what_is_tuned_stays_beside_other_flags(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("tones.ear", "slurred", "--lm", "lm.arpa")[0] == 0
    for flags in (["--beam", "30"], ["--keyterms", "terms.txt"]):
        Path("terms.txt").write_text("day\n")
        assert main(["transcribe", "-m", "tones.ear", "slurred0.wav", *flags]) == 0
        assert capsys.readouterr().out == "hello you\n"
    assert tune("tones.ear", "slurred")[0] == 0  # again, with what it has
    assert {"lm.bin"} <= Bundle.open("tones.ear").files.keys()
    assert Recognizer.load("tones.ear").transcribe("slurred0.wav").text == "hello you"


def test_words_alone_help_and_the_bundle_changes_in_place(tune: Tune) -> None:
    code, out, _ = tune("tones.ear", "slurred", "--lexicon", "words.txt")
    assert code == 0 and "WER 0.00%" in out and "greedily 60.00%" in out
    assert Recognizer.load("tones.ear").transcribe("slurred2.wav").text == "you"


def test_greedy_search_stays_where_it_is_better(tune: Tune) -> None:
    code, out, _ = tune("tones.ear", "clear", "--lexicon", "wrong.txt")
    assert code == 0 and out.startswith("greedy search stays")
    assert Bundle.open("tones.ear").meta.search == {"method": "greedy"}


def test_a_second_look_goes_into_the_bundle_where_it_helps(tune: Tune) -> None:
    Path("both.txt").write_text("hello\nhellp\nyou\ngood\nday\ndby\n")
    words = "".join(f"-0.7\t{word}\n" for word in ("hello", "you", "good", "day", "</s>"))
    head = "\\data\\\nngram 1=7\n\n\\1-grams:\n-9\t<unk>\n-99\t<s>\n"
    Path("sure.arpa").write_text(f"{head}{words}\n\\end\\\n")
    first = ("tones.ear", "slurred", "--lexicon", "both.txt")
    code, out, _ = tune(*first, "--rescore", "sure.arpa", "-o", "tuned.zip", "--json")
    found = json.loads(out)
    assert code == 0 and found["rescoring"] is not None
    assert found["wer_rescored"] < found["wer"] < found["greedy_wer"]
    assert {"rescore.bin"} <= Bundle.open("tuned.zip").files.keys()
    assert Recognizer.load("tuned.zip").transcribe("slurred0.wav").text == "hello you"
    code, out, _ = tune("tones.ear", "slurred", "--lm", "lm.arpa", "--rescore", "lm.arpa")
    assert code == 0 and "does not help" in out
    assert "rescore.bin" not in Bundle.open("tones.ear").files


def test_confidence_gets_a_temperature(tune: Tune) -> None:
    before = [word.confidence for word in Recognizer.load("tones.ear").transcribe("clear0.wav").words]
    cuts = read_cuts("slurred")
    many = [replace(cut, id=f"{cut.id}-{number}") for cut in cuts for number in range(12)]
    Path("many").mkdir()
    with open("many/cuts.jsonl.gz", "wb") as file:
        write_cuts(many, file)
    code, out, _ = tune("tones.ear", "many", "--json")  # nothing that could help: many errors stay
    found = json.loads(out)["confidence"]
    assert code == 0 and found["words"] == 60 and found["temperature"] != 1.0
    assert found["error"] <= found["error_before"]
    assert Bundle.open("tones.ear").meta.search["confidence_temperature"] == found["temperature"]
    after = [word.confidence for word in Recognizer.load("tones.ear").transcribe("clear0.wav").words]
    assert after == pytest.approx([sure ** (1 / found["temperature"]) for sure in before])


def test_a_dry_run_writes_nothing(tune: Tune) -> None:
    before = Path("tones.ear/bundle.toml").read_bytes()
    assert tune("tones.ear", "slurred", "--lexicon", "words.txt", "--dry-run")[0] == 0
    assert Path("tones.ear/bundle.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tones.ear", "nowhere"), "nowhere"),
        (("tones.ear", "slurred", "--lm", "none.arpa"), "none.arpa"),
        (("tones.ear", "slurred", "--normalizer", "odd"), "odd"),
        (("none.ear", "slurred"), "none.ear"),
        (("tones.ear", "slurred", "--lm", "tones.ear/encoder.onnx"), "tune with an n-gram model"),
    ],
)
def test_bad_input_is_said(tune: Tune, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = tune(*arguments)
    assert (code, out) == (1, "")
    assert message in err and err.count("\n") == 1
