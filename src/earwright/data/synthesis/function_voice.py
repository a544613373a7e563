"""A Python function as a voice: `package.module:function`, whatever synthesizer it calls.

    def speak(text: str, voice: int, seed: int) -> tuple[np.ndarray, int]:
        \"\"\"Samples (N,), float32 in [-1, 1], and their rate in Hz.\"\"\"

It is imported once in every worker process, which is where a model should be loaded when it is first needed.
With --styles it is called with a fourth argument, `style=` and the name.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from earwright.data.synthesis.command_voice import check_audible
from earwright.errors import EarwrightError, first_line

if TYPE_CHECKING:
    import numpy as np

    from earwright.audio.read import Samples

HIGHEST_RATE = 384_000  # Hz


@dataclass(frozen=True)
class FunctionVoice:
    """One speaker of a function.

    Attributes:
        function: "package.module:function".
        number: of the speaker.
        language: what its cuts say.
        style: passed on to the function; "" for none.
    """

    function: str
    number: int
    language: str
    style: str = ""

    @property
    def name(self) -> str:
        """A name fit for file names."""
        return f"{self.function.replace(':', '.')}.{self.number}"

    @property
    def columns(self) -> dict[str, Any]:
        """What its cuts say of it."""
        return {"synthesizer": self.function, "variant": str(self.number)}

    @property
    def settings(self) -> dict[str, Any]:
        """Nothing: what a style is, the function knows."""
        return {}

    def in_style(self, style: str, generator: np.random.Generator) -> FunctionVoice:
        """The same speaker, asked for a style."""
        return dataclasses.replace(self, style=style)

    def say(self, text: str, seed: int) -> tuple[Samples, int]:
        """Call the function.

        Returns:
            Samples (N,), float32 in [-1, 1]: what is louder is turned down. And their rate in Hz.

        Raises:
            EarwrightError: it is not there, raises, or returns silence or something else than audio.
        """
        function = load_function(self.function)
        more = {"style": self.style} if self.style else {}
        try:
            said = function(text, self.number, seed, **more)
        except Exception as error:  # whatever somebody else's code may raise
            raise EarwrightError(
                f"{self.function} raised {type(error).__name__}: {first_line(error)}"
            ) from error
        samples, rate = _checked(self.function, said)
        check_audible(samples, self.function)
        return samples, rate


@cache
def load_function(name: str) -> Callable[..., Any]:
    """Import a function by its name; modules of the working folder are found, too.

    Raises:
        EarwrightError: the name is none, or there is no such module or function.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module_name.split("."), attribute]):
        raise EarwrightError(f"--function {name}: write package.module:function.")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # at the end: it hides nothing
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever somebody else's module may raise
        raise EarwrightError(
            f"--function {name}: {module_name} cannot be imported "
            f"({type(error).__name__}: {first_line(error).rstrip('.')})."
        ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise EarwrightError(f"--function {name}: there is no function {attribute} in {module_name}.")
    called: Callable[..., Any] = function
    return called


def _checked(name: str, said: Any) -> tuple[Samples, int]:
    import numpy as np

    try:
        spoken, rate = said
        samples = np.asarray(spoken)
        whole_rate = int(rate)
    except (TypeError, ValueError, OverflowError) as error:
        raise EarwrightError(f"{name} returned {_shown(said)}, not samples and their rate") from error
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise EarwrightError(
            f"{name} returned samples of shape {samples.shape} and type {samples.dtype}; "
            "they must be one row of floats between -1 and 1"
        )
    if whole_rate != rate or not 0 < whole_rate <= HIGHEST_RATE:
        raise EarwrightError(f"{name} returned {rate!r} as the rate, which must be a whole number of Hz")
    if not np.isfinite(samples).all():
        raise EarwrightError(f"{name} returned samples that are not finite")
    peak = max(1.0, float(np.abs(samples).max(initial=0.0)))
    return np.asarray(samples / peak, np.float32), whole_rate


def _shown(value: Any) -> str:
    return type(value).__name__ if not isinstance(value, tuple) else f"{len(value)} values"
