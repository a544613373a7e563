"""Word lattices: made by a beam search, scored anew, read as n-best lists and confusion networks, kept.

lattice = search.lattice(log_probs)
for path in nbest_paths(lattice, 10):
    print(path.score, path.text)
larger = rescore_lattice(lattice, LanguageModel.load("large.bin"))
print(confusion_network(larger).text)
"""

from earwright.decoding.lattice.graph import Lattice, assemble, empty_lattice
from earwright.decoding.lattice.kaldi import read_kaldi, write_kaldi
from earwright.decoding.lattice.paths import LatticePath, nbest_paths, oracle_path
from earwright.decoding.lattice.rescoring import rescore_lattice
from earwright.decoding.lattice.sausage import ConfusionNetwork, Slot, confusion_network, word_posteriors
from earwright.decoding.lattice.slf import read_slf, write_slf

__all__ = [
    "ConfusionNetwork",
    "Lattice",
    "LatticePath",
    "Slot",
    "assemble",
    "confusion_network",
    "empty_lattice",
    "nbest_paths",
    "oracle_path",
    "read_kaldi",
    "read_slf",
    "rescore_lattice",
    "word_posteriors",
    "write_kaldi",
    "write_slf",
]
