"""Diagonal Gaussians, each a mean and a log-variance of one shape: product, KL, and the expected squared distance of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from neurodyn.errors import InvalidInput


class Gaussian(NamedTuple):
    """Independent normals. The first axis is the trial; the others are free."""

    mean: Tensor
    """`(trial, ...)`."""
    log_variance: Tensor
    """Natural log of the variance, of the same shape."""

    def sample(self) -> Tensor:
        """One draw, through which gradients reach mean and log-variance."""
        return torch.addcmul(self.mean, torch.exp(0.5 * self.log_variance), torch.randn_like(self.mean))

    def detach(self) -> Gaussian:
        """The same numbers without their gradients."""
        return Gaussian(self.mean.detach(), self.log_variance.detach())


def product(parts: Sequence[Gaussian], present: Sequence[Tensor | None] = ()) -> Gaussian:
    """The normalised product of densities: precisions add, and the mean is weighted by them. There is no prior factor.

    Precisions are summed as logarithms, so no variance can overflow.

    Args:
        parts: densities of one shape.
        present: for each part, the trials that have it, boolean `(trial,)`; None, or an empty sequence, for all. What a missing part holds has no effect, not even NaN.

    Raises:
        InvalidInput: no part at all; a trial without any.
    """
    if not parts:
        raise InvalidInput("parts", "none", "one Gaussian or more", "Give at least one modality.")
    masks = list(present) or [None] * len(parts)
    if all(mask is not None for mask in masks):
        lonely = ~torch.stack([mask for mask in masks if mask is not None]).any(0)
        if bool(lonely.any()):
            trial = int(lonely.nonzero()[0])
            raise InvalidInput(
                "present", f"nothing for trial {trial}", "one modality or more in every trial", "Leave that trial out."
            )
    means, log_precisions = [], []
    for part, mask in zip(parts, masks, strict=True):
        mean, log_precision = part.mean, -part.log_variance
        if mask is not None:
            absent = ~mask.view(-1, *[1] * (mean.ndim - 1))
            mean, log_precision = mean.masked_fill(absent, 0.0), log_precision.masked_fill(absent, -torch.inf)
        means.append(mean)
        log_precisions.append(log_precision)
    if len(parts) == 1:
        return Gaussian(means[0], -log_precisions[0])
    stacked = torch.stack(log_precisions)
    total = torch.logsumexp(stacked, 0)
    weights = torch.exp(stacked - total)
    return Gaussian((weights * torch.stack(means)).sum(0), -total)


def kl(p: Gaussian, q: Gaussian) -> Tensor:
    """KL(p ‖ q) of every entry, in nats: ½ (ln(s_q / s_p) + (s_p + (m_p − m_q)²) / s_q − 1), s variances."""
    ratio = p.log_variance - q.log_variance
    distance = (p.mean - q.mean).square()
    return 0.5 * (torch.addcmul(ratio.exp() - ratio, distance, torch.exp(-q.log_variance)) - 1)


def kl_standard(p: Gaussian) -> Tensor:
    """KL(p ‖ N(0, 1)) of every entry, in nats."""
    return 0.5 * (p.mean.square() + p.log_variance.exp() - p.log_variance - 1)


def kl_of_product(x: Gaussian, y: Gaussian) -> Tensor:
    """KL(q ‖ x) + KL(q ‖ y) of every entry, in nats, q the product of x and y, without computing q.

    It is ½ (ln((s_x + s_y)² / (s_x s_y)) − 1 + (m_x − m_y)² / (s_x + s_y)), and never below ½ (ln 4 − 1) = 0.1931, its value where x and y are the same.
    """
    log_sum = torch.logaddexp(x.log_variance, y.log_variance)
    spread = 2 * log_sum - x.log_variance - y.log_variance - 1
    return 0.5 * torch.addcmul(spread, (x.mean - y.mean).square(), torch.exp(-log_sum))


def expected_distance(
    a: Gaussian, b: Gaussian, counted_a: Tensor | None = None, counted_b: Tensor | None = None
) -> Tensor:
    """E ‖z_a,i − z_b,j‖² of all pairs `(trial of a, trial of b)`, summed over all axes but the first: Σ (m_a,i − m_b,j)² + Σ (s_a,i + s_b,j).

    Matrix products give it, so no array of all pairs and entries is made. Means are taken from their common centre first, which changes no distance and
    loses fewer digits.

    Args:
        a, b: Gaussians whose shapes differ in the first axis at most.
        counted_a, counted_b: 1 where an entry counts, 0 where it is padding; broadcastable to the means. An entry of a pair counts where it does in both. Give both or neither.
    """
    center = b.mean.mean(0).detach()
    mean_a, mean_b = (a.mean - center).flatten(1), (b.mean - center).flatten(1)
    variance_a, variance_b = a.log_variance.exp().flatten(1), b.log_variance.exp().flatten(1)
    if counted_a is None or counted_b is None:
        own_a = (mean_a.square() + variance_a).sum(1)
        own_b = (mean_b.square() + variance_b).sum(1)
        return torch.addmm(own_a[:, None] + own_b, mean_a, mean_b.t(), alpha=-2)
    weight_a = counted_a.to(mean_a.dtype).expand_as(a.mean).flatten(1)
    weight_b = counted_b.to(mean_b.dtype).expand_as(b.mean).flatten(1)
    squares_a, squares_b = weight_a * (mean_a.square() + variance_a), weight_b * (mean_b.square() + variance_b)
    own = squares_a @ weight_b.t() + weight_a @ squares_b.t()
    return torch.addmm(own, weight_a * mean_a, (weight_b * mean_b).t(), alpha=-2)
