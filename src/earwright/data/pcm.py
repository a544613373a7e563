"""Every recording decoded once, as 16-bit samples in one file that is mapped into memory.

Decoding Opus or MP3 and resampling at every use would take as long as the training step itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwright.cuts import Cut, read_cut_audio
from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_write, describe_os_error

Pcm = npt.NDArray[np.int16]


class PcmCache:
    """The samples of a list of cuts, in their order.

    Args:
        path: the samples, int16, one cut after the other.
        ends: (N,) int64, where each cut ends in it.
    """

    def __init__(self, path: Path, ends: npt.NDArray[np.int64]) -> None:
        self._ends = ends
        size = int(ends[-1]) if len(ends) else 0
        self._samples: Pcm = np.memmap(path, np.int16, "r", shape=(size,)) if size else np.zeros(0, np.int16)

    def samples(self, index: int) -> int:
        """Samples of cut `index`; 0 if it could not be read."""
        return int(self._ends[index] - (self._ends[index - 1] if index else 0))

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Cut `index` as float32 in [-1, 1]."""
        end = int(self._ends[index])
        return self._samples[end - self.samples(index) : end].astype(np.float32) / 32768.0


def open_pcm_cache(
    cuts: Sequence[Cut],
    sample_rate: int,
    folder: Path,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[PcmCache, dict[str, str]]:
    """Map the cache of these cuts, made now unless an earlier run made it.

    Args:
        cuts: what to decode. A changed recording (size or time) makes a new cache.
        sample_rate: Hz to resample to.
        folder: where caches lie.
        report: called with the number of cuts done.

    Returns:
        The cache, and why each cut that could not be read (id -> sentence) is empty in it.

    Raises:
        EarwrightError: the folder cannot be written or the disk is full.
    """
    key = _key(cuts, sample_rate)
    samples_path, index_path = folder / f"{key}.i16", folder / f"{key}.json"
    if not (samples_path.exists() and index_path.exists()):
        _decode_all(cuts, sample_rate, samples_path, index_path, report)
    index = json.loads(index_path.read_text(encoding="utf-8"))
    return PcmCache(samples_path, np.array(index["ends"], np.int64)), index["problems"]


def _decode_all(
    cuts: Sequence[Cut], sample_rate: int, samples_path: Path, index_path: Path, report: Callable[[int], None]
) -> None:
    ends: list[int] = []
    problems: dict[str, str] = {}
    end = 0
    try:
        with (
            atomic_write(samples_path, "wb") as file,
            ProcessPoolExecutor(os.cpu_count()) as pool,
        ):
            for cut, result in zip(
                cuts, pool.map(_decode, cuts, [sample_rate] * len(cuts), chunksize=8), strict=True
            ):
                if isinstance(result, str):
                    problems[cut.id] = result
                else:
                    file.write(result.tobytes())
                    end += len(result)
                ends.append(end)
                report(len(ends))
        with atomic_write(index_path) as file:
            json.dump({"ends": ends, "problems": problems}, file)
    except OSError as error:
        raise EarwrightError(describe_os_error(error, samples_path)) from error


def _decode(cut: Cut, sample_rate: int) -> Pcm | str:
    try:
        samples = read_cut_audio(cut, sample_rate)
    except EarwrightError as error:
        return first_line(error)
    pcm: Pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return pcm


def _key(cuts: Sequence[Cut], sample_rate: int) -> str:
    digest = hashlib.sha256(f"pcm 1 {sample_rate}\n".encode())
    for cut in cuts:
        try:
            status = os.stat(cut.path)
            version = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            version = "missing"
        digest.update(f"{cut.path} {cut.start!r} {cut.duration!r} {cut.channels} {version}\n".encode())
    return digest.hexdigest()[:24]
