"""The parts of a run, made from its recipe: data, tokenizer, features, model, optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from earwright.cuts import Cut
from earwright.data.augment import Augmenter, build_augmenter
from earwright.data.augmentation.lengths import Lengths
from earwright.data.augmentation.noise import Voices
from earwright.data.batches import Batch, BatchReader, load_batches
from earwright.data.examples import TrainingSet, build_tokenizer, with_replay
from earwright.data.mixture import without_much_padding
from earwright.data.order import Batching, UpdateStream
from earwright.data.speech import Part, Speech, Texts, read_all_cuts
from earwright.data.stores import Held
from earwright.errors import EarwrightError
from earwright.models import AcousticModel, ReferenceModel, build_model, output_shift
from earwright.nn.features import Features, build_features
from earwright.nn.normalization import FeatureNormalization
from earwright.nn.rvq import check_enough
from earwright.text import Tokenizer, normalize
from earwright.training.batch_size import SIZES
from earwright.training.finetuning.rates import freeze, parameter_groups
from earwright.training.finetuning.start import Start
from earwright.training.finetuning.vocabulary import choose_tokenizer
from earwright.training.log import Reporter
from earwright.training.memory import check_memory
from earwright.training.options import TrainingOptions
from earwright.training.recipe import Recipe
from earwright.training.watch import DevSet

# Utterances whose frames give mean and deviation of the features.
NORMALIZATION_UTTERANCES = 300
# Utterances kept in memory for babble where the others lie in shards: some 50 MB.
VOICES_OF_SHARDS = 100


def first_batch_seconds(recipe: Recipe) -> float:
    """What the recipe says, or the smallest of the sizes that "auto" tries."""
    asked = recipe.training.batch_seconds
    return SIZES[0] if isinstance(asked, str) else asked


@dataclass
class Parts:
    """What a recipe becomes before the first step. `batch_seconds` is settled when it is measured;
    `augmenter` is None where nothing is done to the waveform but speed and tempo.
    """

    training_set: TrainingSet
    dev: DevSet | None
    tokenizer: Tokenizer
    features: Features
    normalization: FeatureNormalization
    model: AcousticModel
    speakers: int
    batch_seconds: float = 0.0
    start: Start | None = None
    old_dev: DevSet | None = None
    augmenter: Augmenter | None = None

    @property
    def watched(self) -> list[DevSet]:
        """What is looked at while it trains: dev, and old speech if that is asked for."""
        return [dev for dev in (self.dev, self.old_dev) if dev]

    def stream(
        self, recipe: Recipe, accelerator: Accelerator, epoch: int, position: int, spared: int = 0
    ) -> UpdateStream:
        """This process's batches from (epoch, position) on; in so many updates waveforms are spared."""
        return UpdateStream(
            self.training_set.examples,
            batching_of(recipe, self.training_set, self.batch_seconds),
            accumulate=recipe.training.accumulate,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
            epoch=epoch,
            position=position,
            spared=spared,
        )

    def reader(self, recipe: Recipe) -> BatchReader:
        """Reads the batches that a stream names."""
        training_set, sample_rate = self.training_set, recipe.features.sample_rate
        return BatchReader(
            training_set.examples,
            training_set.audio,
            sample_rate,
            training_set.space,
            self.augmenter,
            self.model.frame_shift,
        )

    def loader(self, recipe: Recipe, stream: UpdateStream) -> Iterator[Batch]:
        """The batches themselves, read ahead."""
        return load_batches(self.reader(recipe), stream, recipe.data.workers)


def build_parts(recipe: Recipe, reporter: Reporter, device: torch.device, overfit: int = 0) -> Parts:
    """Make everything that a run needs.

    Args:
        recipe: what to make.
        reporter: told what is being done.
        device: where features and model live.
        overfit: if above 0, train on this many utterances and watch the same ones: a model that cannot
            learn ten utterances by heart will not learn a corpus.
    """
    start = Start.open(recipe) if recipe.finetune.init else None
    speech = Speech.open(recipe.data.train, "data.train", recipe.data, recipe.data.weights)
    if overfit:
        dev_cuts = speech.first(overfit)
        speech = Speech([Part(dev_cuts)])
    else:
        dev_cuts = read_all_cuts(recipe.data.dev, "data.dev") if recipe.data.dev else []
    tokenizer = _tokenizer(recipe, speech, start, reporter)
    training_set = _training_set(recipe, speech, tokenizer, reporter)
    speakers = len(training_set.speakers)
    if speech.shards:
        reporter.say(f"{speech.shards} shards, of which about {recipe.data.open_shards} are read at a time")
    reporter.say(
        f"training on {len(training_set.examples)} utterances, {training_set.hours:.2f} h, "
        f"{speakers or 'unknown'} speakers; {tokenizer.vocab_size} tokens; "
        f"normalizer {recipe.text.normalizer}"
    )
    if training_set.left_out:
        reporter.say(f"left out: {training_set.describe_left_out()}")
    if recipe.finetune.replay and not overfit:
        training_set = _with_replay(recipe, training_set, tokenizer, reporter)
    dev = _dev_set(recipe, dev_cuts, "data.dev") if dev_cuts else None
    torch.manual_seed(recipe.seed)
    features = build_features(recipe.features).to(device)
    _check_memory(recipe, training_set, features.dim, tokenizer.vocab_size, device)
    model = build_model(recipe.model, features.dim, tokenizer.vocab_size, 1.0 / recipe.features.frame_shift)
    parts = Parts(training_set, dev, tokenizer, features, FeatureNormalization(features.dim), model, speakers)
    parts.augmenter = _augmenter(recipe, training_set, reporter)
    if start:
        _begin_with(start, parts, recipe, reporter)
    if not start or recipe.finetune.normalization == "new":
        alike = recipe.features.kind == "waveform"
        parts.normalization.set_from(_some_frames(parts, recipe, device), alike)
    parts.normalization.to(device)
    _check_codebooks(parts)
    return parts


def _tokenizer(recipe: Recipe, speech: Speech, start: Start | None, reporter: Reporter) -> Tokenizer:
    texts = Texts(speech, recipe.text.normalizer)
    if not start:
        return build_tokenizer(texts, recipe.text, recipe.seed)
    reporter.say(start.describe(recipe))
    tokenizer = choose_tokenizer(start.tokenizer, texts, recipe.finetune.vocabulary, recipe.text, recipe.seed)
    characters: set[str] = set()
    for text in texts:
        characters.update(text)
    if unknown := tokenizer.unknown_characters("".join(characters)):
        reporter.say(f"texts with {' '.join(sorted(unknown))} are left out: there are no tokens for them")
    return tokenizer


def _training_set(recipe: Recipe, speech: Speech, tokenizer: Tokenizer, reporter: Reporter) -> TrainingSet:
    return speech.build(
        tokenizer,
        recipe.data,
        recipe.text.normalizer,
        sample_rate=recipe.features.sample_rate,
        frame_shift=output_shift(recipe.model, recipe.features.dim, recipe.features.frame_shift),
        top_speed=recipe.augment.top_speed,
        report=lambda of, done: (
            reporter.say(f"decoded {done} of {of} recordings") if reporter.due() else None
        ),
    )


def lengths_of(recipe: Recipe, training_set: TrainingSet) -> Lengths:
    """What of a recipe's augmentation changes how long utterances are."""
    augment = recipe.augment
    return Lengths(augment.tempo, augment.concatenation, training_set.space, augment.nothing.probability)


def _augmenter(recipe: Recipe, training_set: TrainingSet, reporter: Reporter) -> Augmenter | None:
    return build_augmenter(
        recipe.augment,
        recipe.features.sample_rate,
        seed=recipe.seed,
        longest=float(training_set.examples.seconds.max()),
        voices=voices_of(training_set) if recipe.augment.noise.babbles else None,
        say=reporter.say,
    )


def voices_of(training_set: TrainingSet) -> Voices:
    """What babble is made of: any utterance, or the first few where they lie in shards, kept in memory."""
    examples, audio = training_set.examples, training_set.audio
    if not examples.sharded:
        return Voices(audio, len(examples))
    count = min(len(examples), VOICES_OF_SHARDS)
    return Voices(Held([audio.read(number) for number in range(count)]), count)


def _with_replay(
    recipe: Recipe, training_set: TrainingSet, tokenizer: Tokenizer, reporter: Reporter
) -> TrainingSet:
    finetune = recipe.finetune
    speech = Speech.open(finetune.replay, "finetune.replay", recipe.data)
    try:
        old = _training_set(recipe, speech, tokenizer, reporter)
    except EarwrightError as error:
        raise EarwrightError(f"finetune.replay: {error}") from error
    reporter.say(
        f"replay of {len(old.examples)} old utterances, {old.hours:.2f} h: drawn anew each epoch, "
        f"{100 * finetune.replay_share:g} % of the audio of each batch"
    )
    if old.left_out:
        reporter.say(f"left out of the replay: {old.describe_left_out()}")
    return with_replay(training_set, old, finetune.replay_share)


def _dev_set(recipe: Recipe, cuts: Sequence[Cut], key: str) -> DevSet:
    with_text = [cut for cut in cuts if normalize(cut.text, recipe.text.normalizer)]
    if not with_text:
        raise EarwrightError(
            f"{key}: none of its {len(cuts)} utterances has a text, so no error can be measured; name a "
            "folder whose texts are known."
        )
    return DevSet(with_text, recipe.data.dev_utterances, recipe.features.sample_rate, recipe.text.normalizer)


def _check_memory(
    recipe: Recipe, training_set: TrainingSet, n_features: int, vocab_size: int, device: torch.device
) -> None:
    """With the fullest batch of the first epoch, and with the one of the longest utterances."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    in_pieces = training_set.sources and not distributed
    stream = UpdateStream(
        training_set.examples, batching_of(recipe, training_set, first_batch_seconds(recipe))
    )
    shapes = []
    for items in stream.epoch_plan(0):
        seconds = [item.seconds(training_set.examples) for item in items]
        borders = without_much_padding(seconds) if in_pieces else [0, len(items)]
        for first, last in pairwise(borders):
            longest = max(seconds[first:last])
            shapes.append((last - first, round(longest / recipe.features.frame_shift)))
    largest = max(shapes, key=lambda shape: shape[0] * shape[1]), max(shapes, key=lambda shape: shape[1])
    check_memory(recipe.model, n_features, vocab_size, set(largest), device)


def _begin_with(start: Start, parts: Parts, recipe: Recipe, reporter: Reporter) -> None:
    """The weights of a bundle, what of them is frozen, and the old speech that is watched."""
    parts.start = start
    tokens = start.load(parts.model, parts.normalization, parts.tokenizer, recipe.seed)
    reporter.say(tokens.describe())
    if frozen := freeze(parts.model, recipe.finetune):
        reporter.say(frozen)
    if advice := start.advise(recipe):
        reporter.say(advice)
    if recipe.finetune.old_dev:
        if not parts.dev:
            raise EarwrightError("finetune.old_dev is watched beside data.dev: name that too.")
        cuts = read_all_cuts(recipe.finetune.old_dev, "finetune.old_dev")
        parts.old_dev = _dev_set(recipe, cuts, "finetune.old_dev")


def batching_of(recipe: Recipe, training_set: TrainingSet, batch_seconds: float) -> Batching:
    """How a run's utterances come together."""
    return Batching(
        seed=recipe.seed,
        batch_seconds=batch_seconds,
        speeds=recipe.augment.speeds,
        sources=training_set.sources,
        batch_clips=recipe.training.batch_clips,
        open_shards=recipe.data.open_shards,
        lengths=lengths_of(recipe, training_set),
    )


@torch.no_grad()
def _some_frames(parts: Parts, recipe: Recipe, device: torch.device) -> torch.Tensor:
    """Frames (N, F) of utterances from all over the training set; what is replayed does not count."""
    frames, count = [], 0
    for x, lengths in some_features(parts, recipe, device):
        frames += [row[:n].cpu() for row, n in zip(x, lengths.tolist(), strict=True)]
        count += len(x)
        if count >= NORMALIZATION_UTTERANCES:
            break
    return torch.cat(frames)


def _check_codebooks(parts: Parts) -> None:
    """Raise if codebooks are larger than the data."""
    model = parts.model
    if isinstance(model, ReferenceModel) and model.quantizer is not None:
        frames = int(parts.training_set.hours * 3600 / model.frame_shift)
        check_enough(frames, model.quantizer.options)


def some_features(
    parts: Parts, recipe: Recipe, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches (B, T, F) with lengths (B,) of the training set, in a random order that the seed decides."""
    examples = parts.training_set.new
    sources = [source for source in parts.training_set.sources if source.last <= len(examples)]
    batching = Batching(
        seed=recipe.seed,
        batch_seconds=60.0,
        speeds=(1.0,),
        sources=sources if len(sources) > 1 else (),
        open_shards=recipe.data.open_shards,
    )
    stream = UpdateStream(examples, batching)
    reader = parts.reader(recipe)
    for items in stream.epoch_plan(0):
        waveforms = [torch.from_numpy(reader.audio.read(item.example)) for item in items]
        lengths = torch.tensor([len(waveform) for waveform in waveforms])
        padded = nn.utils.rnn.pad_sequence(waveforms, batch_first=True)
        yield parts.features(padded.to(device), lengths.to(device))


def build_optimizer(model: AcousticModel, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW over what is not frozen; see `parameter_groups`."""
    return adamw(parameter_groups(model, recipe.training, recipe.finetune), recipe.training)


def adamw(groups: Sequence[dict[str, Any]], options: TrainingOptions) -> torch.optim.Optimizer:
    """The optimizer of every training, over groups of parameters with what is different in each."""
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=options.betas, eps=1e-8, fused=True)


def decayed(model: nn.Module, options: TrainingOptions) -> list[dict[str, Any]]:
    """Weight decay on matrices only, since norms and biases have nothing to shrink."""
    return [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
