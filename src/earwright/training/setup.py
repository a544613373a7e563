"""The parts of a run, made from its recipe: data, tokenizer, features, model, optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader

from earwright.data.batches import Batch, BatchReader, UpdateStream, load_batches, plan_epoch
from earwright.data.examples import TrainingSet, build_tokenizer, build_training_set, read_all_cuts
from earwright.models.conformer import Conformer
from earwright.nn.features import Features, build_features
from earwright.nn.normalization import FeatureNormalization
from earwright.nn.subsampling import ConvSubsampling
from earwright.text import Tokenizer, normalize
from earwright.training.log import Reporter
from earwright.training.options import TrainingOptions
from earwright.training.recipe import Recipe
from earwright.training.watch import DevSet

# Utterances whose frames give mean and deviation of the features.
NORMALIZATION_UTTERANCES = 300


@dataclass
class Parts:
    """What a recipe becomes before the first step. `batch_seconds` is settled when it is measured."""

    training_set: TrainingSet
    dev: DevSet | None
    tokenizer: Tokenizer
    features: Features
    normalization: FeatureNormalization
    model: Conformer
    speakers: int
    batch_seconds: float = 0.0

    def stream(self, recipe: Recipe, accelerator: Accelerator, epoch: int, position: int) -> UpdateStream:
        """This process's batches from (epoch, position) on."""
        return UpdateStream(
            self.training_set.examples,
            seed=recipe.seed,
            batch_seconds=self.batch_seconds,
            speeds=recipe.augment.speeds,
            accumulate=recipe.training.accumulate,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
            epoch=epoch,
            position=position,
        )

    def reader(self, recipe: Recipe) -> BatchReader:
        """Reads the batches that a stream names."""
        return BatchReader(self.training_set.examples, self.training_set.audio, recipe.features.sample_rate)

    def loader(self, recipe: Recipe, stream: UpdateStream) -> DataLoader[Batch]:
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
    cuts = read_all_cuts(recipe.data.train, "data.train")
    if overfit:
        cuts = cuts[:overfit]
    dev_cuts = cuts if overfit else read_all_cuts(recipe.data.dev, "data.dev") if recipe.data.dev else []
    rate = recipe.features.sample_rate
    texts = [normalize(cut.text, recipe.text.normalizer) for cut in cuts]
    tokenizer = build_tokenizer([text for text in texts if text], recipe.text, recipe.seed)
    training_set = build_training_set(
        cuts,
        tokenizer,
        recipe.data,
        recipe.text.normalizer,
        sample_rate=rate,
        frame_shift=ConvSubsampling.factor * recipe.features.frame_shift,
        top_speed=max(recipe.augment.speeds),
        report=lambda done: (
            reporter.say(f"decoded {done} of {len(cuts)} recordings") if reporter.due() else None
        ),
    )
    speakers = len({cut.speaker for cut in cuts if cut.speaker})
    reporter.say(
        f"training on {len(training_set.examples)} utterances, {training_set.hours:.2f} h, "
        f"{speakers or 'unknown'} speakers; {tokenizer.vocab_size} tokens; "
        f"normalizer {recipe.text.normalizer}"
    )
    if training_set.left_out:
        reporter.say(f"left out: {training_set.describe_left_out()}")
    dev = DevSet(dev_cuts, recipe.data.dev_utterances, rate, recipe.text.normalizer) if dev_cuts else None
    torch.manual_seed(recipe.seed)
    features = build_features(recipe.features).to(device)
    model = Conformer(recipe.model, features.dim, tokenizer.vocab_size, 1.0 / recipe.features.frame_shift)
    parts = Parts(training_set, dev, tokenizer, features, FeatureNormalization(features.dim), model, speakers)
    parts.normalization.set_from(_some_frames(parts, recipe, device))
    parts.normalization.to(device)
    return parts


@torch.no_grad()
def _some_frames(parts: Parts, recipe: Recipe, device: torch.device) -> torch.Tensor:
    """Frames (N, F) of utterances from all over the training set."""
    examples = parts.training_set.examples
    plan = plan_epoch(examples, seed=recipe.seed, epoch=0, batch_seconds=60.0, speeds=(1.0,))
    reader, frames, count = parts.reader(recipe), [], 0
    for items in plan:
        waveforms = [torch.from_numpy(reader.audio.read(item.example)) for item in items]
        lengths = torch.tensor([len(waveform) for waveform in waveforms])
        padded = nn.utils.rnn.pad_sequence(waveforms, batch_first=True)
        x, x_lengths = parts.features(padded.to(device), lengths.to(device))
        frames += [row[:n].cpu() for row, n in zip(x, x_lengths.tolist(), strict=True)]
        count += len(items)
        if count >= NORMALIZATION_UTTERANCES:
            break
    return torch.cat(frames)


def build_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """AdamW; weight decay on matrices only, since norms and biases have nothing to shrink."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=options.betas, eps=1e-8, fused=True)
