"""What TensorBoard shows of a run beside its curves: weights, codebooks, how dev sounds and looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from earwright.models import ReferenceModel
from earwright.nn.features import FeatureOptions, build_features

if TYPE_CHECKING:
    from earwright.training.log import RunLog
    from earwright.training.loop import Run

CLIPS = 3
# Of a tensor's numbers, a histogram is made of about so many.
SAMPLED = 20_000


@torch.no_grad()
def show_look(run: Run, log: RunLog) -> None:
    """At a look at dev: histograms of the weights, use of the codebooks; the first time, clips of dev."""
    step, board, model = run.progress.step, log.board, run.parts.model
    for name, value in model.named_parameters():
        board.add_histogram(
            name.replace(".", "/"), value.flatten()[:: 1 + value.numel() // SAMPLED].float(), step
        )
    if isinstance(model, ReferenceModel) and model.quantizer is not None and model.quantizer.started > 0.5:
        # A row a codebook, its codes from the most to the least chosen: a dark row has few that are alive.
        use = model.quantizer.tally.sort(descending=True).values  # (K, C)
        use = use / use.amax(dim=1, keepdim=True).clamp(min=1e-9)
        board.add_image("codebooks/use", use.sqrt().repeat_interleave(16, dim=0), step, dataformats="HW")
    if run.progress.before == run.progress.after and run.parts.dev is not None:
        _show_clips(run, log)


def _show_clips(run: Run, log: RunLog) -> None:
    """Their sound, and their log-mel spectra, whatever the features of the model are."""
    assert run.parts.dev is not None
    rate, clips = run.recipe.features.sample_rate, run.parts.dev.clips()
    features = build_features(FeatureOptions(sample_rate=rate))
    for number, samples in enumerate(clips[:: max(1, len(clips) // CLIPS)][:CLIPS], 1):
        waveform = torch.from_numpy(samples)[None]
        log.board.add_audio(f"dev/{number}", waveform, run.progress.step, rate)
        mel = features(waveform, torch.tensor([len(samples)]))[0][0]  # (T, F)
        grey = (mel - mel.min()) / (mel.max() - mel.min()).clamp(min=1e-6)
        log.board.add_image(f"dev/{number}", grey.T.flip(0), run.progress.step, dataformats="HW")
