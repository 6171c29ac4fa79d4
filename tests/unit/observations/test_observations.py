"""Likelihoods against scipy, against the laws of probability, and against their own samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.observations.base import Observation
from neurodyn.observations.bernoulli import Bernoulli
from neurodyn.observations.gamma import Gamma
from neurodyn.observations.gaussian import Gaussian
from neurodyn.observations.gaussian_shared import GaussianShared
from neurodyn.observations.negative_binomial import NegativeBinomial
from neurodyn.observations.poisson import Poisson
from neurodyn.observations.squared_error import SquaredError
from neurodyn.observations.zero_inflated_gamma import ZeroInflatedGamma, ZeroInflatedGammaConfig

NAMES = tuple(name for name in registry.names("observations") if name != "categorical")
"""Likelihoods of single entries; the channels of a categorical are one variable together (test_categorical.py)."""
WHOLE = ("poisson", "negative_binomial", "bernoulli")
MEANS = {"bernoulli": (0.05, 0.4, 0.9)}


def make(name: str, channels: int = 1) -> Observation:
    return registry.load("observations", name)(channels)  # type: ignore[no-any-return]


def loss(observation: Observation, parameters: Tensor, values: Tensor) -> Tensor:
    with torch.no_grad():
        return observation.negative_log_likelihood(parameters, values, constant=True)


def test_poisson_known_answers() -> None:
    exact = loss(Poisson(), torch.zeros(2, 1), torch.tensor([1.0, 2.0]))
    assert exact.tolist() == pytest.approx([1.0, 1.693147], abs=1e-6)  # Stirling's formula would give 1.651806
    values, log_rates = torch.arange(7.0), torch.linspace(-2, 2, 7)
    expected = -stats.poisson.logpmf(values.numpy(), np.exp(log_rates.numpy()))
    np.testing.assert_allclose(loss(Poisson(), log_rates[:, None], values), expected, rtol=1e-5)


def test_gaussians_match_scipy() -> None:
    values, mean = torch.tensor([1.0, 2.0]), torch.tensor([0.3, -1.0])
    log_variance = torch.tensor([math.log(2.0), 0.0])
    expected = -stats.norm.logpdf(values.numpy(), mean.numpy(), [math.sqrt(2.0), 1.0])
    np.testing.assert_allclose(loss(Gaussian(), torch.stack([mean, log_variance], -1), values), expected, rtol=1e-6)
    shared = GaussianShared(2)
    with torch.no_grad():
        shared.log_variance.copy_(log_variance)
    np.testing.assert_allclose(loss(shared, mean[:, None], values), expected, rtol=1e-6)
    half = -stats.norm.logpdf(values.numpy(), mean.numpy(), math.sqrt(0.5))
    np.testing.assert_allclose(loss(SquaredError(), mean[:, None], values), half, rtol=1e-6)
    plain = SquaredError().negative_log_likelihood(mean[:, None], values)
    torch.testing.assert_close(plain, (values - mean) ** 2)


def test_gamma_and_negative_binomial_match_scipy() -> None:
    values, log_a, log_b = (
        torch.tensor([0.02, 1.0, 7.5]),
        torch.tensor([-1.0, 0.5, 6.0]),
        torch.tensor([0.3, -1.0, 4.0]),
    )
    expected = -stats.gamma.logpdf(values.double(), log_a.double().exp(), scale=(-log_b.double()).exp())
    np.testing.assert_allclose(loss(Gamma(), torch.stack([log_a, log_b], -1), values), expected, rtol=1e-5)
    counts, eta, log_r = (
        torch.tensor([0.0, 3.0, 12.0, 2.0]),
        torch.tensor([0.1, 1.0, -2.0, 0.4]),
        torch.tensor([0.0, 2.0, -1.0, 14.0]),
    )
    r, mean = np.exp(log_r.double().numpy()), np.exp(eta.double().numpy())
    expected = -stats.nbinom.logpmf(counts.numpy(), r, r / (r + mean))
    np.testing.assert_allclose(loss(NegativeBinomial(), torch.stack([eta, log_r], -1), counts), expected, rtol=1e-5)


def test_negative_binomial_of_a_large_shape_is_poisson() -> None:
    counts, eta = torch.arange(6.0), torch.linspace(-3, 2, 6)
    large = loss(NegativeBinomial(), torch.stack([eta, torch.full_like(eta, 30.0)], -1), counts)
    torch.testing.assert_close(large, loss(Poisson(), eta[:, None], counts), rtol=1e-4, atol=1e-5)


def test_zero_inflated_gamma_by_hand() -> None:
    observation = ZeroInflatedGamma(2, ZeroInflatedGammaConfig(loc=0.5, scale_init=4.0))
    raw, values = torch.tensor([[0.2, -0.3, 1.0], [0.2, -0.3, 1.0]]), torch.tensor([0.0, 2.0])
    s_a, s_b, q = (1 / (1 + math.exp(-x)) for x in (0.2, -0.3, 1.0))
    event = -math.log(q) - stats.gamma.logpdf(2.0 - 0.5, 4 * s_a, scale=1 / (4 * s_b))
    assert loss(observation, raw, values).tolist() == pytest.approx([-math.log(1 - q), event], rel=1e-5)
    assert observation.mean(raw).tolist() == pytest.approx([q * (s_a / s_b + 0.5)] * 2, rel=1e-5)
    never = loss(observation, torch.tensor([[0.0, 0.0, 50.0]] * 2), torch.zeros(2))
    assert never.tolist() == pytest.approx([-math.log(1e-6)] * 2, rel=0.01)


def test_zero_inflated_gammas_scales_are_penalised() -> None:
    config = ZeroInflatedGammaConfig(scale_init=5.0, scale_prior=3.0, scale_penalty=0.1)
    penalty = ZeroInflatedGamma(4, config).penalty()
    assert penalty is not None and penalty.item() == pytest.approx(0.5 * 0.1 * 8 * 2**2)
    penalty.backward()  # type: ignore[no-untyped-call]
    assert all(make(name).penalty() is None for name in NAMES)


PLAIN = st.floats(-1.5, 1.5)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(raw=st.tuples(PLAIN, PLAIN, PLAIN))
def test_probabilities_add_to_one_and_give_the_mean(name: str, raw: tuple[float, float, float]) -> None:
    observation = make(name)
    parameters = torch.tensor(raw[: observation.parameters_per_channel])
    mean = observation.mean(parameters[None, None]).item()
    if name in WHOLE:
        values = torch.arange(2.0 if name == "bernoulli" else 400.0)
        weights = torch.ones_like(values)
    else:  # on a logarithmic grid around zero: a gamma law may have a pole there
        fine = torch.logspace(-12, 2.3, 10_000, dtype=torch.float64)
        edges = fine if "gamma" in name else torch.cat([-fine.flip(0), fine])
        values, weights = (0.5 * (edges[1:] + edges[:-1])).float(), edges.diff()
    density = (
        -loss(observation, parameters.expand(len(values), 1, -1), values[:, None])[:, 0].double()
    ).exp() * weights
    total, expected = density.sum().item(), (density * values).sum().item()
    if name == "zero_inflated_gamma":
        total += math.exp(-loss(observation, parameters[None, None], torch.zeros(1, 1)).item())
    assert total == pytest.approx(1, abs=5e-3)
    assert expected == pytest.approx(mean, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_every_likelihood_samples_its_mean_and_starts_at_it(name: str) -> None:
    observation = make(name, 3)
    mean = torch.tensor(MEANS.get(name, (0.2, 1.0, 4.0)))
    parameters = observation.from_mean(mean)
    assert parameters.shape == (3, observation.parameters_per_channel)
    torch.testing.assert_close(observation.mean(parameters), mean)
    torch.manual_seed(0)
    drawn = observation.sample(
        parameters.detach().expand(20000, 3, observation.parameters_per_channel).contiguous()
    ).detach()
    standard_error = drawn.std(0) / math.sqrt(20000)
    assert ((drawn.mean(0) - mean).abs() < 4 * standard_error).all()
    assert observation.accepts(drawn).all()


def test_zero_inflated_gamma_starts_at_means_on_both_sides_of_loc() -> None:
    observation = ZeroInflatedGamma(3, ZeroInflatedGammaConfig(loc=1.0))
    mean = torch.tensor([0.01, 0.9, 5.0])
    torch.testing.assert_close(observation.mean(observation.from_mean(mean)), mean)


@pytest.mark.parametrize("name", NAMES)
def test_the_constant_changes_no_gradient(name: str) -> None:
    observation = make(name)
    parameters = torch.randn(5, observation.parameters_per_channel, requires_grad=True)
    values = torch.arange(5.0)
    grads = [
        torch.autograd.grad(observation.negative_log_likelihood(parameters, values, constant=c).sum(), parameters)[0]
        for c in (False, True)
    ]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients_are_finite_at_extremes(name: str) -> None:
    observation = make(name)
    corners = torch.cartesian_prod(*[torch.tensor([-40.0, 0.0, 40.0])] * observation.parameters_per_channel)
    corners = corners.reshape(-1, 1, observation.parameters_per_channel)
    for value in (0.0, 1e-6, 1.0, 50.0):
        parameters = corners.clone().requires_grad_()
        found = observation.negative_log_likelihood(parameters, torch.full(corners.shape[:2], value))
        found.sum().backward()  # type: ignore[no-untyped-call]
        assert torch.isfinite(found).all()
        assert parameters.grad is not None and torch.isfinite(parameters.grad).all()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in observation.parameters())


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("gamma", 0.0, "zero_inflated_gamma"),
        ("gamma", -0.1, "gaussian"),
        ("zero_inflated_gamma", -0.1, "Set what is below to 0"),
        ("negative_binomial", 0.5, "gamma"),
        ("bernoulli", 2.0, "poisson"),
        ("poisson", -1.0, "gaussian"),
        ("gaussian", float("inf"), "finite values"),
    ],
)
def test_values_that_cannot_occur_are_refused(name: str, value: float, fix: str) -> None:
    values = torch.tensor([1.0, value, 1.0])
    make(name).check("dff", values[::2])
    with pytest.raises(InvalidInput, match=rf"^dff: got 1 of 3 values.*{fix}"):
        make(name).check("dff", values)


def test_zero_inflated_gamma_takes_zeros_and_nothing_up_to_loc() -> None:
    observation = ZeroInflatedGamma(1, ZeroInflatedGammaConfig(loc=0.2))
    assert observation.accepts(torch.tensor([0.0, 0.1, 0.2, 0.3, -1.0])).tolist() == [True, False, False, True, False]


def test_bernoulli_by_hand() -> None:
    found = loss(Bernoulli(), torch.tensor([[0.4], [0.4]]), torch.tensor([0.0, 1.0]))
    p = 1 / (1 + math.exp(-0.4))
    assert found.tolist() == pytest.approx([-math.log(1 - p), -math.log(p)], rel=1e-5)
