"""What is odd about a row beside all the others: its band, its pace, its characters, its twins.

Each check looks at the table of good rows (`rows.RowTable`) in one or two passes and leaves warnings in it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator

from rapidfuzz.distance import Levenshtein

from earwright.data.corpora.row import Row
from earwright.data.preparation.characters import writing_system
from earwright.data.preparation.rows import RowTable
from earwright.data.preparation.texts import SCRIPTS_OF_MANY

ENOUGH = 30  # rows without which nobody can say what is usual
NARROW = 0.8  # of the usual band; MP3s at 24 kbit/s among recordings up to 8 kHz reach 0.72, telephones 0.5
BIN = 0.02  # of the natural logarithm of characters a second
# Pace: so many deviations from the median of its script, and at least by this factor.
DEVIATIONS = 5.0
FACTOR = 2.0
WORDS_OF_A_SENTENCE = 4  # shorter texts ("yes", "two") are the same by nature
WORDS_TO_BE_NEAR = 6  # and shorter ones than this ("turn on the light") nearly the same by nature
NEIGHBOURS = 3  # looked at on each side in alphabetical order (Hernández and Stolfo 1995)
ALIKE = 0.9  # of the letters
LONGEST_COMPARED = 1000  # letters; no sentence is longer


class Usual:
    """Counts what is usual while the rows stream by."""

    def __init__(self) -> None:
        self.rates: dict[str, Counter[int]] = defaultdict(Counter)  # script -> bin of log rate -> rows
        self.bands: Counter[int] = Counter()  # bandwidth in steps of 50 Hz -> rows
        self.characters: dict[str, tuple[int, int]] = {}  # character -> rows it is in, the first of them

    def see(self, number: int, row: Row, bandwidth: float | None, main_script: str, rate: float) -> None:
        """Take in one good row."""
        if rate > 0:
            self.rates[main_script][math.floor(math.log(rate) / BIN)] += 1
        if bandwidth is not None:
            self.bands[int(bandwidth // 50)] += 1
        for character in set(row.text):
            rows, first = self.characters.get(character, (0, number))
            self.characters[character] = (rows + 1, first)


def check_corpus(table: RowTable, usual: Usual) -> None:
    """Leave a warning at every row that stands out."""
    check_band(table, usual)
    check_pace(table, usual)
    check_characters(table, usual)
    check_audio_twins(table)
    check_text_twins(table)
    table.db.commit()


def check_band(table: RowTable, usual: Usual) -> None:
    """Rows whose frequencies end well before those of most others."""
    if usual.bands.total() < ENOUGH:
        return
    common = 50.0 * _quantile(usual.bands, 0.5)
    rows = table.db.execute(
        "SELECT number, bandwidth, band_limit FROM good WHERE bandwidth < ?", (NARROW * common,)
    )
    for number, bandwidth, limit in rows:
        why = f", its file holds no more than {limit:.0f} Hz" if limit < NARROW * common else ""
        detail = f"it ends at {bandwidth:.0f} Hz, most others at {common:.0f} Hz{why}"
        table.warn(number, "narrow-band", detail)


def check_pace(table: RowTable, usual: Usual) -> None:
    """Rows with far more or far fewer characters a second than most of their script."""
    for name, rates in usual.rates.items():
        if rates.total() < ENOUGH:
            continue
        median = _quantile(rates, 0.5)
        spread = _quantile(_distances(rates, median), 0.5)
        # 1.4826: makes the median distance a standard deviation, were the rates normal.
        reach = max(DEVIATIONS * 1.4826 * spread * BIN, math.log(FACTOR))
        usual_rate = math.exp((median + 0.5) * BIN)
        rows = table.db.execute(
            "SELECT number, rate FROM good WHERE script = ? AND rate > 0 AND (rate < ? OR rate > ?)",
            (name, usual_rate * math.exp(-reach), usual_rate * math.exp(reach)),
        )
        for number, rate in rows:
            detail = f"{rate:.1f} characters a second; {usual_rate:.0f} are usual in {name} texts here"
            table.warn(number, "speaking-rate", detail)


def check_characters(table: RowTable, usual: Usual) -> None:
    """Characters that are in one text only, in scripts where a letter comes again and again."""
    for character, (rows, number) in usual.characters.items():
        if rows == 1 and table.count >= ENOUGH and writing_system(character) not in SCRIPTS_OF_MANY:
            shown = character if character.isprintable() else ""
            detail = f"{shown} (U+{ord(character):04X}) is in no other text"
            table.warn(number, "rare-character", detail.strip())


def check_audio_twins(table: RowTable) -> None:
    """Rows whose samples are those of an earlier row."""
    table.db.execute("CREATE INDEX IF NOT EXISTS by_fingerprint ON good (fingerprint)")
    rows = table.db.execute(
        """SELECT good.number, first.id, first.key = good.key FROM good JOIN
            (SELECT fingerprint, MIN(number) AS number FROM good WHERE fingerprint != 0
            GROUP BY fingerprint HAVING COUNT(*) > 1) AS twins
            ON good.fingerprint = twins.fingerprint AND good.number > twins.number
        JOIN good AS first ON first.number = twins.number"""
    )
    for number, identity, same_text in rows:
        other = "" if same_text else ", with another text: one of them is wrong"
        table.warn(number, "duplicate-audio", f"{identity.decode('utf-8', 'replace')} has it too{other}")


def check_text_twins(table: RowTable) -> None:
    """Sentences that a speaker says twice, and sentences that nearly equal another."""
    # By alphabet, and by that of the texts read backwards: what differs in one place is near in one of them.
    table.db.create_function("backwards", 1, lambda text: text[::-1], deterministic=True)
    for order in ("key", "backwards(key)"):
        window: list[tuple[int, str, str | None, str]] = []
        for entry in _sentences(table, order):
            for other in window:
                _compare(table, entry, other)
            window = [*window[-NEIGHBOURS + 1 :], entry]


def _sentences(table: RowTable, order: str) -> Iterator[tuple[int, str, str | None, str]]:
    """(number, id, speaker, key) of texts long enough to be told apart; the same key only twice a speaker."""
    cursor = table.db.cursor()
    cursor.execute(f"SELECT number, id, speaker, key FROM good ORDER BY {order}, speaker, number")
    for number, identity, speaker, text in cursor:
        if text.count(" ") + 1 >= WORDS_OF_A_SENTENCE and len(text) <= LONGEST_COMPARED:
            yield number, identity.decode("utf-8", "replace"), speaker, text


def _compare(
    table: RowTable, entry: tuple[int, str, str | None, str], other: tuple[int, str, str | None, str]
) -> None:
    (_, other_id, other_speaker, other_text), (number, _, speaker, text) = sorted(
        (entry, other), key=lambda one: one[0]
    )
    if text == other_text:
        # Prompts that many people read are no fault.
        if speaker == other_speaker:
            table.warn(number, "duplicate-text", f"{other_id} says the same")
    elif text.count(" ") + 1 < WORDS_TO_BE_NEAR:
        return
    elif Levenshtein.normalized_similarity(text, other_text, score_cutoff=ALIKE) >= ALIKE:
        table.warn(number, "near-duplicate-text", f"{other_id} differs from it by little")


def _quantile(counts: Counter[int], share: float) -> int:
    left = share * counts.total()
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return max(counts)


def _distances(rates: Counter[int], median: int) -> Counter[int]:
    distances: Counter[int] = Counter()
    for value, count in rates.items():
        distances[abs(value - median)] += count
    return distances
