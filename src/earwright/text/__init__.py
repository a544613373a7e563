"""Text before and after recognition: the named normalizers printed with every score, and the tokenizers."""

from earwright.text.normalize import NORMALIZERS, normalize
from earwright.text.tokenizers import (
    BpeTokenizer,
    CharTokenizer,
    Tokenizer,
    build_char_tokenizer,
    char_tokenizer_from_counts,
    load_tokenizer,
    train_bpe_tokenizer,
)

__all__ = [
    "NORMALIZERS",
    "BpeTokenizer",
    "CharTokenizer",
    "Tokenizer",
    "build_char_tokenizer",
    "char_tokenizer_from_counts",
    "load_tokenizer",
    "normalize",
    "train_bpe_tokenizer",
]
