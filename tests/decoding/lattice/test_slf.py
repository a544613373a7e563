"""HTK's Standard Lattice Format: as HTK and SRILM write it, there and back, and what is wrong with a file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from decoding.lattice.examples import best_by_words, lattices
from decoding.lattice.test_kaldi import example
from earwright.decoding.lattice import Lattice, empty_lattice, read_slf, write_slf
from earwright.errors import EarwrightError

# After the example of the HTK Book: names in full, words on arcs, a penalty for each word, other fields.
HTK = """\
VERSION=1.0
# a comment
UTTERANCE=testf1.mfc
lmname=wdnet
lmscale=20.00  wdpenalty=-30.00
vocab=dict
NODES=4 LINKS=4
I=0    t=0.00
I=1    time=0.36
I=2    t=0.75
I=3    t=0.81
J=0     START=0    END=1    W=!NULL              v=0  a=-3239.01  l=0.00
J=1     S=1    E=2    WORD=FOUR            v=0  a=-3820.77  l=-1.00 d=:f,0.1,-2.5:
J=2     S=1    E=2    W="\\"FIVE"            v=0  acoustic=-3700  language=-2.00
J=3     S=2    E=3    W=!NULL              v=0  a=-246.99   l=-1.20
"""

# Words on nodes and base 10, as SRILM's lattice-tool writes them.
SRILM = """\
VERSION=1.0
UTTERANCE=x
base=10 lmscale=2
start=1 end=0
NODES=4 LINKS=4
I=0 W=!NULL t=0.4
I=1 W=!NULL t=0.1
I=2 W=one t=0.3
I=3 W=won t=0.3
J=0 S=1 E=2 a=-1 l=-0.5
J=1 S=1 E=3 a=-1.5 l=-0.25
J=2 S=2 E=0 a=-1
J=3 S=3 E=0 a=-1 n=-1
"""


def test_the_text(tmp_path: Path) -> None:
    write_slf(tmp_path / "a.slf", "utt 1", example(), 0.04, start=10.0)
    lines = (tmp_path / "a.slf").read_text(encoding="utf-8").splitlines()
    assert lines[:6] == [
        "VERSION=1.0", 'UTTERANCE="utt 1"', f"base={math.e!r}",
        "lmscale=0.5 wdpenalty=0.0 acscale=1.0 prscale=1.0", "start=0 end=2", "N=3 L=3",
    ]  # fmt: skip
    assert lines[6:9] == ["I=0 t=10.0", "I=1 t=10.08", "I=2 t=10.12"]
    fields = dict(part.split("=", 1) for part in lines[9].split())
    assert (fields["S"], fields["E"], fields["W"], fields["a"], fields["r"]) == (
        "0",
        "1",
        "don't",
        "-1.5",
        "0.5",
    )
    assert float(fields["l"]) == pytest.approx(-math.log(10))
    assert "W=!NULL" in lines[11]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lattices(words=("a", "'tis", '"x"', "back\\slash", "")))
def test_there_and_back(tmp_path: Path, lattice: Lattice) -> None:
    path = tmp_path / "one.slf"
    write_slf(path, 'an "utterance"', lattice, 0.04, start=3.0)
    name, found = read_slf(path, 0.04)
    assert (name, found.lm_weight) == ('an "utterance"', lattice.lm_weight)
    assert (found.times.tolist(), found.words) == (lattice.times.tolist(), lattice.words)
    assert found.acoustic.tolist() == lattice.acoustic.tolist()
    assert found.other.tolist() == lattice.other.tolist()
    assert found.lm == pytest.approx(lattice.lm)
    assert found.alignments == ((),) * found.arcs


def test_an_empty_lattice(tmp_path: Path) -> None:
    write_slf(tmp_path / "none.slf", "none", empty_lattice(0.3), 0.04)
    name, found = read_slf(tmp_path / "none.slf", 0.04)
    assert (name, found.nodes, found.lm_weight) == ("none", 0, 0.3)


def test_what_htk_writes(tmp_path: Path) -> None:
    (tmp_path / "htk.slf").write_text(HTK)
    name, lattice = read_slf(tmp_path / "htk.slf", 0.01)
    assert (name, lattice.times.tolist()) == ("testf1.mfc", [0, 36, 75, 81])
    rest = -3239.01 - 246.99 + 20 * -1.2 - 30
    assert dict(best_by_words(lattice)) == pytest.approx(
        {("FOUR",): -3820.77 - 20 + rest, ('"FIVE',): -3700 - 40 + rest}
    )


def test_what_srilm_writes(tmp_path: Path) -> None:
    (tmp_path / "srilm.slf").write_text(SRILM)
    _, lattice = read_slf(tmp_path / "srilm.slf", 0.1)
    assert lattice.times.tolist() == [0, 2, 2, 3]
    ten = math.log(10)
    assert dict(best_by_words(lattice)) == pytest.approx(
        {("one",): (-2 + 2 * -0.5) * ten, ("won",): (-2.5 + 2 * (-0.25 - 1)) * ten}
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("I=1    time=0.36", "I=1    time=soon", "line 9: a time is 'soon'"),
        ("I=1    time=0.36", "I=0 t=1", "line 9: the node 0 is there twice"),
        ("I=1    time=0.36", "I=4 t=1", "line 9: a node is '4'; a whole number of 0 to 3"),
        ("I=1    time=0.36", "I=1 L=digits", "line 9: sublattices are not read"),
        ("I=1    time=0.36", "what is this", "line 9: 'what is this' is not NAME=VALUE"),
        ("I=1    time=0.36", "lmscale=3", "line 9: after the size there are nodes"),
        ("J=1 ", "J=0 ", "line 13: the arc 0 is there twice"),
        ("J=1 ", "J=9 ", "line 13: an arc is '9'"),
        ("S=2    E=3", "E=3", "line 15: an arc has a first node"),
        ("S=2    E=3", "S=2    E=7", "line 15: a node is '7'"),
        ("a=-246.99", "a=nan", "line 15: a is 'nan'"),
        ("S=2    E=3", "S=2    E=1", "2 nodes can be the start"),
        ("LINKS=4", "LINKS=5", "has 4 arcs, and L=5"),
        ("LINKS=4", "", "line 8: the size (N=... L=...) comes before"),
        ("lmname=wdnet", "base=0", "line 4: likelihoods to the base 0.0 are not read"),
        ("lmname=wdnet", "start=0 end=9", "line 4: end is '9'"),
        ("NODES=4 LINKS=4", "SUBLAT=digits", "line 7: sublattices are not read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in HTK
    (tmp_path / "bad.slf").write_text(HTK.replace(old, new))
    with pytest.raises(EarwrightError, match=r"bad\.slf") as caught:
        read_slf(tmp_path / "bad.slf", 0.01)
    assert message in str(caught.value)


def test_circles_and_other_files_are_said(tmp_path: Path) -> None:
    path = tmp_path / "bad.slf"
    path.write_text("N=3 L=3\nJ=0 S=0 E=1\nJ=1 S=1 E=1\nJ=2 S=1 E=2\n")
    with pytest.raises(EarwrightError, match="line 2: the arcs of the lattice make a circle"):
        read_slf(path, 0.01)
    path.write_text("")
    with pytest.raises(EarwrightError, match="no lattice in HTK's format"):
        read_slf(path, 0.01)
    with pytest.raises(EarwrightError, match="cannot be read"):
        read_slf(tmp_path / "none.slf", 0.01)
