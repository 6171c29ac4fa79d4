"""Give the muscle activity of a planned reach once the plan is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array
from neurodyn.tasks._hold_cue import RAMP, check_output, check_timing, counted_before, drawn_reaches, hold_cue, put
from neurodyn.tasks._muscles import recorded_muscles, synthetic_muscles
from neurodyn.tasks.base import Task, TaskTrials

FIXED_BEFORE_CUE, FIXED_DELAY, FIXED_BINS = 37, 69, 196
"""Timing of `conditions`, in bins."""


@dataclass(frozen=True)
class ReachEMGConfig:
    """Options of `ReachEMG`. A bin is 10 ms."""

    source: Literal["synthetic", "recorded"] = "synthetic"
    """Plans and muscles by formula, or read from the study's files, which are not public."""
    folder: str = ""
    """With `recorded`: the folder with `EMGforRNN_Sussillo2015.mat` and `planinputforRNN.mat`."""
    seed: int = 0
    """With `synthetic`: seed of the plans and muscles."""
    before_cue_bins: tuple[int, int] = (0, 49)
    """Shortest and longest time before the plan comes on, drawn uniformly."""
    delay_bins: tuple[int, int] = (0, 149)
    """Shortest and longest time for which it is fully on, drawn uniformly."""
    output_offset_bins: int = -6
    """Start of the output after the plan begins to go off; below zero before it. The release's command line has −10, with which its shortest trials do not fit."""
    bins: int = 300
    """Bins of a trial."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.seed", self.seed, 0)
        check_range("task.bins", self.bins, 1)
        check_timing("task.before_cue_bins", self.before_cue_bins)
        check_timing("task.delay_bins", self.delay_bins)
        if self.source == "recorded" and not self.folder:
            raise InvalidInput("task.folder", "nothing", "the folder with the study's files, with source=recorded")


class ReachEMG(Task):
    """Reach with muscle activity (EMG) as output (Sussillo, Churchland, Kaufman & Shenoy 2015, 10.1038/nn.4042).

    As set by Liu, Yang & Cueva 2025 (arXiv:2506.06904). Channels are the reach's plan, ramped on and off within 8 bins each, and a hold cue that ends with it.
    The output is the muscles' activity from shortly before the plan begins to go off; zero before, and not compared after.

    >>> ReachEMG().conditions().target.shape
    (27, 196, 7)

    Raises:
        MissingData: source `recorded` without its files.
        InvalidInput: files of another form; trials too short for their longest timing, or outputs that would start before the trial.
    """

    Config: ClassVar = ReachEMGConfig
    bin_s = 0.01

    def __init__(self, config: ReachEMGConfig = ReachEMGConfig()) -> None:
        self.config = config
        recorded = config.source == "recorded"
        self._muscles = recorded_muscles(Path(config.folder)) if recorded else synthetic_muscles(config.seed)
        plans = self._muscles.plan.shape[1]
        self.channels, self.outputs = plans + 1, self._muscles.activity.shape[2]
        self.channel_names = (*(f"plan_{place}" for place in range(plans)), "hold")
        self.output_names = tuple(f"muscle_{place}" for place in range(self.outputs))
        self.periods = {"trial": slice(0, config.bins)}
        (first, last), (short, long) = config.before_cue_bins, config.delay_bins
        off = (first + len(RAMP) + short, last + len(RAMP) + long)
        if config.bins < off[1] + len(RAMP):
            fix = "Give the trial more bins, or shorten before_cue_bins or delay_bins."
            raise InvalidInput("task.bins", config.bins, f"at least {off[1] + len(RAMP)}, the end of the last cue", fix)
        check_output(config.output_offset_bins, off, self._muscles.activity.shape[1], config.bins)

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials; the first 27 are one of each condition where there are as many.

        Returns:
            `stimulus` `(trial, time, 16)`; `target` and `counted` `(trial, time, 7)`; table columns `condition`, and the bins `cue_bin` (first of the plan),
            `off_bin` (first in which it goes off), `output_bin` (first of the output).
        """
        c = self.config
        drawn = drawn_reaches(streams, len(self._muscles.plan), c.before_cue_bins, c.delay_bins)
        return self._trials(*drawn, c.bins)

    def conditions(self) -> TaskTrials:
        """The reaches in order: plan from bin 37, going off from bin 114, trials of 196 bins.

        Raises:
            InvalidInput: an output offset with which the output does not fit into them.
        """
        off = FIXED_BEFORE_CUE + len(RAMP) + FIXED_DELAY
        check_output(self.config.output_offset_bins, (off, off), self._muscles.activity.shape[1], FIXED_BINS)
        condition = np.arange(len(self._muscles.plan))
        before_cue, delay = np.full((2, len(condition)), [[FIXED_BEFORE_CUE], [FIXED_DELAY]])
        return self._trials(condition, before_cue, delay, FIXED_BINS)

    def _trials(self, condition: Array, cue: Array, delay: Array, bins: int) -> TaskTrials:
        off = cue + len(RAMP) + delay
        end = off + len(RAMP)
        start = off + self.config.output_offset_bins
        activity = self._muscles.activity[condition]
        hold = hold_cue(end, bins)
        level = hold * (np.arange(bins) >= cue[:, None])
        put(level, RAMP[None], cue)
        stimulus = np.zeros((len(condition), bins, self.channels), np.float32)
        stimulus[:, :, :-1] = level[:, :, None] * self._muscles.plan[condition][:, None]
        stimulus[:, :, -1] = hold
        target = np.zeros((len(condition), bins, self.outputs), np.float32)
        put(target, activity, start)
        counted = counted_before(start + activity.shape[1], bins, self.outputs)
        table = pd.DataFrame({"condition": condition, "cue_bin": cue, "off_bin": off, "output_bin": start})
        return TaskTrials(stimulus, table, target, counted)
