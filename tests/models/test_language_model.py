"""The Transformer: training and going on with caches say the same; nothing is seen of other sentences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from earwright.errors import EarwrightError
from earwright.lm import START
from earwright.models.language_model import TransformerLanguageModel, TransformerOptions

OPTIONS = TransformerOptions(dim=32, layers=2, heads=2, window=4, cutoffs=(8, 14))


@pytest.fixture
def model() -> TransformerLanguageModel:
    torch.manual_seed(0)
    made = TransformerLanguageModel(OPTIONS, 20).eval()
    for parameter in made.parameters():  # at the beginning it hardly looks at the past
        parameter.data += 0.2 * torch.randn_like(parameter)
    return made


def text(batch: int, length: int) -> tuple[Tensor, Tensor]:
    tokens = torch.randint(3, 20, (batch, length))
    return torch.cat((torch.full((batch, 1), START), tokens[:, :-1]), dim=1), tokens


@torch.no_grad()
def test_a_sentence_at_once_and_step_by_step(model: TransformerLanguageModel) -> None:
    before, tokens = text(3, 11)  # longer than the window
    losses = model.losses(before, tokens)
    whole, _, filled = model(before, *model.start(3))
    torch.testing.assert_close(losses, -whole.gather(2, tokens.unsqueeze(2))[..., 0])
    assert filled.tolist() == [4, 4, 4]
    cache, filled = model.start(3)
    steps = []
    for first, last in ((0, 1), (1, 2), (2, 5), (5, 6), (6, 11)):
        log_probs, cache, filled = model(before[:, first:last], cache, filled)
        steps.append(log_probs)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole)


@torch.no_grad()
def test_hypotheses_of_different_age_in_one_batch(model: TransformerLanguageModel) -> None:
    before, _ = text(2, 5)
    alone = [model(before[row : row + 1, : 3 + row], *model.start(1)) for row in (0, 1)]
    cache = torch.cat([each[1] for each in alone])
    filled = torch.cat([each[2] for each in alone])
    assert filled.tolist() == [3, 4]
    following = torch.tensor([[5], [9]])
    together, _, _ = model(following, cache, filled)
    for row in (0, 1):
        single, _, _ = model(following[row : row + 1], *alone[row][1:])
        torch.testing.assert_close(together[row : row + 1], single)


@torch.no_grad()
def test_sentences_of_a_row_do_not_see_each_other(model: TransformerLanguageModel) -> None:
    first, second = text(1, 6), text(1, 5)
    before, tokens = (torch.cat(pair, dim=1) for pair in zip(first, second, strict=True))
    together = model.losses(before, tokens)
    torch.testing.assert_close(together[:, 6:], model.losses(*second))
    changed = before.clone()
    changed[0, 4] = 3 if before[0, 4] != 3 else 4
    other = model.losses(changed, tokens)
    torch.testing.assert_close(other[:, 6:], together[:, 6:])
    torch.testing.assert_close(other[:, :4], together[:, :4])  # nor what comes later
    assert not torch.allclose(other[:, 4:6], together[:, 4:6])


def test_sizes_that_cannot_be() -> None:
    with pytest.raises(EarwrightError, match="divisible by twice the 3 heads"):
        TransformerOptions(dim=32, heads=3)
    with pytest.raises(EarwrightError, match="window is 0"):
        TransformerOptions(window=0)
