"""Recipes that fit: the right size for speech and time, what the data ask for, and recipes that load."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.training.proposal.explained import explained_toml, table_of
from earwright.training.proposal.fitting import FEWEST_UPDATES, SIZES, Situation, fit_recipe, foreseen
from earwright.training.proposal.speed import Speed
from earwright.training.proposal.survey import DataFacts
from earwright.training.recipe import Recipe, recipe_from_dict

RECIPES = Path(__file__).parent.parent.parent.parent / "recipes"
BOOKS = DataFacts(
    utterances=1500,
    hours=5.3,
    without_text=0,
    speakers=28,
    languages={"en": 5.3},
    rates={16000: 5.3},
    median=13.5,
    longest=24.0,
    long_hours=0.0,
    characters=27,
    text_length=270_000,
    per_second=14.0,
    with_digits=0,
    too_long={1.0: 0, 1.1: 0},
    lost={1: (0, 0), 2: (0, 0), 3: (0, 0), 5: (0, 0)},
)
SITUATION = Situation(BOOKS, "data/train", "data/dev", 700, "2h", 7200.0, 2, "cpu", "books", ("en",))


def measured(at_3m: float) -> Any:
    """A machine on which the time of a step goes with the parameters."""
    numbers = {size.model["dim"]: size.parameters for size in SIZES}

    def measure(recipe: Recipe) -> Speed:
        parameters = numbers[recipe.model.dim]
        return Speed(at_3m * SIZES[0].parameters / parameters, "fp32", int(parameters))

    return measure


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_sizes_are_the_recipes(size: Any) -> None:
    recipe = tomllib.loads((RECIPES / f"{size.name}.toml").read_text(encoding="utf-8"))
    assert size.model == recipe["model"]
    assert size.batch_seconds == recipe["training"]["batch_seconds"]
    assert size.learning_rate == recipe["training"]["learning_rate"]
    said = (RECIPES / f"{size.name}.toml").read_text(encoding="utf-8").splitlines()[0]
    assert f"{size.parameters / 1e6:.1f} million" in said or f"{size.parameters / 1e6:.0f} million" in said


@pytest.mark.parametrize(
    ("hours", "seconds", "at_3m", "name"),
    [
        (5.3, 7200.0, 250.0, "conformer-10m"),
        (5.3, 600.0, 250.0, "conformer-3m"),  # too short for the larger one
        (1.0, 7200.0, 250.0, "conformer-3m"),  # too little speech
        (0.1, 60.0, 1.0, "conformer-3m"),  # there is none smaller
        (100.0, 7200.0, 250.0, "conformer-10m"),  # two cores are too slow for more
        (100.0, 36000.0, 20000.0, "conformer-100m"),  # a GPU
        (20.0, 36000.0, 20000.0, "conformer-30m"),
    ],
)
def test_the_largest_that_speech_and_time_can_feed(
    hours: float, seconds: float, at_3m: float, name: str
) -> None:
    situation = dataclasses.replace(SITUATION, facts=dataclasses.replace(BOOKS, hours=hours), seconds=seconds)
    fit = fit_recipe(situation, measured(at_3m))
    assert fit.size.name == name
    assert fit.audio_hours == pytest.approx(fit.speed.audio_per_second * seconds * 0.96 / 3600)
    assert fit.updates == int(fit.audio_hours * 3600 / (fit.size.batch_seconds - 13.5 / 2))
    assert fit.epochs == pytest.approx(fit.audio_hours / hours)


def test_nothing_larger_is_measured_than_one_that_is_too_slow() -> None:
    asked: list[int] = []

    def measure(recipe: Recipe) -> Speed:
        asked.append(recipe.model.dim)
        return Speed(1.0, "fp32", 1)

    situation = dataclasses.replace(SITUATION, facts=dataclasses.replace(BOOKS, hours=1000.0))
    assert fit_recipe(situation, measure).size is SIZES[0]
    assert asked == [144]


def test_what_the_data_ask_for() -> None:
    facts = dataclasses.replace(
        BOOKS,
        rates={8000: 4.0, 16000: 1.3},
        long_hours=0.7,
        with_digits=12,
        too_long={1.0: 10, 1.1: 400},
        lost={1: (0, 0), 2: (3, 3), 3: (5, 7), 5: (9, 40)},
    )
    situation = dataclasses.replace(SITUATION, facts=facts, dev="", dev_utterances=0, languages=())
    fit = fit_recipe(situation, measured(250.0))
    recipe = fit.recipe
    assert recipe.features.sample_rate == 8000
    assert recipe.augment.speeds == (0.9, 1.0)
    assert recipe.text.min_count == 3  # 40 of 1500 utterances would be too many
    assert recipe.data.dev == () and recipe.text.languages == ()
    why = {f"{line.table}.{line.key}": line.why for line in fit.lines}
    assert "0.7 h are" in why["data.max_seconds"] and "12 texts have digits" in why["text.normalizer"]
    assert "390 utterances" in why["augment.speeds"] and "no dev set" in why["data.dev"]
    assert why["text.min_count"].startswith("Characters seen less often: 5; ")
    assert why["text.min_count"].endswith("left out: 7.")
    assert "telephone" in why["features.sample_rate"]
    plain = fit_recipe(SITUATION, measured(250.0)).recipe
    assert plain.features.sample_rate == 16000 and plain.augment.speeds == (0.9, 1.0, 1.1)
    assert plain.text.min_count == 5 and plain.data.dev == ("data/dev",)


counts = st.integers(0, 2000)


@given(
    hours=st.floats(0.001, 5000.0),
    time=st.floats(1.0, 1e6),
    speed=st.floats(0.1, 1e5),
    train=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    speakers=counts,
    digits=counts,
    long_hours=st.floats(0, 100),
    rates=st.dictionaries(st.integers(4000, 96000), st.floats(0.01, 10.0), min_size=1, max_size=3),
    lost=st.tuples(counts, counts),
    dev=st.sampled_from(["", "d"]),
    cores=st.integers(1, 128),
)
def test_whatever_there_is_the_recipe_loads_and_is_explained(
    hours: float, time: float, speed: float, train: str, speakers: int, digits: int, long_hours: float,
    rates: dict[int, float], lost: tuple[int, int], dev: str, cores: int,
) -> None:  # fmt: skip
    facts = dataclasses.replace(
        BOOKS,
        hours=hours, speakers=speakers, with_digits=digits, long_hours=long_hours, rates=rates,
        lost={1: (0, 0), 2: lost},
    )  # fmt: skip
    situation = dataclasses.replace(SITUATION, facts=facts, train=train, dev=dev, seconds=time, cores=cores)
    fit = fit_recipe(situation, measured(speed))
    text = explained_toml(["All of it.", *foreseen(fit, situation)], fit.lines)
    loaded = recipe_from_dict(tomllib.loads(text), "here")
    assert loaded == fit.recipe == recipe_from_dict(table_of(fit.lines), "here")
    assert loaded.data.train == (train,)
    above = ""
    for line in text.splitlines():
        if line and line[0] not in "#[":
            assert above.startswith("# ") and len(above) > 8
        above = line
    assert fit.updates >= FEWEST_UPDATES or fit.size is SIZES[0]
