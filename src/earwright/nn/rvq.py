"""Residual vector quantization: a stream of vectors as a few small numbers a frame.

The first codebook says roughly what a vector is, the second what the first has missed, and so on: K codebooks
of C codes say log2(C) bits each, and any number of the first ones is a coarser version of the whole.

    quantizer = ResidualVectorQuantizer(256, QuantizerOptions(codebooks=4, size=1024))
    out = quantizer(x, real)      # x (B, T, D), real (B, T) -> out.values (B, T, D), out.codes (B, K, T)
    codes = quantizer.encode(x)   # (B, K, T)
    y = quantizer.decode(codes[:, :2])       # from the first two codebooks alone

Source: Zeghidour et al. 2021, "SoundStream" (arXiv:2107.03312), section III-C; the straight-through gradient
and the two losses are those of van den Oord et al. 2017 (arXiv:1711.00937). What keeps codebooks alive: few
dimensions to look codes up in (Yu et al. 2022, arXiv:2110.04627), revival (Dhariwal et al. 2020,
arXiv:2005.00341), k-means start, moving averages, dropout of codebooks (Zeghidour et al.).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.errors import EarwrightError
from earwright.nn.randomness import uniform

# A code that is chosen less often than this, as a share of what each would get if all were alike, is dead.
DEAD = 0.01
# Frames of each batch that dead codes may be set to.
SAMPLED = 256
# Vectors whose distances to all codes are held at a time: 32 MB of them with 1,024 codes.
AT_ONCE = 8192


@dataclass(frozen=True)
class QuantizerOptions:
    """Size of a quantizer, and how its codebooks are kept alive.

    Attributes:
        codebooks: K.
        size: C, codes in each.
        code_dim: dimensions in which codes are looked up; 0: those of the stream. Among few dimensions all
            codes are near something.
        commitment: weight of the loss that keeps the stream near its codes.
        upkeep: "gradient" moves codes by a loss of their own, "average" to the moving average of what chose
            them.
        decay: of that average, for each update.
        start: "random", or "kmeans" on frames of the training set.
        revive: codes that are chosen less often than this, as a share of what each would get if all were
            alike, are set to a frame of the batch; 0: never.
        dropout: share of the clips in training that use a drawn number of the first codebooks alone.
    """

    codebooks: int = 4
    size: int = 1024
    code_dim: int = 0
    commitment: float = 0.25
    upkeep: str = "average"
    decay: float = 0.99
    start: str = "kmeans"
    revive: float = 0.05
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
            (0 <= self.revive < 1, f"revive is {self.revive}; give 0 or more, and less than 1"),
            (0 <= self.dropout <= 1, f"dropout is {self.dropout}; give 0 to 1"),
        )
        for fine, message in checks:
            if not fine:
                raise EarwrightError(f"[model.quantizer] {message}.")


class Quantized(NamedTuple):
    """What a quantizer makes of a stream.

    Attributes:
        values: (B, T, D), with the gradient of the stream itself (straight through).
        codes: (B, K', T) int64; -1 where a frame is padding, or its clip does without the codebook.
        codebook_loss, commitment_loss: scalars, means over real frames and sums over codebooks; unweighted.
    """

    values: Tensor
    codes: Tensor
    codebook_loss: Tensor
    commitment_loss: Tensor


class Choices(NamedTuple):
    """What chose each code in a batch: how many (K, C), their sums (K, C, d), some of them (K, n, d)."""

    counts: Tensor
    sums: Tensor
    some: Tensor


class ResidualVectorQuantizer(nn.Module):
    """K codebooks, each for what those before it have left.

    In training it notes what chose each code (`take_choices`); the one who trains hands that to `learn` after
    an update, so that copies of a model which share its weights can work at the same time.

    Args:
        dim: D, of the stream.
        options: size and upkeep.
    """

    books: Tensor
    usage: Tensor
    sums: Tensor
    tally: Tensor
    started: Tensor

    def __init__(self, dim: int, options: QuantizerOptions) -> None:
        super().__init__()
        self.options = options
        d = options.code_dim or dim
        self.into = nn.Linear(dim, d) if options.code_dim else nn.Identity()
        self.out_of = nn.Linear(d, dim) if options.code_dim else nn.Identity()
        if isinstance(self.into, nn.Linear) and isinstance(self.out_of, nn.Linear):
            # To begin with, a part of the stream and back, as loud as it was: what follows can use that.
            nn.init.orthogonal_(self.into.weight)
            self.out_of.weight.data.copy_(self.into.weight.data.T * math.sqrt(dim / d))
            nn.init.zeros_(self.into.bias)
            nn.init.zeros_(self.out_of.bias)
        books = torch.randn(options.codebooks, options.size, d) / math.sqrt(d)  # (K, C, d)
        if options.upkeep == "gradient":
            self.books = nn.Parameter(books)
        else:
            self.register_buffer("books", books)
        # Moving averages: of how often each code is chosen in an update, and of the sum of what chose it.
        self.register_buffer("usage", torch.ones(options.codebooks, options.size))
        self.register_buffer("sums", books.clone())
        # The same average of how often, in which a revived code begins with nothing: for `perplexity`.
        self.register_buffer("tally", torch.zeros(options.codebooks, options.size))
        # 1 if codes are in use. Until a k-means start, streams pass as they are, through projections alone.
        self.register_buffer("started", torch.tensor(float(options.start == "random")))
        self._choices: list[Choices] = []

    def forward(self, x: Tensor, real: Tensor | None = None, codebooks: int | None = None) -> Quantized:
        """Quantize, in float32 whatever the precision around it.

        Args:
            x: (B, T, D).
            real: (B, T) bool, False where a frame is padding; None: all are real.
            codebooks: how many of the first ones to use; None: all, or in training sometimes fewer.

        Raises:
            EarwrightError: there are not so many codebooks.
        """
        count = self._checked(codebooks)
        real = torch.ones_like(x[:, :, 0], dtype=torch.bool) if real is None else real
        use = real.unsqueeze(0).expand(count, -1, -1)  # (K', B, T) bool: which frames use which codebook
        if codebooks is None and self.training and self.options.dropout > 0:
            use = use & self._draw(len(x)).to(x.device)
        with torch.autocast(x.device.type, enabled=False):
            return self._quantize(x.float(), real, use)

    def _quantize(self, x: Tensor, real: Tensor, use: Tensor) -> Quantized:
        z = self.into(x)  # (B, T, d)
        frames = real.sum().clamp(min=1)
        learnt = self.options.upkeep == "gradient"
        residual, total = z, torch.zeros_like(z)
        codebook_loss = commitment_loss = z.new_zeros(())
        codes, left = [], []
        for book, used in zip(self.books, use.to(z.dtype), strict=False):
            chosen = nearest(residual, book)  # (B, T)
            values = F.embedding(chosen, book)  # (B, T, d)
            if learnt:
                off = (residual.detach() - values).square().mean(-1)  # (B, T)
                codebook_loss = codebook_loss + (off * used).sum() / frames
            values = values.detach()
            off = (residual - values).square().mean(-1)
            commitment_loss = commitment_loss + (off * used).sum() / frames
            left.append(residual.detach())
            codes.append(chosen)
            values = values * used.unsqueeze(2)
            residual, total = residual - values, total + values
        if self.training:
            self._note(codes, left, use)
        # Forwards the codes to the last bit (z - z is 0), backwards as if nothing had been done.
        straight = total + (z - z.detach())
        straight = torch.where(self.started > 0.5, straight, z)
        codebook_loss, commitment_loss = codebook_loss * self.started, commitment_loss * self.started
        all_codes = torch.stack(codes, dim=1).masked_fill(~use.transpose(0, 1), -1)  # (B, K', T)
        return Quantized(self.out_of(straight), all_codes, codebook_loss, commitment_loss)

    def _draw(self, clips: int) -> Tensor:
        """(K, B, 1) bool: which codebooks each clip uses, now and then only some of the first."""
        dropped, number = uniform(2, clips)
        count = 1 + (number * self.options.codebooks).int()  # 1 to K
        count = torch.where(dropped < self.options.dropout, count, self.options.codebooks)
        return (torch.arange(self.options.codebooks).unsqueeze(1) < count).unsqueeze(2)

    def encode(self, x: Tensor, codebooks: int | None = None) -> Tensor:
        """(B, T, D) -> codes (B, K, T) int64, of the first `codebooks` or all of them."""
        residual, codes = self.into(x), []
        for book in self.books[: self._checked(codebooks)]:
            codes.append(nearest(residual, book))
            residual = residual - F.embedding(codes[-1], book)
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, K', T) of the first K' codebooks -> (B, T, D)."""
        total = torch.zeros((), device=codes.device)
        for k in range(self._checked(codes.shape[1])):
            total = total + F.embedding(codes[:, k], self.books[k])
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
    def learn(self, choices: Sequence[Choices], generator: torch.Generator | None = None) -> Tensor:
        """Move the codebooks by what chose their codes in one update, and revive codes that nothing chooses.

        Args:
            choices: of all copies of the model, in a fixed order.
            generator: what frames become codes is drawn from it.

        Returns:
            (K, C) bool: which codes were revived, and so have nothing to do with what they were before.
        """
        revived = torch.zeros_like(self.usage, dtype=torch.bool)
        if not choices:
            return revived
        decay = self.options.decay
        counts = torch.stack([one.counts for one in choices]).sum(0).to(self.usage.device)  # (K, C)
        sums = torch.stack([one.sums for one in choices]).sum(0).to(self.usage.device)  # (K, C, d)
        some = torch.cat([one.some for one in choices], dim=1).to(self.usage.device)  # (K, n, d)
        for k in range(self.options.codebooks if self.started > 0.5 else 0):
            if not counts[k].any():  # it was dropped in this update
                continue
            self.usage[k] = decay * self.usage[k] + (1 - decay) * counts[k]
            self.tally[k] = decay * self.tally[k] + (1 - decay) * counts[k]
            if self.options.upkeep == "average":
                self.sums[k] = decay * self.sums[k] + (1 - decay) * sums[k]
                # A code that has not been chosen for long keeps its place: 0 / 0 is none.
                known = self.usage[k] > 1e-6
                self.books[k, known] = self.sums[k, known] / self.usage[k, known].unsqueeze(-1)
            if self.options.revive > 0:
                revived[k] = self._revive(k, some[k], generator)
        return revived

    def _revive(self, k: int, some: Tensor, generator: torch.Generator | None) -> Tensor:
        """Set codes of a book that are hardly ever chosen to frames (n, d), and say which (C,)."""
        fair = self.usage[k].mean()
        dead = self.usage[k] < self.options.revive * fair
        count = int(dead.sum())
        if count:
            drawn = some[torch.randint(len(some), (count,), generator=generator).to(some.device)]
            self.books.data[k, dead] = drawn
            # As used as any, until it shows what it is good for: at a decay of 0.99 it has 300 updates.
            self.usage[k, dead] = fair
            self.sums[k, dead] = fair * drawn
        return dead

    @torch.no_grad()
    def start_from(self, x: Tensor, generator: torch.Generator | None = None, rounds: int = 10) -> None:
        """Set the codebooks by k-means to frames (N, D), each to what those before it leave, and use them.

        Raises:
            EarwrightError: there are fewer frames than codes.
        """
        check_enough(len(x), self.options)
        residual = self.into(x.float())  # (N, d)
        for k in range(self.options.codebooks):
            book = k_means(residual, self.options.size, rounds, generator)
            chosen = nearest(residual, book)
            sizes = torch.bincount(chosen, minlength=self.options.size).to(book.dtype)
            self.books.data[k] = book
            self.usage[k] = sizes / sizes.mean()
            self.sums[k] = book * self.usage[k].unsqueeze(1)
            residual = residual - F.embedding(chosen, book)
        self.started.fill_(1.0)

    @torch.no_grad()
    def _note(self, codes: Sequence[Tensor], left: Sequence[Tensor], use: Tensor) -> None:
        """Keep what chose each code: (B, T) codes and (B, T, d) vectors of each book, and which count.

        No shape depends on what is in the tensors, so that memory can be estimated without values.
        """
        counts, sums = torch.zeros_like(self.usage), torch.zeros_like(self.sums)
        some = sums.new_zeros(len(sums), SAMPLED, sums.shape[2])
        steps = torch.linspace(0, 1, SAMPLED, device=use.device)
        for k, (chosen, vectors) in enumerate(zip(codes, left, strict=True)):
            rows, used = vectors.flatten(0, 1), use[k].flatten().to(sums.dtype)  # (N, d), (N,)
            counts[k].index_add_(0, chosen.flatten(), used)
            sums[k].index_add_(0, chosen.flatten(), rows * used.unsqueeze(1))
            # Those that count first, in their order; of them, some at equal distances.
            order = (used == 0).int().argsort(stable=True)
            some[k] = rows[order[(steps * (used.sum() - 1).clamp(min=0)).long()]]
        self._choices.append(Choices(counts, sums, some))

    def _checked(self, asked: int | None) -> int:
        count = self.options.codebooks if asked is None else asked
        if not 1 <= count <= self.options.codebooks:
            raise EarwrightError(
                f"{count} codebooks were asked for; the quantizer has {self.options.codebooks}: give 1 to "
                f"{self.options.codebooks}."
            )
        return count


def check_enough(frames: int, options: QuantizerOptions) -> None:
    """Raise EarwrightError if a codebook has more codes than there are frames to learn them from."""
    if frames < options.size:
        raise EarwrightError(
            f"[model.quantizer] size is {options.size} codes, and the training set has only {frames} frames "
            "to learn them from; make it smaller."
        )


def nearest(x: Tensor, book: Tensor) -> Tensor:
    """Of each vector of (..., d) the nearest code of a book (C, d), by Euclid: (...) int64."""
    # |x - c|^2 without |x|^2, which is the same for all codes.
    x, book = x.detach(), book.detach()
    squares, doubled = book.square().sum(-1), 2 * book.T
    if torch.compiler.is_exporting():
        return (squares - x @ doubled).argmin(-1)
    parts = torch.split(x.reshape(-1, x.shape[-1]), AT_ONCE)
    return torch.cat([(squares - part @ doubled).argmin(-1) for part in parts]).view(x.shape[:-1])


def k_means(x: Tensor, count: int, rounds: int, generator: torch.Generator | None = None) -> Tensor:
    """`count` centres (count, d) of vectors (N, d), by Lloyd's rounds from vectors drawn without repetition.

    A centre that loses all its vectors is drawn anew.
    """
    order = torch.randperm(len(x), generator=generator).to(x.device)
    centres = x[order[:count]].clone()
    for _ in range(rounds):
        chosen = nearest(x, centres)
        sizes = torch.bincount(chosen, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, chosen, x)
        centres = sums / sizes.clamp(min=1).unsqueeze(-1)
        empty = sizes == 0
        anew = torch.randint(len(x), (int(empty.sum()),), generator=generator)
        centres[empty] = x[anew.to(x.device)]
    return centres


def perplexity(usage: Tensor) -> Tensor:
    """How many codes a book uses as if all alike: e to the entropy of its usage (K, C) -> (K,)."""
    share = usage / usage.sum(-1, keepdim=True).clamp(min=1e-9)
    return torch.exp(-torch.xlogy(share, share).sum(-1))


def dead_codes(usage: Tensor) -> Tensor:
    """How many codes of each book are hardly ever chosen: usage (K, C) -> (K,) int64."""
    return (usage < DEAD * usage.mean(-1, keepdim=True)).sum(-1)
