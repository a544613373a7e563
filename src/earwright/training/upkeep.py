"""What a model learns otherwise than by gradients, in the course of a run: codebooks, running averages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from earwright.models import AcousticModel, ReferenceModel
from earwright.training.processes import gather_notes
from earwright.training.setup import some_features

if TYPE_CHECKING:
    from earwright.training.loop import Run

# Frames for each code of a codebook that its k-means start looks at, where there are so many.
FRAMES_A_CODE = 20


def take_notes(run: Run) -> list[Any]:
    """Of all copies of the model, here and in other processes, since they were last taken."""
    copies = [run.parts.model, *run.lanes.models[1:]]
    notes = [note for copy in copies if isinstance(copy, AcousticModel) for note in copy.take_notes()]
    return gather_notes(run.accelerator, notes)


def learn(run: Run, notes: list[Any]) -> None:
    """From the notes of an update, with draws that follow from its seed and step."""
    if notes:
        run.parts.model.learn(notes, _generator(run))


@torch.no_grad()
def start_codebooks(run: Run) -> None:
    """Before the update at which codes are to be used, put them where frames of the training set are."""
    model, progress = run.parts.model, run.progress
    if not isinstance(model, ReferenceModel) or model.quantizer is None or model.quantizer.started > 0.5:
        return
    if progress.step < int(model.options.vq_start * progress.steps):
        return
    model.eval()
    frames, count = [], 0
    for x, lengths in some_features(run.parts, run.recipe, run.device):
        encoded, counts = model.encode(run.parts.normalization(x, lengths), lengths)  # (B, T', D)
        frames += [row[:n] for row, n in zip(encoded, counts.tolist(), strict=True)]
        count += int(counts.sum())
        if count >= FRAMES_A_CODE * model.quantizer.options.size:
            break
    model.train()
    model.start_codebooks(torch.cat(frames), _generator(run))
    follow_jumps(run)


@torch.no_grad()
def follow_jumps(run: Run) -> None:
    """Let the average of the weights be where codes are that were put somewhere else altogether.

    All others are averaged as weights are, since codes follow what is around them, and that is averaged.
    """
    state = run.parts.model.state_dict()
    for name, rows in run.parts.model.jumped().items():
        run.average[name][rows] = state[name][rows]


def _generator(run: Run) -> torch.Generator:
    return torch.Generator().manual_seed(run.recipe.seed * 1_000_003 + run.progress.step)
