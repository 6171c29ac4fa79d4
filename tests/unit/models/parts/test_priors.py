"""KL of Gaussian posteriors: numbers known in closed form, and the sampled estimate against the exact one."""

import math

import pytest
import torch

from neurodyn.models.parts.priors import AutoregressivePrior, NormalPrior


def test_normal_prior() -> None:
    prior = NormalPrior(1, 0.1)
    assert prior.kl(torch.zeros(1, 1), torch.full((1, 1), 0.1)).item() == pytest.approx(0, abs=1e-6)
    assert prior.kl(torch.ones(1, 1), torch.full((1, 1), 0.1)).item() == pytest.approx(5.0, rel=1e-5)
    wide = NormalPrior(2, 0.1).kl(torch.zeros(100, 1, 2), torch.full((100, 1, 2), 0.2))
    assert wide[0].item() == pytest.approx(0.306853, rel=1e-4)
    assert wide.sum(0).item() == pytest.approx(30.6853, rel=1e-4)


def test_autoregressive_prior_of_its_own_stationary_variance() -> None:
    prior = AutoregressivePrior(2, 10.0, 0.1)
    alpha = prior.correlation[0].item()
    stationary = 0.1 / (1 - alpha**2)
    assert alpha == pytest.approx(0.904837, abs=1e-6) and stationary == pytest.approx(0.551666, abs=1e-6)
    mean, log = torch.zeros(100, 1, 2), torch.full((100, 1, 2), math.log(stationary))
    assert prior.kl(mean[:1], log[:1]).item() == pytest.approx(0, abs=1e-5)
    assert prior.kl(mean[:2], log[:2]).item() == pytest.approx(2 * 3.662770, rel=1e-4)
    assert prior.kl(mean, log).item() == pytest.approx(2 * 362.614, abs=1e-2)


def test_sampled_kl_agrees_with_the_closed_form() -> None:
    torch.manual_seed(0)
    prior = AutoregressivePrior(2)
    mean, log = torch.randn(20, 1, 2), 0.3 * torch.randn(20, 1, 2) - 1
    draws = prior.sampled_kl(mean.expand(-1, 10_000, -1), log.expand(-1, 10_000, -1))
    error = draws.std() / 100
    assert abs(draws.mean() - prior.kl(mean, log)).item() < 3 * error
