"""The page of a run: whatever its state, small however long, nothing in it taken for markup."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from earwright.training.page.past_run import read_run
from earwright.training.page.sections import LOOKS_SHOWN, build_report, sentences, summary, thinned
from earwright.training.recipe import Recipe, recipe_to_toml
from page_checks import HOSTILE, StrictParser, check_page

RATES = {
    "minutes": 1.0,
    "cpu_minutes": 2.0,
    "audio_seconds_per_second": 50.0,
    "share_of_peak": 0.5,
    "waiting": 0.01,
}


def run_folder(folder: Path, made: list[dict[str, Any]], recipe: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made))
    (folder / "recipe.toml").write_text(recipe or recipe_to_toml(Recipe(name="mine")))
    return folder


def step(number: int, loss: float = 1.0, norm: float = 2.0) -> dict[str, Any]:
    return {"kind": "step", "step": number, "loss": loss, "gradient_norm": norm, "learning_rate": 1e-3}


def look(number: int, cer: float, minutes: float, *transcripts: tuple[str, str]) -> dict[str, Any]:
    values = {**RATES, "minutes": minutes, "cpu_minutes": 2 * minutes, "wer": 2 * cer, "cer": cer}
    return {"kind": "dev", "step": number, **values, "transcripts": transcripts}


LOG = [
    {
        "kind": "start",
        "step": 0,
        "facts": {"planned_steps": 300, "processor": "An <i>odd</i> one", "threads": 2},
    },
    *(step(n, 5 / n) for n in range(1, 101)),
    look(100, 0.5, 3.0, ("open the door", "o"), ("no", "")),
    *(step(n, 5 / n, float("nan") if n == 150 else 3.0) for n in range(101, 201)),
    look(200, 0.1, 6.0, ("open the door", "open the dor"), ("no", "no")),
    {
        "kind": "finding",
        "step": 210,
        "finding": {
            "name": "plateau",
            "sentence": "Nothing is learnt.",
            "figures": {"slope": 0.0},
            "advice": "Lower the rate.",
            "severity": "warning",
        },
    },
    *(step(n, 5 / n) for n in range(201, 301)),
    look(300, 0.2, 9.0, ("open the door", "open a door"), ("no", "no")),
    {"kind": "vitals", "step": 300, "weight_norm": 12.5},
]


def test_what_the_page_says(tmp_path: Path) -> None:
    run = read_run(run_folder(tmp_path, LOG))
    page = build_report(run, None, "there is no bundle yet.")
    parser = check_page(page)
    text = parser.said()
    for said in (
        "300 of 300",
        "lowest dev CER10.00 %",
        "Lowest dev CER 10.00 % (WER 20.00 %) at step 200; at the last look, step 300, 20.00 %",
        "All 300 steps are done in 9 min, and there is no bundle (yet)",
        "50 times faster than speech",
        "50.0% of the machine's matrix-product peak",
        "1.0% of the time waiting for data",
        "1 steps were skipped",
        "No evaluation: there is no bundle yet.",
        "Nothing is learnt.",
        "Lower the rate.",
        "warning, step 210, plateau",
        "200 (best)20.00 %10.00 %6.012.050.050.0%1.0%",
        "An <i>odd</i> one",
        "open the dor",
        '# default "recognizer"',
        "weight norm",
    ):
        assert said in text, said
    labels = [svg["aria-label"] for svg in parser.all("svg") if "aria-label" in svg]
    for what in (
        "dev over steps",
        "dev over minutes",
        "dev over processor minutes",
        "Loss,",
        "Learning rate",
        "Gradient norm",
        "Loss over minutes",
        "Loss over processor minutes",
        "weight norm",
    ):
        assert any(what in label for label in labels), what
    assert "step 150: skipped, its gradient was not finite" in page
    assert "step 200: WER 20.00 %, CER 10.00 %" in page
    # The doctor's notes come before the curves.
    assert (
        page.index('id="doctor"')
        < page.index('id="dev"')
        < page.index('id="curves"')
        < page.index('id="recipe"')
    )


def test_transcripts_stand_in_the_order_of_time(tmp_path: Path) -> None:
    text = StrictParser(build_report(read_run(run_folder(tmp_path, LOG)))).said()
    assert "open the doorsteprecognized100o200open the dor300open a door" in text.replace(" 100", "100")
    assert "nosteprecognized100nothing200no300no" in text


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ([], "No step is logged yet"),
        (LOG[:1], "No step is logged yet"),
        (LOG[:50], "Not finished: 49 of 300 steps done; it is running still, or was stopped"),
        (LOG[:102], "Not finished: 100 of 300 steps done in 3 min"),
        ([step(1), step(2)], "Not finished: 2 steps done"),
        ([*LOG[:50], {**LOG[0], "step": 49}, *LOG[50:60]], "The run was resumed 1 times, at step 49."),
    ],
)
def test_runs_are_reported_as_they_are(tmp_path: Path, made: list[dict[str, Any]], told: str) -> None:
    run = read_run(run_folder(tmp_path, made))
    page = build_report(run)
    assert told in check_page(page).said()
    assert any(told in sentence for sentence in sentences(run))
    assert summary(run)["finished"] is False
    if len(run.log.steps) and not run.log.looks:
        assert "There has been no look at dev yet." in list(sentences(run))


def test_many_steps_make_a_small_page(tmp_path: Path) -> None:
    made: list[dict[str, Any]] = []
    for number in range(1, 30_001):
        made.append(step(number, 5 / number**0.3, float("inf") if number % 97 == 0 else 1.0))
        if number % 25 == 0:
            made.append(look(number, 1 / number, number / 100, ("said " * 30, f"heard {number} " * 30)))
            made.append(
                {"kind": "finding", "step": number, "name": "n", "sentence": "s" * 500, "figures": "f"}
            )
            made.append({"kind": "vitals", "step": number, "a": number, "b": -number})
    run = read_run(run_folder(tmp_path, made))
    assert len(run.log.steps) == 30_000 and len(run.log.looks) == 1200
    page = build_report(run)
    check_page(page)
    assert len(page) < 2_000_000
    assert "step 30,000" in page and run.skipped == 309


def test_what_is_read_is_text(tmp_path: Path) -> None:
    hostile = [text for text in HOSTILE if "\0" not in text and "\ud800" not in text]
    tables = "".join(
        f"[{json.dumps(text, ensure_ascii=False)}]\nx = {json.dumps(text)}\n" for text in hostile
    )
    recipe = f"name = {json.dumps(HOSTILE[0])}\n{tables}[data]\ndev = {json.dumps(hostile)}\n"
    made: list[dict[str, Any]] = [step(1)]
    for number, text in enumerate(HOSTILE, 2):
        made += [
            {"kind": "start", "step": 0, "facts": {text: text, "x": [text]}},
            look(number, 0.5, number, (text, text)),
            {
                "kind": "finding",
                "step": number,
                **dict.fromkeys(("name", "sentence", "advice", "severity"), text),
            },
            {"kind": "vitals", "step": number, text: 1.0},
            {"kind": text, "step": number},
        ]
    run = read_run(run_folder(tmp_path / "<b>&\"'", made, recipe))
    assert run.name == HOSTILE[0] and not run.problems
    parser = check_page(build_report(run, None, HOSTILE[1]))
    text = "".join(parser.text)
    for said in HOSTILE[:3]:
        assert said in text
    for attributes in parser.all("mark", "i", "li", "span", "bdi", "code", "pre"):
        assert set(attributes) <= {"class", "dir", "title", "tabindex"}


def test_a_recipe_that_is_no_toml_is_shown_as_it_is(tmp_path: Path) -> None:
    run = read_run(run_folder(tmp_path, LOG, 'name = "x\n<b>bold</b>'))
    text = check_page(build_report(run)).said()
    assert "<b>bold</b>" in text and "not valid TOML" in text


def test_an_evaluation_is_part_of_the_page(tmp_path: Path) -> None:
    from earwright.evaluation import record, score
    from earwright.evaluation.page import Exhibition

    evaluation = score(["a b"], ["a x"])
    result = record(evaluation, name="n", command="c", corpus="x", split="y", seed=0)
    page = build_report(read_run(run_folder(tmp_path, LOG)), Exhibition(evaluation, result))
    assert "Evaluation: Error rates" in check_page(page).said()
    assert "50.00 %" in page


def test_of_many_looks_the_first_the_best_and_the_last_are_kept(tmp_path: Path) -> None:
    looks = read_run(run_folder(tmp_path, [look(n, 0.5, n) for n in range(1, 1001)])).log.looks
    kept = thinned(looks, LOOKS_SHOWN, looks[777])
    assert LOOKS_SHOWN <= len(kept) <= LOOKS_SHOWN + 1
    assert kept[0] is looks[0] and kept[-1] is looks[-1] and looks[777] in kept
    assert [each.step for each in kept] == sorted(each.step for each in kept)


def test_the_figures_as_json(tmp_path: Path) -> None:
    told = json.loads(json.dumps(summary(read_run(run_folder(tmp_path, LOG))), allow_nan=False))
    assert (told["name"], told["step"], told["steps"], told["skipped_steps"]) == ("mine", 300, 300, 1)
    assert told["best"]["step"] == 200 and told["last"]["wer"] == 0.4
    assert told["minutes"] == 9.0 and told["notes"][0]["name"] == "plateau"
    assert not re.search("transcripts", json.dumps(told))
