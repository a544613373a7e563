"""Noise behind utterances: what each gets, at which level, and what the report makes of the errors."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.cells import cell_len
from rich.console import Console

from earwright.audio.backgrounds import Background, find_backgrounds
from earwright.audio.mix import speech_power
from earwright.cuts import Cut
from earwright.errors import EarwrightError
from earwright.evaluation import Evaluation, score
from earwright.evaluation.noise import (
    Backdrop,
    Condition,
    Draws,
    behind,
    check_room,
    conditions,
    find_backdrop,
    inside,
)
from earwright.evaluation.noise_report import conditions_report
from earwright.evaluation.page.noise import conditions_section

RATE = 8000
NAMES = [f"speaker{number % 7}-{number}" for number in range(300)]


def cut(name: str) -> Cut:
    return Cut(name, "x.wav", 0.0, 1.0, RATE)


def speech(length: int = RATE) -> np.ndarray:
    return np.random.default_rng(5).normal(0, 0.1, length).astype(np.float32)


def write_ramp(path: Path, seconds: float, loud: float = 0.5) -> None:
    """A recording in which each sample says where it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.linspace(-loud, loud, round(seconds * RATE)), RATE, subtype="FLOAT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of noise, of ten recordings and of two."""
    for number in range(10):
        write_ramp(tmp_path / f"noise/street/{number}.wav", 2 + number / 10)
    for number in range(2):
        write_ramp(tmp_path / f"noise/tap/{number}.wav", 0.4)
    return tmp_path / "noise"


def got(draws: Draws, name: str) -> tuple[Path, float]:
    """The recording that an utterance gets, and where it begins in it."""
    found: list[tuple[Path, float]] = []

    def read(path: Path, begin: float) -> np.ndarray:
        found.append((path, begin))
        return speech(1)

    draws.draw(name, read)
    return found[0]


def test_a_draw_follows_from_name_and_seed_alone(folder: Path) -> None:
    backgrounds = find_backgrounds([folder])
    first = Draws(backgrounds)
    drawn = {name: got(first, name) for name in NAMES}
    second = Draws(backgrounds[::-1])
    assert {name: got(second, name) for name in NAMES[::-1]} == drawn
    other = {name: got(Draws(backgrounds, seed=1), name) for name in NAMES}
    assert sum(other[name] != drawn[name] for name in NAMES) > 280
    moved = folder.rename(folder.parent / "elsewhere")
    there = {name: got(Draws(find_backgrounds([moved])), name) for name in NAMES}
    assert {n: (p.name, b) for n, (p, b) in there.items()} == {n: (p.name, b) for n, (p, b) in drawn.items()}


def test_classes_are_as_likely_and_all_recordings_are_used(folder: Path) -> None:
    draws = Draws(find_backgrounds([folder]))
    paths = Counter(got(draws, name)[0] for name in NAMES)
    assert len(paths) == 12
    assert 110 < Counter(draws.kinds.values())["tap"] < 190  # of 300: four deviations from a half
    begins = [got(draws, name)[1] for name in NAMES]
    assert 0 <= min(begins) < 0.05 and 0.95 < max(begins) < 1


def test_the_level_is_the_one_asked_for_and_the_noise_the_same_at_all(folder: Path) -> None:
    samples = speech()
    draws = Draws(find_backgrounds([folder]))
    for name in NAMES[:40]:
        loud, quiet = (behind(draws, snr, RATE)(cut(name), samples) - samples for snr in (-3.0, 17.0))
        power = np.square(loud.astype(float)).mean()
        assert 10 * np.log10(speech_power(samples, RATE) / power) == pytest.approx(-3, abs=0.05)
        np.testing.assert_allclose(10 * quiet, loud, atol=1e-5)


def test_noise_is_a_stretch_of_the_recording(folder: Path) -> None:
    samples = speech()
    steps = set()
    for name in NAMES[:60]:
        draws = Draws(find_backgrounds([folder]))
        noise = behind(draws, -20.0, RATE)(cut(name), samples) - samples
        step = np.diff(noise)
        jumps = int((step < 0).sum())  # where the recording begins anew
        # A whole second of a longer recording has none; one of 0.4 s begins anew two or three times.
        assert jumps == 0 if draws.kinds[name] == "street" else jumps in (2, 3)
        steps.add(jumps)
    assert len(steps) == 3


def test_what_is_of_no_use_is_passed_over_and_changes_nothing_else(folder: Path) -> None:
    samples = speech()
    before = {n: behind(Draws(find_backgrounds([folder])), 0.0, RATE)(cut(n), samples) for n in NAMES[:60]}
    soundfile.write(folder / "street/3.wav", np.zeros(3 * RATE), RATE)
    (folder / "street/5.wav").write_bytes(b"this is no audio")
    draws = Draws(find_backgrounds([folder]))
    after = {name: behind(draws, 0.0, RATE)(cut(name), samples) for name in NAMES[:60]}
    clean = Draws(find_backgrounds([folder]))
    touched = {name for name in NAMES[:60] if got(clean, name)[0].name in ("3.wav", "5.wav")}
    assert touched and {path.name for path in draws.skipped} == {"3.wav", "5.wav"}
    assert draws.skipped[folder / "street/3.wav"] == "it is silent."
    assert "this is no audio" in draws.skipped[folder / "street/5.wav"]
    for name in NAMES[:60]:
        assert np.array_equal(before[name], after[name]) == (name not in touched)
        assert not np.array_equal(after[name], samples)


def test_nothing_of_use_is_an_error(tmp_path: Path) -> None:
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(RATE), RATE)
    draws = Draws(find_backgrounds([tmp_path]))
    with pytest.raises(
        EarwrightError, match=r"none of 3 recordings can be used, such as \d.wav: it is silent"
    ):
        behind(draws, 0.0, RATE)(cut("a"), speech())
    with pytest.raises(EarwrightError, match="it is silent"):
        inside(draws, RATE)(cut("a"), speech())


def test_rooms_longer_than_the_speech(tmp_path: Path) -> None:
    ir = np.zeros(3 * RATE, np.float32)
    ir[[700, 800]] = 0.001, 0.0005  # levels as found, however low
    soundfile.write(tmp_path / "hall.wav", ir, RATE, subtype="FLOAT")
    samples = speech(500)
    draws = Draws([Background("halls", tmp_path / "hall.wav")])
    found = inside(draws, RATE)(cut("a"), samples)
    inside(draws, RATE)(cut("b"), speech(60))
    assert draws.too_short == {"b"}  # its end is silent: what is heard of it is 101 samples long
    echo = samples + 0.5 * np.concatenate([np.zeros(100, np.float32), samples[:-100]])
    np.testing.assert_allclose(found / found[0], echo / echo[0], rtol=1e-3, atol=1e-3)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="is not a folder"):
        find_backdrop([str(tmp_path / "none")])
    (tmp_path / "one").mkdir()
    with pytest.raises(EarwrightError, match="there is no recording in it"):
        find_backdrop([str(tmp_path / "one")])
    write_ramp(tmp_path / "one/a.wav", 1)
    with pytest.raises(EarwrightError, match="no recording is in the test part; a class needs two"):
        find_backdrop([str(tmp_path / "one")])
    assert len(find_backdrop([str(tmp_path / "one")], "all").recordings) == 1
    for name in ("a.wav", "b.wav"):
        (tmp_path / "one" / name).write_bytes(b"no audio")
    with pytest.raises(EarwrightError, match="none of 2 recordings can be used, such as"):
        find_backdrop([str(tmp_path / "one")], "all")


def test_silent_rooms_are_told_before_the_work(tmp_path: Path) -> None:
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(RATE), RATE)
    assert len(find_backdrop([str(tmp_path)], "all").recordings) == 2  # by their headers they are fine
    with pytest.raises(
        EarwrightError, match=r"none of 2 recordings can be used, such as .*0.wav: it is silent"
    ):
        find_backdrop([str(tmp_path)], "all", check_room)
    soundfile.write(tmp_path / "2.wav", np.eye(1, RATE).ravel(), RATE)
    assert len(find_backdrop([str(tmp_path)], "all", check_room).recordings) == 3


def test_classes_without_a_test_part_are_named(folder: Path) -> None:
    write_ramp(folder / "boiler/only.wav", 1)
    backdrop = find_backdrop([str(folder)])
    assert backdrop.left_out == ("boiler",)
    assert Counter(one.kind for one in backdrop.recordings) == {"street": 3, "tap": 1}


TEXTS = ["a b c d", "e f g h", "a b", "x y z", "p q r s t", "u"]
NOISY = {20.0: ["a b c d", "e f g", "a b", "x y z", "p q r s t", "u"],
         0.0: ["a d", "e", "a", "x x z", "p q", "u v"]}  # fmt: skip
KINDS = dict(zip("123456", ["tap", "tap", "street", "street", "street", "tap"], strict=True))


def evaluations(speakers: list[str | None]) -> tuple[Evaluation, dict[float | None, Evaluation]]:
    clean = score(TEXTS, ["a b c d", "e f g h", "a", "x y z", "p q r s t", "u"], speakers=speakers)
    return clean, {snr: score(TEXTS, texts, speakers=speakers) for snr, texts in NOISY.items()}


def made(speakers: list[str | None] | None = None) -> tuple:
    clean, altered = evaluations(speakers or [None] * 6)
    draws = Draws([])
    draws.kinds.update(KINDS)
    backdrop = Backdrop((Background("tap", Path("tap/a.wav")),), "test", ("boiler",))
    draws.skipped[Path("/somewhere/tap/b.wav")] = "it is silent."
    return clean, altered, conditions("noise", clean, altered, backdrop, draws)


def test_counts_by_level_and_class() -> None:
    clean, altered, report = made()
    assert report.snrs == [20.0, 0.0] and report.kinds == ["street", "tap"]
    for snr in report.snrs:
        rows = {row.kind: row for row in report.rows if row.snr == snr}
        assert rows[None].words == altered[snr].words and rows[None].clean == clean.words
        assert rows[None].interval == altered[snr].wer_interval
        for part in ("words", "clean", "characters", "clean_characters"):
            assert getattr(rows["street"], part) + getattr(rows["tap"], part) == getattr(rows[None], part)
    loud = report.find("street", 0.0)
    assert loud is not None
    assert (loud.utterances, loud.words.errors, loud.clean.errors, loud.words.reference) == (3, 5, 1, 10)
    assert loud.difference == pytest.approx(0.4) and loud.relative == pytest.approx(4.0)
    same = report.find("street", 20.0)
    assert same is not None and same.relative == pytest.approx(-1.0)
    tap = report.find("tap", 20.0)
    assert tap is not None and tap.relative is None  # no errors without noise


def test_both_rates_are_drawn_together() -> None:
    clean, altered, report = made(["a", "a", "b", "b", "c", "c"])
    row = report.find(None, 0.0)
    assert isinstance(row, Condition) and report.interval_unit == "speaker"
    draws = np.random.default_rng(0).integers(0, 3, (20_000, 3))
    words = np.array([8, 5, 6])
    before, after = (
        np.array([sum(u.words.errors for u in each.scored if u.speaker == s) for s in "abc"])
        for each in (clean, altered[0.0])
    )
    differences = (after - before)[draws].sum(axis=1) / words[draws].sum(axis=1)
    expected = np.quantile(differences, [0.025, 0.975])
    np.testing.assert_allclose(row.difference_interval, expected, atol=0.02)
    nothing = conditions("noise", clean, {5.0: clean}, report.backdrop, _with_kinds())
    assert all(one.difference_interval == (0, 0) and one.difference == 0 for one in nothing.rows)


def _with_kinds() -> Draws:
    draws = Draws([])
    draws.kinds.update(KINDS)
    return draws


def test_utterances_that_failed_with_noise_are_compared_with_nothing() -> None:
    clean, _, report = made()
    fewer = score(TEXTS[1:], NOISY[0.0][1:], ids=list("23456"))
    row = conditions("noise", clean, {0.0: fewer}, report.backdrop, _with_kinds()).rows[0]
    assert (row.utterances, row.clean.reference, row.words.reference) == (5, 15, 15)


def test_a_kept_result_names_no_folders() -> None:
    told = made()[2].to_dict()
    assert told["skipped"] == [{"recording": "b.wav", "reason": "it is silent."}]
    assert told["classes_left_out"] == ["boiler"] and told["part"] == "test" and len(told["rows"]) == 6
    assert told["rows"][3] == {
        "kind": None,
        "snr": 0.0,
        "utterances": 6,
        "words": 19,
        "wer": pytest.approx(11 / 19),
        "wer_interval": told["rows"][3]["wer_interval"],
        "cer": told["rows"][3]["cer"],
        "clean_wer": pytest.approx(1 / 19),
        "clean_cer": told["rows"][3]["clean_cer"],
        "difference": pytest.approx(10 / 19),
        "difference_interval": told["rows"][3]["difference_interval"],
        "relative": pytest.approx(10.0),
    }


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("what", ["noise", "rooms"])
def test_it_fits_the_terminal(what: str, width: int) -> None:
    clean, altered = evaluations([None] * 6)
    many = {float(snr): altered[0.0] for snr in range(40, -40, -7)} if what == "noise" else {None: clean}
    base = made()[2]
    draws = Draws([])
    draws.kinds.update({**KINDS, "1": "a class with an unforeseeably long name"})
    report = conditions(what, clean, many, base.backdrop, draws)
    stream = io.StringIO()
    Console(file=stream, width=width).print(conditions_report(report, width))
    lines = stream.getvalue().splitlines()
    assert max(cell_len(line.rstrip()) for line in lines) <= width
    cut_names = ("a class with an unfores…", "a class with an…")
    assert all(line.startswith(cut_names) for line in lines if "…" in line)
    assert all(line.count("…") <= 1 for line in lines)  # nothing else is cut off
    if what == "noise":
        heads = [line for line in lines if line.startswith("class")]
        assert len(heads) > 1 and sum(line.count(" dB") for line in heads) == len(many)
    else:
        assert any(line.startswith("street") for line in lines)


def test_on_the_page_names_are_text() -> None:
    report = made()[2]
    rows = tuple(replace(row, kind="<b>&" if row.kind else None) for row in report.rows)
    content = conditions_section([replace(report, rows=rows)])
    assert "&lt;b&gt;&amp;" in content and "<b>&<" not in content
    assert "passed over: 1 recording: b.wav: it is silent" in content and "0 dB" in content
    for count, note in ((1, "1 utterance is shorter than"), (2, "2 utterances are shorter than")):
        assert note in conditions_section([replace(report, what="rooms", too_short=count)])
    assert "shorter" not in content
    assert conditions_section([]) == ""
