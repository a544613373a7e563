"""From waveform to log-mel spectrum or MFCC: the textbook's steps, on padded batches, as a torch module.

    frames, 16-bit range, DC removal, pre-emphasis, window, DFT, power, mel, log [, DCT, lifter] [, deltas]

Equal to Kaldi's features with the same options (no dither). Everything up to the power spectrum is in
float64: where a quiet band lies beside a loud one, two float32 DFTs differ by 0.01 and more in the logarithm
(Kaldi's own too), and training, the exported graph and a padded batch are to see the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from earwright.errors import EarwrightError
from earwright.nn import mel

# Kaldi works on the numbers that a 16-bit file holds.
INT16_SCALE = 32768.0
# Kaldi's floor under every logarithm: float32's machine epsilon, 1.19e-7.
LOG_FLOOR = torch.finfo(torch.float32).eps

# On a CPU, so many frames go through all steps together: float64 frames then stay in the cache, which makes a
# batch of minutes several times faster, and keeps memory small for hours of audio.
FRAMES_AT_ONCE = 512

KINDS = ("log_mel", "mfcc", "waveform")


@dataclass(frozen=True)
class FeatureOptions:
    """What the features are; the defaults are Kaldi's 80-bin filter bank with one frame every 10 ms.

    Attributes:
        kind: "log_mel" or "mfcc"; or "waveform", the samples themselves in rows of a frame shift, for models
            that learn from them. Of the other options, only sample_rate, frame_shift and preemphasis are for
            those.
        sample_rate: Hz.
        n_mels: mel filters.
        n_mfcc: cepstra, with C0 among them (kind "mfcc").
        deltas: append first and second differences in time, which makes three times as many features.
        frame_length: seconds.
        frame_shift: seconds.
        preemphasis: a of y[n] = x[n] - a x[n-1].
        window: one of `mel.WINDOWS`.
        low_freq: Hz where the first mel filter begins.
        high_freq: Hz where the last one ends; 0 or less counts down from half the sample rate.
        snip_edges: only frames that lie wholly inside the clip; otherwise one frame for each shift, and the
            clip is mirrored at its ends.
        remove_dc_offset: subtract each frame's mean.
        use_energy: log-mel gets one more feature in front, the frame's log energy; in MFCC it replaces C0.
        raw_energy: take the energy before pre-emphasis and window.
        energy_floor: the least energy (16-bit range squared) when `use_energy`; 0 for none.
        cepstral_lifter: Q of the weights on the cepstra; 0 for none.
        htk_compat: energy or C0 last, C0 in HTK's scale.
        htk_mel: HTK's first mel filter (see `mel.mel_filter_bank`).
    """

    kind: str = "log_mel"
    sample_rate: int = 16000
    n_mels: int = 80
    n_mfcc: int = 13
    deltas: bool = False
    frame_length: float = 0.025
    frame_shift: float = 0.01
    preemphasis: float = 0.97
    window: str = "povey"
    low_freq: float = 20.0
    high_freq: float = 0.0
    snip_edges: bool = False
    remove_dc_offset: bool = True
    use_energy: bool = False
    raw_energy: bool = True
    energy_floor: float = 0.0
    cepstral_lifter: float = 22.0
    htk_compat: bool = False
    htk_mel: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value, expected = getattr(self, field.name), type(field.default)
            numbers = (int, float) if expected is float else expected
            if not isinstance(value, numbers) or (isinstance(value, bool) and expected is not bool):
                raise EarwrightError(f"{field.name} = {value!r} is not of type {expected.__name__}.")
        nyquist = self.sample_rate / 2
        most_cepstra = self.n_mels if self.kind == "mfcc" else math.inf
        checks = (
            ("kind", self.kind in KINDS, f"one of {', '.join(KINDS)}"),
            ("window", self.window in mel.WINDOWS, f"one of {', '.join(mel.WINDOWS)}"),
            ("sample_rate", 1000 <= self.sample_rate <= 384000, "from 1000 to 384000 Hz"),
            ("n_mels", 1 <= self.n_mels <= 1024, "from 1 to 1024"),
            ("n_mfcc", 1 <= self.n_mfcc <= most_cepstra, f"from 1 to n_mels, {self.n_mels}"),
            ("frame_length", 0 < self.frame_length <= 0.1, "above 0 and at most 0.1 seconds"),
            ("frame_shift", 0 < self.frame_shift <= self.frame_length, "above 0 and at most frame_length"),
            ("preemphasis", 0 <= self.preemphasis <= 1, "from 0 to 1"),
            ("low_freq", 0 <= self.low_freq < nyquist, f"from 0 to below {nyquist:g} Hz"),
            ("high_freq", self.low_freq < self.top_freq <= nyquist, f"above low_freq, to {nyquist:g} Hz"),
            ("energy_floor", 0 <= self.energy_floor < math.inf, "0 or more"),
            ("cepstral_lifter", 0 <= self.cepstral_lifter < math.inf, "0 or more"),
        )
        for name, holds, wanted in checks:
            if not holds:
                raise EarwrightError(f"{name} = {getattr(self, name)!r} must be {wanted}.")
        if self.frame_size < 2 or self.hop_length < 1:
            seconds = f"frame_length = {self.frame_length!r} and frame_shift = {self.frame_shift!r}"
            raise EarwrightError(f"{seconds} must be two samples and one at least, at {self.sample_rate} Hz.")

    @property
    def frame_size(self) -> int:
        """Samples in a frame."""
        # Cut, not rounded, as Kaldi does; the small number forgives 0.01 * 16000 = 159.99...
        return int(self.frame_length * self.sample_rate + 1e-6)

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return int(self.frame_shift * self.sample_rate + 1e-6)

    @property
    def fft_size(self) -> int:
        """Points of the DFT: the frame, padded with zeros to a power of two."""
        return 1 << (self.frame_size - 1).bit_length()

    @property
    def top_freq(self) -> float:
        """Hz where the last mel filter ends."""
        return self.high_freq if self.high_freq > 0 else self.sample_rate / 2 + self.high_freq

    @property
    def dim(self) -> int:
        """Features in a frame."""
        if self.kind == "waveform":
            return self.hop_length
        static = self.n_mfcc if self.kind == "mfcc" else self.n_mels + self.use_energy
        return 3 * static if self.deltas else static


class Features(nn.Module):
    """Log-mel or MFCC features of a padded batch; every clip gets what it would get alone.

    >>> features = Features(FeatureOptions())
    >>> x, lengths = features(torch.zeros(2, 16000), torch.tensor([16000, 8000]))
    >>> x.shape, lengths.tolist()
    (torch.Size([2, 100, 80]), [100, 50])
    """

    filters: Tensor
    dct: Tensor

    def __init__(self, options: FeatureOptions) -> None:
        super().__init__()
        self.options = o = options
        band = (o.low_freq, o.top_freq)
        filters = mel.mel_filter_bank(o.n_mels, o.fft_size, o.sample_rate, *band, o.htk_mel)
        dct = mel.dct_matrix(o.n_mels, o.n_mfcc) * mel.cepstral_lifter(o.n_mfcc, o.cepstral_lifter)
        # These follow from the options: they move with the module, and are not saved with the weights.
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("dct", torch.from_numpy(dct).float(), persistent=False)
        # Not buffers: they stay float64 when the module changes its type, or goes where there is no float64.
        self.window = torch.from_numpy(mel.window_function(o.window, o.frame_size))
        self.cosines, self.sines = map(torch.from_numpy, mel.dft_matrices(o.frame_size, o.fft_size))

    @property
    def dim(self) -> int:
        """Features in a frame."""
        return self.options.dim

    def num_frames(self, samples: Tensor) -> Tensor:
        """Frames of clips that are `samples` long (int64, any shape)."""
        o = self.options
        if o.snip_edges and o.kind != "waveform":
            beyond_first = (samples - o.frame_size).clamp(min=-o.hop_length)
            return torch.div(beyond_first, o.hop_length, rounding_mode="floor") + 1
        return torch.div(samples + o.hop_length // 2, o.hop_length, rounding_mode="floor")

    def forward(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features of each clip.

        Args:
            waveform: (B, N) float32 in [-1, 1]; what lies beyond a clip's length is not looked at.
            lengths: (B,) int64, samples in each clip.

        Returns:
            features (B, T, dim) float32, zero beyond a clip's frames, and frames in each clip (B,) int64.
            A clip shorter than a frame has none if `snip_edges`, otherwise one if it is at least half a
            shift long. NaN stays in the frames that hold it.

        Raises:
            EarwrightError: the shapes or types are not these.
        """
        _check_batch(waveform, lengths)
        frame_lengths = self.num_frames(lengths)
        if self.options.kind == "waveform":
            features = self._samples(waveform.float(), lengths)  # (B, T, hop_length)
            return self._cut(features, frame_lengths), frame_lengths
        with full_precision(waveform.device):
            frames = self._frames(waveform.float() * INT16_SCALE, lengths)  # (B, T, frame_size)
            if frames.device.type == "cpu" and not torch.compiler.is_exporting():
                blocks = torch.split(frames, max(1, FRAMES_AT_ONCE // max(1, len(frames))), dim=1)
                features = torch.cat([self._mel_features(block) for block in blocks], dim=1)  # (B, T, F)
            else:
                features = self._mel_features(frames)
            if self.options.deltas:
                features = append_deltas(features, frame_lengths)  # (B, T, 3 F)
        return self._cut(features, frame_lengths), frame_lengths

    def _cut(self, features: Tensor, frame_lengths: Tensor) -> Tensor:
        """(B, T, F), zero beyond each clip's frames (B,)."""
        inside = torch.arange(features.shape[1], device=features.device) < frame_lengths[:, None]  # (B, T)
        return features.masked_fill(~inside[:, :, None], 0.0)

    def _samples(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Clips (B, N) to rows of samples (B, T, hop_length), zero beyond their lengths."""
        hop = self.options.hop_length
        count = (samples.shape[1] + hop // 2) // hop
        inside = torch.arange(samples.shape[1], device=samples.device) < lengths[:, None]  # (B, N)
        if self.options.preemphasis:  # nothing is before the first sample
            samples = samples - self.options.preemphasis * nn.functional.pad(samples, (1, 0))[:, :-1]
        samples = samples.masked_fill(~inside, 0.0)
        # As many as the rows need, whether that is a little more or a little less.
        samples = nn.functional.pad(samples, (0, hop))[:, : count * hop]
        return samples.reshape(samples.shape[0], count, hop)

    def _frames(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Clips (B, N) to overlapping frames (B, T, frame_size), with the clips' ends mirrored if need be."""
        o = self.options
        n = samples.shape[1]
        if o.snip_edges:
            # One frame's worth of zeros: an exported graph cannot ask whether there is a whole frame.
            samples = nn.functional.pad(samples, (0, o.frame_size))
            beyond_first = torch.sym_max(n - o.frame_size, -o.hop_length)  # type: ignore[no-untyped-call]
            count = beyond_first // o.hop_length + 1
        else:
            # The middle of frame t is the middle of shift t (Kaldi, feat/feature-window.cc).
            margin = o.frame_size // 2 - o.hop_length // 2
            samples = _mirror_ends(samples, lengths, margin, o.frame_size)
            count = (n + o.hop_length // 2) // o.hop_length
        return samples.unfold(1, o.frame_size, o.hop_length)[:, :count]

    def _mel_features(self, frames: Tensor) -> Tensor:
        """Frames (B, T, frame_size) in 16-bit range to features (B, T, F)."""
        o = self.options
        if frames.device.type != "mps":  # Apple's GPUs have no float64
            frames = frames.double()
        if o.remove_dc_offset:
            frames = frames - frames.mean(dim=2, keepdim=True)
        raw = frames
        if o.preemphasis:
            # The first sample has no neighbour within its frame; it stands in for it.
            before = torch.cat([frames[:, :, :1], frames[:, :, :-1]], dim=2)
            frames = frames - o.preemphasis * before
        frames = frames * self.window.to(frames)
        power = self._power(frames).float()  # (B, T, fft_size / 2)
        log_mel = (power @ self.filters).clamp(min=LOG_FLOOR).log()  # (B, T, n_mels)
        features = log_mel @ self.dct if o.kind == "mfcc" else log_mel
        return self._with_energy(features, raw if o.raw_energy else frames)

    def _power(self, frames: Tensor) -> Tensor:
        """Frames (B, T, frame_size) to power spectra (B, T, fft_size / 2), without the bin at Nyquist."""
        # Some libraries refuse an FFT of no frames.
        if frames.numel() and not torch.compiler.is_exporting():
            spectrum: Tensor = torch.fft.rfft(frames, self.options.fft_size)[:, :, :-1]
            return spectrum.real.square() + spectrum.imag.square()
        # In onnxruntime matrix products are faster than its DFT operator. About the middle of the frame, a
        # cosine sees only what is even and a sine what is odd, so folding the frame first halves the work.
        half = frames.shape[2] // 2
        before = frames[:, :, :half].flip(2)
        after = nn.functional.pad(frames[:, :, half + 1 :], (0, 1 - frames.shape[2] % 2))
        even = torch.cat([frames[:, :, half : half + 1], after + before], dim=2)  # (B, T, half + 1)
        odd = after - before  # (B, T, half)
        return (even @ self.cosines.to(even)).square() + (odd @ self.sines.to(odd)).square()

    def _with_energy(self, features: Tensor, frames: Tensor) -> Tensor:
        """Put the log energy of the frames in its place, or C0 in HTK's."""
        o = self.options
        if o.use_energy:
            floor = max(o.energy_floor, LOG_FLOOR)
            first = frames.square().sum(dim=2, keepdim=True).clamp(min=floor).log().float()  # (B, T, 1)
            rest = features[:, :, 1:] if o.kind == "mfcc" else features
        elif o.kind == "mfcc" and o.htk_compat:
            # HTK's cosine transform has the same factor in all rows; the orthonormal one has less in C0.
            first, rest = features[:, :, :1] * math.sqrt(2.0), features[:, :, 1:]
        else:
            return features
        return torch.cat([rest, first] if o.htk_compat else [first, rest], dim=2)


def _mirror_ends(samples: Tensor, lengths: Tensor, left: int, right: int) -> Tensor:
    """Put mirror images before the start of each clip and after its end.

    Args:
        samples: (B, N).
        lengths: (B,) int64.
        left: samples to put before each clip.
        right: samples to put after each clip.

    Returns:
        (B, left + N + right); a clip shorter than what is asked for is mirrored again and again.
    """
    samples = nn.functional.pad(samples, (left, right))
    # Clip, mirror image, clip, ...: with its end samples doubled, it repeats after twice its length.
    period = 2 * lengths.clamp(min=1)[:, None]  # (B, 1)

    def mirrored(position: Tensor) -> Tensor:
        position = torch.remainder(position, period)
        return samples.gather(1, left + torch.minimum(position, period - 1 - position))

    before = torch.arange(-left, 0, device=samples.device)
    after = lengths[:, None] + torch.arange(right, device=samples.device)  # (B, right)
    first, last = mirrored(before), mirrored(after)
    return torch.cat([first, samples[:, left:]], dim=1).scatter(1, left + after, last)


def append_deltas(features: Tensor, lengths: Tensor) -> Tensor:
    """Append slopes in time, and slopes of slopes: regression over two frames to each side (HTK book, 5.9).

    Args:
        features: (B, T, F).
        lengths: (B,) int64, frames in each clip; the first and the last stand in for those beyond.

    Returns:
        (B, T, 3 F).
    """
    delta = _slope(features, lengths)
    return torch.cat([features, delta, _slope(delta, lengths)], dim=2)


def _slope(features: Tensor, lengths: Tensor) -> Tensor:
    time = torch.arange(features.shape[1], device=features.device)
    last = (lengths - 1).clamp(min=0)[:, None]  # (B, 1)

    def at(offset: int) -> Tensor:
        index = torch.minimum((time + offset).clamp(min=0), last)  # (B, T)
        return features.gather(1, index[:, :, None].expand(-1, -1, features.shape[2]))

    # The divisor is 2 (1^2 + 2^2).
    return (at(1) - at(-1) + 2 * (at(2) - at(-2))) / 10.0


def _check_batch(waveform: Tensor, lengths: Tensor) -> None:
    if waveform.dim() != 2 or not waveform.is_floating_point():
        kind = f"{waveform.dtype} {tuple(waveform.shape)}"
        raise EarwrightError(f"waveform must be (B, N) floating point numbers in [-1, 1]; it is {kind}.")
    if lengths.dim() != 1 or lengths.shape[0] != waveform.shape[0] or lengths.dtype != torch.int64:
        kind = f"{lengths.dtype} {tuple(lengths.shape)}"
        clips = waveform.shape[0]
        raise EarwrightError(f"lengths must be (B,) int64, one for each of the {clips} clips; it is {kind}.")
    # Looking at values would stop a graph being traced, and make a GPU wait.
    if torch.compiler.is_exporting() or lengths.device.type != "cpu":
        return
    if len(lengths) and not 0 <= int(lengths.min()) <= int(lengths.max()) <= waveform.shape[1]:
        raise EarwrightError(f"lengths must lie between 0 and the {waveform.shape[1]} samples of the batch.")


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Keep matrix products in float32 inside: a bfloat16 or TF32 spectrum loses what is quiet."""
    precision = torch.get_float32_matmul_precision()
    already = precision == "highest" and not torch.is_autocast_enabled(device.type)
    if already or torch.compiler.is_exporting():
        yield
        return
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def build_features(options: FeatureOptions) -> Features:
    """The feature module for these options."""
    return Features(options)
