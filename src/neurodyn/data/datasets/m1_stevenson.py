"""Macaque motor cortex during reaching, one continuous session (Stevenson et al. 2011)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.data.arrays import NamedArrays
from neurodyn.data.binned import Binned
from neurodyn.data.datasets.base import Dataset, Remote
from neurodyn.data.splits import hold_out_units, parse_fractions, split_trials
from neurodyn.data.trials import Trials

CONVERTED = "m1_stevenson_2011/m1_stevenson_2011.npz"
"""Time-major arrays `spikes`, `hand_vel`, `hand_pos`, `time_s`, `bin_s`."""
ORIGINAL = "m1_stevenson_2011/m1_stevenson_2011.mat"
"""The public file: channel-major arrays `spikes`, `handVel`, `handPos`, `time`."""
BIN_S = 0.05


@dataclass(frozen=True)
class M1StevensonConfig:
    """How the recording is cut. The defaults are the cut of the quality benchmark: 388 windows of 32 + 8 bins, 106 + 35 units."""

    window: int = 40
    """Bins of 50 ms in a window, forward ones included."""
    forward: int = 8
    """Bins at its end that are predicted, never seen."""
    min_rate_hz: float = 0.5
    """Units at or below this mean rate over the whole recording are left out."""
    heldout: float = 0.25
    """Fraction of the units that are held out."""
    heldout_seed: int = 11
    """Seed of the held-out units."""
    behaviour: tuple[Literal["velocity", "position"], ...] = ("velocity",)
    """Hand kinematics brought along."""
    lag_bins: int = 2
    """Kinematics are taken so many bins after the activity."""
    split: str = "70/15/15"
    """Shares of train/valid/test windows."""
    split_by: Literal["block", "random"] = "block"
    """Blocks in time (neighbouring windows are alike), or drawn."""
    seed: int = 0
    """Seed of a drawn split."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        check_range("data.window", self.window, 1)
        check_range("data.forward", self.forward, 0, self.window, open_high=True)
        check_range("data.min_rate_hz", self.min_rate_hz, 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        parse_fractions(self.split)


class M1Stevenson(Dataset):
    """Macaque M1 reaching: 171 units, 777 s without a gap, hand kinematics (Stevenson et al. 2011, doi:10.1152/jn.00626.2010)."""

    Config: ClassVar = M1StevensonConfig
    remotes: ClassVar = (
        Remote(
            file=ORIGINAL,
            url="https://raw.githubusercontent.com/KordingLab/spykesML/ff2b1830ae07909e5f1a0811445ca3fd5732dc6f/data/m1_stevenson_2011.mat",
            sha256="cb1af830e34f5094e5c542ad4adfaca66dea05514680940016173b35fa6aad94",
            instead=CONVERTED,
        ),
    )

    config: M1StevensonConfig

    def load(self) -> Trials:
        """The windows, split, with some units held out; `unit_names` are the units' numbers in the recording."""
        options = self.config
        recording = self.recording()
        rates_hz = np.asarray(recording.neural).mean(0) / BIN_S
        kept = np.flatnonzero(rates_hz > options.min_rate_hz)
        recording = dataclasses.replace(
            recording,
            neural=recording.neural[:, kept],
            unit_names=tuple(map(str, kept)),
            behaviour={name: recording.behaviour[name] for name in options.behaviour},
        )
        trials = recording.windows(options.window, forward=options.forward, lag_bins=options.lag_bins)
        if options.heldout:
            trials = hold_out_units(trials, options.heldout, options.heldout_seed)
        return split_trials(trials, parse_fractions(options.split), options.split_by, options.seed)

    def recording(self) -> Binned:
        """All of it as recorded: 15536 bins of 50 ms, 171 units, hand velocity (m/s) and position (m)."""
        path = self.find(ORIGINAL)
        arrays = NamedArrays(path)
        if path.suffix == ".mat":
            spikes, time = arrays["spikes"].T, arrays.row("time")
            velocity, position = arrays["handVel"][:2].T, arrays["handPos"][:2].T  # the third axis is zero throughout
        else:
            spikes, time = arrays["spikes"], arrays["time_s"]
            velocity, position = arrays["hand_vel"], arrays["hand_pos"]
        return Binned(
            neural=spikes,
            bin_s=BIN_S,
            behaviour={"velocity": velocity, "position": position},
            behaviour_units={"velocity": "m/s", "position": "m"},
            time_s=time,
            name="m1_stevenson",
            session="m1_stevenson",
            provenance={"file": path.name},
        )
