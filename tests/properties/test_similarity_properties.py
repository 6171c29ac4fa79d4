"""What holds for every measure of similarity that says it is a metric, with any of its options, on any three activities."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn import registry
from neurodyn.similarity.activity import Activity, Repeats
from neurodyn.similarity.measures.base import SimilarityMeasure

CONDITIONS, BINS, TRIALS = 4, 12, 6
TOLERANCE = 1e-6


def variants(name: str) -> list[SimilarityMeasure]:
    """A measure with its defaults, with each other choice of an option, and with each flag turned."""
    cls = registry.load("similarity_measures", name)
    hints = typing.get_type_hints(cls.Config)
    found = [cls()]
    for field in dataclasses.fields(cls.Config):
        hint, default = hints[field.name], getattr(found[0].config, field.name)
        others: list[Any] = []
        if get_origin(hint) is Literal:
            others = [choice for choice in get_args(hint) if choice != default]
        elif hint is bool:
            others = [not default]
        elif field.name == "alpha":
            others = [0.0, 0.5]
        found += [cls(cls.Config(**{field.name: other})) for other in others]
    return found


METRICS = [m for name in registry.names("similarity_measures") for m in variants(name) if m.is_metric]
every_metric = pytest.mark.parametrize("measure", METRICS, ids=lambda measure: measure.label)
seeds, widths = st.integers(0, 2**32 - 1), st.integers(2, 6)


def drawn(seed: int, *units: int) -> list[Activity]:
    """Activities that partly agree, with everything any measure may need: inputs, time, single trials."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(CONDITIONS, BINS, 2))
    shared = np.cumsum(generator.normal(size=(CONDITIONS, BINS, 3)) + inputs.sum(-1, keepdims=True), 1)
    condition = np.repeat(np.arange(CONDITIONS), TRIALS)
    found = []
    for number in units:
        means = shared @ generator.normal(size=(3, number)) + generator.normal(size=(CONDITIONS, BINS, number))
        noise = generator.normal(size=(len(condition), BINS, number)) @ generator.normal(size=(number, number))
        trials = Repeats(means[condition] + noise, condition, np.ones((len(condition), BINS), bool))
        averages = trials.values.reshape(CONDITIONS, TRIALS, BINS, number).mean(1)
        found.append(Activity(averages, inputs=inputs, repeats=trials))
    return found


@every_metric
@settings(deadline=None, max_examples=5)
@given(seeds, widths, widths, widths)
def test_distances_obey_the_axioms_of_a_metric(measure: SimilarityMeasure, seed: int, a: int, b: int, c: int) -> None:
    x, y, z = drawn(seed, a, b, c)
    apart = measure.pairwise([x, y, z])
    tolerance = TOLERANCE * max(1.0, apart.max())
    assert (apart >= 0).all()
    assert np.abs(np.diagonal(apart)).max() <= tolerance
    assert measure.fit(x, x).score() == pytest.approx(0, abs=tolerance)
    assert measure.fit(y, x).score() == pytest.approx(apart[0, 1], abs=tolerance)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        assert apart[i, j] <= apart[i, k] + apart[k, j] + tolerance


@every_metric
@settings(deadline=None, max_examples=5)
@given(seeds, widths)
def test_what_is_forgiven_lies_at_no_distance_and_something_else_at_some(
    measure: SimilarityMeasure, seed: int, units: int
) -> None:
    x, y = drawn(seed, units, units)
    assert measure.fit(x, y).score() > 1e-3
    if "orthogonal" in measure.invariances and measure.paired:
        turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(units, units)))[0]
        assert x.repeats is not None
        trials = dataclasses.replace(x.repeats, values=x.repeats.values @ turn)
        turned = dataclasses.replace(x, values=x.values @ turn, repeats=trials)
        assert measure.fit(x, turned).score() == pytest.approx(0, abs=1e-5)
