"""Halves of a recording beside each other and beside a model."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.comparison.disjoint_units import disjoint_units, normalised_with_data
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.procrustes import Procrustes


def _population(units: int = 12, seed: int = 0) -> Activity:
    rng = np.random.default_rng(seed)
    latents = np.cumsum(np.random.default_rng(9).normal(size=(5, 20, 3)), 1)
    return Activity(latents @ rng.normal(size=(3, units)) + 0.3 * rng.normal(size=(5, 20, units)), name="brain")


def test_halves_of_one_population_differ() -> None:
    found = disjoint_units(Procrustes(), _population(), draws=5)
    assert found.shape == (5,) and (found > 0).all()
    assert np.array_equal(found, disjoint_units(Procrustes(), _population(), draws=5))
    twice = Activity(np.repeat(_population().values[..., :1], 2, 2), name="twice")
    assert disjoint_units(Procrustes(), twice, draws=2) == pytest.approx(0, abs=1e-6)


def test_a_model_of_the_second_half_is_at_zero() -> None:
    """Where any units drawn are the same, both distances are."""
    column = _population().values[..., :1]
    brain = Activity(np.repeat(column, 6, 2), name="brain")
    found = normalised_with_data(Procrustes(), brain, brain, draws=4)
    assert found.model == pytest.approx(0, abs=1e-6)
    assert (found.cross_condition_average > 0.1).all()


def test_another_population_of_the_same_latents_is_near_zero_and_its_average_is_not() -> None:
    found = normalised_with_data(Procrustes(), _population(), _population(seed=1), draws=20)
    assert abs(found.model.mean()) < 0.15 < found.cross_condition_average.mean()


def test_refusals() -> None:
    with pytest.raises(InvalidInput, match="at least two units"):
        disjoint_units(Procrustes(), _population(1))
    with pytest.raises(InvalidInput, match="at least 6"):
        normalised_with_data(Procrustes(), _population(), _population(5))
