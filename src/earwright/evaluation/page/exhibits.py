"""The utterances that a page shows: the worst ones, words wrong with confidence, and some drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earwright.audio.segment import LONGEST
from earwright.bundle import BundleMeta
from earwright.cuts import Cut, read_cut_audio
from earwright.decoding import greedy_search
from earwright.errors import EarwrightError
from earwright.evaluation.confidence import Placed, place_pairs
from earwright.evaluation.keyterms import KeytermCurve
from earwright.evaluation.noise import Conditions
from earwright.evaluation.nothing import NothingReport
from earwright.evaluation.run import Run
from earwright.evaluation.score import Evaluation, Utterance
from earwright.pages.clips import BUDGET, MOST_CLIPS, Excerpt, make_excerpt, no_excerpt, read_excerpt
from earwright.recognizer import Recognizer
from earwright.transcript import Word

WORST, SURE, DRAWN = "worst", "sure", "drawn"  # why an utterance is shown
EXCERPT = LONGEST  # seconds: what the recognizer hears in one piece
COLUMNS_PER_SECOND = 100  # of a spectrogram


@dataclass(frozen=True)
class Exhibit:
    """An utterance to look at and to listen to.

    Attributes:
        index: of the utterance in its evaluation.
        why: "worst", "sure" or "drawn".
        utterance: as it was scored.
        cut: where it is from.
        placed: its alignment over time.
        excerpt: sound and picture.
        tokens: what the search found in the frames, at their times; empty where there are several pieces.
    """

    index: int
    why: str
    utterance: Utterance
    cut: Cut
    placed: tuple[Placed, ...]
    excerpt: Excerpt
    tokens: tuple[Word, ...]


@dataclass(frozen=True)
class Exhibition:
    """Everything that a page of an evaluation is made of.

    Attributes:
        evaluation: the figures.
        result: what `evaluation.record` made of it.
        meta: of the bundle; None where only transcripts were scored.
        run: with the cuts and transcripts; None likewise.
        placed: for each utterance its alignment over time; empty likewise.
        exhibits: the utterances to listen to.
        keyterms: what terms gain and cost, if the recognizer listened for some.
        conditions: what noise and rooms cost, if it was tried in them.
        nothing: what it heard where nobody speaks, if that was tried.
    """

    evaluation: Evaluation
    result: Mapping[str, Any]
    meta: BundleMeta | None = None
    run: Run | None = None
    placed: tuple[tuple[Placed, ...], ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    keyterms: KeytermCurve | None = None
    conditions: tuple[Conditions, ...] = ()
    nothing: NothingReport | None = None


def exhibit(
    evaluation: Evaluation,
    result: Mapping[str, Any],
    recognizer: Recognizer,
    run: Run,
    clips: int,
    seed: int = 0,
    on_clip: Callable[[], None] | None = None,
) -> Exhibition:
    """Choose utterances, and cut out, draw and encode each.

    Args:
        evaluation: of `run`.
        result: as a dictionary.
        recognizer: that made the transcripts.
        run: the transcripts.
        clips: how many utterances to show at most: half of them the worst, a quarter for words that are
            wrong though the recognizer was sure of them, the rest drawn from all others.
        seed: of that draw.
        on_clip: told of each utterance that is ready.

    Raises:
        EarwrightError: the number of clips makes no sense.
    """
    check_clips(clips)
    placed = tuple(
        place_pairs(utterance.pairs, transcript.words, evaluation.normalizer, transcript.duration)
        for utterance, transcript in zip(evaluation.scored, run.transcripts, strict=True)
    )
    exhibits = []
    for index, why in choose(evaluation, placed, clips, seed):
        cut = run.cuts[index]
        exhibits.append(
            Exhibit(
                index,
                why,
                evaluation.scored[index],
                cut,
                placed[index],
                _excerpt(cut, BUDGET // max(clips, 1)),
                frame_tokens(recognizer, cut),
            )
        )
        if on_clip is not None:
            on_clip()
    return Exhibition(evaluation, result, recognizer.meta, run, placed, tuple(exhibits))


def check_clips(clips: int) -> None:
    """Refuse a number of clips that no page holds.

    Raises:
        EarwrightError: it is one.
    """
    if not 0 <= clips <= MOST_CLIPS:
        raise EarwrightError(f"--clips {clips} makes no sense; it is from 0 to {MOST_CLIPS}.")


def choose(
    evaluation: Evaluation, placed: Sequence[Sequence[Placed]], clips: int, seed: int
) -> list[tuple[int, str]]:
    """Indices of utterances and why each is shown, none of them twice, group by group."""
    places = {id(utterance): index for index, utterance in enumerate(evaluation.scored)}
    chosen: dict[int, str] = {}
    for utterance in evaluation.worst(-(-clips // 2)):
        chosen[places[id(utterance)]] = WORST
    sure = (index for index, _ in sure_and_wrong(placed))
    _take(chosen, sure, clips // 4, SURE)
    others = list(range(len(evaluation.scored)))
    random.Random(seed).shuffle(others)
    _take(chosen, others, clips - len(chosen), DRAWN)
    return list(chosen.items())


def sure_and_wrong(placed: Iterable[Sequence[Placed]]) -> list[tuple[int, Placed]]:
    """The recognized words that are wrong, with the index of their utterance, the surest first."""
    wrong = [
        (index, each)
        for index, row in enumerate(placed)
        for each in row
        if each.confidence is not None and each.pair.operation != "correct"
    ]
    return sorted(wrong, key=lambda entry: -(entry[1].confidence or 0.0))


def frame_tokens(recognizer: Recognizer, cut: Cut) -> tuple[Word, ...]:
    """The tokens that greedy search finds in a cut's frames, with times in seconds and confidences.

    Empty where the cut cannot be read, or is longer than the recognizer hears in one piece.
    """
    if cut.duration > LONGEST:
        return ()
    try:
        samples = read_cut_audio(cut, recognizer.meta.sample_rate)
        found = greedy_search(recognizer.log_probs([samples])[0])
    except EarwrightError:
        return ()
    shift, tokens = recognizer.meta.frame_shift, recognizer.tokenizer.tokens
    return tuple(
        Word(tokens[token], start * shift, end * shift, confidence)
        for token, start, end, confidence in zip(
            found.tokens, found.start_frames, found.end_frames, found.confidences, strict=True
        )
    )


def _take(chosen: dict[int, str], indices: Iterable[int], count: int, why: str) -> None:
    """Put up to `count` indices that are not among the chosen to them."""
    fresh: Iterator[int] = (index for index in dict.fromkeys(indices) if index not in chosen)
    for index, _ in zip(fresh, range(count), strict=False):
        chosen[index] = why


def _excerpt(cut: Cut, limit: int) -> Excerpt:
    try:
        samples, rate = read_excerpt(cut.path, cut.start, cut.duration, cut.channels, EXCERPT)
    except EarwrightError as error:
        return no_excerpt(error, cut.path)
    columns = max(round(COLUMNS_PER_SECOND * len(samples) / rate), 1)
    return make_excerpt(samples, rate, limit, columns)
