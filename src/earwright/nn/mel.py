"""The fixed tables of the front end: window, DFT, mel filter bank, cosine transform, cepstral lifter.

All are computed in float64 with numpy and rounded to float32 once, when `nn.features` stores them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError

Table = npt.NDArray[np.float64]

WINDOWS = ("povey", "hamming", "hann", "blackman", "sine", "rectangular")


def window_function(name: str, size: int) -> Table:
    """The symmetric window of a frame.

    Args:
        name: one of `WINDOWS`; "povey" is Kaldi's, a Hann window to the power 0.85, which does not
            reach so far down at the edges.
        size: samples in a frame.

    Returns:
        (size,) weights in [0, 1].

    Raises:
        EarwrightError: no window has this name.
    """
    if name == "rectangular":
        return np.ones(size)
    phase = 2 * math.pi * np.arange(size) / (size - 1)
    if name == "povey":
        return np.asarray((0.5 - 0.5 * np.cos(phase)) ** 0.85)
    if name == "hamming":
        return 0.54 - 0.46 * np.cos(phase)
    if name == "hann":
        return 0.5 - 0.5 * np.cos(phase)
    if name == "blackman":
        return 0.42 - 0.5 * np.cos(phase) + 0.08 * np.cos(2 * phase)
    if name == "sine":
        return np.sin(phase / 2)
    raise EarwrightError(f"window = {name!r} is not known; use one of {', '.join(WINDOWS)}.")


def dft_matrices(frame_size: int, fft_size: int) -> tuple[Table, Table]:
    """The real DFT of a frame padded with zeros, as matrices for its even and its odd part.

    With time counted from the middle sample, frame_size // 2, the real parts of the DFT are cosines times
    the even part and the imaginary parts sines times the odd part. (Where time starts does not change the
    power.) The bin at the Nyquist frequency is left out, as in Kaldi: no mel filter reaches it.

    Args:
        frame_size: samples in a frame, at most `fft_size`.
        fft_size: points of the DFT, even.

    Returns:
        Cosines (half + 1, fft_size / 2) for times 0 .. half and sines (half, fft_size / 2) for times
        1 .. half, where half is frame_size // 2.
    """
    time = np.arange(frame_size // 2 + 1)[:, None]
    bins = np.arange(fft_size // 2)[None, :]
    # The product modulo the size keeps the angle small, so that cos and sin lose no digits.
    angle = 2 * math.pi * (time * bins % fft_size) / fft_size
    return np.cos(angle), -np.sin(angle[1:])


def hz_to_mel(hz: npt.ArrayLike) -> Table:
    """The mel scale of HTK and Kaldi: mel = 1127 ln(1 + hz / 700)."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hz, dtype=np.float64) / 700.0))


def mel_to_hz(mel: npt.ArrayLike) -> Table:
    """The inverse of `hz_to_mel`."""
    return np.asarray(700.0 * np.expm1(np.asarray(mel, dtype=np.float64) / 1127.0))


def mel_edges(n_mels: int, low_freq: float, high_freq: float) -> Table:
    """Edges in hertz: filter m rises from edge m, is 1 at edge m + 1, and falls to edge m + 2.

    Args:
        n_mels: filters.
        low_freq: Hz where the first filter begins.
        high_freq: Hz where the last filter ends.

    Returns:
        (n_mels + 2,) in Hz, equally spaced on the mel scale.
    """
    low, high = hz_to_mel(low_freq), hz_to_mel(high_freq)
    return mel_to_hz(np.linspace(float(low), float(high), n_mels + 2))


def mel_filter_bank(
    n_mels: int,
    fft_size: int,
    sample_rate: int,
    low_freq: float,
    high_freq: float,
    htk_mode: bool = False,
) -> Table:
    """Triangles on the mel scale, each of height 1 (Kaldi, feat/mel-computations.cc).

    Args:
        n_mels: filters.
        fft_size: points of the DFT.
        sample_rate: Hz.
        low_freq: Hz where the first filter begins.
        high_freq: Hz where the last filter ends.
        htk_mode: Kaldi's imitation of HTK, which rounds where the first filter begins: its first bin counts
            nothing unless `low_freq` is 0. (HTK itself keeps that bin when it lies close above `low_freq`.)

    Returns:
        (fft_size / 2, n_mels) weights; a power spectrum times this matrix is the mel spectrum.

    Raises:
        EarwrightError: a filter is so narrow that no DFT bin falls into it.
    """
    edges_hz = mel_edges(n_mels, low_freq, high_freq)
    edges = hz_to_mel(edges_hz)
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    mel = hz_to_mel(np.arange(fft_size // 2) * sample_rate / fft_size)[:, None]  # (bins, 1)
    rising = (mel - left) / (center - left)
    falling = (right - mel) / (right - center)
    weights = np.maximum(np.minimum(rising, falling), 0.0)  # (bins, n_mels)
    empty = np.flatnonzero(weights.sum(axis=0) == 0)
    if empty.size:
        first = int(empty[0])
        begin, end = edges_hz[first], edges_hz[first + 2]
        raise EarwrightError(
            f"n_mels = {n_mels} is too many: filter {first + 1}, {begin:.0f} to {end:.0f} Hz, falls between "
            f"DFT bins, {sample_rate / fft_size:.0f} Hz apart; use fewer, a longer frame or a wider band."
        )
    if htk_mode and low_freq != 0.0:
        weights[np.flatnonzero(weights[:, 0])[0], 0] = 0.0
    return np.asarray(weights)


def dct_matrix(n_mels: int, n_mfcc: int) -> Table:
    """The orthonormal type II cosine transform, its first `n_mfcc` rows, transposed.

    Returns:
        (n_mels, n_mfcc); a log-mel spectrum times this matrix is the cepstrum.
    """
    rows = np.arange(n_mels)[:, None] + 0.5
    columns = np.arange(n_mfcc)[None, :]
    matrix = math.sqrt(2.0 / n_mels) * np.cos(math.pi / n_mels * rows * columns)
    matrix[:, 0] = math.sqrt(1.0 / n_mels)
    return np.asarray(matrix)


def cepstral_lifter(n_mfcc: int, lifter: float) -> Table:
    """Weights that bring the high cepstra, which are small, to about the size of the low ones.

    Args:
        n_mfcc: cepstra.
        lifter: Q of 1 + Q/2 sin(pi n / Q); 0 leaves all weights at 1 (HTK book, 5.6).

    Returns:
        (n_mfcc,) weights.
    """
    if lifter == 0:
        return np.ones(n_mfcc)
    return np.asarray(1.0 + 0.5 * lifter * np.sin(math.pi * np.arange(n_mfcc) / lifter))
