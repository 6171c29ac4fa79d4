"""Spikes as a list, and where activity may go within a trial."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def require_spikes(sessions: Sequence[Trials], transform: str) -> None:
    """Raises `InvalidInput` when a session's population is not spike counts."""
    for trials in sessions:
        if trials.neural_name is None or trials.neural.kind != "spikes":
            got = "no neural signal" if trials.neural_name is None else trials.neural.kind
            raise InvalidInput("train.transforms", f"{transform} on {got}", "spike counts", f"Leave out {transform}.")


def spikes_in(counts: Tensor) -> Tensor:
    """Flat index into counts `(...)` of every single spike, `(spike,)`; a bin with several spikes is named as often."""
    flat = counts.reshape(-1)
    places = flat.nonzero().squeeze(1)
    number = flat[places]
    return places.repeat_interleave(number.long()) if (number > 1).any() else places


def counts_at(places: Tensor, like: Tensor) -> Tensor:
    """Counts of the shape of `like` from the flat index of every spike: the inverse of `spikes_in`."""
    flat = like.new_zeros(like.numel())
    return flat.index_add_(0, places, flat.new_ones(1).expand(len(places))).view(like.shape)


def extent(mask: Tensor, seen: int) -> tuple[Tensor, Tensor]:
    """First and last bin that activity of each bin may move to, both `(trial, time)`.

    It stays between the first and the last bin with data of its trial, and never crosses from forward bins to observed ones or back.

    Args:
        mask: bool `(trial, time)`: bins with data.
        seen: number of observed bins.
    """
    trials, bins = mask.shape
    time = torch.arange(bins, device=mask.device).expand(trials, bins)
    first, last = time.clone(), time.clone()
    for part in (slice(0, seen), slice(seen, bins)):
        if time[:, part].numel():
            first[:, part] = time.masked_fill(~mask, bins)[:, part].amin(1, keepdim=True)
            last[:, part] = time.masked_fill(~mask, -1)[:, part].amax(1, keepdim=True)
    return first, last


def counted(batch: Batch, name: str) -> Tensor | None:
    """Bool `(trial, time, unit)`: entries of the population with data; None where all have."""
    if name in batch.known:
        return batch.known[name] & batch.mask[..., None]
    return None if bool(batch.mask.all()) else batch.mask[..., None].expand_as(batch.targets[name])
