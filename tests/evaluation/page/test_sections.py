"""The page of an evaluation: well-formed, its figures those of the evaluation, nothing of the data markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.cuts import Cut
from earwright.decoding.words import LEAD
from earwright.errors import EarwrightError
from earwright.evaluation import record, score
from earwright.evaluation.page import Exhibition, build_evaluation_page, exhibit
from earwright.evaluation.page.sections import SPEAKERS_KEPT
from earwright.evaluation.run import Run, transcribe_cuts
from earwright.recognizer import Recognizer
from earwright.transcript import Segment, Transcript, Word
from page_checks import HOSTILE, StrictParser, check_page
from runtime_bundle import RATE, say

PAIRS = [
    ("hello you", "hello you"),
    ("yes", "no"),
    ("low road", "low road home"),
    ("a b c d e f", "a x c"),
    ("good morning", "good morning"),
]


@pytest.fixture(scope="module")
def recognizer(runtime_bundle: Path) -> Recognizer:
    return Recognizer.load(runtime_bundle, threads=1)


def cuts_in(folder: Path, pairs: list[tuple[str, str]] = PAIRS) -> list[Cut]:
    """Cuts in which the second of each pair is said, and the first is the text."""
    made = []
    for number, (text, said) in enumerate(pairs):
        samples = say(said)
        soundfile.write(folder / f"{number}.wav", samples, RATE, subtype="FLOAT")
        made.append(
            Cut(
                *(f"c{number}", str(folder / f"{number}.wav"), 0.0, len(samples) / RATE, RATE),
                text=text,
                speaker=f"s{number % 2}",
                gender="fm"[number % 2],
                recording_samples=len(samples),
            )
        )
    return made


def shown(recognizer: Recognizer, run: Run, clips: int = 20, normalizer: str = "basic") -> Exhibition:
    evaluation = run.score(normalizer)
    details = {"audio_seconds": run.audio_seconds, "decode_seconds": 2.0, "failed": len(run.failed)}
    result = record(evaluation, name="n", command="c", corpus="x", split="y", seed=1, **details)
    return exhibit(evaluation, result, recognizer, run, clips)


def test_the_figures_are_those_of_the_evaluation(recognizer: Recognizer, tmp_path: Path) -> None:
    run = transcribe_cuts(recognizer, cuts_in(tmp_path))
    exhibition = shown(recognizer, run)
    evaluation = exhibition.evaluation
    parser = check_page(build_evaluation_page(exhibition))
    text = parser.said()
    assert evaluation.words.errors == 6
    for name, counts in (("words (WER)", evaluation.words), ("characters (CER)", evaluation.characters)):
        low, high = evaluation.wer_interval if "WER" in name else evaluation.cer_interval
        rate = f"{name}{100 * counts.rate:.2f} %{100 * low:.2f} to {100 * high:.2f} %"
        figures = f"{counts.substitutions}{counts.deletions}{counts.insertions}{counts.reference}"
        assert rate + figures in text
    for told in (
        "Normalizer basic",
        "Search: greedy" if recognizer.meta.search else "",
        "4 of 5 utterances" if evaluation.wrong_utterances == 4 else "3 of 5 utterances have errors",
        "draws of speakers",
        "real-time factor",
        "5 utterances",
    ):
        assert told in text or told == "5 utterances"
    for said, heard, number in evaluation.confused():
        assert f"{said}{heard}{number}" in text
    groups = re.findall(r"s([01])[fm]", text)
    assert len(groups) >= 2


def test_utterances_are_shown_once_and_the_worst_first(recognizer: Recognizer, tmp_path: Path) -> None:
    run = transcribe_cuts(recognizer, cuts_in(tmp_path))
    exhibition = shown(recognizer, run)
    indices = [each.index for each in exhibition.exhibits]
    assert sorted(indices) == list(range(5))
    worst = [u.id for u in exhibition.evaluation.worst(3)]
    assert [each.utterance.id for each in exhibition.exhibits][: len(worst)] == worst
    parser = check_page(build_evaluation_page(exhibition))
    assert len(parser.all("audio")) == len(parser.all("image")) == len(parser.all("article")) == 5
    assert [each.why for each in shown(recognizer, run, 2).exhibits] == ["worst", "drawn"]
    assert shown(recognizer, run, 0).exhibits == ()
    with pytest.raises(EarwrightError, match="--clips 101 makes no sense; it is from 0 to 100"):
        shown(recognizer, run, 101)


def test_errors_are_marked_by_letters(recognizer: Recognizer, tmp_path: Path) -> None:
    page = build_evaluation_page(shown(recognizer, transcribe_cuts(recognizer, cuts_in(tmp_path))))
    for kind, letter, said, heard in (
        ("substitution", "S", "yes", "no"),
        ("insertion", "I", "–", "home"),
        ("deletion", "D", "f", "–"),
    ):
        item = (
            f'<li class="{kind}"><span>{said}</span><span>{heard}</span><b title="{kind}">{letter}</b></li>'
        )
        assert item in page
    assert "home (I): 1." in page.replace("<title>", "") or re.search(r"home \(I\): [\d.]+ to [\d.]+ s", page)


def hostile_run(folder: Path) -> Run:
    """Ids, speakers, texts, columns and transcripts that are full of markup."""
    texts = [text for text in HOSTILE if "\ud800" not in text]
    cuts, transcripts = [], []
    for number, cut in enumerate(cuts_in(folder, [("a", "a")] * (2 * len(texts)))):
        text = texts[number % len(texts)]
        other = texts[(number + 1) % len(texts)]
        cuts.append(
            replace(
                cut,
                **{
                    "id": f"{text}{number}",
                    "text": text,
                    "speaker": text,
                    "gender": text,
                    "custom": {text: text},
                },
            )
        )
        words = tuple(Word(word, 0.1 * n, 0.1 * n + 0.1, 0.99) for n, word in enumerate(other.split()))
        transcripts.append(Transcript(other, (Segment(other, 0.0, 1.0, words),), cut.duration))
    failed = ((replace(cuts[0], id=HOSTILE[0]), HOSTILE[1]),)
    return Run(tuple(cuts), tuple(transcripts), failed, 1.0, 1.0)


def test_what_the_data_says_is_text(recognizer: Recognizer, tmp_path: Path) -> None:
    exhibition = shown(recognizer, hostile_run(tmp_path), normalizer="raw")
    assert exhibition.meta is not None
    meta = replace(exhibition.meta, name=HOSTILE[0], training={HOSTILE[1]: HOSTILE[2], "x": [HOSTILE[0]]})
    result: dict[str, Any] = {
        **exhibition.result,
        "name": HOSTILE[1],
        "command": HOSTILE[0],
        "machine": HOSTILE[2],
    }
    result |= {"corpus": HOSTILE[0], "split": HOSTILE[2]}
    parser = check_page(build_evaluation_page(replace(exhibition, meta=meta, result=result)))
    text = "".join(parser.text)
    for said in HOSTILE[:3]:
        assert said in text
    for attributes in parser.all("li", "span", "bdi", "p", "b"):
        assert set(attributes) <= {"class", "dir", "title", "tabindex", "lang"}


def test_missing_audio_is_counted_and_the_page_made(recognizer: Recognizer, tmp_path: Path) -> None:
    cuts = cuts_in(tmp_path)
    gone = replace(cuts[0], id="gone", path=str(tmp_path / "none.wav"))
    run = transcribe_cuts(recognizer, [*cuts, gone])
    text = check_page(build_evaluation_page(shown(recognizer, run))).said()
    assert "Left out: 1 cuts that could not be read" in text and "there is no such file" in text
    # What is lost between scoring and drawing has no sound, and that is said.
    for cut in cuts:
        Path(cut.path).unlink()
    parser = check_page(build_evaluation_page(shown(recognizer, run)))
    assert parser.all("audio") == [] and len(parser.all("article")) == 5
    assert parser.said().count("No sound: there is no such file.") == 5


def test_transcripts_alone_make_a_page_too() -> None:
    evaluation = score(["a b", "c"], ["a x", ""], ids=["u1", "u2"])
    result = record(evaluation, name="n", command="c", corpus="x", split="y", seed=0)
    parser = check_page(build_evaluation_page(Exhibition(evaluation, result)))
    assert parser.all("audio") == [] and "66.67 %" in parser.said()
    nothing = score(["a b"], ["a b"])
    text = check_page(build_evaluation_page(Exhibition(nothing, result))).said()
    assert "No word is wrong." in text and "0.00 %" in text


def test_many_speakers_and_long_utterances_make_a_small_page(recognizer: Recognizer, tmp_path: Path) -> None:
    number = SPEAKERS_KEPT + 50
    (cut,) = cuts_in(tmp_path, [("a", "a")])
    long = " ".join(["wort" + "x" * 30] * 2000)
    cuts = [
        replace(cut, id=f"u{n}" * 40, speaker=f"s{n}" * 40, text=long if n < 3 else f"w{n}")
        for n in range(number)
    ]
    transcripts = [Transcript("b", (Segment("b", 0.0, 0.1, (Word("b", 0.0, 0.1, 0.5),)),), 1.0)] * number
    run = Run(tuple(cuts), tuple(transcripts), (), 1.0, 1.0)
    page = build_evaluation_page(shown(recognizer, run, 6))
    check_page(page)
    assert len(page) < 2_000_000
    assert f"{number:,} speakers, the highest error rate first; the first {SPEAKERS_KEPT}" in page


def test_the_page_is_the_same_every_time(recognizer: Recognizer, tmp_path: Path) -> None:
    run = transcribe_cuts(recognizer, cuts_in(tmp_path))
    first = shown(recognizer, run)
    assert build_evaluation_page(first) == build_evaluation_page(
        replace(first, exhibits=shown(recognizer, run).exhibits)
    )


def test_tokens_are_those_of_the_frames(recognizer: Recognizer, tmp_path: Path) -> None:
    (cut,) = cuts_in(tmp_path, [("low road", "low road")])
    (each,) = shown(recognizer, transcribe_cuts(recognizer, [cut])).exhibits
    assert "".join(token.text for token in each.tokens) == "low▁road"
    starts = np.array([token.start for token in each.tokens])
    # A tone lasts 60 ms and the gap after it 40 ms, after 0.3 s of silence.
    np.testing.assert_allclose(starts, 0.3 + 0.1 * np.arange(8), atol=0.021)
    words = [row for row in each.placed if row.pair.hypothesis]
    assert [row.start for row in words] == pytest.approx([0.3 - LEAD, 0.7 - LEAD], abs=0.021)
    texts = StrictParser(build_evaluation_page(shown(recognizer, transcribe_cuts(recognizer, [cut])))).said()
    assert "heardlowroad" in texts.replace(" ", "") or "low" in texts
