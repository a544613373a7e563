"""The bundle that a run starts from: is it fit for the recipe, and its weights in the recipe's model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from earwright.bundle import Bundle
from earwright.errors import EarwrightError, first_line
from earwright.models import ReferenceOptions
from earwright.text import Tokenizer, load_tokenizer
from earwright.training.finetuning.over_bundle import bundle_table, find_bundle
from earwright.training.finetuning.vocabulary import TokenMap, transplant
from earwright.training.recipe import Recipe, recipe_from_dict

WEIGHTS = "weights.safetensors"
NAMED = 3  # keys that a sentence about differences names

# What the same weights can be trained under: noise while training, losses on the way, how far a frame sees.
FREE = {"dropout", "stochastic_depth", "intermediate_weight", "context", "chunk_seconds", "left_seconds"}
FREE |= {"vq_weight", "vq_weight_end", "vq_steps", "quantizer"}  # which has options of its own:
FREE_OF_QUANTIZER = {"commitment", "decay", "start", "revive", "dropout"}


@dataclass(frozen=True)
class Start:
    """A bundle to start from.

    Attributes:
        bundle: itself.
        recipe: what made it.
        tokenizer: its vocabulary.
    """

    bundle: Bundle
    recipe: Recipe
    tokenizer: Tokenizer

    @classmethod
    def open(cls, recipe: Recipe) -> Start:
        """Open the bundle that a recipe starts from, and see that it fits.

        Raises:
            EarwrightError: it is no bundle, has no weights, or made by a recipe with another sample rate,
                other features or another model.
        """
        bundle = Bundle.open(find_bundle(recipe.finetune.init))
        if WEIGHTS not in bundle.files:
            raise EarwrightError(
                f"{bundle.path}: the bundle was written without its weights (--no-weights), and fine-tuning "
                f"starts from them; take one that has {WEIGHTS}."
            )
        made_by = recipe_from_dict(bundle_table(bundle), f"{bundle.path}/recipe.toml")
        names = [name for name in ("tokens.txt", "tokenizer.model") if name in bundle.files]
        start = cls(bundle, made_by, load_tokenizer({name: bundle.read(name) for name in names}))
        start._check(recipe)
        return start

    @property
    def digest(self) -> str:
        """The checksum of the weights: what tells them from those of another bundle of the same name."""
        return self.bundle.files[WEIGHTS].sha256

    def _check(self, recipe: Recipe) -> None:
        old_rate, rate = self.recipe.features.sample_rate, recipe.features.sample_rate
        if old_rate != rate:
            raise EarwrightError(
                f"{self.bundle.path} hears {old_rate} Hz and the recipe asks for {rate}; leave "
                "features.sample_rate out (recordings of any rate are resampled), or train from scratch."
            )
        free = FREE if getattr(recipe.model, "self_conditioning", False) else FREE | {"intermediate_ctc"}
        old, new = self.recipe.model, recipe.model
        differing = [
            *_differences("features", self.recipe.features, recipe.features),
            *_differences("model", old, new, free),
        ]
        if isinstance(old, ReferenceOptions) and isinstance(new, ReferenceOptions):
            differing += _differences("model.quantizer", old.quantizer, new.quantizer, FREE_OF_QUANTIZER)
        if differing:
            raise EarwrightError(
                f"the weights of {self.bundle.path} do not fit this recipe: {'; '.join(differing[:NAMED])}; "
                "leave these keys out, and the bundle's own values hold."
            )

    def load(self, model: nn.Module, normalization: nn.Module, tokenizer: Tokenizer, seed: int) -> TokenMap:
        """Put the bundle's weights into a model.

        Args:
            model: with the vocabulary of `tokenizer`.
            normalization: gets the bundle's mean and deviation. It belongs to the weights: they have only
                ever seen features that went through it, and new speech that is louder or duller is to
                reach them as it would reach the recognizer.
            tokenizer: the vocabulary to train with.
            seed: of the rows of new tokens.

        Returns:
            Which token took which row.

        Raises:
            EarwrightError: the weights are damaged, or not those of the bundle's recipe.
        """
        tokens = TokenMap.of(self.tokenizer.tokens, tokenizer.tokens)
        try:
            tensors = safetensors.torch.load(self.bundle.read(WEIGHTS))
            model.load_state_dict(transplant(_part(tensors, "model"), tokens, seed))
            normalization.load_state_dict(_part(tensors, "normalization"))
        except (SafetensorError, RuntimeError, IndexError) as error:
            raise EarwrightError(
                f"{self.bundle.path}: {WEIGHTS} does not hold the weights of the model in its recipe.toml "
                f"({first_line(error)}); make the bundle again."
            ) from error
        return tokens

    def describe(self, recipe: Recipe) -> str:
        """In a sentence: what is taken over, and how fast and how long it is trained further."""
        training = recipe.training
        length = (
            f"{training.epochs:g} epochs"
            if training.epochs
            else f"{training.steps} steps" if training.steps else training.max_time
        )  # fmt: skip
        mean = "mean and deviation of the features" if recipe.finetune.normalization == "bundle" else ""
        taken = ", ".join(filter(None, ("model", "features", mean, f"normalizer {recipe.text.normalizer}")))
        return (
            f"starting from {self.bundle.meta.name} ({self.bundle.meta.parameters / 1e6:.1f} M parameters): "
            f"its {taken}; learning rate up to {training.learning_rate:g} for {length or 'no length yet'}"
        )

    def advise(self, recipe: Recipe) -> str:
        """What could be named and is not, so that old speech is not forgotten unseen; "" if nothing."""
        finetune, data = recipe.finetune, self.recipe.data
        hints = [
            f"{key} (the bundle was {done} {', '.join(paths)})"
            for key, given, done, paths in (
                ("finetune.old_dev", finetune.old_dev, "watched on", data.dev),
                ("finetune.replay", finetune.replay, "trained on", data.train),
            )
            if not given and paths
        ]
        if not hints:
            return ""
        watched = "" if finetune.old_dev else "what is forgotten is not measured; "
        return f"{watched}old speech can be named in {' and '.join(hints)}"


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{prefix}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}.")
    }


def _differences(table: str, old: Any, new: Any, free: Iterable[str] = ()) -> list[str]:
    """ "model.dim is 256 in the bundle, 144 in the recipe", for each option that differs."""
    keys = [field.name for field in dataclasses.fields(old) if field.name not in free]
    keys = keys if type(old) is type(new) else ["kind"]
    return [
        f"{table}.{key} is {_shown(a)} in the bundle, {_shown(b)} in the recipe"
        for key in keys
        if (a := getattr(old, key)) != (b := getattr(new, key))
    ]


def _shown(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
