"""Containers of AAC and video, read through PyAV: the samples that soundfile reads of the same sound."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from earwright.audio.container import ContainerFile
from earwright.audio.read import audio_info, read_audio, stream_audio
from earwright.data.preparation.listen import Stretch, listen
from earwright.errors import EarwrightError

av = pytest.importorskip("av", reason="needs earwright[av]")

RATE = 16000


def tone(seconds: float = 3.0, channels: int = 1) -> np.ndarray:
    """(N, channels): a glide from 200 to 1,200 Hz, the channels of different loudness."""
    time = np.arange(int(seconds * RATE)) / RATE
    glide = 0.5 * np.sin(2 * np.pi * (200 * time + 500 * time**2 / seconds))
    return (glide[:, None] * np.linspace(1, 0.5, channels)).astype(np.float32)


def write(path: Path, samples: np.ndarray, codec: str = "aac", video: bool = False) -> Path:
    with av.open(str(path), "w") as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 32
        stream = container.add_stream(codec, rate=RATE, layout="mono" if samples.shape[1] == 1 else "stereo")
        stream.bit_rate = 96_000
        if video:
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T), "fltp", "mono" if samples.shape[1] == 1 else "stereo"
        )
        frame.sample_rate = RATE
        converted = av.AudioResampler(format=stream.codec_context.format, rate=RATE).resample(frame)
        for part in [*converted, None]:
            container.mux(stream.encode(part))
    return path


def likeness(heard: np.ndarray, said: np.ndarray) -> float:
    """Correlation of two sounds; two frames of AAC may come first, which PyAV does not declare."""
    middle = said[4000:-4000]
    return max(
        float(np.corrcoef(heard[4000 + delay :][: len(middle)], middle)[0, 1]) for delay in range(0, 2049, 8)
    )


@pytest.mark.parametrize(
    ("name", "codec", "video"),
    [
        ("a.m4a", "aac", False),
        ("a.mp4", "aac", True),
        ("a.webm", "libopus", False),
        ("a.mkv", "pcm_s16le", True),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, name: str, codec: str, video: bool) -> None:
    wanted = tone()
    path = write(tmp_path / name, wanted, codec, video)
    samples = read_audio(path, None if codec != "libopus" else RATE)
    assert abs(len(samples) - len(wanted)) <= 1024  # a frame of AAC
    assert likeness(samples, wanted[:, 0]) > 0.99
    assert likeness(np.concatenate(list(stream_audio(path, RATE, 0.5))), wanted[:, 0]) > 0.99
    assert audio_info(path).duration == pytest.approx(3.0, abs=0.07)
    np.testing.assert_array_equal(read_audio(path.read_bytes(), None), read_audio(path, None))
    np.testing.assert_array_equal(read_audio(io.BytesIO(path.read_bytes()), None), read_audio(path, None))


def test_parts_and_channels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", tone(channels=2))
    whole = read_audio(path, None, channel=1)
    part = read_audio(path, None, channel=1, start=1.25, duration=0.5)
    np.testing.assert_array_equal(part, whole[20000:28000])
    left = read_audio(path, None, channel=0)[5000:40000]
    assert np.abs(left).max() == pytest.approx(2 * np.abs(whole[5000:40000]).max(), rel=0.1)
    report = listen(str(path), [Stretch(), Stretch(1.0, 1.0, 1)])
    assert report.problem is None and report.channels == 2
    assert report.heard[1].samples == RATE


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", tone())
    misnamed = path.rename(tmp_path / "a.mp3")
    assert likeness(read_audio(misnamed, None), tone()[:, 0]) > 0.99


def test_faults_are_one_sentence(tmp_path: Path) -> None:
    good = write(tmp_path / "good.m4a", tone())
    packed = good.read_bytes()
    cut = tmp_path / "cut.m4a"
    cut.write_bytes(packed[: len(packed) // 2])  # the index is at the end
    with pytest.raises(EarwrightError, match=r"cut\.m4a: the container is damaged, cut off"):
        read_audio(cut)
    reason = listen(str(cut), [Stretch()]).problem
    assert reason is not None and reason.reason == "unreadable"
    silent = tmp_path / "silent.mp4"
    with av.open(str(silent), "w") as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 32
        container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")))
        container.mux(pictures.encode(None))
    with pytest.raises(EarwrightError, match="no sound in it, only pictures"):
        read_audio(silent)


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    """What calls itself a container and is a list of other places must not be followed."""
    target = write(tmp_path / "secret.m4a", tone())
    playlist = tmp_path / "list.m4a"
    for content in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {target}\n",
    ):
        playlist.write_text(content)
        with pytest.raises(EarwrightError, match="damaged, cut off or of no kind"):
            ContainerFile(str(playlist), "list.m4a")


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.m4a", tone())
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr("earwright.audio.read.installed", lambda: False)
    with pytest.raises(EarwrightError, match=r"a\.m4a: .*pip install 'earwright\[av\]'"):
        read_audio(path)
