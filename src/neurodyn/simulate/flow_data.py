"""A chaotic flow, ready to fit: what its data sets share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from neurodyn.config import Part, check_choices, check_range, resolve_parts, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, last_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.registry import name_of
from neurodyn.simulate.chaotic_flow import ChaoticFlow


@dataclass(frozen=True)
class FlowDataConfig:
    """Options of a chaotic flow's trials."""

    trials: int = 448
    """Number of trials."""
    seed: int = 1
    """Seed of everything that is drawn."""
    units: int = 40
    """Number of units."""
    heldout: float = 0.25
    """Part of the units held out: the last ones."""
    bins: int = 60
    """Observed bins."""
    forward: int = 10
    """Forward bins after them."""
    split: tuple[float, float, float] = (4.0, 1.0, 2.0)
    """Shares of train, valid and test, in the order of the trials."""
    conditions: int | None = None
    """Number of distinct starts, repeated with fresh spikes; empty gives each trial its own (see the LFADS form in the docs)."""
    points_per_period: float | None = None
    """Bins in a period of the system; empty takes the simulator's own speed."""
    embedding: Annotated[Any, Part("embeddings", optional=True)] = None
    """Where the standardised coordinates lie before units read them; empty leaves them as they are."""
    sampler: Annotated[Any, Part("samplers")] = "poisson"
    """Noise around the expected counts."""
    randomness: Literal["shared", "per_trial"] = "per_trial"
    """`shared`: one generator for all trials, the benchmark's stream. `per_trial`: a generator a trial, so that a trial does not depend on how many there are."""

    def __post_init__(self) -> None:
        resolve_parts(self, "data")
        check_choices(self, "data")
        for name in ("trials", "units", "bins"):
            check_range(f"data.{name}", getattr(self, name), 1)
        check_range("data.seed", self.seed, 0)
        check_range("data.forward", self.forward, 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_shares("data.split", self.split)
        if self.points_per_period is not None:
            check_range("data.points_per_period", self.points_per_period, 1, open_low=True)


class FlowData(Dataset):
    """Trials of a chaotic flow, units held out, split in order."""

    flow: ClassVar[type[ChaoticFlow]]
    """The simulator."""

    def load(self) -> Trials:
        """Simulates the trials, holds units out, and splits them."""
        c: Any = self.config
        base = self.flow.Config()
        speed = {} if c.points_per_period is None else _speed(self.flow, c.points_per_period)
        simulator = self.flow(
            dataclasses.replace(
                base,
                bins=c.bins + c.forward,
                conditions=c.conditions,
                embedding=c.embedding,
                spikes=dataclasses.replace(base.spikes, units=c.units, sampler=c.sampler),
                **speed,
            )
        )
        trials = simulator.simulate(c.trials, seed=c.seed, randomness=c.randomness)
        trials = hold_out_units(trials, heldout=last_units(c.units, c.heldout))
        trials = split_trials(trials, fractions_of(c.split), by="block")
        return dataclasses.replace(
            trials,
            forward=c.forward,
            provenance={"source": name_of(type(self)), "options": to_dict(c), **trials.provenance},
        )


def _speed(flow: type[ChaoticFlow], points: float) -> dict[str, Any]:
    """Options of a flow with so many bins in a period, with integration steps short enough."""
    needed = -(-flow.period / points // flow.longest_step)
    return {
        "time_per_bin": None,
        "points_per_period": points,
        "substeps": max(flow.Config().substeps, int(needed)),
    }
