"""What the page about a study shows, and what each of its sections is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.metrics.base import Score
from neurodyn.training.kept import GradientAlignment, SimilarityOverTraining

FLOOR = "floor"
"""Baseline that says what the measure cannot fall below by construction."""
DAGGER = "†"
"""Marks an arm that was scored with the behaviour of the test trials."""
TRUTH = "true_"
"""How baselines begin that read the quantity off another that is known to be true."""
TOLD_MORE = ("calibrated_", "pca_cca", "within_session")
"""How baselines begin that are told labels of a subject which the model knows by its activity alone."""


@dataclass(frozen=True, eq=False)
class InputExample:
    """Some test trials of one run: the true input, and the inferred one mapped to it."""

    which: str
    """`best`, `median` or `worst` of the arm's runs."""
    seed: int
    score: float
    """Of the run, by the measure that ranked it."""
    measure: str
    """Name of that measure."""
    true: np.ndarray
    """`(trial, time, input)`."""
    mapped: np.ndarray
    """The inferred inputs through a linear map fitted to the other test trials, `(trial, time, input)`."""
    bin_s: float
    """Bin width in seconds."""


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """How well one run of a task-trained network did on validation trials, epoch by epoch."""

    measure: str
    """What `error` is: `normalised_error`, or `main`, the objective's own."""
    updates: np.ndarray
    """Updates made by the end of each epoch `(epoch,)`."""
    cpu_s: np.ndarray
    """CPU seconds of training by then."""
    error: np.ndarray

    def after_updates(self, number: float) -> float:
        """The error after so many updates, between two epochs on the line between them; NaN before the first epoch ended."""
        return self._at(self.updates, number)

    def after_cpu_s(self, seconds: float) -> float:
        """The same after so many CPU seconds."""
        return self._at(self.cpu_s, seconds)

    def _at(self, axis: np.ndarray, place: float) -> float:
        return float(np.interp(place, axis, self.error, left=math.nan))


@dataclass(frozen=True, eq=False)
class StudyArm:
    """One arm of a study: a model on a data set, over its runs."""

    path: str
    """`two_area/rec/base`: the data set's folder, then the variant."""
    scores: Sequence[Score]
    """Each over the runs; its context says what was published."""
    runs: Mapping[int, Mapping[str, Score]]
    """Every score of every run, by seed and measure; of several sessions, the first's."""
    inputs: Sequence[InputExample] = ()
    """Example trials, the best run first; none where inputs are not inferred or not known."""
    portraits: Mapping[int, Sequence[PhasePortrait]] = field(default_factory=dict)
    """Of runs whose dynamics have been analysed, by seed."""
    curves: Mapping[int, LearningCurve] = field(default_factory=dict)
    """Of runs of networks that are trained on a task, by seed."""
    gradients: Mapping[int, GradientAlignment] = field(default_factory=dict)
    """Of runs whose rule was compared with the exact gradient, by seed."""
    similarities: Mapping[int, SimilarityOverTraining] = field(default_factory=dict)
    """Of runs whose activity was compared with a recording along the training, by seed."""

    @property
    def group(self) -> str:
        """What it is compared within: the folder."""
        return self.path.rpartition("/")[0] or self.path

    @property
    def variant(self) -> str:
        """Its name in the folder."""
        return self.path.rpartition("/")[2]

    @property
    def privileged(self) -> bool:
        """Whether it was scored with the behaviour of the test trials."""
        return any(score.context.get("privileged") for score in self.scores)

    @property
    def mark(self) -> str:
        """What stands after its name: a dagger where it was given behaviour, else nothing."""
        return DAGGER if self.privileged else ""


@dataclass(frozen=True, eq=False)
class StudySubject:
    """A study that was run."""

    name: str
    arms: Sequence[StudyArm]
    left_out: Sequence[str] = field(default_factory=tuple)
    """Arms that `--quick` leaves out."""
    without_data: Sequence[str] = field(default_factory=tuple)
    """Arms whose data were not at hand."""

    @cached_property
    def groups(self) -> dict[str, list[StudyArm]]:
        """The arms of each data set."""
        found: dict[str, list[StudyArm]] = {}
        for arm in self.arms:
            found.setdefault(arm.group, []).append(arm)
        return found


class StudySection(ABC):
    """One section of the page about a study. One file each."""

    name: ClassVar[str]
    """Anchor in the page."""
    title: ClassVar[str]
    """Heading."""
    lead: ClassVar[str] = ""
    """One or two sentences under the heading, plain text: the question the section answers."""

    @abstractmethod
    def html(self, study: StudySubject) -> str:
        """The section; empty where the study has nothing to show in it."""


def short(name: str) -> str:
    """A measure's name where room is scarce: `p. latent r2 forward` for `published_latent_r2_forward`."""
    return name.replace("published_", "p. ").replace("_", " ")


def best_of(score: Score, *, truth: bool = False) -> str | None:
    """Name of the baseline with the best value; None without one.

    Args:
        score: with its baselines; its floor is none of them, nor is what is told more than the model.
        truth: among those that read off the truth; else among those that know as much as the model.
    """
    rivals = {name: v for name, v in score.baselines.items() if name != FLOOR and not name.startswith(TOLD_MORE)}
    known = {name: value for name, value in rivals.items() if name.startswith(TRUTH) == truth}
    finite = {name: value for name, value in known.items() if math.isfinite(value)}
    if not finite:
        return None
    return (max if score.direction == "higher" else min)(finite, key=lambda name: finite[name])


def against(score: Score, baseline: str) -> Literal["better", "worse", "tie"]:
    """How the model stands against a baseline, by the paired 95 % interval over all seeds."""
    _, low, high = score.difference.get(baseline, (math.nan, math.nan, math.nan))
    sign = 1 if score.direction == "higher" else -1
    if min(sign * low, sign * high) > 0:
        return "better"
    return "worse" if max(sign * low, sign * high) < 0 else "tie"
