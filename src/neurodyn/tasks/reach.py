"""Reach to one of eight targets once the hold cue ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.data.hatsopoulos import KINEMATICS, read_averages
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.tasks._hold_cue import BUMP, check_output, check_timing, counted_before, drawn_reaches, hold_cue, put
from neurodyn.tasks._minimum_jerk import minimum_jerk_reaches
from neurodyn.tasks.base import Task, TaskTrials

START_S = -0.1
"""Outputs begin so long before the movement."""
FIXED_BEFORE_CUE, FIXED_DELAY, FIXED_BINS = 25, 105, 250
"""Timing of `conditions`, in bins."""
_AXES = {"position": ("x", "y"), "velocity": ("x_velocity", "y_velocity"), "angles": ("shoulder", "elbow")}


@dataclass(frozen=True)
class ReachConfig:
    """Options of `Reach`. A bin is 10 ms, as the kinematics are recorded."""

    targets: tuple[Literal["conditions", "position", "velocity", "angles"], ...] = ("angles",)
    """What a network should give, any of: one of eight outputs at 1 from the movement on; hand position; hand velocity; shoulder and elbow angles. They are put in this order."""
    kinematics: Literal["recorded", "minimum_jerk"] = "recorded"
    """Averages of the recording of Hatsopoulos et al. 2007, which must be in the data folder; or straight reaches by formula, which need nothing."""
    before_cue_bins: tuple[int, int] = (0, 49)
    """Shortest and longest time before the cue that says the direction, drawn uniformly."""
    delay_bins: tuple[int, int] = (0, 149)
    """Shortest and longest time between that cue and the end of the hold cue, drawn uniformly."""
    output_offset_bins: int = -10
    """Start of the output after the end of the hold cue; below zero before it."""
    hold_cue: bool = True
    """Whether there is a channel that is on until the movement may start. Without it only a fixed delay tells when."""
    bins: int = 300
    """Bins of a trial."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.bins", self.bins, 1)
        check_timing("task.before_cue_bins", self.before_cue_bins)
        check_timing("task.delay_bins", self.delay_bins)
        if not self.targets or len(set(self.targets)) != len(self.targets):
            raise InvalidInput("task.targets", self.targets, "at least one, none twice")


class Reach(Task):
    """Centre-out reach to one of eight targets after a hold cue, with recorded kinematics (Hatsopoulos, Xu & Amit 2007, J. Neurosci. 27:5105).

    As set by Liu, Yang & Cueva 2025 (arXiv:2506.06904). Channels 0 and 1 are sine and cosine of the direction during a cue of 23 bins; channel 2 is the hold
    cue. The output is the kinematics from 100 ms before movement to 400 ms after; zero before, and not compared after.

    >>> task = Reach(ReachConfig(kinematics="minimum_jerk"))
    >>> task.conditions().target.shape
    (8, 250, 2)

    Raises:
        MissingData: the recording is not on this machine; `kinematics="minimum_jerk"` needs none.
        InvalidInput: trials too short for their longest timing, or outputs that would start before the trial.
    """

    Config: ClassVar = ReachConfig
    bin_s = 0.01

    def __init__(self, config: ReachConfig = ReachConfig()) -> None:
        self.config = config
        kinematics, time_s, self._direction_deg = _kinematics(config.kinematics)
        chosen = time_s > START_S - self.bin_s / 2
        wanted = [name for name in KINEMATICS if name in config.targets]
        conditions = len(self._direction_deg)
        self._series = np.concatenate(
            [np.empty((conditions, chosen.sum(), 0)), *(kinematics[name][:, chosen] for name in wanted)], 2
        )
        self._onset = int(np.argmin(np.abs(time_s[chosen])))
        names = tuple(axis for name in wanted for axis in _AXES[name])
        one_hot = tuple(f"{direction:g}_deg" for direction in self._direction_deg)
        self.output_names = (*(one_hot if "conditions" in config.targets else ()), *names)
        self.outputs = len(self.output_names)
        self.channel_names = ("sine", "cosine", *(("hold",) if config.hold_cue else ()))
        self.channels = len(self.channel_names)
        self.periods = {"trial": slice(0, config.bins)}
        (first, last), (short, long) = config.before_cue_bins, config.delay_bins
        go = (first + len(BUMP) + short, last + len(BUMP) + long)
        check_output(config.output_offset_bins, go, self._series.shape[1], config.bins)

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials; the first eight are one of each condition where there are as many.

        Returns:
            `stimulus` `(trial, time, 3)`; `target` and `counted` `(trial, time, output)`; table columns `condition`, `direction_deg`, and the bins `cue_bin`
            (first of the direction cue), `go_bin` (first after the hold cue), `output_bin` (first of the output), `onset_bin` (of the target's movement).
        """
        c = self.config
        drawn = drawn_reaches(streams, len(self._direction_deg), c.before_cue_bins, c.delay_bins)
        return self._trials(*drawn, c.bins)

    def conditions(self) -> TaskTrials:
        """The eight directions in order: cue in bins 25 to 47, hold cue to bin 152, trials of 250 bins.

        Raises:
            InvalidInput: an output offset with which the output does not fit into them.
        """
        go = FIXED_BEFORE_CUE + len(BUMP) + FIXED_DELAY
        check_output(self.config.output_offset_bins, (go, go), self._series.shape[1], FIXED_BINS)
        condition = np.arange(len(self._direction_deg))
        before_cue, delay = np.full((2, len(condition)), [[FIXED_BEFORE_CUE], [FIXED_DELAY]])
        return self._trials(condition, before_cue, delay, FIXED_BINS)

    def _trials(self, condition: Array, cue: Array, delay: Array, bins: int) -> TaskTrials:
        go = cue + len(BUMP) + delay
        start = go + self.config.output_offset_bins
        series = self._series[condition]
        length, one_hot = series.shape[1], self.outputs - series.shape[2]
        angle = self._direction_deg[condition] * np.pi / 180
        stimulus = np.zeros((len(condition), bins, self.channels), np.float32)
        put(stimulus[:, :, :2], np.stack([np.sin(angle), np.cos(angle)], 1)[:, None] * BUMP[:, None], cue)
        if self.config.hold_cue:
            stimulus[:, :, 2] = hold_cue(go, bins)
        target = np.zeros((len(condition), bins, self.outputs), np.float32)
        put(target[:, :, one_hot:], series, start)
        counted = counted_before(start + length, bins, self.outputs)
        if one_hot:
            moving = np.arange(bins) >= start[:, None]
            target[:, :, :one_hot] = moving[:, :, None] & (np.arange(one_hot) == condition[:, None])[:, None]
            counted[:, :, :one_hot] = True
        table = pd.DataFrame(
            {
                "condition": condition,
                "direction_deg": self._direction_deg[condition],
                "cue_bin": cue,
                "go_bin": go,
                "output_bin": start,
                "onset_bin": start + self._onset,
            }
        )
        return TaskTrials(stimulus, table, target, counted)


def _kinematics(
    source: Literal["recorded", "minimum_jerk"],
) -> tuple[Mapping[str, Float[Array, "condition time axis"]], Array, Array]:
    """Kinematics by name, times in seconds from the movement's onset, directions in degrees."""
    if source == "minimum_jerk":
        time_s, direction_deg = np.arange(-10, 41) / 100, np.arange(8) * 45.0
        return minimum_jerk_reaches(time_s, direction_deg), time_s, direction_deg
    try:
        found = read_averages()
    except MissingData as error:
        raise MissingData(f"{error} Or take reaches by formula: task option kinematics=minimum_jerk.") from error
    return found.kinematics, found.time_s, found.direction_deg
