"""Nonlinearities of rate networks with their derivatives, for loops that differentiate by hand."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from neurodyn.errors import UnknownName


class Nonlinearity(ABC):
    """φ, element by element."""

    bounded: ClassVar[bool] = False
    """Whether activity stays finite whatever drives it."""

    @abstractmethod
    def into(self, potential: Tensor, out: Tensor) -> None:
        """Writes φ(a) into `out`, of the same shape."""

    @abstractmethod
    def derivative(self, potential: Tensor, value: Tensor) -> Tensor:
        """φ'(a) as a new tensor, from a and φ(a)."""

    def __call__(self, potential: Tensor) -> Tensor:
        """φ(a) as a new tensor; automatic differentiation takes `derivative`."""
        if potential.requires_grad and torch.is_grad_enabled():
            found: Tensor = _Differentiable.apply(potential, self)  # type: ignore[no-untyped-call]
            return found
        return self._of(potential)

    def _of(self, potential: Tensor) -> Tensor:
        out = torch.empty_like(potential)
        self.into(potential, out)
        return out


class _Differentiable(torch.autograd.Function):
    """φ in a graph."""

    @staticmethod
    def forward(ctx: Any, potential: Tensor, phi: Nonlinearity) -> Tensor:
        value = phi._of(potential)
        ctx.save_for_backward(potential, value)
        ctx.phi = phi
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.phi.derivative(*ctx.saved_tensors), None


class Retanh(Nonlinearity):
    """max(tanh a, 0); its derivative where a is exactly 0, as it is before training begins, is ½: that of the maximum of two equal numbers."""

    bounded = True

    def into(self, potential: Tensor, out: Tensor) -> None:
        torch.tanh(potential, out=out).clamp_(min=0)

    def derivative(self, potential: Tensor, value: Tensor) -> Tensor:
        slope = torch.sign(potential).mul_(0.5).add_(0.5)  # as torch.heaviside, in a third of the time
        return slope.addcmul_(value, value, value=-1)  # value is 0 wherever the slope is not 1


class Relu(Nonlinearity):
    """max(a, 0), of derivative 1 at 0, as in the release of the learning-rule study (torch.clamp), where activity starts."""

    def into(self, potential: Tensor, out: Tensor) -> None:
        torch.clamp(potential, min=0, out=out)

    def derivative(self, potential: Tensor, value: Tensor) -> Tensor:
        return (potential >= 0).to(potential)


class ScaledTanh(Nonlinearity):
    """height · tanh(slope · a)."""

    bounded = True

    def __init__(self, height: float = 1.0, slope: float = 1.0) -> None:
        self._height, self._slope = height, slope

    def into(self, potential: Tensor, out: Tensor) -> None:
        torch.mul(potential, self._slope, out=out).tanh_().mul_(self._height)

    def derivative(self, potential: Tensor, value: Tensor) -> Tensor:
        return value.square().mul_(-self._slope / self._height).add_(self._height * self._slope)


class Pointwise(Nonlinearity):
    """Any φ by its formula and that of its derivative."""

    def __init__(self, formula: Callable[[Tensor], Tensor], derivative: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._formula, self._derivative = formula, derivative

    def into(self, potential: Tensor, out: Tensor) -> None:
        out.copy_(self._formula(potential))

    def derivative(self, potential: Tensor, value: Tensor) -> Tensor:
        return self._derivative(potential, value)


class Bounded(Pointwise):
    """The same for values that stay between two numbers."""

    bounded = True


def _swish_derivative(potential: Tensor, value: Tensor) -> Tensor:
    gate = torch.sigmoid(potential)
    return gate + value * (1 - gate)


def _mish_derivative(potential: Tensor, value: Tensor) -> Tensor:
    inner = torch.tanh(functional.softplus(potential))
    return inner + potential * (1 - inner.square()) * torch.sigmoid(potential)


_GELU = math.sqrt(2 / math.pi)


def _gelu_derivative(potential: Tensor, value: Tensor) -> Tensor:
    inner = torch.tanh(_GELU * (potential + 0.044715 * potential**3))
    slope = _GELU * (1 + 3 * 0.044715 * potential.square())
    return 0.5 * (1 + inner) + 0.5 * potential * (1 - inner.square()) * slope


NONLINEARITIES: dict[str, Nonlinearity] = {
    "retanh": Retanh(),
    "linear": Pointwise(lambda a: a, lambda a, h: torch.ones_like(a)),
    "logistic": Bounded(torch.sigmoid, lambda a, h: h * (1 - h)),
    "softplus": Pointwise(functional.softplus, lambda a, h: torch.sigmoid(a)),
    "relu": Relu(),
    "swish": Pointwise(functional.silu, _swish_derivative),
    "mish": Pointwise(functional.mish, _mish_derivative),
    "gelu": Pointwise(lambda a: functional.gelu(a, approximate="tanh"), _gelu_derivative),
    "elu": Pointwise(functional.elu, lambda a, h: torch.where(a > 0, torch.ones_like(a), h + 1)),
    "tanh": ScaledTanh(),
    "scaled_tanh": ScaledTanh(1.7159, 2 / 3),
    "hard_tanh": Bounded(lambda a: a.clamp(-1, 1), lambda a, h: (a.abs() <= 1).to(a)),
    "sign": Bounded(
        lambda a: torch.where(a >= 0, torch.ones_like(a), -torch.ones_like(a)), lambda a, h: torch.zeros_like(a)
    ),
}
"""φ by name. `retanh` is max(tanh a, 0), `scaled_tanh` 1.7159 tanh(2a/3), `gelu` its tanh form; `sign` is -1 or 1, of derivative 0."""


def nonlinearity(name: str) -> Nonlinearity:
    """φ by name.

    Raises:
        UnknownName: there is none.
    """
    if name not in NONLINEARITIES:
        raise UnknownName("nonlinearity", name, NONLINEARITIES)
    return NONLINEARITIES[name]
