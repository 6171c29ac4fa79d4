"""The matching loss of two modalities: which latent of one belongs to which of the other, with negatives from the whole batch however it is split up."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from neurodyn.models.parts.gaussians import Gaussian, expected_distance


def matching_losses(
    distance: Tensor, scale: Tensor | float, shift: Tensor | float, same: Tensor | None = None, first: int = 0
) -> Tensor:
    """Binary cross-entropy, in nats, of telling from their distance whether two latents are of one trial.

    With logits l = shift − scale · d, a pair that belongs together costs softplus(−l), any other softplus(l): nothing is normalised over the batch.
    Trials without both modalities are left out beforehand. Source: Zhu et al. 2025, arXiv:2505.04331, and its code.

    Args:
        distance: E ‖z_y,i − z_x,j‖² `(row, trial)`; square unless `first` is used.
        scale, shift: scalars.
        same: pairs to leave out, boolean, of the shape of `distance`: of one stimulus and overlapping frames, say, which are no negatives. Pairs that belong together always count.
        first: column that belongs to row 0, where the rows are part of a batch.

    Returns:
        Of every pair; 0 where it is left out.
    """
    together = torch.zeros_like(distance, dtype=torch.bool)
    together.diagonal(first).fill_(True)
    logits = shift - scale * distance
    losses = F.softplus(torch.where(together, -logits, logits))
    return losses if same is None else losses.masked_fill(same & ~together, 0.0)


def apart(trials: int, replicas: int, device: torch.device | None = None) -> Tensor:
    """Pairs of trials that the release never compares, because its batch is split over replicas, boolean `(trial, trial)`.

    Each replica takes ⌈trials / replicas⌉ neighbours: 32 windows over 8 give blocks of 4, so 96 negatives where a whole batch has 992.
    """
    replica = torch.arange(trials, device=device) // -(-trials // replicas)
    return replica[:, None] != replica


def matching_part(
    own_x: Gaussian,
    own_y: Gaussian,
    all_x: Gaussian,
    all_y: Gaussian,
    start: int,
    scale: Tensor,
    shift: Tensor,
    same: Tensor | None = None,
    counted: Tensor | None = None,
) -> Tensor:
    """A micro-batch's or process's share of the matching loss of a whole batch, summed.

    Both the values and the gradients of the shares add up to those of one batch, so that the negatives depend neither on the number of devices nor on that of
    micro-batches. A share has the value of its rows: y of its own trials against x of all. Its own x are reached through their column, all y against them,
    which adds a gradient but no value.

    Where processes average their gradients, multiply by their number.

    Args:
        own_x, own_y: of the trials `start`, `start` + 1, ... of the batch, with gradients.
        all_x, all_y: of all its trials, own ones too, without gradients, from the same weights (and the same dropout masks, if any).
        start: place of the first own trial.
        scale, shift: as in `matching_losses`; scalars with gradients.
        same: as there, of the whole batch `(trial, trial)`.
        counted: 1 where an entry of a latent counts, 0 where it is padding, of the whole batch, broadcastable to the means.
    """
    own = slice(start, start + len(own_x.mean))
    own_counted = None if counted is None else counted[own]
    all_x, all_y = all_x.detach(), all_y.detach()
    rows = expected_distance(own_y, all_x, own_counted, counted)
    value = matching_losses(rows, scale, shift, None if same is None else same[own], start).sum()
    columns = expected_distance(own_x, all_y, own_counted, counted)  # transposed: rows are own x
    fixed = (scale.detach(), shift.detach())
    reached = matching_losses(columns, *fixed, None if same is None else same[:, own].t(), start).sum()
    return value + (reached - reached.detach())
