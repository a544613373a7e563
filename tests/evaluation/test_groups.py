"""Groups of utterances: their counts are those of scoring each group alone."""

from __future__ import annotations

import random

import pytest

from earwright.cuts import Cut
from earwright.evaluation.groups import VALUES, by_column, by_speaker, grouping_columns
from earwright.evaluation.score import score


def corpus(number: int = 60) -> tuple[list[Cut], list[str]]:
    draw = random.Random(0)
    cuts, heard = [], []
    for n in range(number):
        text = " ".join(draw.choices(["one", "two", "three"], k=5))
        speaker = f"s{n % 4}"
        cuts.append(
            Cut(
                *(f"c{n}", "a.wav", 0.0, 1.0 + n, 16000),
                text=text,
                speaker=speaker,
                gender="mf"[n % 2],
                language="en",
                custom={
                    "accent": ["x", "y", None][n % 3],
                    "number": n,
                    "room": {"size": n % 2},
                    speaker: "odd",
                },
            )
        )
        heard.append(" ".join(draw.choices(["one", "two", "three"], k=5)))
    return cuts, heard


def test_groups_are_scored_as_if_alone() -> None:
    cuts, heard = corpus()
    texts = [cut.text for cut in cuts]
    scored = score(texts, heard, durations=[cut.duration for cut in cuts]).scored
    groups = by_speaker(scored, cuts)
    assert [group.words.rate for group in groups] == sorted((g.words.rate for g in groups), reverse=True)
    for group in groups:
        inside = [n for n, cut in enumerate(cuts) if cut.speaker == group.name]
        alone = score([texts[n] for n in inside], [heard[n] for n in inside])
        assert (group.words, group.utterances) == (alone.words, alone.utterances)
        assert group.seconds == pytest.approx(sum(cuts[n].duration for n in inside))
        assert group.columns["gender"] == {"s0": "m", "s1": "f", "s2": "m", "s3": "f"}[group.name]
        assert "accent" not in group.columns  # not the same for all that they say


def test_only_columns_that_group() -> None:
    cuts, heard = corpus()
    columns = grouping_columns(cuts)
    assert list(columns)[:2] == ["gender", "language"] and {"accent", "room"} <= set(columns)
    assert "number" not in columns and set(columns["accent"]) == {"x", "y", "not given"}
    groups = by_column(score([cut.text for cut in cuts], heard).scored, cuts)
    assert "language" not in groups  # one value groups nothing
    assert sum(group.utterances for group in groups["accent"]) == 60


def test_nothing_known() -> None:
    cuts = [Cut(f"c{n}", "a.wav", 0.0, 1.0, 16000, text="a", custom={"id": str(n)}) for n in range(VALUES)]
    scored = score(["a"] * VALUES, ["a"] * VALUES).scored
    assert by_speaker(scored, cuts) == [] and by_column(scored, cuts) == {}
