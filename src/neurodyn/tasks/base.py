"""What every task is: timing, and trials drawn all at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams


@dataclass(frozen=True, eq=False)
class TaskTrials:
    """Trials of a task, before anyone acts on them."""

    stimulus: np.ndarray
    """What drives the system, `(trial, time, channel)`, without noise; its unit is the task's."""
    table: pd.DataFrame
    """One row a trial: at least `condition` and `correct_choice`."""


class Task(ABC):
    """A task with periods of fixed length. `sample` draws many trials at once."""

    Config: ClassVar[type[Any]]
    config: Any
    bin_s: float
    """Bin width in seconds."""
    channels: int
    """Stimulus channels."""
    periods: Mapping[str, slice]
    """Bins of each period, in order."""

    @property
    def bins(self) -> int:
        """Bins in a trial."""
        return max(int(period.stop) for period in self.periods.values())

    @abstractmethod
    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws as many trials as there are streams."""


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
