"""The residual vector quantizer against another implementation, brute force, and plain loops."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from earwright.errors import EarwrightError
from earwright.nn.rvq import (
    SAMPLED,
    Choices,
    QuantizerOptions,
    ResidualVectorQuantizer,
    dead_codes,
    k_means,
    nearest,
    perplexity,
)

PLAIN = QuantizerOptions(codebooks=3, size=11, start="random", revive=0.0, dropout=0.0)


def quantizer(dim: int = 6, seed: int = 0, **options: Any) -> ResidualVectorQuantizer:
    torch.manual_seed(seed)
    values = {"codebooks": 3, "size": 11, "start": "random", "revive": 0.0, "dropout": 0.0} | options
    return ResidualVectorQuantizer(dim, QuantizerOptions(**values))


def stream(batch: int = 4, frames: int = 50, dim: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(batch, frames, dim, generator=torch.Generator().manual_seed(seed))


def test_nearest_is_what_all_distances_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.nn.rvq.AT_ONCE", 7)
    x, book = stream(3, 40, 5), stream(1, 23, 5, seed=2)[0]
    every = (x.unsqueeze(2) - book).square().sum(-1)
    assert torch.equal(nearest(x, book), every.argmin(-1))


def test_each_codebook_is_for_what_those_before_it_leave() -> None:
    q, x = quantizer().eval(), stream()
    out = q(x)
    residual, total = x.clone(), torch.zeros_like(x)
    for k in range(3):
        for b in range(len(x)):
            for t in range(x.shape[1]):
                distances = [float((residual[b, t] - code).norm()) for code in q.books[k]]
                chosen = distances.index(min(distances))
                assert int(out.codes[b, k, t]) == chosen
                total[b, t] += q.books[k, chosen]
                residual[b, t] -= q.books[k, chosen]
    torch.testing.assert_close(out.values, total)
    assert torch.equal(q.encode(x), out.codes)
    assert torch.equal(q.decode(out.codes), out.values)


@pytest.mark.parametrize("code_dim", [0, 4])
def test_any_number_of_codebooks_is_a_coarser_version(code_dim: int) -> None:
    q, x = quantizer(code_dim=code_dim).eval(), stream()
    codes = q.encode(x)
    for count in (1, 2, 3):
        out = q(x, codebooks=count)
        assert torch.equal(out.codes, codes[:, :count]) and torch.equal(q.encode(x, count), codes[:, :count])
        torch.testing.assert_close(q.decode(codes[:, :count]), out.values)
        assert q.bits_per_second(25.0, count) == pytest.approx(25 * count * math.log2(11))
    for count in (0, 4):
        with pytest.raises(EarwrightError, match=f"{count} codebooks were asked for; the quantizer has 3"):
            q(x, codebooks=count)


@pytest.mark.parametrize("upkeep", ["gradient", "average"])
def test_gradients_pass_straight_through(upkeep: str) -> None:
    q, x = quantizer(upkeep=upkeep).train(), stream().requires_grad_()
    real = torch.rand(4, 50, generator=torch.Generator().manual_seed(3)) < 0.7
    out = q(x, real)
    weights = torch.randn_like(out.values)
    (got,) = torch.autograd.grad((out.values * weights).sum(), x, retain_graph=True)
    torch.testing.assert_close(got, weights)  # as if nothing had been done

    # The commitment loss: the mean over real frames and dimensions of |what is left - its code|^2, one
    # codebook after the other, where what is left moves with x.
    (got,) = torch.autograd.grad(out.commitment_loss, x, retain_graph=True)
    by_hand, left, loss = torch.zeros_like(x), x.detach().clone(), 0.0
    book_grad = torch.zeros_like(q.books)
    count = int(real.sum()) * x.shape[2]
    for k in range(3):
        codes = q.books[k].detach()[nearest(left, q.books[k])]
        off = (left - codes) * real.unsqueeze(2)
        by_hand += 2 * off / count
        loss += float(off.square().sum()) / count
        book_grad[k].index_add_(0, nearest(left, q.books[k]).flatten(), (-2 * off / count).flatten(0, 1))
        left = left - codes
    torch.testing.assert_close(got, by_hand)
    assert out.commitment_loss.item() == pytest.approx(loss, rel=1e-5)
    if upkeep == "gradient":
        assert out.codebook_loss.item() == pytest.approx(loss, rel=1e-5)
        (got,) = torch.autograd.grad(out.codebook_loss, q.books)
        torch.testing.assert_close(got, book_grad)
    else:
        assert out.codebook_loss.item() == 0 and not q.books.requires_grad


def test_padding_changes_nothing() -> None:
    x, lengths = stream(3, 20), [20, 7, 13]
    alone, padded = quantizer(), quantizer()
    real = torch.arange(26) < torch.tensor(lengths).unsqueeze(1)
    wide = torch.full((3, 26, 6), 99.0)
    wide[:, :20][real[:, :20]] = x[real[:, :20]]
    batch = padded.train()(wide, real)
    one_by_one = [alone.train()(x[i : i + 1, :n]) for i, n in enumerate(lengths)]
    for i, (n, one) in enumerate(zip(lengths, one_by_one, strict=True)):
        assert torch.equal(batch.codes[i, :, :n], one.codes[0]) and (batch.codes[i, :, n:] == -1).all()
        assert torch.equal(batch.values[i, :n], one.values[0])
    mean = sum(float(one.commitment_loss) * n for one, n in zip(one_by_one, lengths, strict=True)) / 40
    assert float(batch.commitment_loss) == pytest.approx(mean, rel=1e-5)
    padded.learn(padded.take_choices())
    alone.learn(alone.take_choices())
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(padded.state_dict()[name], value)


def test_moving_averages_are_those_of_a_plain_loop() -> None:
    q = quantizer(decay=0.8).train()
    usage, sums = torch.ones(3, 11), q.books.clone()
    for step in range(4):
        x = stream(seed=10 + step)
        residual, books = x.reshape(-1, 6), q.books.clone()
        for k in range(3):
            chosen = nearest(residual, books[k]).tolist()
            counted = torch.tensor([float(chosen.count(c)) for c in range(11)])
            summed = torch.zeros(11, 6)
            for row, c in zip(residual, chosen, strict=True):
                summed[c] += row
            usage[k] = 0.8 * usage[k] + 0.2 * counted
            sums[k] = 0.8 * sums[k] + 0.2 * summed
            residual = residual - books[k][chosen]
        q(x)
        revived = q.learn(q.take_choices())
        assert not revived.any()
        torch.testing.assert_close(q.usage, usage)
        torch.testing.assert_close(q.books, sums / usage.unsqueeze(2))


def test_copies_learn_together_what_one_would_learn_alone() -> None:
    x, one, many = stream(), quantizer().train(), quantizer().train()
    one(x)
    one.learn(one.take_choices())
    notes: list[Choices] = []
    for part in x.split(1):  # as lanes do, or batches that are accumulated
        many(part)
    notes = many.take_choices()
    assert len(notes) == 4 and not many.take_choices()
    before = many.books.clone()
    many.learn(notes)
    assert not torch.equal(before, many.books)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(many.state_dict()[name], value)


def test_the_oracle_agrees() -> None:
    """vector-quantize-pytorch, with the same codebooks: codes, values, losses, gradients, averages."""
    pytest.importorskip("vector_quantize_pytorch", reason="the oracle is not installed")
    from vector_quantize_pytorch import ResidualVQ

    ours = quantizer(decay=0.9).train()
    theirs = ResidualVQ(
        dim=6,
        codebook_size=11,
        num_quantizers=3,
        decay=0.9,
        eps=1e-12,
        commitment_weight=1.0,
        threshold_ema_dead_code=0,
        rotation_trick=False,
    ).train()
    with torch.no_grad():
        for k, layer in enumerate(theirs.layers):
            layer._codebook.embed.copy_(ours.books[k : k + 1])
            layer._codebook.embed_avg.copy_(ours.books[k : k + 1])
            layer._codebook.cluster_size.fill_(1.0)
    for step in range(3):
        x = stream(seed=step)
        mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        found = ours(mine)
        values, codes, losses = theirs(other)
        assert torch.equal(found.codes, codes.transpose(1, 2))
        torch.testing.assert_close(found.values, values)
        torch.testing.assert_close(found.commitment_loss, losses.sum())
        weights = torch.randn_like(values)
        ((found.values * weights).sum() + found.commitment_loss).backward()
        ((values * weights).sum() + losses.sum()).backward()
        # Theirs passes the gradient straight through each of the three codebooks, and adds that up.
        assert mine.grad is not None and other.grad is not None
        torch.testing.assert_close(mine.grad, other.grad - 2 * weights)
        ours.learn(ours.take_choices())
        for k, layer in enumerate(theirs.layers):
            torch.testing.assert_close(ours.books[k], layer._codebook.embed[0], rtol=1e-4, atol=1e-5)


def test_dropout_leaves_later_codebooks_out_for_some_clips() -> None:
    q = quantizer(dropout=1.0).train()
    x = stream(batch=64, frames=3)
    torch.manual_seed(0)
    out = q(x)
    used = (out.codes[:, :, 0] >= 0).sum(1)  # codebooks of each clip
    assert set(used.tolist()) == {1, 2, 3}
    assert torch.equal(out.codes >= 0, (torch.arange(3) < used.unsqueeze(1)).unsqueeze(2).expand(-1, -1, 3))
    full = q.eval()(x)
    assert (full.codes >= 0).all()
    for clip, count in enumerate(used.tolist()):
        torch.testing.assert_close(out.values[clip], q(x, codebooks=count).values[clip])
    (choices,) = q.take_choices()
    expected = [3.0 * int((used > k).sum()) for k in range(3)]
    assert choices.counts.sum(1).tolist() == expected
    torch.manual_seed(0)
    assert torch.equal(q.train()(x).codes, out.codes)


def test_a_codebook_that_no_clip_used_stays_as_it_is() -> None:
    q = quantizer(decay=0.5, revive=0.5).train()
    before = {name: value.clone() for name, value in q.state_dict().items()}
    q(stream(), codebooks=1)
    q.learn(q.take_choices())
    for name in ("books", "usage", "sums", "tally"):
        value = q.state_dict()[name]
        assert torch.equal(value[1:], before[name][1:]) and not torch.equal(value[0], before[name][0])


def test_codes_that_nothing_chooses_are_revived() -> None:
    q = quantizer(decay=0.5, revive=0.2).train()
    q.books[0, 4] = 1000.0  # far from everything
    x = stream()
    for _ in range(5):
        q(x)
        (choices,) = q.take_choices()
        revived = q.learn([choices], torch.Generator().manual_seed(1))
        if revived[0, 4]:
            break
    assert revived[0, 4]
    frames = x.reshape(-1, 6)
    assert any(torch.equal(q.books[0, 4], frame) for frame in frames)  # of what the first codebook gets
    assert q.usage[0, 4] == pytest.approx(float(q.usage[0][~revived[0]].mean()), rel=0.5)
    assert dead_codes(q.tally)[0] >= 1  # and yet the log says that it was not chosen
    q(x)
    (choices,) = q.take_choices()
    assert choices.counts[0, 4] > 0


def test_frames_to_revive_from_are_real_ones() -> None:
    q = quantizer().train()
    x = torch.full((2, 9, 6), 50.0)
    real = torch.zeros(2, 9, dtype=torch.bool)
    real[1, :5] = True
    x[1, :5] = stream(1, 5)[0]
    q(x, real)
    (choices,) = q.take_choices()
    assert choices.some.shape == (3, SAMPLED, 6) and choices.counts.sum(1).tolist() == [5, 5, 5]
    assert {tuple(row) for row in choices.some[0].tolist()} == {tuple(row) for row in x[1, :5].tolist()}


def test_k_means_ends_where_each_centre_is_the_mean_of_what_is_nearest() -> None:
    x = 10 * stream(1, 8, 3)[0].repeat(50, 1) + 0.1 * stream(1, 400, 3, seed=5)[0]
    start = k_means(x, 8, 0, torch.Generator().manual_seed(0))
    assert all(any(torch.equal(row, vector) for vector in x) for row in start)
    found = k_means(x, 8, 30, torch.Generator().manual_seed(0))
    chosen = (x.unsqueeze(1) - found).square().sum(-1).argmin(1)
    for number, centre in enumerate(found):
        torch.testing.assert_close(centre, x[chosen == number].mean(0))
    errors = [float((x - book[nearest(x, book)]).square().sum()) for book in (start, found)]
    assert errors[1] < 0.9 * errors[0]
    assert torch.equal(found, k_means(x, 8, 30, torch.Generator().manual_seed(0)))


def test_k_means_draws_a_centre_anew_that_loses_all_its_vectors() -> None:
    x = torch.tensor([[0.0]] * 20 + [[5.0], [9.0]])  # nearly always two centres begin at the same place
    for seed in range(10):
        found = k_means(x, 3, 1, torch.Generator().manual_seed(seed))
        drawn_or_mean = [bool((x == value).any()) or 0 < value < 9 for value in found.flatten()]
        assert all(drawn_or_mean) and not found.isnan().any()


def test_the_k_means_start_leaves_less_with_each_codebook() -> None:
    x = stream(1, 3000)[0]
    q = quantizer(size=32, code_dim=4, start="kmeans").eval()
    assert q.started == 0 and torch.equal(q(x[None]).values, q.out_of(q.into(x[None])))
    q.started.fill_(1.0)
    with torch.no_grad():
        random = q(x[None], codebooks=1).commitment_loss
    q.started.fill_(0.0)
    q.start_from(x, torch.Generator().manual_seed(0))
    assert q.started == 1
    with torch.no_grad():
        left = [float(q(x[None], codebooks=k).commitment_loss) for k in (1, 2, 3)]
    steps = [left[0], left[1] - left[0], left[2] - left[1]]  # what each codebook leaves
    assert steps[0] > 1.5 * steps[1] > 2 * steps[2] > 0 and steps[0] < float(random)
    assert int((q(x[None]).codes[0, 0].bincount(minlength=32) > 0).sum()) == 32
    assert q.usage.mean(1).tolist() == pytest.approx([1.0] * 3) and (q.usage > 0).all()
    torch.testing.assert_close(q.sums / q.usage.unsqueeze(2), q.books)
    with pytest.raises(EarwrightError, match="size is 32 codes, and the training set has only 31 frames"):
        q.start_from(x[:31])


def test_perplexity_and_dead_codes() -> None:
    usage = torch.tensor([[1.0, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0.004]])
    found = perplexity(usage)
    torch.testing.assert_close(found[:2], torch.tensor([4.0, 1.0]))
    share = [p / 2.004 for p in (1, 1, 0.004)]
    assert float(found[2]) == pytest.approx(math.exp(-sum(p * math.log(p) for p in share)), rel=1e-4)
    assert dead_codes(usage).tolist() == [0, 3, 1 + 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codebooks": 0}, "codebooks is 0"),
        ({"size": 1}, "2 codes or more"),
        ({"code_dim": -1}, "code_dim is -1"),
        ({"commitment": -0.1}, "commitment is -0.1"),
        ({"upkeep": "hope"}, 'upkeep "hope" is neither gradient nor average'),
        ({"decay": 1.0}, "decay is 1.0"),
        ({"start": "zeros"}, 'start "zeros" is neither random nor kmeans'),
        ({"revive": 1.5}, "revive is 1.5"),
        ({"dropout": 2.0}, "dropout is 2.0"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        QuantizerOptions(**options)


def test_before_codes_are_in_use_a_part_of_the_stream_passes_as_loud_as_it_was() -> None:
    torch.manual_seed(0)
    quantizer = ResidualVectorQuantizer(48, QuantizerOptions(codebooks=2, size=8, code_dim=6))
    x = torch.randn(3, 200, 48)
    passed = quantizer(x).values
    assert float(passed.square().mean().sqrt()) == pytest.approx(1.0, abs=0.05)
    # A projection: what has passed passes again, louder by the same factor.
    torch.testing.assert_close(quantizer(passed).values, passed * (48 / 6) ** 0.5, atol=1e-5, rtol=1e-4)
