"""Pronunciations: lexicons that are read or shipped, and models that guess what no lexicon has."""

from earwright.lexicon.defaults import default_g2p, default_lexicon, default_phones
from earwright.lexicon.g2p import G2pModel, Guess
from earwright.lexicon.g2p_file import read_g2p, write_g2p
from earwright.lexicon.g2p_score import G2pScore, score_g2p, split_words
from earwright.lexicon.g2p_training import train_g2p
from earwright.lexicon.pronounce import Answer, pronounce_words
from earwright.lexicon.pronunciations import (
    Lexicon,
    read_additions,
    read_lexicon,
    read_phones,
    scan_lexicon,
)

__all__ = [
    "Answer",
    "G2pModel",
    "G2pScore",
    "Guess",
    "Lexicon",
    "default_g2p",
    "default_lexicon",
    "default_phones",
    "pronounce_words",
    "read_additions",
    "read_g2p",
    "read_lexicon",
    "read_phones",
    "scan_lexicon",
    "score_g2p",
    "split_words",
    "train_g2p",
    "write_g2p",
]
