"""Queries: against the definition of backing off and KenLM, in batches; states that search can trust."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.arpa import read_arpa
from earwright.lm.binary import write_binary
from earwright.lm.ngrams import END, START, UNKNOWN
from earwright.lm.query import LanguageModel, load_ngrams, save_ngrams
from small_models import Ngrams, arpa_text, backed_off, chain, random_ngrams, random_words

SHARED_MODELS = [
    "kenlm/test.arpa",
    "kenlm/test_nounk.arpa",
    "kenlm/toy0.arpa",
    "kenlm/toy1.arpa",
    "torchaudio/kenlm.arpa",
    "torchaudio/kenlm_char.arpa",
    "pyctcdecode/bugs_bunny_kenlm.arpa",
    "flashlight-text/lm.arpa",
]


def load(folder: Path, ngrams: Ngrams, order: int, form: str = "arpa") -> LanguageModel:
    path = folder / "model.arpa"
    path.write_text(arpa_text(ngrams, order), encoding="utf-8")
    if form != "arpa":
        # 16 bits hold every number of a model as small as these, so that nothing is lost.
        write_binary(folder / "model.bin", read_arpa(path), 16 if form == "packed" else 0)
        path = folder / "model.bin"
    return LanguageModel.load(path)


@given(seed=st.integers(0, 10**9), order=st.integers(1, 6), form=st.sampled_from(["arpa", "bin", "packed"]))
def test_the_definition_of_backing_off(
    tmp_path_factory: pytest.TempPathFactory, seed: int, order: int, form: str
) -> None:
    ngrams = random_ngrams(seed, order, 80, suffixes=bool(seed % 2), prefixes=bool(seed % 3))
    model = load(tmp_path_factory.mktemp("lm"), ngrams, order, form)
    words = random_words(seed, 60)
    scores = model.scores(model.ids(words), state=model.empty_state, end=False)
    # Each sentence end begins anew, after <s>.
    expected, begin = [], 0
    for place, word in enumerate(words):
        expected.append(chain(ngrams, order, (["<s>"] if begin else []) + words[begin : place + 1])[-1])
        if word == "</s>":
            begin = place + 1
    np.testing.assert_allclose(scores.log_probs, expected, atol=2e-5)
    np.testing.assert_array_equal(scores.unknown, [(word,) not in ngrams for word in words])
    for place, (word, matched) in enumerate(zip(words, scores.matched, strict=True)):
        said = (["<s>"] if begin else []) + words[: place + 1]
        assert 1 <= matched <= min(order, len(said)) and word


@given(seed=st.integers(0, 10**9), order=st.integers(1, 5), form=st.sampled_from(["bin", "packed"]))
def test_states_stand_for_all_that_matters(
    tmp_path_factory: pytest.TempPathFactory, seed: int, order: int, form: str
) -> None:
    ngrams = random_ngrams(seed, order, 60)
    folder = tmp_path_factory.mktemp("lm")
    model = load(folder, ngrams, order, form)
    fresh = LanguageModel.load(folder / "model.bin")
    words = random_words(seed + 1, 40)
    state, said = model.start_state, ["<s>"]
    for word in words:
        log_prob, following = model.score(state, model.id(word))
        # A state is found again in another process that never came by it, and says which words it is.
        assert fresh.score(state, model.id(word)) == (log_prob, following)
        assert log_prob == pytest.approx(backed_off(ngrams, [*said, word][-order:]), abs=2e-5)
        said.append(word if (word,) in ngrams else "<unk>")
        state = following
        kept = model.words_of(state)
        assert len(kept) < order or order == 1
        assert said[len(said) - len(kept) :] == kept
        # No longer than needed: it has a back-off, or something follows it.
        assert not kept or ngrams[tuple(kept)][1] or any(n[:-1] == tuple(kept) for n in ngrams)


def test_batches(tmp_path: Path) -> None:
    ngrams = random_ngrams(11, 3, 80)
    model = load(tmp_path, ngrams, 3)
    states = np.array([model.empty_state, model.start_state])
    words = np.arange(len(model.vocabulary))
    log_probs, following = model.score_batch(states[:, None], words)
    assert log_probs.shape == following.shape == (2, len(words))
    assert log_probs.dtype == np.float32 and following.dtype == np.int64
    for row, column in np.ndindex(log_probs.shape):
        log_prob, state = model.score(int(states[row]), int(words[column]))
        assert log_probs[row, column] == np.float32(log_prob) and following[row, column] == state
    assert model.score_batch(0, 3)[0].shape == ()
    assert model.score_batch([], [])[0].shape == (0,)


@pytest.mark.parametrize("state, word", [(-1, 0), (10**9, 0), (0, -1), (0, 10**9)])
def test_states_and_words_that_are_not_there(tmp_path: Path, state: int, word: int) -> None:
    model = load(tmp_path, random_ngrams(3, 3), 3)
    for ask in (
        lambda: model.score(state, word),
        lambda: model.score_batch([state], [word]),
        lambda: model.scores([word], state=state),
    ):
        with pytest.raises(IndexError, match="of this model"):
            ask()


def test_specials(tmp_path: Path) -> None:
    model = load(tmp_path, random_ngrams(4, 2), 2)
    assert [model.id(word) for word in ("<unk>", "<s>", "</s>", "nobody said it")] == [
        UNKNOWN,
        START,
        END,
        UNKNOWN,
    ]
    assert [model.vocabulary[number] for number in range(3)] == ["<unk>", "<s>", "</s>"]
    assert model.vocabulary[-1] == list(model.vocabulary)[-1]
    assert "a" in model.vocabulary and "nobody" not in model.vocabulary


@pytest.mark.parametrize("name", SHARED_MODELS)
def test_every_ngram_as_kenlm(shared: Path, name: str) -> None:
    kenlm = pytest.importorskip("kenlm")
    path = shared / "vectors/decoder" / name
    model, ngrams, theirs = LanguageModel.load(path), read_arpa(path), kenlm.Model(str(path))
    words = list(model.vocabulary)
    for order in range(1, model.order + 1):
        rows = ngrams.ngrams(order)
        for ids in rows[:: max(1, len(rows) // 1000)]:
            # <s> is asked for as a context only: KenLM gives it the number of the file, which nobody needs.
            ours = model.scores(ids, state=model.empty_state, end=False).log_probs
            expected, state = [], kenlm.State()
            theirs.NullContextWrite(state)
            for word in ids:
                state, before = kenlm.State(), state
                expected.append(theirs.BaseScore(before, words[word], state))
            np.testing.assert_allclose(ours[ids != START], np.array(expected)[ids != START], atol=1e-4)


@pytest.mark.parametrize("name", SHARED_MODELS)
@pytest.mark.parametrize("packed", [False, True])
def test_texts_as_kenlm(shared: Path, tmp_path: Path, name: str, packed: bool) -> None:
    kenlm = pytest.importorskip("kenlm")
    path = shared / "vectors/decoder" / name
    theirs = kenlm.Model(str(path))
    if packed and "flashlight" in name:
        pytest.skip("its numbers need more than 16 bits")
    write_binary(tmp_path / "model.bin", read_arpa(path), 16 if packed else 0)
    model = LanguageModel.load(tmp_path / "model.bin")
    draw = np.random.default_rng(1)
    words = list(model.vocabulary)[3:]
    if len(words) > 1000:  # most would be unigrams only
        words = ["a", "the", "of", "and", "to", "in", "i", "that", "was", "he", "it", "<unk>", "for", "her"]
    for _ in range(50):
        said = draw.choice([*words, "zzz"], draw.integers(1, 30)).tolist()
        ours = model.scores(model.ids(said))
        text = " ".join(said)
        full = [(score, length, oov) for score, length, oov in theirs.full_scores(text)]
        np.testing.assert_allclose(ours.log_probs, [score for score, _, _ in full], atol=1e-4)
        np.testing.assert_array_equal(ours.unknown, [oov for _, _, oov in full])
        assert ours.log_probs.sum() == pytest.approx(theirs.score(text), abs=1e-3)


def test_chains_that_kenlm_tests_itself_with(shared: Path) -> None:
    folder = shared / "vectors/decoder/kenlm"
    cases = json.loads((folder / "cases.json").read_text("utf-8"))
    model = LanguageModel.load(folder / cases["model"])
    for case in cases["chains"]:
        state = model.start_state if case["start"] == "<s>" else model.empty_state
        for word, _, expected in case["steps"]:
            log_prob, state = model.score(state, model.id(word))
            assert log_prob == pytest.approx(expected, rel=1e-5, abs=1e-5), (case, word)
        if "state_length_after" in case:
            assert len(model.words_of(state)) == case["state_length_after"]


def test_many_children(tmp_path: Path) -> None:
    """Contexts with thousands of continuations, as the packed index has to skip over."""
    words = [f"w{number}" for number in range(3000)]
    ngrams: Ngrams = {(word,): (-4.0, -0.5) for word in ["<unk>", "<s>", "</s>", *words]}
    ngrams |= {("w5", word): (-2.0 - number / 3000, -0.25) for number, word in enumerate(words)}
    ngrams |= {("w7", word): (-1.0 - number / 3000, -0.25) for number, word in enumerate(words[::2])}
    ngrams |= {("w5", "w9", word): (-0.5 - number / 3000, 0) for number, word in enumerate(words)}
    ngrams |= {("w7", "w2998", word): (-0.25, 0) for word in words[::-3]}
    for form in ("bin", "packed"):
        model = load(tmp_path, ngrams, 3, form)
        for first, second, third in [
            ("w5", "w9", "w1234"), ("w5", "w10", "w77"), ("w7", "w2998", "w2999"), ("w7", "w2998", "w2998"),
            ("w2999", "w5", "w2999"), ("w7", "w2999", "w1"), ("w1", "w7", "w2998"),
        ]:  # fmt: skip
            said = [first, second, third]
            scores = model.scores(model.ids(said), state=0, end=False)
            np.testing.assert_allclose(scores.log_probs, chain(ngrams, 3, said), atol=1e-4)


def test_forms_of_files(tmp_path: Path) -> None:
    path = tmp_path / "model.arpa"
    path.write_text(arpa_text(random_ngrams(8, 3), 3), encoding="utf-8")
    model = load_ngrams(path)
    for name in ("x.bin", "x.arpa", "x.arpa.gz", "x.lm"):
        save_ngrams(tmp_path / name, model)
        again = load_ngrams(tmp_path / name)
        assert list(again.vocabulary) == list(model.vocabulary) and again.counts == model.counts
        for one, other in zip(model.levels, again.levels, strict=True):
            np.testing.assert_array_equal(one.log_probs, other.log_probs)
    with pytest.raises(EarwrightError, match="choose one"):
        save_ngrams(tmp_path / "x.txt", model)
    with pytest.raises(EarwrightError, match="files are quantized"):
        save_ngrams(tmp_path / "x.arpa", model, 8)
    with pytest.raises(EarwrightError, match="4 to 16 bits, not 3"):
        save_ngrams(tmp_path / "x.bin", model, 3)
    with pytest.raises(EarwrightError, match="no such file"):
        load_ngrams(tmp_path / "none.bin")
    with pytest.raises(EarwrightError, match="no such file"):
        LanguageModel.load(tmp_path / "none.bin")
