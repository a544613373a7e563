"""The command itself: verbs, exit codes, and one sentence for whatever goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earwright import __version__
from earwright.cli import main as main_module
from earwright.cli.main import VERBS, build_parser, main
from earwright.errors import EarwrightError

SOURCE = Path(main_module.__file__).parents[2]


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    """Puts a function in the place of all verbs: `earwright act`."""

    def install(function: Callable[[Any], Any]) -> None:
        module = types.ModuleType("a_verb_of_the_test")
        module.add_arguments = lambda parser: parser.add_argument("--times", type=int)  # type: ignore[attr-defined]
        module.run = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(main_module, "VERBS", {"act": (module.__name__, "act as the test says")})

    return install


def raising(error: BaseException) -> Callable[[Any], None]:
    def run(args: Any) -> None:
        raise error

    return run


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_names_every_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(f"    {name}" in shown for name in VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"earwright {__version__}\n"


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"usage: earwright {name}" in capsys.readouterr().out


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "no such verb 'trian'; did you mean 'train'?" in capsys.readouterr().err
    assert main(["xyzzy"]) == 2
    assert "transcribe" in capsys.readouterr().err
    assert main(["--no-such-option"]) == 2
    assert main(["synthesize"]) == 2


def test_a_verb_gets_its_arguments_and_gives_its_exit_code(verb: Any) -> None:
    verb(lambda args: args.times)
    assert main(["act", "--times", "3"]) == 3
    assert main(["act"]) == 0


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (EarwrightError("a.wav: this is not audio."), "a.wav: this is not audio."),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "pip install 'earwright[train]'"),
        (ModuleNotFoundError("No module", name="lhotse.cut"), "this needs lhotse"),
        (FileNotFoundError(2, "No such file or directory", "b.wav"), "b.wav: No such file or directory."),
        (PermissionError(13, "Permission denied", "c.wav"), "c.wav: no permission"),
        (ValueError("x\ny"), "this should not have happened (ValueError: x). Run it again with --debug"),
    ],
)
def test_an_error_is_one_sentence(
    verb: Any, capsys: pytest.CaptureFixture[str], error: Exception, sentence: str
) -> None:
    verb(raising(error))
    assert main(["act"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("earwright: ") and captured.err.count("\n") == 1
    assert sentence in captured.err


@pytest.mark.parametrize("arguments", [["--debug", "act"], ["act", "--debug"]])
def test_debug_shows_where(verb: Any, arguments: list[str]) -> None:
    verb(raising(EarwrightError("no.")))
    with pytest.raises(EarwrightError):
        main(arguments)


def test_ctrl_c_exits_with_130(verb: Any, capsys: pytest.CaptureFixture[str]) -> None:
    verb(raising(KeyboardInterrupt()))
    assert main(["act"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    script = (
        "import sys, types; from earwright.cli import main as m\n"
        "verb = types.ModuleType('verb'); verb.add_arguments = lambda parser: None\n"
        "verb.run = lambda args: [print(n) for n in range(100_000)] and None\n"
        "sys.modules['verb'] = verb; m.VERBS = {'act': ('verb', 'act')}\n"
        "sys.exit(m.main(['act']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == b"0\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 128 + signal.SIGPIPE


def test_the_parser_of_a_verb_holds_only_its_arguments() -> None:
    args = build_parser("synthesize").parse_args(["synthesize", "texts.txt", "out", "--voices", "7"])
    assert (args.verb, args.voices, args.debug) == ("synthesize", 7, False)


def test_a_warning_of_earwright_s_is_one_line(
    verb: Callable[[Callable[[Any], Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    from earwright.decoding.setup import build_decoder
    from earwright.lm.query import LanguageModel
    from earwright.text import CharTokenizer
    from small_models import random_model

    lm = replace(LanguageModel.from_ngrams(random_model(("a",))), normalizer="english")

    def run(args: Any) -> int:
        decoder = build_decoder(CharTokenizer(["<blank>", "\u2581", "a"]), "basic", lm)
        assert decoder.search.lm is lm
        warnings.warn("of somebody else's", stacklevel=1)
        return 0

    verb(run)
    assert main(["act"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    ours, *others = shown.err.splitlines()
    assert ours.startswith(
        "earwright: warning: the language model's texts went through the normalizer 'english', "
    )
    assert others[0].endswith("UserWarning: of somebody else's")
    with pytest.warns(UserWarning, match="of a caller"):  # and afterwards all is as it was
        warnings.warn("of a caller", stacklevel=1)
