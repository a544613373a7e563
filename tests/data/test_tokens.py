"""The survey of texts: against the tokenizers and the training set that it foretells."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.cuts import Cut
from earwright.data.frames import FRAME_SHIFT, frames_in, frames_needed
from earwright.data.pieces import survey_pieces
from earwright.data.preparation.characters import character_name, code_point, readable, script
from earwright.data.tokens import TextSurvey, fate
from earwright.errors import EarwrightError
from earwright.text import build_char_tokenizer, normalize

texts = st.lists(
    st.text(st.sampled_from("aabcdeEÉß ,.'-5½\u0301\u00ad١क्षि▁\u200c"), max_size=12)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    min_size=1,
    max_size=8,
)


def make(lines: list[str], seconds: float = 4.0, languages: str = "") -> list[Cut]:
    return [
        Cut(
            f"u{number}",
            "/a.wav",
            0.0,
            seconds + number,
            16000,
            text=line,
            language=languages[number % len(languages)] if languages else None,
        )
        for number, line in enumerate(lines)
    ]


def survey(cuts: list[Cut], normalizer: str = "basic", min_count: int = 1) -> TextSurvey:
    found = TextSurvey(normalizer, min_count, keep_texts=True)
    for cut in cuts:
        found.add(cut)
    return found


@given(texts, st.sampled_from(["raw", "basic", "english"]), st.integers(1, 4))
def test_the_vocabulary_is_that_of_training(lines: list[str], normalizer: str, min_count: int) -> None:
    cuts = make(lines)
    found = survey(cuts, normalizer, min_count)
    normalized = [normalize(line, normalizer) for line in lines]
    assert found.texts == [text for text in normalized if text]
    assert found.without_text == [cut.id for cut, text in zip(cuts, normalized, strict=True) if not text]
    assert found.counts == Counter("".join(normalized))
    try:
        expected = build_char_tokenizer(normalized, min_count)
    except EarwrightError as error:
        with pytest.raises(EarwrightError, match=str(error)[:30]):
            found.tokenizer(min_count)
        return
    assert found.tokenizer(min_count).tokens == expected.tokens

    # What is left out is what this tokenizer cannot spell.
    kept = [
        (cut, text)
        for cut, text in zip(cuts, normalized, strict=True)
        if text and not expected.unknown_characters(text)
    ]
    out = found.left_out(min_count)
    lost = [
        cut for cut, text in zip(cuts, normalized, strict=True) if text and cut not in [c for c, _ in kept]
    ]
    assert set(out.characters) == {c for text in normalized for c in expected.unknown_characters(text)}
    assert out.utterances == len(lost)
    assert out.hours == pytest.approx(sum(cut.duration for cut in lost) / 3600)
    if not kept:
        with pytest.raises(EarwrightError, match="no utterance is left"):
            found.figures(min_count)
        return
    figures = found.figures(min_count)
    lengths = [len(expected.encode(text)) for _, text in kept]
    assert figures.vocabulary == expected.vocab_size and figures.utterances == len(kept)
    assert figures.per_second == pytest.approx(sum(lengths) / sum(cut.duration for cut, _ in kept))
    for speed, count in figures.too_long.items():
        needed = [frames_needed(expected.encode(text)) for _, text in kept]
        assert count == sum(n > frames_in(c.duration / speed) for n, (c, _) in zip(needed, kept, strict=True))


@given(texts, st.sampled_from(["raw", "basic", "english"]))
def test_every_character_is_accounted_for(lines: list[str], normalizer: str) -> None:
    found = survey(make(lines), normalizer)
    raw, changes = Counter("".join(lines)), {change.character: change for change in found.changes()}
    assert all(change.count == raw[character] for character, change in changes.items())
    expected: Counter[str] = Counter()
    for character, count in raw.items():
        change = changes.get(character)
        for letter in character if change is None else change.becomes if change.kind == "changed" else "":
            expected[letter] += count
    taken, put = found.word_rules()
    expected.subtract(taken)
    expected.update(put)
    expected[" "] = found.counts.get(" ", 0)
    assert {c: n for c, n in expected.items() if n} == found.counts


@pytest.mark.parametrize(
    ("character", "normalizer", "kind", "becomes"),
    [
        ("a", "basic", "kept", "a"),
        ("A", "basic", "changed", "a"),
        ("ﬁ", "basic", "changed", "fi"),
        ("½", "basic", "changed", "1 2"),
        (",", "basic", "space", " "),
        ("\u00a0", "basic", "space", " "),
        ("\u00ad", "basic", "removed", ""),
        ("\u0640", "basic", "removed", ""),
        ("'", "basic", "kept", "'"),
        ("’", "basic", "changed", "'"),
        ("'", "english", "space", " "),
        ("\u0301", "basic", "joined", ""),
        ("\u0301", "english", "removed", ""),
        ("\u093f", "basic", "kept", "\u093f"),
        ("é", "english", "changed", "e"),
        ("5", "english", "kept", "5"),
        (",", "raw", "kept", ","),
        ("\u2009", "raw", "space", " "),
    ],
)
def test_fates(character: str, normalizer: str, kind: str, becomes: str) -> None:
    assert fate(character, normalizer) == (kind, becomes)


def test_rules_for_words() -> None:
    found = survey(make(["Dr. Li [noise] won't"]), "english")
    assert found.texts == ["doctor li will not"]
    taken, put = found.word_rules()
    assert put == Counter("doctor li will not") - Counter("dr li noise wont") - Counter(" ")
    assert taken == Counter("dr li noise wont") - Counter("doctor li will not") - Counter(" ")


def test_examples_languages_and_scripts() -> None:
    cuts = make(["so la", "да", "so", "Нет", "sо la"], languages="er")
    found = survey(cuts)  # in the last of them the o is Cyrillic
    assert found.uses["о"].example_id == "u4" and found.uses["s"].utterances == 3
    assert found.uses["s"].seconds == sum(cuts[number].duration for number in (0, 2, 4))
    languages = found.languages()
    assert languages["e"] == (3, 18.0, ["s", "a", "l", "o", "о"], ["s", "a", "l", "o", "о"])
    assert [script(c) for c in languages["e"][2]] == ["Latin"] * 4 + ["Cyrillic"]
    assert found.scripts()["Cyrillic"] == dict.fromkeys("аденто", 1)
    told = found.to_dict()
    assert told["characters"][-1]["code"].startswith("U+04")
    assert told["languages"]["r"]["only_here"] == "адент"


def test_what_training_leaves_out(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs earwright[train]")
    from earwright.data.examples import build_tokenizer, build_training_set
    from earwright.data.options import DataOptions, TextOptions
    from earwright.nn.features import FeatureOptions
    from earwright.nn.subsampling import ConvSubsampling

    assert pytest.approx(ConvSubsampling.factor * FeatureOptions().frame_shift) == FRAME_SHIFT
    # From far too much text to little, with doubled letters; lengths on both sides of every frame.
    cuts = [
        Cut(f"u{number}", "/a.wav", 0.0, 0.04 + number / 250, 16000, text="aabb cc" * (1 + number % 3))
        for number in range(600)
    ] + make(["...", "only here a q"], seconds=9.0)
    for tokenizer, min_count in (("char", 1), ("char", 2), ("bpe", 1)):
        options = TextOptions(tokenizer=tokenizer, vocab_size=20, min_count=min_count)
        normalized = [text for cut in cuts if (text := normalize(cut.text, "basic"))]
        trained = build_tokenizer(normalized, options, seed=1)
        found = survey(cuts, min_count=min_count)
        if tokenizer == "char":
            assert found.tokenizer(min_count).files() == trained.files()
            figures = found.figures(min_count)
        else:
            pieces = survey_pieces(found.texts, found.seconds, 20)
            assert pieces.tokenizer.files() == trained.files()
            figures = pieces.figures
        for speed, count in figures.too_long.items():
            left_out = build_training_set(
                cuts,
                trained,
                DataOptions(cache="off"),
                "basic",
                sample_rate=16000,
                frame_shift=ConvSubsampling.factor * FeatureOptions().frame_shift,
                top_speed=speed,
            ).left_out
            assert 0 < count < 600
            assert count == len(left_out["with more text than CTC can fit into the audio"])
            assert len(left_out["without text after normalization"]) == len(found.without_text) == 1
            rare = left_out.get("with characters outside the vocabulary", [])
            assert len(rare) == (found.left_out(min_count).utterances if tokenizer == "char" else 0)


def test_pieces_spell_the_texts() -> None:
    lines = ["the cat sat on the mat", "the hat", "that cat", "a mat"] * 5
    found = survey(make(lines))
    pieces = survey_pieces(found.texts, found.seconds, 20)
    assert ["".join(sample).replace("▁", " ").strip() for sample in pieces.samples] == [
        lines[n] for n in (0, 4, 9, 14, 19)
    ]
    assert set(pieces.counts) == set(pieces.tokenizer.tokens[1:])
    tokens = [pieces.tokenizer.encode(line) for line in lines]
    used = Counter(pieces.tokenizer.tokens[token] for line in tokens for token in line)
    assert pieces.counts == dict.fromkeys(pieces.counts, 0) | used
    assert pieces.figures.unused == sum(count == 0 for count in pieces.counts.values())
    rates = sorted(len(line) / second for line, second in zip(tokens, found.seconds, strict=True))
    assert pieces.figures.per_second_99 == rates[-1]
    assert pieces.figures.per_second < found.figures().per_second
    with pytest.raises(EarwrightError, match="a BPE vocabulary of 500 tokens cannot be learned"):
        survey_pieces(found.texts, found.seconds, 500)


def test_common_voice_in_its_scripts(shared: Path) -> None:
    expected = {
        "ru": "Cyrillic",
        "el": "Greek",
        "fa": "Arabic",
        "hi": "Devanagari",
        "th": "Thai",
        "ka": "Georgian",
    }
    for language, name in expected.items():
        path = shared / "corpora/common-voice" / language / "validated.tsv"
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        found = survey(make([row["sentence"] for row in rows]))
        assert next(iter(found.scripts())) == name
        assert sum(sum(counts.values()) for counts in found.scripts().values()) == sum(
            len(text.replace(" ", "")) for text in found.texts
        )


def test_cuts_without_a_length() -> None:
    for seconds in (0.0, float("nan"), -1.0):
        with pytest.raises(EarwrightError, match=r"cut 'u0' is .* s long; prepare it again"):
            survey(make(["a"], seconds))


@pytest.mark.parametrize(
    ("character", "code", "name", "kind", "shown"),
    [
        ("a", "U+0061", "LATIN SMALL LETTER A", "Latin", "a"),
        ("\u0627", "U+0627", "ARABIC LETTER ALEF", "Arabic", "\u200e\u0627\u200e"),
        ("\u0301", "U+0301", "COMBINING ACUTE ACCENT", "signs", "\u25cc\u0301"),
        ("\u093f", "U+093F", "DEVANAGARI VOWEL SIGN I", "Devanagari", "\u25cc\u093f"),
        ("中", "U+4E2D", "CJK UNIFIED IDEOGRAPH-4E2D", "Han", "中"),
        ("ー", "U+30FC", "KATAKANA-HIRAGANA PROLONGED SOUND MARK", "Katakana", "ー"),
        ("٣", "U+0663", "ARABIC-INDIC DIGIT THREE", "digits", "\u200e٣\u200e"),
        ("\u200c", "U+200C", "ZERO WIDTH NON-JOINER", "signs", "\u200c"),
        ("\x1b", "U+001B", "control character", "signs", "<U+001B>"),
        ("\u202e", "U+202E", "RIGHT-TO-LEFT OVERRIDE", "signs", "<U+202E>"),
        ("\ue000", "U+E000", "private use", "signs", "<U+E000>"),
        ("😀", "U+1F600", "GRINNING FACE", "signs", "😀"),
    ],
)
def test_characters(character: str, code: str, name: str, kind: str, shown: str) -> None:
    assert (code_point(character), character_name(character)) == (code, name)
    assert (script(character), readable(character)) == (kind, shown)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_shown_moves_no_cursor(text: str) -> None:
    shown = readable(text)
    assert not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in shown)
    assert all(
        character in "\u200e\u200c\u200d" for character in shown if unicodedata.category(character) == "Cf"
    )
    assert readable("e\u0301 \u0301") == "e\u0301 \u25cc\u0301"
