"""ARPA files: every dialect gives the same model, what is written is read back, what is wrong is told."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.arpa import read_arpa, write_arpa
from earwright.lm.ngrams import END, START, UNKNOWN, NgramModel
from small_models import Ngrams, arpa_text, backed_off, random_ngrams, random_words

GOOD = """\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-1.5\t<unk>\t0
-99\t<s>\t-0.25
-0.5\t</s>
-0.75\ta\t-0.5
-1\tb\t-0.125

\\2-grams:
-0.25\t<s> a\t-0.5
-0.5\ta b\t-0.25
-0.125\tb </s>

\\3-grams:
-0.0625\t<s> a b

\\end\\
"""


def read(tmp_path: Path, content: str | bytes) -> NgramModel:
    path = tmp_path / "model.arpa"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_arpa(path)


def as_ngrams(model: NgramModel) -> Ngrams:
    """Every n-gram with its numbers."""
    found = {}
    for order, level in enumerate(model.levels, 1):
        backoffs = np.zeros(len(level)) if level.backoffs is None else level.backoffs
        rows = zip(model.ngrams(order).tolist(), level.log_probs.tolist(), backoffs.tolist(), strict=True)
        for ids, log_prob, backoff in rows:
            found[tuple(model.vocabulary[word] for word in ids)] = (log_prob, backoff)
    return found


def same(one: Ngrams, other: Ngrams) -> bool:
    return one.keys() == other.keys() and all(one[n] == pytest.approx(other[n], abs=1e-6) for n in one)


def test_what_is_read(tmp_path: Path) -> None:
    model = read(tmp_path, GOOD)
    assert model.vocabulary == ["<unk>", "<s>", "</s>", "a", "b"]
    assert model.counts == (5, 3, 1)
    assert as_ngrams(model) == {
        ("<unk>",): (-1.5, 0),
        ("<s>",): (-99, -0.25),
        ("</s>",): (-0.5, 0),
        ("a",): (-0.75, -0.5),
        ("b",): (-1, -0.125),
        ("<s>", "a"): (-0.25, -0.5),
        ("a", "b"): (-0.5, -0.25),
        ("b", "</s>"): (-0.125, 0),
        ("<s>", "a", "b"): (-0.0625, 0),
    }
    assert model.levels[2].backoffs is None
    assert (model.normalizer, model.unit) == ("none", "word")


@pytest.mark.parametrize(
    "dialect",
    [
        GOOD.replace("\t", " "),
        GOOD.replace("\t", "  \t "),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", " \t\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("\\1-grams", "\\1-GRAMS").replace("\\end", "\\END").replace("\\data", "\\Data"),
        GOOD.replace("ngram 2=3", "ngram  2 = 3"),
        GOOD.replace("<unk>", "<UNK>"),
        GOOD.replace("-99", "-inf"),
        GOOD.replace("-99", "-Infinity"),
        GOOD.replace("-99", "-1e300"),
        GOOD.replace("b </s>", "b </s>\t0"),
        GOOD.replace("<s> a b", "<s> a b\t0"),
        GOOD.replace("-0.0625", "-6.25e-2"),
        "A model by somebody.\nngram 1=7\n\n" + GOOD,
        "\ufeff" + GOOD,
        GOOD + "\nMade by somebody.\n",
        GOOD.rstrip(),
    ],
)
def test_dialects(tmp_path: Path, dialect: str) -> None:
    assert as_ngrams(read(tmp_path, dialect)) == as_ngrams(read(tmp_path, GOOD))


def test_gzip_whatever_the_name(tmp_path: Path) -> None:
    assert as_ngrams(read(tmp_path, gzip.compress(GOOD.encode()))) == as_ngrams(read(tmp_path, GOOD))


def test_special_words_that_are_lacking(tmp_path: Path) -> None:
    model = read(tmp_path, "\\data\\\nngram 1=1\n\\1-grams:\n-0.5 a\n\\end\\\n")
    assert model.vocabulary == ["<unk>", "<s>", "</s>", "a"]
    # KenLM's numbers: <unk> is -100, and </s> is as good as any unknown word.
    assert model.levels[0].log_probs.tolist() == [-100, -99, -100, -0.5]


def test_blanks_that_may_be_part_of_words(tmp_path: Path) -> None:
    word = "no\u00a0break\u3000\u2028\x85"
    model = read(tmp_path, GOOD.replace("a", word).replace(f"\\d{word}t{word}\\", "\\data\\").replace(
        f"-gr{word}ms", "-grams").replace(f"ngr{word}m", "ngram"))  # fmt: skip
    assert model.vocabulary[3] == word


@given(seed=st.integers(0, 10**9), order=st.integers(1, 5))
def test_any_order_and_gaps_of_prefixes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, order: int
) -> None:
    ngrams = random_ngrams(seed, order, suffixes=bool(seed % 2), prefixes=bool(seed % 3))
    model = read(tmp_path_factory.mktemp("arpa"), arpa_text(ngrams, order, " \t"[seed % 2]))
    found = as_ngrams(model)
    assert {ngram: found[ngram] for ngram in ngrams} == {
        ngram: pytest.approx(numbers, abs=1e-6) for ngram, numbers in ngrams.items()
    }
    # What was filled in is a prefix of something, and says what backing off says.
    for ngram in found.keys() - ngrams.keys():
        assert any(other[: len(ngram)] == ngram for other in ngrams)
        assert found[ngram] == (pytest.approx(backed_off(ngrams, ngram), abs=1e-5), 0)
    words = random_words(seed, 30)
    for end in range(1, len(words) + 1):
        said = words[max(0, end - order) : end]
        ids = [model.vocabulary.index(word) if word in model.vocabulary else UNKNOWN for word in said]
        assert model.log_prob(ids) == pytest.approx(backed_off(ngrams, said), abs=1e-5)


@given(seed=st.integers(0, 10**9), order=st.integers(1, 4), packed=st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int, order: int, packed: bool) -> None:
    folder = tmp_path_factory.mktemp("arpa")
    model = read(folder, arpa_text(random_ngrams(seed, order), order))
    draw = np.random.default_rng(seed)
    for level in model.levels:  # all kinds of float32
        level.log_probs[:] = -(10.0 ** draw.uniform(-30, 3, len(level)))
    model = NgramModel(model.vocabulary, model.levels, "basic", "token", {"made by": 'a "test"\n\\data\\ ä'})
    path = folder / ("again.arpa.gz" if packed else "again.arpa")
    write_arpa(path, model)
    again = read_arpa(path)
    assert again.vocabulary == model.vocabulary
    assert (again.normalizer, again.unit, again.notes) == (model.normalizer, model.unit, model.notes)
    for one, other in zip(model.levels, again.levels, strict=True):
        for name in ("words", "begins", "log_probs", "backoffs"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_kenlm_reads_what_is_written(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    ngrams = random_ngrams(5, 3, 60)
    write_arpa(tmp_path / "a.arpa", read(tmp_path, arpa_text(ngrams, 3)))
    theirs = kenlm.Model(str(tmp_path / "a.arpa"))
    words = random_words(5, 40)
    assert theirs.score(" ".join(words), bos=False, eos=False) == pytest.approx(
        sum(backed_off(ngrams, words[max(0, end - 3) : end]) for end in range(1, 41)), abs=1e-3
    )


@pytest.mark.parametrize(
    "content, told",
    [
        ("", "no line is \\data\\"),
        ("hello\n", "no line is \\data\\"),
        (GOOD.replace("ngram 2=3", "ngram 3=3"), "line 3: expected the count of 2-grams, found that of"),
        (GOOD.replace("ngram 2=3", "ngrams 2=3"), "line 3: expected \\1-grams:, found 'ngrams 2=3'"),
        (GOOD.replace("ngram 1=5\nngram 2=3\nngram 3=1\n", ""), "line 3: after \\data\\ come"),
        (GOOD.replace("ngram 1=5", "ngram 1=6"), "line 13: the 1-grams from line 6 on are 5, and"),
        (GOOD.replace("ngram 1=5", "ngram 1=4"), "line 11: more 1-grams than the 4 that"),
        (GOOD.replace("ngram 3=1", "ngram 3=0"), "line 19: more 3-grams than the 0 that"),
        (GOOD.replace("ngram 3=1\n", ""), "expected \\end\\, found '\\\\3-grams:'"),
        (GOOD.replace("\\2-grams", "\\3-grams"), "line 13: expected \\2-grams:, found '\\\\3-grams:'"),
        (GOOD.replace("\\2-grams:\n", ""), "line 13: a 1-gram has a log10 probability, 1 word and perhaps"),
        (GOOD.replace("-0.75", "nan"), "line 10: the log10 probability is not a number"),
        (GOOD.replace("-0.125\n", "nan\n"), "line 11: the back-off is not a number"),
        (GOOD.replace("-0.125\n", "1e300\n"), "line 11: the back-off is not a number, but '1e300'"),
        (GOOD.replace("-0.125\n", "inf\n"), "line 11: the back-off is not a number"),
        (GOOD.replace("-0.75", "0.75"), "line 10: the log10 probability 0.75 is above 0"),
        (GOOD.replace("-0.75", "-0,75"), "line 10: '-0,75' is no number where the log10"),
        (GOOD.replace("-0.125\n", "x\n"), "line 11: 'x' is no number where the back-off should be"),
        (GOOD.replace("<s> a\t-0.5", "<s>\t-0.5"), "line 14: the word '-0.5' is not in the unigrams"),
        (GOOD.replace("-0.5\ta b\t-0.25", "-0.5\ta"), "line 15: a 2-gram has a log10 probability, 2 words"),
        (GOOD.replace("a b\t-0.25", "a b -0.25 -1"), "line 15: a 2-gram has a log10 probability, 2 words"),
        (GOOD.replace("a b\t-0.25", "a x\t-0.25"), "line 15: the word 'x' is not in the unigrams"),
        (GOOD.replace("b </s>", "<s> a"), "line 16: the same n-gram as in line 14"),
        (GOOD.replace("\tb\t", "\ta\t"), "line 11: the word 'a' is in the unigrams twice"),
        (GOOD.replace("\tb\t", "\t<UNK>\t"), "line 11: <unk> and <UNK> are both"),
        (GOOD.partition("\\end")[0], "line 20: the file ends within its 3-grams"),
        (GOOD.partition("b </s>")[0], "line 16: a 2-gram has"),
        (GOOD.partition("ngram 2")[0], "line 2: the file ends within its counts"),
        (GOOD.replace("\ta\t", "\tä\t").encode("latin-1"), "line 10: the word '\\\\xe4' is not in UTF-8"),
        (GOOD.encode("utf-16"), "line 1: holds zero bytes"),
        (b"\\data\\\nngram 1=1\n\\1-grams:\n-1 " + b"x" * 100_000, "line 4: longer than 65,536 bytes"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-20], "damaged gzip file"),
        (b"\x1f\x8bnothing", "damaged gzip file"),
        ("# earwright {'\n" + GOOD, "line 1: what follows '# earwright' is not JSON"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(EarwrightError) as caught:
        read(tmp_path, content)
    assert told in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "model.arpa"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="no such file"):
        read_arpa(tmp_path / "none.arpa")
    with pytest.raises(EarwrightError, match="directory"):
        read_arpa(tmp_path)


def test_malformed_files_of_others(shared: Path) -> None:
    folder = shared / "vectors/decoder/pocketsphinx"
    for name in ("not-enough-ngrams.arpa", "too-many-ngrams.arpa", "turtle.lm.bin"):
        with pytest.raises(EarwrightError):
            read_arpa(folder / name)


@pytest.mark.parametrize("words", [["a b"], [""], ["a", "a"], ["a\n"]])
def test_words_that_no_file_can_hold(tmp_path: Path, words: list[str]) -> None:
    model = read(tmp_path, GOOD)
    with pytest.raises(EarwrightError, match="vocabulary"):
        write_arpa(tmp_path / "x.arpa", NgramModel([*model.vocabulary[:3], *words], model.levels))
    assert not (tmp_path / "x.arpa").exists()


@given(seed=st.integers(0, 10**9))
def test_damage_is_told_or_harmless(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    draw = random.Random(seed)
    text = bytearray(GOOD.encode())
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(text))
        kind = draw.randrange(4)
        if kind == 0:
            text[place] = draw.randrange(256)
        elif kind == 1:
            del text[place : place + draw.randint(1, 30)]
        elif kind == 2:
            text[place:place] = text[draw.randrange(len(text)) :][: draw.randint(1, 30)]
        else:
            del text[place:]
            text += b"\n"
    try:
        model = read(tmp_path_factory.mktemp("arpa"), bytes(text))
    except EarwrightError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(model.levels[0].log_probs).all()
    assert model.node([START]) >= 0 and model.node([END]) >= 0
