"""The hand-written adjoint of a leaky rate network is what automatic differentiation finds in a plain loop."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from leaky_networks import FORMS, PARAMETERS, Case, case, differentiated, found, same
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.feedback_alignment import FeedbackAlignment, FeedbackAlignmentConfig
from neurodyn.models.parts.leaky_credit import TypeMeans, outer
from neurodyn.objectives.base import Step

SYMMETRIC = FeedbackAlignmentConfig(feedback="symmetric")
CONSTRAINTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "one time constant": {"time_constants_s": (0.05,)},
    "sparse": {"density": 0.5},
    "dale": {"dale": True, "units": 10},
    "dale, sparse, cell types": {"dale": True, "density": 0.7, "units": 10, "cell_types": 2, "nonlinearity": "relu"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_adjoint_is_exact(form: str, constraint: str) -> None:
    made = case(form, **CONSTRAINTS[constraint])
    expected = differentiated(made)
    assert all(float(g.abs().max()) > 0 for g in expected.gradients.values())
    for rule in (BPTT(), FeedbackAlignment(SYMMETRIC)):
        same(found(rule, made), expected.gradients)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nonlinearity", ["retanh", "relu", "softplus", "linear"])
def test_with_any_nonlinearity(form: str, nonlinearity: str) -> None:
    made = case(form, nonlinearity=nonlinearity)
    expected = differentiated(made).gradients
    same(found(BPTT(), made), expected)
    same(found(FeedbackAlignment(SYMMETRIC), made), expected)


@pytest.mark.parametrize("form", FORMS)
def test_from_a_state_at_the_kink(form: str) -> None:
    """The published networks start at a_{−1} = 0, where the derivative of retanh is a half."""
    made = case(form, nonlinearity="retanh").set(initial=0.0)
    same(found(BPTT(), made), differentiated(made).gradients)


@pytest.mark.parametrize("form", FORMS)
def test_with_noise_of_the_activity(form: str) -> None:
    made = case(form, nonlinearity="retanh", activity_noise=0.3)
    made.model.train()
    for rule in (BPTT(), FeedbackAlignment(SYMMETRIC)):
        torch.manual_seed(3)
        gradients = found(rule, made)
        torch.manual_seed(3)
        noise = made.model.noise(made.inputs)
        assert noise is not None
        same(gradients, differentiated(made, noise=noise).gradients)


@pytest.mark.parametrize("penalty", [0.0, 0.7])
def test_with_penalties_on_activity_and_on_weights(penalty: float) -> None:
    made = case(penalty=penalty, blocks=0.3)
    expected = differentiated(made).gradients
    same(found(BPTT(), made), expected)
    same(found(FeedbackAlignment(SYMMETRIC), made), expected)


@pytest.mark.parametrize("mask", [True, False])
def test_central_differences(mask: bool) -> None:
    made = case(mask=mask, trials=2, bins=5, units=3, penalty=0.7)
    gradients = found(BPTT(), made)
    for name in PARAMETERS:
        parameter = getattr(made.model, name)
        numeric = torch.zeros_like(parameter)
        for i in range(parameter.numel()):
            numeric.view(-1)[i] = (loss_at(made, name, i, 1e-5) - loss_at(made, name, i, -1e-5)) / 2e-5
        torch.testing.assert_close(gradients[name], numeric, rtol=1e-6, atol=1e-8)


@torch.no_grad()
def loss_at(made: Case, name: str, place: int, change: float) -> float:
    """The loss with one parameter a little changed."""
    flat = getattr(made.model, name).view(-1)
    before = flat[place].clone()
    flat[place] += change
    total = float(made.objective(made.model(made.batch.observed), made.batch, Step()).total)
    flat[place] = before
    return total


def test_a_loss_of_activity_alone_and_of_inputs() -> None:
    """The model's forward pass is differentiable in its inputs, and in what only its activity decides."""
    made = case(penalty=0.0)
    stimulus = made.batch.observed.signals["stimulus"].double().requires_grad_()
    observed = made.batch.observed
    output = made.model(dataclasses.replace(observed, signals={"stimulus": stimulus}))
    (by_stimulus,) = torch.autograd.grad(output.latents.square().sum(), stimulus)
    assert float(by_stimulus.abs().max()) > 0
    step = torch.zeros_like(stimulus)
    step[1, 2, 0] = 1e-5

    def value(change: torch.Tensor) -> float:
        with torch.no_grad():
            shifted = dataclasses.replace(observed, signals={"stimulus": stimulus + change})
            return float(made.model(shifted).latents.square().sum())

    assert float(by_stimulus[1, 2, 0]) == pytest.approx((value(step) - value(-step)) / 2e-5, rel=1e-6)


def test_outer_products() -> None:
    left, right = torch.randn(5, 4, 2), torch.randn(5, 4, 7)
    expected = torch.einsum("tbm,tbn->mn", left, right)
    torch.testing.assert_close(outer(left, right), expected)
    torch.testing.assert_close(outer(right, left), expected.T)


def test_type_means_are_means_of_blocks() -> None:
    weights = torch.arange(16.0).reshape(4, 4)
    means = TypeMeans.of(weights, torch.tensor([0, 0, 0, 1])).means
    torch.testing.assert_close(means, torch.tensor([[5.0, 7.0], [13.0, 15.0]]))
