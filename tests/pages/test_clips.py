"""Clips: what is played is what was read, within the limit, and a problem is said."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.errors import EarwrightError
from earwright.pages.clips import Excerpt, make_excerpt, no_excerpt, player, read_excerpt
from page_checks import HOSTILE, StrictParser


def test_an_excerpt_is_the_audio_and_keeps_to_the_limit(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, 48000 * 12)
    soundfile.write(tmp_path / "a.wav", samples, 48000, subtype="PCM_16")
    read, rate = read_excerpt(str(tmp_path / "a.wav"), 1.0, 11.0, None, 10.0)
    excerpt = make_excerpt(read, rate, 10_000_000)
    assert (excerpt.media_type, excerpt.seconds, excerpt.sample_rate) == ("audio/flac", 10.0, 48000)
    assert excerpt.picture.startswith(b"\x89PNG")
    heard, rate = soundfile.read(io.BytesIO(excerpt.sound))
    assert rate == 48000
    np.testing.assert_allclose(heard, samples[48000 : 48000 * 11], atol=1 / 32768)
    smaller = make_excerpt(read, rate, 250_000)
    assert smaller.media_type == "audio/ogg" and len(smaller.sound) + len(smaller.picture) <= 250_000
    assert soundfile.info(io.BytesIO(smaller.sound)).duration == pytest.approx(10.0, abs=0.05)
    nothing = make_excerpt(read, rate, 25_000)
    assert (nothing.sound, nothing.problem) == (b"", "too large for this page; ask for fewer --clips")


def test_samples_beyond_full_scale_do_not_wrap_round() -> None:
    excerpt = make_excerpt(np.full(16000, 1.5, np.float32), 16000, 1_000_000)
    assert soundfile.read(io.BytesIO(excerpt.sound))[0].min() > 0.99


def test_a_rate_that_nothing_encodes_is_said() -> None:
    excerpt = make_excerpt(np.zeros(2_000_000, np.float32), 1_000_000, 10_000_000)
    assert excerpt.problem.startswith("it cannot be encoded for this page (") and excerpt.picture


@pytest.mark.parametrize(("start", "duration"), [(-1.0, 1.0), (math.nan, 1.0), (0.0, 0.0), (0.0, math.inf)])
def test_no_stretch_of_a_file(start: float, duration: float) -> None:
    with pytest.raises(EarwrightError, match=r"a\.wav: no stretch of it starts at"):
        read_excerpt("a.wav", start, duration, None, 10.0)


def test_a_problem_stands_in_the_place_of_the_player() -> None:
    excerpt = no_excerpt(EarwrightError("a.wav: there is no such file."), "a.wav")
    assert StrictParser(player(excerpt, "a")).said() == "No sound: there is no such file."
    for text in HOSTILE:
        parser = StrictParser(player(Excerpt(problem=text), text))
        assert [tag for tag, _ in parser.elements] == ["p"]
        parser = StrictParser(player(Excerpt(sound=b"x", media_type="audio/flac"), text))
        assert [tag for tag, _ in parser.elements] == ["audio"]
