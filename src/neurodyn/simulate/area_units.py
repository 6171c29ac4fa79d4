"""Units of each recorded area of a circuit: their readouts, expected counts and spikes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float, Int
from neurodyn.simulate.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig


@dataclass(frozen=True)
class RecordedArea:
    """One recorded area."""

    name: str
    populations: slice
    """Its populations among the circuit's."""
    order: int
    """Place in the order of drawing: units and spikes of the first area do not depend on which others are recorded."""


class AreaUnits:
    """As many units in every recorded area, which read its populations through a readout of its own, scaled to its own latents.

    The projection of an area that is not drawn first has a seed of its own: `projection_seed` plus its place, or its place where projections are drawn from
    the data set's stream.
    """

    def __init__(
        self,
        config: LinearNonlinearConfig,
        areas: tuple[RecordedArea, ...],
        generator: np.random.Generator,
        states: Float[Array, "trial time state"],
    ) -> None:
        """Draws the projections and scales them.

        Args:
            config: options of one area's units.
            areas: in the order of the units.
            generator: of the first area's projection, when `projection_seed` is empty.
            states: of all populations, which the readouts are scaled by.
        """
        self.areas = areas
        self.readouts: dict[str, LinearNonlinear] = {}
        for area in areas:
            own = config
            if area.order:
                own = dataclasses.replace(config, projection_seed=(config.projection_seed or 0) + area.order)
            latents = np.ascontiguousarray(states[..., area.populations])
            self.readouts[area.name] = LinearNonlinear(own, latents.shape[-1], generator).fit(latents)

    def rates(self, states: Float[Array, "trial time state"]) -> Float[Array, "trial time unit"]:
        """Expected counts per bin, area by area."""
        found = [self.readouts[a.name].rates(np.ascontiguousarray(states[..., a.populations])) for a in self.areas]
        return found[0] if len(found) == 1 else np.concatenate(found, 2)

    def sample(
        self, rates: Float[Array, "trial time unit"], streams: TrialStreams, repeats: int = 1
    ) -> Int[Array, "row time unit"]:
        """Spike counts per bin, `repeats` rows of a trial after each other. The first area's repeats are drawn first, then the next area's."""
        found, first = {}, 0
        columns = {}
        for area in self.areas:
            width = self.readouts[area.name].config.units
            columns[area.name], first = slice(first, first + width), first + width
        for area in sorted(self.areas, key=lambda each: each.order):
            own = np.ascontiguousarray(rates[..., columns[area.name]])
            drawn = [self.readouts[area.name].sample(own, streams) for _ in range(repeats)]
            found[area.name] = np.stack(drawn, 1).reshape(-1, *own.shape[1:])
        return np.concatenate([found[area.name] for area in self.areas], 2)

    @property
    def table(self) -> pd.DataFrame:
        """One row a unit: its `area`."""
        names = [area.name for area in self.areas for _ in range(self.readouts[area.name].config.units)]
        return pd.DataFrame({"area": names})

    def described(self) -> Mapping[str, Any]:
        """Projection, mean and scale for the provenance: of the one area, or of each by its name."""
        found = {name: readout.described() for name, readout in self.readouts.items()}
        return found if len(found) > 1 else next(iter(found.values()))
