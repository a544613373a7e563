"""The tables of docs/results.md, from docs/results/*.json: a row for every error rate that was measured.

`python benchmarks/results_table.py` prints them; with `--write docs/results.md` they are put between the
file's marks `<!-- results -->` and `<!-- /results -->`; with `--check docs/results.md` the exit code is 1 if
it differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
RECIPES = ROOT / "recipes"
BEGIN, END = "<!-- results -->", "<!-- /results -->"
HEAD = (
    ("result", "recipe", "hours", "minutes", "machine", "scored on", "utterances", "WER %", "CER %"),
    ("", "", "-", "-", "", "", "-", "-", "-"),
)
GROUPS = ("utterances", "speakers", "WER %", "CER %")


def load_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All results that hold an error rate, by name."""
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted((result for result in loaded if "wer" in result), key=lambda result: str(result["name"]))


def tables(results: Sequence[dict[str, Any]], recipes: Path = RECIPES) -> str:
    """The results in Markdown: a row each, the command of each, then what was measured by group."""
    names, sides = HEAD
    rows = [row(result, recipes) for result in results] or [("none yet", *[""] * (len(names) - 1))]
    parts = [markdown(names, rows, sides)]
    if results:
        parts.append("\n".join(how(result) for result in results))
    for result in results:
        parts += [*by_group(result), *left_out(result)]
    return "\n\n".join(parts)


def row(result: dict[str, Any], recipes: Path = RECIPES) -> tuple[str, ...]:
    """One result; what it does not say stays empty."""
    made = f"{result.get('bundle')}.toml"
    hours, minutes = result.get("training_hours"), result.get("training_minutes")
    return (
        result["name"],
        f"[{made}](../recipes/{made})" if (recipes / made).is_file() else "",
        f"{hours:.2f}" if hours else "",
        f"{minutes:.1f}" if minutes else "",
        result.get("training_machine") or result["machine"].partition(", Linux")[0],
        f"{result['corpus']} {result['split']}",
        f"{result['utterances']:,}",
        *rates(result),
    )


def how(result: dict[str, Any]) -> str:
    """How a result was made, as an item of a list."""
    parameters = result.get("parameters")
    model = f", {parameters / 1e6:.1f} M parameters" if parameters else ""
    return f"- {result['name']}: `{result['command']}` (normalizer {result['normalizer']}{model})"


def rates(result: dict[str, Any]) -> tuple[str, str]:
    """WER and CER with their intervals."""
    return rate(result["wer"], result.get("wer_interval")), rate(result["cer"], result.get("cer_interval"))


def rate(value: float, interval: list[float] | None) -> str:
    """An error rate in percent with its interval: 12.3 (11.0 to 13.9)."""
    text = f"{100 * value:.1f}"
    return f"{text} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else text


def by_group(result: dict[str, Any]) -> list[str]:
    """A table for each column that `earwright evaluate --by` was given."""
    found = []
    for column, groups in result.get("by", {}).items():
        lines = [
            (name, f"{one['utterances']:,}", f"{one['speakers']:,}", *rates(one))
            for name, one in groups.items()
        ]
        table = markdown((column, *GROUPS), lines, ("", *"-" * len(GROUPS)))
        found.append(f"**{result['name']} by {column}**\n\n{table}")
    return found


def left_out(result: dict[str, Any]) -> list[str]:
    """A table of the folds of `benchmarks/leave_one_out.py`."""
    if "left_out" not in result:
        return []
    lines = [
        (
            one["value"],
            f"{one['utterances']:,}",
            f"{one['wrong_utterances']:,}",
            f"{100 * one['wrong_share']:.1f}",
            *rates(one),
            f"{one['training_minutes']:.1f}",
        )
        for one in result["left_out"]
    ]
    heading = (result["left_out_by"], "utterances", "wrong", "wrong %", "WER %", "CER %", "minutes")
    table = markdown(heading, lines, ("", *"-" * (len(heading) - 1)))
    on_average = f"{100 * result['wrong_share']:.1f} % of the utterances are wrong on average"
    return [f"**{result['name']}, each {result['left_out_by']} left out: {on_average}**\n\n{table}"]


def markdown(names: Sequence[str], rows: Sequence[Sequence[str]], sides: Sequence[str]) -> str:
    """A table; columns whose side is "-" hold numbers."""
    lines = [names, ["--:" if side else "---" for side in sides], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def with_tables(document: str, new: str) -> str:
    """The document with what is between its marks replaced."""
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
    new = tables(load_results())
    if args.write:
        args.write.write_text(with_tables(args.write.read_text(encoding="utf-8"), new), encoding="utf-8")
    elif args.check:
        old = args.check.read_text(encoding="utf-8")
        if with_tables(old, new) != old:
            print(f"{args.check} is out of date: python {sys.argv[0]} --write {args.check}", file=sys.stderr)
            return 1
    else:
        print(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
