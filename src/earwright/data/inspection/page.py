"""The figures of prepared data and the clips to listen to as one HTML page.

It asks nobody for anything: no scripts, no fonts, no addresses; pictures and sound lie in the page. Texts,
names and paths are whatever the data says, so all of them are escaped, and each has a direction of its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from earwright import __version__
from earwright.data.inspection.charts import histogram
from earwright.data.inspection.figures import (
    AUDIO_QUANTITIES,
    QUANTITIES,
    TEXT_QUANTITIES,
    Distribution,
    Figures,
    Quantity,
    Share,
)
from earwright.data.inspection.inspect import Inspection
from earwright.data.inspection.listening import EXCERPT, Clip, Measured
from earwright.data.inspection.odd_characters import Character
from earwright.data.preparation.checks import REASONS
from earwright.data.preparation.measure import Measures
from earwright.pages.clips import player
from earwright.pages.document import Section, build_document
from earwright.pages.markup import LONGEST_NAME, escape, full_name, make_table, make_totals, short_name
from earwright.pages.numbers import hours
from earwright.pages.spectrogram import spectrogram
from earwright.pages.svg import share_bar
from earwright.text.visible import visible

LONGEST_TEXT = 1000  # characters of a clip's text
SCROLLED_TEXT = 300  # from here on it may need scrolling, which the keyboard must reach
ODD_SHOWN = 200  # characters with a row of their own
LETTERS_SHOWN = 120
LETTERS_KEPT = 3000  # Chinese has some thousands
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def build_page(inspection: Inspection, excerpts: Mapping[Clip, Measured]) -> str:
    """The page.

    Args:
        inspection: what to show.
        excerpts: of each of its clips.
    """
    figures, rejected = inspection.figures, inspection.rejected
    numbers = {clip.id: number for number, clip in enumerate(inspection.clips, 1)}
    sections = (
        Section("figures", "In figures", _overview(figures)),
        Section("texts", "Durations and pace", _quantities(figures, TEXT_QUANTITIES, numbers)),
        Section("speakers", "Speakers", _speakers(figures)),
        Section("columns", "Languages and other columns", _columns(figures)),
        Section("characters", "Characters", _characters(figures)),
        Section("audio", "Audio", _audio(figures, numbers)),
        Section("listen", "Listen", _listen(inspection.clips, excerpts)),
        Section("warnings", "Warnings", _reasons("warnings", figures.warned, inspection.warned, excerpts)),
        Section("rejected", "Rejected", _reasons("rejected", figures.rejected, rejected, excerpts)),
    )
    made = f"{full_name(figures.format)} from {full_name(figures.source)}" if figures.source else "Cuts"
    return build_document(
        f"{figures.place}: what is in it",
        full_name(figures.place),
        f"{made}, looked into by earwright {__version__}.",
        sections,
        ["earwright.data.inspection"],
    )


def _overview(figures: Figures) -> str:
    totals = (
        ("time", hours(figures.hours)),
        ("cuts", f"{figures.cuts:,}"),
        ("speakers", f"{figures.speakers:,}" if figures.speakers else "not named"),
        ("recordings", f"{figures.recordings:,}"),
        ("words", f"{figures.words:,}"),
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in figures.notes())
    worth = f"<h3>Worth a look</h3>\n<ul>{notes}</ul>\n" if notes else ""
    return make_totals(totals) + worth


def _quantities(figures: Figures, quantities: Mapping[str, Quantity], numbers: Mapping[str, int]) -> str:
    """A chart of each, and then the cuts at their ends."""
    shown = {key: figures.distributions[key] for key in quantities if key in figures.distributions}
    charts = "\n".join(
        _limits(figures, key) if quantities[key].limits else _chart(key, values)
        for key, values in shown.items()
    )
    return f'<div class="grid">{charts}</div>\n{_ends(figures, quantities, numbers)}' if shown else ""


def _chart(key: str, values: Distribution) -> str:
    quantity = QUANTITIES[key]
    summary = _in_words(values, quantity)
    rows = [
        [f"{low:,g} to {high:,g}", f"{count:,}"]
        for low, high, count in zip(values.edges, values.edges[1:], values.counts, strict=False)
    ]
    rows = [[f"under {values.edges[0]:,g}", f"{values.below:,}"], *rows] if values.below else rows
    rows = [*rows, [f"over {values.edges[-1]:,g}", f"{values.above:,}"]] if values.above else rows
    table = make_table(f"{quantity.title} of {values.count:,} cuts", (f" {quantity.unit}", " cuts"), rows)
    return (
        f"<figure><h3>{quantity.title}</h3>"
        f"{histogram(values, quantity, f'Histogram: {quantity.title}. {summary}')}"
        f"<figcaption><p>{quantity.meaning}</p><p>{summary}</p></figcaption>"
        f"<details><summary>{quantity.title} in numbers</summary>{table}</details></figure>"
    )


def _in_words(values: Distribution, quantity: Quantity) -> str:
    rank = {name: quantity.show(value) for name, value in values.percentiles.items()}
    if values.percentiles["0"] == values.percentiles["100"]:
        return f"All have {rank['50']}."
    return (
        f"Half have {rank['50']} or less (the dashed line); the lowest twentieth {rank['5']} or less, "
        f"the highest more than {rank['95']}; all lie between {rank['0']} and {rank['100']}."
    )


def _limits(figures: Figures, key: str) -> str:
    quantity = QUANTITIES[key]
    rows = [
        [f"over {limit} %", f"{count:,}", f"{count / max(figures.measured, 1):.1%}"]
        for limit, count in figures.over[key].items()
    ]
    table = make_table(f"{quantity.title}: measured cuts", (" share", " cuts", " of them all"), rows)
    return (
        f"<figure><h3>{quantity.title}</h3><figcaption><p>{quantity.meaning}</p></figcaption>{table}</figure>"
    )


def _ends(figures: Figures, quantities: Mapping[str, Quantity], numbers: Mapping[str, int]) -> str:
    rows = []
    for key, quantity in quantities.items():
        for end, name in (("lowest", quantity.lowest), ("highest", quantity.highest)):
            for entry in figures.ends[key][end]:
                cut = short_name(entry.id)
                if entry.id in numbers:
                    cut = f'<a href="#clip-{numbers[entry.id]}">{cut}</a>'
                text = f'<span dir="auto">{escape(entry.text, 80)}</span>'
                rows.append([name, quantity.show(entry.value), cut, short_name(entry.speaker), text])
    if not rows:
        return ""
    table = make_table(
        "The cuts at the ends; those that can be listened to below are links",
        ("what", " value", "cut", "speaker", "text"),
        rows,
    )
    return f"<details><summary>The cuts at the ends, {len(rows)} in all</summary>{table}</details>\n"


def _speakers(figures: Figures) -> str:
    if not figures.speakers:
        return "<p>No cut names its speaker.</p>\n"
    shares = [*figures.largest_speakers, *([figures.other_speakers] if figures.other_speakers else [])]
    without = figures.without_speaker
    note = f'<p class="note">{without:,} cuts name no speaker.</p>\n' if without else ""
    caption = f"{figures.speakers:,} speakers, those with most time first"
    return _shares(caption, "speaker", shares, figures.hours) + note


def _columns(figures: Figures) -> str:
    """A table of each column; those with one value for all cuts share a line."""
    tables, same = [], []
    for name, shares in figures.columns.items():
        if len(shares) == 1:
            same.append(f"{full_name(name)}: {full_name(shares[0].name)}")
        else:
            tables.append(f"<div>{_shares(name, 'value', shares, figures.hours)}</div>")
    long = ", ".join(full_name(name) for name in figures.long_columns)
    return (
        (f"<p>The same for all cuts: {'; '.join(same)}.</p>\n" if same else "")
        + (f'<div class="grid">{"".join(tables)}</div>\n' if tables else "")
        + (f'<p class="note">With too many values to show: {long}.</p>\n' if long else "")
    )


def _shares(caption: str, heading: str, shares: Sequence[Share], total: float) -> str:
    rows = [
        [
            short_name(share.name),
            hours(share.hours),
            f"{share.cuts:,}",
            f"{share.hours / total:.1%}" if total else "",
            share_bar(share.hours / total if total else 0.0),
        ]
        for share in shares
    ]
    return make_table(caption, (heading, " time", " cuts", " share", ""), rows)


def _characters(figures: Figures) -> str:
    odd = [entry for entry in figures.characters if entry.oddity]
    plain = [entry for entry in figures.characters if not entry.oddity]
    if not figures.characters:
        return "<p>No cut has a text.</p>\n"
    letters = [f"<li><b><bdi>{_glyph(entry)}</bdi></b>{entry.count:,}</li>" for entry in plain]
    rarer = letters[LETTERS_SHOWN:LETTERS_KEPT]
    more = (
        f"<details><summary>{len(rarer):,} rarer ones</summary>{_letters(rarer)}</details>\n" if rarer else ""
    )
    rows = [
        [
            f"<bdi>{_glyph(entry)}</bdi>",
            entry.code_point,
            html.escape(entry.name.lower()),
            entry.oddity,
            f"{entry.count:,}",
            short_name(entry.first),
        ]
        for entry in odd[:ODD_SHOWN]
    ]
    table = make_table(
        f"{len(odd):,} odd ones" + (f", {ODD_SHOWN} of them" if len(odd) > ODD_SHOWN else ""),
        ("character", "code point", "name", "why", " count", "first in cut"),
        rows,
    )
    return (
        f"<p>{len(figures.characters):,} different characters.</p>\n"
        + (_letters(letters[:LETTERS_SHOWN]) + more if letters else "")
        + (table if rows else "")
    )


def _letters(items: Sequence[str]) -> str:
    return f'<ul class="letters">{"".join(items)}</ul>\n'


def _glyph(entry: Character) -> str:
    """A character as it can be seen: marks on a circle, spaces by name."""
    if entry.character.isspace():
        return "space" if entry.character == " " else ""
    circle = "\u25cc" if entry.oddity == "combining mark" else ""
    return circle + escape(entry.character)


def _audio(figures: Figures, numbers: Mapping[str, int]) -> str:
    if not figures.sample:
        return "<p>No audio was measured.</p>\n"
    parts = [
        f"<p>Measured: {figures.measured:,} of {figures.cuts:,} cuts, spread over all; "
        "of each at most the first minute.</p>\n"
    ]
    if figures.unreadable:
        rows = [[full_name(entry[key]) for key in ("id", "problem", "path")] for entry in figures.unreadable]
        caption = f"{figures.sample - figures.measured:,} cuts that cannot be decoded"
        caption += f", the first {len(rows)}" if len(rows) < figures.sample - figures.measured else ""
        parts.append(make_table(caption, ("cut", "what is wrong", "file"), rows))
    parts.append(_quantities(figures, AUDIO_QUANTITIES, numbers))
    if figures.narrow_recordings:
        show = QUANTITIES["bandwidth"].show
        rows = [
            [full_name(entry.path), show(entry.bandwidth), f"{entry.cuts:,}"]
            for entry in figures.narrow_recordings
        ]
        caption = f"{figures.narrow_count:,} recordings with a narrower band than most"
        caption += f", the narrowest {len(rows)}" if len(rows) < figures.narrow_count else ""
        parts.append(make_table(caption, ("file", " bandwidth", " measured cuts"), rows))
    return "".join(parts)


def _listen(clips: Sequence[Clip], excerpts: Mapping[Clip, Measured]) -> str:
    at_ends = [(number, clip) for number, clip in enumerate(clips, 1) if clip.labels]
    others = [(number, clip) for number, clip in enumerate(clips, 1) if not clip.labels]
    parts = []
    for title, group in (("At the ends of what is measured", at_ends), ("Drawn over the speakers", others)):
        if group:
            cards = "\n".join(_card(f"clip-{number}", clip, excerpts[clip]) for number, clip in group)
            parts.append(f'<h3>{title}</h3>\n<div class="grid">{cards}</div>\n')
    return "".join(parts)


def _reasons(
    name: str,
    counts: Mapping[str, int],
    clips: Mapping[str, Sequence[Clip]],
    excerpts: Mapping[Clip, Measured],
) -> str:
    """How many rows each reason has, and some of them, reason by reason."""
    if not counts:
        return ""
    known = any(reason in REASONS for reason in counts)
    rows = [
        [full_name(reason), f"{count:,}", *([html.escape(REASONS.get(reason, ""))] if known else [])]
        for reason, count in counts.items()
    ]
    headings = ("reason", " rows", *(["meaning"] if known else []))
    table = make_table(f"{sum(counts.values()):,} rows by reason", headings, rows)
    shown = [(reason, clip) for reason, group in clips.items() for clip in group]
    cards = "\n".join(
        _card(f"{name}-{number}", clip, excerpts[clip], reason) for number, (reason, clip) in enumerate(shown)
    )
    heading = f"<h3>{len(shown):,} of them, a few of each reason</h3>\n" if shown else ""
    return f'{table}{heading}<div class="grid">{cards}</div>\n'


def _card(anchor: str, clip: Clip, measured: Measured, reason: str = "") -> str:
    name = clip.id or "without an id"
    parts = [f'<article aria-labelledby="{anchor}"><h4 id="{anchor}">{short_name(name)}</h4>']
    labels = [f"{reason}: {clip.detail}" if clip.detail else reason] if reason else clip.labels
    parts += [f'<p class="why" dir="auto">{escape(label, LONGEST_TEXT)}</p>' for label in labels]
    parts.append(f'<p class="facts">{_facts(clip, measured)}</p>')
    excerpt = measured.excerpt
    if excerpt.picture:
        label = f"Spectrogram of {visible(name, LONGEST_NAME)}, {excerpt.seconds:.1f} s"
        parts.append(spectrogram(excerpt.picture, excerpt.seconds, excerpt.sample_rate, label))
    parts.append(player(excerpt, name))
    if clip.text.strip():
        language = f' lang="{clip.language}"' if LANGUAGE_TAG.fullmatch(clip.language) else ""
        text = escape(clip.text, LONGEST_TEXT)
        focus = ' tabindex="0"' if len(clip.text) > SCROLLED_TEXT else ""
        if len(clip.text) > LONGEST_TEXT:
            text += f" <i>({len(clip.text):,} characters)</i>"
        parts.append(f'<p class="text" dir="auto"{language}{focus}>{text}</p>')
    else:
        parts.append('<p class="facts">No text.</p>')
    return "".join([*parts, "</article>"])


def _facts(clip: Clip, measured: Measured) -> str:
    facts, excerpt = [], measured.excerpt
    if clip.speaker:
        facts.append(f"speaker {short_name(clip.speaker)}")
    if clip.duration is not None:
        facts.append(f"{clip.duration:,.2f} s")
    if clip.duration is None and excerpt.seconds:
        facts.append("the beginning of its file" if excerpt.seconds >= EXCERPT else "all of its file")
    elif clip.duration is not None and clip.duration - excerpt.seconds > 0.1 and excerpt.seconds:
        facts.append(f"here the first {excerpt.seconds:g} s")
    if excerpt.sample_rate:
        facts.append(f"{excerpt.sample_rate:,} Hz")
    if measured.measures:
        facts += _measured(measured.measures)
    return "; ".join(facts)


def _measured(measures: Measures) -> Iterator[str]:
    shown = {
        "level": measures.level,
        "bandwidth": measures.bandwidth,
        "snr": measures.snr,
        "clipped": 100 * measures.clipped or None,
    }
    for key, value in shown.items():
        if value is not None:
            yield f"{QUANTITIES[key].title.lower()} {QUANTITIES[key].show(value)}"
