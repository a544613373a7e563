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
        "turn the {room} {device} {state}",
        "set {which} timer for {number} {unit}",
        "wake me at {number} in the {daytime}",
        "set the {room} heating to {degrees} degrees",
        "{action} the {music}",
        "{move} the {room} {opening}",
        "what is the weather {day}",
        "what time is it",
        "add {goods} to the shopping list",
        "add {goods} and {goods} to the shopping list",
        "call {person}",
        "call {digits}",
        "remind me to call {person} {day}",
        "make it {change}",
    ),
    "digits": (
        "{digit} {digit} {digit}",
        "{digit} {digit} {digit} {digit}",
        "{digit} {digit} {digit} {digit} {digit}",
        "{digit} {digit} {digit} {digit} {digit} {digit}",
    ),
    "digit": DIGITS,
    "number": (*DIGITS[2:], "ten", "eleven", "twelve", "fifteen", "twenty", "thirty", "forty five"),
    "degrees": ("eighteen", "nineteen", "twenty", "twenty one", "twenty two"),
    "unit": ("seconds", "minutes", "hours"),
    "state": ("on", "off"),
    "which": ("a", "the", "another"),
    "room": ("kitchen", "bedroom", "bathroom", "hall", "garden", "office", "living room"),
    "device": ("light", "lights", "lamp", "fan", "radio", "heater"),
    "opening": ("door", "window", "blinds", "curtains"),
    "move": ("open", "close", "lock", "check"),
    "action": ("play", "stop", "pause"),
    "music": ("music", "song", "news", "next song", "podcast"),
    "day": ("today", "tomorrow", "on monday", "on friday", "on sunday"),
    "daytime": ("morning", "afternoon", "evening"),
    "goods": ("milk", "bread", "coffee", "apples", "tea", "rice", "sugar", "cheese"),
    "person": ("mum", "dad", "anna", "peter", "maria", "the doctor", "the office"),
    "change": ("louder", "quieter", "brighter", "darker", "warmer", "colder"),
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
