"""Macaque motor cortex during 27 kinds of reaches, averaged over trials (Sussillo et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from neurodyn.data.averages import average_trials, samples_within
from neurodyn.data.datasets.base import Dataset, data_folders
from neurodyn.data.signal import Signal
from neurodyn.data.sussillo import MUSCLES, NEURONS, ORIGIN, read_study, study_file
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData

FOLDER = "sussillo2015"
_BIN_S = 0.01
_START_S, _MUSCLES_START_S = -1.55, -0.25


@dataclass(frozen=True)
class Sussillo2015Config:
    """Where the study's files lie, and which part of them."""

    folder: str | None = None
    """The folder with `neuralforRNN_Sussillo2015` and, where muscles are wanted, `EMGforRNN_Sussillo2015`, each .mat or .npz (default: `sussillo2015` in the data folder)."""
    window_s: tuple[float, float] = (-1.45, 0.4)
    """First and last sample, in seconds from the onset of movement, both included; the averages begin at -1.55."""
    muscles: bool = True
    """Bring muscle activity along as behaviour where its file is there: missing before -0.25 s."""


class Sussillo2015(Dataset):
    """Macaque M1 and PMd, 27 kinds of reaches: units averaged over trials every 10 ms, with muscle activity (doi:10.1038/nn.4042)."""

    Config: ClassVar = Sussillo2015Config
    by_hand: ClassVar = f"{ORIGIN}. Put neuralforRNN_Sussillo2015.mat into the folder sussillo2015 of the data folder, or give its folder (folder, --data.folder)."

    config: Sussillo2015Config

    def load(self) -> Trials:
        """One row a reach, in the order of the files; `rates` as stored. Table: `condition` (0 to 26), `from_event_s`.

        Raises:
            MissingData: no file of the units; the message names the origin.
            InvalidInput: a damaged file, an array of another shape, values that are not finite, other numbers of conditions, or a window that leaves the samples.
            UnknownName: a file without its array.
        """
        path = self._file()
        rates = read_study(path)
        time_s = _START_S + _BIN_S * np.arange(rates.shape[1])
        kept = samples_within(time_s, self.config.window_s)
        behaviour = {}
        muscles = study_file(path.parent, MUSCLES) if self.config.muscles else None
        if muscles is not None:
            activity = _beside(read_study(muscles), rates)
            behaviour["muscles"] = Signal(activity[:, kept], "series", "behaviour", _BIN_S)
        return average_trials(
            rates[:, kept],
            pd.DataFrame({"condition": np.arange(len(rates))}),
            time_s[kept],
            name="sussillo2015",
            units="",
            behaviour=behaviour,
            provenance={"file": path.name},
        )

    def _file(self) -> Path:
        given = self.config.folder
        folders = [folder / FOLDER for folder in data_folders()] if given is None else [Path(given)]
        for folder in folders:
            found = study_file(folder, NEURONS)
            if found is not None:
                return found
        raise MissingData(f"sussillo2015: {NEURONS}.mat is in none of {', '.join(map(str, folders))}. {self.by_hand}")

    def check_present(self) -> None:
        """Looks for the file of the units, and reads none.

        Raises:
            MissingData: it is not on this machine.
        """
        self._file()


def _beside(muscles: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Muscle activity `(condition, time, muscle)` at the samples of the rates, NaN where there is none."""
    if len(muscles) != len(rates):
        raise InvalidInput(MUSCLES, f"{len(muscles)} conditions", f"{len(rates)}, like {NEURONS}")
    first = round((_MUSCLES_START_S - _START_S) / _BIN_S)
    if first + muscles.shape[1] > rates.shape[1]:
        raise InvalidInput(MUSCLES, f"{muscles.shape[1]} samples", f"at most {rates.shape[1] - first}, as units have")
    found = np.full((*rates.shape[:2], muscles.shape[2]), np.nan)
    found[:, first : first + muscles.shape[1]] = muscles
    return found
