"""Reaches that the recorded units reveal only in part: what behaviour as privileged knowledge is worth, with known truth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.shapes import Array, Float

BINS = 30
BIN_S = 0.02
SPEED = (0.6, 1.4)
ONSET = (4, 11)
"""First and last bin in which a reach may begin."""
PEAK = 6.0
"""Bins from onset to the highest speed."""
WIDTH = 3.5
"""S.d. of the bell-shaped speed, in bins."""


@dataclass(frozen=True)
class PrivilegedReachConfig:
    """Options of the data set `privileged_reach`."""

    train: int = 96
    """Training trials, all units recorded."""
    valid: int = 64
    """Validation trials."""
    test: int = 600
    """Test trials."""
    without_heldout: int = 0
    """Further training trials in which the held-out units were not recorded; their behaviour was."""
    heldin: int = 20
    """Units an encoder sees: the first ones."""
    heldout: int = 10
    """Units it does not see."""
    log_rate: float = -2.2
    """Log of the expected count per bin at rest."""
    modulation: float = 1.6
    """How strongly units are tuned: the tuning has entries `modulation` · N(0, 1)/√2."""
    behaviour: Literal["reach", "independent"] = "reach"
    """`reach`: the recorded behaviour is the movement that drives the units. `independent`: that of other reaches, which says nothing of the units."""
    missing_behaviour: float = 0.0
    """Share of the training and of the validation trials whose behaviour is missing (NaN). A larger share takes it from the same trials and more."""
    seed: int = 0
    """Seed of everything that is drawn."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("train", "valid", "test", "heldin"):
            check_range(f"data.{name}", getattr(self, name), 1)
        for name in ("without_heldout", "heldout", "modulation", "seed"):
            check_range(f"data.{name}", getattr(self, name), 0)
        check_range("data.missing_behaviour", self.missing_behaviour, 0, 1)


class PrivilegedReach(Dataset):
    """Bell-shaped reaches in random directions, seen through few Poisson spikes; behaviour is the movement; truth: rates, latents.

    Velocity b(t) = s (cos θ, sin θ) exp(−½ ((t − o − 6)/3.5)²) with θ ~ U(0, 2π), s ~ U(0.6, 1.4) and onset o uniform on 4 … 11, in bins; expected
    counts exp(log_rate + Cᵀ b(t)). Trial k of a split is the same whatever the number of trials; tuning belongs to the seed alone.
    """

    Config: ClassVar = PrivilegedReachConfig

    def load(self) -> Trials:
        """Draws the trials: train, valid, test, then those without held-out units (which train too).

        >>> PrivilegedReach.with_options(test=20).load()
        Trials('privileged_reach', 180 trials: counts spikes(30, 30), velocity series(30, 2); 20 ms bins, 10 of 30 units held out)
        """
        c = self.config
        sizes = {"train": c.train, "valid": c.valid, "test": c.test, "without_heldout": c.without_heldout}
        tuning_draw, missing_draw, *draws = np.random.default_rng(c.seed).spawn(2 + len(sizes))
        tuning = c.modulation / np.sqrt(2) * tuning_draw.standard_normal((2, c.heldin + c.heldout))
        kinematics, counts, behaviours, missing = [], [], [], []
        for (name, size), draw in zip(sizes.items(), draws):
            moves, spikes, others = draw.spawn(3)
            velocity = _reaches(moves.random((size, 3)))
            kinematics.append(velocity)
            counts.append(spikes.poisson(np.exp(c.log_rate + velocity @ tuning)))
            behaviours.append(velocity if c.behaviour == "reach" else _reaches(others.random((size, 3))))
            left_out = np.zeros(size, bool)
            if name != "test":
                left_out[missing_draw.permutation(size)[: round(c.missing_behaviour * size)]] = True
            missing.append(left_out)
        velocity, behaviour = np.concatenate(kinematics), np.concatenate(behaviours)
        behaviour[np.concatenate(missing)] = np.nan
        trials = Trials.from_arrays(
            np.concatenate(counts),
            bin_s=BIN_S,
            behaviour={"velocity": behaviour},
            heldin=np.arange(c.heldin),
            split=np.repeat(["train", "valid", "test", "train"], list(sizes.values())),
            truth={"rates": np.exp(c.log_rate + velocity @ tuning), "latents": velocity},
            name="privileged_reach",
            provenance={
                "source": "privileged_reach",
                "options": to_dict(c),
                "readout": {"tuning": tuning.tolist(), "log_rate": c.log_rate},
            },
        )
        table = trials.table.assign(decode_group=0)
        return dataclasses.replace(trials, table=table, signals={**trials.signals, "counts": self._recorded(trials)})

    def _recorded(self, trials: Trials) -> Signal:
        """The counts; those of held-out units are unknown, and 0, in the trials without them."""
        extra = self.config.without_heldout
        if not extra:
            return trials.neural
        known = np.ones(trials.neural.values.shape, bool)
        known[-extra:, :, trials.heldout] = False
        return dataclasses.replace(trials.neural, values=np.where(known, trials.counts, 0), mask=known)


def _reaches(uniform: Float[Array, "trial 3"]) -> Float[Array, "trial time 2"]:
    """Velocities of reaches whose direction, speed and onset are given by uniform numbers."""
    angle = 2 * np.pi * uniform[:, 0]
    speed = SPEED[0] + (SPEED[1] - SPEED[0]) * uniform[:, 1]
    onset = ONSET[0] + np.floor((ONSET[1] - ONSET[0] + 1) * uniform[:, 2])
    direction = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    bell = np.exp(-0.5 * ((np.arange(BINS) - onset[:, None] - PEAK) / WIDTH) ** 2)
    return bell[:, :, None] * direction[:, None]
