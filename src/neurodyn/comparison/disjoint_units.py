"""What the choice of neurons does: one half of a population beside the other, and a model beside a half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.comparison.baselines import cross_condition_average
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure

DRAWS = 100


@dataclass(frozen=True, eq=False)
class NormalisedWithData:
    """A distance on a scale on which another half of the recorded neurons is at 0.

    0 is no bound: the halves are different neurons, and a model may well be more alike to one half than the other is, which gives values below 0.
    """

    between_halves: Float[Array, " draw"]
    """d1: between two disjoint halves of the recorded neurons."""
    model: Float[Array, " draw"]
    """(d2 - d1) / (1 - d1), with d2 between the first half and as many of the model's units."""
    cross_condition_average: Float[Array, " draw"]
    """(d3 - d1) / (1 - d1), with d3 between the first half and the second half's average over conditions."""


def normalised_with_data(
    measure: SimilarityMeasure, recording: Activity, model: Activity, draws: int = DRAWS, seed: int = 0
) -> NormalisedWithData:
    """As published by Liu, Yang & Cueva 2025 (arXiv:2506.06904): in every draw two disjoint halves of the neurons, and as many units of the model.

    Args:
        measure: one whose values are distances between 0 and 1.
        recording, model: in the same conditions and bins.
        draws: number of draws.
        seed: of the draws.

    Raises:
        InvalidInput: fewer units in the model than in half of the recording, one neuron, or a measure whose values are no distances.
    """
    half = _half(recording)
    if model.units < half:
        raise InvalidInput(model.name, f"{model.units} units", f"at least {half}, half of those of {recording.name}")
    if measure.direction != "lower":
        raise InvalidInput("measure", measure.label, "a distance between 0 and 1: procrustes, cka:form=angular")
    found = np.empty((3, draws))
    for draw, (first, second, generator) in enumerate(_halves(recording, draws, seed)):
        chosen = model.take(units=generator.permutation(model.units)[:half])
        found[:, draw] = [
            measure.fit(first, each).score() for each in (second, chosen, cross_condition_average(second))
        ]
    between, to_model, to_average = found
    return NormalisedWithData(between, (to_model - between) / (1 - between), (to_average - between) / (1 - between))


def disjoint_units(measure: SimilarityMeasure, recording: Activity, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Values `(draw,)` between two disjoint halves of a population's units: how much the choice of units matters.

    Raises:
        InvalidInput: fewer than two units.
    """
    _half(recording)
    return np.array([measure.fit(first, second).score() for first, second, _ in _halves(recording, draws, seed)])


def _half(recording: Activity) -> int:
    if recording.units < 2:
        raise InvalidInput(recording.name, "one unit", "at least two units")
    return recording.units // 2


def _halves(recording: Activity, draws: int, seed: int) -> list[tuple[Activity, Activity, np.random.Generator]]:
    generator, half, found = np.random.default_rng(seed), _half(recording), []
    for _ in range(draws):
        order = generator.permutation(recording.units)
        found.append((recording.take(units=order[:half]), recording.take(units=order[half : 2 * half]), generator))
    return found
