"""Calcium imaging of neurons of known type in several sessions, ready to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.signal import Signal
from neurodyn.data.splits import check_shares, fractions_of, split_trials
from neurodyn.data.trials import Trials
from neurodyn.shapes import Array
from neurodyn.simulate.typed_population import TypedPopulation, TypedPopulationConfig

_UNITS = {"running": "cm/s", "pupil": "of its mean", "state": ""}


@dataclass(frozen=True)
class CellTypesConfig:
    """Options of the data set `cell_types`."""

    sessions: int = 6
    """Number of sessions, each with neurons of its own."""
    first: int = 0
    """Number of the first session. Session 7 is the same whatever the others are: sessions that were not fitted come with a later first one."""
    units: int = 80
    """Neurons of each session."""
    windows: int = 20
    """Windows (trials) that each recording is cut into."""
    bins: int = 200
    """Frames of a window."""
    seed: int = 0
    """Seed of everything that is drawn."""
    spread: float = 0.25
    """How much neurons of one type differ: s.d. of their weights, and of the logarithm of their time constants and noise."""
    split: tuple[float, float, float] = (7.0, 2.0, 1.0)
    """Shares of train, valid and test, in the order of the windows."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("sessions", "units", "bins"):
            check_range(f"data.{name}", getattr(self, name), 1)
        check_range("data.windows", self.windows, 3)
        for name in ("first", "seed", "spread"):
            check_range(f"data.{name}", getattr(self, name), 0)
        check_shares("data.split", self.split)


class CellTypes(Dataset):
    """Calcium activity of excitatory neurons and five inhibitory types; behaviour, positions, truth."""

    Config: ClassVar = CellTypesConfig

    def load(self) -> list[Trials]:
        """Simulates the sessions, cuts them into windows and splits these in time.

        >>> first, second = CellTypes.with_options(sessions=2, units=30, windows=10, bins=50).load()
        >>> first
        Trials('cell_types', 10 trials: fluorescence fluorescence(50, 30), running series(50, 1), pupil series(50, 1), state series(50, 1); 250 ms bins)
        >>> sorted(set(first.unit_table["class"]))
        ['excitatory', 'inhibitory']
        """
        return [self._session(number) for number in range(self.config.first, self.config.first + self.config.sessions)]

    def _session(self, number: int) -> Trials:
        c = self.config
        population = TypedPopulationConfig(units=c.units, spread=c.spread)
        recording = TypedPopulation(population).record(c.windows * c.bins, (c.seed, number))
        step = population.frame_s

        def cut(values: Array) -> Array:
            return values.reshape(c.windows, c.bins, -1).astype(np.float32)

        signals = {"fluorescence": Signal(cut(recording.fluorescence), "fluorescence", "neural", step, units="s.d.")}
        for name, values in recording.behaviour.items():
            signals[name] = Signal(cut(values), "series", "behaviour", step, units=_UNITS[name])
        start = np.arange(c.windows) * c.bins
        trials = Trials(
            signals=signals,
            mask=np.ones((c.windows, c.bins), bool),
            table=pd.DataFrame({"segment": 0, "start_bin": start, "start_s": start * step}),
            unit_table=recording.neurons,
            heldin=np.arange(c.units),
            truth={"rates": cut(recording.calcium), "latents": cut(recording.drives)},
            name="cell_types",
            session=f"session_{number}",
            provenance={"source": "cell_types", "options": to_dict(c), "simulator": to_dict(population)},
        )
        return split_trials(trials, fractions_of(c.split), by="block")
