"""Representational similarity: known values, the identities of its agreements, what a pattern is, and noise taken out."""

from __future__ import annotations

import itertools
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity, Repeats
from neurodyn.similarity.measures import _dissimilarity
from neurodyn.similarity.measures.rsa import RSA, RSAConfig
from similarity_cases import TOY_X, TOY_Y, driven, masked


def rsa(**options: Any) -> RSA:
    return RSA(RSAConfig(**options))


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"rdm": "correlation", "compare": "spearman"}, -0.0744181192),
        ({"rdm": "correlation", "compare": "pearson"}, -0.0319641088),
        ({"rdm": "squared_euclidean", "compare": "pearson"}, 0.0559828189),
        ({"rdm": "squared_euclidean", "compare": "cosine"}, 0.8133277246),
        ({"rdm": "squared_euclidean", "compare": "whitened_cosine"}, 0.3628386416),
    ],
)
@pytest.mark.parametrize("over", ["samples", "conditions", "averages"])
def test_toy_values(options: dict[str, Any], value: float, over: Any) -> None:
    assert rsa(**options, over=over).fit(TOY_X, TOY_Y).score() == pytest.approx(value, abs=1e-9)


def test_whitened_cosine_is_that_of_the_inverse_covariance_and_linear_cka() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((7, 5)), generator.standard_normal((7, 3))
    found = rsa(rdm="squared_euclidean", compare="whitened_cosine").fit(x, y).score()
    contrasts = np.array([np.eye(7)[i] - np.eye(7)[j] for i, j in itertools.combinations(range(7), 2)])
    inverse = np.linalg.inv((contrasts @ contrasts.T) ** 2)
    a, b = pdist(x, "sqeuclidean"), pdist(y, "sqeuclidean")
    assert found == pytest.approx(a @ inverse @ b / np.sqrt((a @ inverse @ a) * (b @ inverse @ b)), abs=1e-12)
    x, y = x - x.mean(0), y - y.mean(0)
    cka = np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert found == pytest.approx(cka, abs=1e-12)


def test_kendall_is_tau_a_by_its_definition() -> None:
    x, y = np.random.default_rng(1).standard_normal((2, 6, 4))
    y[3] = y[2]  # ties
    a, b = pdist(x, "sqeuclidean"), pdist(y, "sqeuclidean")
    signs = [np.sign(np.round(v[i] - v[j], 9)) for v in (a, b) for i, j in itertools.combinations(range(len(a)), 2)]
    half = len(signs) // 2
    expected = np.dot(signs[:half], signs[half:]) / half
    assert rsa(rdm="squared_euclidean", compare="kendall").fit(x, y).score() == pytest.approx(expected, abs=1e-12)


def test_what_a_pattern_is() -> None:
    x, y = (np.random.default_rng(seed).standard_normal((5, 4, 3)) for seed in (0, 1))

    def by_hand(of: Any) -> float:
        return float(spearmanr(*(pdist(of(each), "sqeuclidean") for each in (x, y)))[0])

    expected = {
        "samples": by_hand(lambda v: v.reshape(20, 3)),
        "conditions": by_hand(lambda v: v.reshape(5, 12)),
        "averages": by_hand(lambda v: v.mean(1)),
        "bins": np.mean([by_hand(lambda v, t=t: v[:, t]) for t in range(4)]),
    }
    for over, value in expected.items():
        assert rsa(rdm="squared_euclidean", over=over).fit(x, y).score() == pytest.approx(value, abs=1e-12), over


def test_large_matrices_are_made_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.random.default_rng(2).standard_normal((2, 40, 3))
    expected = {kind: rsa(rdm=kind).fit(x, y).score() for kind in ("correlation", "squared_euclidean")}
    monkeypatch.setattr(_dissimilarity, "_BLOCK", 7)
    for kind, value in expected.items():
        assert rsa(rdm=kind).fit(x, y).score() == pytest.approx(value, abs=1e-12)


def test_what_is_equal_but_for_rounding_is_equal() -> None:
    x = driven(0, 4, 0.3).with_values(driven(0, 4, 0.3).values * 1e3 + 1e5)
    average = x.with_values(np.broadcast_to(x.values.mean(0), x.values.shape))
    for options in ({"over": "conditions"}, {"over": "averages"}, {"over": "bins"}):
        for rdm in ("correlation", "squared_euclidean"):
            measure = rsa(rdm=rdm, **options)
            if rdm == "correlation":
                assert measure.fit(average, average).score() == pytest.approx(1)
            else:
                assert measure.fit(x, average).score() == 0, options
                assert measure.fit(average, average).score() == 1


def test_cross_validation_takes_noise_out_of_the_dissimilarities() -> None:
    generator = np.random.default_rng(3)
    conditions, trials, units = 5, 40, 4
    mixing = np.eye(units) + 0.3 * generator.standard_normal((units, units))
    condition = np.repeat(np.arange(conditions), trials)
    means = np.zeros((conditions, 1, units))
    means[0] = 2.0  # only the first differs from the others
    singles = means[condition] + generator.standard_normal((len(condition), 1, units)) @ mixing
    average = np.stack([singles[condition == c].mean(0) for c in range(conditions)])
    activity = Activity(average, repeats=Repeats(singles, condition, np.ones((len(condition), 1), bool)))
    (crossed,) = _dissimilarity.dissimilarities(activity, "crossvalidated_mahalanobis", "conditions")
    true = 4 * np.ones(units) @ np.linalg.inv(mixing.T @ mixing) @ np.ones(units)
    assert crossed[:4].mean() == pytest.approx(true, rel=0.15)  # pairs with the first
    assert abs(crossed[4:].mean()) < 0.02 * true
    turn = np.linalg.qr(mixing)[0]
    repeats = Repeats(singles @ turn, condition, np.ones((len(condition), 1), bool))
    turned = Activity(average @ turn, repeats=repeats)
    (again,) = _dissimilarity.dissimilarities(turned, "crossvalidated_mahalanobis", "conditions")
    np.testing.assert_allclose(again, crossed, rtol=1e-8)


def test_each_half_holds_every_other_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    activity = driven(0, 3, 0.3)
    repeats = activity.repeats
    assert repeats is not None
    identity = SimpleNamespace(ledoit_wolf=lambda scatter, assume_centered: (np.eye(3), 0.0))
    monkeypatch.setitem(sys.modules, "sklearn.covariance", identity)  # noise that whitens nothing
    (found,) = _dissimilarity.dissimilarities(activity, "crossvalidated_mahalanobis", "averages")
    by_condition = repeats.values.reshape(6, 6, 24, 3).mean(2)
    one, other = by_condition[:, ::2].mean(1), by_condition[:, 1::2].mean(1)
    expected = [(one[i] - one[j]) @ (other[i] - other[j]) for i, j in itertools.combinations(range(6), 2)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_bad_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="2 patterns"):
        rsa().fit(TOY_X[:2], TOY_Y[:2]).score()
    with pytest.raises(InvalidInput, match="single number"):
        rsa().fit(TOY_X[:, :1], TOY_Y).score()
    monkeypatch.setattr(_dissimilarity, "MOST_PATTERNS", 10)
    with pytest.raises(InvalidInput, match='over="conditions"'):
        rsa(over="samples").fit(TOY_X, TOY_Y).score()
    crossed = rsa(rdm="crossvalidated_mahalanobis")
    activity = driven(0, 3, 0.3)
    assert activity.repeats is not None
    few = Activity(
        activity.values,
        repeats=Repeats(activity.repeats.values[::6], activity.repeats.condition[::6], activity.repeats.mask[::6]),
    )
    with pytest.raises(InvalidInput, match=r"repeats of activity: got 1 trials of condition 0 in bin 0"):
        crossed.fit(few, few).score()
    with pytest.raises(InvalidInput, match="0 patterns"):
        nowhere = masked(activity, np.eye(6, 24, dtype=bool))
        rsa().fit(nowhere, nowhere).score()
