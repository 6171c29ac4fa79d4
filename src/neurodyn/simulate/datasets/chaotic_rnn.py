"""The chaotic network of the Neural Data Transformer's paper, ready to fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.signal import Signal
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, last_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.simulate.chaotic_rnn import ChaoticRNN as ChaoticRNNSimulator
from neurodyn.simulate.chaotic_rnn import ChaoticRNNConfig as ChaoticRNNSimulatorConfig


@dataclass(frozen=True)
class ChaoticRNNConfig:
    """Options of the data set `chaotic_rnn`. The defaults are the published set's."""

    conditions: int = 130
    """Distinct starts."""
    repeats: int = 10
    """Trials from each start, with spikes of their own."""
    units: int = 50
    """Number of units."""
    heldout: float = 0.0
    """Part of the units held out: the last ones."""
    bins: int = 100
    """Observed bins."""
    forward: int = 0
    """Forward bins after them."""
    split: tuple[float, float, float] = (7.0, 1.0, 2.0)
    """Shares of train, valid and test, of the trials of every start alike."""
    share: float = 1.0
    """Share of the training and validation trials that are kept, drawn; the test trials stay the same."""
    behaviour: int = 2
    """Channels of behaviour: random projections of the network's state x; 0 for none."""
    smoothing_s: float = 0.05
    """S.d. of the Gaussian that smooths them over time."""
    seed: int = 1
    """Seed of starts, spikes, split and projections."""
    weights_seed: int = 5
    """Seed of the network's weights."""

    def __post_init__(self) -> None:
        for name in ("conditions", "repeats", "units", "bins"):
            check_range(f"data.{name}", getattr(self, name), 1)
        for name in ("forward", "behaviour", "smoothing_s", "seed", "weights_seed"):
            check_range(f"data.{name}", getattr(self, name), 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_range("data.share", self.share, 0, 1, open_low=True)
        check_shares("data.split", self.split)


class ChaoticRNN(Dataset):
    """Chaotic random network, every start repeated; behaviour: smoothed projections of its state; truth: rates, latents."""

    Config: ClassVar = ChaoticRNNConfig

    def load(self) -> Trials:
        """Simulates the trials, adds behaviour, holds units out, and splits them.

        >>> ChaoticRNN.with_options(conditions=13).load().train
        Trials('chaotic_rnn', 91 trials: counts spikes(100, 50), behaviour series(100, 2); 10 ms bins)
        """
        c = self.config
        simulator = ChaoticRNNSimulator(
            ChaoticRNNSimulatorConfig(
                units=c.units, bins=c.bins + c.forward, conditions=c.conditions, weights_seed=c.weights_seed
            )
        )
        trials = simulator.simulate(c.conditions * c.repeats, seed=c.seed)
        trials = hold_out_units(trials, heldout=last_units(c.units, c.heldout))
        trials = split_trials(trials, fractions_of(c.split), seed=c.seed, stratify="condition")
        signals = dict(trials.signals)
        projected, kept = np.random.default_rng(c.seed).spawn(2)
        if c.behaviour:
            signals["behaviour"] = self._behaviour(trials, projected)
        trials = dataclasses.replace(
            trials,
            signals=signals,
            forward=c.forward,
            provenance={"source": "chaotic_rnn", "options": to_dict(c), **trials.provenance},
        )
        return trials if c.share == 1 else trials.select(self._some(trials, kept))

    def _behaviour(self, trials: Trials, generator: np.random.Generator) -> Signal:
        """Projections of the state onto directions with entries N(0, 1/N), smoothed; the ends of a trial are mirrored."""
        from scipy.ndimage import gaussian_filter1d

        c = self.config
        directions = generator.standard_normal((c.units, c.behaviour)) / np.sqrt(c.units)
        values = gaussian_filter1d(trials.truth["states"] @ directions, c.smoothing_s / trials.bin_s, axis=1)
        return Signal(values, "series", "behaviour", trials.bin_s)

    def _some(self, trials: Trials, generator: np.random.Generator) -> np.ndarray:
        """Rows that are kept: all test trials, and the share of the others, at least one of each split."""
        split = trials.table["split"].to_numpy()
        rows = [np.flatnonzero(split == "test")]
        for name in ("train", "valid"):
            order = generator.permutation(np.flatnonzero(split == name))
            rows.append(order[: max(1, round(self.config.share * len(order)))])
        return np.sort(np.concatenate(rows))
