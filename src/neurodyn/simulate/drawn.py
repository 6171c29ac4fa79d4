"""What drives simulated trials of a circuit, once drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import Randomness
from neurodyn.shapes import Array, Float


@dataclass(frozen=True, eq=False)
class Drawn:
    """Start, stimulus and noise of trials: with them they can be run again."""

    start: Float[Array, "trial state"]
    stimulus: Float[Array, "trial time state"]
    """Current into each population in nA."""
    noise: Float[Array, "trial time substep state"]
    """The same; its substep axis is 1 where the noise is held for the bin."""
    table: pd.DataFrame
    """The task's conditions."""

    @property
    def currents(self) -> tuple[Array, Array, Array]:
        """The arguments of `TwoArea.run`."""
        return self.start, self.stimulus, self.noise

    def select(self, rows: Array) -> Drawn:
        """Some trials, `(row,)` of their numbers, each as often as it is named."""
        table = self.table.iloc[rows].reset_index(drop=True)
        return Drawn(self.start[rows], self.stimulus[rows], self.noise[rows], table)


def drawn_as(provenance: Mapping[str, Any]) -> tuple[int, Randomness, int]:
    """How many trials were drawn, how, and with which seed.

    Raises:
        InvalidInput: the provenance does not say.
    """
    missing = [name for name in ("trials", "randomness", "seed") if name not in provenance]
    if missing:
        fix = "Simulate them again."
        raise InvalidInput("trials", f"a provenance without {missing}", "simulated trials with their provenance", fix)
    return provenance["trials"], provenance["randomness"], provenance["seed"]
