"""Decide on the motion or on the colour of dots, as the context says."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.tasks.base import Task, TaskTrials, consecutive_periods, decision_targets, decision_trial

_LEVELS = {"classes": (0.06, 0.17, 0.5), "signed": (0.009, 0.036, 0.15)}
_LARGEST = {"classes": 0.0, "signed": 0.1875}


@dataclass(frozen=True)
class ContextDecisionConfig:
    """Options of `ContextDecision`."""

    mode: Literal["default", "release"] = "default"
    """`default`: fresh trials with noise. `release`: the noise-free conditions in order, over and over, each bin's channels divided by their Euclidean norm, as the networks of the learning-rule study were trained."""
    form: Literal["classes", "signed"] = "classes"
    """`classes`: nine channels, outputs fixate, left and right. `signed`: four channels (motion, colour, two contexts) and one output of −1 or 1, closer to the network of 2013."""
    motion_coherences: tuple[float, ...] | None = None
    """Sizes of the motion coherence, shown with both signs, each in (0, 1]. None: 0.06, 0.17 and 0.5, those of the recordings; of `signed` 0.009, 0.036 and 0.15."""
    colour_coherences: tuple[float, ...] | None = None
    """The same of the colour coherence."""
    uniform_coherence: float | None = None
    """Above 0, drawn trials have coherences uniform between plus and minus this instead of the sizes above. None: 0; of `signed` 0.1875."""
    noise_std: float = 0.25
    """S.d. of the noise of drawn trials, new in each bin and stimulus channel, in units of the stimulus."""
    target_order: Literal["drawn", "first"] = "drawn"
    """Which side the red target is on in drawn trials: either, or always the left one as in all conditions. `signed` has no targets."""
    normalise_steps: bool | None = None
    """Whether each bin's channels are divided by their Euclidean norm. None: as the mode does, in `release` alone."""
    fixation_s: float = 0.345
    """Time before the stimulus, in seconds (350 ms in the release, whose library cuts it to whole bins)."""
    stimulus_s: float = 0.75
    """Stimulus time, in seconds."""
    delay_s: float = 0.3
    """Time between stimulus and decision, in seconds."""
    decision_s: float = 0.3
    """Time in which the decision is given, in seconds."""
    bin_s: float = 0.015
    """Bin width, in seconds."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        for name in ("bin_s", "stimulus_s", "decision_s"):
            check_range(f"task.{name}", getattr(self, name), 0, open_low=True)
        check_range("task.noise_std", self.noise_std, 0)
        if self.uniform_coherence is not None:
            check_range("task.uniform_coherence", self.uniform_coherence, 0, 1)
        for name in ("motion_coherences", "colour_coherences"):
            sizes = getattr(self, name)
            if sizes is not None and (not sizes or min(sizes) <= 0 or max(sizes) > 1 or len(set(sizes)) < len(sizes)):
                raise InvalidInput(f"task.{name}", sizes, "at least one size, each above 0 and at most 1, none twice")


class ContextDecision(Task):
    """Context-dependent decision: go by motion or by colour (Mante et al. 2013, 10.1038/nature12742).

    As set by Liu, Yang & Cueva 2025 (arXiv:2506.06904). The channels of form `classes` are fixation (on until the decision), the parts of dots that move left and
    right and that are red and green, (1 ∓ coherence)/2 during the stimulus; one for either context until the decision; one for either order of the targets throughout
    (left green and right red, left red and right green). Right is correct if the dots of the relevant kind say so, by way of the targets in the context of colour.

    >>> task = ContextDecision()
    >>> task.conditions().stimulus.shape
    (72, 113, 9)
    """

    Config: ClassVar = ContextDecisionConfig

    def __init__(self, config: ContextDecisionConfig = ContextDecisionConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.periods = consecutive_periods(decision_trial(config), config.bin_s)
        self.classes = config.form == "classes"
        self._uniform = _LARGEST[config.form] if config.uniform_coherence is None else config.uniform_coherence
        if self.classes:
            self.output_names = ("fixate", "left", "right")
            stimulus = ("fixation", "left", "right", "red", "green")
            self.channel_names = (*stimulus, "motion_context", "colour_context", "green_left", "red_left")
        else:
            self.output_names = ("choice",)
            self.channel_names = ("motion", "colour", "motion_context", "colour_context")
        self.outputs, self.channels = len(self.output_names), len(self.channel_names)
        self._conditions = self._ordered()

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Draws trials; in mode `release` the conditions in order, over and over.

        Returns:
            `stimulus` `(trial, time, channel)`; `target` `(trial, time, output)`; table columns `condition` (place among `conditions`; with uniform coherences the
            place of the trial's context and signs, 0 to 7), `context` (motion, colour), `motion_coherence` (below 0 left), `colour_coherence` (below 0 red),
            `red_left`, `correct_choice` (0 left, 1 right).
        """
        c = self.config
        if c.mode == "release":
            return self._trials(self._conditions.iloc[np.arange(streams.trials) % len(self._conditions)])
        if self._uniform:
            drawn = streams.integers(2, 2)
            motion, colour = (streams.uniform(-self._uniform, self._uniform) for _ in range(2))
            by_motion = drawn[:, 0] == 1
            condition = 4 * drawn[:, 0] + 2 * (motion > 0) + (colour > 0)
        else:
            drawn = streams.integers(len(self._conditions), 2)
            condition = drawn[:, 0]
            rows = self._conditions.iloc[condition]
            motion, colour = rows["motion_coherence"].to_numpy(), rows["colour_coherence"].to_numpy()
            by_motion = (rows["context"] == "motion").to_numpy()
        red_left = (drawn[:, 1] == 1) | (c.target_order == "first") | (not self.classes)
        table = pd.DataFrame(
            {
                "condition": condition,
                "context": np.where(by_motion, "motion", "colour"),
                "motion_coherence": motion,
                "colour_coherence": colour,
                "red_left": red_left,
                "correct_choice": np.where(by_motion, motion > 0, (colour > 0) == red_left).astype(int),
            }
        )
        during = self.periods["stimulus"]
        noisy = 4 if self.classes else 2
        noise = streams.normal(c.noise_std, (during.stop - during.start) * noisy)
        return self._trials(table, noise.reshape(streams.trials, -1, noisy))

    def conditions(self) -> TaskTrials:
        """Every pair of coherences in both contexts, red target left, without noise: first those with choice left, and inside by motion, colour, context (colour first).

        That is the order of the recordings' conditions: 6 motion x 6 colour coherences x 2 contexts are 72.
        """
        return self._trials(self._conditions)

    def _ordered(self) -> pd.DataFrame:
        c = self.config
        sizes = (each or _LEVELS[c.form] for each in (c.motion_coherences, c.colour_coherences))
        motion, colour = ([sign * size for sign in (-1, 1) for size in each] for each in sizes)
        rows = [
            ((colour_level, motion_level)[context] > 0, motion_level, colour_level, context)
            for motion_level, colour_level, context in itertools.product(motion, colour, (0, 1))
        ]
        choice, motion_coherence, colour_coherence, context = zip(*sorted(rows))
        return pd.DataFrame(
            {
                "condition": np.arange(len(rows)),
                "context": np.where(context, "motion", "colour"),
                "motion_coherence": motion_coherence,
                "colour_coherence": colour_coherence,
                "red_left": True,
                "correct_choice": np.array(choice, int),
            }
        )

    def _trials(self, rows: pd.DataFrame, noise: Float[Array, "trial time channel"] | None = None) -> TaskTrials:
        motion, colour = rows["motion_coherence"].to_numpy(), rows["colour_coherence"].to_numpy()
        choice = rows["correct_choice"].to_numpy()
        during, decision = self.periods["stimulus"], self.periods["decision"]
        contexts = slice(-4, -2) if self.classes else slice(-2, None)
        stimulus = np.zeros((len(rows), self.bins, self.channels), np.float32)
        if self.classes:
            values, shown = np.stack([1 - motion, 1 + motion, 1 - colour, 1 + colour], 1) / 2, slice(1, 5)
            stimulus[:, : decision.start, 0] = 1
            stimulus[:, :, -2:] = np.eye(2)[rows["red_left"].to_numpy().astype(int)][:, None]
            target, _ = decision_targets(choice, 2, decision, self.bins)
        else:
            values, shown = np.stack([motion, colour], 1), slice(0, 2)
            target = np.zeros((len(rows), self.bins, 1), np.float32)
            target[:, decision, 0] = (2 * choice - 1)[:, None]
        stimulus[:, during, shown] = values[:, None] if noise is None else values[:, None] + noise
        stimulus[:, : decision.start, contexts] = np.eye(2)[(rows["context"] == "colour").to_numpy().astype(int)][
            :, None
        ]
        normalised = self.config.normalise_steps
        if self.config.mode == "release" if normalised is None else normalised:
            length = np.linalg.norm(stimulus, axis=2, keepdims=True)
            length[length == 0] = 1  # bins in which nothing is shown
            stimulus /= length
        return TaskTrials(stimulus, rows.reset_index(drop=True), target)
