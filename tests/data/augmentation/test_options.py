"""[augment]: tables of a recipe, and sentences for what they cannot be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from earwright.data.augment import KINDS, probability_of
from earwright.data.augmentation.options import AugmentOptions, NoiseOptions
from earwright.errors import EarwrightError
from earwright.training.recipe import load_recipe, recipe_differences, recipe_to_dict

RECIPES = Path(__file__).parents[3] / "recipes"


def test_everything_is_off_by_default() -> None:
    options = AugmentOptions()
    assert not any(probability_of(options, kind) for kind in (*KINDS, "tempo", "concatenation", "nothing"))
    assert options.warp_seconds == 0 and options.top_speed == max(options.speeds)


def test_the_recipe_with_everything_is_the_other_one_but_for_augmentation() -> None:
    plain = load_recipe(RECIPES / "librispeech-5h.toml")
    augmented = load_recipe(RECIPES / "librispeech-5h-augmented.toml")
    everything = {*KINDS, "tempo", "concatenation", "nothing"} - {"trim"}  # which is for short clips
    assert all(0 < probability_of(augmented.augment, kind) < 1 for kind in everything)
    changes = recipe_differences(recipe_to_dict(plain), recipe_to_dict(augmented))
    assert {change.partition(".")[0] for change in changes} == {"name", "augment"}
    assert dataclasses.replace(augmented, name=plain.name, augment=plain.augment) == plain


def test_other_utterances_are_needed_for_babble_alone() -> None:
    assert NoiseOptions(0.1).babbles and NoiseOptions(0.1, generated=("babble",)).babbles
    assert not NoiseOptions(0.0).babbles and not NoiseOptions(0.1, generated=("white", "pink")).babbles


def test_the_fastest_tempo_counts() -> None:
    recipe = load_recipe(None, ["augment.tempo.probability=0.1", "augment.tempo.factors=[0.8, 1.2]"])
    assert recipe.augment.top_speed == pytest.approx(1.1 * 1.2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["noise.probability=1.5"], "[augment.noise] probability must lie between 0 and 1, not be 1.5"),
        (["room.probability=-0.1"], "[augment.room] probability must lie between 0 and 1"),
        (["gain.probability=nan"], "[augment.gain] probability must lie between 0 and 1, not be nan"),
        (["noise.snr=[0, inf]"], "[augment.noise] snr must be two finite numbers, not [0, inf]"),
        (["noise.snr=[-inf, 3]"], "two finite numbers"),
        (["noise.snr=[20, 0]"], "[augment.noise] snr must be [least, most], not [20, 0]"),
        (["noise.snr=5"], "augment.noise.snr must be a list"),
        (["noise.snr=[1, 2, 3]"], "augment.noise.snr must have 2 values"),
        (['noise.generated=["brown"]'], 'generated "brown" is none of white, pink, music, babble'),
        (["noise.generated=[]", "noise.probability=1"], "name folders or generated noise"),
        (["noise.voices=[0, 3]"], "voices must lie between 1 and 100"),
        (["room.probability=0.5"], "name folders of impulse responses or a number of simulated rooms"),
        (["pitch.semitones=[-40, 0]"], "semitones must lie between -12 and 12"),
        (["tempo.factors=[0, 1]"], "factors must lie between 0.5 and 2"),
        (["clipping.share=[0, 1]"], "share must lie between 0 and 0.9"),
        (['band.kinds=["notch"]'], 'kinds "notch" is none of low_pass, high_pass, telephone'),
        (["codec.kinds=[]"], "kinds names no codec"),
        (["codec.mp3=[8]"], "mp3 must lie between 16 and 64"),
        (["concatenation.most=1"], "most must lie between 2 and 100"),
        (["warp_seconds=-1"], "warp_seconds must lie between 0 and 5"),
        (["nois.probability=1"], "did you mean augment.noise?"),
        (["noise.probabilty=1"], "did you mean augment.noise.probability?"),
    ],
)
def test_what_cannot_be_gets_one_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(EarwrightError) as caught:
        load_recipe(None, [f"augment.{override}" for override in overrides])
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_waveform_is_not_warped() -> None:
    settings = ["features.kind=waveform", "model.kind=reference", "augment.frequency_masks=0"]
    load_recipe(None, settings)
    with pytest.raises(EarwrightError, match="the time of a waveform is not warped"):
        load_recipe(None, [*settings, "augment.warp_seconds=0.1"])
