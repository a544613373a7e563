from __future__ import annotations

import pytest
import sentencepiece
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.data.options import TextOptions
from earwright.errors import EarwrightError
from earwright.models.conformer import Conformer, ConformerOptions
from earwright.text import CharTokenizer, build_char_tokenizer, train_bpe_tokenizer
from earwright.text.tokenizers import BLANK, WORD_START
from earwright.training.finetuning.vocabulary import TokenMap, choose_tokenizer, transplant

OPTIONS = ConformerOptions(dim=16, layers=1, heads=2, half_rate=(0, 0), stem_channels=2, kernel_size=3)
TEXTS = ["hello you", "how are you", "you are here", "who is here", "we are who we are"] * 3


def vocabulary(letters: list[str]) -> list[str]:
    return [BLANK, WORD_START, *letters]


LETTERS = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)


@settings(max_examples=15)  # each builds two models
@given(old=LETTERS, new=LETTERS, seed=st.integers(0, 5))
def test_a_token_that_stays_is_scored_as_before(old: list[str], new: list[str], seed: int) -> None:
    before, after = vocabulary(old), vocabulary(new)
    torch.manual_seed(seed)
    first, second = Conformer(OPTIONS, 20, len(before)), Conformer(OPTIONS, 20, len(after))
    second.load_state_dict(transplant(first.state_dict(), TokenMap.of(before, after), seed))
    x, lengths = torch.randn(2, 41, 20), torch.tensor([41, 30])
    with torch.no_grad():
        a, b = (model.eval()(x, lengths).log_probs for model in (first, second))
    # Log-softmax subtracts one number a frame; between the blank and a token it cancels.
    for token in set(before) & set(after):
        torch.testing.assert_close(
            b[..., after.index(token)] - b[..., 0], a[..., before.index(token)] - a[..., 0]
        )
    kept = [token for token in after if token in before]
    rows = second.output.weight[[after.index(token) for token in kept]]
    assert torch.equal(rows, first.output.weight[[before.index(token) for token in kept]])


def test_the_feedback_has_a_column_for_each_token() -> None:
    options = ConformerOptions(
        dim=16,
        layers=2,
        heads=2,
        half_rate=(0, 0),
        stem_channels=2,
        intermediate_ctc=(1,),
        self_conditioning=True,
    )
    before, after = vocabulary(["a", "b"]), vocabulary(["b", "c", "d"])
    first, second = Conformer(options, 20, len(before)), Conformer(options, 20, len(after))
    second.load_state_dict(transplant(first.state_dict(), TokenMap.of(before, after), 1))
    assert first.feedback is not None and second.feedback is not None
    assert torch.equal(second.feedback.weight[:, 2], first.feedback.weight[:, 3])
    new = second.output.weight[3:]
    mean = first.output.weight[1:].mean(dim=0)
    spread = first.output.weight[1:].std()
    assert not torch.equal(new[0], new[1]) and (new - mean).abs().max() < spread


def test_what_stays_comes_and_goes_is_told() -> None:
    tokens = TokenMap.of(vocabulary(["a", "b"]), vocabulary(["b", "ä"]))
    assert tokens.describe() == "3 of the bundle's 4 tokens keep their weights; new: ä; gone: a"
    many = TokenMap.of(vocabulary(["a"]), vocabulary([chr(0x4E00 + n) for n in range(50)]))
    assert "and 30 more; gone: a" in many.describe()


def test_union_bundle_and_new() -> None:
    bundle = build_char_tokenizer(["abc"])
    texts = ["abd", "bd e"]

    def tokens(vocabulary: str, **options: int) -> list[str]:
        return list(choose_tokenizer(bundle, texts, vocabulary, TextOptions(**options), 1).tokens[2:])

    assert tokens("union") == ["a", "b", "c", "d", "e"]
    assert tokens("union", min_count=2) == ["a", "b", "c", "d"]
    assert tokens("bundle") == ["a", "b", "c"]
    assert tokens("new") == ["a", "b", "d", "e"]
    assert choose_tokenizer(bundle, ["cab"], "union", TextOptions(), 1) is bundle
    with pytest.raises(EarwrightError, match=r'"bpe" and the bundle\'s is "char"; leave it out, or'):
        choose_tokenizer(bundle, texts, "union", TextOptions(tokenizer="bpe"), 1)


def test_new_characters_in_a_byte_pair_vocabulary() -> None:
    """sentencepiece itself reads the model with further pieces."""
    bundle = train_bpe_tokenizer(TEXTS, 30)
    options = TextOptions(tokenizer="bpe")
    texts = ["how are çyou", "日本 hello"]
    tokenizer = choose_tokenizer(bundle, texts, "union", options, 1)
    assert list(tokenizer.tokens) == [*bundle.tokens, "ç", "日", "本"]
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)  # type: ignore[union-attr]
    assert [processor.id_to_piece(row) for row in range(1, len(tokenizer.tokens))] == list(
        tokenizer.tokens[1:]
    )
    for text in TEXTS:
        assert tokenizer.encode(text) == bundle.encode(text)
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text)) == text
    again = choose_tokenizer(tokenizer, [*texts, "ñ"], "union", options, 1)
    assert again.tokens[-1] == "ñ" and again.decode(again.encode("ñ 日本")) == "ñ 日本"


def test_other_writing_takes_over_what_it_can() -> None:
    old, new = train_bpe_tokenizer(TEXTS, 30), CharTokenizer(vocabulary(list("ehlou")))
    shared = set(old.tokens) & set(new.tokens)
    tokens = TokenMap.of(old.tokens, new.tokens)
    assert {new.tokens[i] for i, row in enumerate(tokens.rows) if row is not None} == shared
