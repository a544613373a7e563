"""Common Voice's folders and tables, of several releases."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.commonvoice import read as read_commonvoice
from earwright.data.corpora.commonvoice import recognize
from earwright.errors import EarwrightError

OLD = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent\tlocale\tsegment"
NEW = (
    "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender"
    "\taccents\tvariant\tlocale\tsegment"
)


def language(
    folder: Path, lines: list[str], *clips: str, name: str = "validated.tsv", end: str = "\n"
) -> Path:
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes("".join(line + end for line in lines).encode())
    for clip in clips:
        (folder / "clips" / clip).touch()
    return folder


def rows(source: Path) -> list[Row]:
    found = list(read_commonvoice(source))
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


def test_the_columns_of_an_old_release(tmp_path: Path) -> None:
    lines = [
        OLD,
        "c1\tcv_1.mp3\tGuten Tag\t2\t0\ttwenties\tfemale\tgermany\tde\t",
        "c2\tcv_2.mp3\tJa\t2\t1\t\t\t\t\t",
    ]
    first, second = rows(language(tmp_path / "de", lines, "cv_1.mp3", end="\r\n"))
    clips = f"{tmp_path}/de/clips"
    votes = {"up_votes": "2", "down_votes": "0"}
    custom = {**votes, "age": "twenties", "accent": "germany"}
    assert first == Row("cv_1", f"{clips}/cv_1.mp3", "Guten Tag", "c1", "de", "female", custom=custom)
    # The language is the folder's where the row names none; the clip is not there, as the checks will say.
    assert second == Row("cv_2", f"{clips}/cv_2.mp3", "Ja", "c2", "de", custom={**votes, "down_votes": "1"})


def test_the_columns_of_a_new_release(tmp_path: Path) -> None:
    line = (
        "c1\tcv_1.mp3\tabc123\tGood morning\tgeneral\t2\t0\tteens\tmale_masculine\tScots\tv1\ten\tBenchmark"
    )
    (row,) = rows(language(tmp_path / "cv-corpus-17.0", ["\ufeff" + NEW, line]))
    assert (row.text, row.gender, row.language) == ("Good morning", "male", "en")
    assert row.custom == {
        "sentence_id": "abc123",
        "sentence_domain": "general",
        "up_votes": "2",
        "down_votes": "0",
        "age": "teens",
        "accents": "Scots",
        "variant": "v1",
        "segment": "Benchmark",
    }


def test_no_language_is_made_of_other_folders_names(tmp_path: Path) -> None:
    (row,) = rows(language(tmp_path / "My Clips", ["client_id\tpath\tsentence", "c\ta.mp3\thello"]))
    assert row.language is None


def test_quotes(tmp_path: Path) -> None:
    said = {
        '"Come here': '"Come here',
        '"Yes"': '"Yes"',
        '"Yes," he said, "no"': '"Yes," he said, "no"',
        '"He said ""yes"" twice."': 'He said "yes" twice.',
        '"""Yes"""': '"Yes"',
        'a ""b"" c': 'a ""b"" c',
        '"': '"',
        '""': '""',
    }
    lines = [f"c\t{number}.mp3\t{text}" for number, text in enumerate(said)]
    found = rows(language(tmp_path / "en", ["client_id\tpath\tsentence", *lines]))
    assert [row.text for row in found] == list(said.values())


@given(st.text('ab "', min_size=1).filter(lambda text: text.strip() == text and '"' in text))
def test_sentences_that_a_csv_writer_wrote(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerow(["c", "1.mp3", text])
    folder = tmp_path_factory.mktemp("en")
    (row,) = rows(language(folder, ["client_id\tpath\tsentence", out.getvalue().rstrip("\n")]))
    assert row.text == text


def test_clips_with_another_ending_or_none(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "größe.opus")
    clips = ("a.mp3", "b.opus", "b.m4a", "c.WAV", decomposed)
    names = ["a.mp3", "b.mp3", "c", "größe.mp3", "none.mp3"]
    lines = [f"x\t{name}\thello" for name in names]
    found = rows(language(tmp_path / "de", ["client_id\tpath\tsentence", *lines], *clips))
    assert [Path(row.path).name for row in found] == ["a.mp3", "b.opus", "c.WAV", decomposed, "none.mp3"]
    assert [row.id for row in found] == ["a", "b", "c", "größe", "none"]


def test_several_languages_and_other_tables(tmp_path: Path) -> None:
    for code in ("zh-CN", "de", "broken"):
        language(tmp_path / "cv" / code, ["client_id\tpath\tsentence", f"c\t{code}.mp3\thello"])
    language(tmp_path / "cv/de", ["client_id\tpath\tsentence", "c\ttrain.mp3\thallo"], name="train.tsv")
    language(tmp_path / "cv/broken", ["client_id\tpath\tsentence", "c\tx.mp3"])
    expected = [(None, ""), ("de", "de"), ("zh-CN", "zh-CN")]
    for source in (tmp_path / "cv", tmp_path):
        found = list(read_commonvoice(source))
        assert [(row.language if isinstance(row, Row) else None, row.id) for row in found] == expected
        assert isinstance(found[0], BadRow)
    language(tmp_path / "cv/broken", ["not", "a table of Common Voice"])
    found = list(read_commonvoice(tmp_path))
    assert (
        isinstance(found[0], BadRow) and "the first line here is not" in found[0].detail and len(found) == 3
    )
    language(tmp_path / "cv/broken", ["client_id\tpath\tsentence", "c\tx.mp3"])
    (row,) = rows(tmp_path / "cv/de/train.tsv")
    assert (row.id, row.language) == ("train", "de")
    assert recognize(tmp_path) == "cv/broken/validated.tsv has the columns client_id, path and sentence"


def test_bad_lines(tmp_path: Path) -> None:
    lines = [
        "client_id\tpath\tsentence",
        "c\ta.mp3",
        "",
        "c\tb.mp3\tone\ttwo",
        "c\t\tno path",
        "c\td.mp3\tgood",
    ]
    folder = language(tmp_path / "en", lines)
    with open(folder / "validated.tsv", "ab") as file:
        file.write(b"c\te.mp3\tcaf\xe9")
    found = list(read_commonvoice(folder))
    where = f"{folder}/validated.tsv, line"
    assert [row.detail for row in found if isinstance(row, BadRow)] == [
        f"{where} 2: 2 columns where the header has 3",
        f"{where} 4: 4 columns where the header has 3",
        f"{where} 5: the path is empty",
        f"{where} 7: not UTF-8 text",
    ]
    assert [row.id for row in found if isinstance(row, Row)] == ["d"]


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such folder"):
        list(read_commonvoice(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"no validated\.tsv in it, but nothing\.$"):
        list(read_commonvoice(tmp_path))
    folder = language(tmp_path / "en", ["client_id\tpath\tsentence"], name="train.tsv")
    with pytest.raises(EarwrightError, match=r"but 1 \.tsv\. It has train\.tsv: name one of them\."):
        list(read_commonvoice(folder))
    language(folder, ["client_id,path,sentence", "c,a.mp3,hello"])
    with pytest.raises(
        EarwrightError, match=r"parted by tabs; the first line here is client_id,path,sentence\."
    ):
        list(read_commonvoice(folder))
    assert recognize(folder) is None
    language(folder, ["path\ttext", "a.mp3\thello"])
    with pytest.raises(EarwrightError, match=r"`earwright prepare tsv`"):
        list(read_commonvoice(folder / "validated.tsv"))
    language(folder, [])
    with pytest.raises(EarwrightError, match="the table is empty"):
        list(read_commonvoice(folder))


def test_all_of_the_shared_corpus(shared: Path) -> None:
    folder = shared / "corpora/common-voice"
    found = rows(folder)
    codes = {path.name for path in folder.iterdir()}
    assert len(codes) == 18 and {row.language for row in found} == codes
    for code in codes:
        of_language = [row for row in found if row.language == code]
        assert len(of_language) == 100 and of_language == rows(folder / code)
        # 6.1 was written by a CSV writer.
        with open(folder / code / "validated.tsv", encoding="utf-8", newline="") as file:
            texts = [line["sentence"].strip() for line in csv.DictReader(file, delimiter="\t")]
        assert [row.text for row in of_language] == texts
    assert all(Path(row.path).is_file() and row.text and row.speaker for row in found)
    assert {row.gender for row in found} == {"female", "male", "other", None}
