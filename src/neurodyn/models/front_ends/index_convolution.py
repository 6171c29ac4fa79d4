"""Front end (a): units in recorded order are an axis that is convolved and pooled. Nothing in it belongs to a subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.data.spec import SessionSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.front_ends.base import FrontEnd
from neurodyn.models.parts.activity_sample import activity_sample

LEAST_UNITS = 3
COMPONENTS = 6
"""Principal components that tuning is compared in."""
SMOOTHING_BINS = 1.5
"""S.d. of the kernel over time before."""
SMOOTHING_UNITS = 2.5
"""S.d. of the kernel along the units after."""


@dataclass(frozen=True)
class IndexConvolutionConfig:
    """Sizes of the convolution over units."""

    bins: int = 16
    """Places that the axis of units is pooled to."""
    channels: int = 4
    """Features of each place."""
    spacing: Literal["tuning", "rank"] = "tuning"
    """How far apart neighbours lie on the axis: `rank`, all alike, as published; `tuning`, by how differently they fire, so that two subjects whose units were sampled unevenly meet."""

    def __post_init__(self) -> None:
        check_choices(self, "model.front_end")
        check_range("model.front_end.bins", self.bins, 1)
        check_range("model.front_end.channels", self.channels, 1)


class IndexConvolution(FrontEnd):
    """Neighbouring units are convolved, then averaged into a few places along the axis; back by interpolation.

    It carries over to another subject only where units next to each other are alike and the order means the same in every subject: a tonotopic or retinotopic axis, a linear probe.
    Units in an order of no meaning defeat it. Means in place of the release's largest value. Source: Zhu et al. 2025, arXiv:2505.04331, in small.
    """

    Config: ClassVar = IndexConvolutionConfig
    config: IndexConvolutionConfig

    def __init__(self, config: IndexConvolutionConfig, parameters: int) -> None:
        super().__init__(config, parameters)
        self.convolution = nn.Conv2d(1, config.channels, 3, padding=1)
        self.to_parameters = nn.Linear(config.channels, parameters)
        self.positions = nn.ParameterList()
        """Where each subject's units lie on the axis, 0 to 1, held-in units first; never trained."""
        self._heldin: list[int] = []

    @property
    def width(self) -> int:
        return self.config.bins * self.config.channels

    def add(self, session: SessionSpec) -> None:
        """Places the units by rank.

        Raises:
            InvalidInput: fewer than three units.
        """
        if session.heldin < LEAST_UNITS:
            fix = "Record more, or choose another model.front_end (unit_set)."
            raise InvalidInput(f"units of session {session.name!r}", session.heldin, f"at least {LEAST_UNITS}", fix)
        heldin = session.heldin_units or tuple(range(session.heldin))
        order = [*heldin, *sorted(set(range(session.units)) - set(heldin))]
        rank = (torch.tensor(order, dtype=torch.float32) + 0.5) / session.units
        self.positions.append(nn.Parameter(rank, requires_grad=False))
        self._heldin.append(session.heldin)

    @torch.no_grad()
    def fit(self, session: int, trials: Trials) -> None:
        """Spaces the units by their tuning."""
        if self.config.spacing == "tuning":
            values, _ = activity_sample(trials)
            places = positions_by_tuning(values)[trials.unit_order]
            self.positions[session].copy_(torch.from_numpy(places))

    def encode(self, activity: Tensor, known: Tensor | None, session: int) -> Tensor:
        mixed = F.leaky_relu(self.convolution(activity.unsqueeze(1)))  # (trial, channel, time, unit)
        place = self.positions[session][: self._heldin[session]]
        weights = self._kernel(place, 0.5)
        if known is None:
            pooled = mixed @ (weights / weights.sum(0))
        else:
            counted = known.to(mixed.dtype).unsqueeze(1)
            pooled = (mixed * counted) @ weights / (counted @ weights).clamp_min(1e-6)
        return pooled.transpose(1, 2).flatten(2)

    def decode(self, features: Tensor, session: int) -> Tensor:
        trials, bins = features.shape[:2]
        places = features.reshape(trials, bins, self.config.channels, self.config.bins).transpose(2, 3)
        at_places: Tensor = self.to_parameters(places)  # (trial, time, place, parameter)
        weights = self._kernel(self.positions[session], 0.75)
        weights = weights / weights.sum(1, keepdim=True)
        return torch.einsum("up,btpk->btuk", weights, at_places)

    def _kernel(self, positions: Tensor, width: float) -> Tensor:
        """Gaussian weights `(unit, place)` of each place for each unit, of a width in places."""
        centres = torch.arange(self.config.bins, device=positions.device) + 0.5
        return torch.exp(-0.5 * ((positions[:, None] * self.config.bins - centres) / width).square()) + 1e-9


def positions_by_tuning(activity: np.ndarray) -> np.ndarray:
    """Places 0 to 1 of units in recorded order, spaced by how fast tuning changes from one to the next.

    Each unit is a direction in the space of the leading principal components of smoothed activity; directions are smoothed along the units, and a unit's place is the
    length of this curve up to it. Units sampled at random places of a map along which tuning turns evenly come out near their true places; where
    neighbours have nothing in common, near their rank.

    Args:
        activity: `(trial, time, unit)`.

    Returns:
        `(unit,)`, increasing.
    """
    from scipy.ndimage import gaussian_filter1d

    units = activity.shape[2]
    rank = (np.arange(units) + 0.5) / units
    standard = activity - activity.mean((0, 1))
    standard = standard / (standard.std((0, 1)) + 1e-3)
    smooth = torch.from_numpy(gaussian_filter1d(standard, SMOOTHING_BINS, axis=1)).float().flatten(0, 1)
    components = min(COMPONENTS, *smooth.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the factorisation starts at random
        _, scale, vectors = torch.pca_lowrank(smooth, components, niter=4)
    tuning = (vectors * scale).numpy()
    tuning = tuning / np.linalg.norm(tuning, axis=1, keepdims=True).clip(1e-9)
    steps = np.linalg.norm(np.diff(gaussian_filter1d(tuning, SMOOTHING_UNITS, axis=0, mode="nearest"), axis=0), axis=1)
    total = steps.sum()
    if not total > 0:
        return np.asarray(rank)
    return np.asarray(np.concatenate([[0], np.cumsum(steps)]) / total * (units - 1) / units + rank[0])
