"""Pulses of current into simulated trials, which are run again with the same noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int

_DIRECTIONS: dict[str, tuple[float, ...]] = {"difference": (-1.0, 1.0), "sum": (1.0, 1.0)}
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Pulse:
    """A constant current for a while."""

    area: str = "PFC"
    """The area that it goes into, where a system has several; `PPC` or `PFC` of the two-area circuit."""
    direction: str | tuple[float, ...] = "difference"
    """`difference`: (-1, +1), towards choice 1; `sum`: (1, 1); or a factor for each of the area's inputs."""
    start_s: float = 0.1
    """When it begins, in seconds from the trial's first bin."""
    duration_s: float = 0.05
    """How long it lasts, in seconds."""
    size_na: float = 0.05
    """Its size, in nA (or the unit of the system's inputs). Negative turns it round."""

    def vector(self, inputs: int) -> Array:
        """The current into each of an area's inputs, `(input,)`.

        Raises:
            InvalidInput: a direction of another length, or one that does not exist.
        """
        if isinstance(self.direction, str) and self.direction not in _DIRECTIONS:
            raise InvalidInput("pulse.direction", self.direction, "difference, sum, or a factor for each input")
        factors = _DIRECTIONS[self.direction] if isinstance(self.direction, str) else self.direction
        if len(factors) != inputs:
            raise InvalidInput("pulse.direction", self.direction, f"a factor for each of the {inputs} inputs")
        return self.size_na * np.asarray(factors, float)

    def shares(self, bins: int, bin_s: float, substeps: int = 1) -> Float[Array, "time substep"]:
        """The part of each substep of a trial that the pulse covers.

        Raises:
            InvalidInput: a pulse that is not inside the trial, or of no length.
        """
        length = bins * bin_s
        if not self.duration_s > 0:
            raise InvalidInput("pulse.duration_s", self.duration_s, "above 0 s")
        if not np.isfinite(self.size_na):
            raise InvalidInput("pulse.size_na", self.size_na, "a finite size")
        if self.start_s < 0 or self.start_s + self.duration_s > length + _ROUNDING:
            got = f"{self.start_s:g} to {self.start_s + self.duration_s:g} s"
            raise InvalidInput(
                "pulse.start_s", got, f"a pulse within the trial, 0 to {length:g} s", "Move or shorten it."
            )
        edges = np.arange(bins * substeps + 1) * (bin_s / substeps)
        covered = np.minimum(edges[1:], self.start_s + self.duration_s) - np.maximum(edges[:-1], self.start_s)
        shares = np.clip(covered / (bin_s / substeps), 0, 1)
        return np.asarray(np.where(np.abs(shares - np.round(shares)) < _ROUNDING, np.round(shares), shares)).reshape(
            bins, substeps
        )

    def first_bin(self, bin_s: float) -> int:
        """The bin in which it begins."""
        return int(np.floor(self.start_s / bin_s + _ROUNDING))

    @property
    def label(self) -> str:
        """In words."""
        way = self.direction if isinstance(self.direction, str) else str(self.direction)
        return f"{self.area} {way} {self.size_na:+g} at {self.start_s:g} s for {self.duration_s:g} s"


@dataclass(frozen=True, eq=False)
class Perturbed:
    """Trials that were run again with a pulse."""

    latents: Float[Array, "trial time latent"]
    states: Float[Array, "trial time state"]
    choice: Int[Array, " trial"] | None
    """What was chosen; None where the system chooses nothing."""
