"""Key terms made ready for a search: their automaton, and the tree of its words with theirs among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Terms
from earwright.decoding.keyterm_writing import Writing
from earwright.decoding.keyterms import HeardTerms, Keyterm, hear_keyterms
from earwright.decoding.spelling_tree import SpellingTree, add_words
from earwright.decoding.spellings import Units
from earwright.lm.ngrams import UNKNOWN
from earwright.lm.query import LanguageModel

IMPOSSIBLE = -30.0  # log10: what a language model says so has been made to, as by -99


@dataclass(frozen=True)
class KeytermSet:
    """Terms for one search, any number of times.

    Attributes:
        heard: the terms.
        units: of the search that they are for.
        base: its tree.
        tree: the same with the words that it lacked.
        added: those words.
    """

    heard: HeardTerms
    units: Units
    base: SpellingTree
    tree: SpellingTree
    added: tuple[str, ...] = ()
    _boosted: dict[float, Terms] = field(default_factory=dict, repr=False, compare=False)

    @property
    def writing(self) -> Writing:
        """Spellings that are not written as they are heard."""
        return self.heard.writing

    @classmethod
    def of(
        cls,
        keyterms: Iterable[Keyterm | str],
        units: Units,
        tree: SpellingTree,
        word_lm: LanguageModel | None = None,
        closed: bool = False,
        pronunciations: Mapping[str, Sequence[Sequence[str]]] | None = None,
        normalize: Callable[[str], str] = lambda text: text,
    ) -> KeytermSet:
        """Make them ready; arguments and errors as `BeamSearch.keyterms` has them.

        Args:
            keyterms: at least one.
            units, tree, word_lm: of the search.
            closed: whether it has a lexicon.
            pronunciations: word -> its spellings in units, for units that are no characters.
            normalize: what the recognizer's texts went through.
        """
        listed = [Keyterm(term) if isinstance(term, str) else term for term in keyterms]
        heard = hear_keyterms(listed, units, pronunciations, normalize)
        if not closed or pronunciations is not None:  # all words are there, or the lexicon had them all
            return cls(heard, units, tree, tree)
        known = set(tree.words)
        new = [word for word in heard.words if word not in known]
        if not new:
            return cls(heard, units, tree, tree)
        entries = [(place, units.spell(word) or []) for place, word in enumerate(new)]
        if word_lm is None:
            return cls(heard, units, tree, add_words(tree, new, entries), tuple(new))
        ids = _lm_ids(word_lm, new, tree)
        alone, _ = word_lm.score_batch(np.full(len(ids), word_lm.empty_state), ids)
        return cls(heard, units, tree, add_words(tree, new, entries, ids, alone), tuple(new))

    def boosted(self, boost: float) -> Terms:
        """The automaton with bonuses of `boost` for a unit."""
        terms = self._boosted.get(boost)
        if terms is None:
            at_once = int(np.diff(self.units.spellings.begins).max()) + (self.units.space is None)
            terms = self.heard.automaton.boosted(boost, at_once)
            self._boosted.clear()  # one is enough: it is the same for one utterance after the other
            self._boosted[boost] = terms
        return terms


def _lm_ids(lm: LanguageModel, words: Sequence[str], tree: SpellingTree) -> npt.NDArray[np.int64]:
    """Of words in a language model; the least probable word of the tree stands for those that it lacks.

    To the model they are <unk>, which is all words together that it lacks, so that each of them would be
    likelier than most words that it knows; or, in some ARPA files, impossible.
    """
    ids = lm.ids(words)
    if (ids == UNKNOWN).any():
        alone, _ = lm.score_batch(np.full(len(tree.words), lm.empty_state), tree.tree.lm_ids)
        known = (tree.tree.lm_ids != UNKNOWN) & (alone > IMPOSSIBLE)
        if known.any():
            ids[ids == UNKNOWN] = tree.tree.lm_ids[np.argmin(np.where(known, alone, np.inf))]
    return ids
