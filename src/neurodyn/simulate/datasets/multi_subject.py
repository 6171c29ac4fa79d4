"""Simulated subjects in stimulus pairs, two of them held out: where zero-shot alignment must succeed, and where it must fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.trials import Trials
from neurodyn.simulate.multi_subject import (
    BEHAVIOUR_NOISE,
    LATENTS,
    Population,
    Tier,
    latent_trajectories,
    population,
)

BIN_S = 0.03


@dataclass(frozen=True)
class MultiSubjectConfig:
    """Options of the data set `multi_subject`."""

    tier: Tier = "T"
    """How units are tuned. `T`: along a map, recorded in its order. `TP`: along a map, in random order. `R`: at random. `G`: at random, with a gain that all share."""
    positions: bool = True
    """Tell where units lie on the map (column `x_um` of the units' table, a map of 1 mm), where there is one."""
    pairs: int = 3
    """Pairs of training subjects; both of a pair are shown the same stimuli."""
    stimuli: int = 192
    """Training stimuli of each pair, shown once."""
    valid: int = 32
    """Validation stimuli of each pair."""
    test: int = 32
    """Test stimuli of each pair."""
    shared: int = 64
    """New stimuli that both held-out subjects are shown: their test trials."""
    calibration: int = 64
    """Further new stimuli of each held-out subject, for few-shot calibration."""
    bins: int = 24
    """Bins a trial."""
    seed: int = 0
    """Seed of everything that is drawn."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("pairs", "stimuli", "valid", "test", "calibration", "bins"):
            check_range(f"data.{name}", getattr(self, name), 1)
        check_range("data.shared", self.shared, 2)
        check_range("data.seed", self.seed, 0)


class MultiSubject(Dataset):
    """Poisson spikes of subjects that read the same four latents, with behaviour tanh(C z); truth: rates, latents.

    Training subjects come in pairs; two more are held out whole, with stimuli of their own. Which tier it is decides what a correct method shows: zero-shot alignment
    with `T`; with `TP` only if units are known by their place; never with `R`, whose units do not tell the frame of the latents; one shared dimension with `G`.
    """

    Config: ClassVar = MultiSubjectConfig

    def load(self) -> list[Trials]:
        """Draws all subjects, the training ones first.

        >>> [len(trials) for trials in MultiSubject.with_options(pairs=1, stimuli=8, valid=4, test=4, shared=6, calibration=4).load()]
        [16, 16, 10, 10]
        """
        c = self.config
        behaviour_draw, *draws = np.random.default_rng(c.seed).spawn(2 + 3 * (c.pairs + 1))
        mixing = 0.5 * behaviour_draw.standard_normal((LATENTS, LATENTS))
        stimuli = [latent_trajectories(c.stimuli + c.valid + c.test, c.bins, draw) for draw in draws[: c.pairs]]
        # the first training stimuli set the scale of every subject's latents
        scale = np.concatenate([z[: c.stimuli] for z in stimuli]).std((0, 1))
        shown = latent_trajectories(c.shared, c.bins, draws[c.pairs]) / scale
        found = []
        for subject, draw in enumerate(draws[c.pairs + 1 : c.pairs + 1 + 2 * (c.pairs + 1)]):
            units_draw, private_draw, spikes, noise = draw.spawn(4)
            units = population(c.tier, units_draw)
            pair, name = subject // 2, f"subject_{subject + 1}"
            if pair < c.pairs:
                z = stimuli[pair] / scale
                splits = ("train",) * c.stimuli + ("valid",) * c.valid + ("test",) * c.test
                shows = [f"pair_{pair + 1}/{k}" for k in range(len(z))]
            else:
                private = latent_trajectories(c.calibration, c.bins, private_draw) / scale
                z, splits = np.concatenate([shown, private]), ("test",) * c.shared + ("calibration",) * c.calibration
                shows = [f"new/{k}" for k in range(c.shared)] + [f"{name}/{k}" for k in range(c.calibration)]
            behaviour = np.tanh(z @ mixing.T) + BEHAVIOUR_NOISE * noise.standard_normal(z.shape)
            table = pd.DataFrame({"stimulus": shows, "split": splits})
            found.append(self._trials(name, units, z, behaviour, table, spikes))
        return found

    def _trials(
        self,
        name: str,
        units: Population,
        latents: np.ndarray,
        behaviour: np.ndarray,
        table: pd.DataFrame,
        spikes: np.random.Generator,
    ) -> Trials:
        rates = units.rates(latents)
        known = self.config.positions and units.position is not None
        return Trials.from_arrays(
            spikes.poisson(rates),
            bin_s=BIN_S,
            behaviour={"movement": behaviour},
            table=table,
            unit_table=pd.DataFrame({"x_um": 1000 * units.position}) if known else None,  # type: ignore[operator]
            truth={"rates": rates, "latents": latents},
            name="multi_subject",
            session=name,
            provenance={"source": "multi_subject", "options": to_dict(self.config)},
        )
