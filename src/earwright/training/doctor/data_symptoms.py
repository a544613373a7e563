"""What is wrong with the data, before a step is taken: rules from figures to findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from earwright.training.doctor.finding import NOTE, Finding

Facts = Mapping[str, Any]

FEW = 10  # clips or texts of which nothing can be said
SILENT = 0.05  # of the clips; one in forty may be a fault of the recording
LEFT_OUT = 0.03  # of the utterances, for want of frames; demo and LibriSpeech lose 0.3 % and less
MUCH_LEFT_OUT = 0.2  # of the utterances, for whatever reason
# Letters a second: of twelve corpora the medians lie between 3 and 14, the quickest twentieth at 17.
FASTEST = 18.0
# Where texts differ in length, so does their audio: the ranks of letters and seconds correlate with 0.57 to
# 0.97 in eleven corpora of sentences, and with less than 0.12 once the texts are shuffled.
UNRELATED = 0.2
ENOUGH_FOR_FIT = 100  # utterances: then chance alone keeps within 0.2
SENTENCE = 10  # tokens: the lengths of single words say little about their duration
SPREAD = 0.2  # deviation over mean, of texts; 0.1 of audio, which may be padded
# Of the other's bandwidth: an MP3 at 24 kbit/s has 0.73 of a recording at 16 kHz, a telephone 0.45
BAND = 0.75
LEVEL = 12.0  # dB; corpora recorded with care differ by 9
PACE = 1.6  # times as many letters a second: sentences beside single words, or a set with long pauses
LENGTH = 1.2  # beyond the range in which nine of ten training utterances lie
UNKNOWN = 0.005  # of the letters
SURPRISE = 0.35  # nats a letter; English beside English has less than 0.2, German beside English 0.5 to 0.7
ENOUGH_FOR_LETTERS = 100  # training texts, from which pairs of letters are known
FAMILIAR = 0.3  # of the longer dev sentences


def check_data(facts: Facts, *, by_heart: bool = False) -> list[Finding]:
    """Every finding about the data.

    Args:
        facts: as `data_vitals.describe_data` made them, perhaps read back from a log.
        by_heart: dev is what is trained on, on purpose.
    """
    if not facts.get("train"):
        return []
    rules = TRAINING_RULES + (DEV_RULES if facts.get("dev") and not by_heart else ())
    return [finding for rule in rules if (finding := rule(facts))]


def silence(facts: Facts) -> Finding | None:
    """Recordings without speech in the training set."""
    return _silence(facts["train"], "silence", "training")


def dev_silence(facts: Facts) -> Finding | None:
    """The same in dev."""
    return _silence(facts["dev"], "dev-silence", "dev")


def _silence(side: Mapping[str, Any], name: str, which: str) -> Finding | None:
    clips, silent = side["clips"], side["silent"]
    if clips < FEW or silent < SILENT * clips:
        return None
    return Finding(
        name,
        f"{silent} of {clips} {which} recordings that were listened to hold no speech: nothing in them is "
        "louder than -56 dBFS.",
        "Listen to some of them (earwright inspect FOLDER --html page.html), and prepare the set again with "
        "the right channel and times.",
        weight=silent / clips,
        figures={"silent_share": silent / clips},
    )


def too_short_for_ctc(facts: Facts) -> Finding | None:
    """Utterances that were left out since their texts do not fit."""
    count, total = facts["too_little_audio"], facts["utterances"] + sum(facts["left_out"].values())
    if count < max(2, LEFT_OUT * total):
        return None
    return Finding(
        "too-short-for-ctc",
        f"{count:,} of {total:,} training utterances ({100 * count / total:.0f} %) were left out, since "
        f"their texts have more tokens than their audio has frames ({facts['frames_per_second']:g} a "
        f"second); the others have {facts['train']['pace']:.0f} letters a second, where 8 to 14 are usual.",
        "See whether the texts belong to these recordings and are there once; if they do and people speak "
        "fast, "
        'text.tokenizer = "bpe" needs fewer tokens.',
        weight=count / total,
        figures={"left_out_share": count / total, "letters_per_second": facts["train"]["pace"]},
    )


def much_left_out(facts: Facts) -> Finding | None:
    """A good part of the training set that is not trained on, for other reasons."""
    total = facts["utterances"] + sum(facts["left_out"].values())
    others = sum(facts["left_out"].values()) - facts["too_little_audio"]
    if others < MUCH_LEFT_OUT * total:
        return None
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in facts["left_out"].items())
    return Finding(
        "much-left-out",
        f"{others / total * 100:.0f} % of the training utterances are not trained on: {reasons}.",
        "Change data.max_seconds or text.min_count, or put the data right, if that is not what you want.",
        weight=others / total,
        figures={"left_out_share": others / total},
    )


def texts_too_long(facts: Facts) -> Finding | None:
    """More text than anybody says in the time, though CTC could write it."""
    pace = facts["train"]["pace"]
    if pace < FASTEST or too_short_for_ctc(facts):
        return None
    return Finding(
        "texts-too-long",
        f"The training texts have {pace:.0f} letters for each second of audio, where 8 to 14 are usual.",
        "See whether they belong to these recordings, are there once, and whether the audio is cut off.",
        weight=pace,
        figures={"letters_per_second": pace},
    )


def texts_shuffled(facts: Facts) -> Finding | None:
    """Texts whose lengths have nothing to do with the lengths of their recordings."""
    fit = facts["fit"]
    known = (
        fit["utterances"] >= ENOUGH_FOR_FIT
        and fit["tokens"] >= SENTENCE
        and fit["text_spread"] >= SPREAD
        and fit["audio_spread"] >= SPREAD / 2
    )
    if not known or fit["correlation"] >= UNRELATED:
        return None
    return Finding(
        "texts-shuffled",
        f"Long texts do not go with long recordings: over {fit['utterances']:,} training utterances the two "
        f"lengths correlate with {fit['correlation']:.2f}, where 0.6 to 1.0 are usual.",
        "The texts seem to belong to other recordings: compare some of them by ear, and see how the table of "
        "paths and texts was made.",
        figures={"correlation": fit["correlation"]},
    )


def dev_band(facts: Facts) -> Finding | None:
    """A dev set that ends at another frequency."""
    ours, theirs = facts["train"]["bandwidth"], facts["dev"]["bandwidth"]
    if ours is None or theirs is None or min(ours, theirs) >= BAND * max(ours, theirs):
        return None
    lower = "dev" if theirs < ours else "training"
    return Finding(
        "dev-band",
        "The dev set has another bandwidth than the training set: its recordings reach up to "
        f"{theirs / 1000:.1f} kHz, those of the training set to {ours / 1000:.1f} kHz.",
        f"The {lower} recordings seem to come from a telephone or a thrifty codec: watch a dev set of the "
        "kind that the recognizer is for, or give both the rate of the narrower one (features.sample_rate).",
        weight=max(ours, theirs) / min(ours, theirs),
        figures={"dev_hz": theirs, "train_hz": ours},
    )


def dev_level(facts: Facts) -> Finding | None:
    """A dev set that is much louder or quieter."""
    ours, theirs = facts["train"]["level"], facts["dev"]["level"]
    if ours is None or theirs is None or abs(theirs - ours) < LEVEL:
        return None
    return Finding(
        "dev-level",
        f"The dev set is {'louder' if theirs > ours else 'quieter'} than the training set: its speech is at "
        f"{theirs:.0f} dBFS, that of the training set at {ours:.0f} dBFS.",
        "Watch recordings made like those that the recognizer is for, or bring both to one level.",
        weight=abs(theirs - ours),
        figures={"dev_dbfs": theirs, "train_dbfs": ours},
    )


def dev_pace(facts: Facts) -> Finding | None:
    """A dev set spoken much faster or slower."""
    ours, theirs = facts["train"]["pace"], facts["dev"]["pace"]
    if not ours or not theirs or max(ours, theirs) < PACE * min(ours, theirs):
        return None
    return Finding(
        "dev-pace",
        f"The dev set has {theirs:.1f} letters a second, the training set {ours:.1f}.",
        "Either their people speak differently, or one of the two has long pauses or the wrong texts: listen "
        "to some of both.",
        weight=max(ours, theirs) / min(ours, theirs),
        figures={"dev_letters_per_second": theirs, "train_letters_per_second": ours},
    )


def dev_length(facts: Facts) -> Finding | None:
    """Utterances of dev that are longer or shorter than nearly all that are learnt from."""
    short, usual, long = facts["train"]["seconds"]
    theirs = facts["dev"]["seconds"][1]
    if short / LENGTH <= theirs <= long * LENGTH:
        return None
    return Finding(
        "dev-length",
        f"An utterance of dev has {theirs:.1f} s (median), one of the training set {usual:.1f} s, and nine "
        f"of ten have {short:.1f} to {long:.1f} s.",
        "A recognizer is bad at lengths that it never met: train on such lengths too, or watch others.",
        weight=max(theirs / long, short / max(theirs, 1e-3)),
        figures={"dev_seconds": theirs, "train_seconds": usual},
    )


def dev_writing(facts: Facts) -> Finding | None:
    """Letters in dev that the recognizer cannot write."""
    ours, theirs = facts["train"]["script"], facts["dev"]["script"]
    unknown = facts["dev_unknown"]
    if unknown["share"] < UNKNOWN:
        return None
    shown = " ".join(unknown["characters"])
    figures = {"unknown_share": unknown["share"], "utterance_share": unknown["texts"]}
    if ours and theirs and ours != theirs:
        return Finding(
            "dev-script",
            f"The dev texts are in {theirs} letters, the training texts in {ours} ones: "
            f"{100 * unknown['share']:.0f} % of the dev letters can never be written.",
            "Watch a dev set in the language that is trained on.",
            weight=unknown["share"],
            figures=figures,
        )
    return Finding(
        "dev-characters",
        f"{100 * unknown['share']:.1f} % of the letters in dev are in no training text and can never be "
        f"written ({shown}); {100 * unknown['texts']:.0f} % of its utterances have one.",
        "Write both sets by the same rules (text.normalizer), or train on texts that have these letters.",
        weight=unknown["share"],
        figures=figures,
    )


def dev_language(facts: Facts) -> Finding | None:
    """Dev texts that are spelled by another language's habits."""
    surprise = facts["surprise"]
    excess = surprise["dev"] - surprise["train"]
    if surprise["texts"] < ENOUGH_FOR_LETTERS or excess < SURPRISE or facts["dev_unknown"]["share"] > 0.5:
        return None
    return Finding(
        "dev-language",
        "The dev texts are of another kind than the training texts: judged by its pairs of letters, a "
        f"letter of theirs costs {surprise['dev']:.2f} nats, one of unseen training texts "
        f"{surprise['train']:.2f} (in one language the two differ by less than 0.2).",
        "It may be another language, or a few words of another field: watch what the recognizer is for.",
        weight=excess,
        figures={"dev_nats": surprise["dev"], "train_nats": surprise["train"]},
    )


def dev_in_training(facts: Facts) -> Finding | None:
    """A dev set that is trained on."""
    shared = facts["shared"]
    if shared["audio"]:
        return Finding(
            "dev-in-training",
            f"{shared['audio']} of {shared['of']} dev recordings that were compared are in the training set "
            "too, with the same text.",
            "The error rate on dev will be too good to be true: take them out (earwright prepare --against, "
            "or earwright split).",
            weight=shared["audio"] / shared["of"],
            figures={"audio_share": shared["audio"] / shared["of"]},
        )
    if shared["long_texts"] >= FEW and shared["text"] >= FAMILIAR * shared["long_texts"]:
        return Finding(
            "dev-sentences-known",
            f"{shared['text']} of {shared['long_texts']} dev sentences are said in the training set too.",
            "For a set of fixed commands that is as it should be; otherwise the error rate on dev flatters.",
            severity=NOTE,
            figures={"text_share": shared["text"] / shared["long_texts"]},
        )
    return None


Rule = Callable[[Facts], Finding | None]
TRAINING_RULES: tuple[Rule, ...] = (
    silence, too_short_for_ctc, texts_too_long, texts_shuffled, much_left_out,
)  # fmt: skip
DEV_RULES: tuple[Rule, ...] = (
    dev_silence, dev_in_training, dev_writing, dev_language, dev_band, dev_level, dev_pace, dev_length,
)  # fmt: skip
