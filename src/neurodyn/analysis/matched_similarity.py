"""How alike networks are to a recording when they do their task equally well: what learning rules are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.analysis.matched_checkpoints import Reached, reached
from neurodyn.comparison.resampling import interval
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.training.kept import ErrorsOverTraining, SimilarityOverTraining

Arms = Mapping[str, Mapping[int, SimilarityOverTraining]]
"""Runs by arm and seed."""
_BETWEEN = "\n"


@dataclass(frozen=True, eq=False)
class MatchedSimilarity:
    """One measure at errors that all runs reach."""

    label: str
    """Of the measure."""
    error_name: str
    levels: Float[Array, " level"]
    """Errors, the highest first."""
    values: Mapping[str, Float[Array, "level seed"]]
    """By arm, interpolated between kept steps."""
    difference: Mapping[str, Float[Array, " level"]]
    """Of each arm from the reference: means over seeds."""
    interval: Mapping[str, Float[Array, "level 2"]]
    """95 %, over seeds, conditions and units."""
    overall: Mapping[str, tuple[float, float, float]]
    """The difference averaged over levels, with its interval."""


def matched_similarity(
    arms: Arms,
    reference: str,
    label: str,
    levels: Sequence[float] | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> MatchedSimilarity:
    """A measure's value at the first place of each run's training at which its error is no higher than a level, and how arms differ there from a reference.

    Intervals: in every draw the seeds of each arm are drawn with replacement, and one of the kept draws of conditions and units, the same for all runs. With three
    seeds they are too narrow for what other seeds would give: the seeds' own values stand beside them.

    Args:
        arms: runs by arm and seed, compared with the same recording with the same draws.
        reference: name of the arm that the others are compared with.
        label: of a measure that all runs have.
        levels: errors; by default eight that all runs reach.
        draws, seed: of the intervals.

    Raises:
        InvalidInput: no such arm or measure, different errors, an error level that a run does not reach, or none that all do.
    """
    runs = {(arm, number): found for arm, own in arms.items() for number, found in own.items()}
    if reference not in arms or not runs:
        raise InvalidInput("reference", repr(reference), f"one of {', '.join(arms)}")
    if len({found.error_name for found in runs.values()}) > 1:
        raise InvalidInput("arms", sorted({found.error_name for found in runs.values()}), "runs with one error")
    for found in runs.values():
        if label not in found.values:
            raise InvalidInput("label", repr(label), f"one of {', '.join(found.values)}")
    named = {f"{arm}{_BETWEEN}{number}": _errors(found) for (arm, number), found in runs.items()}
    where = reached(named, levels)
    for level, places in where.items():
        for name, place in places.items():
            if place is None:
                arm, _, number = name.partition(_BETWEEN)
                raise InvalidInput("levels", f"{level:g}", f"an error that {arm}, seed {number} reaches too")
    known = {
        key: _at(found, label, [places[f"{key[0]}{_BETWEEN}{key[1]}"] for places in where.values()])
        for key, found in runs.items()
    }
    values = {arm: np.stack([known[arm, number][0] for number in own], 1) for arm, own in arms.items()}
    drawn = {arm: np.stack([known[arm, number][1] for number in own]) for arm, own in arms.items()}
    means = _resampled(drawn, draws, seed)
    difference, intervals, overall = {}, {}, {}
    for arm in arms:
        if arm != reference:
            difference[arm] = values[arm].mean(1) - values[reference].mean(1)
            spread = means[arm] - means[reference]
            intervals[arm] = np.array([interval(v, spread[:, i]) for i, v in enumerate(difference[arm])])
            mean = float(difference[arm].mean())
            overall[arm] = (mean, *interval(mean, spread.mean(1)))
    first = next(iter(runs.values()))
    return MatchedSimilarity(label, first.error_name, np.array(list(where)), values, difference, intervals, overall)


def _errors(found: SimilarityOverTraining) -> ErrorsOverTraining:
    return ErrorsOverTraining(found.steps, {found.error_name: found.errors}, {found.error_name: "lower"}, 0)


def _at(found: SimilarityOverTraining, label: str, places: Sequence[Reached | None]) -> tuple[np.ndarray, np.ndarray]:
    """Values `(level,)` and draws `(draw, level)`, linear between kept steps."""
    step = {int(s): i for i, s in enumerate(found.steps)}
    curves = np.concatenate([found.values[label][None], found.drawn[label]])
    columns = [
        (1 - place.weight) * curves[:, step[place.before]] + place.weight * curves[:, step[place.after]]
        for place in places
        if place is not None
    ]
    at = np.stack(columns, 1)
    return at[0], at[1:]


def _resampled(drawn: Mapping[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Means over resampled seeds of each arm `(draw, level)`, from `(seed, kept draw, level)`."""
    generator = np.random.default_rng(seed)
    kept = min(each.shape[1] for each in drawn.values())
    if not kept:
        return {arm: np.empty((0, each.shape[2])) for arm, each in drawn.items()}
    which = generator.integers(kept, size=draws)
    found = {}
    for arm, each in drawn.items():
        seeds = generator.integers(len(each), size=(draws, len(each)))
        found[arm] = each[seeds, which[:, None]].mean(1)
    return found
