"""Alignments beside all cuts that there are, enumerated by a plain recursion."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lexicon import default_lexicon
from earwright.lexicon.alignment import OTHERS_AT_FIRST, SHAPES, align, make_pairs

Cut = tuple[tuple[str, tuple[str, ...]], ...]
Entry = tuple[str, tuple[str, ...]]

WORDS: list[Entry] = [("phon", ("f", "o", "n")), ("fix", ("f", "i", "k", "s")), ("knit", ("n", "i", "t"))]


def all_cuts(word: str, phones: tuple[str, ...], shapes: tuple[tuple[int, int], ...]) -> Iterator[Cut]:
    if not word and not phones:
        yield ()
    for a, b in shapes:
        if a <= len(word) and b <= len(phones):
            for rest in all_cuts(word[a:], phones[b:], shapes):
                yield ((word[:a], phones[:b]), *rest)


def slow_em(
    entries: list[Entry], rounds: int, shapes: tuple[tuple[int, int], ...]
) -> tuple[dict[tuple[str, tuple[str, ...]], float], list[float]]:
    """Probabilities after so many rounds, and the log-likelihood before each, by adding over every cut.

    All graphones that fit somewhere begin with a weight, those on no cut of a pair as well.
    """
    graphones = {
        (word[i : i + a], phones[j : j + b])
        for word, phones in entries
        for a, b in shapes
        for i in range(len(word) - a + 1)
        for j in range(len(phones) - b + 1)
    }
    weights = {g: 1.0 if len(g[0]) == len(g[1]) == 1 else OTHERS_AT_FIRST for g in graphones}
    probs = {g: weight / sum(weights.values()) for g, weight in weights.items()}
    log_likelihoods = []
    for _ in range(rounds):
        counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
        log_likelihood = 0.0
        for word, phones in entries:
            weights = {
                cut: math.prod(probs.get(graphone, 0.0) for graphone in cut)
                for cut in all_cuts(word, phones, shapes)
            }
            total = sum(weights.values())
            if total == 0:
                continue
            log_likelihood += math.log(total)
            for cut, weight in weights.items():
                for graphone in cut:
                    counts[graphone] += weight / total  # type: ignore[assignment]
        log_likelihoods.append(log_likelihood)
        probs = {graphone: count / sum(counts.values()) for graphone, count in counts.items()}
    return probs, log_likelihoods


def cuts_of(entries: list[Entry], **options: object) -> tuple[list[Cut], tuple[float, ...]]:
    made = align(make_pairs(entries), **options)  # type: ignore[arg-type]
    bounds = itertools.pairwise(made.begins)
    return [tuple(made.graphones[i] for i in made.ids[a:b]) for a, b in bounds], made.log_likelihoods


words = st.text("abc", min_size=1, max_size=5)
pronunciations = st.lists(st.sampled_from(["A", "B", "K"]), min_size=1, max_size=5).map(tuple)
some_entries = st.lists(st.tuples(words, pronunciations), min_size=1, max_size=6)
some_shapes = st.sampled_from(
    [SHAPES, (*SHAPES, (2, 1)), (*SHAPES, (2, 2)), ((1, 1), (2, 1), (3, 2), (1, 3))]
)


@given(some_entries, some_shapes, st.integers(1, 5))
def test_equals_the_sum_over_every_cut(
    entries: list[Entry], shapes: tuple[tuple[int, int], ...], rounds: int
) -> None:
    probs, expected = slow_em(entries, rounds, shapes)
    if not probs:
        with pytest.raises(EarwrightError, match="no word can be aligned"):
            cuts_of(entries, rounds=rounds, shapes=shapes)
        return
    cuts, found = cuts_of(entries, rounds=rounds, shapes=shapes)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    for (word, phones), cut in zip(entries, cuts, strict=True):
        possible = list(all_cuts(word, phones, shapes))
        assert cut in possible or (not possible and cut == ())

        def weight(one: Cut) -> float:
            return sum(math.log(max(probs.get(g, 0.0), 1e-300)) * max(len(g[0]), len(g[1])) for g in one)

        if possible:
            assert weight(cut) == pytest.approx(max(map(weight, possible)), rel=1e-6, abs=1e-6)


@given(some_entries)
def test_likelihood_never_falls(entries: list[Entry]) -> None:
    try:
        _, found = cuts_of(entries, rounds=15)
    except EarwrightError:
        return
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(found))


def test_letters_find_their_phones() -> None:
    entries = list(default_lexicon("en").without_stress().entries())[::80]
    cuts, _ = cuts_of([*entries, ("knit", ("N", "IH", "T")), ("phoenix", ("F", "IY", "N", "IH", "K", "S"))])
    assert cuts[-2] == (("k", ()), ("n", ("N",)), ("i", ("IH",)), ("t", ("T",)))
    assert cuts[-1][:2] in ((("p", ("F",)), ("h", ())), (("p", ()), ("h", ("F",))))
    assert cuts[-1][-1] == ("x", ("K", "S"))


def test_what_cannot_be_cut_is_left_empty() -> None:
    cuts, _ = cuts_of([*WORDS, ("w", ("d", "a", "b", "l", "ju"))])
    assert cuts[-1] == () and all(cuts[:-1])


def test_long_words_do_not_underflow() -> None:
    long = ("ab" * 90, ("a", "b") * 90)
    cuts, found = cuts_of([long, ("ab", ("a", "b"))])
    assert math.isfinite(found[0]) and "".join(letters for letters, _ in cuts[0]) == long[0]


def test_many_pairs_make_the_table_grow() -> None:
    symbols = [chr(0x4E00 + number) for number in range(300)]
    entries = [(a + b, (a.upper(), b + "1")) for a, b in itertools.product(symbols[:80], symbols[80:160])]
    cuts, _ = cuts_of(entries, rounds=2)
    assert len(cuts) == 6400
    assert all(
        "".join(letters for letters, _ in cut) == word for cut, (word, _) in zip(cuts, entries, strict=True)
    )


def test_too_many_symbols() -> None:
    entries = [(chr(0x4E00 + number), (str(number),)) for number in range(20_000)]
    entries += [(chr(0x20000 + number), (str(number + 20_000),)) for number in range(40_000)]
    with pytest.raises(EarwrightError, match="60,000 different letters or phones are too many"):
        cuts_of(entries, shapes=((1, 1), (2, 2)))
