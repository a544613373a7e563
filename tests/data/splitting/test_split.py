"""Splits: nothing lost, nothing in two parts, the same again, and what cannot be had is said."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.cuts import Cut, cut_to_dict, read_cuts, write_cuts
from earwright.data.preparation.summary import summarize
from earwright.data.splitting.columns import Column, count_together, value_of
from earwright.data.splitting.options import Amount, SplitOptions, parse_amount, parse_parts
from earwright.data.splitting.split import split
from earwright.errors import EarwrightError
from earwright.text import normalize

PARTS = ("train", "dev", "test")


def make_cut(number: int, **fields: Any) -> Cut:
    """A cut of 10 s in a recording of its own."""
    values = {"text": f"sentence {number}", "path": f"/{number}.wav"} | fields
    return Cut(
        id=f"u{number:04d}", start=0.0, duration=values.pop("duration", 10.0), sample_rate=16000, **values
    )


def make(folder: Path, cuts: list[Cut]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "cuts.jsonl.gz", "wb") as file:
        write_cuts(cuts, file)
    return folder


def parts_of(out: Path) -> dict[str, list[Cut]]:
    return {name: read_cuts(out / name) for name in PARTS if (out / name).exists()}


def hours(cuts: list[Cut]) -> float:
    return sum(cut.duration for cut in cuts) / 3600


@st.composite
def corpora(draw: st.DrawFn) -> list[Cut]:
    """Cuts of at least three speakers, who say common and other sentences in common and other recordings."""
    speakers = draw(st.integers(3, 12))
    owners = [*range(speakers), *draw(st.lists(st.integers(0, speakers - 1), max_size=30))]
    return [
        make_cut(
            number,
            duration=draw(st.integers(1, 300)) / 10,
            speaker=f"s{owner}",
            gender=["female", "male", None][owner % 3],
            path=f"/{draw(st.integers(0, 20))}.wav",
            text=draw(st.sampled_from(["Yes.", "no", "", f"Only {number}", "yes"])),
            custom={"age": 20 + owner} if owner % 2 else {},
        )
        for number, owner in enumerate(owners)
    ]


@given(corpora(), st.sampled_from([(), ("gender",), ("gender", "age")]), st.integers(0, 5))
@settings(max_examples=12)
def test_every_cut_is_in_one_part_and_no_speaker_in_two(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[Cut], balance: tuple[str, ...], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    if not any(cut.gender for cut in cuts):
        balance = ()
    options = SplitOptions(by=("speaker",), balance=balance, seed=seed)
    report = split(make(folder / "in", cuts), folder / "out", options)
    parts = parts_of(folder / "out")
    assert sorted(cut.id for part in parts.values() for cut in part) == [cut.id for cut in cuts]
    assert all(parts.values()) and set(parts) == set(PARTS)
    speakers = [cut.speaker for part in parts.values() for cut in {c.speaker: c for c in part}.values()]
    assert len(speakers) == len(set(speakers))
    # The order within a part is the manifest's, and the lines are its lines.
    lines = gzip.decompress((folder / "in/cuts.jsonl.gz").read_bytes()).splitlines()
    for name, part in parts.items():
        kept = gzip.decompress((folder / "out" / name / "cuts.jsonl.gz").read_bytes()).splitlines()
        ids = {cut.id for cut in part}
        assert kept == [line for line in lines if json.loads(line)["id"] in ids]
        assert report.parts[name].utterances == len(part)
        assert report.parts[name].speakers == len({cut.speaker for cut in part})
        assert report.parts[name].hours == pytest.approx(hours(part), abs=1e-4)
    # Whatever the manifest's order, and however often.
    again = random.Random(seed).sample(cuts, len(cuts))
    split(make(folder / "again", again), folder / "out2", options)
    assert {name: sorted(cut.id for cut in part) for name, part in parts_of(folder / "out2").items()} == {
        name: sorted(cut.id for cut in part) for name, part in parts.items()
    }
    split(folder / "in", folder / "out3", options)
    for file in (folder / "out").rglob("*.*"):
        assert (folder / "out3" / file.relative_to(folder / "out")).read_bytes() == file.read_bytes()


@given(corpora())
@settings(max_examples=12)
def test_sentences_stay_in_one_part(tmp_path_factory: pytest.TempPathFactory, cuts: list[Cut]) -> None:
    folder = tmp_path_factory.mktemp("texts")
    source = make(folder / "in", cuts)

    def texts(out: Path) -> list[set[str]]:
        parts = parts_of(out).values()
        return [{normalize(cut.text, "basic") for cut in part} - {""} for part in parts]

    def in_two(out: Path) -> set[str]:
        train, dev, test = texts(out)
        return (train & dev) | (train & test) | (dev & test)

    plain = split(source, folder / "plain", SplitOptions(by=("speaker",)))
    train, dev, test = texts(folder / "plain")
    shared = {s.parts: s.different for s in plain.shared if s.what == "sentences"}
    pairs = {("train", "dev"): train & dev, ("train", "test"): train & test, ("dev", "test"): dev & test}
    assert shared == {names: len(common) for names, common in pairs.items() if common}

    try:
        split(source, folder / "part", SplitOptions(by=("utterance",), shared_texts="part"))
        assert not in_two(folder / "part")
        assert sum(map(len, parts_of(folder / "part").values())) == len(cuts)
    except EarwrightError as error:
        assert "cannot both stay in one part" in str(error)
    try:
        dropped = split(source, folder / "drop", SplitOptions(by=("speaker",), shared_texts="drop"))
    except EarwrightError as error:
        assert "without them nothing of it is left" in str(error)
    else:
        assert not in_two(folder / "drop")
        assert [cut.id for cut in read_cuts(folder / "drop/test")] == [
            cut.id for cut in read_cuts(folder / "plain/test")
        ]
        kept = sum(map(len, parts_of(folder / "drop").values()))
        assert kept + sum(dropped.left_out.values()) == len(cuts)


def test_what_is_chosen_and_why(tmp_path: Path) -> None:
    def chosen(cuts: list[Cut]) -> tuple[str, str, dict[str, int]]:
        report = split(make(tmp_path / "in", cuts), tmp_path / "out")
        return report.by, report.why, report.left_out

    speakers = [make_cut(number, speaker=f"s{number % 20}") for number in range(200)]
    assert chosen(speakers) == ("speaker", "all 200 cuts name theirs", {})
    nameless = [dataclasses.replace(speakers[0], speaker=None), *speakers[1:]]
    assert chosen(nameless) == ("speaker", "199 of 200 cuts name theirs", {"without a speaker": 1})
    assert "u0000" not in {cut.id for part in parts_of(tmp_path / "out").values() for cut in part}
    recordings = [make_cut(number, path=f"/{number % 20}.wav") for number in range(200)]
    assert chosen(recordings) == (
        "recording",
        "no cut names a speaker, and 200 cuts lie in 20 recordings",
        {},
    )
    paths = [{cut.path for cut in part} for part in parts_of(tmp_path / "out").values()]
    assert sum(map(len, paths)) == len(set.union(*paths)) == 20
    half = [make_cut(number, speaker="anna" if number % 2 else None) for number in range(200)]
    assert chosen(half) == (
        "utterance",
        "only 100 of 200 cuts name a speaker, and each lies in a recording of its own",
        {},
    )


def test_several_columns_at_once(tmp_path: Path) -> None:
    # Pairs of speakers share a recording, and session 7 joins two pairs: 8 groups of 10.
    cuts = [
        make_cut(
            number,
            speaker=f"s{number % 20}",
            path=f"/{number % 20 // 2}.wav",
            custom={"session": number % 20 // 4},
        )
        for number in range(100)
    ]
    report = split(make(tmp_path / "in", cuts), tmp_path / "out", SplitOptions(by=("speaker", "recording")))
    assert sum(part.groups or 0 for part in report.parts.values()) == 10
    assert report.by == "speaker and recording" and not report.shared
    report = split(tmp_path / "in", tmp_path / "out", SplitOptions(by=("speaker", "session")))
    assert sum(part.groups or 0 for part in report.parts.values()) == 5
    paths = [{cut.path for cut in part} for part in parts_of(tmp_path / "out").values()]
    assert sum(map(len, paths)) == len(set.union(*paths))


def test_an_earlier_split_is_kept_to(tmp_path: Path) -> None:
    cuts = [make_cut(number, speaker=f"s{number % 30}") for number in range(300)]
    more = [make_cut(number, speaker=f"t{number % 10}") for number in range(300, 400)]
    split(make(tmp_path / "in", cuts), tmp_path / "old")
    report = split(
        make(tmp_path / "more", cuts + more), tmp_path / "new", SplitOptions(keep=str(tmp_path / "old"))
    )
    old, new = parts_of(tmp_path / "old"), parts_of(tmp_path / "new")
    for name in PARTS:
        assert {cut.id for cut in old[name]} <= {cut.id for cut in new[name]}
        assert report.parts[name].share == pytest.approx({"train": 0.8}.get(name, 0.1), abs=0.02)
    assert [cut for part in new.values() for cut in part if cut.id >= "u0300"]
    cases = {
        "there is no earlier split": SplitOptions(keep=str(tmp_path / "in")),
        "has the part test, and none is asked for": SplitOptions(keep=str(tmp_path / "old"), test=Amount(0)),
        "keep to a split that was made by the same rule": SplitOptions(
            keep=str(tmp_path / "old"), by=("speaker", "village")
        ),
    }
    villages = [dataclasses.replace(cut, custom={"village": number % 15}) for number, cut in enumerate(cuts)]
    make(tmp_path / "more", villages)
    for message, options in cases.items():
        with pytest.raises(EarwrightError, match=message):
            split(tmp_path / "more", tmp_path / "new", options)
    make(tmp_path / "few", old["train"])
    with pytest.raises(EarwrightError, match=r"dev would be empty, since .* has all speakers elsewhere"):
        split(tmp_path / "few", tmp_path / "new2", SplitOptions(keep=str(tmp_path / "old")))


def test_a_column_that_has_the_split(tmp_path: Path) -> None:
    values = ["Train", "validation", "test", "other", None]
    cuts = [
        make_cut(number, speaker=f"s{number % 7}", custom={"set": value} if value else {})
        for number, value in enumerate(values * 10)
    ]
    source = make(tmp_path / "in", cuts)
    parts = parse_parts("dev=validation,none=other,none=")
    report = split(source, tmp_path / "out", SplitOptions(column="set", parts_of=parts, balance=("speaker",)))
    for name, value in {"train": "Train", "dev": "validation", "test": "test"}.items():
        assert {cut.custom["set"] for cut in read_cuts(tmp_path / "out" / name)} == {value}
    assert report.left_out == {"with a set that is no part": 20}
    assert {(shared.what, shared.parts) for shared in report.shared} == {
        ("speakers", pair) for pair in [("train", "dev"), ("train", "test"), ("dev", "test")]
    }
    cases = {
        r"the value none \(10 cuts\), 'validation' \(10 cuts\), 'other' \(10 cuts\), which is no part; say "
        r"which it is \(--parts dev=\)": "train=train",
        r"'other' \(10 cuts\), which is no part; .*\(--parts none=other\)": "dev=validation,none=",
        r"no cut has the value 'devel' in the column 'set'; it has 'other', 'test'": (
            "dev=devel,test=validation,none=other,none=,none=test"
        ),
        "has 'other', 'test', 'train', 'validation' alone": (
            "train=train,train=test,train=validation,train=other,train="
        ),
    }
    for message, text in cases.items():
        with pytest.raises(EarwrightError, match=message):
            split(source, tmp_path / "out2", SplitOptions(column="set", parts_of=parse_parts(text)))
    assert not (tmp_path / "out2").exists()


def test_each_part_is_a_prepared_folder(tmp_path: Path) -> None:
    cuts = [make_cut(number, speaker=f"s{number % 9}", language="en") for number in range(90)]
    report = split(make(tmp_path / "in", cuts), tmp_path / "out")
    for name in PARTS:
        folder = tmp_path / "out" / name
        assert sorted(path.name for path in folder.iterdir()) == [
            "cuts.jsonl.gz",
            "rejected.jsonl",
            "summary.json",
        ]
        part = read_cuts(folder)
        summary = summarize("split", str(tmp_path / "in"), len(part), part, Counter())
        assert json.loads((folder / "summary.json").read_text()) == summary.to_dict()
    assert json.loads((tmp_path / "out/split.json").read_text()) == json.loads(json.dumps(report.to_dict()))


def test_what_else_a_line_says_is_kept(tmp_path: Path) -> None:
    lines = []
    for number in range(9):
        data = cut_to_dict(make_cut(number, speaker=f"s{number}"))
        data["supervisions"][0]["alignment"] = {"word": [["hello", 0.0, 0.5, 0.9]]}
        lines.append(json.dumps(data))
    (tmp_path / "cuts.jsonl").write_text("\n".join(lines) + "\n\n")
    split(tmp_path / "cuts.jsonl", tmp_path / "out")
    found = [
        line
        for name in PARTS
        for line in gzip.decompress((tmp_path / "out" / name / "cuts.jsonl.gz").read_bytes())
        .decode()
        .splitlines()
    ]
    assert sorted(found) == sorted(lines)


def test_speechocean_is_balanced(shared: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "in", speechocean(shared / "corpora/speechocean762"))
    report = split(source, tmp_path / "out", SplitOptions(balance=("gender", "age"), dev=Amount(0.15)))
    parts = parts_of(tmp_path / "out")
    total = hours(read_cuts(source))
    for name, share in {"train": 0.75, "dev": 0.15, "test": 0.1}.items():
        assert hours(parts[name]) / total == pytest.approx(share, abs=0.01)
        women = hours([cut for cut in parts[name] if cut.gender == "female"]) / hours(parts[name])
        assert women == pytest.approx(report.balance["gender"]["female"]["all"], abs=0.02)
        assert women == pytest.approx(report.balance["gender"]["female"][name], abs=1e-3)
        children = hours([cut for cut in parts[name] if int(cut.custom["age"]) < 15]) / hours(parts[name])
        assert children == pytest.approx(
            sum(hours([c for c in p if int(c.custom["age"]) < 15]) for p in parts.values()) / total, abs=0.04
        )
    assert len(report.balance["age"]) == 5 and report.notes == []
    # The corpus has no such shares by itself: its own column parts it in halves.
    halves = split(source, tmp_path / "own", SplitOptions(column="set"))
    assert [part.utterances for part in halves.parts.values()] == [875, 875]


def speechocean(root: Path) -> list[Cut]:
    cuts = []
    for part in ("train", "test"):
        tables = {
            name: dict(line.split(None, 1) for line in (root / part / name).read_text().splitlines())
            for name in ("wav.scp", "text", "utt2spk", "spk2age", "spk2gender")
        }
        for name, path in tables["wav.scp"].items():
            info, speaker = soundfile.info(root / path), tables["utt2spk"][name]
            cuts.append(
                Cut(
                    name,
                    str(root / path),
                    0.0,
                    info.frames / info.samplerate,
                    info.samplerate,
                    text=tables["text"][name],
                    speaker=speaker,
                    gender={"m": "male", "f": "female"}[tables["spk2gender"][speaker]],
                    custom={"age": int(tables["spk2age"][speaker]), "set": part},
                )
            )
    return cuts


def test_digits_that_everybody_says(shared: Path, tmp_path: Path) -> None:
    with open(shared / "corpora/fsdd/metadata.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    cuts = [
        make_cut(n, text=row["text"], speaker=row["speaker"], path=row["path"]) for n, row in enumerate(rows)
    ]
    source = make(tmp_path / "in", cuts)
    message = (
        r"speakers and sentences cannot both stay in one part: 10 of 10 sentences are said by several, "
        r"which ties 6 of 6 together, 100% of the hours; --drop-shared-texts .* leaving out 2,500 of 3,000"
    )
    with pytest.raises(EarwrightError, match=message):
        split(source, tmp_path / "out", SplitOptions(shared_texts="part"))
    with pytest.raises(EarwrightError, match="every sentence of train is said in dev or test too"):
        split(source, tmp_path / "out", SplitOptions(shared_texts="drop"))
    report = split(source, tmp_path / "out", SplitOptions(by=("utterance",), shared_texts="part"))
    assert not [shared for shared in report.shared if shared.what == "sentences"]
    assert [part.utterances for part in report.parts.values()] == [
        2400,
        300,
        300,
    ]  # eight digits, one and one


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    cuts = [make_cut(number, speaker=f"s{number % 3}") for number in range(60)]
    report = split(make(tmp_path / "in", cuts), tmp_path / "out")
    assert [part.speakers for part in report.parts.values()] == [1, 1, 1]
    assert report.notes == [
        "speaker s0 has 3.3 min, more than the 1.0 min that dev should have, and is in dev.",
        "dev has 3.3 min where 1.0 min were asked for; 3 speakers come no nearer.",
        "test has 3.3 min where 1.0 min were asked for; 3 speakers come no nearer.",
    ]
    cuts = [make_cut(number, speaker=f"s{max(number - 60, 0)}") for number in range(160)]
    report = split(make(tmp_path / "in", cuts), tmp_path / "out")
    assert report.notes == [
        "speaker s0 has 10.2 min, more than the 2.7 min that dev should have, and is in train."
    ]
    # Two speakers who say the same are one group, and yet two speakers.
    twins = [
        dataclasses.replace(cut, text="the same" if cut.speaker in ("s1", "s2") else cut.text) for cut in cuts
    ]
    report = split(make(tmp_path / "in", twins), tmp_path / "out", SplitOptions(shared_texts="part"))
    assert report.notes[0].startswith("speaker s0 has 10.2 min") and len(report.notes) == 1
    assert not report.shared and sum(part.groups or 0 for part in report.parts.values()) == 99


def test_what_is_out_of_balance_is_said(tmp_path: Path) -> None:
    cuts = [make_cut(n, speaker=f"s{n % 10}", gender=["female", "male"][n % 2]) for n in range(100)]
    report = split(make(tmp_path / "in", cuts), tmp_path / "out", SplitOptions(balance=("gender",)))
    assert [note[:40] for note in report.notes] == [
        "dev is out of balance: gender female has",
        "test is out of balance: gender female ha",
    ]
    assert report.notes[0].endswith(
        (" 0% of its hours and 50% of all.", " 100% of its hours and 50% of all.")
    )
    assert list(report.balance["gender"]) == ["female", "male"]


@pytest.mark.parametrize(
    ("cuts", "options", "message"),
    [
        ([], {}, "there are no cuts in it"),
        (
            [make_cut(n, speaker="anna") for n in range(9)],
            {},
            r"there is only 1 speaker \(anna\) for 3 parts, train, dev and test; split --by recording\.",
        ),
        (
            [make_cut(n, speaker="anna", path="/a.wav") for n in range(9)],
            {"by": ("recording",)},
            r"there is only 1 recording \(/a\.wav\) for 3 parts, train, dev and test; split --by utterance\.",
        ),
        (
            [make_cut(n, speaker=f"s{n % 2}", path="/a.wav") for n in range(9)],
            {},
            r"only 2 speakers for 3 parts, .*; split --by utterance or do without dev \(--dev 0\)\.",
        ),
        ([make_cut(n) for n in range(2)], {}, r"only 2 utterances for 3 parts, .*; do without dev"),
        (
            [make_cut(0)],
            {"dev": Amount(0)},
            r"only 1 utterance \(u0000\) for 2 parts, train and test; record more",
        ),
        (
            [make_cut(n, speaker=f"s{n}" if n % 2 else None) for n in range(90)],
            {"by": ("speaker",)},
            "45 of 90 cuts do not say their speaker, .* split --by recording, or prepare them with it",
        ),
        (
            [make_cut(n, custom={"accent": "us"}) for n in range(9)],
            {"balance": ("acent",)},
            "no cut says its acent; did you mean 'accent'?",
        ),
        (
            [make_cut(n, speaker="a") for n in range(9)],
            {"by": ("village",)},
            r"no cut says its village; there are .*speaker",
        ),
        ([make_cut(n) for n in range(9)], {"balance": ("gender",)}, "no cut says its gender"),
        (
            [make_cut(n) for n in range(9)],
            {"dev": Amount(60, False), "test": Amount(30, False)},
            "dev and test are to have 1.0 min and 0.5 min of 1.5 min, which leaves nothing",
        ),
        ([make_cut(0, duration=0.0)], {}, "cut 'u0000' is 0.0 s long"),
        ([make_cut(0, duration=float("nan"), recording_samples=1)], {}, "cut 'u0000' is nan s long"),
    ],
)
def test_faults(tmp_path: Path, cuts: list[Cut], options: dict[str, Any], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        split(make(tmp_path / "in", cuts), tmp_path / "out", SplitOptions(**options))
    assert not (tmp_path / "out").exists()


def test_places_that_would_spoil_something(tmp_path: Path) -> None:
    cuts = [make_cut(number, speaker=f"s{number % 9}") for number in range(90)]
    source = make(tmp_path / "in", cuts)
    (tmp_path / "file").touch()
    with pytest.raises(EarwrightError, match="this is a file; name a folder"):
        split(source, tmp_path / "file")
    split(source, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    with pytest.raises(EarwrightError, match=r"out/dev: an earlier split left it, and this one makes no dev"):
        split(source, tmp_path / "out", SplitOptions(dev=Amount(0)))
    with pytest.raises(EarwrightError, match="would overwrite what it is made of"):
        split(tmp_path / "out/train", tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before
    make(tmp_path / "prepared/test", cuts)
    with pytest.raises(
        EarwrightError, match=r"prepared/test: this was prepared, not split, and would be lost"
    ):
        split(source, tmp_path / "prepared")
    assert not (tmp_path / "prepared/train").exists()
    split(source, source)  # beside the manifest there is room
    assert len(read_cuts(source)) == 90


@pytest.mark.parametrize("count", [50, 100])
def test_a_manifest_that_changes_meanwhile(tmp_path: Path, count: int) -> None:
    cuts = [make_cut(number, speaker=f"s{number % 9}") for number in range(100)]
    source = make(tmp_path / "in", cuts[:90])
    changed = False

    def change(doing: str, done: int, total: int | None) -> None:
        nonlocal changed
        if doing.startswith("writing") and not changed:
            changed = True
            os.replace(make(tmp_path / "new", cuts[:count]) / "cuts.jsonl.gz", source / "cuts.jsonl.gz")

    with pytest.raises(EarwrightError, match="the manifest changed while it was split"):
        split(source, tmp_path / "out", None, change)
    assert changed and not list((tmp_path / "out").rglob("*.*"))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1", Amount(0.1)),
        (".25", Amount(0.25)),
        ("10%", Amount(0.1)),
        ("0", Amount(0)),
        ("30m", Amount(1800, False)),
        ("30 min", Amount(1800, False)),
        ("1.5h", Amount(5400, False)),
        ("90s", Amount(90, False)),
    ],
)
def test_amounts(text: str, amount: Amount) -> None:
    assert parse_amount(text, "--dev") == amount


@pytest.mark.parametrize("text", ["", "x", "-0.1", "1", "30", "100%", "1e-1", "٣", "3 d", "nan"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(EarwrightError, match=rf"--dev {text}: "):
        parse_amount(text, "--dev")


def test_options_that_leave_nothing() -> None:
    with pytest.raises(EarwrightError, match="dev and test are to have 100% of the hours"):
        SplitOptions(dev=Amount(0.6), test=Amount(0.4))
    with pytest.raises(EarwrightError, match="neither dev nor test"):
        SplitOptions(dev=Amount(0), test=Amount(0))


def test_names_of_parts() -> None:
    assert parse_parts("dev=validation") == {"train": "train", "test": "test", "validation": "dev"}
    assert parse_parts("dev=a, dev=b ,none=") == {
        "train": "train",
        "test": "test",
        "a": "dev",
        "b": "dev",
        "": "none",
    }
    for text, message in {
        "valid": "is not PART=VALUE",
        "validation=dev": "is not PART=VALUE",
        "dev=a,test=a": "the value 'a' is in it twice",
    }.items():
        with pytest.raises(EarwrightError, match=message):
            parse_parts(text)


def test_columns() -> None:
    cut = make_cut(
        0, speaker=" anna ", gender="female", custom={"age": 30, "tags": ["b", "a"], "none": "", "x": {}}
    )
    found = {
        name: value_of(cut, name) for name in ("speaker", "sex", "recording", "age", "tags", "none", "x", "y")
    }
    assert found == {
        "speaker": "anna",
        "sex": "female",
        "recording": "/0.wav",
        "age": "30",
        "tags": '["b", "a"]',
        "none": None,
        "x": None,
        "y": None,
    }


@given(st.lists(st.integers(0, 100) | st.none(), min_size=1, max_size=60))
def test_numbers_are_counted_in_ranges(ages: list[int | None]) -> None:
    column = Column()
    for age in ages:
        column.add(None if age is None else str(age))
    if all(age is None for age in ages):
        return
    names, numbers = count_together(column, np.ones(len(ages)))
    for age, number in zip(ages, numbers.tolist(), strict=True):
        name = names[number]
        low, _, high = name.partition(" to ")
        assert (name == "not named") if age is None else (float(low) <= age <= float(high or low))
    different = len(set(ages) - {None})
    assert len(set(names) - {"not named"}) == different if different <= 10 else len(set(names)) <= 6


def test_rare_values_are_counted_together() -> None:
    column = Column()
    values = [f"v{number}" for number in range(40) for _ in range(number + 1)]
    for value in values:
        column.add(value)
    names, numbers = count_together(column, np.ones(len(values)))
    assert len(names) == 20 and names[-1] == "others" and names[0] == "v39"
    assert names[numbers[0]] == "others" and names[numbers[-1]] == "v39"
