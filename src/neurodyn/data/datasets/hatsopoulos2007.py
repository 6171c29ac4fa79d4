"""Macaque motor cortex during reaches to eight targets, averaged over trials (Hatsopoulos et al. 2007)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn.config import check_choices
from neurodyn.data.averages import average_trials, samples_within
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.hatsopoulos import ORIGIN, averages_file, read_averages
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials

_AXES = {"position": ("x", "y"), "velocity": ("x", "y"), "angles": ("shoulder", "elbow")}


@dataclass(frozen=True)
class Hatsopoulos2007Config:
    """Which part of the averages."""

    window_s: tuple[float, float] = (-0.8, 0.4)
    """First and last sample, in seconds from the onset of movement, both included. The kinematic targets of the learning-rule study are -0.1 to 0.4."""
    behaviour: tuple[Literal["position", "velocity", "angles"], ...] = ("position", "velocity", "angles")
    """Kinematics brought along: hand position, hand velocity (x, y), joint angles (shoulder, elbow)."""

    def __post_init__(self) -> None:
        check_choices(self, "data")


class Hatsopoulos2007(Dataset):
    """Macaque M1, centre-out reaching: 141 units averaged over the trials of eight directions, smoothed, 10 ms samples (doi:10.7554/eLife.58848)."""

    Config: ClassVar = Hatsopoulos2007Config
    by_hand: ClassVar = f"{ORIGIN} (below the data folder: hatsopoulos2007/hatsopoulos2007_center_out.npz)."

    config: Hatsopoulos2007Config

    def load(self) -> Trials:
        """One row a reach direction; `rates` in spikes/s. Table: `condition` (0 to 7), `direction_deg` (counterclockwise from rightwards), `from_event_s`.

        Raises:
            MissingData: the file is not on this machine; the message names its origin.
            InvalidInput: a damaged file, or a window that leaves the samples.
        """
        found = read_averages()
        kept = samples_within(found.time_s, self.config.window_s)
        behaviour: dict[str, Signal] = {
            name: Signal(found.kinematics[name][:, kept], "series", "behaviour", 0.01, names=_AXES[name])
            for name in self.config.behaviour
        }
        table = pd.DataFrame({"condition": np.arange(len(found.rates_hz)), "direction_deg": found.direction_deg})
        return average_trials(
            found.rates_hz[:, kept],
            table,
            found.time_s[kept],
            name="hatsopoulos2007",
            units="spikes/s",
            behaviour=behaviour,
            provenance={"file": averages_file().name},
        )

    def check_present(self) -> None:
        """Looks for the file, and reads none.

        Raises:
            MissingData: it is not on this machine.
        """
        averages_file()
