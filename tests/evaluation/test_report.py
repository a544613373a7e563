"""The report fits the terminal and says what there is to say."""

from __future__ import annotations

import io
import random

import pytest
from rich.console import Console

from earwright.evaluation import Evaluation, score
from earwright.evaluation.report import print_report


def shown(evaluation: Evaluation, width: int = 80, **options: object) -> str:
    stream = io.StringIO()
    print_report(Console(file=stream, width=width), evaluation, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def large() -> Evaluation:
    draw = random.Random(0)
    words = ["in", "the", "was", "a", "recognizer,", "unforeseeableconsequencesfollowed", "日本語", "नमस्ते"]
    texts = [" ".join(draw.choices(words, k=draw.randint(1, 40))) for _ in range(200)]
    wrong = [
        " ".join(w for word in text.split() for w in draw.choice([[word], [word], [], [word, "x"]]))
        for text in texts
    ]
    return score(
        texts,
        wrong,
        speakers=[f"s{i % 9}" for i in range(200)],
        durations=[0.4 * len(text.split()) for text in texts],
    )


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    from rich.cells import cell_len

    text = shown(large(), width, title="test", notes=["1,000 s of audio"])
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width


def test_what_it_says() -> None:
    text = shown(
        score(["one two three four five six"], ["one too three five six seven"], durations=[2.5]),
        title="A title",
        notes=["a note"],
    )
    for part in (
        "A title",
        "a note",
        "WER",
        "CER",
        "95% interval",
        "1 utterance, 1 with errors",
        "normalizer basic",
    ):
        assert part in text
    block = text[text.index("said        one") :].splitlines()
    assert [line.strip() for line in block[:3]] == [
        "said        one two three four five six *****",
        "recognized  one too three **** five six seven",
        "S         D             I",
    ]
    assert "2 to 5" in text


def test_nothing_wrong_nothing_shown() -> None:
    text = shown(score(["a b"], ["a b"]))
    assert "0.00 %" in text and "stand out" not in text and "frequent" not in text


def test_empty_references() -> None:
    text = shown(score(["", ""], ["x", ""]))
    assert "1 error in 0 words" in text
