"""Remember the sign of the last pulse on each of several lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array
from neurodyn.tasks.base import Task, TaskTrials, consecutive_periods


@dataclass(frozen=True)
class FlipFlopConfig:
    """Options of `FlipFlop`."""

    bits: int = 3
    """Lines, each with a channel and an output."""
    pulse_rate_hz: float = 1.0
    """Pulses a second on each line, at Poisson times."""
    pulse_s: float = 0.1
    """Length of a pulse, in seconds; the next on the same line cuts it short."""
    duration_s: float = 3.0
    """Length of a trial, in seconds."""
    bin_s: float = 0.01
    """Bin width, in seconds."""
    noise_std: float = 0.0
    """S.d. of the noise of drawn trials, new in each bin and channel; a pulse has size 1."""
    silent_s: float = 0.0
    """Time before the first pulse may begin, in seconds."""
    transition_s: float = 0.0
    """Time from a change of an output in which it is not compared, in seconds."""
    settle_s: float = 0.0
    """Time from the start in which nothing is compared, in seconds."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.bits", self.bits, 1)
        check_range("task.bin_s", self.bin_s, 0, open_low=True)
        check_range("task.pulse_rate_hz", self.pulse_rate_hz, 0, open_low=True)
        check_range("task.duration_s", self.duration_s, 0, open_low=True)
        check_range("task.pulse_s", self.pulse_s, self.bin_s, self.duration_s)
        check_range("task.noise_std", self.noise_std, 0)
        for name in ("silent_s", "transition_s", "settle_s"):
            check_range(f"task.{name}", getattr(self, name), 0, self.duration_s)
        if self.pulse_rate_hz * self.bin_s > 1:
            fix = "Take shorter bins or fewer pulses."
            raise InvalidInput("task.pulse_rate_hz", self.pulse_rate_hz, f"at most one a bin, {1 / self.bin_s:g}", fix)


class FlipFlop(Task):
    """Flip-flop of n bits: pulses of random sign at Poisson times, and outputs that hold the last sign (Sussillo & Barak 2013, 10.1162/NECO_a_00409).

    Every output is −1 or 1 from the first bin of a pulse to the next; before the first pulse there is nothing to hold, and nothing is compared.

    >>> from neurodyn.random_streams import SharedStreams
    >>> FlipFlop().sample(SharedStreams(5, seed=0)).target.shape
    (5, 300, 3)
    """

    Config: ClassVar = FlipFlopConfig

    def __init__(self, config: FlipFlopConfig = FlipFlopConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.channels = self.outputs = config.bits
        self.channel_names = self.output_names = tuple(f"bit_{place}" for place in range(config.bits))
        self.periods = consecutive_periods({"duration": config.duration_s}, config.bin_s)

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials.

        Returns:
            `stimulus`, `target` and `counted` `(trial, time, bit)`; table columns `condition` (0, there is one) and `pulses`.
        """
        c, trials, bins = self.config, streams.trials, self.bins
        expected = c.pulse_rate_hz * c.duration_s
        most = int(expected + 10 * np.sqrt(expected) + 10)  # that more come is as good as impossible
        shape = (trials, c.bits, most)
        start = np.cumsum(streams.exponential(1 / c.pulse_rate_hz, c.bits * most).reshape(shape), 2) // c.bin_s
        sign = np.sign(streams.normal(1.0, c.bits * most).reshape(shape))
        trial, bit, place = np.nonzero((start < bins) & (start >= round(c.silent_s / c.bin_s)))
        at = start[trial, bit, place].astype(int)
        began = np.zeros((trials, bins, c.bits), int)
        began[trial, at, bit] = place + 1
        # Pulses of a line come in order of time: the largest number so far is the last one's, 0 before the first.
        last = np.maximum.accumulate(began, 1)
        held = np.take_along_axis(np.pad(sign, ((0, 0), (0, 0), (1, 0))).swapaxes(1, 2), last, 1).astype(np.float32)
        since = np.arange(bins)[:, None] - np.maximum.accumulate(
            np.where(began > 0, np.arange(bins)[:, None], -bins), 1
        )
        on = since < round(c.pulse_s / c.bin_s)
        table = pd.DataFrame({"condition": np.zeros(trials, int), "pulses": (began > 0).sum((1, 2))})
        stimulus = held * on
        if c.noise_std:
            stimulus = stimulus + streams.normal(c.noise_std, bins * c.bits).reshape(stimulus.shape).astype(np.float32)
        return TaskTrials(stimulus, table, held, (last > 0) & self._compared(held))

    def _compared(self, held: Array) -> Array:
        """Bins `(trial, time, bit)` that are neither right after a change nor at the start."""
        c, place = self.config, np.arange(self.bins)[:, None]
        changed = np.diff(held, axis=1, prepend=0) != 0
        latest = np.maximum.accumulate(np.where(changed, place, -self.bins), 1)
        return np.asarray((place - latest >= round(c.transition_s / c.bin_s)) & (place >= round(c.settle_s / c.bin_s)))
