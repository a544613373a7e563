"""`earwright doctor`: what a training run looks like, and what to try."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earwright.training.doctor.doctor import Examination


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = (
        "Look at a training run, over or not, from its log.jsonl, and say what is wrong with it and what to "
        "try. While a run is on, `earwright train` says the same."
    )
    parser.add_argument("folder", metavar="DIR", help="folder of the run: --out of `earwright train`")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is seen; 0 whatever it is."""
    from earwright.training.doctor.doctor import examine

    examination = examine(args.folder)
    print(_as_json(args.folder, examination) if args.json else _as_text(args.folder, examination))
    return 0


def _as_json(folder: str, examination: Examination) -> str:
    import json
    import math

    table = {
        "run": folder,
        "step": examination.step,
        "steps": examination.steps or None,
        "loss": examination.loss if math.isfinite(examination.loss) else None,
        "dev": examination.dev,
        "findings": [
            {**finding.as_dict(), "holds": finding.name in examination.holding}
            for finding in examination.findings
        ],
    }
    return json.dumps(table, ensure_ascii=False)


def _as_text(folder: str, examination: Examination) -> str:
    of = f" of {examination.steps}" if examination.steps else ""
    head = f"{folder}: step {examination.step}{of}, training loss {examination.loss:.2f} nats a token"
    if examination.dev:
        last, best = examination.dev["last"], examination.dev["best"]
        head += (
            f", dev WER {100 * last['wer']:.1f} %, CER {100 * last['cer']:.1f} % "
            f"(best: {100 * best['cer']:.1f} % at step {best['step']})"
        )
    lines = [head]
    for finding in examination.findings:
        when = f"step {finding.step}" if finding.step else "data"
        over = "" if finding.name in examination.holding else " (no longer so at the end)"
        lines.append(f"{when}, {finding.severity}: {finding.text}{over}")
    if not examination.findings:
        lines.append("Nothing to complain about.")
    return "\n".join(lines)
