"""Lattices of the beam search against the search itself, and against the definition of their numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from decoding.enumeration import lm_log10, token_sequences
from decoding.test_beam import CHARACTERS, PHONES, PIECES, WIDE, grid, random_lm, read_spaced
from earwright.decoding import BeamSearch, BeamStream, Keyterm, SearchOptions
from earwright.decoding.lattice import Lattice, build, nbest_paths
from earwright.errors import EarwrightError

MAXIMUM = replace(WIDE, maximum=True)
ALL = 1e3  # a beam that keeps everything


def alignment_of(lattice: Lattice, arcs: Sequence[int]) -> list[int]:
    """The token of each frame of a path."""
    return [token for arc in arcs for token in lattice.alignments[arc]]


def collapsed(frames: Sequence[int]) -> tuple[int, ...]:
    """What an alignment says."""
    return tuple(token for token, _ in itertools.groupby(frames) if token != 0)


def assert_sound(lattice: Lattice, log_probs: npt.NDArray[np.float64], count: int = 200) -> None:
    """Arcs last from node to node, and their acoustics are those of their alignments."""
    for arc in range(lattice.arcs):
        first, last = lattice.times[lattice.sources[arc]], lattice.times[lattice.targets[arc]]
        frames = lattice.alignments[arc]
        assert len(frames) == last - first
        assert lattice.acoustic[arc] == pytest.approx(log_probs[np.arange(first, last), list(frames)].sum())


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("recombine", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_best_path_is_the_searchs(names: tuple[str, ...], recombine: bool, seed: int) -> None:
    lexicon = ("a", "ab", "abb", "b") if seed % 2 else ("ab", "ba", "aab")
    lm = random_lm(lexicon[:-1], 3, seed)
    search = BeamSearch(names, lexicon=lexicon, lm=lm)
    log_probs = grid(6, len(names), 100 + seed)
    options = replace(MAXIMUM, recombine=recombine)
    best = search.decode(log_probs, options=options)[0]
    lattice = search.lattice(log_probs, options, beam=ALL)
    assert_sound(lattice, log_probs)
    (path,) = nbest_paths(lattice)
    assert path.words == best.words
    assert path.score == pytest.approx(best.score)
    assert path.acoustic_score == pytest.approx(best.acoustic_score)
    assert path.lm_score == pytest.approx(best.lm_score)
    assert collapsed(alignment_of(lattice, path.arcs)) == best.tokens


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("maximum", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_path_is_what_it_says(names: tuple[str, ...], maximum: bool, seed: int) -> None:
    """Its tokens spell its words, its scores are theirs, and no boundary makes more of the acoustics."""
    lexicon = ("a", "ab", "abb", "b")
    lm = random_lm(lexicon[:-1], 3, seed)
    options = replace(WIDE, maximum=maximum, unknown_penalty=1.5)
    search = BeamSearch(names, lexicon=lexicon, lm=lm)
    log_probs = grid(6, len(names), 700 + seed)
    enumerated = token_sequences(log_probs, 0, maximum)
    lattice = search.lattice(log_probs, options, beam=ALL)
    paths = nbest_paths(lattice, 1000)
    assert len(paths) > 30
    for path in paths:
        tokens = collapsed(alignment_of(lattice, path.arcs))
        assert read_spaced(tokens, names) == path.words
        assert path.lm_score == pytest.approx(lm_log10(lm, path.words), abs=1e-5)
        worth = options.word_bonus * len(path.words)
        worth -= options.unknown_penalty * sum(word not in lexicon for word in path.words)
        worth += options.lm_weight * math.log(10) * path.lm_score + path.acoustic_score
        assert path.score == pytest.approx(worth)
        assert path.acoustic_score <= enumerated[tokens] + 1e-9
    assert len({path.words for path in paths}) == len(paths)


@pytest.mark.parametrize("seed", range(6))
def test_what_the_search_thinks_likely_is_in_it(seed: int) -> None:
    """On grids as sharp as those of a recognizer the best texts are there, at nearly their scores."""
    lexicon = ("a", "ab", "ba", "b")
    search = BeamSearch(CHARACTERS, lexicon=lexicon, lm=random_lm(lexicon, 2, 3))
    log_probs = grid(24, len(CHARACTERS), seed, sharpness=8.0)
    expected = search.decode(log_probs, 5, replace(MAXIMUM, beam=3000))
    lattice = search.lattice(log_probs, replace(MAXIMUM, beam=50, recombine=True), beam=20.0)
    found = {path.words: path.score for path in nbest_paths(lattice, 200)}
    assert found[expected[0].words] == pytest.approx(expected[0].score)
    there = [one for one in expected if one.words in found and found[one.words] > one.score - 1.0]
    assert len(there) >= 3
    assert all(found.get(one.words, -math.inf) <= one.score + 1e-9 for one in expected)


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("with_lm", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_key_terms_are_in_the_scores(names: tuple[str, ...], with_lm: bool, seed: int) -> None:
    lexicon = ("a", "ab", "ba")
    search = BeamSearch(names, lm=random_lm(lexicon, 2, seed) if with_lm else None)
    terms = search.keyterms([Keyterm("a ab", 2.0), Keyterm("ab", 1.0), Keyterm("abb", 3.0)])
    log_probs = grid(7, len(names), 400 + seed)
    options = replace(MAXIMUM, keyterm_boost=0.4)
    best = search.decode(log_probs, options=options, keyterms=terms)[0]
    lattice = search.lattice(log_probs, options, terms, beam=ALL)
    assert nbest_paths(lattice)[0].score == pytest.approx(best.score)
    for path in nbest_paths(lattice, 500):
        text = f" {' '.join(path.words)} "
        bonus = sum(
            0.4
            * weight
            * len(term.replace(" ", ""))
            * sum(text.startswith(f" {term} ", at) for at in range(30))
            for term, weight in (("a ab", 2.0), ("ab", 1.0), ("abb", 3.0))
        )
        if with_lm:
            bonus += options.lm_weight * math.log(10) * path.lm_score
            known = (*lexicon, "abb")  # which the terms let in
            bonus -= options.unknown_penalty * sum(word not in known for word in path.words)
        assert path.score == pytest.approx(path.acoustic_score + bonus + options.word_bonus * len(path.words))


@pytest.mark.parametrize("seed", range(4))
def test_phones_and_homophones(seed: int) -> None:
    lexicon = {"a": [("AH",), ("AH", "B")], "ab": [("AH", "B")], "buh": [("B", "AH")]}
    lm = random_lm(tuple(lexicon), 2, seed)
    search = BeamSearch(PHONES, lexicon=lexicon, lm=lm)
    log_probs = grid(7, len(PHONES), 200 + seed)
    best = search.decode(log_probs, options=MAXIMUM)[0]
    lattice = search.lattice(log_probs, MAXIMUM, beam=ALL)
    assert_sound(lattice, log_probs)
    paths = nbest_paths(lattice, 300)
    assert (paths[0].words, paths[0].score) == (best.words, pytest.approx(best.score))
    for path in paths:
        said = tuple(PHONES[token] for token in collapsed(alignment_of(lattice, path.arcs)))
        assert said in {
            tuple(phone for spelling in way for phone in spelling)
            for way in itertools.product(*(lexicon[word] for word in path.words))
        }
        assert path.lm_score == pytest.approx(lm_log10(lm, path.words), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_language_model_of_tokens(seed: int) -> None:
    lm = random_lm(CHARACTERS[1:], 3, seed, unit="token")
    search = BeamSearch(CHARACTERS, lm=lm)
    log_probs = grid(6, len(CHARACTERS), 300 + seed)
    best = search.decode(log_probs, options=MAXIMUM)[0]
    lattice = search.lattice(log_probs, MAXIMUM, beam=ALL)
    paths = nbest_paths(lattice, 300)
    assert (paths[0].words, paths[0].score) == (best.words, pytest.approx(best.score))
    for path in paths:
        said = [CHARACTERS[token] for token in collapsed(alignment_of(lattice, path.arcs))]
        assert path.lm_score == pytest.approx(lm_log10(lm, said), abs=1e-5)


@pytest.mark.parametrize("names", [CHARACTERS, PIECES, ("<blank>", "x", "y")])
def test_an_open_vocabulary(names: tuple[str, ...]) -> None:
    """Without spaces each token is a word of the lattice."""
    search = BeamSearch(names)
    log_probs = grid(7, len(names), 1, sharpness=4.0)
    best = search.decode(log_probs, options=MAXIMUM)[0]
    lattice = search.lattice(log_probs, MAXIMUM, beam=ALL)
    assert_sound(lattice, log_probs)
    path = nbest_paths(lattice)[0]
    assert path.score == pytest.approx(best.score)
    assert collapsed(alignment_of(lattice, path.arcs)) == best.tokens
    spaced = "\u2581" in "".join(names)
    assert path.words == (best.words if spaced else tuple(names[token] for token in best.tokens))


def test_scales_and_penalties_are_in_the_scores() -> None:
    search = BeamSearch(CHARACTERS, lm=random_lm(("a", "ab"), 2, 1))
    log_probs = grid(30, len(CHARACTERS), 5, sharpness=6.0)
    options = replace(MAXIMUM, acoustic_scale=0.6, blank_penalty=0.4, beam=200)
    best = search.decode(log_probs, options=options)[0]
    path = nbest_paths(search.lattice(log_probs, options))[0]
    assert (path.words, path.score) == (best.words, pytest.approx(best.score))


@pytest.mark.parametrize("seed", range(4))
def test_taking_notes_changes_no_search(seed: int) -> None:
    lexicon = ("a", "ab", "ba", "b")
    search = BeamSearch(CHARACTERS, lexicon=lexicon, lm=random_lm(lexicon, 2, 3))
    log_probs = grid(600, len(CHARACTERS), seed, sharpness=6.0)
    options = SearchOptions(beam=30, unknown_penalty=math.inf)
    stream = BeamStream(search, options, lattice=True)
    for begin in range(0, 600, 7):
        stream.advance(log_probs[begin : begin + 7])
    assert stream.finish(4) == search.decode(log_probs, 4, options)
    both = search.decode_with_lattice(log_probs, 4, options)
    assert both[0] == search.decode(log_probs, 4, options)


def test_nothing_fits_gives_no_lattice() -> None:
    log_probs = np.full((3, 4), -np.inf)
    log_probs[:, 3] = 0.0  # only "b", which is no word
    search = BeamSearch(CHARACTERS, lexicon=["aa"], options=replace(WIDE, unknown_penalty=math.inf))
    assert search.lattice(log_probs).nodes == 0
    # Half a word of phones.
    phones = BeamSearch(PHONES, lexicon={"word": [("AH", "B")]})
    assert phones.lattice(np.array([[-np.inf, 0.0, -np.inf]] * 2)).nodes == 0


@pytest.mark.parametrize("with_lm", [False, True])
def test_no_frames_give_silence(with_lm: bool) -> None:
    lm = random_lm(("a",), 2, 0) if with_lm else None
    lattice = BeamSearch(CHARACTERS, lm=lm).lattice(np.zeros((0, 4)))
    (path,) = nbest_paths(lattice, 5)
    assert (path.words, lattice.frames) == ((), 0)
    assert path.lm_score == pytest.approx(lm_log10(lm, []) if lm is not None else 0.0)


def test_bad_input_is_said() -> None:
    with pytest.raises(EarwrightError, match="do not fit 4 tokens"):
        BeamSearch(CHARACTERS).lattice(np.zeros((2, 3)))
    with pytest.raises(EarwrightError, match="token 2 has a space that is not at its beginning"):
        BeamSearch(("<blank>", "a", "b|", "|")).lattice(np.zeros((2, 4)))


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("with_lm", [False, True])
@pytest.mark.parametrize("few", [10, 50])
def test_what_may_be_anything_has_fewer_arcs_and_the_best_path(
    names: tuple[str, ...], with_lm: bool, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arcs = np.zeros(2, int)
    options = SearchOptions(beam=30, maximum=True)
    monkeypatch.setattr(build, "FEW", few)
    for seed in range(8):
        lm = random_lm(("a", "ab", "abb", "b", "ba"), 2, seed) if with_lm else None
        search, log_probs = BeamSearch(names, lm=lm), grid(30, len(names), seed, sharpness=1.0)
        monkeypatch.setattr(build, "MOST_WAYS", 10**6)
        whole = search.lattice(log_probs, options)
        monkeypatch.setattr(build, "MOST_WAYS", 0)
        some = search.lattice(log_probs, options)
        assert_sound(some, log_probs)
        arcs += whole.arcs, some.arcs
        (best,), (found,) = nbest_paths(whole), nbest_paths(some)
        assert (found.words, found.score) == (best.words, pytest.approx(best.score))
    assert arcs[1] <= arcs[0] and (few > 10 or arcs[1] < arcs[0])


@pytest.mark.parametrize("seed", range(6))
def test_with_sums_they_still_have_a_path(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("<blank>", "\u2581", *"abcdefgh")
    search, log_probs = BeamSearch(names), grid(60, 10, seed, sharpness=1.0)
    monkeypatch.setattr(build, "MOST_WAYS", 0)
    for beam in (8.0, math.inf):
        lattice = search.lattice(log_probs, SearchOptions(beam=30), beam=beam)
        assert lattice.arcs and nbest_paths(lattice)[0].words


def test_alike_spellings_come_to_an_end() -> None:
    """Their number grows with each letter, beyond any that could be followed."""
    names = ("<blank>", "\u2581", *"abcdefgh")
    lattice = BeamSearch(names).lattice(np.full((100, 10), -math.log(10)), SearchOptions(beam=50))
    assert 0 < lattice.arcs < 200_000
