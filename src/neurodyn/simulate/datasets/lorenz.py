"""The Lorenz system, ready to fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, last_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.simulate.lorenz import Lorenz as LorenzSimulator
from neurodyn.simulate.lorenz import LorenzConfig as LorenzSimulatorConfig


@dataclass(frozen=True)
class LorenzConfig:
    """Options of the data set `lorenz`. The defaults are the quality benchmark's."""

    trials: int = 448
    """Number of trials."""
    seed: int = 1
    """Seed of everything that is drawn."""
    units: int = 40
    """Number of units."""
    heldout: float = 0.25
    """Part of the units held out: the last ones."""
    bins: int = 35
    """Observed bins."""
    forward: int = 10
    """Forward bins after them."""
    split: tuple[float, float, float] = (4.0, 1.0, 2.0)
    """Shares of train, valid and test, in the order of the trials."""
    conditions: int | None = None
    """Number of distinct starts, repeated with fresh spikes; empty gives each trial its own (see the LFADS form in the docs)."""
    randomness: Literal["shared", "per_trial"] = "shared"
    """`shared`: one generator for all trials, the benchmark's stream. `per_trial`: a generator a trial, so that a trial does not depend on how many there are."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("trials", "units", "bins"):
            check_range(f"data.{name}", getattr(self, name), 1)
        check_range("data.seed", self.seed, 0)
        check_range("data.forward", self.forward, 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_shares("data.split", self.split)


class Lorenz(Dataset):
    """Lorenz attractor seen through Poisson units; truth: rates, latents."""

    Config: ClassVar = LorenzConfig

    def load(self) -> Trials:
        """Simulates the trials, holds units out, and splits them.

        >>> Lorenz.with_options(trials=70).load().train.counts.shape
        (40, 45, 40)
        """
        c = self.config
        base = LorenzSimulatorConfig()
        simulator = LorenzSimulator(
            dataclasses.replace(
                base,
                bins=c.bins + c.forward,
                conditions=c.conditions,
                spikes=dataclasses.replace(base.spikes, units=c.units),
            )
        )
        trials = simulator.simulate(c.trials, seed=c.seed, randomness=c.randomness)
        trials = hold_out_units(trials, heldout=last_units(c.units, c.heldout))
        trials = split_trials(trials, fractions_of(c.split), by="block")
        return dataclasses.replace(
            trials,
            forward=c.forward,
            provenance={"source": "lorenz", "options": to_dict(c), **trials.provenance},
        )
