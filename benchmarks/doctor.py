"""Break training runs on purpose, and see whether the training doctor names what was done, and is quiet
otherwise.

    python benchmarks/doctor.py PREPARED [--jobs 2] [--only NAME ...] [--save FILE.json]

PREPARED holds folders that `earwright prepare` wrote: fsdd (spoken digits), dev and train-clean-5
(LibriSpeech) and german-kerstin. Every run trains a small Conformer for about half a minute on one core.
Returns 1 if a fault was not named, if another was named beside it, or if a healthy run was warned.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch

from earwright.cuts import Cut, read_cut_audio, read_cuts, write_cuts
from earwright.evaluation.record import machine, save_record
from earwright.files import atomic_write
from earwright.training.doctor.doctor import examine
from earwright.training.doctor.finding import WARNING
from earwright.training.log import Reporter, read_log
from earwright.training.loop import Run
from earwright.training.recipe import Recipe, recipe_from_dict

Samples = npt.NDArray[np.float32]
DIGITS_RATE, RATE = 8000, 16000
LONGEST = 8.0  # seconds of a sentence
DEV = 60  # utterances
LARGER = {"model.dim": 96, "training.steps": 900, "training.learning_rate": 2e-3}  # for sentences
# What is said before the first step needs no long run; a short one finds no letters, and that is said too.
SHORT, TOO_SHORT = {"training.steps": 200}, ("too-few-steps",)
# May be said of any run, healthy or not: where the benchmark shares its machine, it is true.
OF_THE_MACHINE = ("machine-slower",)


@dataclass(frozen=True)
class Set:
    """Two prepared folders, the rate of their audio, and what in a recipe suits them."""

    train: Path
    dev: Path
    rate: int
    changes: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A run: what was done to it, the finding that must come of it, and those that may."""

    name: str
    broken: str
    build: Callable[[Corpora], Set]
    expected: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    changes: dict[str, Any] | None = None
    act: Callable[[Run], None] | None = None


class Corpora:
    """The healthy sets, made once, and what is done to them.

    Args:
        prepared: folder of prepared folders.
        out: where audio and manifests go.
    """

    def __init__(self, prepared: Path, out: Path) -> None:
        self.prepared, self.out = prepared, out
        self._made: dict[str, Set] = {}

    def digits(self) -> Set:
        """Three to six digits in a row by one speaker; dev has the recordings of the corpus's test set."""
        if "digits" not in self._made:
            cuts = read_cuts(self.prepared / "fsdd")
            test = [cut for cut in cuts if int(cut.id.rpartition("_")[2]) < 5]
            train = [cut for cut in cuts if int(cut.id.rpartition("_")[2]) >= 5]
            self._made["digits"] = Set(
                self._rows("digits-train", train, 500, 1),
                self._rows("digits-dev", test, DEV, 2),
                DIGITS_RATE,
                {},
            )
        return self._made["digits"]

    def single_digits(self) -> Set:
        """One digit an utterance."""
        cuts = read_cuts(self.prepared / "fsdd")
        test = [cut for cut in cuts if int(cut.id.rpartition("_")[2]) < 5]
        train = [cut for cut in cuts if int(cut.id.rpartition("_")[2]) >= 5]
        return Set(
            self.save("single-train", train), self.save("single-dev", test[:: len(test) // DEV]), DIGITS_RATE,
            {"training.batch_seconds": 12.0, "training.steps": 700},
        )  # fmt: skip

    def sentences(self) -> Set:
        """Short sentences of LibriSpeech; dev has other speakers."""
        if "sentences" not in self._made:
            cuts = [
                cut
                for name in ("dev", "train-clean-5")
                for cut in read_cuts(self.prepared / name)
                if cut.duration <= LONGEST
            ]
            speakers = sorted({cut.speaker or "" for cut in cuts})
            apart = set(speakers[:: len(speakers) // 6])
            train = [cut for cut in cuts if cut.speaker not in apart]
            dev = [cut for cut in cuts if cut.speaker in apart]
            self._made["sentences"] = Set(
                self._decoded("sentences-train", train), self._decoded("sentences-dev", dev[:DEV]), RATE,
                LARGER,
            )  # fmt: skip
        return self._made["sentences"]

    def german(self) -> Set:
        """Sentences by one German reader."""
        if "german" not in self._made:
            cuts = [cut for cut in read_cuts(self.prepared / "german-kerstin") if cut.duration <= LONGEST]
            train = [cut for number, cut in enumerate(cuts) if number % 10]
            self._made["german"] = Set(
                self._decoded("german-train", train), self._decoded("german-dev", cuts[::10][:DEV]), RATE,
                LARGER,
            )  # fmt: skip
        return self._made["german"]

    def save(self, name: str, cuts: Sequence[Cut]) -> Path:
        """Write a manifest."""
        folder = self.out / name
        folder.mkdir(exist_ok=True)
        with atomic_write(folder / "cuts.jsonl.gz", "wb") as file:
            write_cuts(cuts, file)
        return folder

    def changed(self, name: str, folder: Path, rate: int, change: Callable[[Samples], Samples]) -> Path:
        """The same utterances with other audio."""
        cuts = read_cuts(folder)
        return self.save(
            name, [self._cut(name, cut, change(read_cut_audio(cut, rate)), rate) for cut in cuts]
        )

    def _decoded(self, name: str, cuts: Sequence[Cut]) -> Path:
        return self.save(name, [self._cut(name, cut, read_cut_audio(cut, RATE), RATE) for cut in cuts])

    def _cut(self, folder: str, cut: Cut, samples: Samples, rate: int) -> Cut:
        path = self.out / folder / f"{cut.id.replace('/', '_')}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, samples, rate, subtype="FLOAT")
        return Cut(
            cut.id, str(path), 0.0, len(samples) / rate, rate, text=cut.text, speaker=cut.speaker,
            recording_samples=len(samples),
        )  # fmt: skip

    def _rows(self, name: str, cuts: Sequence[Cut], count: int, seed: int) -> Path:
        generator = np.random.default_rng(seed)
        speakers = sorted({cut.speaker or "" for cut in cuts})
        of = {speaker: [cut for cut in cuts if cut.speaker == speaker] for speaker in speakers}
        rows = []
        for number in range(count):
            speaker = speakers[number % len(speakers)]
            chosen = generator.choice(len(of[speaker]), size=generator.integers(3, 7))
            digits = [of[speaker][place] for place in chosen]
            pieces = []
            for digit in digits:
                pause = np.zeros(int(DIGITS_RATE * generator.uniform(0.05, 0.2)), np.float32)
                pieces += [read_cut_audio(digit, DIGITS_RATE), pause]
            row = replace(digits[0], id=f"{name}-{number}", text=" ".join(digit.text for digit in digits))
            rows.append(self._cut(name, row, np.concatenate(pieces), DIGITS_RATE))
        return self.save(name, rows)


# -- what is done to data ----------------------------------------------------------------------------------


def with_texts(
    name: str, kind: str, change: Callable[[Sequence[Cut]], list[Cut]]
) -> Callable[[Corpora], Set]:
    """A set whose training cuts were changed."""

    def build(corpora: Corpora) -> Set:
        healthy: Set = getattr(corpora, kind)()
        return replace(healthy, train=corpora.save(name, change(read_cuts(healthy.train))))

    return build


def shuffled(cuts: Sequence[Cut]) -> list[Cut]:
    """Each text beside another recording."""
    order = np.random.default_rng(0).permutation(len(cuts))
    return [replace(cut, text=cuts[other].text) for cut, other in zip(cuts, order, strict=True)]


def twice(cuts: Sequence[Cut]) -> list[Cut]:
    """Each text two times."""
    return [replace(cut, text=f"{cut.text} {cut.text}") for cut in cuts]


def without_spaces(cuts: Sequence[Cut]) -> list[Cut]:
    """Texts run together."""
    return [replace(cut, text=cut.text.replace(" ", "")) for cut in cuts]


def few(cuts: Sequence[Cut]) -> list[Cut]:
    """One of sixteen."""
    return list(cuts[::16])


def silent(corpora: Corpora) -> Set:
    """Noise of one step of 16 bits for audio."""
    healthy, generator = corpora.digits(), np.random.default_rng(0)

    def quiet(x: Samples) -> Samples:
        return generator.normal(0, 3e-5, len(x)).astype(np.float32)

    return replace(healthy, train=corpora.changed("silent", healthy.train, healthy.rate, quiet))


def dev_in_german(corpora: Corpora) -> Set:
    """English to train on, German to watch."""
    return replace(corpora.sentences(), dev=corpora.german().dev)


def dev_by_telephone(corpora: Corpora) -> Set:
    """Nothing above 3.4 kHz in dev."""
    healthy = corpora.sentences()

    def narrow(x: Samples) -> Samples:
        narrowed: Samples = soxr.resample(soxr.resample(x, RATE, 6800), 6800, RATE)
        return narrowed

    return replace(healthy, dev=corpora.changed("telephone", healthy.dev, RATE, narrow))


def dev_quiet(corpora: Corpora) -> Set:
    """Dev 24 dB quieter."""
    healthy = corpora.sentences()
    return replace(healthy, dev=corpora.changed("quiet", healthy.dev, RATE, lambda x: x * np.float32(0.063)))


# -- what is done to a run ---------------------------------------------------------------------------------


def block(run: Run, number: int) -> list[torch.nn.Parameter]:
    """The parameters of a block, in every copy of the model that is trained."""
    return [
        parameter
        for model in run.lanes.models
        for name, parameter in model.named_parameters()
        if name.startswith(f"blocks.{number}.")
    ]


def freeze_block(run: Run) -> None:
    """The second block is not trained."""
    for parameter in block(run, 1):
        parameter.requires_grad_(False)


def kill_gradients(run: Run) -> None:
    """What reaches the first block is a hundred-thousandth."""
    for parameter in block(run, 0):
        parameter.register_hook(lambda gradient: gradient * 1e-5)  # type: ignore[no-untyped-call]


def slow_reader(run: Run) -> None:
    """Every recording takes 10 ms to come."""
    audio = run.parts.training_set.audio
    read = audio.read

    def late(index: int) -> Samples:
        time.sleep(0.01)
        return read(index)

    audio.read = late  # type: ignore[method-assign]


CASES = (
    Case("rate-times-30", "the learning rate is 30 times as high", Corpora.digits, ("rate-too-high",),
         changes={"training.learning_rate": 0.09}),
    Case("no-warmup", "six times the rate, from the first step on", Corpora.digits, ("no-warmup",),
         changes={"training.learning_rate": 0.02, "training.warmup": 0.0}),
    Case("rate-too-low", "a hundredth of the rate", Corpora.digits, ("rate-too-low",),
         changes={"training.learning_rate": 3e-5}),
    Case("frozen-layer", "the second block is not trained", Corpora.digits, ("layer-frozen",),
         act=freeze_block),
    Case("dead-layer", "the first block gets a hundred-thousandth of its gradient", Corpora.digits,
         ("gradients-die",), act=kill_gradients),
    Case("texts-shuffled", "each text belongs to another recording",
         with_texts("shuffled", "sentences", shuffled),
         ("texts-shuffled",), changes=SHORT),
    Case("texts-twice", "each text is there two times", with_texts("twice", "sentences", twice),
         ("too-short-for-ctc", "texts-too-long"), TOO_SHORT, changes=SHORT),
    Case("silence", "the recordings are silent", silent, ("silence",)),
    Case("dev-language", "English to train on, German to watch", dev_in_german, ("dev-language",),
         ("dev-characters", *TOO_SHORT), changes=SHORT),
    Case("dev-telephone", "dev ends at 3.4 kHz", dev_by_telephone, ("dev-band",), TOO_SHORT,
         changes=SHORT),
    Case("dev-quiet", "dev is 24 dB quieter", dev_quiet, ("dev-level",), TOO_SHORT, changes=SHORT),
    Case("few-utterances", "thirty utterances to train on", with_texts("few", "digits", few),
         ("overfitting",)),
    Case("no-spaces", "the training texts have no spaces", with_texts("joined", "digits", without_spaces),
         ("spaces-wrong",)),
    Case("slow-disk", "every recording takes 10 ms to come", Corpora.digits, ("waiting-for-data",),
         act=slow_reader),
    Case("healthy-digits", "", Corpora.digits),
    Case("healthy-pieces", "", Corpora.digits,
         changes={"text.tokenizer": "bpe", "text.vocab_size": 40, "training.steps": 900}),
    Case("healthy-single-digits", "", Corpora.single_digits),
    Case("healthy-sentences", "", Corpora.sentences),
    Case("healthy-german", "", Corpora.german),
)  # fmt: skip


def main() -> int:
    """Train, compare, print; 0 if every run was judged rightly."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[case.name for case in CASES])
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the runs here, and only judge those that are there"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side, one core each (default 1)")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    runs = []
    names = [case.name for case in CASES if not args.only or case.name in args.only]
    with tempfile.TemporaryDirectory() as folder:
        keep = args.keep or Path(folder) / "runs"
        pool = ProcessPoolExecutor(
            args.jobs, multiprocessing.get_context("spawn"), prepare_to_try, (args.prepared, folder, keep)
        )
        with pool:
            for run in pool.map(try_case, names):
                runs.append(run)
                print(json.dumps(run, indent=1, ensure_ascii=False), flush=True)
    right = sum(run["right"] for run in runs)
    print(f"{right} of {len(runs)} judged rightly")
    if args.save:
        result = {
            "name": "doctor",
            "command": shlex.join(["python", "benchmarks/doctor.py", *sys.argv[1:]]),
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "right": right,
            "of": len(runs),
            "runs": runs,
        }
        save_record(args.save, result)
    return 0 if right == len(runs) else 1


def prepare_to_try(prepared: Path, folder: str, runs: Path) -> None:
    """Make ready a process that tries cases: one thread, and corpora of its own."""
    global corpora, out
    torch.set_num_threads(1)
    mine = Path(tempfile.mkdtemp(dir=folder))
    os.environ["XDG_CACHE_HOME"] = str(mine)  # decoded audio
    corpora, out = Corpora(prepared, mine), runs


corpora: Corpora
out: Path


def try_case(name: str) -> dict[str, Any]:
    """Train one run and compare what was said with what was done."""
    case = next(case for case in CASES if case.name == name)
    folder = out / case.name
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)  # what was not finished
        folder.mkdir(parents=True)
        run = Run(recipe_of(case.build(corpora), case.changes or {}), folder, Reporter(lambda line: None))
        if case.act:
            case.act(run)
        run.run()
        (folder / "done").touch()
    examination = examine(folder)
    clock = [line for line in read_log(folder / "log.jsonl") if line["kind"] == "vitals"][-1]
    warned = [finding.name for finding in examination.findings if finding.severity == WARNING]
    named = any(name in warned for name in case.expected) or not case.expected
    return {
        "name": case.name,
        "broken": case.broken,
        "expected": list(case.expected),
        "right": named and set(warned) <= {*case.expected, *case.allowed, *OF_THE_MACHINE},
        "findings": [
            {"name": finding.name, "severity": finding.severity, "step": finding.step, "text": finding.text}
            for finding in examination.findings
        ],
        "steps": examination.step,
        "loss": round(examination.loss, 3),
        "dev_cer": round(examination.dev["last"]["cer"], 4),
        "cpu_seconds": round(60 * clock["cpu_minutes"], 1),
    }


def recipe_of(data: Set, changes: dict[str, Any]) -> Recipe:
    """A small Conformer for a set."""
    table: dict[str, Any] = {
        "name": "doctor",
        "data": {"train": [str(data.train)], "dev": [str(data.dev)], "dev_utterances": DEV, "workers": 0},
        "features": {"sample_rate": data.rate, "n_mels": 64},
        "augment": {"speeds": [1.0], "frequency_masks": 1, "frequency_width": 12, "time_seconds": 0.1},
        "model": {"dim": 64, "layers": 3, "heads": 4, "half_rate": [1, 2], "stem_channels": 16,
                  "dropout": 0.05, "stochastic_depth": 0.0},
        "training": {"steps": 400, "evaluate_every": 25, "batch_seconds": 16.0, "learning_rate": 3e-3,
                     "precision": "fp32", "ema_decay": 0.99},
    }  # fmt: skip
    for key, value in (data.changes | changes).items():
        section, _, name = key.partition(".")
        table.setdefault(section, {})[name] = value
    return recipe_from_dict(table, "the benchmark")


if __name__ == "__main__":
    raise SystemExit(main())
