"""Scores: figures by hand, the edges, and what the details say."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from earwright.errors import EarwrightError
from earwright.evaluation import Counts, record, save_record, score, score_marked
from earwright.evaluation.record import command_line, machine

REFERENCES = ["The cat sat, on the mat.", "a dog", "Hello!"]
HYPOTHESES = ["the hat sat on mat", "a dog a", "hello"]


def test_figures_by_hand() -> None:
    evaluation = score(
        REFERENCES, HYPOTHESES, speakers=["x", "y", "x"], durations=[3.0, 0.9, 1.0], ids=["1", "2", "3"]
    )
    assert evaluation.words == Counts(correct=7, substitutions=1, deletions=1, insertions=1)
    assert evaluation.wer == pytest.approx(3 / 9)
    assert evaluation.characters == Counts(correct=27, substitutions=1, deletions=4, insertions=2)
    assert evaluation.cer == pytest.approx(7 / 32)
    assert (evaluation.utterances, evaluation.speakers, evaluation.wrong_utterances) == (3, 2, 2)
    assert evaluation.normalizer == "basic" and evaluation.interval_unit == "speaker"
    assert evaluation.confused() == [("cat", "hat", 1)]
    assert evaluation.deleted() == [("the", 1)]
    assert evaluation.inserted() == [("a", 1)]
    assert [utterance.id for utterance in evaluation.worst()] == ["1", "2"]
    groups = evaluation.by_duration()
    assert [(g.low, g.high, g.utterances, g.words.errors) for g in groups] == [(0, 1, 2, 1), (2, 5, 1, 2)]
    assert evaluation.scored[0].reference == "the cat sat on the mat"


def test_normalizers_make_different_figures() -> None:
    references, hypotheses = ["It's twenty-one colours."], ["it is 21 colors"]
    rates = {name: score(references, hypotheses, name).wer for name in ("raw", "basic", "english")}
    assert rates["english"] == 0 < rates["basic"] <= rates["raw"]
    with pytest.raises(EarwrightError, match="no normalizer"):
        score(references, hypotheses, "whisper")


def test_empty_sides() -> None:
    evaluation = score(["", "a b", "..."], ["x y", "", ""])
    assert evaluation.words == Counts(deletions=2, insertions=2)
    assert evaluation.wer == 2.0
    nothing_said = score([""], ["x y z"])
    assert (nothing_said.wer, nothing_said.wer_interval) == (3.0, (3.0, 3.0))
    silence = score([""], [""])
    assert (silence.wer, silence.cer, silence.wrong_utterances) == (0.0, 0.0, 0)
    assert silence.worst() == silence.confused() == silence.by_duration() == []


def test_an_empty_set_is_an_error() -> None:
    with pytest.raises(EarwrightError, match="no utterances to score"):
        score([], [])
    with pytest.raises(EarwrightError, match="no utterances to score"):
        score_marked({"a-1": "x"}, {})


@pytest.mark.parametrize("what", ["hypotheses", "speakers", "durations", "ids"])
def test_lists_of_different_lengths(what: str) -> None:
    arguments = {"hypotheses": HYPOTHESES, what: HYPOTHESES[:2]}
    with pytest.raises(EarwrightError, match=f"3 references but 2 {what}"):
        score(REFERENCES, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("speakers", [None, ["x", "x", "x"], ["x", "y", None]])
def test_interval_falls_back_to_utterances(speakers: list[str | None] | None) -> None:
    evaluation = score(REFERENCES, HYPOTHESES, speakers=speakers)
    assert evaluation.interval_unit == "utterance"
    assert evaluation.wer_interval[0] <= evaluation.wer <= evaluation.wer_interval[1]


def test_seed_decides_the_interval() -> None:
    draw = random.Random(1)
    references = ["a b c d e f"] * 40
    hypotheses = [" ".join(draw.choice("abcdef") for _ in range(6)) for _ in range(40)]
    first, again, other = (score(references, hypotheses, seed=seed) for seed in (1, 1, 2))
    assert first == again and first.wer_interval != other.wer_interval and first.wer == other.wer


def test_sclite_weights_leave_spaces_out_of_the_characters() -> None:
    evaluation = score(["a b"], ["ab"], weights="sclite")
    assert evaluation.cer == 0.0 and evaluation.wer > 0
    assert score(["a b"], ["ab"]).cer == pytest.approx(1 / 3)


def test_marked() -> None:
    references = {"S-1": "I {am / 'm} (well) tha-", "S-2": "not asked for"}
    evaluation = score_marked(references, {"s-1": "i 'm thanks"}, optional=True, fragments=True)
    assert evaluation.words == Counts(correct=4)
    assert evaluation.scored[0].speaker == "s" and evaluation.scored[0].hypothesis == "i 'm thanks"
    assert score_marked(references, {"S-1": "i 'm thanks"}, case_sensitive=True).words.correct == 1
    with pytest.raises(EarwrightError, match="utterance t-1 has no reference"):
        score_marked(references, {"t-1": "x"})


def test_details_are_ready_for_json() -> None:
    evaluation = score(REFERENCES, HYPOTHESES, durations=[3.0, 40.0, 1.0])
    details = json.loads(json.dumps(evaluation.to_dict()))
    assert details["wer"] == evaluation.wer and details["words"]["reference"] == 9
    assert details["by_duration"][-1]["up_to"] is None
    assert details["confused"] == [{"said": "cat", "recognized": "hat", "count": 1}]
    assert details["worst"][0]["id"] == "1"


def test_record(tmp_path: Path) -> None:
    evaluation = score(REFERENCES, HYPOTHESES)
    result = record(
        evaluation,
        name="small",
        command="earwright evaluate a b",
        corpus="librispeech",
        split="test",
        seed=3,
        parameters=12,
        training_minutes=1.5,
        audio_seconds=4.0,
    )
    save_record(tmp_path / "results/small.json", result)
    kept = json.loads((tmp_path / "results/small.json").read_text("utf-8"))
    wanted = (
        "name command date machine seed corpus split utterances normalizer wer wer_interval cer cer_interval "
        "parameters training_minutes audio_seconds"
    )
    assert set(wanted.split()) <= set(kept)
    assert kept["wer"] == pytest.approx(3 / 9) and len(kept["wer_interval"]) == 2


def test_command_line_names_no_place_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = command_line(["evaluate", str(tmp_path / "my runs/a.ear"), "data/test"])
    assert command == "earwright evaluate 'my runs/a.ear' data/test"
    assert "cores" in machine() and "\n" not in machine()
