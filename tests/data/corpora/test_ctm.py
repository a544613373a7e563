"""NIST's CTM, made up and real, and words that are joined into utterances."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, ReaderOptions, Row
from earwright.data.corpora.ctm import join_voices, parse, read, recognize
from earwright.data.corpora.nist import numbered_lines
from earwright.data.corpora.timed import Flaw, Segment
from earwright.data.corpora.words import join_words


def entries(text: str) -> list[tuple[str, str, Segment | Flaw]]:
    return list(parse((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()))


def word(start: float, end: float, text: str = "x") -> Segment:
    return Segment(f"line {start}", start, end, text)


def joined(words: list[Segment | Flaw], **options: float) -> list[tuple[float, float, str]]:
    found = join_words(words, ReaderOptions(**options))  # type: ignore[arg-type]
    return [(each.start, each.end, each.text) for each in found if isinstance(each, Segment)]


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 900)), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.5, 1.0]),
    st.sampled_from([1.0, 3.0, 20.0]),
)
def test_joining(gaps_and_lengths: list[tuple[int, int]], pause: float, longest: float) -> None:
    words: list[Segment | Flaw] = []
    clock = 0
    for number, (gap, length) in enumerate(gaps_and_lengths):
        words.append(word((clock + gap) / 1000, (clock + gap + length) / 1000, str(number)))
        clock += gap + length
    found = joined(words, pause=pause, longest=longest)
    # Every word once and in order; none too long, but for a single word; every pause parts.
    assert " ".join(text for *_, text in found) == " ".join(str(number) for number in range(len(words)))
    starts = {each.text: each for each in words if isinstance(each, Segment)}
    for start, end, text in found:
        numbers = text.split()
        assert (start, end) == (starts[numbers[0]].start, starts[numbers[-1]].end)
        assert end - start <= longest + 1e-9 or len(numbers) == 1
        for one, other in pairwise(numbers):
            assert starts[other].start - starts[one].end <= pause + 1e-9
    # What nobody pauses in is whole, if it is not too long.
    runs: list[list[Segment]] = []
    for each in starts.values():
        if runs and each.start - runs[-1][-1].end <= pause:
            runs[-1].append(each)
        else:
            runs.append([each])
    for run in runs:
        if run[-1].end - run[0].start <= longest:
            assert (run[0].start, run[-1].end, " ".join(each.text for each in run)) in found


def test_too_long_an_utterance_is_parted_at_its_widest_gap() -> None:
    words = [word(0, 1, "a"), word(1.4, 2, "b"), word(2.05, 3, "c"), word(3.2, 4, "d"), word(4.05, 5.5, "e")]
    assert joined([*words], longest=5) == [(0, 3, "a b c"), (3.2, 5.5, "d e")]
    assert joined([*words], longest=0.1) == [(each.start, each.end, each.text) for each in words]


def test_a_flaw_parts() -> None:
    assert joined([word(0, 1, "a"), Flaw("line 2", "?"), word(1, 2, "b")]) == [(0, 1, "a"), (1, 2, "b")]


def test_channels_and_speakers_are_not_mixed(tmp_path: Path) -> None:
    lines = [
        "t A 0.0 0.5 one",
        "t B 0.2 0.4 yes",
        "t A 0.6 0.4 two 0.5",
        "t A 2.0 0.5 three 0.7",
        "t B 0.7 0.5 no",
    ]
    lines += ["u 1 0.0 0.5 a 0.5 lex ann", "u 1 0.5 0.5 b 1.0 lex ann", "u 1 1.0 0.5 c NA lex ben"]
    lines += ["u 1 1.5 0.5 cough 0.9 non-lex ben", "u 1 2.0 0.5 uh 0.9 fp unknown", "v 2 0 1 x"]
    (tmp_path / "all.ctm").write_text("\n".join([";; words", *lines]) + "\n")
    for name in ("t.sph", "u.wav"):
        (tmp_path / name).touch()
    rows = list(read(tmp_path))
    assert [
        (Path(row.path).stem, row.channel, row.speaker, row.start, row.duration, row.text, row.custom)
        for row in rows
        if isinstance(row, Row)
    ] == [
        ("t", 0, None, 0, 1.0, "one two", {"confidence": 0.5}),
        ("t", 0, None, 2.0, 0.5, "three", {"confidence": 0.7}),
        ("t", 1, None, 0.2, 1.0, "yes no", {}),
        ("u", None, "ann", 0, 1.0, "a b", {"confidence": 0.75}),
        ("u", None, "ben", 1.0, 0.5, "c", {}),
        ("u", None, None, 2.0, 0.5, "uh", {"confidence": 0.9}),
    ]
    assert rows[-1] == BadRow(f"{tmp_path}/all.ctm: there is no recording v", id="v")
    assert [row.text for row in read(tmp_path, ReaderOptions(pause=0.05))][:2] == ["one", "two"]
    assert recognize(tmp_path) == "all.ctm has words of t.sph"


def test_the_first_of_alternatives() -> None:
    text = (
        "a 1 0.0 0.5 so\na 1 * * <ALT_BEGIN>\na 1 0.5 0.5 we\na 1 0.5 0.5 are\na 1 * * <ALT> 0.3\n"
        "a 1 0.5 0.5 were\na 1 * * <ALT>\na 1 * * <ALT_END>\na 1 1.5 0.5 late;tag\na 1 2.0 0.5 @\n"
        "a 1 2.5 0.5 a\\;b"
    )
    assert [what.text for _, _, what in entries(text)] == ["so", "we", "are", "late", "a;b"]


def test_bad_lines(tmp_path: Path) -> None:
    (tmp_path / "a.ctm").write_bytes(
        b"a 1 0.0 0.5 one\na 1 x 0.5 two\na 1 1.0\na 1 1.0 inf three\na 1 1.5 0.5 caf\xe9\na 1 0.8 0.1 back\n"
    )
    (tmp_path / "a.wav").touch()
    rows = list(read(tmp_path))
    assert [
        row.detail.removeprefix(f"{tmp_path}/a.ctm, line ") for row in rows if isinstance(row, BadRow)
    ] == [
        "2: 'x' is not a number of seconds",
        "3: a word has file, channel, start, duration and word",
        "4: 'inf' is not a number of seconds",
        "5: not UTF-8 text",
    ]
    # A word is missing between the two.
    assert [row.text for row in rows if isinstance(row, Row)] == ["one", "back"]


@given(st.binary(max_size=60))
def test_any_file_gives_rows(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("ctm")
    (folder / "a.wav").touch()
    (folder / "a.ctm").write_bytes(b"a 1 0 1 hello\n" + data + b"\na 1 1 1 bye\n")
    assert all(isinstance(row, Row | BadRow) for row in read(folder))


def test_real_files(shared: Path) -> None:
    folder = shared / "vectors/scoring/sclite"
    for name in ("lvc_hyp", "tima_hyp", "tima_ref", "lvc_hypc", "test.cantonese"):
        found = list(parse(numbered_lines(folder / f"{name}.ctm")))
        assert all(isinstance(what, Segment) for _, _, what in found), name
        expected, other = [], False
        for line in (folder / f"{name}.ctm").read_text().splitlines():
            columns = line.split()
            if line.startswith(";;") or not columns:
                continue
            if columns[4].startswith("<ALT"):
                other = columns[4] == "<ALT>"
            elif not other and columns[4] != "@":
                expected.append((columns[0], float(columns[2])))
        assert [
            (recording, what.start) for recording, _, what in found if isinstance(what, Segment)
        ] == expected
        for recording in {recording for recording, _, _ in found}:
            words = [what for name, _, what in found if name == recording]
            utterances = list(join_voices(words, ReaderOptions()))
            assert sum(len(each.text.split()) for each in utterances) == len(words)
    assert list(parse(numbered_lines(folder / "stm2ctm_missing.hyp-missall.ctm"))) == []
