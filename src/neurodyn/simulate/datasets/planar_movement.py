"""The planar movement worlds, ready to fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, last_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.simulate.linear_nonlinear import LinearNonlinearConfig
from neurodyn.simulate.planar_movement import PlanarMovement as PlanarMovementSimulator
from neurodyn.simulate.planar_movement import PlanarMovementConfig as PlanarMovementSimulatorConfig


@dataclass(frozen=True)
class PlanarMovementConfig:
    """Options of the data set `planar_movement`."""

    kind: Literal["rotation", "channel", "point_attractor"] = "rotation"
    """The local dynamics. Condition averages of the latents are nearly the same in all three."""
    trials: int = 1000
    """Number of trials."""
    seed: int = 1
    """Seed of everything that is drawn; starts and directions do not depend on the kind."""
    units: int = 30
    """Number of units."""
    log_rate: float = -3.0
    """Log of the expected count per bin of a unit at its mean."""
    heldout: float = 0.25
    """Part of the units held out: the last ones."""
    forward: int = 10
    """Bins at the end of the trial that are predicted, never seen."""
    split: tuple[float, float, float] = (3.0, 1.0, 1.0)
    """Shares of train, valid and test, in the order of the trials."""
    randomness: Literal["shared", "per_trial"] = "per_trial"
    """`per_trial`: a generator a trial, so that a trial does not depend on how many there are. `shared`: one generator for all trials."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("trials", "units"):
            check_range(f"data.{name}", getattr(self, name), 1)
        check_range("data.seed", self.seed, 0)
        check_range("data.forward", self.forward, 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_shares("data.split", self.split)


class PlanarMovement(Dataset):
    """Rotation, channel or point attractor with the same averages, seen through Poisson units; truth: rates, latents, and the inputs of the point attractor."""

    Config: ClassVar = PlanarMovementConfig

    def load(self) -> Trials:
        """Simulates the trials, holds units out, and splits them.

        >>> PlanarMovement.with_options(trials=20, kind="channel").load().train.counts.shape
        (12, 100, 30)
        """
        c = self.config
        spikes = LinearNonlinearConfig(units=c.units, offset=c.log_rate)
        simulator = PlanarMovementSimulator(PlanarMovementSimulatorConfig(kind=c.kind, spikes=spikes))
        trials = simulator.simulate(c.trials, seed=c.seed, randomness=c.randomness)
        trials = hold_out_units(trials, heldout=last_units(c.units, c.heldout))
        trials = split_trials(trials, fractions_of(c.split), by="block")
        return dataclasses.replace(
            trials,
            forward=c.forward,
            provenance={"source": "planar_movement", "options": to_dict(c), **trials.provenance},
        )
