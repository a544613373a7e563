"""`earwright bundle`: look into a recognizer's bundle, verify it, or seal a wanted change."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    for name, what in (
        ("info", "show what a bundle is"),
        ("verify", "compare every file with its checksum"),
        ("seal", "record a folder's files as they are now, after a wanted change"),
    ):
        action = actions.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        action.add_argument("bundle", metavar="BUNDLE", help="a folder NAME.ear or its zip")
        if name != "seal":
            action.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Do the action, and return 1 if a bundle is not in order."""
    return {"info": _info, "verify": _verify, "seal": _seal}[args.action](args)


def _info(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from earwright.bundle import Bundle

    bundle = Bundle.open(args.bundle)
    table = asdict(bundle.meta)
    table["files"] = {name: record.size for name, record in bundle.files.items()}
    if args.json:
        print(json.dumps(table, ensure_ascii=False, default=str))
        return 0
    for key, value in table.items():
        if isinstance(value, dict):
            for name, entry in value.items():
                print(f"{key + '.' + name:<26} {_shown(entry)}{' bytes' if key == 'files' else ''}")
        else:
            print(f"{key:<26} {_shown(value)}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    import json

    from earwright.bundle import verify_bundle

    count, problems = verify_bundle(args.bundle)
    if args.json:
        print(json.dumps({"bundle": args.bundle, "files": count, "problems": problems}, ensure_ascii=False))
    elif not problems:
        print(f"{args.bundle}: all {count} files are as they were written.")
    if not args.json:
        for problem in problems:
            print(f"earwright: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _seal(args: argparse.Namespace) -> int:
    from earwright.bundle import seal_bundle

    seal_bundle(args.bundle)
    print(f"{args.bundle}: sealed.")
    return 0


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
