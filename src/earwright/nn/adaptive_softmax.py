"""Words in and words out of one set of tables, in which rare words are short."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Channels of a cluster's words, as a share of those of the cluster before it.
NARROWING = 4
NARROWEST = 8
# The deviation of the frequent words' channels at the beginning, as in GPT-2.
INITIAL = 0.02


class AdaptiveVocabulary(nn.Module):
    """Embeddings and softmax over words in order of their frequency, the same tables for both.

    The most frequent words, the head, have all channels. Rare ones lie in clusters with fewer; each cluster
    is one more outcome of the head's softmax, and has a softmax of its own, which is computed where a word
    of it comes. So a vocabulary of tens of thousands costs about as much as its head.
    Source: Grave et al. 2017 (arXiv:1609.04309); shared tables: Baevski and Auli 2019 (arXiv:1809.10853).

    Args:
        size: V, words.
        dim: D, channels of the model.
        cutoffs: where clusters begin, rising; () makes it one plain softmax.
    """

    def __init__(self, size: int, dim: int, cutoffs: Sequence[int] = ()) -> None:
        super().__init__()
        self.ranges = list(pairwise([0, *cutoffs, size]))
        self.scale = dim**0.5
        dims = [max(NARROWEST, dim // NARROWING**i) if i else dim for i in range(len(self.ranges))]
        self.tables = nn.ParameterList(
            INITIAL * (dim / own) ** 0.5 * torch.randn(end - begin, own)
            for (begin, end), own in zip(self.ranges, dims, strict=True)
        )
        self.projections = nn.ParameterList(dim**-0.5 * torch.randn(dim, own) for own in dims[1:])
        self.clusters = nn.Parameter(INITIAL * torch.randn(len(dims) - 1, dim))
        self.biases = nn.ParameterList(
            torch.zeros(end - begin + (len(dims) - 1 if begin == 0 else 0)) for begin, end in self.ranges
        )

    @torch.no_grad()
    def start_from(self, counts: Tensor) -> None:
        """Begin with the words' frequencies: the first steps need not find them.

        Args:
            counts: (V,) of the training text; 0 where a word is never to be foretold, as <s>.
        """
        shares = counts.double() / counts.sum()
        of_clusters = torch.stack(
            [shares[begin:end].sum() for begin, end in self.ranges[1:]] or [shares[:0].sum()]
        )
        head = shares[: self.ranges[0][1]]
        if len(self.ranges) > 1:
            head = torch.cat((head, of_clusters))
        # A softmax gives e^-1000 to what was never there, and its gradient is 0 for good.
        self.biases[0].copy_(head.log().clamp(min=-1000.0))
        for number, (begin, end) in enumerate(self.ranges[1:], 1):
            self.biases[number].copy_((shares[begin:end] / of_clusters[number - 1]).log().clamp(min=-1000.0))

    def embed(self, words: Tensor) -> Tensor:
        """(B, T) -> (B, T, D)."""
        embedded: Tensor | None = None
        for number, ((begin, end), table) in enumerate(zip(self.ranges, self.tables, strict=True)):
            x = F.embedding((words - begin).clamp(0, end - begin - 1), table)
            if number:
                x = x @ self.projections[number - 1].T
            embedded = x if embedded is None else torch.where((words >= begin).unsqueeze(-1), x, embedded)
        assert embedded is not None
        scaled: Tensor = embedded * self.scale
        return scaled

    def losses(self, hidden: Tensor, words: Tensor) -> Tensor:
        """-ln P of the words that came.

        Args:
            hidden: (N, D).
            words: (N,).

        Returns:
            (N,) float32.
        """
        first = self.ranges[0][1]
        outcomes = words
        for number, (begin, end) in enumerate(self.ranges[1:]):
            outcomes = torch.where((words >= begin) & (words < end), first + number, outcomes)
        losses = F.cross_entropy(self._head(hidden).float(), outcomes, reduction="none")
        for number, (begin, end) in enumerate(self.ranges[1:], 1):
            places = ((words >= begin) & (words < end)).nonzero().squeeze(1)
            if len(places):
                tail = F.cross_entropy(
                    self._tail(number, hidden[places]).float(), words[places] - begin, reduction="none"
                )
                losses = losses.index_add(0, places, tail)
        return losses

    def log_probs(self, hidden: Tensor) -> Tensor:
        """ln P of every word: (B, T, D) -> (B, T, V)."""
        first = self.ranges[0][1]
        head = self._head(hidden).float().log_softmax(dim=-1)
        parts = [head[..., :first]]
        for number in range(1, len(self.ranges)):
            tail = self._tail(number, hidden).float().log_softmax(dim=-1)
            parts.append(tail + head[..., first + number - 1 : first + number])
        return torch.cat(parts, dim=-1)

    def _head(self, hidden: Tensor) -> Tensor:
        table = torch.cat((self.tables[0], self.clusters)) if len(self.ranges) > 1 else self.tables[0]
        return F.linear(hidden, table, self.biases[0])

    def _tail(self, number: int, hidden: Tensor) -> Tensor:
        return F.linear(hidden @ self.projections[number - 1], self.tables[number], self.biases[number])
