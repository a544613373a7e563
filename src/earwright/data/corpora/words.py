"""Words that are timed one by one, put together into utterances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from earwright.data.corpora.row import ReaderOptions
from earwright.data.corpora.timed import Flaw, Segment

PAUSE = 0.5  # seconds of silence that part utterances, where a user has not said how many


def join_words(words: Iterable[Segment | Flaw], options: ReaderOptions) -> Iterator[Segment | Flaw]:
    """Join the words of one speaker: a pause parts utterances, and so does what would make one too long.

    An utterance that grows too long is parted at the widest gap in its later half, as a cut within running
    speech would take a piece of a word with it.

    Args:
        words: in order of time.
        options: `pause` and `longest`, in seconds.

    Yields:
        Utterances, each at the place of its first word; `custom["confidence"]` is the mean of the words' own.
        Flaws are handed on, and part utterances: a word is missing there.
    """
    heard: list[Segment] = []
    pause = PAUSE if options.pause is None else options.pause
    for word in words:
        if isinstance(word, Flaw):
            if heard:
                yield _utterance(heard)
            heard = []
            yield word
            continue
        if heard and (word.start - heard[-1].end > pause or word.start < heard[-1].start):
            yield _utterance(heard)
            heard = []
        heard.append(word)
        while len(heard) > 1 and heard[-1].end - heard[0].start > options.longest:
            place = _widest_gap(heard)
            yield _utterance(heard[:place])
            heard = heard[place:]
    if heard:
        yield _utterance(heard)


def _widest_gap(words: list[Segment]) -> int:
    """The number of the word that the widest gap in the later half lies before; the last of equals."""
    places = range(max(1, len(words) // 2), len(words))
    return max(places, key=lambda place: (round(words[place].start - words[place - 1].end, 3), place))


def _utterance(words: list[Segment]) -> Segment:
    first = words[0]
    confidences = [word.custom["confidence"] for word in words if "confidence" in word.custom]
    custom = dict(first.custom)
    if confidences:
        custom["confidence"] = round(sum(map(float, confidences)) / len(confidences), 4)
    return Segment(
        where=first.where,
        start=first.start,
        end=max(word.end for word in words),
        text=" ".join(word.text for word in words),
        speaker=first.speaker,
        channel=first.channel,
        gender=first.gender,
        custom=custom,
    )
