"""What a recipe depends on, counted from cuts and beside a count by hand."""

from __future__ import annotations

import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.cuts import Cut
from earwright.errors import EarwrightError
from earwright.training.proposal.survey import survey_cuts


def cut(number: int, text: str, seconds: float = 2.0, **more: object) -> Cut:
    values = {"sample_rate": 16000, "language": "en", "speaker": f"s{number % 3}"} | more
    return Cut(f"cut-{number}", "a.wav", 0.0, seconds, text=text, **values)  # type: ignore[arg-type]


texts = st.lists(
    st.tuples(st.text("abc d1", max_size=12), st.floats(0.5, 60.0), st.sampled_from(["en", "de", None])),
    min_size=1,
    max_size=20,
)


@given(texts)
def test_counts_by_hand(found: list[tuple[str, float, str | None]]) -> None:
    cuts = [cut(n, text, seconds, language=code) for n, (text, seconds, code) in enumerate(found)]
    said = [(" ".join(text.split()), seconds, code) for text, seconds, code in found if text.strip()]
    if not said:
        with pytest.raises(EarwrightError, match=f"none of its {len(cuts)} cuts has a text"):
            survey_cuts(cuts, "basic", "x")
        return
    facts = survey_cuts(cuts, "basic", "x")
    assert (facts.utterances, facts.without_text) == (len(said), len(found) - len(said))
    assert facts.hours == pytest.approx(sum(seconds for _, seconds, _ in said) / 3600)
    assert facts.median == statistics.median_high([seconds for _, seconds, _ in said])
    assert facts.longest == max(seconds for _, seconds, _ in said)
    assert facts.long_hours == pytest.approx(sum(s for _, s, _ in said if s > 30.0) / 3600)
    assert facts.with_digits == sum("1" in text for text, _, _ in said)
    counts = Counter(character for text, _, _ in said for character in text if character != " ")
    assert facts.characters == len(counts)
    for least, (characters, utterances) in facts.lost.items():
        rare = {character for character, count in counts.items() if count < least}
        assert characters == len(rare)
        assert utterances == sum(bool(rare & set(text)) for text, _, _ in said)
    assert facts.languages == pytest.approx(
        {
            code: sum(s for _, s, other in said if (other or "") == code) / 3600
            for code in {other or "" for _, _, other in said}
        }
    )


def test_speakers_rates_and_progress() -> None:
    cuts = [cut(n, "a b", sample_rate=8000 if n % 4 else 16000, speaker=f"s{n % 7}") for n in range(2500)]
    told: list[int] = []
    facts = survey_cuts(iter(cuts), "basic", "x", told.append)
    assert facts.speakers == 7 and told == [1000, 2000]
    assert list(facts.rates) == [8000, 16000] and sum(facts.rates.values()) == pytest.approx(facts.hours)
    assert survey_cuts([cut(1, "a", speaker=None)], "basic", "x").speakers == 0


def test_nothing_to_learn_from() -> None:
    with pytest.raises(EarwrightError, match=r"data/x: there are no cuts in it; make them with"):
        survey_cuts([], "basic", "data/x")
