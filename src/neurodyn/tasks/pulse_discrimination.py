"""Which of two channels carries more pulses?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.tasks.base import Task, TaskTrials, consecutive_periods, decision_targets, decision_trial


@dataclass(frozen=True)
class PulseDiscriminationConfig:
    """Options of `PulseDiscrimination`."""

    rates_hz: tuple[float, ...] = (4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0)
    """Pulse rates F. A trial draws k: channel 0 pulses at F[k], channel 1 at F[-1 - k]."""
    fixation_s: float = 0.05
    """Time before the stimulus, in seconds."""
    stimulus_s: float = 0.9
    """Time with pulses, in seconds."""
    delay_s: float = 0.0
    """Time between stimulus and decision, in seconds."""
    decision_s: float = 0.05
    """Time after the delay, in seconds."""
    bin_s: float = 0.01
    """Bin width, in seconds."""
    kernel: Literal["box", "decay", "gaussian"] = "box"
    """Shape of a pulse's current: constant, exp(-x) for x in 0..5, or exp(-x²/2) for x in -3..3."""
    kernel_s: float = 0.05
    """Length of a pulse's current, in seconds."""
    height_na: float = 0.012
    """Largest current of a pulse, in nA."""
    causal: bool = False
    """Whether a pulse's current starts at the pulse. False centres it, as the stored study does: it then starts 2 bins early."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.bin_s", self.bin_s, 0, open_low=True)
        check_range("task.decision_s", self.decision_s, 0, open_low=True)
        check_range("task.stimulus_s", self.stimulus_s, 0, open_low=True)
        check_range("task.kernel_s", self.kernel_s, self.bin_s, self.stimulus_s)
        if not self.rates_hz or min(self.rates_hz) < 0 or min(_pairs(self.rates_hz)) <= 0:
            raise InvalidInput("task.rates_hz", self.rates_hz, "rates of 0 Hz or more whose pairs are not both 0")


def _pairs(rates_hz: tuple[float, ...]) -> list[float]:
    return [first + second for first, second in zip(rates_hz, reversed(rates_hz))]


class PulseDiscrimination(Task):
    """Two channels of Poisson pulses; the correct choice is the one with the higher rate.

    Channel c gets counts ~ Poisson(f_c bin_s) in each stimulus bin, convolved with the kernel and cut to the stimulus.
    Current is zero outside the stimulus. With the defaults f_0 + f_1 = 36 Hz, and a trial has 5 + 90 + 0 + 5 bins.

    >>> from neurodyn.random_streams import PerTrialStreams
    >>> drawn = PulseDiscrimination().sample(PerTrialStreams(3, seed=0))
    >>> drawn.stimulus.shape
    (3, 100, 2)
    """

    Config: ClassVar = PulseDiscriminationConfig
    channels = 2
    classes = True
    outputs = 3
    output_names = ("fixate", "choice_0", "choice_1")

    def __init__(self, config: PulseDiscriminationConfig = PulseDiscriminationConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.periods = consecutive_periods(decision_trial(config), config.bin_s)

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials.

        Returns:
            `stimulus` `(trial, time, 2)` in nA; `target`: fixate, then the correct choice in the decision, which is not counted where the rates are equal; table
            columns `condition` (k), `stimulus_1_hz`, `stimulus_2_hz`, `coherence` = (f_0 - f_1)/(f_0 + f_1), `correct_choice` (1 if f_0 < f_1, else 0).
        """
        levels = np.array(self.config.rates_hz)
        condition = streams.choice(len(levels))
        rates = np.stack([levels[condition], levels[::-1][condition]], 1)
        during = self.periods["stimulus"]
        per_bin = np.repeat(rates[:, None] * self.bin_s, during.stop - during.start, 1)
        stimulus = np.zeros((streams.trials, self.bins, 2))
        stimulus[:, during] = self._currents(streams.poisson(per_bin).astype(float))
        table = pd.DataFrame(
            {
                "condition": condition,
                "stimulus_1_hz": rates[:, 0],
                "stimulus_2_hz": rates[:, 1],
                "coherence": (rates[:, 0] - rates[:, 1]) / rates.sum(1),
                "correct_choice": (rates[:, 0] < rates[:, 1]).astype(int),
            }
        )
        correct, equal = table["correct_choice"].to_numpy(), rates[:, 0] == rates[:, 1]
        return TaskTrials(stimulus, table, *decision_targets(correct, 2, self.periods["decision"], self.bins, equal))

    def _currents(self, pulses: Float[Array, "trial time channel"]) -> Float[Array, "trial time channel"]:
        taps = round(self.config.kernel_s / self.bin_s)
        kernel = {
            "box": np.ones(taps),
            "decay": np.exp(-np.linspace(0, 5, taps)),
            "gaussian": np.exp(-0.5 * np.linspace(-3, 3, taps) ** 2),
        }[self.config.kernel]
        early = 0 if self.config.causal else (taps - 1) // 2
        bins = pulses.shape[1]
        currents = np.zeros_like(pulses)
        for tap, weight in enumerate(kernel):
            shift = tap - early
            low, high = max(0, shift), min(bins, bins + shift)
            currents[:, low:high] += self.config.height_na * weight * pulses[:, low - shift : high - shift]
        return currents
