"""A score never travels alone: value, definition, baselines, ceiling, number of trials and interval in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True, eq=False)
class Measurement:
    """A ratio of sums over test trials, kept trial by trial so that it can be resampled.

    value = offset + sign · Σ_k w_k (Σ_trial numerator_k / Σ_trial denominator_k), with weights w_k that sum to 1.
    Bits per spike: one k, offset 0, sign +1. R² per output: numerator residual and denominator total sum of squares, offset 1, sign −1.
    """

    numerator: np.ndarray
    """`(trial, k)`."""
    denominator: np.ndarray
    """`(trial, k)`."""
    offset: float = 0.0
    sign: float = 1.0
    weights: np.ndarray | None = None
    """`(k,)`; uniform by default."""

    def under(self, resampled: np.ndarray) -> np.ndarray:
        """Value under trial weights `(draw, trial)`, `(draw,)`."""
        weights = (
            np.full(self.numerator.shape[1], 1 / self.numerator.shape[1]) if self.weights is None else self.weights
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (resampled @ self.numerator) / (resampled @ self.denominator)
        return np.asarray(self.offset + self.sign * ratio @ weights)

    @cached_property
    def value(self) -> float:
        """Over all trials once."""
        return float(self.under(np.ones((1, len(self.numerator))))[0])


@dataclass(frozen=True)
class Score:
    """One number with all that gives it meaning."""

    name: str
    definition: str
    value: float
    interval: tuple[float, float]
    """95 % bootstrap interval over test trials."""
    n: int
    """Test trials."""
    direction: Literal["higher", "lower"]
    baselines: Mapping[str, float] = field(default_factory=dict)
    """The same measure on the same trials for simpler models."""
    ceiling: float | None = None
    """What the truth itself would score, where it is known."""
    difference: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """Score minus each baseline, with its paired 95 % interval over the same resampled trials: (difference, low, high)."""
    published: float | None = None
    passed: bool | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    """Data set, model, seed, bin width, what the intervals resample."""

    def as_mapping(self) -> dict[str, Any]:
        """As plain mappings for JSON; numbers that are not finite become null."""

        def plain(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {k: plain(v) for k, v in value.items()}
            if isinstance(value, tuple | list):
                return [plain(v) for v in value]
            if isinstance(value, float | np.floating):
                return float(value) if np.isfinite(value) else None
            return value.item() if isinstance(value, np.generic) else value

        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a metric is handed: the trials of every split and what a model says about them."""

    trials: Mapping[Split, Trials]
    inferred: Mapping[Split, Inference]


class Metric(ABC):
    """A measure on held-out data. One file each; knows data and shapes only, so that it scores anything."""

    definition: ClassVar[str]
    """One sentence, stored with every score."""
    direction: ClassVar[Literal["higher", "lower"]] = "higher"

    @abstractmethod
    def applies(self, evaluation: Evaluation) -> bool:
        """Whether trials and inference hold what it needs (held-out units, behaviour, truth)."""

    @abstractmethod
    def measure(self, evaluation: Evaluation) -> Measurement:
        """The measurement on the test split; anything fitted is fitted on train and chosen on valid."""

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        """The same trials with the truth in place of the inference, for the ceiling; None where there is no truth or no meaning."""
        return None


def score(
    metric: Metric,
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation] | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
    context: Mapping[str, Any] | None = None,
) -> Score:
    """A metric's score with its interval, its baselines' values and paired differences, and its ceiling."""
    measured = metric.measure(evaluation)
    n = len(measured.numerator)
    resampled = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    drawn = measured.under(resampled)
    values: dict[str, float] = {}
    difference: dict[str, tuple[float, float, float]] = {}
    for name, baseline in (baselines or {}).items():
        if not metric.applies(baseline):
            continue
        other = metric.measure(baseline)
        values[name] = other.value
        low, high = np.nanpercentile(drawn - other.under(resampled), [2.5, 97.5])
        difference[name] = (measured.value - other.value, float(low), float(high))
    truth = metric.oracle(evaluation)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Score(
        name=type(metric).__module__.rsplit(".", 1)[-1],
        definition=metric.definition,
        value=measured.value,
        interval=(float(low), float(high)),
        n=n,
        direction=metric.direction,
        baselines=values,
        ceiling=None if truth is None else metric.measure(truth).value,
        difference=difference,
        context={"interval": "95 % bootstrap over test trials", **(context or {})},
    )
