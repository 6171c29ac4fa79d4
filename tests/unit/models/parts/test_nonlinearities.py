"""Every nonlinearity: its values by a formula written out again, its derivative by automatic differentiation, and what happens at a kink."""

from __future__ import annotations

import math

import pytest
import torch

from neurodyn.errors import UnknownName
from neurodyn.models.parts.nonlinearities import NONLINEARITIES, nonlinearity

FORMULAS = {
    "retanh": lambda a: torch.maximum(torch.tanh(a), torch.zeros_like(a)),
    "linear": lambda a: a * 1.0,
    "logistic": lambda a: 1 / (1 + torch.exp(-a)),
    "softplus": lambda a: torch.log(1 + torch.exp(a)),
    "relu": lambda a: a.clamp(min=0),
    "swish": lambda a: a / (1 + torch.exp(-a)),
    "mish": lambda a: a * torch.tanh(torch.log(1 + torch.exp(a))),
    "gelu": lambda a: 0.5 * a * (1 + torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))),
    "elu": lambda a: torch.where(a > 0, a, torch.exp(a) - 1),
    "tanh": torch.tanh,
    "scaled_tanh": lambda a: 1.7159 * torch.tanh(2 * a / 3),
    "hard_tanh": lambda a: a.clamp(-1, 1),
    "sign": lambda a: torch.where(a >= 0, 1.0, -1.0) + 0 * a,
}


def test_every_nonlinearity_is_checked() -> None:
    assert set(FORMULAS) == set(NONLINEARITIES)


@pytest.mark.parametrize("name", sorted(NONLINEARITIES))
def test_values_and_derivatives(name: str) -> None:
    potential = torch.linspace(-3.05, 3.05, 62, dtype=torch.float64).reshape(2, 31).requires_grad_()
    expected = FORMULAS[name](potential)
    (slope,) = torch.autograd.grad(expected.sum(), potential)
    phi = nonlinearity(name)
    value = torch.full_like(potential, math.nan)
    with torch.no_grad():
        phi.into(potential, value)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(phi(potential), expected)
        torch.testing.assert_close(phi.derivative(potential, value), slope)
        far = phi(torch.tensor([-1e4, 1e4], dtype=torch.float64)).abs().max()
    assert (far < 2) == phi.bounded


@pytest.mark.parametrize(
    ("name", "kinks", "expected"), [("retanh", [0.0], 0.5), ("relu", [0.0], 1.0), ("hard_tanh", [-1.0, 1.0], 1.0)]
)
def test_derivative_at_a_kink_is_that_of_the_public_code(name: str, kinks: list[float], expected: float) -> None:
    """Half for the maximum of two equal numbers, one for a number that is clamped to itself: networks start at the kink, a = 0."""
    potential = torch.tensor(kinks, requires_grad=True)
    (slope,) = torch.autograd.grad(FORMULAS[name](potential).sum(), potential)
    phi, at = nonlinearity(name), potential.detach()
    assert phi.derivative(at, phi(at)).tolist() == slope.tolist() == [expected] * len(kinks)


def test_the_derivative_leaves_its_arguments_alone() -> None:
    potential = torch.linspace(-1, 1, 7)
    for name, phi in NONLINEARITIES.items():
        value = phi(potential)
        before = value.clone()
        phi.derivative(potential, value)
        assert torch.equal(value, before) and torch.equal(potential, torch.linspace(-1, 1, 7)), name


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownName, match="retanh"):
        nonlinearity("retan")
