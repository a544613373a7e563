"""sclite's markup: its own test cases, its own program, and brute force over all paths."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.evaluation.align import GAP_COST, SUBSTITUTION_COST, Counts, align, count
from earwright.evaluation.network import (
    NO_WORD,
    MarkedWord,
    Network,
    _align_paths,
    _Table,
    align_networks,
    into_characters,
    parse,
)
from earwright.evaluation.score import Evaluation, score, score_marked
from earwright.evaluation.trn import read_trn, write_trn

# name of the saved report, references, hypotheses, options of sclite
SAVED = [
    ("test1", "csrnab.ref", "csrnab.hyp", ""),
    ("test1e", "csrnab.ref", "csrnab.hyp", ""),
    ("test7", "tests.ref", "tests.hyp", "-F -D"),
    ("test7_6", "tests.ref", "tests.hyp", "-F -D"),
    ("test7_noD", "tests.ref", "tests.hyp", "-F"),
    ("test7_r", "tests.hyp", "tests.ref", "-F -D"),
    ("test7-utf8-2bytes", "tests.ref.utf8-2bytes", "tests.hyp.utf8-2bytes", "-F -D -ascii"),
    ("test7_5", "tests.ref", "tests.hyp", "-c -DH"),
    ("test8", "csrnab1.ref", "csrnab1.hyp", "-c"),
    ("test15_c", "test.turkish.ref", "test.turkish.hyp", ""),
    ("test15_d", "test.ukranian.ref", "test.ukranian.hyp", ""),
    ("test17", "test.vietnamese.ref.trn", "test.vietnamese.hyp.trn", ""),
]


@pytest.mark.parametrize(
    ("name", "reference", "hypothesis", "options"), SAVED, ids=[case[0] for case in SAVED]
)
def test_saved_reports_of_sclite(
    shared: Path, name: str, reference: str, hypothesis: str, options: str
) -> None:
    folder = shared / "vectors/scoring/sclite"
    sides = [read_trn(folder / file) for file in (reference, hypothesis)]
    if "-ascii" in options:  # this test's letters are not to be folded, except the ids
        sides = [{key.lower(): text for key, text in side.items()} for side in sides]
    evaluation = score_marked(
        *sides,
        optional="-D" in options.split(),
        fragments="-F" in options,
        drop_hyphens="-DH" in options,
        case_sensitive="-ascii" in options,
    )
    expected = saved_counts((folder / f"expected/{name}.pra").read_bytes().decode("utf-8", "replace"))
    characters = "-c" in options
    assert len(expected) == evaluation.utterances
    for utterance in evaluation.scored:
        found = utterance.characters if characters else utterance.words
        assert found == expected[utterance.id.lower()], utterance.id
    total = sum(expected.values(), Counts())
    assert (evaluation.characters if characters else evaluation.words) == total
    summed = re.search(r"\| Sum +\|([^\n]+)", (folder / f"expected/{name}.raw").read_text("latin-1"))
    assert summed is not None
    figures = [int(figure) for figure in re.findall(r"\d+", summed[1])]
    wrong = sum(counts.errors > 0 for counts in expected.values())
    errors = (total.substitutions, total.deletions, total.insertions, total.errors)
    assert figures == [evaluation.utterances, total.reference, total.correct, *errors, wrong]


def saved_counts(report: str) -> dict[str, Counts]:
    """The counts of each utterance in sclite's .pra report."""
    pattern = r"^id: \((.*?)\)\n(?:.*\n)*?Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)"
    found = re.finditer(pattern, report, re.MULTILINE)
    return {match[1].lower(): Counts(*map(int, match.groups()[1:])) for match in found}


@pytest.fixture(scope="module")
def sclite() -> str:
    program = shutil.which("sclite") or shutil.which("sclite", path="/usr/lib/sctk/bin")
    if program is None:
        pytest.skip("needs NIST sclite (Debian's package sctk)")
    return program


def run_sclite(
    program: str, folder: Path, references: Mapping[str, str], hypotheses: Mapping[str, str], *options: str
) -> dict[str, Counts]:
    write_trn(folder / "ref.trn", references.items())
    write_trn(folder / "hyp.trn", hypotheses.items())
    command = [program, "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-i", "spu_id", "-o", "pra", "stdout"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, check=True, timeout=120)
    return saved_counts(done.stdout.decode())


def made_up(seed: int, number: int, marked: bool) -> dict[str, str]:
    """Utterances of few different words, with markup if asked."""
    draw = random.Random(seed)
    words = ["a", "b", "ab", "ba", "abba", "bab", "c"]

    def words_of(least: int, most: int, depth: int = 0) -> str:
        said = []
        for _ in range(draw.randint(least, most)):
            kind = draw.random() if marked else 1.0
            if kind < 0.15 and depth < 2:
                ways = [words_of(1, 2, depth + 1) for _ in range(draw.randint(1, 3))]
                said.append("{ " + " / ".join([*ways, "@"] if draw.random() < 0.4 else ways) + " }")
            elif kind < 0.25:
                said.append(f"({draw.choice(words)})")
            elif kind < 0.35:
                said.append(draw.choice(["a-", "-a", "ab-", "-ba", "(b-)"]))
            else:
                said.append(draw.choice(words))
        return " ".join(said)

    return {f"s{index % 7}-{index:03d}": words_of(0, 12) for index in range(number)}


def check(evaluation: Evaluation, expected: dict[str, Counts], characters: bool) -> None:
    assert evaluation.utterances == len(expected)
    for utterance in evaluation.scored:
        found = utterance.characters if characters else utterance.words
        assert found == expected[utterance.id], (
            f"{utterance.id}: {utterance.reference} / {utterance.hypothesis}"
        )


@pytest.mark.parametrize("characters", [False, True], ids=["words", "characters"])
def test_score_equals_sclite(sclite: str, tmp_path: Path, characters: bool) -> None:
    references, hypotheses = (made_up(seed, 300, marked=False) for seed in (1, 2))
    expected = run_sclite(sclite, tmp_path, references, hypotheses, *(["-c"] if characters else []))
    names = list(references)
    evaluation = score(
        [references[name] for name in names],
        [hypotheses[name] for name in names],
        "basic",
        ids=names,
        weights="sclite",
    )
    check(evaluation, expected, characters)


@pytest.mark.parametrize("options", ["", "-F", "-D", "-F -D", "-c", "-c DH"])
def test_markup_equals_sclite(sclite: str, tmp_path: Path, options: str) -> None:
    references, hypotheses = made_up(10, 120, marked=True), made_up(11, 120, marked=True)
    expected = run_sclite(sclite, tmp_path, references, hypotheses, *options.split())
    evaluation = score_marked(
        references,
        hypotheses,
        optional="-D" in options,
        fragments="-F" in options,
        drop_hyphens="DH" in options,
    )
    check(evaluation, expected, "-c" in options)


def paths(network: Network) -> list[list[str]]:
    """All ways through a network, without "@"."""

    def onward(node: object) -> list[list[str]]:
        if node is network.stop:
            return [[]]
        return [[arc.word.text, *rest] for arc in node.outgoing for rest in onward(arc.target)]  # type: ignore[attr-defined]

    return [[word for word in path if word != NO_WORD] for path in onward(network.start)]


MARKED = st.recursive(
    st.sampled_from(["a", "b", "c", "@"]),
    lambda inner: st.lists(st.lists(inner, min_size=1, max_size=2).map(" ".join), min_size=1, max_size=3).map(
        lambda ways: "{ " + " / ".join(ways) + " }"
    ),
    max_leaves=5,
)
TRANSCRIPTS = st.lists(MARKED, max_size=4).map(" ".join)


@given(TRANSCRIPTS, TRANSCRIPTS)
def test_cost_equals_the_best_of_all_paths(reference: str, hypothesis: str) -> None:
    networks = parse(reference), parse(hypothesis)
    counts = count(align_networks(*networks))
    costs = (
        SUBSTITUTION_COST * c.substitutions + GAP_COST * (c.deletions + c.insertions)
        for c in (count(align(*both, "sclite")) for both in itertools.product(*map(paths, networks)))
    )
    assert SUBSTITUTION_COST * counts.substitutions + GAP_COST * (
        counts.deletions + counts.insertions
    ) == min(costs)


@given(*[st.lists(st.sampled_from(["a", "b", "c"]), max_size=8)] * 2)
def test_plain_words_align_the_same_by_either_way(reference: list[str], hypothesis: list[str]) -> None:
    networks = [parse(" ".join(words)) for words in (reference, hypothesis)]
    assert [network.plain_words() for network in networks] == [reference, hypothesis]
    assert _align_paths(*map(_Table, networks)) == align(reference, hypothesis, "sclite")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;tag b\\;c;t1;t2", ["a", "b;c"]),
        ("a* *", ["a", "*"]),
        ("(a) (", ["(a)", "("]),
        ("", []),
    ],
)
def test_parse_plain(text: str, words: list[str]) -> None:
    assert parse(text).plain_words() == words


@pytest.mark.parametrize("text", ["{a/b}", "{ a / b", "{ a / { b } }", "{a /b}"])
def test_parse_alternatives(text: str) -> None:
    assert sorted(paths(parse(text))) == [["a"], ["b"]]


@pytest.mark.parametrize("text", ["{ a / }", "{ a / @ }", "{ @ / a }"])
def test_parse_empty_alternative(text: str) -> None:
    assert sorted(paths(parse(text))) == [[], ["a"]]


def test_optional_words_and_fragments_only_if_asked() -> None:
    assert count(align_networks(parse("a (b) c"), parse("a c"))) == Counts(2, 0, 1, 0)
    assert count(align_networks(parse("a (b) c", optional=True), parse("a c"))) == Counts(3, 0, 0, 0)
    assert count(align_networks(parse("wo- -rd"), parse("word word"))) == Counts(0, 2, 0, 0)
    assert count(align_networks(parse("wo- -rd", fragments=True), parse("word word"))) == Counts(2, 0, 0, 0)


def test_into_characters() -> None:
    network = parse("ab- (cd) 中ef", optional=True)
    into_characters(network, drop_hyphens=True, keep_ascii=True)
    words = [arc.word for arc in network.arcs()]
    assert words == [MarkedWord("ab"), MarkedWord("cd", optional=True), MarkedWord("中"), MarkedWord("ef")]
