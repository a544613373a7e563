"""A training step beside transformers' Conformers: same width, depth, frame rate, CTC head and batches.

    python benchmarks/step_peers.py recipes/librispeech-5h.toml --train prepared/train [--save FILE.json]

Needs `pip install transformers`. The peers are its ParakeetForCTC (FastConformer, with its own subsampling)
and the encoder of its Wav2Vec2-Conformer behind earwright's subsampling, which is cheaper than its own front
end on raw audio; both get features that were computed beforehand, where earwright's step computes them. Every
step is forward, CTC, backward, clipping and fused AdamW, on all cores. The rounds of all models take turns;
each batch was seen once before it is timed, so that kernels are there.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ParakeetCTCConfig, ParakeetForCTC, Wav2Vec2ConformerConfig
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import Wav2Vec2ConformerEncoder

from earwright.data.batches import Batch
from earwright.evaluation.record import machine
from earwright.models.conformer import ConformerOptions
from earwright.nn.subsampling import ConvSubsampling
from earwright.training import Reporter, load_recipe
from earwright.training.loop import Run
from earwright.training.machine import matmul_peak

Step = Callable[[Batch], None]
PEERS = ("Parakeet", "Wav2Vec2-Conformer")


def main() -> int:
    """Time, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--train", required=True, help="prepared folder")
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(args, Path(folder))
    results |= {"name": "step-peers", "command": shlex.join(["python", *sys.argv]), "machine": machine()}
    print(json.dumps(results, indent=1))
    if args.save:
        Path(args.save).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Audio seconds a second of each model, and the shares of the fp32 peak."""
    settings = [f'data.train=["{args.train}"]', "data.dev=[]", "training.max_time=", "training.steps=1000"]
    same = ["model.half_rate=[0,0]", "model.intermediate_ctc=[]"]  # what the peers do, too
    runs = {
        f"{kind} {precision}": Run(
            load_recipe(args.recipe, [*settings, *extra, f"training.precision={precision}"]),
            folder / f"{kind}-{precision}",
            Reporter(lambda line: None),
        )
        for kind, extra in (("earwright, all at one rate,", same), ("earwright, the recipe,", []))
        for precision in ("fp32", "bf16")
    }
    ours = next(iter(runs.values()))
    loader = iter(ours.parts.loader(ours.recipe, ours.parts.stream(ours.recipe, ours.accelerator, 0, 0)))
    batches = [next(loader) for _ in range(args.batches)]
    for run in runs.values():
        run.progress.step = run.progress.steps // 2  # beyond the start, where nothing is masked yet
        run.lanes.train()
    features = {id(batch): features_of(ours, batch) for batch in batches}
    steps: dict[str, Step] = {}
    for name, run in runs.items():
        steps[name] = earwright(run)
    for precision in ("fp32", "bf16"):
        steps[f"Parakeet {precision}"] = parakeet(ours, precision, features)
        steps[f"Wav2Vec2-Conformer {precision}"] = wav2vec2(ours, precision, features)
    audio = sum(int(batch.lengths.sum()) for batch in batches) / ours.recipe.features.sample_rate
    speeds: dict[str, list[float]] = {name: [] for name in steps}
    peaks: list[float] = []
    for turn in range(args.rounds + 1):
        peaks.append(matmul_peak(torch.float32, torch.device("cpu")))
        for name, step in steps.items():
            # The lanes leave one thread to an operation; the peers need them all.
            torch.set_num_threads(1 if name.startswith("earwright") else os.cpu_count() or 1)
            began = time.perf_counter()
            for batch in batches:
                step(batch)
            took = time.perf_counter() - began
            print(f"round {turn}  {name}: {audio / took:.0f}x real time", file=sys.stderr, flush=True)
            if turn:
                speeds[name].append(audio / took)
    return summary(runs, speeds, peaks[1:], args.batches, audio)


def summary(
    runs: dict[str, Run], speeds: dict[str, list[float]], peaks: list[float], batches: int, audio: float
) -> dict[str, Any]:
    """Medians, shares of the peak, and the ratios to the faster of the two peers."""
    median = {name: statistics.median(values) for name, values in speeds.items()}
    peak = statistics.median(peaks)
    share = {
        name: round(median[name] * run.flops_per_second_of_audio / 1e9 / peak, 3)
        for name, run in runs.items()
    }

    def best(start: str, precision: str = "") -> float:
        return max(v for name, v in median.items() if name.startswith(start) and name.endswith(precision))

    def ratio(kind: str, precision: str = "") -> float:
        return round(best(kind, precision) / max(best(peer, precision) for peer in PEERS), 2)

    return {
        "batches": batches,
        "audio_seconds": round(audio, 1),
        "parameters": sum(p.numel() for p in next(iter(runs.values())).parts.model.parameters()),
        "audio_seconds_per_second": {name: round(value, 1) for name, value in median.items()},
        "rounds": {name: [round(v, 1) for v in values] for name, values in speeds.items()},
        "fp32_peak_gflops": round(peak, 1),
        "share_of_fp32_peak": share,
        "ratio_to_the_faster_peer": ratio("earwright, all"),
        "ratio_to_the_faster_peer_fp32": ratio("earwright, all", "fp32"),
        "ratio_of_the_recipe_to_the_faster_peer": ratio("earwright, the"),
    }


def features_of(run: Run, batch: Batch) -> tuple[Tensor, Tensor]:
    """Normalized log-mel (B, T, F) and lengths (B,)."""
    with torch.no_grad():
        x, lengths = run.parts.features(batch.waveform, batch.lengths)
        return run.parts.normalization(x, lengths), lengths


def finish(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Backward, clip, step."""
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    optimizer.zero_grad()


def ctc(logits: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
    """As transformers' models compute it."""
    log_probs = logits.float().log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_probs, batch.targets, lengths, batch.target_lengths, zero_infinity=True)


def earwright(run: Run) -> Step:
    """What `earwright train` does."""

    def step(batch: Batch) -> None:
        run.update([batch])

    return step


def parakeet(run: Run, precision: str, features: dict[int, tuple[Tensor, Tensor]]) -> Step:
    """FastConformer at our width, depth, heads, kernel and 25 frames a second."""
    options = run.recipe.model
    assert isinstance(options, ConformerOptions)
    vocabulary = run.parts.tokenizer.vocab_size
    config = ParakeetCTCConfig(
        vocab_size=vocabulary,
        pad_token_id=0,
        encoder_config={
            "hidden_size": options.dim,
            "num_hidden_layers": options.layers,
            "num_attention_heads": options.heads,
            "num_key_value_heads": options.heads,
            "intermediate_size": 4 * options.dim,
            "conv_kernel_size": options.kernel_size,
            "subsampling_factor": 4,
            "num_mel_bins": run.recipe.features.n_mels,
            "layerdrop": 0.0,
        },
    )
    model = ParakeetForCTC(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step(batch: Batch) -> None:
        x, lengths = features[id(batch)]
        mask = torch.arange(x.shape[1])[None] < lengths[:, None]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            out = model.encoder(x, attention_mask=mask, output_attention_mask=True)
            logits = model.ctc_head(out.last_hidden_state)
        finish(model, optimizer, ctc(logits, out.attention_mask.sum(-1), batch))

    return step


def wav2vec2(run: Run, precision: str, features: dict[int, tuple[Tensor, Tensor]]) -> Step:
    """Wav2Vec2-Conformer's encoder between our subsampling and a CTC head."""
    options = run.recipe.model
    assert isinstance(options, ConformerOptions)
    config = Wav2Vec2ConformerConfig(
        hidden_size=options.dim,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        intermediate_size=4 * options.dim,
        conv_depthwise_kernel_size=options.kernel_size,
        position_embeddings_type="rotary",
        layerdrop=0.0,
    )
    mels = run.recipe.features.n_mels
    model = nn.ModuleDict(
        {
            "subsampling": ConvSubsampling(mels, options.dim, options.stem_channels),
            "encoder": Wav2Vec2ConformerEncoder(config),
            "head": nn.Linear(options.dim, run.parts.tokenizer.vocab_size),
        }
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step(batch: Batch) -> None:
        x, lengths = features[id(batch)]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            x, lengths = model["subsampling"](x, lengths)
            mask = torch.arange(x.shape[1])[None] < lengths[:, None]
            logits = model["head"](model["encoder"](x, attention_mask=mask).last_hidden_state)
        finish(model, optimizer, ctc(logits, lengths, batch))

    return step


if __name__ == "__main__":
    sys.exit(main())
