"""Sentences for the demo: strings of digits, and what one says to a house."""

from __future__ import annotations

import re

import numpy as np

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# A grammar: {name} is replaced by one of the phrases of that name, again and again until none is left.
GRAMMAR: dict[str, tuple[str, ...]] = {
    "sentence": (
        "{digits}",
        "{digits}",
        "turn {state} the {room} {device}",
        "turn {state} the {room} {device}",
        "set a timer for {digit} minutes",
        "{action} the music",
        "{move} the {room} {opening}",
        "call {digits}",
    ),
    "digits": (
        "{digit} {digit} {digit}",
        "{digit} {digit} {digit} {digit}",
        "{digit} {digit} {digit} {digit} {digit}",
    ),
    "digit": DIGITS,
    "state": ("on", "off"),
    "room": ("kitchen", "bedroom", "garden"),
    "device": ("light", "radio", "heater"),
    "opening": ("door", "window"),
    "move": ("open", "close"),
    "action": ("play", "stop"),
}


def draw_sentences(count: int, seed: int) -> list[str]:
    """Draw sentences from the grammar.

    Args:
        count: how many; they may repeat.
        seed: the same seed draws the same sentences.
    """
    rng = np.random.default_rng(seed)

    def expand(match: re.Match[str]) -> str:
        phrases = GRAMMAR[match[1]]
        return phrases[int(rng.integers(len(phrases)))]

    sentences = []
    for _ in range(count):
        sentence = "{sentence}"
        while "{" in sentence:
            sentence = re.sub(r"\{(\w+)\}", expand, sentence)
        sentences.append(sentence)
    return sentences
