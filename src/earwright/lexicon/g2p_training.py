"""From a lexicon to a g2p model: align letters and phones, count n-grams, train the network."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from earwright.errors import EarwrightError
from earwright.lexicon.alignment import Alignment, align, make_pairs
from earwright.lexicon.g2p import LONGEST_WORD, SPECIALS, G2pModel
from earwright.lexicon.network import train_network
from earwright.lm.estimate import estimate

ORDER = 10  # graphones of the longest n-grams
EPOCHS = 10  # times that the network sees each letter
# With fewer pronunciations there is no network: it would learn them by heart.
FEWEST_FOR_NETWORK = 5000


def train_g2p(
    entries: Iterable[tuple[str, Sequence[str]]],
    order: int = ORDER,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    report: Callable[[str, float], None] = lambda doing, share: None,
) -> G2pModel:
    """Train a model on words and their pronunciations.

    Args:
        entries: (word, phones), a word as often as it has pronunciations.
        order: graphones of the longest n-grams.
        epochs: times that the network sees each letter; with 0 there is none.
        seed: of the network.
        report: called with what is being done, and the share of it that is done.

    Raises:
        EarwrightError: there is nothing to train on.
    """
    pairs = [
        (unicodedata.normalize("NFC", word), tuple(phones))
        for word, phones in entries
        if word and phones and len(word) <= LONGEST_WORD
    ]
    if not pairs:
        raise EarwrightError("there are no words with phones to train a g2p model on.")
    lower = all(word == word.lower() for word, _ in pairs)
    rounds = 10
    alignment = align(
        make_pairs(pairs), rounds, report=lambda done: report("aligning letters and phones", done / rounds)
    )
    report("counting n-grams", 0.0)
    cuts = [cut for cut in np.split(alignment.ids, alignment.begins[1:-1]) if len(cut)]
    vocabulary = ["<unk>", "<s>", "</s>", *map(graphone_name, alignment.graphones)]
    ngrams = estimate((cut[::-1] + SPECIALS for cut in cuts), order, vocabulary, unit="graphone")
    notes = {
        "words": str(len({word for word, _ in pairs})),
        "pairs": str(len(pairs)),
        "pairs that could not be aligned": str(len(pairs) - len(cuts)),
    }
    model = G2pModel(alignment.graphones, ngrams, lower, notes)
    if not epochs or len(cuts) < FEWEST_FOR_NETWORK:
        return model
    return with_network(model, alignment, epochs, seed, report)


def with_network(
    model: G2pModel, alignment: Alignment, epochs: int, seed: int, report: Callable[[str, float], None]
) -> G2pModel:
    """The model with a network that was trained on the same alignment; a graphone of it has one letter."""
    letter_of = np.array([model.alphabet[letters] for letters, _ in model.graphones])
    class_of = np.array([model.classes[phones] for _, phones in model.graphones])
    network = train_network(
        letter_of[alignment.ids], class_of[alignment.ids], alignment.begins, len(model.alphabet),
        len(model.classes), epochs=epochs, seed=seed,
        report=lambda share: report("training the network", share),
    )  # fmt: skip
    notes = {**model.notes, "epochs of the network": str(epochs), "seed": str(seed)}
    return G2pModel(model.graphones, model.ngrams, model.lower, notes, network)


def graphone_name(graphone: tuple[str, Sequence[Any]]) -> str:
    """A graphone as a word of the n-gram model: `f|F`, `x|K_S`, `e|`."""
    return f"{graphone[0]}|{'_'.join(graphone[1])}"
