"""Lexicons as they come, good and bad."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lexicon import default_lexicon, default_phones, read_additions, read_lexicon, read_phones
from earwright.lexicon.pronunciations import Lexicon, Problem, read_words, scan_lexicon
from earwright.lexicon.survey import survey_lexicon

SMALL = "a AH0\na(2) EY1\nhiv EY1 CH AY1 V IY1 # abbrev\n;;; a comment\n\nstop  S T AA1 P\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_cmudicts_form(tmp_path: Path) -> None:
    lexicon = read_lexicon(write(tmp_path / "a.dict", SMALL))
    assert lexicon.words == {
        "a": (("AH0",), ("EY1",)),
        "hiv": (("EY1", "CH", "AY1", "V", "IY1"),),
        "stop": (("S", "T", "AA1", "P"),),
    }
    assert lexicon.phones == ("AA1", "AH0", "AY1", "CH", "EY1", "IY1", "P", "S", "T", "V")
    assert lexicon.pronunciations("STOP") == (("S", "T", "AA1", "P"),)
    assert "stop" in lexicon and "stopp" not in lexicon and len(lexicon) == 3
    assert lexicon.without_stress().words["a"] == (("AH",), ("EY",))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, lambda data: b"\xef\xbb\xbf" + data])
def test_plain_form_packed_and_with_a_mark(tmp_path: Path, pack: object) -> None:
    text = "straße\tʃ t ʁ aː s ə\r\nweg v eː k\r\nweg v ɛ k\r\n"
    lexicon = read_lexicon(write(tmp_path / "b", pack(text.encode())))  # type: ignore[operator]
    assert list(lexicon.entries()) == [
        ("straße", ("ʃ", "t", "ʁ", "aː", "s", "ə")),
        ("weg", ("v", "eː", "k")),
        ("weg", ("v", "ɛ", "k")),
    ]


def test_composed_and_decomposed_letters_are_one(tmp_path: Path) -> None:
    lexicon = read_lexicon(write(tmp_path / "c", "cafe\u0301 k a f e\n"))
    assert (
        lexicon.pronunciations("caf\u00e9") == lexicon.pronunciations("cafe\u0301") == (("k", "a", "f", "e"),)
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a AH0\nb\n", 'line 2: the word "b" has no phones after it.'),
        ("a AH0\nb # B IY1\n", 'line 2: the word "b" has no phones'),
        ("a AH0\nb B QQ IY1\n", 'line 2: "b" has "QQ", not among the 84 phones of the set.'),
        ("new york\tN UW1\n", 'line 1: the word "new york" has a blank in it'),
        (b"a AH0\ncaf\xe9 K AE1 F\n", "line 2: this is not UTF-8"),
        ("a AH0\nb \x00\x01\n", "line 2: there are control characters in it"),
        (b"a AH0\n" + b"x" * 200_000 + b"\nb B\n", "line 2: the line is longer than 65,536 bytes"),
        ("", "there are no words in it"),
        (";;; nothing\n\n", "there are no words in it"),
        (b"\x1f\x8b\x08\x00broken", "the file cannot be read"),
        (b"\xfd7zXZ\x00broken", "the file cannot be read"),
    ],
)
def test_bad_lexicons(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    path = write(tmp_path / "bad.txt", text)
    with pytest.raises(EarwrightError) as caught:
        read_lexicon(path, default_phones("en"))
    message = str(caught.value)
    assert (
        message.startswith(str(path)) and sentence in message and "\n" not in message and len(message) < 400
    )


def test_bad_places(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such file"):
        read_lexicon(tmp_path / "none")
    with pytest.raises(EarwrightError, match="this is a folder"):
        read_lexicon(tmp_path)


def test_a_line_said_twice_is_told_and_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "twice", "a AH0\nb B\na AH0\n")
    told: list[str] = []
    assert read_lexicon(path, warn=told.append).words == {"a": (("AH0",),), "b": (("B",),)}
    assert told == [f'{path}, line 3: "a" has the same phones in line 1; remove one.']


def test_additions_override(tmp_path: Path) -> None:
    base = read_lexicon(write(tmp_path / "base", SMALL), default_phones("en"))
    path = write(tmp_path / "mine", "stop S T OW1 P\nstop(2) S T UW1 P\nearwright IH1 R AY2 T\n")
    lexicon = read_additions(path, base)
    assert lexicon.pronunciations("stop") == (("S", "T", "OW1", "P"), ("S", "T", "UW1", "P"))
    assert lexicon.pronunciations("earwright") == (("IH1", "R", "AY2", "T"),)
    assert lexicon.pronunciations("hiv") == base.pronunciations("hiv")
    assert lexicon.additions == {"stop", "earwright"} and not base.additions


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("b B\nb B\n", 'line 2: "b" has the same phones in line 1; remove one.'),
        ("b B\nb P\n", 'line 2: "b" has other phones in line 1; remove one, or mark this one as .* b\\(2\\)'),
        ("b Q\n", 'line 1: "b" has "Q", not among'),
        ("", "there are no words in it"),
    ],
)
def test_bad_additions(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(EarwrightError, match=sentence):
        read_additions(write(tmp_path / "mine", text), default_lexicon("en"))


def test_sets_of_phones(tmp_path: Path) -> None:
    assert read_phones(write(tmp_path / "p", "B\tstop\nA\tvowel\n\n")) == ("A", "B")
    with pytest.raises(EarwrightError, match='line 3: the phone "A" is in line 1 too'):
        read_phones(write(tmp_path / "q", "A\nB\nA\n"))
    with pytest.raises(EarwrightError, match="there are no phones in it"):
        read_phones(write(tmp_path / "r", "\n"))


def test_lists_of_words(tmp_path: Path) -> None:
    assert list(read_words(write(tmp_path / "w", "one\n\n two \r\nthree"))) == ["one", "two", "three"]
    with pytest.raises(EarwrightError, match="line 2: this is not UTF-8"):
        list(read_words(write(tmp_path / "v", b"one\n\xff\n")))


def test_the_survey_goes_to_the_end(tmp_path: Path) -> None:
    survey = survey_lexicon(write(tmp_path / "s", "a AH0\nb\na AH0\nab AH0 B\nc QQ\n"), ["AH0", "B"])
    assert [problem.line for problem in survey.problems] == [2, 3, 5]
    assert (survey.words, survey.pronunciations) == (2, 2)
    assert survey.phones == {"B": 1, "AH0": 2} and survey.letters == {"b": 1, "a": 2}
    with pytest.raises(EarwrightError, match="there are no words in it"):
        survey_lexicon(write(tmp_path / "t", "\n"))


def test_cmudict_is_shipped() -> None:
    lexicon = default_lexicon("en")
    assert len(lexicon) == 126_052 and sum(1 for _ in lexicon.entries()) == 135_164
    assert lexicon.pronunciations("Tomato") == (
        ("T", "AH0", "M", "EY1", "T", "OW2"),
        ("T", "AH0", "M", "AA1", "T", "OW2"),
    )
    assert len(lexicon.phones) == 84 and len(lexicon.without_stress().phones) == 39
    with pytest.raises(EarwrightError, match='there is no lexicon for "xx", only for en'):
        default_lexicon("xx")


def test_the_shipped_cmudict_is_the_original(shared: Path) -> None:
    original = shared / "lexicon" / "cmudict.dict"
    packed = Path(str(__import__("earwright").__file__)).parent / "lexicon" / "cmudict.dict.xz"
    assert lzma.decompress(packed.read_bytes()) == original.read_bytes()


spelled = st.text(st.characters(exclude_categories=["C", "Z", "M"], codec="utf-8"), min_size=1, max_size=6)
plain_words = spelled.filter(lambda word: not word.startswith((";", "#")) and not word.endswith(")"))
phone_names = spelled.filter(lambda phone: not phone.startswith("#"))


@given(
    st.dictionaries(
        plain_words, st.lists(st.lists(phone_names, min_size=1, max_size=4), min_size=1, max_size=3)
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, words: dict[str, list[list[str]]]
) -> None:
    import unicodedata

    lines, expected = [], {}
    for word, pronunciations in words.items():
        for number, phones in enumerate(pronunciations, 1):
            mark = f"({number})" if number > 1 else ""
            lines.append(f"{word}{mark}  {' '.join(phones)} # no. {number}\n")
            key = unicodedata.normalize("NFC", word)
            expected[key] = tuple(dict.fromkeys((*expected.get(key, ()), tuple(phones))))
    path = write(tmp_path_factory.mktemp("w") / "lexicon.txt", "".join(lines))
    if not expected:
        with pytest.raises(EarwrightError, match="no words"):
            read_lexicon(path)
    else:
        assert read_lexicon(path).words == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_a_lexicon_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("f") / "lexicon.txt", data)
    try:
        lexicon = read_lexicon(path)
    except EarwrightError as error:
        assert str(error).startswith(str(path)) and len(str(error).splitlines()) == 1
    else:
        assert lexicon.words and all(phones for _, phones in lexicon.entries())


@given(st.text(st.sampled_from("ab( )2#;\t\n1é\x00"), max_size=60))
def test_problems_are_told_for_lines_that_there_are(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = write(tmp_path_factory.mktemp("g") / "lexicon.txt", text)
    for found in scan_lexicon(path, ["a", "b", "1"], additions=True):
        assert 1 <= found.line <= text.count("\n") + 1
        assert isinstance(found, Problem) or (found.phones and set(found.phones) <= {"a", "b", "1"})


def test_an_empty_lexicon_has_nothing() -> None:
    assert Lexicon({}, ()).pronunciations("a") == ()
