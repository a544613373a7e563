"""Read batches from shards and look at the memory of the process: does it grow, and with what?

    python benchmarks/shard_memory.py --hours 5 20 --batches 400 --save docs/results/shard-memory.json

Makes shards of so many hours out of a few clips of noise with texts of random letters (60 MB an hour),
and for each of the sets reads batches as training does, in a process of its own: what it and its workers hold
(Linux: PSS, so that pages which they share count once) is told for each tenth of the batches. Then it packs a
million utterances that were never spoken, and tells what one takes as an entry in arrays and as an object.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earwright.cuts import Cut
from earwright.data.options import DataOptions, TextOptions
from earwright.data.packed import Example, Packer
from earwright.data.preparation.copies import CopyOptions
from earwright.data.shards.write import Encoded, write_index, write_shard
from earwright.evaluation.record import machine, save_record

RATE = 16000
CLIPS = 40  # that are encoded; every utterance is one of them
A_SHARD = 500  # utterances
A_SECOND = 12  # letters
LETTERS = list("abcdefghijklmnopqrstuvwxyz    ")
MILLION = 1_000_000
SAMPLED = 20_000  # utterances as objects: a million of them would need a gigabyte


def main() -> int:
    """Make, read, pack, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, nargs="+", default=[5.0, 20.0])
    parser.add_argument("--batches", type=int, default=400)
    parser.add_argument("--batch-seconds", type=float, default=100.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--utterances", type=int, default=MILLION, help="to pack")
    parser.add_argument("--save", metavar="FILE")
    parser.add_argument("--read", metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        print(json.dumps(read(Path(args.read), args.batches, args.batch_seconds, args.workers)))
        return 0
    sets = []
    for hours in args.hours:
        with tempfile.TemporaryDirectory() as folder:
            told = make_shards(Path(folder), hours)
            options = [
                "--batches",
                args.batches,
                "--batch-seconds",
                args.batch_seconds,
                "--workers",
                args.workers,
            ]
            command = [sys.executable, __file__, "--read", folder, *map(str, options)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            sets.append({"hours": hours, **told, **json.loads(done.stdout)})
    result = {
        "name": "shard-memory",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "batches": args.batches,
        "workers": args.workers,
        "sets": sets,
        "packing": pack(args.utterances),
    }
    print(json.dumps(result, indent=1))
    if args.save:
        save_record(args.save, result)
    return 0


def make_shards(folder: Path, hours: float) -> dict[str, Any]:
    """Write shards of about so many hours; returns how many utterances, and bytes."""
    audio = CopyOptions("flac", RATE)
    clips = list(encode_clips(folder))
    generator = np.random.default_rng(1)
    seconds = 0.0
    told = []
    for shard in itertools.count():
        part: list[tuple[int, Cut, Encoded]] = []
        while len(part) < A_SHARD and seconds < 3600 * hours:
            clip = clips[int(generator.integers(len(clips)))]
            length = clip.samples / RATE
            text = "".join(generator.choice(LETTERS, int(A_SECOND * length)))
            part.append((shard, Cut(f"u{shard}-{len(part)}", "", 0.0, length, RATE, text=text), clip))
            seconds += length
        if not part:
            break
        told.append(write_shard(folder, shard, iter(part), audio))
    write_index(folder, told)
    return {
        "shards": len(told),
        "utterances": sum(one["utterances"] for one in told),
        "audio_mb": round(sum(one["recording"]["size"] for one in told) / 1e6, 1),
    }


def encode_clips(folder: Path) -> Iterator[Encoded]:
    """Clips of 3 to 15 s of noise as FLAC."""
    generator = np.random.default_rng(0)
    for _ in range(CLIPS):
        samples = 0.02 * generator.standard_normal(int(RATE * generator.uniform(3, 15)))
        path = folder / "clip.flac"
        soundfile.write(path, samples.astype(np.float32), RATE)
        yield Encoded(path.read_bytes(), len(samples))
        path.unlink()


def read(folder: Path, batches: int, batch_seconds: float, workers: int) -> dict[str, Any]:
    """Read batches as training does, and look at what the process and its workers hold."""
    from earwright.data.batches import BatchReader, load_batches
    from earwright.data.examples import build_tokenizer
    from earwright.data.order import Batching, UpdateStream
    from earwright.data.speech import Speech, Texts

    options = DataOptions(train=(str(folder),))
    speech = Speech.open(options.train, "data.train", options)
    tokenizer = build_tokenizer(Texts(speech, "basic"), TextOptions(), 1)
    found = speech.build(tokenizer, options, "basic", sample_rate=RATE, frame_shift=0.04, top_speed=1.1)
    stream = UpdateStream(
        found.examples, Batching(seed=1, batch_seconds=batch_seconds, speeds=(0.9, 1.0, 1.1))
    )
    loader = load_batches(BatchReader(found.examples, found.audio, RATE), stream, workers)
    samples, seconds = [], 0.0
    for batch in itertools.islice(loader, batches):
        seconds += float(batch.lengths.sum()) / RATE
        samples.append(megabytes(os.getpid()))
    tenths = np.array_split(samples, 10)
    return {
        "index_bytes_an_utterance": round(found.examples.nbytes / len(found.examples), 1),
        "hours_read": round(seconds / 3600, 2),
        "median_mb_of_each_tenth": [round(statistics.median(part), 1) for part in tenths if len(part)],
        "largest_mb_of_each_tenth": [round(max(part), 1) for part in tenths if len(part)],
    }


def pack(utterances: int) -> dict[str, Any]:
    """What an utterance of ten seconds takes packed, and as an object."""
    tokens = np.random.default_rng(0).integers(1, 30, 120).tolist()
    tracemalloc.start()
    packer = Packer(30)
    for number in range(utterances):
        packer.add(Example(f"{number:016}", 10.0 + number % 7, tuple(tokens)), number // A_SHARD)
    packed = packer.packed()
    del packer
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tracemalloc.start()
    # As they were before they were packed: a tuple of small numbers each, which Python has only once.
    objects = [Example(f"{number:016}", 10.0 + number % 7, tuple(tokens)) for number in range(SAMPLED)]
    alone, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(packed) == utterances and len(objects) == SAMPLED
    return {
        "utterances": utterances,
        "tokens_each": len(tokens),
        "bytes_each": round(held / utterances, 1),
        "bytes_each_while_packing": round(most / utterances, 1),
        "bytes_each_as_an_object": round(alone / SAMPLED, 1),
    }


def megabytes(process: int) -> float:
    """What a process and its children hold; 0 for those that have just ended."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        fields = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    own = next((int(line.split()[1]) for line in fields if line.startswith("Pss:")), 0) / 1000
    return own + sum(megabytes(int(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main())
