"""Was the second stimulus the first one again?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.tasks.base import Task, TaskTrials, consecutive_periods, decision_targets

_PERIODS = ("fixation", "sample", "delay", "test", "decision")


@dataclass(frozen=True)
class DelayedMatchConfig:
    """Options of `DelayedMatch`."""

    stimuli: int = 4
    """Number of stimuli, each with a channel of its own."""
    noise_std: float = 0.1
    """S.d. of the noise of drawn trials, new in each bin and stimulus channel throughout; a stimulus has size 1."""
    fixation_s: float = 0.2
    """Time before the sample, in seconds."""
    sample_s: float = 0.3
    """Time with the sample, in seconds."""
    delay_s: float = 1.0
    """Time between sample and test, in seconds."""
    test_s: float = 0.3
    """Time with the test, in seconds."""
    decision_s: float = 0.2
    """Time after the test in which the decision is given, in seconds."""
    bin_s: float = 0.01
    """Bin width, in seconds."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.stimuli", self.stimuli, 2)
        check_range("task.noise_std", self.noise_std, 0)
        for name in ("bin_s", "sample_s", "test_s", "decision_s"):
            check_range(f"task.{name}", getattr(self, name), 0, open_low=True)


class DelayedMatch(Task):
    """Delayed match to sample: a sample, a delay, a test; then match or non-match (after Miller, Erickson & Desimone 1996, 10.1523/JNEUROSCI.16-16-05154.1996).

    Channel 0 is on until the decision, the others are one for each stimulus. Half of the trials match on average.

    >>> DelayedMatch().conditions().stimulus.shape
    (16, 200, 5)
    """

    Config: ClassVar = DelayedMatchConfig
    classes = True
    outputs = 3
    output_names = ("fixate", "match", "non_match")

    def __init__(self, config: DelayedMatchConfig = DelayedMatchConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.channels = config.stimuli + 1
        self.channel_names = ("fixation", *(f"stimulus_{place}" for place in range(config.stimuli)))
        self.periods = consecutive_periods({name: getattr(config, f"{name}_s") for name in _PERIODS}, config.bin_s)

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials.

        Returns:
            `stimulus` `(trial, time, 1 + stimulus)`; `target` `(trial, time, 3)`; table columns `condition` (sample × stimuli + test), `sample`, `test`,
            `correct_choice` (0 match, 1 non-match).
        """
        stimuli = self.config.stimuli
        first, other, step = streams.integers(stimuli, 2, stimuli - 1).T
        noise = streams.normal(self.config.noise_std, self.bins * stimuli).reshape(streams.trials, self.bins, stimuli)
        return self._trials(first, (first + other * (1 + step)) % stimuli, noise)

    def conditions(self) -> TaskTrials:
        """Every sample with every test, in order, without noise."""
        first, second = np.divmod(np.arange(self.config.stimuli**2), self.config.stimuli)
        return self._trials(first, second)

    def _trials(
        self,
        first: Array,
        second: Array,
        noise: Float[Array, "trial time stimulus"] | None = None,
    ) -> TaskTrials:
        decision, shown = self.periods["decision"], np.eye(self.config.stimuli)
        stimulus = np.zeros((len(first), self.bins, self.channels), np.float32)
        stimulus[:, : decision.start, 0] = 1
        stimulus[:, self.periods["sample"], 1:] = shown[first][:, None]
        stimulus[:, self.periods["test"], 1:] = shown[second][:, None]
        if noise is not None:
            stimulus[:, :, 1:] += noise
        choice = (first != second).astype(int)
        condition = first * self.config.stimuli + second
        table = pd.DataFrame({"condition": condition, "sample": first, "test": second, "correct_choice": choice})
        return TaskTrials(stimulus, table, *decision_targets(choice, 2, decision, self.bins))
