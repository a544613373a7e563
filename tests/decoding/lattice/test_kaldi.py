"""Kaldi's text form of lattices: as Kaldi writes it, there and back, and what is wrong with a file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from decoding.lattice.examples import best_by_words, lattices
from earwright.decoding.lattice import Lattice, assemble, empty_lattice, nbest_paths, read_kaldi, write_kaldi
from earwright.errors import EarwrightError

# As `lattice-copy ark:- ark,t:- | utils/int2sym.pl -f 3 words.txt` prints: costs at the ends, no ids at some.
KALDI = """\
utt-1
0\t1\thello\t8.5,120.25,3_3_7_9
0\t2\tyellow\t9.75,119.5,3_4_4_4_8
1\t3\t<eps>\t0,10,9
2\t3\tworld\t2,5,
2 1.5,0.25,9_9
3 0.5,2,9_9

utt-2
0 1 a 1,2,5
1

"""


def example() -> Lattice:
    """Two words, and a choice."""
    return assemble(
        [0, 2, 3], [0, 0, 1], [1, 1, 2], ["don't", "\u00e4", ""], [-1.5, -2.0, -0.5], [-1.0, -0.5, -0.25],
        [0.5, 0.0, 0.0], [(0, 4), (5, 5), (0,)], lm_weight=0.5, start=0, end=2,
    )  # fmt: skip


def test_the_text(tmp_path: Path) -> None:
    write_kaldi(tmp_path / "a.lat", {"utt": example()})
    lines = (tmp_path / "a.lat").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "utt"
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["0", "1", "don't"], ["0", "1", "\u00e4"], ["1", "2", "<eps>"],
    ]  # fmt: skip
    graph, acoustic, ids = lines[1].split()[3].split(",")
    assert float(graph) == pytest.approx(0.5 * math.log(10) - 0.5)
    assert (float(acoustic), ids) == (1.5, "1_5")
    assert lines[4:] == ["2", "", ""]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lattices(), lattices())
def test_there_and_back(tmp_path: Path, one: Lattice, other: Lattice) -> None:
    path = tmp_path / "some.lat"
    given_ones = {"one": one, "other": other, "none": empty_lattice()}
    write_kaldi(path, given_ones)
    found = read_kaldi(path)
    assert list(found) == ["one", "other", "none"]
    assert found["none"].nodes == 0
    for name in ("one", "other"):
        before, after = given_ones[name], found[name]
        assert (after.times.tolist(), after.words) == (before.times.tolist(), before.words)
        assert after.alignments == before.alignments
        assert after.scores == pytest.approx(before.scores)
        assert after.acoustic.tolist() == before.acoustic.tolist()
        write_kaldi(tmp_path / "again.lat", {name: after})
        assert read_kaldi(tmp_path / "again.lat")[name].scores.tolist() == after.scores.tolist()


def test_what_kaldi_writes(tmp_path: Path) -> None:
    path = tmp_path / "kaldi.lat"
    path.write_text(KALDI)
    found = read_kaldi(path, lm_weight=0.7)
    assert list(found) == ["utt-1", "utt-2"]
    costs = {
        ("hello",): 8.5 + 120.25 + 10 + 0.5 + 2,
        ("yellow",): 9.75 + 119.5 + 1.5 + 0.25,
        ("yellow", "world"): 9.75 + 119.5 + 2 + 5 + 0.5 + 2,
    }
    lattice = found["utt-1"]
    assert {words: -score for words, score in best_by_words(lattice)} == pytest.approx(costs)
    assert lattice.lm_weight == 0.7
    assert nbest_paths(found["utt-2"])[0].text == "a"
    assert found["utt-2"].alignments[0] == (4,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("utt\n0 1 a 1,2,5 6 7\n1\n", "line 2: an arc has two nodes"),
        ("utt\n0 1 a 1,2\n1\n", "line 2: '1,2' is not graph cost"),
        ("utt\n0 1 a 1,x,5\n1\n", "line 2: a cost is 'x'"),
        ("utt\n0 1 a 1,inf,5\n1\n", "line 2: a cost is 'inf'"),
        ("utt\n0 1 a 1,2,5_z\n1\n", "line 2: an id is 'z'"),
        ("utt\n0 1 a 1,2,0\n1\n", "line 2: the ids of frames begin with 1"),
        ("utt\n0 -1 a 1,2,5\n1\n", "line 2: a node is '-1'"),
        ("utt\n0 1 a 1,2,5\n0 1 b 1,2,5_5\n1\n", "line 3: the ways to this arc's end differ"),
        ("utt\n0 1 a 1,2,5\n1\n\nutt\n0 1 a 1,2,5\n1\n", "line 5: the utterance 'utt' is there twice"),
        ("\n\n0 1 a 1,2,5\n1\n", "line 3: '0 1 a 1,2,5' is no name"),
        ("utt\n0 1 a 1,2,\n1 0 b 1,2,\n1\n", "line 1: the arcs of the lattice make a circle"),
    ],
)
def test_the_line_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.lat"
    path.write_text(text)
    with pytest.raises(EarwrightError, match=r"bad\.lat, ") as caught:
        read_kaldi(path)
    assert message in str(caught.value)


def test_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="cannot be read"):
        read_kaldi(tmp_path / "none.lat")
    (tmp_path / "binary").write_bytes(b"\0B\xff\xfe")
    with pytest.raises(EarwrightError, match="UTF-8"):
        read_kaldi(tmp_path / "binary")
    with pytest.raises(EarwrightError, match="name with a space"):
        write_kaldi(tmp_path / "x.lat", {"two words": example()})
    spaced = assemble([0, 1], [0], [1], ["a b"], [0], [0], [0], [(1,)], lm_weight=1.0, start=0, end=1)
    with pytest.raises(EarwrightError, match="'a b' cannot be written"):
        write_kaldi(tmp_path / "x.lat", {"utt": spaced})
    assert not (tmp_path / "x.lat").exists()
