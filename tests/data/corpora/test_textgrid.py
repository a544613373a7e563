"""Praat's TextGrids: both text forms, all encodings, and the choice of tiers."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, ReaderOptions, Row
from earwright.data.corpora.textgrid import parse, read, recognize
from earwright.data.corpora.tiers import utterances_of
from earwright.data.corpora.timed import Segment, TranscriptError
from earwright.errors import EarwrightError

Interval = tuple[float, float, str]
PLACE = Path("talk.TextGrid")


def long_form(tiers: dict[str, list[Interval]], points: tuple[str, ...] = ()) -> str:
    """As Praat's "Save as text file" lays it out; tiers named in `points` are tiers of points."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", "xmax = 99.5 "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, intervals) in enumerate(tiers.items(), 1):
        is_points = name in points
        kind, item = ("TextTier", "points") if is_points else ("IntervalTier", "intervals")
        lines += [f"    item [{number}]:", f'        class = "{kind}" ', f"        name = {quoted(name)} "]
        lines += ["        xmin = 0 ", "        xmax = 99.5 ", f"        {item}: size = {len(intervals)} "]
        for place, (start, end, text) in enumerate(intervals, 1):
            lines.append(f"        {item} [{place}]:")
            if is_points:
                lines += [f"            number = {start} ", f"            mark = {quoted(text)} "]
            else:
                lines += [f"            xmin = {start} ", f"            xmax = {end} "]
                lines.append(f"            text = {quoted(text)} ")
    return "\n".join(lines) + "\n"


def short_form(tiers: dict[str, list[Interval]]) -> str:
    """As Praat's "Save as short text file" lays it out."""
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "0",
        "99.5",
        "<exists>",
        f"{len(tiers)}",
    ]
    for name, intervals in tiers.items():
        lines += ['"IntervalTier"', quoted(name), "0", "99.5", f"{len(intervals)}"]
        for start, end, text in intervals:
            lines += [f"{start}", f"{end}", quoted(text)]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def said(tiers: dict[str, list[Interval]], **options: object) -> list[tuple[str | None, float, float, str]]:
    found = utterances_of(parse(long_form(tiers)), ReaderOptions(**options), PLACE)  # type: ignore[arg-type]
    return [(each.speaker, each.start, each.end, each.text) for each in found if isinstance(each, Segment)]


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('"!<>=\n[]0 '), max_size=12)


@given(
    st.dictionaries(
        texts, st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 999), texts), max_size=4), max_size=4
    ),
    st.booleans(),
)
def test_what_is_written_is_read(drawn: dict[str, list[tuple[int, int, str]]], is_long: bool) -> None:
    tiers = {
        name: [(start / 1000, (start + length) / 1000, text) for start, length, text in intervals]
        for name, intervals in drawn.items()
    }
    found = parse((long_form if is_long else short_form)(tiers))
    assert {
        tier.name: [(each.start, each.end, each.text) for each in tier.segments if isinstance(each, Segment)]
        for tier in found
    } == {
        name: [(start, end, " ".join(text.split())) for start, end, text in intervals if text.strip()]
        for name, intervals in tiers.items()
    }


@given(st.text(st.sampled_from('"=!<exist>0123.e-\n []:xmaIntervalTier'), max_size=100), st.integers(0, 700))
def test_any_text_is_read_or_refused(noise: str, place: int) -> None:
    whole = long_form({"a": [(0, 1, "x"), (1, 2, 'say "y"')], "b": [(0, 2, "z")]})
    for text in (noise, whole[:place] + noise, whole[:place] + noise + whole[place + len(noise) :]):
        with contextlib.suppress(TranscriptError):
            assert all(tier.name is not None for tier in parse(text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("form", [long_form, short_form])
def test_files(tmp_path: Path, encoding: str, form: object) -> None:
    tiers = {"Über": [(0.0, 1.5, ""), (1.5, 2.75, 'sie sagte "grüß  dich"'), (2.75, 99.5, " ")]}
    (tmp_path / "talk.TextGrid").write_bytes(form(tiers).replace("\n", "\r\n").encode(encoding))  # type: ignore[operator]
    (tmp_path / "talk.wav").touch()
    assert list(read(tmp_path)) == [
        Row(
            "talk-00001500-00002750",
            f"{tmp_path}/talk.wav",
            'sie sagte "grüß dich"',
            start=1.5,
            duration=1.25,
        )
    ]
    assert recognize(tmp_path) == "talk.TextGrid has tiers for talk.wav"


def test_comments_and_older_headers() -> None:
    text = (
        '"ooTextFile short"\n"TextGrid"\n\n0 ! seconds "from" the start\n2\n<exists>\n1 tier\n'
        '"IntervalTier" "words!"\n0 2 1\n0 1.5 "a ! b" and that was "all" of it\n'
    )
    (tier,) = parse(text.replace('and that was "all" of it', ""))
    assert tier.name == "words!" and [each.text for each in tier.segments] == ["a ! b"]
    assert parse('"ooTextFile"\n"TextGrid"\n0 1\n<absent>\n0') == []


def test_a_time_that_is_no_number(tmp_path: Path) -> None:
    text = long_form({"a": [(0, 1, "one"), (1, 2, "two"), (2, 3, "three")]}).replace(
        "xmin = 1 ", "xmin = soon "
    )
    (tmp_path / "a.TextGrid").write_text(text)
    (tmp_path / "a.wav").touch()
    rows = list(read(tmp_path))
    assert [row.text for row in rows if isinstance(row, Row)] == ["one", "three"]
    (bad,) = (row for row in rows if isinstance(row, BadRow))
    assert (
        bad.detail == f"{tmp_path}/a.TextGrid, line 20: its times are no numbers of seconds"
        and bad.text == "two"
    )
    assert text.splitlines()[19].strip() == "xmin = soon"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("ooTextFile", "ooBinaryFile"), "this is no TextGrid"),
        (("TextGrid", "PitchTier"), "this is no TextGrid"),
        (("IntervalTier", "Tier"), 'line 10: a tier is "IntervalTier" or "TextTier", not "Tier"'),
        (("size = 2 ", "size = 3 "), "it breaks off before its end"),
        (("size = 2 ", "size = 1e400 "), "line 14: inf is no number of tiers"),
        (("size = 2 ", "size = -1 "), "line 14: -1.0 is no number of tiers"),
        (("xmax = 1 ", 'xmax = "1" '), 'line 17: a number should stand here, not "1"'),
        (('text = "one"', "text = one"), "line 18: a text in quotes should stand here, not one"),
        (('text = "one"', 'text = "one'), "a quote is opened and not closed"),
    ],
)
def test_damaged_files_are_one_bad_row(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = long_form({"a": [(0, 1, "one"), (1, 2, "two")]})
    assert change[0] in text
    (tmp_path / "a.TextGrid").write_text(text.replace(*change))
    (tmp_path / "a.wav").touch()
    (bad,) = read(tmp_path)
    assert (
        isinstance(bad, BadRow)
        and bad.detail.startswith(f"{tmp_path}/a.TextGrid: ")
        and message in bad.detail
    )


def test_points_are_left_out() -> None:
    (tier,) = parse(long_form({"marks": [(1, 0, "click")], "a": [(0, 1, "one")]}, points=("marks",)))
    assert tier.name == "a"


def test_words_of_an_aligner_are_joined() -> None:
    # As the Montreal Forced Aligner writes them: no text where nobody speaks.
    words = [(0, 0.5, ""), (0.5, 0.9, "the"), (0.9, 1.3, "first"), (1.3, 1.6, ""), (1.6, 2, "one")]
    words += [(2, 2.6, "<eps>"), (2.6, 3, "and"), (3, 3.4, "then"), (3.4, 9, "")]
    tiers = {"words": words, "phones": [(0, 0.5, "sil"), (0.5, 0.7, "DH"), (0.7, 0.9, "AH0")]}
    assert said(tiers) == [(None, 0.5, 2, "the first one"), (None, 2.6, 3.4, "and then")]
    assert [text for *_, text in said(tiers, pause=0.2)] == ["the first", "one", "and then"]
    assert [text for *_, text in said(tiers, pause=9, longest=1.5)] == ["the first one", "and then"]
    two = {f"{name} - {kind}": tiers[kind] for name in ("Ann Lee", "Ben") for kind in tiers}
    two["Ben - words"] = [(10, 11, "yes")]
    assert said(two) == [
        ("Ann Lee", 0.5, 2, "the first one"),
        ("Ann Lee", 2.6, 3.4, "and then"),
        ("Ben", 10, 11, "yes"),
    ]


def test_a_tier_of_utterances_goes_before_words() -> None:
    layers = {"phones": [(0, 1, "AH0")], "words": [(0, 1, "a"), (1, 2, "b")], "Sentences": [(0, 2, "A b.")]}
    assert said(layers) == [(None, 0, 2, "A b.")]
    maus = {
        "ORT-MAU": [(0, 1, "ja"), (1, 2, "<p:>"), (2, 3, "nein")],
        "KAN-MAU": [(0, 1, "ja:")],
        "MAU": [(0, 1, "j")],
    }
    assert said(maus) == [(None, 0, 1, "ja"), (None, 2, 3, "nein")]


def test_a_tier_for_each_speaker() -> None:
    interview = {
        "Interviewer": [(0, 2, "How are you?"), (2, 5, ""), (5, 6, "Good.")],
        "Mrs Lee": [(0, 1.8, ""), (1.8, 5, "Fine, thanks.")],
        "Notes": [(0, 6, "a dog barks")],
    }
    assert said(interview) == [
        ("Interviewer", 0, 2, "How are you?"),
        ("Mrs Lee", 1.8, 5, "Fine, thanks."),
        ("Interviewer", 5, 6, "Good."),
    ]
    silent = {**interview, "Interviewer": [(0, 6, "")]}
    assert said(silent) == [("Mrs Lee", 1.8, 5, "Fine, thanks.")]
    alone = {"Tier 1": [(0, 1, "hello")], "phones": [(0, 1, "HH")]}
    assert said(alone) == [(None, 0, 1, "hello")]


def test_a_tier_that_the_user_names() -> None:
    tiers = {
        "orig": [(0, 2, "Guten Tag")],
        "english": [(0, 2, "Good day")],
        "words": [(0, 1, "Guten"), (1, 2, "Tag")],
    }
    assert said(tiers, columns={"text": "English"}) == [(None, 0, 2, "Good day")]
    assert said(tiers, columns={"text": "words"}) == [(None, 0, 2, "Guten Tag")]
    with pytest.raises(TranscriptError, match="it has no tier 'french', but orig, english, words"):
        said(tiers, columns={"text": "french"})


@pytest.mark.parametrize(
    "tiers",
    [
        {"orig": [(0, 2, "Guten Tag")], "english": [(0, 2, "Good day")]},
        {"orig": [(0, 2, "Guten Tag"), (4, 6, "a")], "parts": [(0, 1, "Gu"), (1, 2, "ten"), (4, 5, "a")]},
        {"text": [(0, 1, "a")], "transcript": [(0, 1, "a")], "x": [(3, 4, "y")]},
    ],
)
def test_layers_of_which_nobody_knows_the_text(tmp_path: Path, tiers: dict[str, list[Interval]]) -> None:
    (tmp_path / "a.TextGrid").write_text(long_form(tiers))
    (tmp_path / "a.wav").touch()
    with pytest.raises(
        EarwrightError, match=f"which of its tiers .*: {', '.join(tiers)}. Name it .*text=TIER"
    ):
        list(read(tmp_path))


def test_no_tier_that_the_user_names_is_one_bad_row(tmp_path: Path) -> None:
    for name, tier in (("a", "ort"), ("b", "other")):
        (tmp_path / f"{name}.TextGrid").write_text(long_form({tier: [(0, 1, name)]}))
        (tmp_path / f"{name}.wav").touch()
    good, bad = read(tmp_path, ReaderOptions(columns={"text": "ort"}))
    assert isinstance(good, Row) and good.text == "a"
    assert isinstance(bad, BadRow) and bad.detail == f"{tmp_path}/b.TextGrid: it has no tier 'ort', but other"


def test_only_tiers_of_something_else_are_one_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.TextGrid").write_text(long_form({"phones": [(0, 1, "AH0")], "Notes": [(0, 2, "x")]}))
    (tmp_path / "a.wav").touch()
    (bad,) = read(tmp_path)
    assert isinstance(bad, BadRow)
    assert bad.detail == f"{tmp_path}/a.TextGrid: none of its tiers seems to hold what is said: phones, Notes"
    (row,) = read(tmp_path, ReaderOptions(columns={"text": "phones"}))
    assert row.text == "AH0"


def test_nothing_said() -> None:
    assert said({"a": [(0, 9, "")], "b": []}) == [] and said({}) == []
