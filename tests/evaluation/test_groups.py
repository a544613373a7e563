"""Groups of utterances: their counts are those of scoring each group alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.cuts import Cut
from earwright.errors import EarwrightError
from earwright.evaluation.groups import (
    VALUES,
    Grouping,
    by_column,
    by_speaker,
    evaluate_groups,
    grouping_columns,
    parse_grouping,
)
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


@pytest.mark.parametrize("name", ["gender", "speaker", "accent"])
def test_asked_groups_are_scored_as_if_alone(name: str) -> None:
    cuts, heard = corpus()
    texts = [cut.text for cut in cuts]
    whole = score(texts, heard, speakers=[cut.speaker for cut in cuts], seed=3)
    found = evaluate_groups(whole, cuts, Grouping(name))
    assert [one.wer for one in found.values()] == sorted((one.wer for one in found.values()), reverse=True)
    assert sum(one.utterances for one in found.values()) == len(cuts)
    for group, one in found.items():
        value = {"gender": lambda cut: cut.gender, "speaker": lambda cut: cut.speaker}.get(
            name, lambda cut: cut.custom["accent"] or "not given"
        )
        inside = [n for n, cut in enumerate(cuts) if value(cut) == group]
        speakers = [cuts[n].speaker for n in inside]
        alone = score([texts[n] for n in inside], [heard[n] for n in inside], speakers=speakers, seed=3)
        assert one.summary() == alone.summary()


def with_ages(ages: list[object]) -> list[Cut]:
    return [
        Cut(f"c{n}", "a.wav", 0.0, 1.0, 16000, text="a", custom={"age": age}) for n, age in enumerate(ages)
    ]


@given(st.lists(st.integers(0, 99), min_size=1), st.lists(st.integers(1, 98), min_size=1, unique=True))
def test_bounds_part_numbers(ages: list[int], bounds: list[int]) -> None:
    bounds.sort()
    names = Grouping("age", tuple(map(float, bounds))).names(with_ages([str(age) for age in ages]))
    for age, name in zip(ages, names, strict=True):
        numbers = [int(word) for word in name.split() if word.isdigit()]
        if name.startswith("under"):
            assert age < numbers[0] == bounds[0]
        elif name.endswith("over"):
            assert age >= numbers[0] == bounds[-1]
        else:
            assert numbers[0] <= age < numbers[1] and bounds.index(numbers[1]) == bounds.index(numbers[0]) + 1


def test_ages_come_in_their_order_and_words_stay_words() -> None:
    cuts = with_ages(["70", "twenties", 11, None, "40", "12"])
    whole = score(["a"] * 6, ["a", "a", "a", "a", "a", "b"])
    found = evaluate_groups(whole, cuts, Grouping("age"))
    assert list(found)[:4] == ["under 12", "12 to below 18", "30 to below 60", "60 and over"]
    assert set(list(found)[4:]) == {"twenties", "not given"}
    assert found["12 to below 18"].wer == 1
    many = [Cut(f"c{n}", "a.wav", 0.0, 1.0, 16000, text="a", custom={"age": str(n)}) for n in range(60)]
    assert set(grouping_columns(many)["age"]) == {
        "under 12",
        "12 to below 18",
        "18 to below 30",
        "30 to below 60",
    }


def test_groupings_that_cannot_be() -> None:
    assert parse_grouping("age:8,12.5") == Grouping("age", (8.0, 12.5))
    for text in ("", ":8", "age:", "age:8,8", "age:12,8", "age:8,x", "age:nan"):
        with pytest.raises(EarwrightError, match="write a column"):
            parse_grouping(text)
    cuts, _ = corpus()
    with pytest.raises(
        EarwrightError, match=r"no cut has a colour; there are speaker, gender, language, accent"
    ):
        Grouping("colour").names(cuts)
    with pytest.raises(EarwrightError, match="no accent is a number"):
        Grouping("accent", (3.0,)).names(cuts)
