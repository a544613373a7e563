"""The adaptive softmax: a distribution, the losses its log-probs, without clusters a plain softmax."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from earwright.nn.adaptive_softmax import AdaptiveVocabulary


@pytest.mark.parametrize("cutoffs", [(), (5,), (5, 11)])
def test_losses_are_the_log_probs(cutoffs: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    vocabulary = AdaptiveVocabulary(23, 32, cutoffs)
    hidden, words = torch.randn(40, 32), torch.arange(40) % 23
    log_probs = vocabulary.log_probs(hidden)
    torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(40))
    torch.testing.assert_close(vocabulary.losses(hidden, words), -log_probs[torch.arange(40), words])
    assert vocabulary.embed(words.view(4, 10)).shape == (4, 10, 32)
    assert len(torch.unique(vocabulary.embed(torch.arange(23)), dim=0)) == 23


def test_without_clusters_it_is_the_plain_softmax_of_tied_embeddings() -> None:
    torch.manual_seed(0)
    vocabulary = AdaptiveVocabulary(9, 16)
    hidden = torch.randn(5, 16)
    table = vocabulary.embed(torch.arange(9)) / 16**0.5
    torch.testing.assert_close(vocabulary.log_probs(hidden), F.log_softmax(hidden @ table.T, dim=-1))


@pytest.mark.parametrize("cutoffs", [(), (4, 8)])
def test_it_begins_with_the_frequencies(cutoffs: tuple[int, ...]) -> None:
    counts = torch.tensor([3, 0, 9, 20, 7, 5, 4, 2, 1, 1])
    vocabulary = AdaptiveVocabulary(10, 16, cutoffs)
    vocabulary.start_from(counts)
    found = vocabulary.log_probs(torch.zeros(1, 16)).exp()[0]
    torch.testing.assert_close(found, (counts / counts.sum()).float())
