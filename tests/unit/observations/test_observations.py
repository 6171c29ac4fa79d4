"""Likelihoods against scipy and against their own samples."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from neurodyn import registry
from neurodyn.observations.gaussian import Gaussian
from neurodyn.observations.poisson import Poisson


def test_poisson_known_answers() -> None:
    loss = Poisson().negative_log_likelihood(torch.zeros(2, 1), torch.tensor([1.0, 2.0]), constant=True)
    assert loss.tolist() == pytest.approx([1.0, 1.693147], abs=1e-6)
    values, log_rates = torch.arange(7.0), torch.linspace(-2, 2, 7)
    expected = -stats.poisson.logpmf(values.numpy(), np.exp(log_rates.numpy()))
    np.testing.assert_allclose(
        Poisson().negative_log_likelihood(log_rates[:, None], values, constant=True), expected, rtol=1e-5
    )


def test_gaussian_matches_scipy() -> None:
    parameters = torch.tensor([[0.3, math.log(2.0)], [-1.0, 0.0]])
    values = torch.tensor([1.0, 2.0])
    expected = -stats.norm.logpdf(values.numpy(), [0.3, -1.0], [math.sqrt(2.0), 1.0])
    np.testing.assert_allclose(
        Gaussian().negative_log_likelihood(parameters, values, constant=True), expected, rtol=1e-6
    )


@pytest.mark.parametrize("name", registry.names("observations"))
def test_every_likelihood_samples_its_mean_and_starts_at_it(name: str) -> None:
    observation = registry.load("observations", name)()
    mean = torch.tensor([0.2, 1.0, 4.0])
    parameters = observation.from_mean(mean)
    assert parameters.shape == (3, observation.parameters)
    torch.testing.assert_close(observation.mean(parameters), mean)
    torch.manual_seed(0)
    drawn = observation.sample(parameters.expand(20000, 3, observation.parameters).contiguous())
    standard_error = drawn.std(0) / math.sqrt(20000)
    assert ((drawn.mean(0) - mean).abs() < 4 * standard_error).all()


@pytest.mark.parametrize("name", registry.names("observations"))
def test_the_constant_changes_no_gradient(name: str) -> None:
    observation = registry.load("observations", name)()
    parameters = torch.randn(5, observation.parameters, requires_grad=True)
    values = torch.arange(5.0)
    grads = [
        torch.autograd.grad(observation.negative_log_likelihood(parameters, values, constant=c).sum(), parameters)[0]
        for c in (False, True)
    ]
    torch.testing.assert_close(*grads)
