"""`earwright transcribe` as a person types it: flags, files, folders, patterns, stdin, exit codes."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.bundle import write_bundle
from earwright.cli.audio_inputs import find_audio, output_stems
from earwright.cli.main import main
from earwright.cli.tune import write_search
from earwright.decoding import SearchOptions
from earwright.lm.arpa import write_arpa
from earwright.text import CharTokenizer
from runtime_bundle import META, RATE, TOKENS, bundle_files, encoder_graph, say
from small_models import random_model
from tiny_transformer import random_transformer

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    runtime_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """Call `earwright transcribe` in a folder with some audio: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARWRIGHT_MODEL", str(runtime_bundle))
    (tmp_path / "more").mkdir()
    soundfile.write("a.wav", say("hello you"), RATE)
    soundfile.write("b.flac", say("good day", 8000), 8000)
    soundfile.write("more/c.ogg", say("abc"), RATE)
    (tmp_path / "bad.wav").write_text("this is not audio")
    (tmp_path / "more" / "notes.txt").write_text("this is nothing to transcribe")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["transcribe", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_one_file_gives_its_text(run: Run) -> None:
    assert run("a.wav") == (0, "hello you\n", "")


def test_several_files_give_lines_with_names(run: Run) -> None:
    assert run("a.wav", "b.flac") == (0, "a.wav: hello you\nb.flac: good day\n", "")


def test_the_model_can_be_named(run: Run, runtime_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARWRIGHT_MODEL")
    assert run("-m", str(runtime_bundle), "a.wav")[:2] == (0, "hello you\n")
    assert run("a.wav", "--model", str(runtime_bundle))[:2] == (0, "hello you\n")


def test_folders_and_patterns(run: Run) -> None:
    assert run("more")[1] == "abc\n"
    assert run("*.flac")[1] == "good day\n"
    assert run("**/*.ogg")[1] == "abc\n"
    assert run("a.wav", "[ab].*", "a.wav")[1].splitlines() == ["a.wav: hello you", "b.flac: good day"]


def test_lattices_of_each_piece(run: Run) -> None:
    from earwright.decoding.lattice import nbest_paths, read_kaldi, read_slf

    Path("words.txt").write_text("hello\nyou\ngood\nday\nabc\n")
    search = ("--lexicon", "words.txt", "--lattice", "lattices")
    code, out, _ = run("a.wav", "b.flac", "more", *search)
    assert (code, out.count("\n")) == (0, 3)
    assert sorted(path.name for path in Path("lattices").iterdir()) == [
        "a-0001.slf", "b-0001.slf", "c-0001.slf",
    ]  # fmt: skip
    name, lattice = read_slf("lattices/a-0001.slf", 0.02)
    assert (name, nbest_paths(lattice)[0].text) == ("a-0001", "hello you")
    assert run("b.flac", *search, "--lattice-format", "kaldi")[0] == 0
    ((name, lattice),) = read_kaldi("lattices/b-0001.lat").items()
    assert (name, nbest_paths(lattice)[0].text) == ("b-0001", "good day")


def test_lattices_need_a_beam(run: Run) -> None:
    code, out, err = run("a.wav", "--lattice", "lattices")
    assert (code, out) == (1, "")
    assert "lattices need a beam search" in err
    assert not Path("lattices").exists()


def test_stdin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path("a.wav").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run("-") == (0, "hello you\n", "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run("-", "-f", "txt", "-o", "out")[0] == 0
    assert Path("out/stdin.txt").read_text() == "hello you\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    code, out, err = run("-")
    assert (code, out) == (1, "")
    assert "empty" in err


def test_json_lines(run: Run) -> None:
    code, out, err = run("a.wav", "bad.wav", "b.flac", "--json")
    assert code == 1
    first, second, third = (json.loads(line) for line in out.splitlines())
    assert (first["source"], first["text"]) == ("a.wav", "hello you")
    assert [word["word"] for word in first["segments"][0]["words"]] == [" hello", " you"]
    assert (second["source"], second.keys()) == ("bad.wav", {"source", "error"})
    assert third["text"] == "good day"
    assert "bad.wav" in err


def test_formats_on_stdout(run: Run) -> None:
    assert run("a.wav", "-f", "srt")[1].startswith("1\n00:00:00,260 --> 00:00:01,")
    assert run("a.wav", "-f", "vtt")[1].startswith("WEBVTT\n\n00:00.260 --> ")
    assert run("a.wav", "-f", "tsv")[1].startswith("start\tend\ttext\n260\t")
    assert json.loads(run("a.wav", "-f", "json")[1])["text"] == "hello you"


def test_all_formats_into_a_folder(run: Run) -> None:
    code, out, err = run("a.wav", "b.flac", "-o", "out")
    assert (code, out, err) == (0, "", "")
    expected = {f"{stem}.{name}" for stem in "ab" for name in ("txt", "srt", "vtt", "tsv", "json")}
    assert set(os.listdir("out")) == expected
    assert Path("out/b.txt").read_text() == "good day\n"


def test_one_format_into_a_folder_that_is_made(run: Run) -> None:
    assert run("a.wav", "--output_format", "srt", "--output_dir", "x/y")[0] == 0
    assert os.listdir("x/y") == ["a.srt"]


def test_files_and_json_together(run: Run) -> None:
    code, out, _ = run("a.wav", "-o", "out", "-f", "txt", "--json")
    assert (code, json.loads(out)["text"], os.listdir("out")) == (0, "hello you", ["a.txt"])


@pytest.mark.parametrize("dash", ["_", "-"])
def test_subtitle_flags(run: Run, dash: str) -> None:
    def flag(name: str) -> str:
        return "--" + name.replace("_", dash)

    _, out, _ = run("a.wav", "-f", "srt", flag("max_line_width"), "5", flag("word_timestamps"))
    assert "\nhello\nyou\n" in out
    _, out, _ = run("a.wav", "-f", "srt", flag("max_line_width"), "5", flag("max_line_count"), "1")
    assert out.count("-->") == 2
    _, out, _ = run("a.wav", "-f", "vtt", flag("max_words_per_line"), "1")
    assert out.count("-->") == 2
    _, out, _ = run("a.wav", "-f", "vtt", flag("highlight_words"), "True")
    assert "<u>hello</u> you" in out


def test_word_timestamps_as_whisper_writes_them(run: Run) -> None:
    for arguments in (["--word_timestamps"], ["--word_timestamps", "True"], ["--word_timestamps=true"], []):
        segment = json.loads(run("a.wav", "--json", *arguments)[1])["segments"][0]
        assert len(segment["words"]) == 2
    segment = json.loads(run("a.wav", "--json", "--word_timestamps", "False")[1])["segments"][0]
    assert "words" not in segment
    assert run("--word_timestamps", "a.wav")[1] == "hello you\n"  # what follows the flag is a file


def test_bad_files_are_counted_and_never_end_the_job(run: Run) -> None:
    code, out, err = run("bad.wav", "a.wav", "missing.wav", "*.mp3", "b.flac", "-f", "txt")
    assert code == 1
    assert out == "a.wav: hello you\nb.flac: good day\n"
    lines = err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("earwright: ") for line in lines)
    for name in ("bad.wav", "missing.wav", "*.mp3", "3 of 5 files failed"):
        assert sum(name in line for line in lines) == 1


def test_a_single_bad_file_is_one_sentence(run: Run) -> None:
    for name, said in {
        "bad.wav": "no audio",
        "missing.wav": "no such file",
        "*.mp3": "no file matches",
    }.items():
        code, out, err = run(name)
        assert (code, out) == (1, "")
        assert said in err
        assert err.count("\n") == 1


def test_a_folder_without_audio(run: Run) -> None:
    Path("nothing").mkdir()
    code, _, err = run("nothing")
    assert code == 1
    assert "no audio in this folder" in err


def test_bad_audio_of_many_kinds(run: Run) -> None:
    flac = io.BytesIO()
    soundfile.write(flac, say("abc" * 40), RATE, format="FLAC")
    Path("half.flac").write_bytes(flac.getvalue()[: len(flac.getvalue()) // 2])
    Path("empty.wav").write_bytes(b"")
    soundfile.write("nan.wav", np.array([0.0, np.nan, 0.5]), RATE, subtype="FLOAT")
    soundfile.write("header.wav", np.zeros(0), RATE)
    for name in ("half.flac", "empty.wav", "nan.wav", "header.wav"):
        code, _, err = run(name)
        assert code == 1, name
        assert err.startswith(f"earwright: {name}: ") and err.count("\n") == 1


def test_unusual_audio_is_fine(run: Run) -> None:
    soundfile.write("short.wav", say("a", pause=0.0)[:160], RATE)
    soundfile.write("many.wav", np.repeat(say("abc", 192_000)[:, None], 8, axis=1), 192_000)
    assert run("short.wav")[0] == 0
    assert run("many.wav") == (0, "abc\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name at least one audio file"),
        (["a.wav", "-f", "all"], "-f all needs -o DIR"),
        (["a.wav", "b.flac", "-f", "srt"], "-f srt of several files needs -o DIR"),
        (["a.wav", "--json", "-f", "srt"], "both want stdout"),
        (["a.wav", "-f", "srt", "--max_line_count", "2"], "needs --max_line_width"),
        (["a.wav", "-f", "docx"], "invalid choice"),
        (["a.wav", "--threads", "0"], "0 is not a number from 1 up"),
        (["a.wav", "--max_line_width", "-3"], "--max_line_width"),
        (["a.wav", "--nonsense"], "--nonsense"),
    ],
)
def test_usage_errors(run: Run, arguments: list[str], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_no_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARWRIGHT_MODEL")
    code, _, err = run("a.wav")
    assert code == 2
    assert "--model BUNDLE" in err


def test_a_bundle_that_is_not_there(run: Run) -> None:
    assert run("a.wav", "-m", "missing.ear") == (
        1,
        "",
        "earwright: missing.ear: no such bundle; give a folder NAME.ear or its .zip.\n",
    )


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("a.wav", "-o", "out", "-f", "txt")[0] == 0

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    soundfile.write("a.wav", say("xyz"), RATE)
    code, _, err = run("a.wav", "-o", "out", "-f", "txt")
    assert code == 1
    assert "disk is full" in err and err.count("\n") == 1
    assert Path("out/a.txt").read_text() == "hello you\n"


def test_finding_audio(run: Run) -> None:
    Path("odd[1].wav").write_bytes(Path("a.wav").read_bytes())
    found = find_audio(["odd[1].wav", ".", "more/", "no*", "gone.wav"])
    names = ["odd[1].wav", "a.wav", "b.flac", "bad.wav", "more/c.ogg", "gone.wav"]
    assert found.paths == [str(Path(name)) for name in names]
    assert [str(problem) for problem in found.problems] == ["no*: no file matches this pattern."]


@pytest.mark.parametrize(
    ("paths", "stems"),
    [
        (["x/a.wav", "b.mp3", "-"], ["a", "b", "stdin"]),
        (["a.wav", "a.mp3", "b.wav"], ["a.wav", "a.mp3", "b"]),
        (["A.wav", "a.mp3"], ["A.wav", "a.mp3"]),
        (["d/x/a.wav", "d/y/a.wav", "b.wav"], ["x/a.wav", "y/a.wav", "b"]),
        (["a.wav", "a.mp3", "a.wav.flac"], ["a.wav", "a.mp3", "a.wav.flac"]),
    ],
)
def test_no_two_files_share_an_output(paths: list[str], stems: list[str]) -> None:
    assert [Path(stem) for stem in output_stems(paths)] == [Path(stem) for stem in stems]


def test_files_of_one_name_do_not_overwrite_each_other(run: Run) -> None:
    soundfile.write("more/a.wav", say("xyz"), RATE)
    assert run("a.wav", "more/a.wav", "-o", "out", "-f", "txt")[0] == 0
    assert Path("out/a.wav.txt").read_text() == "hello you\n"
    assert Path("out/more/a.wav.txt").read_text() == "xyz\n"


def test_a_beam_with_words_and_a_language_model(run: Run) -> None:
    Path("words.txt").write_text("Hello\nYOU\ngood\nday\n")  # in capitals, too
    Path("terms.txt").write_text("# whom to greet\nYou\t2\n")
    write_arpa("lm.arpa", random_model(("hello", "you")))
    for flags in (
        ("--beam", "20"),
        ("--lexicon", "words.txt", "--unknown-penalty", "inf"),
        ("--lm", "lm.arpa", "--lm-weight", "0.1", "--word-bonus", "1"),
        ("--lm", "lm.arpa", "--rescore", "lm.arpa"),
    ):
        assert run("a.wav", *flags) == (0, "hello you\n", "")
    heard = run("a.wav", "--keyterms", "terms.txt", "--keyterm-boost", "0.5")
    assert heard == (0, "hello You\n", "")  # as the term is written
    words = json.loads(run("a.wav", "--lm", "lm.arpa", "--json")[1])["segments"][0]["words"]
    greedy = json.loads(run("a.wav", "--json")[1])["segments"][0]["words"]
    assert [(word["start"], word["end"]) for word in words] == [
        (word["start"], word["end"]) for word in greedy
    ]


def test_a_neural_language_model_in_the_search_or_after_it(run: Run) -> None:
    pytest.importorskip("torch")
    random_transformer(Path("tokens.onnx"), CharTokenizer(TOKENS))
    random_transformer(Path("words.onnx"), ["<unk>", "<s>", "</s>", "hello", "you"])
    for flags in (("--lm", "tokens.onnx", "--lm-weight", "0.1"), ("--beam", "5", "--rescore", "words.onnx")):
        assert run("a.wav", *flags) == (0, "hello you\n", "")
    code, _, err = run("a.wav", "--lm", "words.onnx")
    assert code == 1 and "of words" in err and "--rescore" in err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--lm", "none.bin"), "none.bin"),
        (("--lexicon", "empty.txt"), "empty.txt: has no words"),
        (("--lexicon", "chinese.txt"), "can be spelled with the tokens"),
        (("--keyterms", "empty.txt"), "empty.txt: has no key terms"),
        (("--keyterms", "chinese.txt"), "cannot be heard"),
        (("--keyterms", "heavy.txt"), "heavy.txt, line 1: the weight"),
        (("--lm-weight", "-1"), "lm_weight"),
        (("--grammar", "chinese.txt"), "chinese.txt, line 1: '\u4f60\u597d' cannot be heard"),
        (("--grammar", "empty.txt"), "empty.txt: has no phrases"),
        (("--grammar", "bad.gram"), "bad.gram, line 3: there is no <greting>; did you mean <greeting>?"),
        (("--grammar", "heavy.txt", "--lexicon", "heavy.txt"), "leave the list of words away"),
        (("--grammar", "heavy.txt", "--lm", "lm.arpa"), "leave the language model away"),
        (("--grammar", "heavy.txt", "--rescore", "lm.arpa"), "leave the rescoring away"),
        (("--grammar", "heavy.txt", "--rejection", "-1"), "rejection"),
        (("--word-bonus", "nan"), "word_bonus"),
    ],
)
def test_what_a_search_cannot_use_is_said(run: Run, flags: tuple[str, ...], message: str) -> None:
    Path("empty.txt").write_text("\n")
    Path("chinese.txt").write_text("\u4f60\u597d\n", encoding="utf-8")
    Path("heavy.txt").write_text("hello\tmuch\n")
    Path("bad.gram").write_text("#JSGF V1.0;\ngrammar g;\npublic <a> = <greting>;\n<greeting> = hello;\n")
    write_arpa("lm.arpa", random_model(("hello", "you")))
    code, out, err = run("a.wav", *flags)
    assert (code, out) == (1, "")
    assert message in err and err.count("\n") == 1


GREETINGS = """#JSGF V1.0;
grammar greetings;
public <greeting> = (Hello {HELLO} | good day {DAY}) [you | all];
"""


def test_a_grammar_finds_its_phrases_and_says_what_it_rejects(run: Run) -> None:
    Path("greetings.gram").write_text(GREETINGS)
    flags = ("--grammar", "greetings.gram")
    code, out, err = run("a.wav", "b.flac", "more/c.ogg", *flags)
    assert (code, out) == (0, "a.wav: hello you\nb.flac: good day\n")
    assert err.startswith(
        "earwright: more/c.ogg: 0.00 to 0.90 s: rejected, no phrase of the grammar is possible"
    )
    assert err.count("\n") == 1
    code, out, err = run("a.wav", "more/c.ogg", "--json", *flags)
    good, bad = (json.loads(line) for line in out.splitlines())
    assert (code, err) == (0, "")
    (segment,) = good["segments"]
    assert (segment["text"], segment["rejected"], segment["tags"]) == ("hello you", False, ["HELLO"])
    assert [word["word"] for word in segment["words"]] == [" hello", " you"]
    assert -0.1 < segment["score"] < 0.1
    (segment,) = bad["segments"]
    assert (bad["text"], segment["text"], segment["rejected"], segment["words"]) == ("", "", True, [])
    assert segment["score"] is None  # the model has no doubt, so that no phrase is possible
    assert (segment["start"], segment["end"]) == (0.0, bad["duration"])
    run("more/c.ogg", "a.wav", "-o", "out", *flags)
    assert Path("out/c.txt").read_text() == "" and Path("out/a.txt").read_text() == "hello you\n"


def test_a_bundle_that_was_tuned_with_a_language_model_takes_a_grammar(
    run: Run, runtime_bundle: Path, tmp_path: Path
) -> None:
    Path("greetings.txt").write_text("hello you\ngood day\n")
    write_arpa("lm.arpa", random_model(("abc",)))
    options = SearchOptions(word_bonus=9.0, lm_weight=2.0)
    write_search(str(runtime_bundle), "tuned.ear", options, "lm.arpa", None)
    assert run("a.wav", "-m", "tuned.ear", "--grammar", "greetings.txt") == (0, "hello you\n", "")


def test_the_best_hypotheses_are_in_json(run: Run) -> None:
    Path("words.txt").write_text("hello\nyou\ngood\nday\ngoos\nhellp\n")
    write_bundle("blurred.ear", META, bundle_files(encoder=encoder_graph(sharpness=2e3)))
    words = ("--lexicon", "words.txt", "-m", "blurred.ear")
    code, out, _ = run("a.wav", "b.flac", "--json", "--nbest", "3", *words)
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found[0]["alternatives"][0]["hypotheses"]) > 1
    for line in found:
        (piece,) = line["alternatives"]
        texts = [one["text"] for one in piece["hypotheses"]]
        scores = [one["score"] for one in piece["hypotheses"]]
        assert texts[0] == line["text"] and 1 <= len(set(texts)) == len(texts) <= 3
        assert scores == sorted(scores, reverse=True)
        assert (piece["start"], piece["end"]) == (0.0, line["duration"])
    assert "alternatives" not in json.loads(run("a.wav", "--json", *words)[1])
    code, _, err = run("a.wav", "--nbest", "3")
    assert code == 2 and "--json" in err


def test_a_grammar_s_phrases_are_written_as_key_terms_are(run: Run) -> None:
    Path("tagged.gram").write_text(
        "#JSGF V1.0;\ngrammar g;\npublic <g> = hello you {greeting} | good day {parting};\n"
    )
    Path("terms.txt").write_text("Good DAY\nYou\n")
    flags = ("--grammar", "tagged.gram", "--keyterms", "terms.txt", "--nbest", "2", "--json")
    for path, text, tag in (("a.wav", "hello You", "greeting"), ("b.flac", "Good DAY", "parting")):
        found = json.loads(run(path, *flags)[1])
        (segment,) = found["segments"]
        assert (found["text"], segment["text"], segment["tags"]) == (text, text, [tag])
        assert found["alternatives"][0]["hypotheses"][0]["text"] == text
    found = json.loads(run("more/c.ogg", *flags)[1], parse_constant=pytest.fail)  # no infinities
    assert found["segments"][0]["rejected"] and "alternatives" not in found


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--rejection", "3"), "--grammar"),
        (("--keyterm-boost", "1"), "--keyterms"),
    ],
)
def test_flags_that_go_with_others(run: Run, flags: tuple[str, ...], said: str) -> None:
    code, out, err = run("a.wav", *flags)
    assert (code, out) == (1, "") and said in err


def test_words_that_cannot_be_spelled_are_told(run: Run) -> None:
    Path("words.txt").write_text("hello\nyou\n12\n")
    code, out, err = run("a.wav", "--lexicon", "words.txt")
    assert (code, out) == (0, "hello you\n")
    assert err == (
        "earwright: warning: 1 words of the lexicon cannot be spelled with the recognizer's tokens, such as "
        "'12'.\n"
    )
