"""What English comes with: the CMU Pronouncing Dictionary, and a g2p model trained on it when needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from pathlib import Path

from earwright.errors import EarwrightError
from earwright.lexicon.g2p import G2pModel
from earwright.lexicon.g2p_file import VERSION, read_g2p, write_g2p
from earwright.lexicon.g2p_training import train_g2p
from earwright.lexicon.pronunciations import Lexicon, Phones, read_lexicon, read_phones

LANGUAGES = ("en",)


@lru_cache(maxsize=1)
def default_lexicon(language: str) -> Lexicon:
    """The lexicon that is shipped for a language.

    For English ("en") the CMU Pronouncing Dictionary (github.com/cmusphinx/cmudict, commit
    0f8072f814306c5ee4fbf992ed853601b12c01f9), unchanged but packed: 126,000 words of North American English
    in ARPAbet with digits for stress.

    Raises:
        EarwrightError: there is none for the language.
    """
    folder = _folder(language)
    with resources.as_file(folder / "cmudict.dict.xz") as path:
        words = read_lexicon(path, default_phones(language)).words
    return Lexicon(words, default_phones(language), "cmudict")


def default_phones(language: str) -> Phones:
    """The phones of the shipped lexicon, also those without a digit for their stress.

    Raises:
        EarwrightError: there is none for the language.
    """
    with resources.as_file(_folder(language) / "cmudict.symbols") as path:
        return read_phones(path)


def default_g2p(
    language: str, cache: Path, report: Callable[[str, float], None] = lambda doing, share: None
) -> G2pModel:
    """The g2p model of the shipped lexicon, trained when it is first asked for and kept in a folder.

    Args:
        language: "en".
        cache: the folder; what lies there and cannot be read is made anew.
        report: called with what is being done and the share of it, where the model must be trained.

    Raises:
        EarwrightError: there is no lexicon for the language.
    """
    path = cache / f"g2p-{language}-{VERSION}.bin"
    try:
        return read_g2p(path)
    except EarwrightError:
        model = train_g2p(default_lexicon(language).entries(), report=report)
    try:
        write_g2p(model, path)
    except EarwrightError as error:  # a read-only home: it works all the same, minutes later each time
        report(f"the g2p model is not kept: {error}", 1.0)
        return model
    return read_g2p(path)  # rounded as the file is: the first answer and the later ones are the same


def _folder(language: str) -> resources.abc.Traversable:
    if language not in LANGUAGES:
        raise EarwrightError(
            f'there is no lexicon for "{language}", only for {", ".join(LANGUAGES)}; give one of your own.'
        )
    return resources.files("earwright.lexicon")
