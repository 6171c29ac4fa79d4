"""PNBA's published loss, term by term."""

from __future__ import annotations

import torch
from torch import Tensor

from neurodyn.models.parts.gaussians import kl, kl_of_product
from neurodyn.models.parts.published_pnba.network import Reconstructions

FLOOR = 1e-8
"""Added to rates and activity, against the logarithm of zero."""


def poisson_losses(activity: Tensor, rates: Tensor) -> Tensor:
    """(r + 1e-8) − (x + 1e-8) ln(r + 1e-8) of every entry: the Poisson negative log likelihood up to a constant, for x that need not be whole; least at r = x.

    For scaled responses, which are no counts, it is a heuristic.
    """
    rates = rates + FLOOR
    return rates - (activity + FLOOR) * torch.log(rates)


def published_pnba_losses(
    found: Reconstructions,
    activity: Tensor,
    video: Tensor,
    matching: Tensor,
    counted: Tensor | None = None,
    trials: int | None = None,
) -> dict[str, Tensor]:
    """Terms of the published loss, scalars; the loss is their sum. Each is a sum over all entries divided by the trials of the batch, and all weights are 1.

    Two Poisson terms (rates from the fused latents and from the video's), two squared errors (video from the fused latents and from the activity's), KL(q ‖ x) + KL(q ‖ y)
    of the fused posterior in closed form, both KLs between the modalities, and the matching loss. How they weigh against each other follows from the numbers of units,
    bins and pixels. There is no standard-normal prior, and no modality is decoded from its own latents. Source: Zhu et al. 2025, arXiv:2505.04331, and its code.

    Args:
        found: what the network gave.
        activity: `(trial, time, unit)`, not negative.
        video: video, or a series in its place, `(trial, time, ...)`.
        matching: the matching loss summed over pairs, or a share of it: `matching_losses(...).sum()` or `matching_part(...)`.
        counted: bins that count, boolean `(trial, time)`; None for all. What `activity` and `video` hold elsewhere has no effect, NaN aside.
        trials: of the whole batch, where these are part of it.
    """
    x, y = found.neural, found.video
    terms = {
        "rates_of_fused": poisson_losses(activity, found.rates_of_fused),
        "rates_of_video": poisson_losses(activity, found.rates_of_video),
        "video_of_fused": (video - found.video_of_fused).square(),
        "video_of_neural": (video - found.video_of_neural).square(),
    }
    divergences = {"kl_fused": kl_of_product(x, y), "kl_neural_video": kl(x, y), "kl_video_neural": kl(y, x)}
    if counted is not None:
        terms = {name: term.flatten(2).sum(2) * counted for name, term in terms.items()}
        divergences = {name: term * counted[:, None, None] for name, term in divergences.items()}
    count = len(activity) if trials is None else trials
    return {name: term.sum() / count for name, term in {**terms, **divergences, "matching": matching}.items()}
