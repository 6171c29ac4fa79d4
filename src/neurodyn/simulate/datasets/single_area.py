"""One decision circuit on its own, ready to fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from neurodyn import registry
from neurodyn.config import Part, check_choices, check_range, resolve_parts, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.simulate.linear_nonlinear import LinearNonlinearConfig
from neurodyn.simulate.noise import NoiseConfig
from neurodyn.simulate.single_area import SingleArea as SingleAreaSimulator
from neurodyn.simulate.single_area import SingleAreaConfig as SingleAreaSimulatorConfig
from neurodyn.tasks.pulse_discrimination import PulseDiscriminationConfig

_HOLDOUT_SEED_OFFSET = 1000


@dataclass(frozen=True)
class SingleAreaConfig:
    """Options of the data set `single_area`."""

    structure: float = 0.35
    """J_S of the circuit in nA."""
    trials: int = 500
    """Number of trials."""
    seed: int = 1
    """Seed of everything that is drawn."""
    units: int = 30
    """Number of units."""
    heldout: float = 0.25
    """Part of the units held out, drawn."""
    forward: int = 10
    """Bins at the end of the trial that are predicted, never seen."""
    split: tuple[float, float, float] = (3.0, 1.0, 1.0)
    """Shares of train, valid and test, in the order of the trials."""
    randomness: Literal["shared", "per_trial"] = "per_trial"
    """`per_trial`: a generator a trial, so that a trial does not depend on how many there are. `shared`: one for all."""
    noise: Literal["held10ms", "murray", "none"] = "held10ms"
    """Private noise: held for each bin, as in the model's paper, or none."""
    sampler: Annotated[Any, Part("samplers")] = "poisson"
    """Noise around the expected counts."""
    task: Annotated[Any, Part("tasks")] = field(default_factory=PulseDiscriminationConfig)
    """The task: `pulse_discrimination`, or `perceptual` with one current a trial."""

    def __post_init__(self) -> None:
        resolve_parts(self, "data")
        check_choices(self, "data")
        for name in ("trials", "units"):
            check_range(f"data.{name}", getattr(self, name), 1)
        check_range("data.seed", self.seed, 0)
        check_range("data.forward", self.forward, 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_shares("data.split", self.split)
        if registry.name_of(type(self.task)) not in ("pulse_discrimination", "perceptual"):
            raise InvalidInput("data.task", registry.name_of(type(self.task)), "pulse_discrimination or perceptual")


class SingleArea(Dataset):
    """Decision circuit of one area; truth: rates, latents, inputs.

    >>> SingleArea.with_options(trials=20).load().train.counts.shape
    (12, 100, 30)
    """

    Config: ClassVar = SingleAreaConfig

    def load(self) -> Trials:
        """Simulates the trials, holds units out, and splits them."""
        c = self.config
        task: Any = registry.load("tasks", registry.name_of(type(c.task)))
        simulator = SingleAreaSimulator(
            SingleAreaSimulatorConfig(
                structure=c.structure,
                noise=NoiseConfig(preset=c.noise),
                spikes=LinearNonlinearConfig(units=c.units, sampler=c.sampler),
            ),
            task(c.task),
        )
        trials = simulator.simulate(c.trials, seed=c.seed, randomness=c.randomness)
        trials = hold_out_units(trials, c.heldout, c.seed + _HOLDOUT_SEED_OFFSET)
        trials = split_trials(trials, fractions_of(c.split), by="block")
        return dataclasses.replace(
            trials,
            forward=c.forward,
            provenance={"source": "single_area", "options": to_dict(c), **trials.provenance},
        )
