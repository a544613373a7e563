"""Reports on texts: against counting and scoring them sentence by sentence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.estimate import estimate
from earwright.lm.query import LanguageModel
from earwright.lm.report import FEWEST_WORDS, TextReport, report_on, share
from earwright.lm.scoring import measure, score_lines

WORDS = ["the", "cat", "sat", "on", "mat", "dog"]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    said = [[3, 4, 5, 6, 3, 7], [3, 8, 5, 6, 3, 7], [3, 4, 5], [8, 5, 6, 4]]
    return LanguageModel.from_ngrams(estimate(said, 3, ["<unk>", "<s>", "</s>", *WORDS], normalizer="basic"))


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(
        st.lists(
            st.lists(st.sampled_from([*WORDS, "zebra", "yak", "x"]), min_size=1, max_size=9), min_size=1
        ),
        min_size=1,
        max_size=3,
    ),
    worst=st.integers(0, 5),
)
def test_as_sentence_by_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    model: LanguageModel,
    texts: list[list[list[str]]],
    worst: int,
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    paths = [str(folder / f"{number}.txt") for number in range(len(texts))]
    for path, sentences in zip(paths, texts, strict=True):
        Path(path).write_text("".join(" ".join(words) + "\n" for words in sentences))
    report = report_on(model, paths, layout="lines", worst=worst)

    counts = Counter(word for sentences in texts for words in sentences for word in words)
    assert report.words == counts
    assert report.unknown == {word: n for word, n in counts.items() if word not in WORDS}
    assert report.lacking(lambda word: word != "cat") == ({"cat": counts["cat"]} if counts["cat"] else {})
    assert list(report.words.values()) == sorted(report.words.values(), reverse=True)
    assert [text.to_dict() for text in report.texts] == [
        text.to_dict() for text in measure(model, paths, layout="lines")
    ]
    perplexities = sorted(
        (
            10 ** (-line.log_prob / (len(line.words) + 1))
            for path in paths
            for line in score_lines(model, path)
            if len(line.words) >= FEWEST_WORDS
        ),
        reverse=True,
    )
    assert [one.perplexity for one in report.worst] == pytest.approx(perplexities[:worst], rel=1e-4)
    for one in report.worst:
        assert one.sentence.split() in texts[paths.index(one.name)]
        assert one.unknown == sum(word not in WORDS for word in one.sentence.split())


def test_shares() -> None:
    assert share({"yak": 3, "x": 1}, {"the": 4, "yak": 3, "x": 1}) == {
        "words": 4,
        "different": 2,
        "share": 0.5,
    }
    assert share({}, {})["share"] == 0.0
    assert TextReport().worst == []


def test_a_text_without_words(tmp_path: Path, model: LanguageModel) -> None:
    (tmp_path / "empty.txt").write_text("... --- !\n")
    with pytest.raises(EarwrightError, match=r"empty\.txt: there are no words"):
        report_on(model, [str(tmp_path / "empty.txt")])
