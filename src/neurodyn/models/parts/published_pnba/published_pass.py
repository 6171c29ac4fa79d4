"""A forward pass of the published network, said as PNBA's objective and `infer` want it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neurodyn.models.modalities.base import Sight
from neurodyn.models.parts.gaussians import Gaussian, product
from neurodyn.models.parts.published_pnba.network import PublishedPNBA, by_time

LEAST_RATE = 1e-8


def published_pass(
    network: PublishedPNBA,
    name: str,
    activity: Tensor,
    sight: Sight | None,
    units: int,
    drawn: Callable[[Gaussian], Tensor],
    training: bool,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Latents of the activity `(trial, time, latent)`, and what PNBA's `hidden` holds.

    Args:
        network: the published one.
        name: of the second modality.
        activity: `(trial, time, unit)`; below zero it is cut, as rounding leaves it.
        sight: the second modality; None where it was not given.
        units: to decode.
        drawn: a posterior's sample, or its mean.
        training: leaves out the activity decoded from its own latents, which nothing is trained on.
    """
    neural = network.encode_neural(activity.clamp_min(0).transpose(1, 2))
    z = drawn(neural)
    posteriors = {"neural": neural}
    sources = {} if training and sight is not None else {"neural": z}
    videos = {f"{name}_from_neural": z}
    hidden: dict[str, Tensor] = {}
    if sight is not None:
        other = network.encode_video(sight.values)
        posteriors |= {name: other, "joint": product([neural, other])}
        sources |= {source: drawn(posteriors[source]) for source in ("joint", name)}
        videos[f"{name}_from_joint"] = sources["joint"]
        hidden |= {name: sight.values, f"{name}_known": sight.known}
    for which, posterior in posteriors.items():
        hidden |= {f"{which}_mean": by_time(posterior.mean), f"{which}_log_variance": by_time(posterior.log_variance)}
    rates = network.decode_neural(torch.cat(list(sources.values())), units).chunk(len(sources))
    hidden |= {f"neural_from_{source}": log_rates(value) for source, value in zip(sources, rates)}
    decoded = network.decode_video(torch.cat(list(videos.values()))).chunk(len(videos))
    hidden |= dict(zip(videos, decoded))
    return by_time(z), hidden


def log_rates(rates: Tensor) -> Tensor:
    """Rates as parameters of a Poisson likelihood `(trial, time, unit, 1)`."""
    return rates.clamp_min(LEAST_RATE).log().unsqueeze(-1)
