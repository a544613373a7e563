"""WebVTT: what the standard has beyond SubRip."""

from __future__ import annotations

from pathlib import Path

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.captions import read_cues, segments_of
from earwright.data.corpora.timed import Flaw, Segment
from earwright.data.corpora.vtt import read, recognize

STANDARD = """WEBVTT - a title
Kind: captions
Language: en

STYLE
::cue {
  background-image: linear-gradient(to bottom, dimgray, lightgray);
}

REGION
id:fred
width:40%

NOTE
a comment over
two lines

1 - an introduction
00:01.000 --> 00:04.000 position:10%,line-left align:left size:35%
Where did he go?

NOTE in one line

00:00:05.000 --> 1:00:06.500 line:0 region:fred
<v.loud.first Ann Lee>I think he went down <c.yellow.bg_blue>this</c> lane.</v>

01:00:07.000 --> 01:00:08.000
<v Ann>What?
<v Ben>Nothing.

01:00:09.000 --> 01:00:10.000
<ruby>漢<rt>kan</rt>字<rt>ji</rt></ruby> <00:00:09.500><lang en>x &lt; y &lrm;&amp; z</lang>

01:00:11.000 --> 01:00:12.000
<v Ann &amp; Co>Bye.

this belongs to nothing
"""

# As yt-dlp saves what YouTube has recognized: each line is shown twice, and held for 10 ms between.
YOUTUBE = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.389 align:start position:0%
{}
hello<00:00:00.480><c> every</c><00:00:00.900><c>one</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello everyone
{}

00:00:02.399 --> 00:00:04.000 align:start position:0%
hello everyone
and<00:00:02.600><c> welcome</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
and welcome
{}

00:00:04.010 --> 00:00:06.000 align:start position:0%
and welcome
[Music]

00:00:06.000 --> 00:00:06.010 align:start position:0%
[Music]
{}
""".replace("{}", " ")


def parse(text: str) -> list[Segment | Flaw]:
    return list(segments_of(read_cues(text, blank_line_ends=True)))


def test_the_standards_blocks_and_marks() -> None:
    found = parse(STANDARD)
    assert [
        (each.where, each.start, each.end, each.speaker, each.text)
        for each in found
        if isinstance(each, Segment)
    ] == [
        ("line 19", 1.0, 4.0, None, "Where did he go?"),
        ("line 24", 5.0, 3606.5, "Ann Lee", "I think he went down this lane."),
        ("line 27", 3607.0, 3608.0, None, "What? Nothing."),
        ("line 31", 3609.0, 3610.0, None, "漢字 x < y & z"),
        ("line 34", 3611.0, 3612.0, "Ann & Co", "Bye."),
    ]
    assert len(found) == 5


def test_what_is_not_quite_standard() -> None:
    content = (
        "00:01,000 --> 00:02,000\none\n00:03.000 --> 00:04.000\ntwo\n\nWEBVTT\n\n2\n00:0a.000 --> 0\nx\n"
    )
    found = parse(content)
    assert [each.text for each in found] == ["one", "two", "x"]
    assert isinstance(found[2], Flaw) and found[2].where == "line 9"


def test_rolling_captions(tmp_path: Path) -> None:
    (tmp_path / "talk.en.vtt").write_text(YOUTUBE)
    (tmp_path / "talk.opus").touch()
    first, second, music = read(tmp_path)
    identity, path = "talk-00000160-00002389", f"{tmp_path}/talk.opus"
    assert first == Row(identity, path, "hello everyone", language="en", start=0.16, duration=2.229)
    assert isinstance(second, Row) and (second.text, second.start, second.duration) == (
        "and welcome",
        2.399,
        1.601,
    )
    assert isinstance(music, BadRow) and music.text == "[Music]"
    assert recognize(tmp_path) == "talk.en.vtt has subtitles for talk.opus"
    assert recognize(tmp_path / "talk.opus") is None


def test_rolling_captions_whose_spaces_were_trimmed() -> None:
    assert parse(YOUTUBE.replace("\n \n", "\n\n")) == parse(YOUTUBE)
    cues = [
        "00:01.000 --> 00:02.000\n\nname",
        "00:03.000 --> 00:04.000\none\n",
        "00:05.000 --> 00:06.000\n\nNOTE x\n",
    ]
    empty = "\n".join(["WEBVTT\n", *cues])
    assert [each.text for each in parse(empty)] == ["one"]
