"""Residual vector quantization: a stream of vectors as a few small numbers a frame.

The first codebook says roughly what a vector is, the second what the first has missed, and so on: K codebooks
of C codes say log2(C) bits each, and any number of the first ones is a coarser version of the whole.

    quantizer = ResidualVectorQuantizer(256, QuantizerOptions(codebooks=4, size=1024))
    out = quantizer(x, real)      # x (B, T, D), real (B, T) -> out.values (B, T, D), out.codes (B, K, T)
    codes = quantizer.encode(x)   # (B, K, T)
    y = quantizer.decode(codes[:, :2])       # from the first two codebooks alone

Source: Zeghidour et al. 2021, "SoundStream" (arXiv:2107.03312), section III-C; the straight-through gradient
and the two losses are those of van den Oord et al. 2017 (arXiv:1711.00937). Where codebooks die, and what helps:
Yu et al. 2022 (arXiv:2110.04627: few dimensions to look codes up in), Dhariwal et al. 2020 (arXiv:2005.00341:
revival), Zeghidour et al. (k-means start, moving averages, dropout of codebooks).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.errors import EarwrightError


@dataclass(frozen=True)
class QuantizerOptions:
    """Size of a quantizer, and how its codebooks are kept alive.

    Attributes:
        codebooks: K.
        size: C, codes in each.
        code_dim: dimensions in which codes are looked up; 0: those of the stream. Among few dimensions all codes
            are near something.
        commitment: weight of the loss that keeps the stream near its codes.
        upkeep: "gradient" moves codes by a loss of their own, "average" to the moving average of what chose them.
        decay: of that average, for each update.
        start: "random", or "kmeans" on the first frames of the training set.
        revive: codes that are chosen less often than this for an update are set to a frame of it; 0: never.
        dropout: share of the training steps that use a drawn number of the first codebooks alone.
    """

    codebooks: int = 4
    size: int = 1024
    code_dim: int = 0
    commitment: float = 0.25
    upkeep: str = "average"
    decay: float = 0.99
    start: str = "kmeans"
    revive: float = 0.1
    dropout: float = 0.25

    def __post_init__(self) -> None:
        """Raises EarwrightError for what makes no sense."""
        checks = (
            (self.codebooks >= 1, f"codebooks is {self.codebooks}; give 1 or more"),
            (self.size >= 2, f"size is {self.size}; a codebook has 2 codes or more"),
            (self.code_dim >= 0, f"code_dim is {self.code_dim}; give 0 for the stream's own, or more"),
            (self.commitment >= 0, f"commitment is {self.commitment}; give 0 or more"),
            (
                self.upkeep in ("gradient", "average"),
                f'upkeep "{self.upkeep}" is neither gradient nor average',
            ),
            (0 < self.decay < 1, f"decay is {self.decay}; give a number between 0 and 1"),
            (self.start in ("random", "kmeans"), f'start "{self.start}" is neither random nor kmeans'),
            (self.revive >= 0, f"revive is {self.revive}; give 0 or more"),
            (0 <= self.dropout <= 1, f"dropout is {self.dropout}; give 0 to 1"),
        )
        for fine, message in checks:
            if not fine:
                raise EarwrightError(f"[quantizer] {message}.")


class Quantized(NamedTuple):
    """What a quantizer makes of a stream.

    Attributes:
        values: (B, T, D), with the gradient of the stream itself (straight through).
        codes: (B, K', T) int64, of the codebooks in use; -1 where a frame is padding.
        codebook_loss, commitment_loss: scalars, means over real frames and codebooks; unweighted.
    """

    values: Tensor
    codes: Tensor
    codebook_loss: Tensor
    commitment_loss: Tensor


class Choices(NamedTuple):
    """What chose each code in one step: how many vectors (K, C), their sums (K, C, d), some of them (K, n, d)."""

    counts: Tensor
    sums: Tensor
    some: Tensor


class ResidualVectorQuantizer(nn.Module):
    """K codebooks, each for what those before it have left.

    In training it notes what chose each code (`take_choices`); the one who trains hands that to `learn` after an
    update, so that copies of a model which share its weights can work at the same time.

    Args:
        dim: D, of the stream.
        options: size and upkeep.
    """

    books: Tensor
    usage: Tensor
    sums: Tensor

    def __init__(self, dim: int, options: QuantizerOptions) -> None:
        super().__init__()
        self.options = options
        d = options.code_dim or dim
        self.into = nn.Linear(dim, d) if options.code_dim else nn.Identity()
        self.out_of = nn.Linear(d, dim) if options.code_dim else nn.Identity()
        books = torch.randn(options.codebooks, options.size, d) / math.sqrt(d)  # (K, C, d)
        if options.upkeep == "gradient":
            self.books = nn.Parameter(books)
        else:
            self.register_buffer("books", books)
        # Moving averages: of how often each code is chosen in an update, and of the sum of what chose it.
        self.register_buffer("usage", torch.ones(options.codebooks, options.size))
        self.register_buffer("sums", books.clone())
        self._choices: list[Choices] = []

    def forward(self, x: Tensor, real: Tensor | None = None, codebooks: int | None = None) -> Quantized:
        """Quantize.

        Args:
            x: (B, T, D).
            real: (B, T) bool, False where a frame is padding; None: all are real.
            codebooks: how many of the first ones to use; None: all, or in training sometimes fewer.

        Raises:
            EarwrightError: there are not so many codebooks.
        """
        count = self._how_many(codebooks)
        z = self.into(x)  # (B, T, d)
        weight = torch.ones(z.shape[:2], device=z.device) if real is None else real.to(z.dtype)
        frames = weight.sum().clamp(min=1.0)
        residual, total = z, torch.zeros_like(z)
        codes, book_losses, commit_losses, left = [], [], [], []
        for book in self.books[:count]:
            chosen = nearest(residual, book)  # (B, T)
            values = F.embedding(chosen, book)  # (B, T, d)
            commit = ((residual - values.detach()) ** 2).mean(-1)
            commit_losses.append((commit * weight).sum() / frames)
            if self.options.upkeep == "gradient":
                off = ((residual.detach() - values) ** 2).mean(-1)
                book_losses.append((off * weight).sum() / frames)
            left.append(residual.detach())
            residual = residual - values.detach()
            total = total + values.detach()
            codes.append(chosen if real is None else chosen.masked_fill(~real, -1))
        if self.training:
            self._note(codes, left)
        straight = z + (total - z).detach()  # forwards the codes, backwards as if nothing had been done
        zero = z.new_zeros(())
        return Quantized(
            self.out_of(straight),
            torch.stack(codes, dim=1),
            torch.stack(book_losses).mean() if book_losses else zero,
            torch.stack(commit_losses).mean(),
        )

    def encode(self, x: Tensor, codebooks: int | None = None) -> Tensor:
        """(B, T, D) -> codes (B, K, T) int64, of the first `codebooks` or all of them."""
        residual, codes = self.into(x), []
        for book in self.books[: self._checked(codebooks)]:
            codes.append(nearest(residual, book))
            residual = residual - F.embedding(codes[-1], book)
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, K', T) of the first K' codebooks -> (B, T, D)."""
        count = self._checked(codes.shape[1])
        total = sum(F.embedding(codes[:, k], self.books[k]) for k in range(count))
        result: Tensor = self.out_of(total)
        return result

    def bits_per_second(self, frame_rate: float, codebooks: int | None = None) -> float:
        """Of the codes of a stream with so many frames a second."""
        return frame_rate * self._checked(codebooks) * math.log2(self.options.size)

    # -- upkeep --------------------------------------------------------------------------------------------

    def take_choices(self) -> list[Choices]:
        """What was noted since this was last asked for."""
        taken, self._choices = self._choices, []
        return taken

    @torch.no_grad()
    def learn(self, choices: list[Choices], generator: torch.Generator | None = None) -> None:
        """Move the codebooks by what chose their codes in one update, and revive codes that nothing chooses.

        Args:
            choices: of all copies of the model, in a fixed order.
            generator: what frames become codes is drawn from it.
        """
        if not choices:
            return
        options = self.options
        counts = torch.stack([one.counts for one in choices]).sum(0)  # (K, C)
        self.usage.mul_(options.decay).add_(counts, alpha=1 - options.decay)
        if options.upkeep == "average":
            sums = torch.stack([one.sums for one in choices]).sum(0)
            self.sums.mul_(options.decay).add_(sums, alpha=1 - options.decay)
            chosen = self.usage > 1e-3
            self.books[chosen] = self.sums[chosen] / self.usage[chosen].unsqueeze(-1)
        if options.revive > 0:
            self._revive(torch.cat([one.some for one in choices], dim=1), counts, generator)

    def _revive(self, some: Tensor, counts: Tensor, generator: torch.Generator | None) -> None:
        """Set codes that are hardly ever chosen to frames, in the place of those that they would help most."""
        for k in range(self.options.codebooks):
            if not counts[k].any():  # it was dropped in this update
                continue
            dead = torch.nonzero(self.usage[k] < self.options.revive).squeeze(1)
            if len(dead):
                drawn = torch.randint(some.shape[1], (len(dead),), generator=generator)
                self.books.data[k, dead] = some[k, drawn]
                self.usage[k, dead] = 1.0
                self.sums[k, dead] = some[k, drawn]

    @torch.no_grad()
    def start_from(self, x: Tensor, generator: torch.Generator | None = None, rounds: int = 10) -> None:
        """Set the codebooks by k-means to frames (N, D), each to what those before it leave.

        Raises:
            EarwrightError: there are fewer frames than codes.
        """
        residual = self.into(x)
        if len(residual) < self.options.size:
            raise EarwrightError(
                f"[quantizer] size is {self.options.size}, and there are {len(residual)} frames to begin with; "
                "make it smaller."
            )
        for k in range(self.options.codebooks):
            book = k_means(residual, self.options.size, rounds, generator)
            self.books.data[k] = book
            self.sums[k] = book
            residual = residual - F.embedding(nearest(residual, book), book)
        self.usage.fill_(1.0)

    def _note(self, codes: list[Tensor], left: list[Tensor]) -> None:
        options, d = self.options, self.books.shape[-1]
        counts = self.books.new_zeros(options.codebooks, options.size)
        sums = self.books.new_zeros(options.codebooks, options.size, d)
        keep = 256  # frames to revive codes from
        some = self.books.new_zeros(options.codebooks, keep, d)
        for k, (chosen, vectors) in enumerate(zip(codes, left, strict=True)):
            is_real = chosen >= 0
            rows, frames = chosen[is_real], vectors[is_real].to(sums.dtype)
            if not len(rows):
                continue
            counts[k] += torch.bincount(rows, minlength=options.size)
            sums[k].index_add_(0, rows, frames)
            some[k] = frames[torch.linspace(0, len(frames) - 1, keep).long()]
        self._choices.append(Choices(counts, sums, some))

    def _how_many(self, asked: int | None) -> int:
        if asked is None and self.training and self.options.dropout > 0:
            if float(torch.rand(())) < self.options.dropout:
                return int(torch.randint(1, self.options.codebooks + 1, ()))
        return self._checked(asked)

    def _checked(self, asked: int | None) -> int:
        count = self.options.codebooks if asked is None else asked
        if not 1 <= count <= self.options.codebooks:
            raise EarwrightError(
                f"{count} codebooks were asked for; the quantizer has {self.options.codebooks}: give 1 to "
                f"{self.options.codebooks}."
            )
        return count


def nearest(x: Tensor, book: Tensor) -> Tensor:
    """Of each vector of (..., d) the nearest code of a book (C, d), by Euclid: (...) int64."""
    # |x - c|^2 without |x|^2, which is the same for all codes.
    return (book.square().sum(-1) - 2 * x.detach() @ book.detach().T).argmin(-1)


def k_means(x: Tensor, count: int, rounds: int, generator: torch.Generator | None = None) -> Tensor:
    """`count` centres (count, d) of vectors (N, d), by Lloyd's rounds from vectors drawn without repetition.

    A centre that loses all its vectors is drawn anew.
    """
    order = torch.randperm(len(x), generator=generator)
    centres = x[order[:count]].clone()
    for _ in range(rounds):
        chosen = nearest(x, centres)
        sizes = torch.bincount(chosen, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, chosen, x)
        empty = sizes == 0
        centres = sums / sizes.clamp(min=1).unsqueeze(-1)
        if empty.any():
            centres[empty] = x[torch.randint(len(x), (int(empty.sum()),), generator=generator)]
    return centres


def perplexity(usage: Tensor) -> Tensor:
    """How many codes a book uses as if all alike: 2 to the entropy of its usage (K, C) -> (K,)."""
    share = usage / usage.sum(-1, keepdim=True).clamp(min=1e-9)
    return torch.exp(-(share * share.clamp(min=1e-12).log()).sum(-1))
