"""How long starting takes: `python benchmarks/startup.py [--json]`.

Prints the median wall-clock seconds of `import earwright` beyond a bare interpreter (aim: under 0.3) and of
`earwright --help` as a process (aim: under 0.6).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time


def seconds(code: str, runs: int) -> float:
    """The median time of a fresh interpreter running `code`, after one run that warms the disk cache."""
    taken = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    bare = seconds("pass", args.runs)
    figures = {
        "bare_interpreter": bare,
        "import_over_bare": seconds("import earwright", args.runs) - bare,
        "help": seconds("from earwright.cli.main import main; main(['--help'])", args.runs),
    }
    if args.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value:.3f} s")


if __name__ == "__main__":
    main()
