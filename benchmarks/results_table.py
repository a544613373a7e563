"""The README's table of error rates, from docs/results/*.json.

`python benchmarks/results_table.py` prints it; with `--write README.md` it is put between the file's marks
`<!-- results -->` and `<!-- /results -->`; with `--check README.md` the exit code is 1 if it differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "docs" / "results"
BEGIN, END = "<!-- results -->", "<!-- /results -->"
HEAD = (
    "| trained on, scored on | parameters | training | WER % | CER % | utterances | normalizer |\n"
    "|---|---|---|---|---|---|---|"
)


def load_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All results that hold an error rate, by name."""
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted((result for result in loaded if "wer" in result), key=lambda result: str(result["name"]))


def table(results: list[dict[str, Any]]) -> str:
    """The results as a Markdown table, with the commands that made them below."""
    lines = [HEAD]
    for result in results:
        minutes = result.get("training_minutes")
        cells = (
            f"{result['name']}: {result['corpus']} {result['split']}",
            f"{result['parameters'] / 1e6:.1f} M" if result.get("parameters") else "",
            f"{minutes:.0f} min" if minutes else "",
            rate(result["wer"], result.get("wer_interval")),
            rate(result["cer"], result.get("cer_interval")),
            f"{result['utterances']:,}",
            f"`{result['normalizer']}`",
        )
        lines.append("| " + " | ".join(cells) + " |")
    if not results:
        lines.append("| none yet | | | | | | |")
    return "\n".join(lines)


def rate(value: float, interval: list[float] | None) -> str:
    """An error rate in percent with its interval: 12.3 (11.0 to 13.9)."""
    text = f"{100 * value:.1f}"
    return f"{text} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else text


def with_table(document: str, new: str) -> str:
    """The document with the table between its marks replaced."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the document lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


def main() -> int:
    """Print, write or check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--check", type=Path, metavar="FILE")
    args = parser.parse_args()
    new = table(load_results())
    if args.write:
        args.write.write_text(with_table(args.write.read_text(encoding="utf-8"), new), encoding="utf-8")
    elif args.check:
        old = args.check.read_text(encoding="utf-8")
        if with_table(old, new) != old:
            print(f"{args.check} is out of date: python {sys.argv[0]} --write {args.check}", file=sys.stderr)
            return 1
    else:
        print(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
