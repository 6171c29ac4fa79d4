"""The planar decision worlds, ready to fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, last_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.simulate.linear_nonlinear import LinearNonlinearConfig
from neurodyn.simulate.planar_decision import PlanarDecision as PlanarDecisionSimulator
from neurodyn.simulate.planar_decision import PlanarDecisionConfig as PlanarDecisionSimulatorConfig


@dataclass(frozen=True)
class PlanarDecisionConfig:
    """Options of the data set `planar_decision`."""

    kind: Literal["saddle", "line_attractor", "point_attractor"] = "saddle"
    """The local dynamics. Condition averages of the latents are the same in all three."""
    trials: int = 1000
    """Number of trials."""
    seed: int = 1
    """Seed of everything that is drawn; starts and choices do not depend on the kind."""
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


class PlanarDecision(Dataset):
    """Saddle, line attractor or point attractor with the same averages, seen through Poisson units; truth: rates, latents, inputs."""

    Config: ClassVar = PlanarDecisionConfig

    def load(self) -> Trials:
        """Simulates the trials, holds units out, and splits them.

        >>> PlanarDecision.with_options(trials=20, kind="line_attractor").load().train.counts.shape
        (12, 100, 30)
        """
        c = self.config
        spikes = LinearNonlinearConfig(units=c.units, offset=c.log_rate)
        simulator = PlanarDecisionSimulator(PlanarDecisionSimulatorConfig(kind=c.kind, spikes=spikes))
        trials = simulator.simulate(c.trials, seed=c.seed, randomness=c.randomness)
        trials = hold_out_units(trials, heldout=last_units(c.units, c.heldout))
        trials = split_trials(trials, fractions_of(c.split), by="block")
        return dataclasses.replace(
            trials,
            forward=c.forward,
            provenance={"source": "planar_decision", "options": to_dict(c), **trials.provenance},
        )
