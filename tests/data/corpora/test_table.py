"""Tables of all makes: delimiters, quotes, encodings, line ends, and lines that are broken."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.table import LINES_IN_RECORD, read_csv, read_tsv, split_line
from earwright.errors import EarwrightError

# What may stand in a field; \r is left out, since every line end is read as \n, in a field too.
fields = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('",;|\t\n'), max_size=12)


def table(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(folder: Path, content: str | bytes) -> list[Row]:
    found = list(read_csv(table(folder, content)))
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


@given(st.lists(fields, min_size=1, max_size=5), st.sampled_from(",;|\t"))
def test_fields_that_the_csv_module_wrote_are_split(values: list[str], delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(values)
    assert (
        split_line(out.getvalue(), delimiter) == split_line(out.getvalue(), delimiter, strict=True) == values
    )


@given(st.text('a"b,', max_size=15))
def test_any_line_is_split_as_the_csv_module_splits_it(line: str) -> None:
    try:
        expected = next(csv.reader([line], strict=True)) or [""]
    except csv.Error:
        assert split_line(line, ",", strict=True) is None
    else:
        assert split_line(line, ",", strict=True) == split_line(line, ",") == expected


@given(
    st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=6),
    st.sampled_from(",;|\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_what_a_csv_writer_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[tuple[str, str, str]],
    delimiter: str,
    encoding: str,
    line_end: str,
    quote_all: bool,
) -> None:
    # A path and a text are needed, and a field that is only a line end cannot be told from an empty line.
    values = [(f"p{path.strip()}", f"t{text.strip()}", mood.strip()) for path, text, mood in values]
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=quoting)
    writer.writerows([("path", "text", "mood"), *values])
    content = out.getvalue().replace("\n", line_end)
    folder = tmp_path_factory.mktemp("table")
    read = rows(folder, content.encode(encoding))
    assert [(row.path, row.text, row.custom.get("mood", "")) for row in read] == [
        (f"{folder}/{path}", text, mood) for path, text, mood in values
    ]


def test_columns(tmp_path: Path) -> None:
    content = (
        "ID, Text ,speaker,PATH,Language,gender,start,end,accent\n"
        "u1,Hello there,s1,a b/c.wav,en,F,1.5,2.25,scottish\n"
        ",Grüße,,/abs/ü.flac,,Male,,,\n"
        ",again,,x.wav,,diverse,,3,\n"
    )
    first, second, third = rows(tmp_path, content)
    assert first == Row(
        "u1", f"{tmp_path}/a b/c.wav", "Hello there", "s1", "en", "female", 1.5, 0.75, {"accent": "scottish"}
    )
    assert second == Row("/abs/ü", "/abs/ü.flac", "Grüße", gender="male")
    assert third == Row("x-00000000-00003000", f"{tmp_path}/x.wav", "again", gender="diverse", duration=3.0)


def test_duration_is_a_column_too(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "path,text,start,duration\nx.wav,hi,1e1,0.5\n")
    assert (row.start, row.duration, row.id) == (10.0, 0.5, "x-00010000-00010500")


def test_the_header_decides_the_delimiter(tmp_path: Path) -> None:
    content = "path\ttext\na.wav\tone, two; three | four\n"
    assert rows(tmp_path, content)[0].text == "one, two; three | four"
    (row,) = read_tsv(table(tmp_path, content.replace("\t", ",", 1).replace("\t", ",")))
    assert isinstance(row, BadRow) and row.detail.endswith("line 2: 3 columns where the header has 2")


def test_empty_lines_and_spare_columns(tmp_path: Path) -> None:
    content = "\n\r\npath,text,,\n\na.wav,one,,\nb.wav,two,,,,,\n   \n"
    assert [row.text for row in rows(tmp_path, content)] == ["one", "two"]


def test_quotes_that_were_never_meant_as_such(tmp_path: Path) -> None:
    content = (
        "path\ttext\n"
        'a.wav\t5" nails\n'
        'b.wav\t"Come here\n'  # opened, never closed
        "c.wav\tshe said\n"
        'd.wav\t"Yes" he said\n'
        'e.wav\t"A ""real"" one\twith a tab"\n'
        'f.wav\t"two\nlines"\n'
    )
    assert [row.text for row in rows(tmp_path, content)] == [
        '5" nails',
        '"Come here',
        "she said",
        "Yes he said",
        'A "real" one\twith a tab',
        "two\nlines",
    ]


def test_a_stray_quote_takes_only_its_own_line(tmp_path: Path) -> None:
    many = "".join(f"{number}.wav,text {number}\n" for number in range(2 * LINES_IN_RECORD))
    found = list(read_csv(table(tmp_path, f'path,text\na.wav,x,"never closed\n{many}b.wav,last\n')))
    assert isinstance(found[0], BadRow) and found[0].detail.endswith(
        "line 2: a quote is opened and not closed"
    )
    assert len(found) == 2 * LINES_IN_RECORD + 2
    assert all(isinstance(row, Row) for row in found[1:]) and found[-1].text == "last"


def test_bad_lines_name_their_number_and_their_fault(tmp_path: Path) -> None:
    content = (
        b"path,text,start,end\r\n"
        b"a.wav,good,,\r\n"
        b"b.wav\r\n"
        b"c.wav,a,b,c,d\r\n"
        b"d.wav,soon,now,\r\n"
        b"e.wav,late,nan,\r\n"
        b",no path,,\r\n"
        b"g.wav,caf\xe9,,\r\n"
        b"h.wav,good,,\r\n"
    )
    path = table(tmp_path, content)
    found = list(read_csv(path))
    details = {row.detail.removeprefix(f"{path}, line ") for row in found if isinstance(row, BadRow)}
    assert details == {
        "3: 1 columns where the header has 4",
        "4: 5 columns where the header has 4",
        "5: start is 'now', not a number of seconds",
        "6: start is 'nan', not a number of seconds",
        "7: the path is empty",
        "8: not UTF-8 text; save the table as UTF-8",
    }
    assert [row.id for row in found if isinstance(row, Row)] == ["a", "h"]


def test_windows_paths(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/a.wav").touch()
    (tmp_path / "back\\slash.wav").touch()
    read = rows(tmp_path, "path,text\nclips\\a.wav,x\nback\\slash.wav,y\n")
    assert read[0].path == f"{tmp_path}/clips/a.wav" and read[0].id == "clips/a"
    assert read[1].path == f"{tmp_path}/back\\slash.wav"


def test_a_huge_field(tmp_path: Path) -> None:
    # The csv module stops at 131,072 characters.
    assert len(rows(tmp_path, f'path,text\na.wav,"{"x" * 1_000_000}"\n')[0].text) == 1_000_000


def test_sources_of_another_kind(tmp_path: Path) -> None:
    cases = {
        b"": "the table is empty",
        b"\n \n": "the table is empty",
        b"file,sentence\na,b\n": "must name the columns path and text; it has: file, sentence",
        b"a.wav|hello\n": "it has: a.wav, hello",
        b"OggS\0\2\0\0": "not a table of text",
        b"path,text,Text\n": "the column 'text' twice",
        b"\xff\xfea": "cannot be read",
    }
    for content, message in cases.items():
        with pytest.raises(EarwrightError, match=message):
            list(read_csv(table(tmp_path, content)))
    with pytest.raises(EarwrightError, match="no such file"):
        list(read_csv(tmp_path / "none.csv"))
    with pytest.raises(
        EarwrightError, match=r"a folder with 1 \.csv in it.* `earwright prepare csv .*table\.csv`"
    ):
        list(read_csv(tmp_path))
    assert list(read_csv(table(tmp_path, "path,text\n"))) == []
