"""What `earwright evaluate --keyterms` measures beside the error rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from earwright.decoding import BeamDecoder, Decoder
    from earwright.evaluation.keyterms import KeytermCurve
    from earwright.evaluation.score import Evaluation
    from earwright.recognizer import Recognizer


def other_decoders(recognizer: Recognizer, boosts: Sequence[float] | None) -> dict[float, Decoder]:
    """Boost -> the recognizer's search with it, for all but the boost in use; 0 is among them."""
    from earwright.evaluation.keyterms import BOOSTS, boost_decoders

    decoder = cast("BeamDecoder", recognizer.decoder)
    found = boost_decoders(decoder, BOOSTS if boosts is None else boosts)
    found.pop((decoder.options or decoder.search.options).keyterm_boost)
    return found


def measure_keyterms(
    recognizer: Recognizer, path: str, evaluation: Evaluation, others: Mapping[float, Evaluation]
) -> KeytermCurve:
    """What the terms of a file do, from the evaluations with the boost in use and with the others."""
    from earwright.decoding import read_keyterms
    from earwright.evaluation.keyterms import keyterm_curve

    decoder = cast("BeamDecoder", recognizer.decoder)
    boost = (decoder.options or decoder.search.options).keyterm_boost
    terms = [term.text for term in read_keyterms(path)]
    return keyterm_curve({**others, boost: evaluation}, terms, boost)
