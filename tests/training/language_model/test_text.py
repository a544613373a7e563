"""Texts in numbers: what is held out, how rows are cut, what stands before each token."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earwright.lm import END, START
from earwright.lm.storage import Workspace
from earwright.lm.train import TrainOptions
from earwright.text import build_char_tokenizer
from earwright.training.language_model.text import (
    hold_out,
    pack_sentences,
    plan_rows,
    read_rows,
    read_training_text,
)

TEXTS = st.lists(st.lists(st.integers(3, 9), min_size=1, max_size=30), min_size=1, max_size=60)


def numbered(sentences: list[list[int]]) -> np.ndarray:
    return np.array([number for sentence in sentences for number in (*sentence, END)], np.int32)


@given(TEXTS)
def test_whole_sentences_are_held_out_and_the_rest_is_not(sentences: list[list[int]]) -> None:
    ids = numbered(sentences * 20)
    ranges, taken = hold_out(ids)
    kept = [ids[begin:end] for begin, end in ranges.tolist()]
    assert sum(map(len, kept)) + len(taken) == len(ids)
    for part in (*kept, taken):
        assert len(part) == 0 or part[-1] == END
    assert (ranges[1:, 0] >= ranges[:-1, 1]).all()


@given(TEXTS, st.integers(1, 12), st.integers(0, 3))
def test_rows_lie_within_ranges_and_do_not_overlap(
    sentences: list[list[int]], length: int, epoch: int
) -> None:
    ids = numbered(sentences * 5)
    ranges, _ = hold_out(ids)
    length = min(length, int(np.diff(ranges).max()))
    begins = plan_rows(ranges, length, 1, epoch)
    assert (np.diff(np.sort(begins)) >= length).all()
    for begin in begins.tolist():
        assert any(first <= begin and begin + length <= last for first, last in ranges.tolist())
    assert begins.tolist() == plan_rows(ranges, length, 1, epoch).tolist()
    before, tokens = read_rows(ids, begins, length)
    for row, begin in enumerate(begins.tolist()):
        for place in range(length):
            assert tokens[row, place] == ids[begin + place]
            last = ids[begin + place - 1] if begin + place else END
            assert before[row, place] == (START if last == END else last)


@given(TEXTS, st.integers(1, 40))
def test_packed_rows_hold_every_token_once(sentences: list[list[int]], length: int) -> None:
    ids = numbered(sentences)
    before, tokens, real = pack_sentences(ids, length)
    assert tokens[real].tolist() == ids.tolist()
    assert before.shape == tokens.shape == real.shape and tokens.shape[1] == length
    assert (before[:, 0] == START).all()


def test_words_and_tokens_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a cat\na hat\nthe cat\n" * 10, encoding="utf-8")
    options = TrainOptions(layout="lines", max_words=2)
    with Workspace() as room:
        words = read_training_text([str(path)], options, room)
        assert words.vocabulary == ["<unk>", "<s>", "</s>", "a", "cat"]
        assert words.counts.tolist() == [20, 0, 30, 20, 20]
        assert words.ids[:9].tolist() == [3, 4, END, 3, 0, END, 0, 4, END]
        tokenizer = build_char_tokenizer(["a cat hat e"])
        spelled = read_training_text([str(path)], options, room, tokenizer, [str(path)])
        said = "".join(spelled.vocabulary[number] for number in spelled.ids[: 6 + 6 + 8])
        assert said == "a▁cat</s>a▁hat</s>the▁cat</s>"
        assert spelled.held_out.tolist() == spelled.ids.tolist()
        assert spelled.ranges.tolist() == [[0, len(spelled.ids)]]
