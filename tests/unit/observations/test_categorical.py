"""One-hot classes against torch's own cross-entropy and against their samples."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from neurodyn.errors import InvalidInput
from neurodyn.observations.categorical import Categorical


def parameters(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, 1, generator=torch.Generator().manual_seed(0))


def test_loss_adds_up_to_the_cross_entropy() -> None:
    logits = parameters(4, 5, 3)
    right = torch.randint(3, (4, 5), generator=torch.Generator().manual_seed(1))
    loss = Categorical().negative_log_likelihood(logits, functional.one_hot(right, 3).float())
    assert loss.shape == (4, 5, 3)
    wanted = functional.cross_entropy(logits.squeeze(-1).flatten(0, 1), right.flatten(), reduction="none")
    torch.testing.assert_close(loss.sum(-1).flatten(), wanted)


def test_mean_is_a_distribution_and_parameters_are_found_from_it() -> None:
    mean = Categorical().mean(parameters(4, 5, 3))
    torch.testing.assert_close(mean.sum(-1), torch.ones(4, 5))
    torch.testing.assert_close(Categorical().mean(Categorical().from_mean(mean)), mean)
    certain = torch.tensor([[[1.0, 0.0]]])
    torch.testing.assert_close(Categorical().mean(Categorical().from_mean(certain)), certain)


def test_samples_are_one_hot_and_as_frequent_as_the_mean() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = Categorical().sample(parameters(1, 1, 3).expand(200, 100, 3, 1))
    assert ((drawn == 0) | (drawn == 1)).all() and (drawn.sum(-1) == 1).all()
    torch.testing.assert_close(drawn.mean((0, 1)), Categorical().mean(parameters(1, 1, 3))[0, 0], atol=0.015, rtol=0)


def test_other_values_are_refused() -> None:
    Categorical().check("target", torch.tensor([0.0, 1.0]))
    with pytest.raises(InvalidInput, match="one-hot"):
        Categorical().check("target", torch.tensor([0.0, 0.5]))
