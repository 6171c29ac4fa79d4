"""Any sets of activity compared by any measures, with the baselines that tell whether a number means anything."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.comparison import baselines as alike
from neurodyn.comparison.ceiling import halves, split_half
from neurodyn.comparison.comparison import Compared, Comparison
from neurodyn.comparison.held_out import can_hold_out, folds, value_of
from neurodyn.comparison.lags import lag_sweep, window_like
from neurodyn.comparison.orientation import sides
from neurodyn.comparison.preparation import Preparation
from neurodyn.comparison.resampling import bootstrap_draws, drawn_values, interval
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Score
from neurodyn.similarity.activity import Activity, all_of, matched
from neurodyn.similarity.measures.base import SimilarityMeasure

_NO_SPREAD = 1e-9
"""Range of drawn values below which they are the same but for rounding."""
DEFAULT_MEASURES = ("procrustes", "cka", "dsa")


def measure_of(name: str | Mapping[str, Any] | SimilarityMeasure) -> SimilarityMeasure:
    """A measure from its name, with options after colons (`procrustes:alpha=0.5:form=euclidean`), from a mapping with `name` and options, or as it is.

    Raises:
        UnknownName: no such measure; the nearest are suggested.
        InvalidInput: an option that does not exist, or a value it cannot take.
    """
    if isinstance(name, SimilarityMeasure):
        return name
    if isinstance(name, Mapping):
        if "name" not in name:
            raise InvalidInput("measure", f"options {', '.join(map(str, name))}", "a name among them")
        options = {key: value for key, value in name.items() if key != "name"}
        cls = registry.load("similarity_measures", str(name["name"]))
        return cls(configs.from_dict(cls.Config, options, str(name["name"])))  # type: ignore[no-any-return]
    first, *given = name.split(":")
    options = {}
    for each in given:
        if "=" not in each:
            raise InvalidInput(f"measure {name}", each, "options as NAME:OPTION=VALUE")
        key, _, value = each.partition("=")
        options[key] = configs.parsed(f"{first}.{key}", value)
    return measure_of({"name": first, **options})


def measures_of(
    names: str | Sequence[str | Mapping[str, Any] | SimilarityMeasure],
) -> list[SimilarityMeasure]:
    """The measures of one name or of several.

    Raises:
        UnknownName, InvalidInput: as `measure_of`, none, or one that is named twice.
    """
    found = [measure_of(each) for each in ([names] if isinstance(names, str) else names)]
    if not found:
        raise InvalidInput("measures", "none", f"at least one of {', '.join(registry.names('similarity_measures'))}")
    labels = [each.label for each in found]
    if len(set(labels)) < len(labels):
        raise InvalidInput("measures", ", ".join(labels), "each once")
    return found


def compare(
    activities: Sequence[Activity | np.ndarray],
    measures: str | Sequence[str | Mapping[str, Any] | SimilarityMeasure] = DEFAULT_MEASURES,
    *,
    reference: str | None = None,
    untrained: Mapping[str, Activity] | None = None,
    lag_s: float = 0.0,
    lags_s: np.ndarray | None = None,
    preparation: Preparation | None = None,
    draws: int | None = None,
    seed: int = 0,
    progress: bool = False,
    device: str = "cpu",
) -> Comparison:
    """Every pair by every measure, and every activity against a reference with baselines, chance, ceiling and interval.

    A score's value is that of conditions its alignment was not fitted to (one condition left out at a time), where the measure learns an alignment and there are at
    least three; `context["fitted"]` is the value on the samples it was fitted to, which the matrices hold.

    Args:
        activities: at least two, or arrays `(condition, time, unit)` or `(sample, unit)`.
        measures: names, names with options, or measures.
        reference: name of the activity that the others are scored against; by default the first.
        untrained: the same populations before training, by the name of the trained one.
        lag_s: how much later the others are looked at than the reference, from the event that all are aligned to, in seconds. One for all.
        lags_s: lags `(lag,)` at which the value is looked at besides.
        preparation: scale of units, and whether the mean over conditions is taken out.
        draws: bootstrap draws over conditions and units; by default the measure's own number. 0 gives no interval.
        seed: of the draws and of shuffled baselines.
        progress: draw progress bars on stderr.
        device: where measures that are computed in batches do so.

    Raises:
        UnknownName: no such measure.
        InvalidInput: fewer than two activities, no activity of the reference's name, different numbers of conditions or time points, a window that runs beyond
            an activity, or what a measure cannot take.
    """
    whole = all_of(activities)
    if len(whole) < 2:
        raise InvalidInput("activities", len(whole), "at least two")
    names = tuple(each.name for each in whole)
    if reference is not None and reference not in names:
        raise InvalidInput("reference", repr(reference), f"one of {', '.join(names)}")
    place = 0 if reference is None else names.index(reference)
    prepare = Preparation() if preparation is None else preparation
    chosen = measures_of(measures)
    if draws is not None:
        check_range("draws", draws, 0)
    base = whole[place]

    def ready(each: Activity, is_reference: bool) -> Activity:
        return prepare.of(each if is_reference else window_like(each, base, lag_s))

    prepared = [ready(each, i == place) for i, each in enumerate(whole)]
    before = {name: ready(each, False) for name, each in (untrained or {}).items()}
    if any(m.paired for m in chosen):
        for other in (*prepared, *before.values()):
            matched(prepared[place], other)
    found: dict[str, Compared] = {}
    scores: list[Score] = []
    for measure in chosen:
        values = measure.pairwise(prepared, progress=progress, device=device)
        found[measure.label] = _compared(measure, values)
        beside = _Against(measure, prepared[place], prepare, draws, seed, progress)
        for i, each in enumerate(prepared):
            if i != place:
                fitted = float(values[place, i] if measure.symmetric else values[i, place])
                reverse = None if measure.symmetric else float(values[place, i])
                scores.append(beside.score(each, before.get(each.name), fitted, reverse, lag_s))
    others = [each for i, each in enumerate(whole) if i != place]
    lags = {}
    if lags_s is not None:
        lags = {m.label: lag_sweep(m, base, others, lags_s, lag_s, prepare, progress=progress) for m in chosen}
    samples = min(len(each.samples) for each in prepared)
    return Comparison(
        names,
        tuple(each.units for each in whole),
        samples,
        names[place],
        found,
        scores,
        lags,
        {
            **dataclasses.asdict(prepare),
            "lag_s": lag_s,
            "bins": prepared[place].bins,
            "conditions": prepared[place].rows,
        },
        _warnings(chosen, prepared, samples),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Against:
    """One measure against one reference."""

    measure: SimilarityMeasure
    reference: Activity
    preparation: Preparation
    draws: int | None
    seed: int
    progress: bool

    def score(
        self, other: Activity, untrained: Activity | None, fitted: float, reverse: float | None, lag_s: float
    ) -> Score:
        """The score of one activity, with the value of the measure the other way round where that is another one."""
        measure, x = self.measure, self.reference
        beside = self._beside(other, untrained)
        value, known = self._value(other), {name: self._value(each) for name, each in beside.items()}
        drawn = self._drawn([other, *beside.values()])
        chance, (ceiling, said) = self._chance(other), self._ceiling
        return Score(
            name=measure.label,
            definition=measure.definition,
            value=value,
            interval=_interval(value, drawn[:, 0]),
            n=x.rows,
            direction=measure.direction,
            baselines={**known, **({} if chance is None else {"chance": chance})},
            ceiling=ceiling,
            difference={
                name: (value - known[name], *_interval(value - known[name], drawn[:, 0] - drawn[:, 1 + i]))
                for i, name in enumerate(beside)
            },
            context={
                "x": x.name,
                "y": other.name,
                "fitted": fitted,
                **({} if reverse is None else {"explained": "x by y", "fitted_reverse": reverse}),
                "held_out": _held_out(measure, x, other),
                "samples": len(x.samples),
                "x_units": x.units,
                "y_units": other.units,
                "lag_s": lag_s,
                "ceiling": said,
                "interval": f"95 % of the spread of the fitted value over {len(drawn)} bootstrap draws of conditions and units, about the value",
            },
        )

    def _value(self, other: Activity) -> float:
        """On conditions that were held out, where that can be."""
        pair = sides(self.measure, self.reference, other)
        return value_of(self.measure, *pair, without_mean=self.preparation.without_mean)

    def _beside(self, other: Activity, untrained: Activity | None) -> dict[str, Activity]:
        """What the reference is compared with besides: the activity before training, and surrogates."""
        found = {} if untrained is None else {"untrained": untrained}
        if "repeats" in self.measure.needs:  # averages and shuffles of them have no single trials
            return found
        without_mean = self.preparation.without_mean
        return found | alike.surrogates(
            self.reference, other, paired=self.measure.paired, without_mean=without_mean, seed=self.seed
        )

    def _drawn(self, others: Sequence[Activity]) -> np.ndarray:
        """The fitted value of each of the others in every draw, `(draw, other)`; no draw where there is one condition."""
        number = self.measure.draws if self.draws is None else self.draws
        if not number or self.reference.rows < 2:
            return np.empty((0, len(others)))
        sizes = [self.reference.units, *(each.units for each in others)]
        resampled = bootstrap_draws(self.reference.rows, sizes, number, self.seed)
        return drawn_values(self.measure, self.reference, others, resampled, progress=self.progress)

    def _chance(self, other: Activity) -> float | None:
        """What independent white noise of the other's size scores: by formula, or of one such activity."""
        x = self.reference
        first, second = sides(self.measure, x, other)
        known = self.measure.chance(len(x.samples), first.units, second.units)
        if known is not None or not self.measure.paired or self.measure.needs:
            return known
        return self.measure.fit(*sides(self.measure, x, alike.independent_noise(other, self.seed))).score()

    @functools.cached_property
    def _ceiling(self) -> tuple[float | None, str]:
        """What the reference's own noise leaves, and how it was found."""
        if self.reference.repeats is None:
            return None, "none: condition averages, of which no single trials are known"
        if "repeats" in self.measure.needs:
            return None, "none: the measure looks at single trials"
        pairs = halves(self.reference, seed=self.seed)
        value = split_half(self.measure, pairs, without_mean=self.preparation.without_mean, progress=self.progress)
        whole = self.measure.as_cosine(np.zeros(1)) is not None
        said = (
            "extrapolated to all of them and to a model without noise"
            if whole
            else "not extrapolated: a model without noise may score better"
        )
        return value, f"averages over halves of the trials, {said}"


def _interval(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """About the value; none where the fitted value is the same whatever is drawn, as where units outnumber samples and every fit is perfect."""
    if len(drawn) and np.nanmax(drawn, initial=-np.inf) - np.nanmin(drawn, initial=np.inf) < _NO_SPREAD:
        return float("nan"), float("nan")
    return interval(value, drawn)


def _compared(measure: SimilarityMeasure, values: np.ndarray) -> Compared:
    distances = measure.as_distance(values)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0)
    return Compared(
        measure.label,
        measure.definition,
        measure.direction,
        measure.is_metric,
        measure.symmetric,
        tuple(sorted(measure.invariances)),
        values,
        distances,
    )


def _held_out(measure: SimilarityMeasure, x: Activity, y: Activity) -> str:
    if can_hold_out(measure, x, y):
        return f"mean over {len(folds(x.rows))} parts of the conditions, each left out of the fit in turn"
    if not measure.learns:
        return "nothing is fitted to the samples"
    return "none: fitted and scored on the same samples" + (
        "" if measure.paired else ", whose conditions are not paired"
    )


def _warnings(measures: Sequence[SimilarityMeasure], activities: Sequence[Activity], samples: int) -> list[str]:
    """What numbers of this size cannot say."""
    found = []
    widest = max(activities, key=lambda each: each.units)
    if samples <= widest.units and any(m.paired for m in measures):
        chance = {m.label: m.chance(samples, activities[0].units, widest.units) for m in measures if m.paired}
        said = ", ".join(f"{name} {value:.3g}" for name, value in chance.items() if value is not None)
        found.append(
            f"{widest.name} has {widest.units} units and {samples} samples: any two activities of that size can be mapped onto each other. "
            f"Reduce it first, or look at held-out conditions{f'; by chance: {said}' if said else ''}."
        )
    for each in activities:
        still = int((np.ptp(each.samples, 0) == 0).sum())
        if still:
            found.append(f"{each.name}: {still} of {each.units} units do not vary; they weigh nothing.")
    return found
