"""A score never travels alone: value, definition, baselines, ceiling, number of trials and interval in one object."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn import registry
from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True, eq=False)
class Measurement:
    """A statistic of sums over test trials, kept trial by trial: a bootstrap draw is a weighted sum of rows, so it is exact and cheap.

    A measure made of condition averages keeps its sums condition by condition instead, and says so in `over`.
    """

    sums: np.ndarray
    """`(trial, quantity)`: what each trial adds to the sums the statistic is made of (spikes, squared residuals, ...)."""
    statistic: Callable[[np.ndarray], np.ndarray]
    """From sums over trials `(draw, quantity)` to values `(draw,)`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """What to say beside the score (floored rates, the penalty chosen)."""
    over: str = "test trials"
    """What the rows of `sums` are, and a bootstrap draw resamples."""

    def under(self, resampled: np.ndarray) -> np.ndarray:
        """Value under trial weights `(draw, trial)`, `(draw,)`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.statistic(resampled @ self.sums))

    @cached_property
    def value(self) -> float:
        """Over all trials once."""
        return float(self.under(np.ones((1, len(self.sums))))[0])


@dataclass(frozen=True)
class Score:
    """One number with all that gives it meaning."""

    name: str
    definition: str
    value: float
    interval: tuple[float, float]
    """95 % bootstrap interval over test trials (over conditions for condition averages)."""
    n: int
    """Test trials, or whatever the interval resamples (`context["interval"]` says)."""
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
    drawn: np.ndarray | None = field(default=None, repr=False, compare=False)
    """The value under each bootstrap draw `(draw,)`: scores of other models on the same trials had the same draws, so that differences pair. Not in `as_mapping`."""

    def as_mapping(self) -> dict[str, Any]:
        """As plain mappings for JSON, without `drawn`; numbers that are not finite become null."""

        def plain(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {k: plain(v) for k, v in value.items()}
            if isinstance(value, tuple | list):
                return [plain(v) for v in value]
            if isinstance(value, float | np.floating):
                return float(value) if np.isfinite(value) else None
            return value.item() if isinstance(value, np.generic) else value

        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__ if name != "drawn"}


@dataclass(frozen=True, eq=False)
class LatentSwap:
    """Rates of the test trials decoded twice from posterior means: all that they are made of is the trial's own, but the second time the latents are another trial's."""

    partner: np.ndarray
    """Int `(trial,)`: the trial whose latents are taken; never its own."""
    own: np.ndarray
    """Rates with its own latents, as `Inference.rates`."""
    other: np.ndarray
    """Rates with the partner's latents."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a metric is handed: the trials of every split and what a model says about them."""

    trials: Mapping[Split, Trials]
    inferred: Mapping[Split, Inference]
    latent_swap: LatentSwap | None = None
    """What rates become with the latents of other test trials; None where it was not tried, or the model decodes no latents."""


class Measure(ABC):
    """What a score says of its measure, whatever that looks at; its name is its file's."""

    definition: ClassVar[str]
    """One sentence, stored with every score."""
    direction: ClassVar[Literal["higher", "lower"]] = "higher"


class Metric(Measure):
    """A measure on held-out data. One file each; knows data and shapes only, so that it scores anything."""

    on_request: ClassVar[bool] = False
    """Whether it is left out unless asked for by name: it takes long, or says nearly what another says."""

    @abstractmethod
    def applies(self, evaluation: Evaluation) -> bool:
        """Whether trials and inference hold what it needs (held-out units, behaviour, truth)."""

    @abstractmethod
    def measure(self, evaluation: Evaluation) -> Measurement:
        """The measurement on the test split; anything fitted is fitted on train and chosen on train or valid.

        Raises:
            InvalidInput: inferred values that are not finite, or rates below zero, where the mask says there is data.
        """

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        """Baselines of the measure's own, on the same rows as `measure`: what the models every score stands beside cannot give (inputs, floors)."""
        return {}

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        """The same trials with the truth in place of the inference, for the ceiling; None where there is no truth or no meaning."""
        return with_truth(evaluation)


def with_truth(evaluation: Evaluation) -> Evaluation | None:
    """The evaluation of a model that knows the true rates, latents and inputs; None where the trials carry no truth."""
    inferred: dict[Split, Inference] = {}
    for split, trials in evaluation.trials.items():
        if "rates" not in trials.truth:
            return None
        truth = trials.truth
        inferred[split] = Inference(trials.bin_s, truth["rates"], truth.get("latents"), truth.get("inputs"))
    return Evaluation(evaluation.trials, inferred)


def other_trials(n: int, seed: int = 0) -> np.ndarray:
    """For each of `n` trials another one, each taken once `(n,)`; `n` is at least 2."""
    cycle = np.random.default_rng(seed).permutation(n)
    partner = np.empty(n, int)
    partner[cycle] = np.roll(cycle, 1)  # one cycle through all trials has no fixed point
    return partner


def shuffled(evaluation: Evaluation, seed: int = 0) -> Evaluation:
    """The same evaluation with the test trials' inference given to other test trials.

    No trial keeps its own. Train and valid stay paired, so that a decoder is fitted as before and only its test pairing is broken. A measure
    that hardly falls under this does not look at single trials.

    Raises:
        InvalidInput: fewer than two test trials.
    """
    n = len(evaluation.trials["test"])
    if n < 2:
        raise InvalidInput("test trials", n, "at least 2 to shuffle")
    partner = other_trials(n, seed)
    test = evaluation.inferred["test"]
    moved = {
        name: value[partner] for name in ("rates", "latents", "inputs") if (value := getattr(test, name)) is not None
    }
    spread = {name: value[partner] for name, value in test.spread.items()}
    extra = {name: value[partner] for name, value in test.extra.items()}
    return Evaluation(
        evaluation.trials,
        {**evaluation.inferred, "test": dataclasses.replace(test, **moved, spread=spread, extra=extra)},
    )


def score(
    metric: Metric,
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation] | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
    context: Mapping[str, Any] | None = None,
) -> Score:
    """A metric's score with its interval, its baselines' values and paired differences, and its ceiling.

    Beside the baselines given stand the metric's own (`Metric.simpler`), which take the place of those of the same name. `baselines=None` leaves both out.
    """
    truth = metric.oracle(evaluation)
    given = {name: metric.measure(each) for name, each in (baselines or {}).items() if metric.applies(each)}
    own = {} if baselines is None else metric.simpler(evaluation)
    return scored(
        type(metric),
        metric.measure(evaluation),
        {**given, **own},
        None if truth is None or not metric.applies(truth) else metric.measure(truth).value,
        draws=draws,
        seed=seed,
        context=context,
    )


def scored(
    metric: type[Measure],
    measured: Measurement,
    baselines: Mapping[str, Measurement],
    ceiling: float | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
    context: Mapping[str, Any] | None = None,
) -> Score:
    """The score of what has been measured, with its interval, and the values and paired differences of baselines measured on the same rows."""
    n = len(measured.sums)
    resampled = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    drawn = measured.under(resampled)
    return Score(
        name=registry.name_of(metric),
        definition=metric.definition,
        value=measured.value,
        interval=_interval(drawn),
        n=n,
        direction=metric.direction,
        baselines={name: other.value for name, other in baselines.items()},
        ceiling=ceiling,
        difference={
            name: (measured.value - other.value, *_interval(drawn - other.under(resampled)))
            for name, other in baselines.items()
        },
        context={"interval": f"95 % bootstrap over {measured.over}", **measured.context, **(context or {})},
        drawn=drawn,
    )


def score_all(
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation] | None = None,
    *,
    metrics: Sequence[str] | None = None,
    also: Sequence[str] = (),
    draws: int = 2000,
    seed: int = 0,
    context: Mapping[str, Any] | None = None,
) -> list[Score]:
    """The scores of every metric that applies and is not `on_request` unless it is in `also` (or of those named), each with the baselines given.

    Raises:
        UnknownName: a metric no one registered.
        InvalidInput: a named metric that does not apply to these trials.
    """
    found: list[Score] = []
    for name in registry.names("metrics") if metrics is None else metrics:
        metric: Metric = registry.load("metrics", name)()
        if metrics is None and metric.on_request and name not in also:
            continue
        if metric.applies(evaluation):
            found.append(score(metric, evaluation, baselines, draws=draws, seed=seed, context=context))
        elif metrics is not None:
            raise InvalidInput(
                "metrics", name, "a metric these trials and this model can be scored with", metric.definition
            )
    return found


def _interval(drawn: np.ndarray) -> tuple[float, float]:
    finite = drawn[np.isfinite(drawn)]  # a draw without a spike has no value
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
