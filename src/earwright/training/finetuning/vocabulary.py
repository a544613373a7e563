"""The vocabulary of a fine-tuned model, and the rows of its layers that belong to tokens.

Three tensors of a model have a row (or a column) for each token: the weights and the bias of the output
layer, and the feedback of intermediate predictions. A token that stays takes its row along.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from earwright.data.examples import build_tokenizer
from earwright.data.options import TextOptions
from earwright.errors import EarwrightError
from earwright.text import BpeTokenizer, CharTokenizer, Tokenizer
from earwright.text.tokenizers import WORD_START

# Where a model holds something for each token: name -> the axis that counts tokens.
TOKEN_AXES = {"output.weight": 0, "output.bias": 0, "feedback.weight": 1}
# Rows of new tokens differ by this share of how much the old ones differ: enough to part ways.
SPREAD = 0.1
SHOWN = 20  # tokens that a sentence names


@dataclass(frozen=True)
class TokenMap:
    """Which row of the old vocabulary each token of the new one takes.

    Attributes:
        old, new: the tokens, blank first.
        rows: for each new token its number among the old ones; None if it was not there.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    rows: tuple[int | None, ...]

    @classmethod
    def of(cls, old: Sequence[str], new: Sequence[str]) -> TokenMap:
        """The map between two vocabularies: a token is itself where its text is the same."""
        number = {token: row for row, token in enumerate(old)}
        return cls(tuple(old), tuple(new), tuple(number.get(token) for token in new))

    def describe(self) -> str:
        """In a sentence: "28 of the bundle's 31 tokens keep their weights; new: ä ö ü"."""
        kept = {token for token, row in zip(self.new, self.rows, strict=True) if row is not None}
        added = [token for token in self.new if token not in kept]
        gone = [token for token in self.old if token not in kept]
        news = f"; new: {_listed(added)}" if added else ""
        losses = f"; gone: {_listed(gone)}" if gone else ""
        return f"{len(kept)} of the bundle's {len(self.old)} tokens keep their weights{news}{losses}"


def choose_tokenizer(
    bundle: Tokenizer, texts: Iterable[str], vocabulary: str, options: TextOptions, seed: int
) -> Tokenizer:
    """The tokenizer of a fine-tuned model.

    Args:
        bundle: that of the model it starts from.
        texts: the new training texts, normalized.
        vocabulary: "union", "bundle" or "new".
        options: min_count of new characters; what to make where everything is new.
        seed: of a new BPE vocabulary.

    Raises:
        EarwrightError: the bundle's tokens are of another kind and are to stay, or the texts have none.
    """
    if vocabulary == "new":
        return build_tokenizer(texts, options, seed)
    if options.tokenizer != bundle.kind:
        raise EarwrightError(
            f'text.tokenizer is "{options.tokenizer}" and the bundle\'s is "{bundle.kind}"; '
            'leave it out, or set finetune.vocabulary = "new".'
        )
    if vocabulary == "bundle":
        return bundle
    return with_characters(bundle, new_characters(bundle, texts, options))


def new_characters(tokenizer: Tokenizer, texts: Iterable[str], options: TextOptions) -> list[str]:
    """The characters of the texts that the tokenizer cannot write, if they are frequent enough."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    unknown = tokenizer.unknown_characters("".join(counts)) - {WORD_START}
    return sorted(character for character in unknown if counts[character] >= options.min_count)


def with_characters(tokenizer: Tokenizer, characters: Sequence[str]) -> Tokenizer:
    """The tokenizer with a token for each of these characters behind its own."""
    if not characters:
        return tokenizer
    tokens = [*tokenizer.tokens, *characters]
    if isinstance(tokenizer, CharTokenizer):
        return CharTokenizer(tokens)
    # Scores fall with the number of the piece; those of single characters decide nothing.
    pieces = [_piece(c, -float(row)) for row, c in enumerate(characters, len(tokenizer.tokens))]
    return BpeTokenizer(tokens, tokenizer.model + b"".join(pieces))


def _piece(text: str, score: float) -> bytes:
    """A piece of a sentencepiece model: field 1 of sentencepiece_model.proto, in protobuf's wire format.

    Two messages one after the other are the message that has the lists of both joined, so a model with
    pieces behind it is the model with those pieces.
    """
    name = text.encode("utf-8")
    message = b"\x0a" + bytes([len(name)]) + name + b"\x15" + struct.pack("<f", score)  # piece = 1, score = 2
    return b"\x0a" + bytes([len(message)]) + message


def transplant(weights: Mapping[str, Tensor], tokens: TokenMap, seed: int) -> dict[str, Tensor]:
    """A model's tensors for another vocabulary.

    Args:
        weights: of the model with the old vocabulary, by name.
        tokens: which row goes where.
        seed: of the small differences between new rows.

    Returns:
        The same names. What belongs to a token that stays is bit for bit what it was; a new token starts
        near the mean of the old ones that are not the blank.
    """
    generator = torch.Generator().manual_seed(seed)
    changed = dict(weights)
    for name, axis in TOKEN_AXES.items():
        if name in weights:
            old = weights[name].movedim(axis, 0)  # (V, ...)
            changed[name] = _rows(old, tokens, generator).movedim(0, axis).contiguous()
    return changed


def _rows(old: Tensor, tokens: TokenMap, generator: torch.Generator) -> Tensor:
    written = old[1:]
    mean, deviation = written.mean(dim=0), written.std(dim=0, unbiased=False)
    rows = []
    for row in tokens.rows:
        noise = torch.randn(old.shape[1:], generator=generator)
        rows.append(old[row] if row is not None else mean + SPREAD * deviation * noise)
    return torch.stack(rows)


def _listed(tokens: Sequence[str]) -> str:
    more = f" and {len(tokens) - SHOWN} more" if len(tokens) > SHOWN else ""
    return " ".join(tokens[:SHOWN]) + more
