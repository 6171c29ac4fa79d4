"""Which of two constant currents is the stronger?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array
from neurodyn.tasks.base import Task, TaskTrials, consecutive_periods, decision_targets, decision_trial


@dataclass(frozen=True)
class PerceptualConfig:
    """Options of `Perceptual`."""

    coherences: tuple[float, ...] = (-0.512, -0.256, -0.128, -0.064, -0.032, 0.0, 0.032, 0.064, 0.128, 0.256, 0.512)
    """Signed coherences, drawn with equal probability, each in [-1, 1]."""
    current_na: float = 0.0118
    """Current at coherence 0, in nA."""
    fixation_s: float = 0.05
    """Time before the stimulus, in seconds."""
    stimulus_s: float = 0.9
    """Stimulus time, in seconds."""
    delay_s: float = 0.0
    """Time between stimulus and decision, in seconds."""
    decision_s: float = 0.05
    """Time after the delay, in seconds."""
    bin_s: float = 0.01
    """Bin width, in seconds."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.bin_s", self.bin_s, 0, open_low=True)
        check_range("task.stimulus_s", self.stimulus_s, 0, open_low=True)
        check_range("task.decision_s", self.decision_s, 0, open_low=True)
        if not self.coherences or max(abs(c) for c in self.coherences) > 1:
            raise InvalidInput("task.coherences", self.coherences, "at least one, each between -1 and 1")


class Perceptual(Task):
    """Perceptual discrimination of Murray, Jaramillo & Wang 2017 (10.1523/JNEUROSCI.0343-17.2017): current I (1 ± coherence) to the two channels."""

    Config: ClassVar = PerceptualConfig
    channels = 2
    classes = True
    outputs = 3
    output_names = ("fixate", "choice_0", "choice_1")

    def __init__(self, config: PerceptualConfig = PerceptualConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.periods = consecutive_periods(decision_trial(config), config.bin_s)

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials.

        Returns:
            `stimulus` `(trial, time, 2)` in nA; `target`: fixate, then the correct choice in the decision, which is not counted at coherence 0; table columns
            `condition`, `coherence`, and `correct_choice` (1 if the coherence is negative; at coherence 0 nothing is correct, and the column holds 0).
        """
        return self._trials(streams.choice(len(self.config.coherences)))

    def conditions(self) -> TaskTrials:
        """One trial of each coherence, in order."""
        return self._trials(np.arange(len(self.config.coherences)))

    def _trials(self, condition: Array) -> TaskTrials:
        coherence = np.array(self.config.coherences)[condition]
        stimulus = np.zeros((len(condition), self.bins, 2))
        level = self.config.current_na * (1 + coherence[:, None] * np.array([1.0, -1.0]))
        stimulus[:, self.periods["stimulus"]] = level[:, None]
        correct = (coherence < 0).astype(int)
        table = pd.DataFrame({"condition": condition, "coherence": coherence, "correct_choice": correct})
        targets = decision_targets(correct, 2, self.periods["decision"], self.bins, coherence == 0)
        return TaskTrials(stimulus, table, *targets)
