"""The page of an evaluation, section by section.

It asks nobody for anything: no scripts, no fonts, no addresses; pictures and sound lie in the page. Texts,
names and paths are whatever the data says, so all of them are escaped, and each has a direction of its own.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from earwright import __version__
from earwright.evaluation.align import Counts
from earwright.evaluation.bootstrap import DRAWS, LEVEL
from earwright.evaluation.confidence import calibration_error, confidence_bins
from earwright.evaluation.groups import Group, by_column, by_speaker
from earwright.evaluation.page.cards import cards
from earwright.evaluation.page.charts import reliability
from earwright.evaluation.page.exhibits import Exhibition, sure_and_wrong
from earwright.evaluation.page.keyterms import keyterm_section
from earwright.evaluation.page.noise import conditions_section, nothing_section
from earwright.evaluation.score import Evaluation
from earwright.pages.document import Section, build_document
from earwright.pages.markup import (
    escape,
    full_name,
    make_details,
    make_facts,
    make_table,
    make_totals,
    short_name,
)
from earwright.pages.numbers import hours, percent
from earwright.pages.svg import share_bar

WORDS_SHOWN = 20  # rows of confused words
SPEAKERS_SHOWN = 20  # rows that are not folded away
SPEAKERS_KEPT = 500
SURE_SHOWN = 12
FAILED_SHOWN = 20
LONGEST_WORD = 60  # characters
COUNTS = (" WER", " S", " D", " I")


def build_evaluation_page(shown: Exhibition) -> str:
    """The page of an evaluation alone."""
    result = shown.result
    title = f"{result['name']} on {result['corpus']} {result['split']}"
    lead = f"Scored on {escape(result['date'])} by earwright {__version__}."
    sections = evaluation_sections(shown)
    return build_document(title, full_name(title), lead, sections, ["earwright.evaluation.page"])


def evaluation_sections(shown: Exhibition, prefix: str = "") -> list[Section]:
    """What a page says of an evaluation.

    Args:
        shown: what to show.
        prefix: put before the titles, where the page is about more than this.
    """
    evaluation = shown.evaluation
    sections = (
        ("rates", "Error rates", _rates(shown)),
        ("keyterms", "Key terms", keyterm_section(shown.keyterms) if shown.keyterms else ""),
        ("noise", "Noise and rooms", conditions_section(shown.conditions)),
        ("nothing", "Where nobody speaks", nothing_section(shown.nothing) if shown.nothing else ""),
        ("durations", "By duration", _durations(evaluation)),
        ("speakers", "By speaker", _speakers(shown)),
        ("columns", "By what else the data says", _columns(shown)),
        ("words", "Words", _words(evaluation)),
        ("confidence", "Confidence", _confidence(shown)),
        ("listen", "Listen", cards(shown.exhibits, evaluation.utterances)),
        ("scoring", "How this was scored", _scoring(shown)),
    )
    return [Section(name, prefix + title, content) for name, title, content in sections]


def _rates(shown: Exhibition) -> str:
    evaluation, result = shown.evaluation, shown.result
    low, high = evaluation.wer_interval
    seconds = result.get("audio_seconds")
    totals = [
        ("WER", percent(evaluation.wer)),
        (f"WER, {LEVEL:.0%} interval", f"{100 * low:.2f} to {100 * high:.2f} %"),
        ("CER", percent(evaluation.cer)),
        ("utterances", f"{evaluation.utterances:,}"),
        *([("speakers", f"{evaluation.speakers:,}")] if evaluation.speakers else []),
        *([("audio", hours(seconds / 3600))] if seconds else []),
    ]
    rows = [
        [name, percent(counts.rate), f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"]
        + [f"{n:,}" for n in (counts.substitutions, counts.deletions, counts.insertions, counts.reference)]
        for name, counts, interval in (
            ("words (WER)", evaluation.words, evaluation.wer_interval),
            ("characters (CER)", evaluation.characters, evaluation.cer_interval),
        )
    ]
    headings = ("", " rate", f" {LEVEL:.0%} interval", " substituted", " left out", " put in", " said")
    table = make_table("Errors", ("of", *headings[1:]), rows)
    return make_totals(totals) + table + _rate_notes(shown)


def _rate_notes(shown: Exhibition) -> str:
    evaluation, result = shown.evaluation, shown.result
    search = shown.meta.search.get("method") if shown.meta else None
    notes = [
        f"Normalizer {evaluation.normalizer}: both sides went through it before they were compared.",
        f"{evaluation.wrong_utterances:,} of {evaluation.utterances:,} utterances have errors.",
        f"The intervals are of {DRAWS:,} bootstrap draws of {evaluation.interval_unit}s.",
    ]
    if search:
        notes.insert(1, f"Search: {search}.")
    if evaluation.weights == "sclite":
        notes.append("Aligned with sclite's weights.")
    if result.get("without_text"):
        notes.append(f"Left out: {result['without_text']:,} cuts without a text.")
    if result.get("failed"):
        notes.append(f"Left out: {result['failed']:,} cuts that could not be read, which are named below.")
    return f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>\n"


def _durations(evaluation: Evaluation) -> str:
    groups = evaluation.by_duration()
    if not groups:
        return ""
    highest = max(group.words.rate for group in groups)
    rows = [
        [
            f"{group.low:g} to {group.high:g} s" if group.high else f"over {group.low:g} s",
            f"{group.utterances:,}",
            f"{group.words.reference:,}",
            *_counts(group.words),
            share_bar(group.words.rate / highest if highest else 0.0),
        ]
        for group in groups
    ]
    headings = (" duration", " utterances", " words", *COUNTS, "")
    return make_table("Errors by the length of the utterance", headings, rows)


def _speakers(shown: Exhibition) -> str:
    if shown.run is None:
        return ""
    groups = by_speaker(shown.evaluation.scored, shown.run.cuts)
    if not groups:
        return "<p>No cut names its speaker.</p>\n"
    columns = [
        name
        for name in groups[0].columns
        if all(name in group.columns for group in groups) and len({g.columns[name] for g in groups}) > 1
    ]
    kept = groups[:SPEAKERS_KEPT]
    highest = max(groups[0].words.rate, 1e-9)
    caption = f"{len(groups):,} speakers, the highest error rate first"
    if len(groups) > len(kept):
        caption += f"; the first {len(kept):,}"
    rest = kept[SPEAKERS_SHOWN:]
    content = _group_table(caption, "speaker", kept[:SPEAKERS_SHOWN], columns, highest)
    if rest:
        table = _group_table("The other speakers", "speaker", rest, columns, highest)
        content += make_details(f"{len(rest):,} more speakers", table)
    without = sum(not cut.speaker for cut in shown.run.cuts)
    return content + (f'<p class="note">{without:,} cuts name no speaker.</p>\n' if without else "")


def _columns(shown: Exhibition) -> str:
    if shown.run is None:
        return ""
    tables = [
        f"<div>{_group_table(name, 'value', groups, [], max(groups[0].words.rate, 1e-9))}</div>"
        for name, groups in by_column(shown.evaluation.scored, shown.run.cuts).items()
    ]
    return f'<div class="grid broad">{"".join(tables)}</div>\n' if tables else ""


def _group_table(
    caption: str, heading: str, groups: Sequence[Group], columns: Sequence[str], highest: float
) -> str:
    rows = [
        [
            short_name(group.name),
            *(short_name(group.columns[column]) for column in columns),
            hours(group.seconds / 3600),
            f"{group.utterances:,}",
            f"{group.words.reference:,}",
            *_counts(group.words),
            share_bar(group.words.rate / highest),
        ]
        for group in groups
    ]
    named = (heading, *map(full_name, columns), " time", " utterances", " words", *COUNTS, "")
    return make_table(caption, named, rows)


def _counts(counts: Counts) -> list[str]:
    figures = (counts.substitutions, counts.deletions, counts.insertions)
    return [percent(counts.rate), *(f"{figure:,}" for figure in figures)]


def _words(evaluation: Evaluation) -> str:
    if not evaluation.words.errors:
        return "<p>No word is wrong.</p>\n"
    tables = (
        (
            "Most often taken for another word",
            ("said", "recognized", " times"),
            [[_word(s), _word(r), f"{n:,}"] for s, r, n in evaluation.confused(WORDS_SHOWN)],
        ),
        (
            "Most often left out",
            ("said", " times"),
            [[_word(word), f"{n:,}"] for word, n in evaluation.deleted(WORDS_SHOWN)],
        ),
        (
            "Most often put in",
            ("recognized", " times"),
            [[_word(word), f"{n:,}"] for word, n in evaluation.inserted(WORDS_SHOWN)],
        ),
    )
    shown = "".join(
        f"<div>{make_table(caption, headings, rows)}</div>" for caption, headings, rows in tables if rows
    )
    return f'<div class="grid">{shown}</div>\n'


def _word(text: str) -> str:
    return f"<bdi>{escape(text, LONGEST_WORD)}</bdi>"


def _confidence(shown: Exhibition) -> str:
    bins = confidence_bins(each for row in shown.placed for each in row)
    words = sum(each.words for each in bins)
    if not words:
        return ""
    correct = sum(each.correct for each in bins) / words
    mean = sum(each.words * each.confidence for each in bins) / words
    summary = (
        f"Of {words:,} recognized words {correct:.1%} are correct, and the mean confidence is {mean:.2f}. "
        f"On average confidence and share of correct words are {100 * calibration_error(bins):.1f} points "
        "apart (expected calibration error). Words that were left out have no confidence."
    )
    rows = [
        (f"{b.low:g} to {b.high:g}", f"{b.words:,}", f"{b.accuracy:.1%}", f"{b.confidence:.3f}")
        for b in bins
        if b.words
    ]
    headings = (" confidence", " words", " correct", " mean confidence")
    table = make_table("Words by confidence", headings, rows)
    figure = (
        "<figure><h3>Is it right when it is sure?</h3>"
        f"{reliability(bins, f'Share of correct words by confidence. {summary}')}"
        f"<figcaption><p>The share of correct words at each confidence; on the dashed line both are equal. "
        f"Pale bars are of few words.</p><p>{summary}</p></figcaption>"
        f"{make_details('Words by confidence in numbers', table)}</figure>"
    )
    return f'<div class="grid wide">{figure}<div>{_sure(shown)}</div></div>\n'


def _sure(shown: Exhibition) -> str:
    """The wrong words that the recognizer was surest of."""
    anchors = {each.index: number for number, each in enumerate(shown.exhibits, 1)}
    rows = []
    for index, each in sure_and_wrong(shown.placed)[:SURE_SHOWN]:
        name = short_name(shown.evaluation.scored[index].id)
        if index in anchors:
            name = f'<a href="#clip-{anchors[index]}">{name}</a>'
        said = _word(each.pair.reference) if each.pair.reference else "<i>nothing</i>"
        rows.append([_word(each.pair.hypothesis), said, f"{each.confidence:.3f}", name])
    headings = ("recognized", "said", " confidence", "utterance")
    return make_table("Wrong, and most sure of it", headings, rows) if rows else ""


def _scoring(shown: Exhibition) -> str:
    result, meta = shown.result, shown.meta
    audio, took = result.get("audio_seconds"), result.get("decode_seconds")
    facts = [
        ("command", f"<code>{escape(result['command'])}</code>"),
        ("date", escape(str(result["date"]))),
        ("machine", escape(str(result["machine"]))),
        ("threads", escape(str(result.get("threads") or "")) or ("all physical cores" if took else "")),
        ("speed", _speed(audio, took) if audio and took else ""),
        ("bootstrap seed", str(shown.evaluation.seed)),
    ]
    if meta is not None:
        facts += [
            ("recognizer", full_name(meta.name)),
            ("parameters", f"{meta.parameters:,}" if meta.parameters else ""),
            ("languages", escape(", ".join(meta.languages))),
            ("tokens", escape(f"{meta.tokenizer}, normalizer {meta.normalizer}")),
            ("made with", escape(meta.created_with)),
        ]
        facts += [(escape(key.replace("_", " ")), plain(value)) for key, value in meta.training.items()]
    return make_facts(facts) + _failed(shown)


def _speed(audio: float, took: float) -> str:
    return (
        f"{audio:,.0f} s of audio in {took:,.1f} s, reading included: real-time factor {took / audio:.3f}, "
        f"{audio / took:,.0f} times faster than speech"
    )


def plain(value: Any) -> str:
    """A value of a description as HTML."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        return f"<bdi>{escape(text, 1000)}</bdi>"
    return html.escape(f"{value:,}" if isinstance(value, int) else f"{value:,g}")


def _failed(shown: Exhibition) -> str:
    failed = shown.run.failed if shown.run else ()
    if not failed:
        return ""
    first = failed[:FAILED_SHOWN]
    rows = [[short_name(cut.id), f"<bdi>{escape(reason, 500)}</bdi>"] for cut, reason in first]
    more = f", the first {len(rows)}" if len(rows) < len(failed) else ""
    return make_table(f"{len(failed):,} cuts that could not be read{more}", ("cut", "what is wrong"), rows)
