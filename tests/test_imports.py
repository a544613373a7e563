"""The house: imports run downward, the runtime never imports the workshop, importing loads nothing heavy."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from earwright.cli.main import VERBS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"

# The floors, from the ground up: a room (a module or folder of earwright) imports from itself and from floors
# below. Rooms on one floor do not import each other.
RUNTIME_FLOORS = [
    {"errors", "transcript"},
    {"compiling", "files", "sessions"},
    {"audio"},
    {"cuts"},
    {"text"},
    {"lm"},
    {"lexicon"},
    {"decoding"},
    {"bundle"},
    {"codes"},
    {"recognizer"},
    {"writers"},
    {"alignment"},
    {"pages"},
    {"evaluation"},
]
WORKSHOP_FLOORS = [
    {"data"},
    {"losses"},
    {"nn"},
    {"models"},
    {"training"},
]
ROOF = [{"cli"}]
FLOORS = [*RUNTIME_FLOORS, *WORKSHOP_FLOORS, *ROOF]
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
RUNTIME = {room for floor in RUNTIME_FLOORS for room in floor}

# Modules that make one room together.
ROOM_OF = {
    "bundle_description": "bundle",
    "graphs": "bundle",
    "verified": "bundle",
    "acoustics": "recognizer",
    "transcribing": "recognizer",
    "pace": "recognizer",
    "tuned": "recognizer",
}

HEAVY = {
    "torch",
    "lhotse",
    "accelerate",
    "numba",
    "numpy",
    "onnxruntime",
    "soundfile",
    "rich",
    "matplotlib",
    "pyarrow",
}

# Where the name on PyPI is not the name in `import`.
IMPORT_NAMES = {
    "tomli-w": "tomli_w",
    "espeakng-loader": "espeakng_loader",
    "kaldi-native-fbank": "kaldi_native_fbank",
}


def modules() -> list[Path]:
    return sorted((SOURCE / "earwright").rglob("*.py"))


def room_of(module: str) -> str:
    """earwright.nn.features -> nn; earwright -> ''."""
    name = module.split(".")[1] if "." in module else ""
    return ROOM_OF.get(name, name)


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) for every import in the file, also those inside functions and under TYPE_CHECKING."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            if (
                base == "earwright"
            ):  # `from earwright import cuts` names a room, `import __version__` does not
                yield from (
                    (node.lineno, f"{base}.{alias.name}" if alias.name in {**FLOOR_OF, **ROOM_OF} else base)
                    for alias in node.names
                )
            else:
                yield node.lineno, base


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(name_of(path)) for path in modules()} - {""}
    assert rooms <= set(FLOOR_OF), "give these rooms a floor here and in ARCHITECTURE.md"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_downward(path: Path) -> None:
    room = room_of(name_of(path))
    if not room:  # the package's front door hands out the recognizer's name
        return
    for line, module in imports(path):
        target = room_of(module) if module.startswith("earwright") else ""
        if target and target != room:
            assert FLOOR_OF[target] < FLOOR_OF[room], f"{path}:{line}: {room} must not import {target}"


def declared() -> dict[str, set[str]]:
    """The import names of the base install ("") and of each extra."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        group: {
            IMPORT_NAMES.get(name, name)
            for name in (re.match(r"[\w-]+", requirement)[0] for requirement in requirements)  # type: ignore[index]
        }
        for group, requirements in groups.items()
    }


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_what_is_imported_is_declared(path: Path) -> None:
    extras = declared()
    allowed = extras[""] | extras["av"]
    if name_of(path) == "earwright.decoding.causal":
        allowed |= extras["rescore"]
    if room_of(name_of(path)) not in RUNTIME:
        allowed |= set().union(*(names for group, names in extras.items() if group != "dev"))
    for line, module in imports(path):
        top = module.partition(".")[0]
        if top != "earwright" and top not in sys.stdlib_module_names:
            assert top in allowed, (
                f"{path}:{line}: {top} is not among the dependencies of this half of the house"
            )


@pytest.mark.parametrize(
    "statement",
    [
        "import earwright",
        "from earwright.cli.main import main; assert main(['--help']) == 0",
        "from earwright.cli.main import main; assert main(['--version']) == 0",
        *(f"from earwright.cli.main import main; assert main(['{verb}', '--help']) == 0" for verb in VERBS),
    ],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    code = f"import sys; {statement}; sys.exit(' '.join({HEAVY!r} & set(sys.modules)) or None)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert done.stderr.strip() == ""
    assert done.returncode == 0
