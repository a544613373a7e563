"""Sentences scored by a causal language model of any kind that `transformers` knows, from this disk alone."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from earwright.errors import EarwrightError, first_line

_LN10 = math.log(10.0)


class CausalScorer:
    """A causal language model on this disk, run by `transformers` (an extra: `earwright[rescore]`).

    Args:
        folder: of the model and its tokenizer, as `save_pretrained` writes them.

    Raises:
        EarwrightError: transformers is missing, or the folder has no such model.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if not os.path.isdir(folder):
            raise EarwrightError(f"{folder}: is no folder; models are read from this disk alone.")
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise EarwrightError("this needs transformers: pip install earwright[rescore].") from error
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
        except (OSError, ValueError) as error:
            raise EarwrightError(f"{folder}: is no causal language model ({first_line(error)}).") from error
        self.model.requires_grad_(False)

    def log10(self, texts: Sequence[str]) -> list[float]:
        """Of the texts, one after the other."""
        start = self.tokenizer.bos_token_id
        sums = []
        for text in texts:
            found = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = [*([] if start is None else [start]), *found]
            if len(ids) < 2:
                sums.append(0.0)
                continue
            weights = next(self.model.parameters())
            tokens = weights.new_tensor(ids).long()[None]
            log_probs = self.model(tokens).logits.log_softmax(-1)[0, :-1]
            sums.append(float(log_probs.gather(1, tokens[0, 1:, None]).sum()) / _LN10)
        return sums
