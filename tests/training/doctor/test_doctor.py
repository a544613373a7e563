"""The doctor's rules on logs of every kind, and the doctor in a run."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter
from earwright.training.doctor.doctor import Doctor, examine, listen
from earwright.training.doctor.finding import NOTE, WARNING
from earwright.training.log import read_log
from earwright.training.loop import Run
from earwright.training.options import TrainingOptions
from earwright.training.schedule import learning_rate
from training.runs import Killed, changed, curve, weights

Line = dict[str, Any]
STEPS, EVERY = 600, 10
LAYERS = ("subsampling", "blocks.0", "blocks.1", "output")
DATA: Line = {
    "utterances": 1000, "left_out": {}, "too_little_audio": 0, "token_entropy": 2.8,
    "frames_per_second": 25.0,
    "train": {"script": "LATIN", "pace": 12.0, "seconds": [2.0, 5.0, 12.0], "clips": 40, "silent": 0,
              "level": -25.0, "bandwidth": 7800.0},
    "fit": {"utterances": 1000, "tokens": 60.0, "text_spread": 0.5, "audio_spread": 0.5, "correlation": 0.95},
    "dev": {"script": "LATIN", "pace": 13.0, "seconds": [2.0, 6.0, 12.0], "clips": 40, "silent": 0,
            "level": -27.0, "bandwidth": 7700.0},
    "dev_unknown": {"share": 0.0, "characters": "", "texts": 0.0},
    "surprise": {"train": 2.4, "dev": 2.45, "texts": 1000},
    "shared": {"of": 60, "audio": 0, "long_texts": 60, "text": 0},
}  # fmt: skip
PLAN: Line = {
    "steps": STEPS, "learning_rate": 6e-3, "warmup_steps": 60, "travel": 1.98, "letters_expected": [5, None],
    "clip": 5.0, "precision": "fp32", "stochastic_depth": 0.0, "overfit": 0,
}  # fmt: skip


def healthy() -> list[Line]:
    """A log as runs leave them that go well: blanks first, letters soon, dev follows."""
    options = TrainingOptions(steps=STEPS, learning_rate=6e-3)
    lines: list[Line] = [{"kind": "facts", "step": 0, "data": copy.deepcopy(DATA), "run": dict(PLAN)}]
    for step in range(1, STEPS + 1):
        done = step / STEPS
        rate = learning_rate(step - 1, STEPS, options)
        loss = 0.3 + 2.7 * math.exp(-4 * max(0.0, done - 0.1)) + 0.1 * math.sin(step)
        norm = 3 * math.exp(-2 * done) * (1 + 0.3 * math.sin(3 * step))
        lines.append(
            {"kind": "step", "step": step, "loss": loss, "gradient_norm": norm, "learning_rate": rate}
        )
        clock = {
            "minutes": step / 60, "cpu_minutes": step / 30, "audio_seconds_per_second": 100.0,
            "share_of_peak": 0.3, "waiting": 0.01,
        }  # fmt: skip
        if step == 1 or step % EVERY == 0:
            written = min(1.0, max(0.0, 3 * (done - 0.15)))
            lines.append(
                {
                    "kind": "vitals", "step": step,
                    "gradients": {layer: norm * (0.2 + 0.2 * i) for i, layer in enumerate(LAYERS)},
                    "updates": {layer: 1.3 * rate * (1 + 0.1 * i) for i, layer in enumerate(LAYERS)},
                    "blank": 1 - 0.6 * written, "entropy": 1.0, "written": written, **clock,
                }
            )  # fmt: skip
        if step % 30 == 0:
            cer = 0.15 + 0.85 * math.exp(-4 * done)
            lines.append(
                {
                    "kind": "dev", "step": step, "wer": min(1.0, 2 * cer), "cer": cer,
                    "letters": 1.0, "words": 1.0,
                    "letters_cer": cer, "word_length": 4.0, "blank": 0.5, "loss": loss + 0.3, **clock,
                }
            )  # fmt: skip
    return lines


def kinds(lines: list[Line], kind: str, first: float = 0.0) -> Iterator[tuple[float, Line]]:
    """The lines of a kind, from a share of the run on, and how much of the run is done at each."""
    for line in lines:
        if line["kind"] == kind and line["step"] >= first * STEPS:
            yield line["step"] / STEPS, line


def named(lines: list[Line], severity: str = WARNING) -> list[str]:
    doctor = Doctor()
    listen(doctor, lines)
    for finding in doctor.found:
        assert finding.sentence.endswith((".", "%).")) and "nan" not in finding.text, finding.text
        assert finding.figures and all(isinstance(value, float | int) for value in finding.figures.values())
    return [finding.name for finding in doctor.found if finding.severity == severity]


def test_a_healthy_run_is_left_alone() -> None:
    assert named(healthy()) == []


# -- while it learns -----------------------------------------------------------------------------------


def only_blanks(lines: list[Line]) -> None:
    for _, line in kinds(lines, "vitals"):
        line |= {"written": 0.0, "blank": 1.0}


def nothing_learnt(lines: list[Line]) -> None:
    for done, line in kinds(lines, "step"):
        line["loss"] = max(2.8, 5 - 20 * done)


def stuck(lines: list[Line]) -> None:
    only_blanks(lines)
    nothing_learnt(lines)


def few_steps(lines: list[Line]) -> None:
    stuck(lines)
    lines[0]["run"]["travel"] = 0.3
    for _, line in kinds(lines, "step"):
        line["learning_rate"] *= 0.15


def high_rate(lines: list[Line]) -> None:
    stuck(lines)
    for _, line in kinds(lines, "vitals"):
        line["updates"] = {layer: 30 * value for layer, value in line["updates"].items()}


def high_rate_at_once(lines: list[Line]) -> None:
    high_rate(lines)
    lines[0]["run"]["warmup_steps"] = 0


def low_rate(lines: list[Line]) -> None:
    stuck(lines)
    lines[0]["run"]["learning_rate"] = 2e-5
    lines[0]["run"]["travel"] /= 100
    for _, line in kinds(lines, "step"):
        line["learning_rate"] /= 100
    for _, line in kinds(lines, "vitals"):
        line["updates"] = {layer: value / 100 for layer, value in line["updates"].items()}


def short_run(lines: list[Line]) -> None:
    low_rate(lines)
    lines[0]["run"]["learning_rate"] = 2e-3


def diverges(lines: list[Line]) -> None:
    for _, line in kinds(lines, "step", 0.6):
        line["loss"] += 2


def explodes(lines: list[Line]) -> None:
    for done, line in kinds(lines, "step", 0.5):
        line["gradient_norm"] *= 1 + 1000 * (done - 0.5)
    for done, line in kinds(lines, "vitals", 0.5):
        line["gradients"]["blocks.1"] *= 1 + 3000 * (done - 0.5)


def not_finite(lines: list[Line]) -> None:
    for _, line in kinds(lines, "step", 0.5):
        if line["step"] % 4 == 0:
            line["gradient_norm"] = math.nan


def frozen(lines: list[Line]) -> None:
    for _, line in kinds(lines, "vitals"):
        del line["gradients"]["blocks.0"]
        line["updates"]["blocks.0"] = 0.0


def dies(lines: list[Line]) -> None:
    for done, line in kinds(lines, "vitals", 0.3):
        line["gradients"]["subsampling"] *= math.exp(-40 * (done - 0.3))


# -- dev and the clock ---------------------------------------------------------------------------------


def overfits(lines: list[Line]) -> None:
    for done, line in kinds(lines, "dev", 0.3):
        line |= {"loss": 1.5 + 3 * (done - 0.3), "cer": 0.4 + 0.1 * (done - 0.3)}


def overfits_in_errors(lines: list[Line]) -> None:
    for done, line in kinds(lines, "dev", 0.3):
        line |= {"loss": 1.5 + 0.5 * (done - 0.3), "cer": 0.4 + 0.2 * (done - 0.3)}


def grows_too_sure(lines: list[Line]) -> None:
    for done, line in kinds(lines, "dev", 0.3):
        line |= {"loss": 1.5 + 0.6 * (done - 0.3), "cer": 0.4}


def left_behind(lines: list[Line]) -> None:
    for _, line in kinds(lines, "dev"):
        line |= {"loss": 2.7, "cer": 0.9, "letters_cer": 0.9}


def joined_words(lines: list[Line]) -> None:
    for _, line in kinds(lines, "dev", 0.5):
        line |= {"letters_cer": 0.1, "cer": 0.25, "wer": 1.0, "words": 0.2}


def other_case(lines: list[Line]) -> None:
    for _, line in kinds(lines, "dev", 0.5):
        line |= {"letters_cer": 0.1, "cer": 0.4, "wer": 1.0, "words": 1.0}


def starves(lines: list[Line]) -> None:
    for kind in ("vitals", "dev"):
        for done, line in kinds(lines, kind, 0.3):
            line["waiting"] = 0.4 * (done - 0.3) / done


def slows(lines: list[Line]) -> None:
    """From the middle on each step takes three times as long, and the same work of the processor."""
    for kind in ("vitals", "dev"):
        for done, line in kinds(lines, kind, 0.5):
            audio = line["minutes"] * line["audio_seconds_per_second"]
            line["minutes"] *= 1 + 2 * (done - 0.5) / done
            line["audio_seconds_per_second"] = audio / line["minutes"]


# -- the data ------------------------------------------------------------------------------------------


def data(**changes: Any) -> Callable[[list[Line]], None]:
    """Facts with other values: train__silent=20 sets data["train"]["silent"]."""

    def change(lines: list[Line]) -> None:
        for key, value in changes.items():
            *tables, last = key.split("__")
            table = lines[0]["data"]
            for name in tables:
                table = table[name]
            table[last] = value

    return change


FAULTS: list[tuple[str, Callable[[list[Line]], None]]] = [
    ("only-blanks", stuck),
    ("learns-nothing", nothing_learnt),
    ("too-few-steps", few_steps),
    ("rate-too-high", high_rate),
    ("no-warmup", high_rate_at_once),
    ("rate-too-low", low_rate),
    ("too-few-steps", short_run),
    ("loss-rises", diverges),
    ("gradients-explode", explodes),
    ("gradients-not-finite", not_finite),
    ("layer-frozen", frozen),
    ("gradients-die", dies),
    ("overfitting", overfits),
    ("overfitting", overfits_in_errors),
    ("dev-left-behind", left_behind),
    ("spaces-wrong", joined_words),
    ("spelt-otherwise", other_case),
    ("waiting-for-data", starves),
    ("machine-slower", slows),
    ("silence", data(train__silent=20)),
    ("too-short-for-ctc", data(too_little_audio=300, left_out={"too long": 300})),
    ("much-left-out", data(left_out={"longer than 10 s": 500})),
    ("texts-too-long", data(train__pace=21.0)),
    ("texts-shuffled", data(fit__correlation=0.03)),
    ("dev-silence", data(dev__silent=30)),
    ("dev-band", data(dev__bandwidth=3400.0)),
    ("dev-level", data(dev__level=-45.0)),
    ("dev-pace", data(dev__pace=6.0)),
    ("dev-length", data(dev__seconds=[20.0, 25.0, 30.0])),
    ("dev-characters", data(dev_unknown={"share": 0.02, "characters": "äöü", "texts": 0.6})),
    (
        "dev-script",
        data(dev__script="CYRILLIC", dev_unknown={"share": 1.0, "characters": "жщ", "texts": 1.0}),
    ),
    ("dev-language", data(surprise__dev=3.1)),
    ("dev-in-training", data(shared__audio=50)),
]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[name for name, _ in FAULTS])
def test_each_fault_by_its_name_and_no_other(name: str, fault: Callable[[list[Line]], None]) -> None:
    lines = healthy()
    fault(lines)
    assert set(named(lines)) == {name}


@pytest.mark.parametrize(
    "fine",
    [
        data(dev__bandwidth=None, train__bandwidth=None, dev__level=None),
        data(fit__correlation=0.0, fit__tokens=4.0),  # single words
        data(fit__correlation=0.0, fit__utterances=20),
        data(too_little_audio=3, left_out={"too long": 3}),
        data(shared__text=60),  # fixed commands: a note
        lambda lines: lines[0]["data"].pop("dev"),
        lambda lines: lines[0]["data"].update(train={}),
    ],
)
def test_what_is_not_known_is_not_said(fine: Callable[[list[Line]], None]) -> None:
    lines = healthy()
    fine(lines)
    assert named(lines) == []


def test_blanks_are_normal_at_first() -> None:
    lines = [line for line in healthy() if line["step"] <= 0.3 * STEPS]
    only_blanks(lines)
    assert named(lines) == [] and named(lines, NOTE) == ["only-blanks"]
    doctor = Doctor()
    listen(doctor, lines)
    assert "normal at this point: letters are to be expected from step 5 on." in doctor.found[0].text
    lines = healthy()
    stuck(lines)
    assert named(lines, NOTE) == ["only-blanks"] == named(lines)  # first a note, then a warning


def test_blocks_that_are_skipped_at_random_are_not_frozen() -> None:
    generator = torch.Generator().manual_seed(0)
    lines = healthy()
    lines[0]["run"]["stochastic_depth"] = 0.3
    for _, line in kinds(lines, "vitals"):
        for layer in ("blocks.0", "blocks.1"):
            if torch.rand((), generator=generator) < 0.3:
                line["gradients"][layer] = line["updates"][layer] = 0.0
    assert named(lines) == []


def test_a_model_that_grows_too_sure_is_noted() -> None:
    lines = healthy()
    grows_too_sure(lines)
    assert named(lines) == [] and "overfitting" in named(lines, NOTE)


def test_a_dev_set_that_is_trained_on_on_purpose() -> None:
    for fault in (data(shared__audio=50), overfits, left_behind):
        lines = healthy()
        lines[0]["run"]["overfit"] = 10
        fault(lines)
        assert named(lines) == []


def test_each_thing_is_said_once_and_again_when_it_is_twice_as_bad() -> None:
    lines = healthy()
    starves(lines)
    doctor = Doctor()
    said = [(finding.name, finding.weight) for line in lines for finding in doctor.hear(line)]
    assert [name for name, _ in said] == ["only-blanks", "waiting-for-data"]
    lines = healthy()
    explodes(lines)
    doctor = Doctor()
    said = [(finding.name, finding.weight) for line in lines for finding in doctor.hear(line)]
    weighed = [weight for name, weight in said if name == "gradients-explode"]
    assert 1 < len(weighed) < 8
    assert all(after >= 2 * before for before, after in pairwise(weighed))


def test_what_is_over_is_told_as_over(tmp_path: Path) -> None:
    lines = healthy()
    for _, line in kinds(lines, "step", 0.2):
        if line["step"] < 0.4 * STEPS and line["step"] % 4 == 0:
            line["gradient_norm"] = math.nan
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    examination = examine(tmp_path)
    assert {finding.name for finding in examination.warnings} == {"gradients-not-finite"}
    assert examination.holding == set()
    assert examination.dev["best"]["step"] == STEPS and examination.steps == examination.step == STEPS


def test_logs_without_facts_are_read(tmp_path: Path) -> None:
    lines = [line for line in healthy() if line["kind"] in ("step", "dev")]
    for line in lines:
        for key in ("loss", "letters", "words", "letters_cer", "blank", "word_length"):
            if line["kind"] == "dev":
                del line[key]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    examination = examine(tmp_path)
    assert examination.findings == [] and examination.steps == 0 and examination.step == STEPS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such file; name the folder of a run"),
        ("", "no step was logged yet"),
        ("no log at all\n", "no step was logged yet"),
        ("[1, 2]\n", "no step was logged yet"),
        ('{"kind": "facts", "step": 0}\n', "not the log of a training run"),
        ('{"kind": "facts", "step": 0, "data": {"train": 3}, "run": {}}\n', "not the log of a training run"),
    ],
)
def test_what_is_no_log_is_one_sentence(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(EarwrightError, match=message):
        examine(tmp_path)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=True), st.floats(allow_nan=True), st.floats(0, 1),
            st.floats(0, 1e3), st.one_of(st.none(), st.floats(0, 1e30)), st.floats(0, 2),
        ),
        max_size=40,
    )
)  # fmt: skip
@example([(9e307, 0.0, 0.0, 0.0, None, 0.0)] * 3)
def test_any_numbers_are_survived(rows: list[tuple[Any, ...]]) -> None:
    lines = [healthy()[0]]
    for step, (loss, norm, rate, update, gradient, written) in enumerate(rows, 1):
        lines.append(
            {"kind": "step", "step": step, "loss": loss, "gradient_norm": norm, "learning_rate": rate}
        )
        lines.append(
            {
                "kind": "vitals", "step": step, "updates": dict.fromkeys(LAYERS, update),
                "gradients": dict.fromkeys(LAYERS, gradient), "written": written,
                "blank": 0.0, "entropy": 0.0,
            }
        )  # fmt: skip
        lines.append({"kind": "dev", "step": step, "wer": written, "cer": written, "loss": loss})
    live, again = Doctor(), Doctor()
    listen(live, lines)
    listen(again, json.loads(json.dumps(lines)))
    assert [finding.text for finding in live.found] == [finding.text for finding in again.found]


# -- in a run ------------------------------------------------------------------------------------------


class Lines(Reporter):
    """Keeps what a run says; a run that says `last` is killed there."""

    def __init__(self, last: str = "never") -> None:
        super().__init__(self._keep, interval=0.0)
        self.lines: list[str] = []
        self.last = last

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith(self.last):
            raise Killed


def test_the_doctor_changes_no_number_and_is_resumed(recipe: Recipe, tmp_path: Path) -> None:
    recipe = changed(recipe, "training", steps=24, save_every=0.0)
    recipe = changed(recipe, "model", stochastic_depth=0.3, context="drawn", chunk_seconds=(0.16, 0.32))
    lines = Lines()
    for name, doctor in (("with", True), ("without", False)):
        Run(recipe, tmp_path / name, lines if doctor else Lines(), doctor=doctor).run()
    assert curve(tmp_path / "with") == curve(tmp_path / "without")
    a, b = weights(tmp_path / "with"), weights(tmp_path / "without")
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    # The tones are watched with what they are trained on, which is said once.
    assert sum(line.startswith("doctor: 4 of 4 dev recordings") for line in lines.lines) == 1

    killed = tmp_path / "killed"
    with pytest.raises(Killed):
        Run(recipe, killed, Lines(last="step 15/24  ")).run()
    lines = Lines()
    Run(recipe, killed, lines).run()
    assert not any(line.startswith("doctor:") for line in lines.lines)
    assert curve(killed) == curve(tmp_path / "with")
    logs = [read_log(folder / "log.jsonl") for folder in (killed, tmp_path / "with")]
    for kind in ("facts", "vitals", "finding"):
        one, two = ([without_clock(line) for line in log if line["kind"] == kind] for log in logs)
        assert one == two and one
    assert [line["step"] for line in logs[0] if line["kind"] == "vitals"] == [1, 10, 20]
    logged = [line["finding"]["name"] for line in logs[0] if line["kind"] == "finding"]
    assert logged == [finding.name for finding in examine(killed).findings]


def without_clock(line: Line) -> Line:
    clock = ("minutes", "cpu_minutes", "audio_seconds_per_second", "share_of_peak", "waiting")
    return {key: value for key, value in line.items() if key not in clock}


def test_a_frozen_block_is_named_in_a_run(recipe: Recipe, tmp_path: Path) -> None:
    run = Run(
        changed(changed(recipe, "training", steps=40), "model", stochastic_depth=0.0),
        tmp_path,
        Reporter(lambda line: None),
    )
    for model in run.lanes.models:
        model.blocks[1].requires_grad_(False)
    run.run()
    frozen = [finding for finding in examine(tmp_path).findings if finding.name == "layer-frozen"]
    assert len(frozen) == 1 and frozen[0].sentence.startswith("blocks.1 did not move")
