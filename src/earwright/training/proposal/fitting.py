"""A recipe that fits what there is: speech, cores, time. Every value comes with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from earwright.training.log import duration
from earwright.training.proposal.explained import Line, table_of
from earwright.training.proposal.speed import Speed
from earwright.training.proposal.survey import LONG, DataFacts
from earwright.training.recipe import Recipe, recipe_from_dict

# What the kept results were reached with: 10.8 M parameters for 5.3 h, 3.6 M for 1.5 h.
PARAMETERS_PER_HOUR = 2.5e6
# By so many updates the run of the kept curve had turned from learning letters to learning words.
FEWEST_UPDATES = 3000
# Of the utterances, that min_count may cost, and that may be too long for their audio when played faster.
LITTLE = 0.005
# Looks at dev and checkpoints take the rest of a budget of time.
SHARE_FOR_STEPS = 0.96
PCM_PER_HOUR = 115e6  # bytes of decoded audio at 16 kHz
CACHED_HOURS = 50.0
DEV_UTTERANCES = 100


@dataclass(frozen=True)
class Size:
    """A model that is known to train, with what it was trained with; its recipe is recipes/NAME.toml."""

    name: str
    parameters: float
    model: dict[str, Any]
    batch_seconds: float
    learning_rate: float


def _shape(
    dim: int, layers: int, heads: int, half_rate: list[int], dropout: float, depth: float
) -> dict[str, Any]:
    return {
        "dim": dim,
        "layers": layers,
        "heads": heads,
        "half_rate": half_rate,
        "intermediate_ctc": [(layers + 1) // 2],
        "dropout": dropout,
        "stochastic_depth": depth,
    }


SIZES = (
    Size("conformer-3m", 3.0e6, _shape(144, 6, 4, [1, 5], 0.05, 0.0), 40.0, 2e-3),
    Size("conformer-10m", 10.8e6, _shape(256, 7, 4, [1, 6], 0.05, 0.0), 40.0, 1.5e-3),
    Size("conformer-30m", 30.9e6, _shape(384, 9, 6, [1, 8], 0.1, 0.1), 100.0, 1e-3),
    Size("conformer-100m", 103e6, _shape(512, 17, 8, [2, 15], 0.1, 0.1), 300.0, 8e-4),
)


@dataclass(frozen=True)
class Situation:
    """What a recipe has to fit.

    Attributes:
        facts: of the speech.
        train, dev: folders as the recipe names them; dev may be "".
        dev_utterances: that dev has.
        time: as it was given, "2h".
        seconds: the same.
        cores: of this machine.
        device: "cpu" or "cuda".
        name: of the recognizer.
        languages: as codes.
    """

    facts: DataFacts
    train: str
    dev: str
    dev_utterances: int
    time: str
    seconds: float
    cores: int
    device: str
    name: str
    languages: tuple[str, ...]


@dataclass(frozen=True)
class Fit:
    """A recipe with its reasons, and what is foreseen of a run of it here.

    Attributes:
        lines: the recipe.
        size: the model's.
        speed: of it, as measured here.
        updates: that the time allows.
        audio_hours: that they go through.
        epochs: that these are.
    """

    lines: tuple[Line, ...]
    size: Size
    speed: Speed
    updates: int
    audio_hours: float
    epochs: float

    @property
    def recipe(self) -> Recipe:
        """As it is loaded."""
        return recipe_from_dict(table_of(self.lines), "the new recipe")


def fit_recipe(situation: Situation, measure: Callable[[Recipe], Speed]) -> Fit:
    """Choose every value.

    The model is the largest that the hours of speech can feed and that gets enough updates in the time;
    sizes are measured from the smallest on, and no further than one that is too slow.

    Args:
        situation: to fit.
        measure: how fast a recipe's model learns here.
    """
    allowed = [s for s in SIZES if s.parameters <= PARAMETERS_PER_HOUR * situation.facts.hours] or [SIZES[0]]
    fits: list[Fit] = []
    for size in allowed:
        draft = _fit(situation, size, Speed(1.0, "fp32", 0))
        fits.append(_fit(situation, size, measure(draft.recipe)))
        if fits[-1].updates < FEWEST_UPDATES:
            break
    enough = [fit for fit in fits if fit.updates >= FEWEST_UPDATES]
    return (enough or fits[:1])[-1]


def _fit(situation: Situation, size: Size, speed: Speed) -> Fit:
    audio_hours = speed.audio_per_second * situation.seconds * SHARE_FOR_STEPS / 3600
    # A batch ends before the utterance that would overfill it: half of one stays empty.
    filled = max(situation.facts.median, size.batch_seconds - situation.facts.median / 2)
    updates = max(1, int(audio_hours * 3600 / filled))
    epochs = audio_hours / situation.facts.hours
    lines = (
        Line("", "name", situation.name, f"Of the recognizer: the run ends with {situation.name}.ear."),
        Line("", "seed", 1, "Of every random draw: another seed makes another run of the same kind."),
        *_data_lines(situation),
        *_text_lines(situation),
        *_feature_lines(situation.facts),
        *_augment_lines(situation.facts),
        *_model_lines(situation.facts, size),
        *_training_lines(situation, size, updates),
    )
    return Fit(lines, size, speed, updates, audio_hours, epochs)


def _data_lines(situation: Situation) -> list[Line]:
    facts = situation.facts
    speakers = f"{facts.speakers:,} speakers" if facts.speakers else "speakers not named"
    train = f"What it learns from: {facts.utterances:,} utterances, {facts.hours:.2f} h, {speakers}."
    dev = (
        f"What it is watched on: {situation.dev_utterances:,} utterances; never learnt from."
        if situation.dev
        else "There is no dev set yet, so nobody would see how well it does: make one of other speakers with "
        "earwright split, and name its folder here."
    )
    longer = f"; {facts.long_hours:.1f} h are, which earwright prepare cuts at their pauses where it can"
    disk = PCM_PER_HOUR * facts.hours / 1e9
    cache = (
        f"Decoded once, to {disk:.1f} GB in ~/.cache: decoding at every use takes as long as learning."
        if facts.hours <= CACHED_HOURS
        else f"Decoded at every use: all of it would take {disk:.0f} GB. With a GPU, see whether it waits."
    )
    workers = 1 if situation.device == "cpu" and situation.cores < 8 else 4
    return [
        Line("data", "train", [situation.train], train),
        Line("data", "dev", [situation.dev] if situation.dev else [], dev),
        Line(
            "data",
            "dev_utterances",
            min(DEV_UTTERANCES, situation.dev_utterances) or DEV_UTTERANCES,
            "So many of dev, spread over it, are transcribed at each look: more take longer and tell more.",
        ),
        Line(
            "data",
            "max_seconds",
            LONG,
            f"Longer utterances are left out{longer if facts.long_hours else ''}. The median here is "
            f"{facts.median:.1f} s; memory grows with the square of the longest.",
        ),
        Line("data", "cache", "pcm" if facts.hours <= CACHED_HOURS else "off", cache),
        Line(
            "data",
            "workers",
            workers,
            f"Processes that read ahead; the {situation.cores} cores are wanted for learning.",
        ),
    ]


def _text_lines(situation: Situation) -> list[Line]:
    facts = situation.facts
    digits = (
        f" {facts.with_digits:,} texts have digits, which stay digits: spell them out before, with "
        "earwright prepare --spell-numbers, if they are spoken in more than one way."
        if facts.with_digits
        else ""
    )
    count, (characters, utterances) = _min_count(facts)
    rare = f"Characters seen less often: {characters}; utterances with one of them, left out: {utterances:,}."
    return [
        Line("text", "normalizer", "basic", f"Lower case, no punctuation; accents stay.{digits}"),
        Line(
            "text",
            "tokenizer",
            "char",
            f"It writes letter by letter ({facts.characters} different ones): up to hundreds of hours, "
            "pieces of words are too rare to be learnt.",
        ),
        Line(
            "text",
            "min_count",
            count,
            rare if characters else "Every character is seen at least so often; all are learnt.",
        ),
        Line(
            "text",
            "languages",
            list(situation.languages),
            "Written into the recognizer." if situation.languages else "The data name none; say it here.",
        ),
    ]


def _min_count(facts: DataFacts) -> tuple[int, tuple[int, int]]:
    """The largest that costs next to nothing: characters seen once or twice are typing errors, mostly."""
    cheap = [n for n, (_, lost) in facts.lost.items() if lost <= LITTLE * facts.utterances]
    count = max(cheap, default=1)
    return count, facts.lost.get(count, (0, 0))


def _feature_lines(facts: DataFacts) -> list[Line]:
    narrow = sum(hours for rate, hours in facts.rates.items() if rate <= 8000)
    rate = 8000 if narrow > facts.hours / 2 else 16000
    largest = list(facts.rates.items())[:3]
    here = ", ".join(f"{hours:.1f} h at {kind / 1000:g} kHz" for kind, hours in largest)
    why = f"Hz of everything it hears; here: {here}."
    if rate == 8000:
        why += " Nothing above 4 kHz is in most of it, as on the telephone."
    return [Line("features", "sample_rate", rate, why)]


def _augment_lines(facts: DataFacts) -> list[Line]:
    lost = facts.too_long.get(1.1, 0) - facts.too_long.get(1.0, 0)
    quick = lost > LITTLE * facts.utterances
    speeds = [0.9, 1.0] if quick else [0.9, 1.0, 1.1]
    why = "Each utterance is played at one of these, so that few voices become more."
    if quick:
        why += f" Not faster: {lost:,} utterances would have more letters than CTC can write in their time."
    return [
        Line("augment", "speeds", speeds, why),
        Line(
            "augment",
            "start",
            0.15,
            "Share of the run before stretches of time and frequency are hidden: letters are found sooner "
            "when nothing is.",
        ),
    ]


def _model_lines(facts: DataFacts, size: Size) -> list[Line]:
    reasons = {
        "dim": f"Channels. With the layers: {size.parameters / 1e6:.1f} M parameters, for "
        f"{facts.hours:.1f} h of speech; as recipes/{size.name}.toml.",
        "layers": "Blocks, one upon the other.",
        "heads": "Of attention; dim must be divisible by twice their number.",
        "half_rate": "These blocks see every second frame: nearly twice as fast.",
        "intermediate_ctc": "After this block it must spell, too: fewer errors for a tenth of the time.",
        "dropout": "Share of channels that are dropped in training; raise it if dev gets worse at the end.",
        "stochastic_depth": "Chance that the last block is skipped in a step; small models need every block.",
    }
    return [Line("model", key, size.model[key], why) for key, why in reasons.items()]


def _training_lines(situation: Situation, size: Size, updates: int) -> list[Line]:
    long_run = updates >= FEWEST_UPDATES
    return [
        Line(
            "training",
            "max_time",
            situation.time,
            f"Turned into a number of steps when it begins: about {updates:,} here and now. It ends after "
            f"{duration(situation.seconds)}, with the learning rate down; twice the time is worth a try.",
        ),
        Line(
            "training",
            "batch_seconds",
            size.batch_seconds,
            'Seconds of audio in a step, padding included. "auto" tries a few and takes the quickest per '
            "second of audio; a few hours of speech need many small steps first.",
        ),
        Line("training", "learning_rate", size.learning_rate, "The highest; halve it if the loss jumps."),
        Line("training", "warmup", 0.05, "Share of the steps in which it rises; then it falls as a cosine."),
        Line(
            "training",
            "ema_decay",
            0.998 if long_run else 0.99,
            "How much of the running average of the weights stays at each step; that average is what is "
            "watched and kept.",
        ),
        Line("training", "precision", "auto", "bf16 or fp32, whichever is quicker on this machine."),
        Line("training", "keep", 3, "The weights of so many looks at dev are kept: those with least errors."),
        Line(
            "training",
            "export",
            "auto",
            "The recognizer gets the mean of those, the best of them, the last average or the last weights, "
            "whichever has the fewest errors on dev.",
        ),
    ]


def foreseen(fit: Fit, situation: Situation) -> Sequence[str]:
    """What a run of it takes here, in sentences."""
    cores = f"{situation.cores} cores" if situation.cores > 1 else "one core"
    where = cores if situation.device == "cpu" else "the GPU"
    return [
        f"Foreseen on {where}: {fit.speed.audio_per_second:.0f} seconds of audio a second in "
        f"{fit.speed.precision}, as measured just now with this model; so {duration(situation.seconds)} are "
        f"about {fit.updates:,} steps through {fit.audio_hours:.0f} h of audio, {fit.epochs:.1f} times the "
        f"{situation.facts.hours:.1f} h there are."
    ]
