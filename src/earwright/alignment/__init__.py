"""Recordings and their whole texts put side by side: when was each word said, and which was not?

recording.py  the log-probs of a recording of any length, frame by frame
text.py       the words of a text, as the recognizer spells them
anchors.py    words of the text that a first recognition has found for certain
words.py      the best way through what lies between, words that were not said and speech without words
              included (words_kernel.py, compiled)
align.py      all of it
formats.py    CTM, TextGrid, JSON, subtitles
"""

from earwright.alignment.align import AlignedWord, Extra, TextAlignment, align_recording
from earwright.alignment.formats import FORMATS, as_transcript, write_alignment
from earwright.alignment.text import TextWord, read_words, split_words

__all__ = [
    "FORMATS",
    "AlignedWord",
    "Extra",
    "TextAlignment",
    "TextWord",
    "align_recording",
    "as_transcript",
    "read_words",
    "split_words",
    "write_alignment",
]
