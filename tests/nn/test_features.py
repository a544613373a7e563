"""Features: equal to Kaldi's and HTK's, the same alone, in a padded batch and in an exported graph."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.nn import mel
from earwright.nn.features import FeatureOptions, Features, append_deltas, build_features

Array = npt.NDArray[np.float32]

# Around half a shift, a shift, half a frame, a frame, and some clips that are no multiple of anything.
LENGTHS = (1, 7, 79, 80, 81, 160, 199, 201, 239, 240, 241, 399, 400, 401, 559, 560, 1237, 9999)

OPTION_SETS: dict[str, dict[str, Any]] = {
    "80 mels": {},
    "80 mels, whole frames": {"snip_edges": True},
    "8 kHz": {"sample_rate": 8000, "n_mels": 40},
    "8 kHz, 80 mels": {"sample_rate": 8000, "n_mels": 80, "low_freq": 60.0, "high_freq": -200.0},
    "11025 Hz": {"sample_rate": 11025, "n_mels": 40},
    "22050 Hz": {"sample_rate": 22050, "snip_edges": True},
    "44100 Hz": {"sample_rate": 44100},
    "48 kHz": {"sample_rate": 48000, "n_mels": 128},
    "hamming": {"window": "hamming", "n_mels": 40, "high_freq": 7600.0},
    "hann": {"window": "hann", "n_mels": 23},
    "blackman": {"window": "blackman", "n_mels": 23},
    "sine": {"window": "sine", "n_mels": 23},
    "rectangular": {"window": "rectangular", "n_mels": 23, "preemphasis": 0.0},
    "keep the offset": {"remove_dc_offset": False, "preemphasis": 0.9},
    "energy": {"use_energy": True},
    "energy after the window": {"use_energy": True, "raw_energy": False, "htk_compat": True},
    "energy with a floor": {"use_energy": True, "energy_floor": 1e9},
    "HTK": {"htk_compat": True, "htk_mel": True, "window": "hamming", "n_mels": 23},
    "20 ms every 12.5": {"frame_length": 0.02, "frame_shift": 0.0125, "n_mels": 40},
    "10 ms every 10": {"frame_length": 0.01, "n_mels": 15},
    "MFCC 13": {"kind": "mfcc", "n_mels": 23},
    "MFCC 13 with energy": {"kind": "mfcc", "n_mels": 23, "use_energy": True, "snip_edges": True},
    "MFCC 13 like HTK": {"kind": "mfcc", "n_mels": 24, "htk_compat": True, "low_freq": 0.0, "htk_mel": True},
    "MFCC 13 like HTK with energy": {"kind": "mfcc", "n_mels": 23, "htk_compat": True, "use_energy": True},
    "MFCC 40": {"kind": "mfcc", "n_mels": 40, "n_mfcc": 40, "high_freq": -400.0},
    "MFCC 8 kHz, no lifter": {"kind": "mfcc", "sample_rate": 8000, "n_mels": 23, "cepstral_lifter": 0.0},
}


def kaldi(options: FeatureOptions, clip: Array) -> Array:
    """The same features from kaldi-native-fbank, (T, F)."""
    knf = pytest.importorskip("kaldi_native_fbank")
    o = options
    theirs = knf.FbankOptions() if o.kind == "log_mel" else knf.MfccOptions()
    frame, mels = theirs.frame_opts, theirs.mel_opts
    frame.samp_freq, frame.dither, frame.snip_edges = o.sample_rate, 0.0, o.snip_edges
    frame.frame_length_ms, frame.frame_shift_ms = o.frame_length * 1000, o.frame_shift * 1000
    frame.preemph_coeff, frame.window_type = o.preemphasis, {"hann": "hanning"}.get(o.window, o.window)
    frame.remove_dc_offset = o.remove_dc_offset
    mels.num_bins, mels.low_freq, mels.high_freq = o.n_mels, o.low_freq, o.high_freq
    mels.htk_mode = o.htk_mel
    theirs.use_energy, theirs.raw_energy, theirs.energy_floor = o.use_energy, o.raw_energy, o.energy_floor
    theirs.htk_compat = o.htk_compat
    if o.kind == "mfcc":
        theirs.num_ceps, theirs.cepstral_lifter = o.n_mfcc, o.cepstral_lifter
    computer = knf.OnlineFbank(theirs) if o.kind == "log_mel" else knf.OnlineMfcc(theirs)
    computer.accept_waveform(o.sample_rate, (clip * 32768).tolist())
    computer.input_finished()
    frames = [computer.get_frame(i) for i in range(computer.num_frames_ready)]
    return np.array(frames, np.float32).reshape(-1, o.dim)


def voice(samples: int, sample_rate: int = 16000, seed: int = 0) -> Array:
    """Something like a vowel in a room, in steps of 16 bits, (N,)."""
    random = np.random.default_rng(seed)
    time = np.arange(samples) / sample_rate
    pitch = 2 * np.pi * (120 * time + 10 * np.sin(2 * np.pi * 1.5 * time))
    tone = sum(np.cos(k * pitch) / k for k in range(1, 25))
    sound = 0.1 * tone * (1 + np.sin(2 * np.pi * 3 * time)) + random.normal(0, 0.01, samples)
    return np.asarray(np.round(sound * 32768).clip(-32768, 32767) / 32768, np.float32)


def alone(options: FeatureOptions, clip: Array) -> Array:
    """Features of one clip, (T, F)."""
    features, lengths = build_features(options)(torch.from_numpy(clip)[None], torch.tensor([len(clip)]))
    assert features.dtype == torch.float32
    assert features.shape == (1, int(lengths[0]), options.dim)
    return np.asarray(features[0].numpy())


def largest_difference(ours: Array, theirs: npt.NDArray[Any]) -> float:
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max(initial=0.0))


# What others compute


@pytest.mark.parametrize("name", OPTION_SETS)
def test_equal_to_kaldi_with_the_same_options(name: str) -> None:
    options = FeatureOptions(**OPTION_SETS[name])
    for samples in LENGTHS:
        clip = voice(samples, options.sample_rate, seed=samples)
        assert largest_difference(alone(options, clip), kaldi(options, clip)) < 1e-3, samples


@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_equal_to_kaldi_in_silence_and_at_full_scale(sample_rate: int) -> None:
    options = FeatureOptions(sample_rate=sample_rate, n_mels=40)
    square = np.where(np.arange(4000) // 50 % 2, 32767 / 32768, -1.0).astype(np.float32)
    for clip in (np.zeros(4000, np.float32), square):
        assert largest_difference(alone(options, clip), kaldi(options, clip)) < 1e-3


GENERATED: dict[str, dict[str, Any]] = {
    "knf_fbank80": {"snip_edges": True},
    "knf_fbank80_nosnip": {},
    "knf_fbank80_high-400_nosnip": {"high_freq": -400.0},
    "knf_fbank40_hamming": {"snip_edges": True, "n_mels": 40, "window": "hamming"},
    "knf_mfcc13": {"snip_edges": True, "kind": "mfcc", "n_mels": 23},
    "knf_mfcc40_hires": {
        "snip_edges": True, "kind": "mfcc", "n_mels": 40, "n_mfcc": 40, "high_freq": -400.0
    },
}  # fmt: skip


@pytest.mark.parametrize("name", GENERATED)
def test_equal_to_stored_kaldi_features(shared: Path, name: str) -> None:
    folder = shared / "vectors" / "features"
    clip, _ = soundfile.read(folder / "kaldi" / "test.wav", dtype="float32")
    expected = np.load(folder / "generated" / f"{name}.npy")
    assert largest_difference(alone(FeatureOptions(**GENERATED[name]), clip), expected) < 1e-3


# The settings are those of the HCopy configurations beside the files. MFCC 5 warps the frequencies, as fbank
# 3 and 4 do. In MFCC 6, HTK's mel filters are Kaldi's without its imitation of HTK.
MFCC_HTK: dict[str, Any] = {"kind": "mfcc", "deltas": True}
HTK: dict[str, dict[str, Any]] = {
    "fbank_htk.1": {"preemphasis": 0.0, "low_freq": 0.0},
    "fbank_htk.2": {"preemphasis": 0.0, "low_freq": 25.0},
    "fea_htk.1": {"preemphasis": 0.0, "low_freq": 0.0, **MFCC_HTK},
    "fea_htk.2": {"preemphasis": 0.0, "low_freq": 0.0, "use_energy": True, **MFCC_HTK},
    "fea_htk.3": {"preemphasis": 0.0, "low_freq": 20.0, "use_energy": True, **MFCC_HTK},
    "fea_htk.4": {"low_freq": 0.0, "use_energy": True, **MFCC_HTK},
    "fea_htk.6": {"n_mels": 24, "low_freq": 125.0, "high_freq": 7800.0, "htk_mel": False, **MFCC_HTK},
}


@pytest.mark.parametrize("name", HTK)
def test_equal_to_htk_at_every_frame(shared: Path, name: str) -> None:
    folder = shared / "vectors" / "features" / "kaldi"
    clip, _ = soundfile.read(folder / "test.wav", dtype="float32")
    content = (folder / f"test.wav.{name}").read_bytes()
    frames, _, _, _ = struct.unpack(">iihh", content[:12])
    expected = np.frombuffer(content[12:], ">f4").reshape(frames, -1)
    common = {"snip_edges": True, "remove_dc_offset": False, "window": "hamming", "n_mels": 23}
    options = FeatureOptions(**{**common, "htk_compat": True, "htk_mel": True, **HTK[name]})
    assert largest_difference(alone(options, clip), expected) < 1e-3


KALDIFEAT: dict[str, dict[str, Any]] = {
    "test": {"n_mels": 23},
    "test-40": {"n_mels": 40},
    "test-40-no-snip-edges": {"n_mels": 40, "snip_edges": False},
    "test-with-energy": {"n_mels": 23, "use_energy": True},
    "test-htk": {"n_mels": 23, "use_energy": True, "htk_compat": True},
    "test-mfcc": {"n_mels": 23, "kind": "mfcc", "use_energy": True},
    "test-mfcc-no-snip-edges": {"n_mels": 23, "kind": "mfcc", "use_energy": True, "snip_edges": False},
}


@pytest.mark.parametrize("name", KALDIFEAT)
def test_close_to_kaldifeats_archives_of_a_nearly_silent_sweep(shared: Path, name: str) -> None:
    folder = shared / "vectors" / "features" / "kaldifeat"
    clip, _ = soundfile.read(folder / "test.wav", dtype="float32")
    text = (folder / f"{name}.txt").read_text().split("[")[1].rstrip("] \n")
    expected = np.array([line.split() for line in text.strip().splitlines()], np.float32)
    ours = alone(FeatureOptions(**{"snip_edges": True, **KALDIFEAT[name]}), clip)
    assert largest_difference(ours, expected) < 0.1


def test_equal_to_lhotses_features_of_librispeech(shared: Path) -> None:
    folder = shared / "vectors" / "features" / "lhotse"
    clip, _ = soundfile.read(folder / "libri-1088-134315-0000.wav", dtype="float32")
    (path,) = folder.glob("*.npy")
    ours = alone(FeatureOptions(n_mels=40, high_freq=-400.0), clip)
    # Theirs are of samples in [-1, 1].
    in_their_range = np.maximum(ours - 2 * math.log(32768), math.log(torch.finfo(torch.float32).eps))
    assert largest_difference(in_their_range, np.load(path)) < 0.02


# The tables


@pytest.mark.parametrize("frame_size", [2, 3, 200, 400, 551])
def test_the_folded_matrices_make_the_power_spectrum(frame_size: int) -> None:
    frame = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 4, frame_size)))
    fft_size = 1 << (frame_size - 1).bit_length()
    cosines, sines = mel.dft_matrices(frame_size, fft_size)
    half = frame_size // 2
    before = frame[:, :, :half].flip(2).numpy()
    after = np.zeros_like(before)
    after[:, :, : frame_size - half - 1] = frame[:, :, half + 1 :]
    middle = frame[:, :, half : half + 1].numpy()
    power = (np.concatenate([middle, after + before], 2) @ cosines) ** 2 + ((after - before) @ sines) ** 2
    expected = torch.fft.rfft(frame, fft_size).abs().square()[:, :, :-1].numpy()
    np.testing.assert_allclose(power, expected, atol=1e-9)


def test_the_cosine_transform_is_orthonormal() -> None:
    dct = mel.dct_matrix(40, 40)
    np.testing.assert_allclose(dct.T @ dct, np.eye(40), atol=1e-12)


def test_mel_filters_overlap_to_one_between_the_first_and_the_last_peak() -> None:
    weights = mel.mel_filter_bank(80, 2048, 16000, 20.0, 8000.0)
    hz = np.arange(1024) * 16000 / 2048
    edges = mel.mel_edges(80, 20.0, 8000.0)
    between = (hz > edges[1]) & (hz < edges[-2])
    np.testing.assert_allclose(weights.sum(axis=1)[between], 1.0, atol=1e-9)
    np.testing.assert_allclose(mel.mel_to_hz(mel.hz_to_mel(hz)), hz, atol=1e-9)


def test_deltas_are_the_slope_of_the_best_line_through_five_frames() -> None:
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 9, 3)))
    out = append_deltas(features, torch.tensor([9, 6]))
    for row, length in enumerate((9, 6)):
        statics = features[row, :length].numpy()

        def slope(values: npt.NDArray[np.float64], t: int) -> npt.NDArray[np.float64]:
            frames = [values[min(max(t + k, 0), len(values) - 1)] for k in range(-2, 3)]
            return np.asarray(np.polyfit([-2, -1, 0, 1, 2], np.array(frames), 1)[0])

        delta = np.array([slope(statics, t) for t in range(length)])
        acceleration = np.array([slope(delta, t) for t in range(length)])
        expected = np.concatenate([statics, delta, acceleration], axis=1)
        np.testing.assert_allclose(out[row, :length].numpy(), expected, atol=1e-12)


# Batches

BATCH_OPTIONS = {
    "log_mel": FeatureOptions(),
    "snip": FeatureOptions(snip_edges=True, use_energy=True),
    "8 kHz": FeatureOptions(sample_rate=8000, deltas=True),
    "mfcc": FeatureOptions(kind="mfcc", n_mels=40, deltas=True),
}


@pytest.mark.parametrize("name", BATCH_OPTIONS)
@settings(max_examples=15)
@given(st.lists(st.integers(0, 4000), min_size=1, max_size=5), st.integers(0, 300))
def test_padding_never_changes_a_clip(name: str, lengths: list[int], more: int) -> None:
    features = build_features(BATCH_OPTIONS[name])
    clips = [torch.from_numpy(voice(n, seed=n)) for n in lengths]
    waveform = torch.full((len(clips), max(lengths) + more), math.nan)  # beyond a clip, nobody looks
    for row, clip in enumerate(clips):
        waveform[row, : len(clip)] = clip
    batch, batch_lengths = features(waveform, torch.tensor(lengths))
    for row, clip in enumerate(clips):
        single, single_lengths = features(clip[None], torch.tensor([len(clip)]))
        frames = int(single_lengths[0])
        assert batch_lengths[row] == frames == single.shape[1]
        torch.testing.assert_close(batch[row, :frames], single[0], atol=1e-4, rtol=0)
        assert not batch[row, frames:].any()


def test_a_batch_without_clips_or_samples_is_empty() -> None:
    features = build_features(FeatureOptions(deltas=True))
    for shape in ((0, 16000), (2, 0)):
        out, lengths = features(torch.zeros(shape), torch.zeros(shape[0], dtype=torch.int64))
        assert out.shape[0] == shape[0] and out.shape[2] == 240
        assert lengths.tolist() == [0] * shape[0]


def test_nan_stays_in_its_clip_and_its_frames() -> None:
    waveform = torch.from_numpy(np.stack([voice(16000), voice(16000, seed=1)]))
    features = build_features(FeatureOptions())
    lengths = torch.tensor([16000, 16000])
    clean, _ = features(waveform, lengths)
    waveform[0, 8000] = math.nan
    out, _ = features(waveform, lengths)
    assert torch.equal(out[1], clean[1])
    broken = out[0].isnan().any(dim=1).nonzero().flatten()
    assert broken.tolist() == [49, 50]  # 8000 lies in frames that begin at 7720 and 7880
    keep = [t for t in range(100) if t not in (49, 50)]
    assert torch.equal(out[0, keep], clean[0, keep])


def test_a_lower_precision_elsewhere_does_not_reach_the_features() -> None:
    waveform, lengths = torch.from_numpy(voice(8000))[None], torch.tensor([8000])
    features = build_features(FeatureOptions(kind="mfcc", n_mels=40))
    expected, _ = features(waveform, lengths)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out, _ = features(waveform, lengths)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert torch.equal(out, expected)


def test_nothing_is_saved_with_the_weights() -> None:
    features = build_features(FeatureOptions())
    assert not features.state_dict() and not list(features.parameters())


def test_features_pass_gradients_to_the_waveform() -> None:
    waveform = torch.from_numpy(voice(4000))[None].requires_grad_()
    out, _ = build_features(FeatureOptions())(waveform, torch.tensor([3000]))
    out.sum().backward()
    assert waveform.grad is not None
    assert waveform.grad[0, :3000].abs().min() > 0 and not waveform.grad[0, 3000:].any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same() -> None:
    waveform = torch.from_numpy(np.stack([voice(9000), voice(9000, seed=1)]))
    lengths = torch.tensor([9000, 777])
    for options in BATCH_OPTIONS.values():
        expected, _ = build_features(options)(waveform, lengths)
        out, _ = build_features(options).cuda()(waveform.cuda(), lengths.cuda())
        torch.testing.assert_close(out.cpu(), expected, atol=1e-3, rtol=0)


# The exported graph

Run = Callable[[Array, list[int]], tuple[Array, npt.NDArray[np.int64]]]

EXPORTED = {
    "log_mel": FeatureOptions(),
    "8 kHz": FeatureOptions(sample_rate=8000, snip_edges=True, use_energy=True),
    "mfcc": FeatureOptions(kind="mfcc", n_mels=40, deltas=True),
}


@pytest.fixture(scope="module", params=EXPORTED)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Features, Run]:
    """A feature module and its graph in onnxruntime."""
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    features = build_features(EXPORTED[request.param]).eval()
    path = tmp_path_factory.mktemp("graph") / "features.onnx"
    torch.onnx.export(
        features,
        (torch.zeros(2, 8000), torch.tensor([8000, 5000])),
        path,
        input_names=["waveform", "lengths"],
        output_names=["features", "feature_lengths"],
        dynamic_shapes=({0: "batch", 1: "samples"}, {0: "batch"}),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    graph = onnx.load(path)
    assert not {node.op_type for node in graph.graph.node} & {"DFT", "STFT", "Loop", "If", "Scan"}
    assert graph.opset_import[0].version >= 17
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(waveform: Array, lengths: list[int]) -> tuple[Array, npt.NDArray[np.int64]]:
        out = session.run(None, {"waveform": waveform, "lengths": np.array(lengths, np.int64)})
        return out[0], out[1]

    return features, run


@pytest.mark.parametrize(
    "lengths", [[16000], [12345, 777, 0], [401], [200, 199], [81], [79], [1, 1, 1, 1], [0], [30000, 5]]
)
def test_the_graph_equals_the_module(exported: tuple[Features, Run], lengths: list[int]) -> None:
    features, run = exported
    rate = features.options.sample_rate
    waveform = np.stack([voice(max(lengths), rate, seed) for seed in range(len(lengths))])
    expected, expected_lengths = features(torch.from_numpy(waveform), torch.tensor(lengths))
    out, out_lengths = run(waveform, lengths)
    assert out_lengths.tolist() == expected_lengths.tolist()
    assert largest_difference(out, expected.numpy()) < 1e-4


def test_the_graph_equals_the_module_where_quiet_lies_beside_loud(exported: tuple[Features, Run]) -> None:
    features, run = exported
    tone = 0.9 * np.sin(2 * np.pi * 50 * np.arange(8000) / features.options.sample_rate) + 0.05
    clip = (tone + np.random.default_rng(0).normal(0, 1e-6, 8000)).astype(np.float32)
    expected, _ = features(torch.from_numpy(clip)[None], torch.tensor([8000]))
    assert largest_difference(run(clip[None], [8000])[0], expected.numpy()) < 1e-4


# What the user can get wrong


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "fbank"}, "kind = 'fbank' must be one of log_mel, mfcc"),
        ({"window": "kaiser"}, "window = 'kaiser' must be one of povey"),
        ({"sample_rate": 16}, "sample_rate = 16 must be from 1000"),
        ({"sample_rate": 16000.0}, "sample_rate = 16000.0 is not of type int"),
        ({"n_mels": 0}, "n_mels = 0 must be"),
        ({"n_mels": True}, "n_mels = True is not of type int"),
        ({"n_mels": "80"}, "n_mels = '80' is not of type int"),
        ({"kind": "mfcc", "n_mels": 23, "n_mfcc": 40}, "n_mfcc = 40 must be from 1 to n_mels, 23"),
        ({"frame_length": 0.0}, "frame_length = 0.0 must be"),
        ({"frame_length": math.nan}, "frame_length = nan must be"),
        ({"frame_length": 25}, "frame_length = 25 must be above 0 and at most 0.1 seconds"),
        ({"frame_shift": 0.03}, "frame_shift = 0.03 must be above 0 and at most frame_length"),
        ({"frame_shift": 0.00001}, "must be two samples and one at least"),
        ({"preemphasis": 1.5}, "preemphasis = 1.5 must be from 0 to 1"),
        ({"low_freq": -1.0}, "low_freq = -1.0 must be"),
        ({"low_freq": 8000.0}, "low_freq = 8000.0 must be"),
        ({"high_freq": 9000.0}, "high_freq = 9000.0 must be"),
        ({"high_freq": -8000.0}, "high_freq = -8000.0 must be"),
        ({"energy_floor": -1.0}, "energy_floor = -1.0 must be"),
        ({"cepstral_lifter": math.inf}, "cepstral_lifter = inf must be"),
        ({"deltas": 1}, "deltas = 1 is not of type bool"),
        ({"n_mels": 200}, "n_mels = 200 is too many: filter"),
    ],
)
def test_options_that_cannot_be_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(EarwrightError) as caught:
        build_features(replace(FeatureOptions(), **change))
    message = str(caught.value)
    assert words in message
    assert message.endswith(".") and "\n" not in message


@pytest.mark.parametrize(
    ("waveform", "lengths", "words"),
    [
        (torch.zeros(16000), torch.tensor([16000]), "waveform must be (B, N)"),
        (torch.zeros(1, 16000, dtype=torch.int16), torch.tensor([16000]), "torch.int16"),
        (torch.zeros(2, 16000), torch.tensor([16000]), "one for each of the 2 clips"),
        (torch.zeros(1, 16000), torch.tensor([16000.0]), "lengths must be (B,) int64"),
        (torch.zeros(1, 16000), torch.tensor([16001]), "between 0 and the 16000 samples"),
        (torch.zeros(1, 16000), torch.tensor([-1]), "between 0 and the 16000 samples"),
    ],
)
def test_batches_that_cannot_be_are_named(waveform: torch.Tensor, lengths: torch.Tensor, words: str) -> None:
    with pytest.raises(EarwrightError) as caught:
        build_features(FeatureOptions())(waveform, lengths)
    assert words in str(caught.value)


@pytest.mark.parametrize("preemphasis", [0.0, 0.97])
def test_a_waveform_is_its_samples_in_rows(preemphasis: float) -> None:
    features = build_features(FeatureOptions(kind="waveform", preemphasis=preemphasis))
    assert features.dim == 160
    waveform = torch.randn(len(LENGTHS), max(LENGTHS), generator=torch.Generator().manual_seed(0)) * 0.1
    x, lengths = features(waveform, torch.tensor(LENGTHS))
    assert lengths.tolist() == [(length + 80) // 160 for length in LENGTHS]
    for row, count, clip, length in zip(x, lengths.tolist(), waveform, LENGTHS, strict=True):
        samples = np.zeros(count * 160 + 160, np.float32)
        samples[:length] = clip[:length]
        samples[1:length] -= preemphasis * clip[: length - 1].numpy()
        np.testing.assert_allclose(row[:count].flatten(), samples[: count * 160], atol=1e-6)
        assert (row[count:] == 0).all()
        alone, _ = features(clip[None, :length], torch.tensor([length]))
        assert torch.equal(alone[0], row[:count])


def test_one_scale_for_all_samples_of_a_waveform() -> None:
    from earwright.nn.normalization import FeatureNormalization

    normalization = FeatureNormalization(160)
    frames = 0.02 * torch.randn(500, 160, generator=torch.Generator().manual_seed(0)) + 0.001
    normalization.set_from(frames, alike=True)
    assert (normalization.mean == 0).all() and len(set(normalization.scale.tolist())) == 1
    assert float((frames * normalization.scale).square().mean()) == pytest.approx(1.0, rel=1e-4)
