"""What holds for every measure of similarity: what it forgives, what it refuses, and that all its ways to a value agree."""

from __future__ import annotations

import dataclasses
import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import INVARIANCES, SimilarityMeasure
from similarity_cases import BINS, CONDITIONS, driven, masked, transformed

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "procrustes": [{"form": "euclidean"}, {"alpha": 0.5}, {"alpha": 0.0}],
    "permutation": [{"form": "euclidean"}],
    "cca": [{"components": None, "squared": True}],
    "cka": [{"form": "linear"}, {"debiased": True, "form": "linear"}],
    "rsa": [
        {"rdm": "squared_euclidean", "compare": "whitened_cosine", "over": "samples"},
        {"rdm": "squared_euclidean", "compare": "kendall", "over": "averages"},
        {"rdm": "squared_euclidean", "compare": "cosine", "over": "bins"},
        {"rdm": "crossvalidated_mahalanobis", "compare": "pearson"},
    ],
    "linear_predictivity": [{"penalty": 0.0}, {"standardised": True}],
    "dpca": [{"part": "interaction", "components": 2}],
    "dsa": [{"comparison": "eigenvalues"}],
    "stochastic_shape": [{"normalised": False, "shrinkage": 0.1, "components": 2, "starts": 2}],
}
"""Options besides the defaults, where others change what a measure is."""
DEFAULT: dict[str, dict[str, Any]] = {
    "cca": {"components": 3},
    "dsa": {"starts": 16, "delays": 3},
    "input_dsa": {"starts": 4},
    "stochastic_shape": {"starts": 2},
}
"""Options in place of defaults that do nothing to a few units, or that take long."""
CASES = [(name, DEFAULT.get(name, {})) for name in registry.names("similarity_measures")] + [
    (name, options) for name in registry.names("similarity_measures") for options in OPTIONS.get(name, [])
]
every = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=[f"{n}-{'-'.join(map(str, o.values()))}" for n, o in CASES]
)
X, Y, Z = driven(0, 4, 0.3, name="x"), driven(1, 4, 0.5, name="y"), driven(2, 5, 0.8, name="z")
NARROW = driven(3, 3, 0.5, name="narrow")


def measure(name: str, options: dict[str, Any]) -> SimilarityMeasure:
    cls = registry.load("similarity_measures", name)
    return cls(configs.from_dict(cls.Config, options, name))  # type: ignore[no-any-return]


def ragged() -> np.ndarray:
    """A mask that ends at another bin in each condition."""
    return np.arange(BINS) < (BINS - np.arange(CONDITIONS) % 3)[:, None]


@every
def test_what_is_declared_is_forgiven(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    value = found.fit(X, Z).score()
    for kind in found.invariances:
        assert found.fit(transformed(X, kind), Z).score() == pytest.approx(value, abs=1e-6), f"{kind} of x"
        assert found.fit(X, transformed(Z, kind)).score() == pytest.approx(value, abs=1e-6), f"{kind} of y"


@every
def test_what_is_not_declared_is_not_forgiven(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    value = found.fit(X, Y).score()
    for kind in set(INVARIANCES) - found.invariances:
        changed = [found.fit(transformed(X, kind), Y).score(), found.fit(X, transformed(Y, kind)).score()]
        assert max(np.abs(np.array(changed) - value)) > 1e-5, kind


@every
def test_symmetry_is_as_declared(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    there, back = found.fit(X, Z).score(), found.fit(Z, X).score()
    assert (there == pytest.approx(back, abs=1e-6)) is found.symmetric


@every
@pytest.mark.parametrize("mask", ["none", "one", "several"])
def test_all_pairs_at_once_are_the_pairs_one_by_one(name: str, options: dict[str, Any], mask: str) -> None:
    found = measure(name, options)
    sides = [X, NARROW] if mask == "none" else [masked(X, ragged()), masked(NARROW, ragged())]
    if mask == "several":
        sides[1] = NARROW
    expected = np.array([[found.fit(x, y).score() for y in sides] for x in sides])
    np.testing.assert_allclose(found.pairwise(sides), expected, atol=1e-8)
    np.testing.assert_allclose(found.pairwise(sides[:1], sides[1:]), expected[:1, 1:], atol=1e-8)


@every
def test_what_is_masked_does_not_matter(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    values = [found.fit(masked(X, ragged(), fill), masked(Y, ragged(), fill)).score() for fill in (np.nan, 1e6, 0.0)]
    assert values[0] == values[1] == values[2]
    one_sided = found.fit(masked(X, ragged()), Y)
    if found.paired:
        assert one_sided.score() == pytest.approx(values[0], abs=1e-9)


@every
def test_an_activity_is_as_similar_to_itself_as_can_be(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    same, other = found.as_distance(np.array([found.fit(X, X).score(), found.fit(X, Y).score()]))
    assert same == pytest.approx(0, abs=1e-6)
    assert other > 1e-3
    assert found.direction == (
        "lower" if found.as_distance(np.array([0.3])) < found.as_distance(np.array([0.6])) else "higher"
    )


@every
def test_metrics_obey_the_triangle_inequality(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    if found.is_metric:
        assert found.symmetric
        apart = found.pairwise([X, Y, Z, NARROW])
        for i, j, k in product(range(4), repeat=3):
            assert apart[i, j] <= apart[i, k] + apart[k, j] + 1e-9


@every
def test_nothing_is_modified_in_place(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    sides = [masked(X, ragged()), masked(Y, ragged())]

    def arrays() -> list[np.ndarray]:
        return [a for s in sides for a in (s.values, s.mask, s.inputs, s.repeats.values, s.repeats.mask)]  # type: ignore[union-attr, misc]

    before = [each.copy() for each in arrays()]
    found.fit(*sides).score()
    found.pairwise(sides)
    for one, other in zip(before, arrays()):
        np.testing.assert_array_equal(one, other)
    fitted = found.fit(*sides)
    assert fitted.score() == pytest.approx(fitted.score(*sides), abs=1e-9)


@every
def test_conditions_in_another_order_on_both_sides_change_nothing(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    if "penalty" not in vars(found.config) or found.config.penalty is not None:  # folds are neighbouring conditions
        order = np.random.default_rng(0).permutation(CONDITIONS)
        moved = found.fit(X.take(rows=order), Y.take(rows=order)).score()
        assert moved == pytest.approx(found.fit(X, Y).score(), abs=1e-6)


@every
def test_samples_in_another_order_on_both_sides_change_nothing(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    if found.paired and not found.needs and getattr(found.config, "penalty", 0.0) is not None:
        x, y = X.samples[:60], Y.samples[:60]
        order = np.random.default_rng(0).permutation(len(x))
        assert found.fit(x[order], y[order]).score() == pytest.approx(found.fit(x, y).score(), abs=1e-9)


@every
def test_other_conditions_are_scored_with_what_was_learned(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    if found.learns and found.paired:
        kept, left = np.arange(4), np.arange(4, CONDITIONS)
        fitted = found.fit(X.take(rows=kept), Y.take(rows=kept))
        value = fitted.score(X.take(rows=left), Y.take(rows=left))
        assert np.isfinite(value)
        assert value != pytest.approx(fitted.score(), abs=1e-6)


@every
def test_wrong_input_is_named(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    if found.paired:
        with pytest.raises(InvalidInput, match="conditions"):
            found.fit(X, Y.take(rows=slice(0, 4)))
        with pytest.raises(InvalidInput, match="time points"):
            found.fit(X, Y.take(bins=slice(0, 20)))
    still = dataclasses.replace(Y, values=np.ones_like(Y.values))
    with pytest.raises(InvalidInput, match=r"y: .*do not vary"):
        found.fit(X, still)
    missing: dict[str, Activity] = {
        "inputs": dataclasses.replace(Y, inputs=None),
        "repeats": dataclasses.replace(Y, repeats=None),
        "time": Y.take(bins=slice(0, 1)),
    }
    for need in found.needs:
        with pytest.raises(InvalidInput, match=f"[xy]: .*{name}"):
            found.fit(X.take(bins=slice(0, 1)) if need == "time" else X, missing[need])
    values = np.array(Y.values)
    values[2, 3, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"y: .*not finite in condition 2, bin 3"):
        found.fit(X, dataclasses.replace(Y, values=values))
    fitted = found.fit(X, Y)
    with pytest.raises(InvalidInput, match="y: got none"):
        fitted.score(X)
    with pytest.raises(InvalidInput, match="units"):
        fitted.score(X, NARROW)


@every
def test_its_label_names_it(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    assert json.loads(json.dumps(found.label)).split(":")[0] == name
    assert all(key in found.label for key in options)
    assert len(found.definition) > 20


@every
def test_chance_is_what_independent_noise_scores(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    samples, units = 300, 10
    expected = None if found.needs else found.chance(samples, units, units)
    if expected is not None:
        generator = np.random.default_rng(0)
        values = [found.fit(*(generator.standard_normal((samples, units)) for _ in range(2))).score() for _ in range(6)]
        assert np.mean(values) == pytest.approx(expected, abs=0.03)


@every
def test_cosines_and_values_are_each_others_reverse(name: str, options: dict[str, Any]) -> None:
    found = measure(name, options)
    value = np.array([found.fit(X, Z).score()])
    cosines = found.as_cosine(value)
    if cosines is None:  # no extrapolation of its noise ceilings
        return
    assert -1 <= cosines[0] <= 1
    assert found.from_cosine(cosines) == pytest.approx(value, abs=1e-9)
