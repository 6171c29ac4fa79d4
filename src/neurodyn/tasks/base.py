"""What every task is: timing, and trials drawn all at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Bool, Float


@dataclass(frozen=True, eq=False)
class TaskTrials:
    """Trials of a task, before anyone acts on them."""

    stimulus: np.ndarray
    """What drives the system, `(trial, time, channel)`; its unit is the task's."""
    table: pd.DataFrame
    """One row a trial: at least `condition`; `correct_choice` where there is one."""
    target: np.ndarray | None = None
    """What a network should say, `(trial, time, output)`; where the task's `classes` is true, one-hot. None for tasks that only drive a circuit."""
    counted: np.ndarray | None = None
    """Bool `(trial, time)` or `(trial, time, output)`: entries of the target that are compared; None counts all."""
    mask: np.ndarray | None = None
    """Bool `(trial, time)`: bins that the trial has, for trials of different length; None where all are of one length."""


class Task(ABC):
    """A task, drawn many trials at once. `periods` are those of every trial, or the longest that a trial can have."""

    Config: ClassVar[type[Any]]
    classes: bool = False
    """Whether targets are one-hot classes, one of which is right in every bin, rather than numbers."""
    config: Any
    bin_s: float
    """Bin width in seconds."""
    channels: int
    """Stimulus channels."""
    channel_names: tuple[str, ...] = ()
    """Name of each stimulus channel; empty where they have none."""
    outputs: int = 0
    """Outputs that a network is trained to give; 0 for tasks that only drive a circuit."""
    output_names: tuple[str, ...] = ()
    """Name of each output, or of each class; empty where they have none."""
    periods: Mapping[str, slice]
    """Bins of each period, in order."""

    @property
    def bins(self) -> int:
        """Bins in a trial."""
        return max(int(period.stop) for period in self.periods.values())

    def event_bin(self, table: pd.DataFrame) -> int:
        """The bin of the event that recordings are aligned to in trials of one timing: of their movement's onset, else of the stimulus' onset, else their first.

        Raises:
            InvalidInput: trials of different timing.
        """
        if "onset_bin" not in table:
            return int(self.periods["stimulus"].start) if "stimulus" in self.periods else 0
        onsets = table["onset_bin"].unique()
        if len(onsets) > 1:
            raise InvalidInput("trials", f"movement onsets at bins {onsets.tolist()}", "trials of one timing")
        return int(onsets[0])

    @abstractmethod
    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws as many trials as there are streams."""

    def conditions(self) -> TaskTrials:
        """One trial of each condition in order, without noise and with the same timing for all: what a network is compared with recordings on.

        Raises:
            InvalidInput: the task has no such trials.
        """
        fix = "Sample trials of it instead."
        raise InvalidInput("task", registry.name_of(type(self)), "a task with conditions of fixed timing", fix)


def decision_trial(config: Any) -> dict[str, float]:
    """Durations in seconds of a decision trial's periods, in order, from a config's fields `<period>_s`."""
    return {name: getattr(config, f"{name}_s") for name in ("fixation", "stimulus", "delay", "decision")}


def consecutive_periods(durations_s: Mapping[str, float], bin_s: float) -> dict[str, slice]:
    """Bins of periods that follow each other.

    Raises:
        InvalidInput: a duration that is not a whole number of bins, or none above zero.
    """
    periods, start = {}, 0
    for name, duration_s in durations_s.items():
        bins = round(duration_s / bin_s)
        if duration_s < 0 or abs(bins * bin_s - duration_s) > 1e-9:
            raise InvalidInput(f"{name}_s", duration_s, f"a whole number of bins of {bin_s:g} s")
        periods[name] = slice(start, start + bins)
        start += bins
    if start == 0:
        raise InvalidInput("durations", "all zero", "at least one period with bins in it")
    return periods


def decision_targets(
    choice: Array,
    choices: int,
    decision: slice,
    bins: int,
    undecided: Array | None = None,
) -> tuple[Float[Array, "trial time output"], Bool[Array, "trial time"]]:
    """One-hot classes of a decision and what of them is counted: class 0 (fixate) outside the decision period, 1 + the right choice in it.

    In the decision period of an undecided trial, one in which no choice is right, nothing is counted.
    """
    target = np.zeros((len(choice), bins, 1 + choices), np.float32)
    target[:, :, 0] = 1
    target[:, decision] = np.eye(1 + choices, dtype=np.float32)[1 + choice][:, None]
    counted = np.ones((len(choice), bins), bool)
    if undecided is not None:
        counted[undecided, decision] = False
    return target, counted
