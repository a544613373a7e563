"""Utterances to look at and to listen to: both texts word by word, and both over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from earwright.evaluation.confidence import Placed
from earwright.evaluation.page.exhibits import DRAWN, EXCERPT, SURE, WORST, Exhibit
from earwright.evaluation.page.timeline import LETTERS, timeline
from earwright.pages.clips import BUDGET, player
from earwright.pages.markup import LONGEST_NAME, escape, make_details, make_table, short_name
from earwright.text.visible import visible

TITLES = {
    WORST: "The worst, by errors times error rate",
    SURE: "Wrong where the recognizer was most sure",
    DRAWN: "Drawn from all the others",
}
LONG = 4.0  # seconds: the timelines of longer utterances need the width of the page
PAIRS_SHOWN = 300  # words of an utterance
LONGEST_WORD = 60  # characters
LONGEST_TEXT = 1000
KEY = (
    "<p>The upper line is what was said, the lower what was recognized: <b>S</b> one word taken for another, "
    "<b>D</b> a word left out (deleted), <b>I</b> a word put in (inserted). Lines over the spectrograms show "
    "where the recognized words begin and end, broken ones where they are wrong; under them the words stand "
    "at their times, then what was said where it differs, and then the tokens at the frames that they were "
    "found in.</p>\n"
)


def cards(exhibits: Sequence[Exhibit], utterances: int) -> str:
    """Utterances, group by group, and how many are left out.

    Args:
        exhibits: what to show.
        utterances: how many were scored.
    """
    numbered = list(enumerate(exhibits, 1))
    parts = [f"<p>{_shares(len(exhibits), utterances)}</p>\n", KEY] if exhibits else []
    for why, title in TITLES.items():
        group = [_card(number, each) for number, each in numbered if each.why == why]
        if group:
            parts.append(f'<h3>{title}</h3>\n<div class="grid cards">{"".join(group)}</div>\n')
    return "".join(parts)


def _shares(shown: int, utterances: int) -> str:
    """What of all utterances is on the page."""
    left_out = utterances - shown
    more = f"; the other {left_out:,} are left out (<code>--clips</code>)" if left_out else ""
    return (
        f"{shown:,} of {utterances:,} utterances, of each at most {EXCERPT:g} s, sound and pictures at most "
        f"{BUDGET / 1e6:g} MB in all{more}. What does not fit is said in its place."
    )


def _card(number: int, shown: Exhibit) -> str:
    utterance, excerpt = shown.utterance, shown.excerpt
    anchor = f"clip-{number}"
    wide = ' class="long"' if excerpt.seconds > LONG else ""
    parts = [
        f'<article{wide} aria-labelledby="{anchor}"><h4 id="{anchor}">{short_name(utterance.id)}</h4>'
        f'<p class="facts">{"; ".join(_facts(shown))}</p>'
    ]
    if excerpt.picture:
        name = visible(utterance.id, LONGEST_NAME)
        label = f"Spectrogram of {name}, {excerpt.seconds:.1f} s, with its words"
        drawing = timeline(excerpt, shown.placed, shown.tokens, label)
        parts.append(f'<div class="scroll" role="group" aria-label="Over time" tabindex="0">{drawing}</div>')
    parts.append(player(excerpt, utterance.id))
    parts.append(_pairs(shown))
    if shown.cut.text.strip() != utterance.reference:
        text = escape(shown.cut.text.strip(), LONGEST_TEXT)
        parts.append(f'<p class="facts">As it is written: <bdi>{text}</bdi></p>')
    parts.append(_in_numbers(shown.placed))
    return "".join([*parts, "</article>\n"])


def _facts(shown: Exhibit) -> Iterator[str]:
    utterance, cut = shown.utterance, shown.cut
    counts = utterance.words
    errors = f"{counts.errors} error{'' if counts.errors == 1 else 's'}"
    yield f"<b>{errors} in {counts.reference} word{'' if counts.reference == 1 else 's'}</b>"
    if cut.speaker:
        yield f"speaker {short_name(cut.speaker)}"
    yield f"{cut.duration:,.2f} s"
    if 0 < shown.excerpt.seconds < cut.duration - 0.1:
        yield f"here the first {shown.excerpt.seconds:g} s"
    sure = [each.confidence for each in shown.placed if each.confidence is not None]
    if sure:
        yield f"confidence {sum(sure) / len(sure):.2f}"


def _pairs(shown: Exhibit) -> str:
    """The words of both sides below each other."""
    pairs = shown.utterance.pairs
    items = []
    for pair in pairs[:PAIRS_SHOWN]:
        said, heard = (escape(word, LONGEST_WORD) for word in (pair.reference, pair.hypothesis))
        letter = LETTERS[pair.operation]
        kind = f' class="{pair.operation}"' if letter else ""
        mark = f'<b title="{pair.operation}">{letter}</b>' if letter else ""
        items.append(f"<li{kind}><span>{said or '–'}</span><span>{heard or '–'}</span>{mark}</li>")
    if not items:
        return '<p class="facts">Nothing was said, and nothing recognized.</p>'
    more = f'<p class="facts">and {len(pairs) - PAIRS_SHOWN:,} more</p>' if len(pairs) > PAIRS_SHOWN else ""
    return f'<ol class="pairs" dir="auto">{"".join(items)}</ol>{more}'


def _in_numbers(placed: Sequence[Placed]) -> str:
    rows = [
        [
            escape(each.pair.hypothesis, LONGEST_WORD) or "–",
            escape(each.pair.reference, LONGEST_WORD) or "–",
            each.pair.operation,
            f"{each.start:.2f}",
            f"{each.end:.2f}" if each.end > each.start else "",
            "" if each.confidence is None else f"{each.confidence:.3f}",
        ]
        for each in placed[:PAIRS_SHOWN]
    ]
    if not rows:
        return ""
    headings = ("recognized", "said", "is", " from s", " to s", " confidence")
    return make_details("Words in numbers", make_table("Words", headings, rows))
