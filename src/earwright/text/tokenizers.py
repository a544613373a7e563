"""Text to token numbers and back. 0 is CTC's blank; a token that opens a word begins with "▁"."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_write

BLANK = "<blank>"
WORD_START = "\u2581"  # sentencepiece's sign for a space, so that tokens.txt is one visible token a line
TOKENS_FILE = "tokens.txt"
MODEL_FILE = "tokenizer.model"
_NO_CHARACTERS = "the training texts hold no characters to make tokens of; check the manifest's texts."


class CharTokenizer:
    """One token a character; "▁" is the space between words.

    Example:
        >>> tokenizer = build_char_tokenizer(["hello you"])
        >>> tokenizer.decode(tokenizer.encode("hello you"))
        'hello you'

    Args:
        tokens: the vocabulary, `<blank>` first.

    Raises:
        EarwrightError: the vocabulary is not one (no blank, duplicates, tokens of several characters).
    """

    kind = "char"

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens: tuple[str, ...] = _checked(tokens)
        long = [token for token in self.tokens[1:] if len(token) != 1]
        if long:
            raise EarwrightError(
                f'{TOKENS_FILE}: "{long[0]}" is no single character; a BPE vocabulary needs its {MODEL_FILE}.'
            )
        self._ids = {token: index for index, token in enumerate(self.tokens) if index > 0}

    @property
    def vocab_size(self) -> int:
        """How many tokens there are, the blank included."""
        return len(self.tokens)

    @property
    def word_starts(self) -> tuple[bool, ...]:
        """For each token whether it opens a new word."""
        return _word_starts(self.tokens)

    def unknown_characters(self, text: str) -> set[str]:
        """The characters of `text` that have no token; white space is never among them."""
        return _characters(text) - self._ids.keys() | (_characters(text) & {WORD_START})

    def encode(self, text: str) -> list[int]:
        """Token numbers of `text`, runs of white space counted as one space.

        Raises:
            EarwrightError: a character has no token; the message names all of them.
        """
        unknown = self.unknown_characters(text)
        if unknown:
            raise _unknown_error(unknown, text)
        return [self._ids[character] for character in WORD_START.join(text.split())]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token numbers (blanks are left out)."""
        return _decode(self.tokens, ids)

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """The words of token numbers, each with its range [first, last) of indices into `ids`."""
        return _words(self.tokens, ids)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `tokens.txt` into `folder`."""
        _save(folder, self.files())

    def files(self) -> dict[str, bytes]:
        """What `save` writes, as file names and contents."""
        return {TOKENS_FILE: _tokens_text(self.tokens)}


class BpeTokenizer:
    """Byte-pair encoding by sentencepiece: frequent strings of characters are tokens.

    Decoding needs the vocabulary alone; sentencepiece is loaded at the first `encode`.

    Args:
        tokens: the vocabulary, `<blank>` first, in the order of the model.
        model: the serialized sentencepiece model.
    """

    kind = "bpe"

    def __init__(self, tokens: Sequence[str], model: bytes) -> None:
        self.tokens: tuple[str, ...] = _checked(tokens)
        self.model = model
        self._alphabet = {token for token in self.tokens if len(token) == 1} - {WORD_START}
        self._processor: Any = None

    @property
    def vocab_size(self) -> int:
        """How many tokens there are, the blank included."""
        return len(self.tokens)

    @property
    def word_starts(self) -> tuple[bool, ...]:
        """For each token whether it opens a new word."""
        return _word_starts(self.tokens)

    def unknown_characters(self, text: str) -> set[str]:
        """The characters of `text` that no token can spell; white space is never among them."""
        return _characters(text) - self._alphabet

    def encode(self, text: str) -> list[int]:
        """Token numbers of `text`, runs of white space counted as one space.

        Raises:
            EarwrightError: a character has no token; the message names all of them.
        """
        unknown = self.unknown_characters(text)
        if unknown:
            raise _unknown_error(unknown, text)
        if self._processor is None:
            self._processor = _open_model(self.model, self.tokens)
        ids: list[int] = self._processor.encode(" ".join(text.split()))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token numbers (blanks are left out)."""
        return _decode(self.tokens, ids)

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """The words of token numbers, each with its range [first, last) of indices into `ids`."""
        return _words(self.tokens, ids)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `tokens.txt` and `tokenizer.model` into `folder`."""
        _save(folder, self.files())

    def files(self) -> dict[str, bytes]:
        """What `save` writes, as file names and contents."""
        return {TOKENS_FILE: _tokens_text(self.tokens), MODEL_FILE: self.model}


Tokenizer = CharTokenizer | BpeTokenizer


def build_char_tokenizer(texts: Iterable[str], min_count: int = 1) -> CharTokenizer:
    """A token for each character of the texts.

    Args:
        texts: normalized training texts.
        min_count: rarer characters get no token.

    Raises:
        EarwrightError: the texts hold no characters.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return char_tokenizer_from_counts(counts, min_count)


def char_tokenizer_from_counts(counts: Mapping[str, int], min_count: int = 1) -> CharTokenizer:
    """A token for each character that is there often enough.

    Args:
        counts: character -> how often it is in the training texts; white space makes no token.
        min_count: rarer characters get no token.

    Raises:
        EarwrightError: no character is left.
    """
    characters = sorted(
        character
        for character, count in counts.items()
        if count >= min_count and character != WORD_START and not character.isspace()
    )
    if not characters:
        raise EarwrightError(_NO_CHARACTERS)
    return CharTokenizer([BLANK, WORD_START, *characters])


def train_bpe_tokenizer(texts: Iterable[str], vocab_size: int, seed: int = 0) -> BpeTokenizer:
    """Learn a byte-pair vocabulary (Sennrich et al. 2016, arXiv:1508.07909) with sentencepiece.

    Every character of the texts gets a token of its own, so whatever is spelled with them can be encoded.

    Args:
        texts: normalized training texts.
        vocab_size: tokens, the blank included.
        seed: of sentencepiece's generator (its byte-pair training draws nothing today).

    Raises:
        EarwrightError: `vocab_size` is too small for the characters, or larger than the texts can fill.
    """
    import sentencepiece

    lines = [line for line in (" ".join(text.replace(WORD_START, " ").split()) for text in texts) if line]
    if not lines:
        raise EarwrightError(_NO_CHARACTERS)
    sentencepiece.set_random_generator_seed(seed)
    sentencepiece.set_min_log_level(2)
    model = BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocab_size,
            character_coverage=1.0,
            normalization_rule_name="identity",  # texts come normalized, and must come back letter by letter
            # sentencepiece insists on an unknown token; with every character covered it is never produced, so
            # the blank takes its place.
            unk_id=0,
            unk_piece=BLANK,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            max_sentence_length=max(4192, *(4 * len(line) + 16 for line in lines)),
            num_threads=1,
        )
    except (RuntimeError, OSError) as error:
        # sentencepiece's message is its own source line in brackets, then the reason (which names the bound).
        reason = first_line(error).rpartition("] ")[2].partition(" or decrease")[0].rstrip(".")
        raise EarwrightError(
            f"a BPE vocabulary of {vocab_size} tokens cannot be learned from these texts: {reason}."
        ) from error
    return BpeTokenizer(_pieces(_load_processor(model.getvalue())), model.getvalue())


def load_tokenizer(source: str | os.PathLike[str] | Mapping[str, bytes]) -> Tokenizer:
    """Load what `save` wrote: BPE if there is a `tokenizer.model`, characters otherwise.

    Args:
        source: a folder, or a mapping from file name to contents.

    Raises:
        EarwrightError: `tokens.txt` is missing or no vocabulary.
    """
    if isinstance(source, Mapping):
        files = {name: source[name] for name in (TOKENS_FILE, MODEL_FILE) if name in source}
        place = "the tokenizer's files"
    else:
        folder = Path(source)
        files = {n: (folder / n).read_bytes() for n in (TOKENS_FILE, MODEL_FILE) if (folder / n).is_file()}
        place = str(folder)
    if TOKENS_FILE not in files:
        raise EarwrightError(f"{place}: {TOKENS_FILE} is missing; point to a folder made by training.")
    try:
        text = files[TOKENS_FILE].decode("utf-8")
    except UnicodeDecodeError as error:
        raise EarwrightError(f"{place}: {TOKENS_FILE} is not UTF-8 text; make the bundle again.") from error
    tokens = text.removesuffix("\n").split("\n")
    if MODEL_FILE in files:
        return BpeTokenizer(tokens, files[MODEL_FILE])
    return CharTokenizer(tokens)


def _checked(tokens: Sequence[str]) -> tuple[str, ...]:
    if not tokens or tokens[0] != BLANK:
        raise EarwrightError(f"{TOKENS_FILE}: the first token must be {BLANK}; make the vocabulary again.")
    seen: set[str] = set()
    for line, token in enumerate(tokens, 1):
        if not token or token in seen:
            what = f'"{token}" stands there twice' if token else "the token is empty"
            raise EarwrightError(f"{TOKENS_FILE}, line {line}: {what}; make the vocabulary again.")
        seen.add(token)
    return tuple(tokens)


def _characters(text: str) -> set[str]:
    return {character for character in text if not character.isspace()}


def _unknown_error(unknown: set[str], text: str) -> EarwrightError:
    names = ", ".join(f'"{character}" (U+{ord(character):04X})' for character in sorted(unknown))
    shown = text if len(text) <= 60 else text[:57] + "..."
    return EarwrightError(
        f'no token for {names} in "{shown}"; normalize the text or train with texts that have them.'
    )


def _word_starts(tokens: Sequence[str]) -> tuple[bool, ...]:
    return tuple(token.startswith(WORD_START) for token in tokens)


def _decode(tokens: Sequence[str], ids: Iterable[int]) -> str:
    text = "".join(tokens[index] for index in ids if index != 0)
    return " ".join(text.replace(WORD_START, " ").split())


def _words(tokens: Sequence[str], ids: Sequence[int]) -> list[tuple[str, int, int]]:
    words: list[tuple[str, int, int]] = []
    opened = False
    for position, index in enumerate(ids):
        if index == 0:
            continue
        token = tokens[index]
        opened = opened and not token.startswith(WORD_START)
        piece = token.removeprefix(WORD_START)
        if not piece:
            continue  # a space alone belongs to no word
        if opened:
            text, first, _ = words[-1]
            words[-1] = (text + piece, first, position + 1)
        else:
            words.append((piece, position, position + 1))
        opened = True
    return words


def _tokens_text(tokens: Sequence[str]) -> bytes:
    return ("\n".join(tokens) + "\n").encode("utf-8")


def _save(folder: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        with atomic_write(Path(folder) / name, "wb") as file:
            file.write(data)


def _load_processor(model: bytes) -> Any:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except (RuntimeError, OSError) as error:
        raise EarwrightError(f"{MODEL_FILE} is no sentencepiece model; make the bundle again.") from error
    return processor


def _pieces(processor: Any) -> list[str]:
    return [processor.IdToPiece(index) for index in range(processor.GetPieceSize())]


def _open_model(model: bytes, tokens: Sequence[str]) -> Any:
    processor = _load_processor(model)
    if _pieces(processor) != list(tokens):
        raise EarwrightError(f"{TOKENS_FILE} and {MODEL_FILE} do not belong together; make the bundle again.")
    return processor
