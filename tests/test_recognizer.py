"""The recognizer on a bundle whose answers are known: any source, any length, alone or in a batch."""

from __future__ import annotations

import io
import math
import re
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earwright import EarwrightError, Recognizer, Transcript
from earwright.bundle import write_bundle
from earwright.decoding import Grammar, Keyterm
from earwright.decoding.words import LEAD
from earwright.recognizer import BATCH_SECONDS
from earwright.transcript import Segment
from runtime_bundle import (
    FRAME_SHIFT,
    GAP_SECONDS,
    META,
    RATE,
    TONE_SECONDS,
    bundle_files,
    encoder_graph,
    features_graph,
    say,
)


@pytest.fixture(scope="module")
def recognizer(runtime_bundle: Path) -> Recognizer:
    return Recognizer.load(runtime_bundle, threads=1)


def wav(samples: npt.NDArray[Any], rate: int = RATE, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    """The bytes of an audio file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def check_times(transcript: Transcript) -> None:
    """What is true of every transcript."""
    times = [time for word in transcript.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(0.0 <= time <= transcript.duration for time in times)
    assert all(0.0 <= word.confidence <= 1.0 for word in transcript.words)
    assert transcript.text == " ".join(word.text for word in transcript.words)
    for segment in transcript.segments:
        assert segment.text == " ".join(word.text for word in segment.words)
        assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
        assert min(w.confidence for w in segment.words) <= segment.confidence + 1e-9


def test_words_with_times_and_confidence(recognizer: Recognizer) -> None:
    transcript = recognizer.transcribe(say("hello you", pause=0.5))
    assert transcript.text == "hello you"
    assert [word.text for word in transcript.words] == ["hello", "you"]
    letter = TONE_SECONDS + GAP_SECONDS
    hello, you = transcript.words
    assert hello.start == pytest.approx(0.5 - LEAD, abs=FRAME_SHIFT)
    assert hello.end == pytest.approx(0.5 + 5 * letter - GAP_SECONDS, abs=FRAME_SHIFT)
    assert you.start == pytest.approx(0.5 + 6 * letter - LEAD, abs=FRAME_SHIFT)
    assert all(word.confidence > 0.9 for word in transcript.words)
    assert transcript.duration == len(say("hello you", pause=0.5)) / RATE
    assert (transcript.language, transcript.source) == ("en", None)
    check_times(transcript)


def test_key_terms_of_a_call(runtime_bundle: Path, tmp_path: Path) -> None:
    recognizer = Recognizer.load(runtime_bundle, threads=1)  # which searches greedily
    audio, plain = say("hello you"), recognizer.transcribe(say("hello you"))
    term = Keyterm("Mr. O", sounds_like=("hello you",))
    heard = recognizer.transcribe(audio, keyterms=[term, "You"])
    assert (plain.text, heard.text) == ("hello you", "Mr. O")
    assert [word.text for word in heard.words] == ["Mr.", "O"]
    assert (heard.words[0].start, heard.words[-1].end) == (plain.words[0].start, plain.words[-1].end)
    assert recognizer.transcribe(audio).text == "hello you"  # of that call alone
    ready = recognizer.keyterms(["You"])
    both = recognizer.transcribe([audio, say("you")], keyterms=ready)
    assert [each.text for each in both] == ["hello You", "You"]
    (tmp_path / "terms.txt").write_text("Hello\n")
    (each,) = recognizer.transcribe_each([audio], keyterms=tmp_path / "terms.txt")
    assert isinstance(each, Transcript) and each.text == "Hello you"

    recognizer.use_beam(lexicon=["hello"], keyterms=["Hello"], options={"unknown_penalty": math.inf})
    assert recognizer.transcribe(audio, keyterms=["You"]).text == "hello You"  # instead of those in use
    assert recognizer.transcribe(say("hello")).text == "Hello"
    assert recognizer.transcribe(say("hello"), keyterms=[]).text == "hello"


def test_key_terms_that_cannot_work_are_told_at_once(recognizer: Recognizer) -> None:
    for terms, message in (
        (["\u4f60"], "key term '\u4f60' cannot be heard: no token has '\u4f60'"),
        (["..."], "nothing is left of it by the recognizer's normalizer"),
    ):
        with pytest.raises(EarwrightError, match=re.escape(message)):
            recognizer.transcribe_each([], keyterms=terms)
    with pytest.raises(EarwrightError, match="there are no key terms"):
        recognizer.keyterms([])
    with pytest.warns(UserWarning, match="key term '\u4f60' cannot be heard"):
        assert recognizer.transcribe(say("you"), keyterms=["\u4f60", "You"]).text == "You"


def test_every_kind_of_source(recognizer: Recognizer, tmp_path: Path) -> None:
    samples = say("good day")
    (tmp_path / "a.wav").write_bytes(wav(samples))
    loud = np.round(samples * 32767).astype(np.int16)
    stereo = np.stack([say("good day", 48000), say("good day", 48000)], axis=1)
    sources: list[tuple[Any, int | None]] = [
        (str(tmp_path / "a.wav"), None),
        (tmp_path / "a.wav", None),
        (wav(samples), None),
        (wav(samples, kind="FLAC"), None),
        (bytearray(wav(samples)), None),
        (io.BytesIO(wav(samples)), None),
        (samples, None),
        (samples.astype(np.float64), RATE),
        (loud, RATE),
        (stereo, 48000),
        (wav(stereo, 48000), None),
        (say("good day", 8000), 8000),
    ]
    for source, rate in sources:
        assert recognizer.transcribe(source, sample_rate=rate).text == "good day"
    assert recognizer.transcribe(tmp_path / "a.wav").source == str(tmp_path / "a.wav")


def test_a_folder_and_its_zip_hear_the_same(runtime_bundle: Path, tmp_path: Path) -> None:
    path = shutil.make_archive(str(tmp_path / "tones"), "zip", runtime_bundle.parent, runtime_bundle.name)
    assert Recognizer.load(path).transcribe(say("abc")) == Recognizer.load(runtime_bundle).transcribe(
        say("abc")
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(st.text("abc xyz", max_size=60), max_size=8), st.integers(0, 9))
def test_a_batch_equals_one_by_one(recognizer: Recognizer, texts: list[str], seed: int) -> None:
    generator = np.random.default_rng(seed)
    audio: list[Any] = [say(text, pause=float(generator.uniform(0, 0.5))) for text in texts]
    audio = [samples for samples in audio if len(samples)]
    together = recognizer.transcribe(audio)
    assert together == [recognizer.transcribe(samples) for samples in audio]
    for transcript in together:
        check_times(transcript)


def test_a_batch_gives_the_log_probs_of_each_alone(recognizer: Recognizer) -> None:
    waveforms = [say("abc"), say("a longer sentence"), say("x", pause=0.01), np.zeros(1, np.float32)]
    for waveform, log_probs in zip(waveforms, recognizer.log_probs(waveforms), strict=True):
        (alone,) = recognizer.log_probs([waveform])
        assert log_probs.shape == alone.shape
        assert np.abs(log_probs - alone).max() < 1e-4


def test_an_empty_list(recognizer: Recognizer) -> None:
    assert recognizer.transcribe([]) == []


def test_long_audio_is_cut_in_its_pauses(recognizer: Recognizer) -> None:
    generator = np.random.default_rng(0)
    sentences = ["".join(generator.choice(list("abcdefgh "), 60)) for _ in range(24)]
    sentences = [" ".join(sentence.split()) for sentence in sentences]
    audio = np.concatenate(
        [say(f"{sentence} ") for sentence in sentences]
    )  # the space parts them in the text
    assert len(audio) > 120 * RATE
    seen: list[float] = []
    (transcript,) = recognizer.transcribe_each(
        [audio], on_piece=lambda index, found, seconds: seen.append(seconds)
    )
    assert isinstance(transcript, Transcript)
    assert transcript.text == " ".join(sentences)
    assert sum(seen) == pytest.approx(len(audio) / RATE)
    assert max(seen) <= 20.0
    check_times(transcript)


def test_a_long_pause_ends_a_segment(recognizer: Recognizer) -> None:
    audio = np.concatenate([say("ab cd ", pause=0.2), np.zeros(2 * RATE, np.float32), say("ef", pause=0.2)])
    transcript = recognizer.transcribe(audio)
    assert [segment.text for segment in transcript.segments] == ["ab cd", "ef"]
    check_times(transcript)


@pytest.mark.parametrize("samples", [1, 2, 159, 160, 161])
def test_hardly_any_audio(recognizer: Recognizer, samples: int) -> None:
    assert recognizer.transcribe(np.zeros(samples, np.float32)) == Transcript(
        "", (), samples / RATE, language="en"
    )


def test_silence_has_no_words(recognizer: Recognizer) -> None:
    assert recognizer.transcribe(np.zeros(50 * RATE, np.float32)).segments == ()


def test_eight_channels_and_192_khz(recognizer: Recognizer, tmp_path: Path) -> None:
    channels = np.repeat(say("abc xyz", 192_000)[:, None], 8, axis=1)
    soundfile.write(tmp_path / "many.wav", channels, 192_000)
    assert recognizer.transcribe(tmp_path / "many.wav").text == "abc xyz"


def bad_sources(folder: Path) -> dict[str, Any]:
    """Name -> a source that cannot be transcribed."""
    flac = wav(say("abc" * 50), kind="FLAC")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is not audio")
    return {
        "missing": folder / "missing.wav",
        "empty": folder / "empty.wav",
        "not audio": folder / "text.wav",
        "a folder": folder,
        "no bytes": b"",
        "truncated": flac[: len(flac) // 2],
        "only a header": flac[:50],
        "no samples": np.zeros(0, np.float32),
        "three axes": np.zeros((2, 2, 2), np.float32),
        "NaN": np.array([0.0, np.nan], np.float32),
        "infinite": np.array([0.0, np.inf]),
        "a number": 3.5,
        "nothing": None,
    }


@pytest.mark.parametrize(
    "name",
    [
        "missing",
        "empty",
        "not audio",
        "a folder",
        "no bytes",
        "truncated",
        "only a header",
        "no samples",
        "three axes",
        "NaN",
        "infinite",
        "a number",
        "nothing",
    ],
)
def test_a_bad_source_is_one_sentence(recognizer: Recognizer, tmp_path: Path, name: str) -> None:
    with pytest.raises(EarwrightError) as caught:
        recognizer.transcribe(bad_sources(tmp_path)[name])
    message = str(caught.value)
    assert "\n" not in message
    assert re.search(r"[.)]$", message)


def test_a_bad_source_does_not_end_the_job(recognizer: Recognizer, tmp_path: Path) -> None:
    good = wav(say("abc"))
    sources = [thing for bad in bad_sources(tmp_path).values() for thing in (bad, good)]
    pieces: list[int] = []
    results = list(recognizer.transcribe_each(sources, on_piece=lambda i, found, s: pieces.append(i)))
    assert [isinstance(result, EarwrightError) for result in results] == [True, False] * (len(sources) // 2)
    assert {result.text for result in results if isinstance(result, Transcript)} == {"abc"}
    assert pieces == sorted(pieces)


def test_sources_are_drawn_as_they_are_needed(recognizer: Recognizer) -> None:
    drawn = 0

    def sources() -> Iterator[npt.NDArray[np.float32]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield np.zeros(10 * RATE, np.float32)

    results = recognizer.transcribe_each(sources())
    for _ in range(5):
        next(results)
    assert drawn < 40


def test_many_bad_sources_are_told_of_before_the_end(recognizer: Recognizer) -> None:
    def sources() -> Iterator[bytes]:
        while True:
            yield b""

    results = recognizer.transcribe_each(sources())
    assert all(isinstance(next(results), EarwrightError) for _ in range(10))


def test_segments_arrive_while_a_long_file_is_read(recognizer: Recognizer) -> None:
    heard: list[Segment] = []
    audio = np.concatenate([say("abc ", pause=4.0)] * 40)
    results = recognizer.transcribe_each([audio], on_piece=lambda index, found, seconds: heard.extend(found))
    (transcript,) = results
    assert isinstance(transcript, Transcript)
    assert transcript.segments == tuple(heard)


def test_memory_does_not_grow_with_the_file(recognizer: Recognizer, tmp_path: Path) -> None:
    def peak(minutes: int) -> int:
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(np.concatenate([say("abc", 8000), np.zeros(60 * 8000, np.float32)])[: 60 * 8000])
        tracemalloc.start()
        transcript = recognizer.transcribe(path)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert transcript.duration == pytest.approx(60 * minutes)
        assert len(transcript.words) == minutes
        return held

    assert peak(36) < 1.1 * peak(12)


def test_threads_change_nothing(runtime_bundle: Path) -> None:
    audio: list[Any] = [say("abc"), say("hello you")]
    one, two = (Recognizer.load(runtime_bundle, threads=threads).transcribe(audio) for threads in (1, 2))
    assert one == two


def test_batches_are_bounded(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    run = recognizer.log_probs

    def watched(waveforms: Any) -> Any:
        sizes.append(len(waveforms) * max(map(len, waveforms)))
        return run(waveforms)

    monkeypatch.setattr(recognizer, "log_probs", watched)
    recognizer.transcribe([say("abcdef" * (number % 7 + 1)) for number in range(50)])
    assert max(sizes) <= BATCH_SECONDS * RATE
    assert len(sizes) < 25


def test_a_bpe_bundle(tmp_path: Path) -> None:
    from earwright.text import train_bpe_tokenizer

    tokenizer = train_bpe_tokenizer(["abc bcd cde def efg fgh ghi hij ijk jkl"], 28)
    files = {**bundle_files(), **tokenizer.files()}
    recognizer = Recognizer.load(write_bundle(tmp_path / "bpe.ear", META, files))
    spoken = tokenizer.encode("abc jkl")
    log_probs = np.full((2 * len(spoken), 28), -20.0, np.float32)
    log_probs[::2, 0] = 0.0
    log_probs[np.arange(1, 2 * len(spoken), 2), spoken] = 0.0
    from earwright.decoding import greedy_search, timed_words

    words = timed_words(greedy_search(log_probs), recognizer.tokenizer, FRAME_SHIFT, 0.0, 9.0)
    assert [word.text for word in words] == ["abc", "jkl"]


def test_a_model_whose_weights_are_damaged_fails_each_file_in_a_sentence(tmp_path: Path) -> None:
    files = bundle_files(encoder=encoder_graph(bias=float("nan")))
    recognizer = Recognizer.load(write_bundle(tmp_path / "b.ear", META, files))
    results = list(recognizer.transcribe_each([say("abc"), say("xyz")]))
    assert ["not a number" in str(result) for result in results] == [True, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tokens.txt": b"<blank>\na\n"}, "gives 28 tokens, and tokens.txt has 2"),
        ({"tokens.txt": None}, r"tokens\.txt is missing"),
        ({"tokens.txt": b"\xff"}, "not UTF-8"),
        ({"encoder.onnx": None}, r"has no encoder\.onnx"),
        ({"features.onnx": None}, r"has no features\.onnx"),
        ({"encoder.onnx": features_graph()}, "takes"),
    ],
)
def test_a_bundle_that_does_not_fit_together(
    tmp_path: Path, change: dict[str, bytes | None], said: str
) -> None:
    files = {name: data for name, data in {**bundle_files(), **change}.items() if data is not None}
    with pytest.raises(EarwrightError, match=said):
        Recognizer.load(write_bundle(tmp_path / "b.ear", META, files))


def test_each_piece_of_a_long_recording_is_a_phrase_of_the_grammar(runtime_bundle: Path) -> None:
    recognizer = Recognizer.load(runtime_bundle, threads=1)
    recognizer.use_beam(grammar=Grammar.of_phrases(["good {time}", "hello"], {"time": ["day", "night"]}))
    shorter, longer = np.zeros(5 * RATE, np.float32), np.zeros(12 * RATE, np.float32)
    samples = np.concatenate([say("good day"), shorter, say("good night"), longer, say("good night")])
    told: list[tuple[Segment, ...]] = []
    (transcript,) = recognizer.transcribe_each([samples], on_piece=lambda *piece: told.append(piece[1]))
    assert isinstance(transcript, Transcript)
    assert [segment for piece in told for segment in piece] == list(transcript.segments)
    assert len(told) == len(transcript.segments) == 2  # pieces
    first, second = transcript.segments
    # The cut falls between the second and the third, and two phrases are not one.
    assert (first.rejected, first.text, first.words) == (True, "", ())
    assert (second.rejected, second.text) == (False, "good night")
    assert transcript.text == "good night"
    assert first.start == 0.0 and first.end <= second.start
    assert first.score is not None and second.score is not None and first.score < -1 < second.score
