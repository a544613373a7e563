"""The table of kept results that `earwright new` estimates from, made of docs/results/*.json.

`python benchmarks/kept_results.py` writes src/earwright/training/proposal/kept_results.json, which is part of
the package; with `--check` the exit code is 1 if it differs from what docs/results say.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
TABLE = ROOT / "src" / "earwright" / "training" / "proposal" / "kept_results.json"
# Bundle -> what it learnt from: its name in prepare-corpora.json, which has the hours; what that is; its
# language. Synthesized speech is left out: it says nothing about recordings.
LEARNT_FROM = {"librispeech-5h": ("train-clean-5", "English books read aloud (LibriSpeech)", "en")}
# Split -> what is in it, of that corpus; splits that are not named here are left out.
SPLITS = {
    "test": "other speakers",
    "dev-clean-mp3": "other speakers over another channel (MP3 that ends at 5.8 kHz)",
}
LOOKS = 40  # of a curve are enough


def kept_results(folder: Path = RESULTS) -> dict[str, Any]:
    """The table, ready for JSON."""
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    named = {result["name"]: result for result in loaded}
    hours = {corpus["name"]: corpus["hours"] for corpus in named["prepare-corpora"]["corpora"]}
    runs = []
    for bundle, (prepared, corpus, language) in LEARNT_FROM.items():
        scores = sorted(
            (one for one in loaded if one.get("bundle") == bundle and one.get("split") in SPLITS),
            key=lambda one: one["cer"],
        )
        scores = [one for one in scores if "noise" not in one]  # its clean part is another one's result
        if not scores:
            continue
        best = scores[0]
        runs.append(
            {
                "name": bundle,
                "corpus": corpus,
                "language": language,
                "hours": round(hours[prepared], 2),
                "parameters": best["parameters"],
                "minutes": best["training_minutes"],
                "machine": best["machine"].partition(", Linux")[0],
                "date": best["date"],
                "scores": [_score(one) for one in scores],
                "curve": _curve(named.get(f"{bundle}-curve", {}).get("curve", [])),
            }
        )
    return {"made_by": "python benchmarks/kept_results.py, from docs/results", "runs": runs}


def _score(result: dict[str, Any]) -> dict[str, Any]:
    rates = {key: round(result[key], 4) for key in ("cer", "wer")}
    intervals = {f"{key}_interval": [round(end, 4) for end in result[f"{key}_interval"]] for key in rates}
    return {
        "name": result["name"],
        "speech": SPLITS[result["split"]],
        "utterances": result["utterances"],
        **rates,
        **intervals,
    }


def _curve(looks: list[dict[str, Any]]) -> list[list[float]]:
    """Hours of audio gone through, CER, WER."""
    every = max(1, -(-len(looks) // LOOKS))
    return [
        [round(look["minutes"] * look["audio_seconds_per_second"] / 60, 2), look["cer"], look["wer"]]
        for look in looks[::-1][::every][::-1]
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="say whether the table is up to date")
    args = parser.parse_args()
    text = json.dumps(kept_results(), indent=1) + "\n"
    if args.check:
        if TABLE.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TABLE} is not what docs/results say; run python benchmarks/kept_results.py", file=sys.stderr)
        return 1
    TABLE.write_text(text, encoding="utf-8")
    print(TABLE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
