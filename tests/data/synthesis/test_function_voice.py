"""A Python function as a voice."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.synthesis.function_voice import FunctionVoice, load_function
from earwright.data.synthesis.options import SynthesisOptions
from earwright.data.synthesis.synthesize import synthesize
from earwright.errors import EarwrightError

MODULE = """
import numpy as np

not_a_function = 3

def hum(text, voice, seed, style="plain"):
    if "crash" in text:
        import os
        os._exit(9)
    if "raise" in text:
        raise KeyError("a thing\\nand more")
    place = np.arange(800 * len(text)) / 8000
    loud = {"plain": 0.2, "loud": 0.4}[style]
    return loud * np.sin(2 * np.pi * (300 + 100 * voice) * place), 8000

def give(value):
    return lambda text, voice, seed: value

wrong_nothing = give(None)
wrong_single = give(np.ones(9))
wrong_integers = give((np.ones(9, np.int16), 8000))
wrong_shape = give((np.ones((9, 2)), 8000))
wrong_nan = give((np.array([0.5, np.nan]), 8000))
wrong_rate = give((np.ones(9), 0))
wrong_half = give((np.ones(9), 8000.5))
wrong_infinite = give((np.ones(9), float("inf")))
wrong_silence = give((np.zeros(9), 8000))
wrong_length = give((np.zeros(0), 8000))
too_loud = give((np.array([2.0, -4.0, 1.0]), 8000.0))
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package_of_voices").mkdir()
    (tmp_path / "package_of_voices" / "__init__.py").touch()
    (tmp_path / "package_of_voices" / "hums.py").write_text(MODULE)
    (tmp_path / "package_of_voices" / "broken.py").write_text("import no_such_module_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    load_function.cache_clear()
    for name in ("package_of_voices", "package_of_voices.hums"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def say(function: str, text: str = "hello", style: str = "") -> tuple[np.ndarray, int]:
    return FunctionVoice(f"package_of_voices.hums:{function}", 2, "en", style).say(text, 7)


def test_what_it_returns_is_what_is_said() -> None:
    samples, rate = say("hum")
    assert (rate, samples.dtype) == (8000, np.float32)
    np.testing.assert_allclose(samples, 0.2 * np.sin(2 * np.pi * 500 * np.arange(4000) / 8000), atol=1e-6)
    np.testing.assert_allclose(say("hum", style="loud")[0], 2 * samples, atol=1e-6)
    np.testing.assert_array_equal(say("too_loud")[0], np.float32([0.5, -1.0, 0.25]))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("wrong_nothing", "returned NoneType, not samples and their rate"),
        ("wrong_single", "not samples and their rate"),
        ("wrong_integers", "type int16; they must be one row of floats"),
        ("wrong_shape", r"shape \(9, 2\)"),
        ("wrong_nan", "not finite"),
        ("wrong_rate", "returned 0 as the rate"),
        ("wrong_half", "returned 8000.5 as the rate"),
        ("wrong_infinite", "not samples and their rate"),
        ("wrong_silence", "is silent"),
        ("wrong_length", "is silent"),
    ],
)
def test_what_it_may_do_wrong(function: str, message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        say(function)


def test_an_exception_is_told_in_its_first_line() -> None:
    with pytest.raises(EarwrightError, match=r"hums:hum raised KeyError: [^\n]*$"):
        say("hum", "raise it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hums", "write package.module:function"),
        ("a b:c", "write package.module:function"),
        (":c", "write package.module:function"),
        ("no_such_module_at_all:c", "cannot be imported .ModuleNotFoundError"),
        ("package_of_voices.broken:c", "cannot be imported .ModuleNotFoundError: .*no_such_module_at_all"),
        ("package_of_voices.hums:nothing", "no function nothing in package_of_voices.hums"),
        ("package_of_voices.hums:not_a_function", "no function not_a_function"),
    ],
)
def test_names_that_lead_nowhere(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        synthesize(["one"], tmp_path / "out", SynthesisOptions(function=name, voices=1), jobs=1)
    assert not (tmp_path / "out").exists()


def test_a_folder_said_by_a_function_and_a_crash_costs_one_text(tmp_path: Path) -> None:
    options = SynthesisOptions(function="package_of_voices.hums:hum", voices=3, clean=True)
    texts = ["one", "two", "crash", "raise", "three", "four", "five"]
    summary = synthesize(texts, tmp_path / "out", options, jobs=2)
    assert (summary.kept, summary.rejected) == (5, {"unspeakable": 2})
    for cut in read_cuts(tmp_path / "out"):
        samples = read_cut_audio(cut, 16000)
        heard = float(np.abs(np.fft.rfft(samples)).argmax()) * 16000 / len(samples)
        assert heard == pytest.approx(300 + 100 * int(cut.custom["variant"]), abs=2)
        assert cut.custom["synthesizer"] == "package_of_voices.hums:hum"
