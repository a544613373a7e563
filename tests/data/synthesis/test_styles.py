"""Speaking styles: each is measured to be what its name says, and the speaker without one is as before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.audio.read import Samples
from earwright.cuts import Cut
from earwright.data.synthesis.espeak import Voice
from earwright.data.synthesis.styles import FASTEST, SLOWEST, STYLES, check_styles, in_style
from earwright.errors import EarwrightError
from earwright.evaluation.groups import grouping_columns

pytest.importorskip("espeakng_loader", reason="needs earwright[synthesize]")

TEXT = "many men were running along the river"
SPEAKERS = [Voice("en-us", "m1", 160, 50, 50), Voice("en-gb-scotland", "f2", 170, 40, 40)]


def said(voice: Voice, style: str, seed: int = 3) -> Samples:
    samples, rate = in_style(voice, style, np.random.default_rng(seed)).say(TEXT, seed)
    assert rate == 22050
    return samples


def periods(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Of each loud frame of 46 ms the pitch in Hz, and how periodic it is, by its autocorrelation."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 1024)[::512]
    frames = frames[np.square(frames).mean(axis=1) > 0.1 * np.square(samples, dtype=np.float64).mean()]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectra = np.abs(np.fft.rfft(frames * np.hanning(1024), 2048)) ** 2
    likeness = np.fft.irfft(spectra)[:, :1024]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(1024), 2048)) ** 2)[:1024]
    likeness = likeness / likeness[:, :1] / (window / window[0])
    lags = np.arange(22050 // 400, 22050 // 60)  # 60 to 400 Hz
    best = likeness[:, lags]
    # The first lag that is nearly as good as the best one: not two periods.
    first = (best >= 0.9 * best.max(axis=1, keepdims=True)).argmax(axis=1)
    return 22050 / lags[first], best.max(axis=1)


def pitch(samples: Samples) -> float:
    found, how_periodic = periods(samples)
    return float(np.median(found[how_periodic > 0.6]))


def movement(samples: Samples) -> float:
    """How far the pitch moves, in semitones between its quartiles."""
    found, how_periodic = periods(samples)
    low, high = np.quantile(found[how_periodic > 0.6], [0.25, 0.75])
    return float(12 * np.log2(high / low))


def brightness(samples: Samples) -> float:
    """The mean frequency in Hz."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float((power * np.fft.rfftfreq(len(samples), 1 / 22050)).sum() / power.sum())


def pauses(samples: Samples) -> float:
    """The share of 10 ms frames in which nearly nothing is heard."""
    powers = np.square(samples[: len(samples) // 220 * 220].reshape(-1, 220)).mean(axis=1)
    return float((powers < 1e-3 * powers.max()).mean())


@pytest.mark.parametrize("voice", SPEAKERS, ids=lambda voice: voice.variant)
def test_each_style_is_heard(voice: Voice) -> None:
    neutral = said(voice, "neutral")
    heard = {style: said(voice, style) for style in STYLES}
    assert len(heard["fast"]) < 0.85 * len(neutral) < len(neutral) < 0.85 * len(heard["slow"])
    assert pitch(heard["high"]) > 1.1 * pitch(neutral) > 1.2 * pitch(heard["low"])
    assert movement(heard["monotone"]) < 0.6 * movement(neutral)
    assert movement(heard["lively"]) > movement(neutral)
    assert pauses(heard["hesitant"]) > pauses(neutral) + 0.1
    assert brightness(heard["shouting"]) > 1.3 * brightness(neutral)
    assert pitch(heard["shouting"]) > 1.1 * pitch(neutral)
    # A voice has a period, a whisper none.
    assert np.median(periods(neutral)[1]) > 0.8
    assert np.median(periods(heard["whisper"])[1]) < 0.6
    assert len({samples.tobytes() for samples in heard.values()}) == len(STYLES)


def test_neutral_is_the_speaker_as_before() -> None:
    for voice in SPEAKERS:
        assert in_style(voice, "neutral", np.random.default_rng(0)) == voice


def test_another_word_is_stressed_with_another_seed() -> None:
    voice = Voice("en-us", "m1", emphatic=True)
    plain, _ = Voice("en-us", "m1").say(TEXT, 1)
    stressed = {voice.say(TEXT, seed)[0].tobytes() for seed in range(12)}
    assert 4 <= len(stressed) <= len(TEXT.split())
    assert plain.tobytes() not in stressed


@pytest.mark.parametrize("text", ["fish & chips <b> \"x\" 'y' > ]]>", "", "<", "&amp;"])
def test_markup_in_a_text_is_said_not_obeyed(text: str) -> None:
    samples, _ = Voice("en-us", "m1", emphatic=True).say(text, 0)
    assert samples.any() == bool(Voice("en-us", "m1").say(text, 0)[0].any())


@given(
    st.sampled_from(sorted(STYLES)),
    st.integers(0, 2**32),
    st.integers(80, 450),
    st.integers(0, 100),
    st.integers(0, 100),
)
def test_settings_stay_within_what_espeak_can(
    style: str, seed: int, rate: int, high: int, moves: int
) -> None:
    voice = Voice("en-us", "m1", rate, high, moves)
    drawn = in_style(voice, style, np.random.default_rng(seed))
    assert drawn == in_style(voice, style, np.random.default_rng(seed))
    assert SLOWEST <= drawn.rate <= FASTEST
    assert 0 <= drawn.pitch <= 100 and 0 <= drawn.range <= 100 and 0 <= drawn.effort < 1
    assert drawn.accent == voice.accent
    assert drawn.variant == "m1" or drawn.variant in STYLES[style].variants


def test_styles_that_cannot_be_had() -> None:
    check_styles(list(STYLES))
    with pytest.raises(EarwrightError, match='no style "angry"; it has neutral, fast'):
        check_styles(["fast", "angry"])
    check_styles(["whisper"], without={"whisper"})
    with pytest.raises(EarwrightError, match="nobody is left to speak in the style whisper"):
        check_styles(["whisper"], without={"whisper", "whisperf"})
    drawn = [
        in_style(SPEAKERS[0], "whisper", np.random.default_rng(seed), {"whisper"}).variant
        for seed in range(9)
    ]
    assert set(drawn) == {"whisperf"}


def test_an_evaluation_groups_by_style() -> None:
    generator = np.random.default_rng(0)
    cuts = []
    for number in range(60):
        style = sorted(STYLES)[number % len(STYLES)]
        voice = in_style(SPEAKERS[0], style, generator)
        custom = {**voice.columns, "style": style, **voice.settings}
        cuts.append(Cut(str(number), "a.flac", 0.0, 1.0, 16000, text="x", custom=custom))
    assert grouping_columns(cuts)["style"] == [cut.custom["style"] for cut in cuts]
