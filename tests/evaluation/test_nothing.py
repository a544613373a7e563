"""What is heard where nobody speaks: every word is counted, with its place."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.cells import cell_len
from rich.console import Console

from earwright.errors import EarwrightError
from earwright.evaluation.noise_report import nothing_report
from earwright.evaluation.nothing import (
    LISTED,
    MINUTES,
    Invention,
    Kind,
    Nothing,
    NothingReport,
    Source,
    check_heard,
    find_nothing,
    hear_nothing,
    quiet_room,
    silence,
)
from earwright.evaluation.page.noise import nothing_section
from earwright.recognizer import Recognizer
from runtime_bundle import RATE, say


@pytest.fixture(scope="module")
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    return Recognizer.load(request.getfixturevalue("runtime_bundle"), threads=1)


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="FLOAT")


def test_invented_words_are_counted_with_their_places(tmp_path: Path, recognizer: Recognizer) -> None:
    write(tmp_path / "music/a.wav", np.concatenate([np.zeros(2 * RATE), say("hello you")]))
    write(tmp_path / "music/b.wav", np.zeros(3 * RATE))
    write(tmp_path / "tap/c.wav", say("oh"))
    (tmp_path / "tap/d.wav").write_bytes(b"no audio")
    kinds, left_out = find_nothing([str(tmp_path)], "all")
    told: list[float] = []
    music, tap = (hear_nothing(recognizer, kind, on_seconds=told.append) for kind in kinds)
    assert (music.kind, tap.kind, left_out) == ("music", "tap", [])
    seconds = 2 + len(say("hello you")) / RATE + 3
    assert music.seconds == pytest.approx(seconds) and music.recordings == 2
    assert (music.words, music.characters, music.segments) == (2, 8, 1)
    assert music.per_minute == pytest.approx(2 * 60 / seconds)
    (heard,) = music.inventions
    assert (heard.source, heard.text) == ("a.wav", "hello you") and 2.2 < heard.start < 2.5 < heard.end
    assert tap.recordings == 1 and tap.words == 1
    ((name, reason),) = tap.failed
    assert name == "d.wav" and "no audio" in reason and str(tmp_path) not in reason
    assert sum(told) == pytest.approx(music.seconds + tap.seconds)


def test_silence_and_a_quiet_room(recognizer: Recognizer) -> None:
    kinds, _ = find_nothing(["room", "silence"], "test")
    assert [kind.name for kind in kinds] == ["silence", "room"]
    for kind in kinds:
        sources = list(kind.sources(1000))
        assert len(sources) == MINUTES and all(len(samples) == 60_000 for _, samples in sources)
    assert not any(samples.any() for _, samples in silence(100))
    # A recognizer that takes silence for speech, however quiet it is, is found out.
    heard = hear_nothing(recognizer, Kind("silence", lambda rate: silence(rate, 1)))
    assert (heard.words, heard.seconds) == (0, 60)
    loud = Kind("room", lambda rate: ((name, 60 * noise) for name, noise in quiet_room(rate, 0, 1)))
    assert hear_nothing(recognizer, loud).words > 0


def test_a_quiet_room_is_pink_and_60_db_down() -> None:
    (_, first), (_, second) = quiet_room(RATE, seed=3, minutes=2)
    assert np.sqrt(np.square(first.astype(float)).mean()) == pytest.approx(1e-3, rel=1e-4)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, next(iter(quiet_room(RATE, seed=3)))[1])
    power = np.abs(np.fft.rfft(first)) ** 2  # bins of a sixtieth of a hertz
    octaves = [power[60 * hertz : 120 * hertz].sum() for hertz in (60, 125, 250, 500, 1000, 2000)]
    np.testing.assert_allclose(octaves / np.mean(octaves), 1, atol=0.15)  # as much in each


def test_sources_are_made_as_they_are_needed(recognizer: Recognizer) -> None:
    made: list[int] = []

    def sources(rate: int) -> Iterator[Source]:
        for number in range(10):
            made.append(number)
            yield str(number), np.zeros(60 * rate, np.float32)

    counts: list[int] = []
    found = hear_nothing(recognizer, Kind("x", sources), on_seconds=lambda seconds: counts.append(len(made)))
    assert counts[0] == 1 and found.seconds == 600
    assert max(later - at for at, later in pairwise(counts)) <= 3  # a round's worth


def test_a_long_recording_goes_through_in_pieces(tmp_path: Path, recognizer: Recognizer) -> None:
    tune = np.concatenate([say("la la"), np.zeros(15 * RATE)])
    write(tmp_path / "music/long.wav", np.tile(tune, 10))
    pieces: list[float] = []
    (kind,), _ = find_nothing([str(tmp_path / "music")], "all")
    found = hear_nothing(recognizer, kind, on_seconds=pieces.append)
    assert found.words == 20 and len(pieces) >= 8 and max(pieces) <= 20
    starts = [one.start for one in found.inventions]
    np.testing.assert_allclose(np.diff(starts), len(tune) / RATE, atol=0.03)


def test_parts_of_recordings(tmp_path: Path) -> None:
    for number in range(10):
        write(tmp_path / f"nothing/rain/{number}.wav", np.zeros(10))
    write(tmp_path / "nothing/boiler/one.wav", np.zeros(10))
    place = str(tmp_path / "nothing")
    parts = {}
    for part in ("test", "train", "all"):
        kinds, left_out = find_nothing([place], part)
        parts[part] = {kind.name: [name for name, _ in kind.sources(RATE)] for kind in kinds}
        assert left_out == (["boiler"] if part == "test" else [])
    assert len(parts["test"]["rain"]) == 3
    assert sorted(parts["test"]["rain"] + parts["train"]["rain"]) == parts["all"]["rain"]
    with pytest.raises(EarwrightError, match="a class needs two"):
        find_nothing([str(tmp_path / "nothing/boiler")], "test")
    with pytest.raises(EarwrightError, match="is not a folder"):
        find_nothing([str(tmp_path / "none")], "test")


def test_when_nothing_can_be_read() -> None:
    failed = Nothing("music", 0, 0.0, 0, 0, (), 0, (("a.wav", "no audio."),))
    with pytest.raises(EarwrightError, match=r"none of 1 recordings can be read, such as a.wav: no audio"):
        check_heard(NothingReport((failed,), "all"))
    assert failed.per_minute == 0


def talkative() -> NothingReport:
    long = Invention("a recording with a long name.wav", 71.04, 75.0, "the \x1b[31mend " * 30, 0.5)
    music = Nothing("music", 2, 90.0, 93, 300, (long,) * 9, 310, (("b.wav", "damaged."),))
    return NothingReport((Nothing("silence", 10, 600.0, 0, 0, (), 0), music), "test", 0, ("boiler",))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    stream = io.StringIO()
    Console(file=stream, width=width).print(nothing_report(talkative(), width))
    text = stream.getvalue()
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    assert "\x1b" not in text and text.count("at 71.0 s") == 5
    for part in ("0.00", "62.00", "boiler", "b.wav: damaged", "the test part"):
        assert part in text


def test_in_numbers_and_on_the_page(recognizer: Recognizer) -> None:
    told = talkative().to_dict()
    assert told["words"] == 93 and told["words_per_minute"] == pytest.approx(60 * 93 / 690)
    assert [kind["words_per_minute"] for kind in told["kinds"]] == [0, pytest.approx(62)]
    assert told["kinds"][1]["failed"] == [{"recording": "b.wav", "reason": "damaged."}]
    page = nothing_section(talkative())
    assert "\x1b" not in page and "62.00" in page and "9 of them" in page
    many = Kind("music", lambda rate: ((str(n), say("a", pause=0.1)) for n in range(LISTED + 30)))
    found = hear_nothing(recognizer, many)
    assert (len(found.inventions), found.segments, found.words) == (LISTED, LISTED + 30, LISTED + 30)
