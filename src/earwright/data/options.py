"""The tables of a recipe that are about data: what to learn from, and how texts become tokens."""

from __future__ import annotations

from dataclasses import dataclass

from earwright.errors import EarwrightError


def check_options(table: str, *checks: tuple[bool, str]) -> None:
    """Raise the first message whose condition does not hold, with the table's name before it."""
    for fine, message in checks:
        if not fine:
            raise EarwrightError(f"[{table}] {message}.")


@dataclass(frozen=True)
class DataOptions:
    """What to train on and what to watch.

    Attributes:
        train: folders (or cut manifests) that `earwright prepare` wrote, or folders or addresses (https://,
            s3://, ...) of shards.
        weights: one for each of `train`: the share of its audio in every batch, to those of the others. An
            epoch is then one pass over the first, with so much of the others drawn anew. Without weights it
            is one pass over all.
        dev: the same, for the error rate while it runs; never trained on.
        dev_utterances: how many utterances of dev are used while it runs, spread over all of it.
        max_seconds: longer utterances are left out.
        cache: of prepared folders: "pcm" decodes every recording once into 16-bit samples on disk (115 MB an
            hour at 16 kHz) before the first step; "off" decodes at every use; "auto" takes "pcm" up to 50
            hours.
        workers: processes that load and cut batches while the model computes.
        open_shards: about so many shards are read at a time, and their utterances shuffled together.
        shard_cache_gb: gigabytes of shards from addresses that are kept on this disk.
    """

    train: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    dev: tuple[str, ...] = ()
    dev_utterances: int = 100
    max_seconds: float = 30.0
    cache: str = "auto"
    workers: int = 1
    open_shards: int = 8
    shard_cache_gb: float = 20.0

    def __post_init__(self) -> None:
        check_options(
            "data",
            (
                not self.weights or len(self.weights) == len(self.train),
                f"weights has {len(self.weights)} numbers and train {len(self.train)} sources: give one for "
                "each, or none",
            ),
            (
                all(0 < weight < float("inf") for weight in self.weights),
                "weights must be above 0; leave out of train what is not to be heard",
            ),
            (self.open_shards > 0, "open_shards must be above 0"),
            (self.shard_cache_gb > 0, "shard_cache_gb must be above 0"),
            (self.cache in ("auto", "pcm", "off"), f'cache "{self.cache}" is none of auto, pcm, off'),
            (self.max_seconds > 0, "max_seconds must be above 0"),
            (self.dev_utterances > 0, "dev_utterances must be above 0"),
            (self.workers >= 0, "workers must be 0 or more"),
        )


@dataclass(frozen=True)
class TextOptions:
    """How texts become tokens.

    Attributes:
        normalizer: applied to training texts, and to both sides when scoring: raw, basic or english.
        tokenizer: "char" or "bpe".
        vocab_size: pieces of the BPE tokenizer.
        min_count: characters seen less often are not learnt; texts with them are left out, and counted.
        languages: codes such as "en", written into the bundle.
    """

    normalizer: str = "basic"
    tokenizer: str = "char"
    vocab_size: int = 256
    min_count: int = 1
    languages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_options(
            "text",
            (
                self.normalizer in ("raw", "basic", "english"),
                f'normalizer "{self.normalizer}" is none of raw, basic, english',
            ),
            (self.tokenizer in ("char", "bpe"), f'tokenizer "{self.tokenizer}" is neither char nor bpe'),
            (self.vocab_size > 1, "vocab_size must be above 1"),
            (self.min_count > 0, "min_count must be above 0"),
        )
