"""The Poisson log likelihood of a whole batch, as one function with its own gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class PoissonSum(torch.autograd.Function):
    """Σ mask (exp η − y η), whose gradient is that of Σ weight (exp η − y η): one exponential and no second pass.

    Arguments: η and counts y of one shape; the mask (None for all entries); the weight; `plain`, where both are 1 everywhere; a bound on η, or None.
    """

    @staticmethod
    def forward(
        ctx: Any, eta: Tensor, target: Tensor, mask: Tensor | None, weight: Tensor, plain: bool, clamp: float | None
    ) -> Tensor:
        rate = eta.exp() if clamp is None else eta.clamp_max(clamp).exp_()
        if mask is None:
            value = rate.sum() - (target * eta).sum()
        else:
            value = ((rate - target * eta) * mask).sum()
        gradient = rate.sub_(target)
        ctx.save_for_backward(gradient if plain else gradient.mul_(weight))
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None, None, None, None
