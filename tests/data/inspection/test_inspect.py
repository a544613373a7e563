"""Looking into prepared data: the figures are those of the cuts, faults are counted and end nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.cuts import Cut, cut_to_dict, read_cut_audio, read_cuts, write_cuts
from earwright.data.inspection.inspect import inspect_cuts
from earwright.data.inspection.listening import Clip, excerpts
from earwright.data.inspection.tally import LISTED, SPEAKERS, VALUES, Ends, spread
from earwright.data.preparation.measure import measure
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.errors import EarwrightError
from earwright.pages.clips import read_excerpt

CLIPS = Path(__file__).parents[1] / "librispeech"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    prepare("librispeech", CLIPS, out, PrepareOptions(language="en", jobs=1))
    return out


def write(path: Path, cuts: list[Cut]) -> Path:
    with open(path, "wb") as file:
        write_cuts(cuts, file)
    return path


def cuts_of_one_file(path: Path, number: int, seconds: float = 0.5, **fields: Any) -> list[Cut]:
    """Cuts side by side in one file of noise."""
    soundfile.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, round(16000 * seconds * number)), 16000)
    return [
        Cut(f"cut-{place}", str(path), place * seconds, seconds, 16000, text="some words", **fields)
        for place in range(number)
    ]


def test_figures_are_those_of_the_cuts(prepared: Path) -> None:
    figures = inspect_cuts(prepared, jobs=1).figures
    cuts = read_cuts(prepared)
    assert (figures.cuts, figures.recordings, figures.speakers, figures.words) == (4, 4, 3, 44)
    assert figures.hours == pytest.approx(sum(cut.duration for cut in cuts) / 3600)
    assert (figures.format, figures.source) == ("librispeech", str(CLIPS))
    assert {share.name: share.cuts for share in figures.largest_speakers} == Counter(
        str(cut.speaker) for cut in cuts
    )
    assert figures.other_speakers is None and figures.without_speaker == 0
    assert {share.name: share.cuts for share in figures.columns["gender"]} == {"male": 3, "female": 1}
    assert {entry.character: entry.count for entry in figures.characters} == Counter(
        character for cut in cuts for character in cut.text
    )
    durations = sorted(cut.duration for cut in cuts)
    assert figures.distributions["duration"].percentiles["0"] == durations[0]
    assert figures.distributions["duration"].percentiles["100"] == durations[-1]
    rates = [len(cut.text.split()) / cut.duration for cut in cuts]
    assert figures.distributions["words_per_second"].mean == pytest.approx(np.mean(rates))
    assert [entry.value for entry in figures.ends["duration"]["lowest"]] == durations
    assert (figures.rejected, figures.warned) == ({}, {})


def test_audio_is_measured_as_it_is(prepared: Path) -> None:
    figures = inspect_cuts(prepared, jobs=2).figures
    assert (figures.sample, figures.measured, figures.unreadable) == (4, 4, [])
    expected = {cut.id: measure(read_cut_audio(cut, None), 16000) for cut in read_cuts(prepared)}
    levels = {entry.id: entry.value for entry in figures.ends["level"]["lowest"]}
    assert levels == {name: measures.level for name, measures in expected.items()}
    quietest = min(expected, key=lambda name: expected[name].level or 0)
    assert next(iter(levels)) == quietest
    assert figures.distributions["peak"].count == 4 and figures.over["clipped"] == {
        "0.01": 0,
        "0.1": 0,
        "1": 0,
    }


def test_processes_change_nothing_and_seeds_change_the_draw(tmp_path: Path) -> None:
    cuts = [
        replace(cut, speaker=f"s{place % 17}")
        for place, cut in enumerate(cuts_of_one_file(tmp_path / "a.wav", 60))
    ]
    manifest = write(tmp_path / "any.jsonl.gz", cuts)
    one, two = (inspect_cuts(manifest, sample=20, clips=8, jobs=jobs) for jobs in (1, 2))
    assert one == two
    assert one.figures.sample == one.figures.measured == 20
    other = inspect_cuts(manifest, sample=20, clips=8, jobs=1, seed=1)
    assert [clip.id for clip in other.clips] != [clip.id for clip in one.clips]


def test_the_sample_is_spread_over_all() -> None:
    for total, number in ((10, 10), (1000, 7), (7, 3), (5, 0), (1_000_000, 1000)):
        places = spread(total, number, random.Random(0))
        assert len(set(places)) == number and all(0 <= place < total for place in places)
        gaps = np.diff([-1, *places, total])
        assert not number or gaps.max() <= 2 * total / number + 1


def test_clips_are_drawn_over_the_speakers_and_the_ends(tmp_path: Path) -> None:
    cuts = cuts_of_one_file(tmp_path / "a.wav", 40)
    # One speaker has nearly all, nine have one cut each.
    cuts = [replace(cut, speaker=str(max(place - 30, 0))) for place, cut in enumerate(cuts)]
    cuts[5] = replace(cuts[5], duration=0.25)
    cuts[6] = replace(cuts[6], text="word " * 30)
    inspection = inspect_cuts(write(tmp_path / "c.jsonl", cuts), clips=24, jobs=1)
    labelled = {clip.id: clip.labels for clip in inspection.clips if clip.labels}
    assert any(label.startswith("shortest: 0.25") for label in labelled["cut-5"])
    assert any(label.startswith("most words: 60.00") for label in labelled["cut-6"])
    assert len(labelled) <= 12 and len(inspection.clips) == 24
    assert len({clip.speaker for clip in inspection.clips if not clip.labels}) >= 9
    assert len({clip.id for clip in inspection.clips}) == 24
    assert inspect_cuts(tmp_path / "c.jsonl", clips=0, jobs=1).clips == []


@pytest.mark.parametrize("speakers", [0, 7, 200])
def test_clips_are_drawn_from_the_whole_corpus(tmp_path: Path, speakers: int) -> None:
    cuts = [
        replace(cut, speaker=str(place * speakers // 200) if speakers else None)
        for place, cut in enumerate(cuts_of_one_file(tmp_path / "a.wav", 200, 0.2))
    ]
    manifest = write(tmp_path / "c.jsonl", cuts)
    drawn = [clip.id for clip in inspect_cuts(manifest, sample=0, clips=12, jobs=1).clips if not clip.labels]
    quarters = Counter(int(name.removeprefix("cut-")) // 50 for name in drawn)
    assert len(drawn) >= 10 and len(quarters) == 4 and max(quarters.values()) <= len(drawn) / 2


def test_the_ends_are_what_sorting_gives() -> None:
    rng = random.Random(1)
    values = [rng.choice([0.0, 1.0, rng.random()]) for _ in range(200)]
    ends = Ends()
    for place, value in enumerate(values):
        ends.offer(value, Cut(str(place), "a.wav", 0.0, 1.0, 16000))
    order = sorted(range(200), key=lambda place: (values[place], place))
    assert [cut.id for _, cut in ends.lowest()] == [str(place) for place in order[:LISTED]]
    order = sorted(range(200), key=lambda place: (-values[place], place))
    assert [cut.id for _, cut in ends.highest()] == [str(place) for place in order[:LISTED]]
    same = Ends()
    same.offer(1.0, Cut("a", "a.wav", 0.0, 1.0, 16000))
    assert same.lowest() == same.highest() == []


def test_many_speakers_and_columns_are_summed_up(tmp_path: Path) -> None:
    cuts = [
        replace(
            cut,
            speaker=f"s{place}" if place else None,
            custom={
                "mood": "glad" if place % 2 else "sad",
                "note": f"n{place}",
                "nested": {"a": 1},
                "age": place % 3,
            },
        )
        for place, cut in enumerate(cuts_of_one_file(tmp_path / "a.wav", VALUES + 10))
    ]
    figures = inspect_cuts(write(tmp_path / "c.jsonl", cuts), sample=0, jobs=1).figures
    assert figures.speakers == VALUES + 9 and figures.without_speaker == 1
    assert len(figures.largest_speakers) == SPEAKERS and figures.other_speakers is not None
    assert figures.other_speakers.cuts == VALUES + 9 - SPEAKERS
    assert {share.name: share.cuts for share in figures.columns["custom: mood"]} == {"glad": 20, "sad": 20}
    assert {share.name for share in figures.columns["custom: age"]} == {"0", "1", "2"}
    assert figures.long_columns == ["custom: note"] and "custom: nested" not in figures.columns
    assert (figures.sample, figures.measured) == (0, 0) and "level" not in figures.distributions


def test_missing_and_broken_audio_is_counted(prepared: Path, tmp_path: Path) -> None:
    good = read_cuts(prepared)
    (tmp_path / "text.wav").write_text("no audio")
    bad = [
        replace(good[0], id="missing", path=str(tmp_path / "none.wav")),
        replace(good[0], id="text", path=str(tmp_path / "text.wav")),
        replace(good[0], id="beyond", start=1e6),
        replace(good[0], id="nowhere", start=float("nan")),
        replace(good[0], id="endless", duration=float("inf")),
        replace(good[0], id="channel", channels=(7,)),
    ]
    inspection = inspect_cuts(write(tmp_path / "c.jsonl.gz", good + bad), jobs=2)
    figures = inspection.figures
    assert (figures.cuts, figures.sample, figures.measured) == (10, 10, 4)
    problems = {entry["id"]: entry["problem"] for entry in figures.unreadable}
    assert set(problems) == {cut.id for cut in bad}
    assert problems["missing"] == "there is no such file."
    assert "no audio that libsndfile reads" in problems["text"]
    assert any("6 of 10 cuts in the sample cannot be decoded" in note for note in figures.notes())
    assert json.loads(json.dumps(figures.to_dict(), allow_nan=False))["measured"] == 4
    for clip, made in zip(inspection.clips, excerpts(inspection.clips, 1), strict=True):
        assert bool(made.excerpt.problem) == (clip.id in problems) != bool(made.excerpt.sound)


def test_what_stands_out_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hiss = rng.normal(0, 0.05, 32000)
    spectrum = np.fft.rfft(hiss)
    spectrum[len(spectrum) // 2 :] = 0
    kinds = {
        "good": hiss,
        "good2": hiss,
        "good3": hiss,
        "narrow": np.fft.irfft(spectrum, 32000),
        "clipped": np.clip(20 * hiss, -0.99, 0.99),
        "offset": hiss + 0.1,
        "silent": np.zeros(32000),
    }
    cuts = []
    for name, samples in kinds.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000)
        text = "" if name == "good" else "hello you"
        cuts.append(Cut(name, str(tmp_path / f"{name}.wav"), 0.0, 2.0, 16000, text=text))
    cuts += [replace(cuts[1], id=f"again{number}") for number in range(3)]
    cuts = [replace(cut, speaker="b" if cut.id == "good" else "a") for cut in cuts]
    figures = inspect_cuts(write(tmp_path / "c.jsonl", cuts), jobs=1).figures
    notes = " ".join(figures.notes())
    for words in (
        "1 cut without a text.",
        "One speaker says 90% of it all.",
        "1 of 10 measured cuts has more than 0.1 % clipped samples.",
        "1 of 10 measured cuts has a DC offset of more than 1 %.",
        "1 of 10 measured cuts has nothing to be heard.",
        "1 measured recording has a narrower band than most.",
    ):
        assert words in notes
    (narrow,) = figures.narrow_recordings
    assert narrow.path.endswith("narrow.wav") and narrow.bandwidth == pytest.approx(4000, abs=100)
    assert [entry.id for entry in figures.ends["clipped"]["highest"]] == ["clipped"]
    assert figures.ends["dc_offset"]["highest"][0].id == "offset"


def test_rejected_rows_and_warnings_are_counted_and_drawn(prepared: Path, tmp_path: Path) -> None:
    cuts = read_cuts(prepared)
    write(tmp_path / "cuts.jsonl.gz", cuts)
    rejected = [
        {"id": f"r{n}", "path": cuts[0].path, "reason": "too-long", "detail": "d", "text": "t"}
        for n in range(9)
    ]
    rejected.append(
        {"id": "m", "path": str(tmp_path / "none.wav"), "reason": "missing-audio", "detail": "", "text": ""}
    )
    rejected.append({"id": "p", "path": cuts[0].path, "reason": "silent", "start": 0.5, "duration": 1.0})
    rejected.append({"id": None, "path": 7, "reason": "odd", "start": "now", "duration": [1]})
    lines = [json.dumps(row) for row in rejected] + ["{broken", "[1]", ""]
    (tmp_path / "rejected.jsonl").write_bytes("\n".join(lines).encode() + b'\n{"reason": "caf\xe9"}\n')
    warned = [{"id": cuts[1].id, "reason": "quiet", "detail": "-50 dBFS"}, {"id": "gone", "reason": "quiet"}]
    (tmp_path / "warnings.jsonl").write_text("\n".join(json.dumps(row) for row in warned))
    inspection = inspect_cuts(tmp_path, jobs=1)
    assert inspection.figures.rejected == {
        **{"too-long": 9, "damaged line": 2, "caf\ufffd": 1},
        **{"missing-audio": 1, "odd": 1, "silent": 1},
    }
    assert inspection.figures.warned == {"quiet": 2}
    assert (
        len(inspection.rejected["too-long"]) == 3
        and len({c.id for c in inspection.rejected["too-long"]}) == 3
    )
    (part,) = inspection.rejected["silent"]
    assert (part.start, part.duration) == (0.5, 1.0)
    (odd,) = inspection.rejected["odd"]
    assert odd == Clip(id="", path="7", text="")
    (clip,) = inspection.warned["quiet"]
    assert (clip.id, clip.detail, clip.text) == (cuts[1].id, "-50 dBFS", cuts[1].text)
    clips = [part, odd, *inspection.rejected["missing-audio"], clip]
    made = [measured.excerpt for measured in excerpts(clips, 2)]
    assert made[0].seconds == pytest.approx(1.0, abs=1e-3) and made[0].sound
    assert made[1].problem and made[2].problem == "there is no such file." and made[3].sound
    # A manifest of another name has nothing to do with the files beside it.
    other = write(tmp_path / "other.jsonl.gz", cuts)
    assert inspect_cuts(other, jobs=1).figures.rejected == {}


def test_excerpts_share_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, 48000 * 12)
    soundfile.write(tmp_path / "a.wav", samples, 48000, subtype="PCM_16")
    clip = Clip("a", str(tmp_path / "a.wav"), "text", start=1.0, duration=11.0)
    for budget, media_type in ((10_000_000, "audio/flac"), (500_000, "audio/ogg"), (50_000, "")):
        monkeypatch.setattr("earwright.data.inspection.listening.BUDGET", budget)
        for made in excerpts([clip, replace(clip, id="b")], 1):
            assert (made.excerpt.media_type, made.excerpt.seconds) == (media_type, 10.0)
            assert made.measures is not None
            if media_type:
                assert len(made.excerpt.sound) + len(made.excerpt.picture) <= budget / 2


@pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork", reason="other processes would not have the dying reader"
)
def test_a_decoder_that_dies_takes_only_its_cut(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killer = replace(read_cuts(prepared)[0], id="killer", path=str(tmp_path / "killer.wav"))
    manifest = write(tmp_path / "c.jsonl", [*read_cuts(prepared), killer])
    monkeypatch.setattr("earwright.data.inspection.inspect.read_excerpt", _dying(tmp_path))
    figures = inspect_cuts(manifest, jobs=2).figures
    assert figures.measured == 4
    assert figures.unreadable[0]["problem"] == "the process that decoded it died"


def _dying(folder: Path) -> Callable[..., Any]:
    """A reader of excerpts that ends its process at the file killer.wav."""

    def read(path: str, *args: Any) -> Any:
        if path == str(folder / "killer.wav"):
            os._exit(1)
        return read_excerpt(path, *args)

    return read


def test_what_cannot_be_inspected_is_one_sentence(tmp_path: Path, prepared: Path) -> None:
    for content, message in (
        (b"", "there is no cut in it"),
        (b"nonsense\n", "line 1: this is not a lhotse cut"),
    ):
        (tmp_path / "cuts.jsonl").write_bytes(content)
        with pytest.raises(EarwrightError, match=message):
            inspect_cuts(tmp_path)
    with pytest.raises(EarwrightError, match="no such file"):
        inspect_cuts(tmp_path / "none")
    for options in ({"sample": -1}, {"clips": 101}, {"clips": -1}, {"jobs": 0}):
        with pytest.raises(EarwrightError, match=rf"--{next(iter(options))} -?\d+ makes no sense; it is"):
            inspect_cuts(prepared, **options)


def test_cuts_of_any_kind(tmp_path: Path) -> None:
    """Fields that lhotse would not write, from a manifest of somebody's own making."""
    (good,) = cuts_of_one_file(tmp_path / "a.wav", 1)
    good = replace(good, recording_samples=8000)
    odd = [
        replace(good, id="number", speaker=7, language=["en"], gender={"a": 1}),  # type: ignore[arg-type]
        replace(good, id="negative", duration=-1.0),
        replace(good, id="nan", duration=float("nan")),
        replace(good, id="half", text="\ud800 half a character"),
        replace(good, id="long", text="word " * 100_000),
        replace(good, id="empty", text="  "),
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(cut_to_dict(cut)) for cut in odd))
    figures = inspect_cuts(tmp_path / "c.jsonl", jobs=1).figures
    assert (figures.cuts, figures.without_text) == (6, 1)
    assert figures.hours == pytest.approx(4 * 0.5 / 3600)
    ends = [entry for ends in figures.ends.values() for end in ends.values() for entry in end]
    assert max(len(entry.text) for entry in ends) <= 81
