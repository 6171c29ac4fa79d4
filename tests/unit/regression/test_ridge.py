"""Ridge regression from sums of products: against scikit-learn, whatever the folds, the rows and the precision."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from neurodyn.regression.ridge import fit_cross_validated

PENALTIES = 10.0 ** np.arange(-4, 5)


def problem(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x, weights = generator.normal(size=(rows, 7)) * 10.0 ** generator.uniform(-1, 1, 7), generator.normal(size=(7, 2))
    return x, x @ weights + 5 * generator.normal(size=(rows, 2)) + 100


def test_ridge_path_equals_scikit_learn_with_whole_groups() -> None:
    x, y = problem()
    group = np.repeat(np.arange(25), 12)
    parts = np.array_split(np.arange(25), 5)
    folds = [(np.flatnonzero(~np.isin(group, p)), np.flatnonzero(np.isin(group, p))) for p in parts]
    peer = GridSearchCV(Ridge(solver="cholesky"), {"alpha": PENALTIES}, cv=folds).fit(x, y)
    ours = fit_cross_validated(x, y, group, PENALTIES)
    assert ours.penalty == peer.best_params_["alpha"]
    np.testing.assert_allclose(ours(x), peer.predict(x), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("rows", [303, 9000])
def test_rows_by_themselves_are_folded_as_scikit_learn_does(rows: int) -> None:
    x, y = problem(rows)
    peer = GridSearchCV(Ridge(), {"alpha": PENALTIES}).fit(x, y)
    ours = fit_cross_validated(x, y, None, PENALTIES)
    assert ours.penalty == peer.best_params_["alpha"]
    np.testing.assert_allclose(ours(x), peer.predict(x), rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("grouped", [False, True])
def test_keeping_rows_is_dropping_the_others(grouped: bool) -> None:
    x, y = problem()
    group = np.repeat(np.arange(25), 12) if grouped else None
    keep = np.random.default_rng(1).random(300) < 0.6
    keep[:15], keep[120:140] = False, False
    expected = fit_cross_validated(x[keep], y[keep], None if group is None else group[keep], PENALTIES)
    y[~keep], x[~keep] = np.nan, np.nan
    ours = fit_cross_validated(x, y, group, PENALTIES, keep=keep)
    assert ours.penalty == expected.penalty
    np.testing.assert_allclose(ours.weights, expected.weights, atol=1e-12)


def test_a_single_penalty_needs_no_folds_and_float32_loses_nothing() -> None:
    x, y = problem()
    narrow = x.astype(np.float32)
    ours = fit_cross_validated(narrow, y, None, np.array([0.01]))
    peer = Ridge(alpha=0.01).fit(narrow.astype(np.float64), y)
    np.testing.assert_allclose(ours.weights, peer.coef_.T, atol=1e-10)
    np.testing.assert_allclose(ours(narrow.reshape(30, 10, 7)), peer.predict(narrow.astype(float)).reshape(30, 10, 2))


def test_far_from_zero_the_sums_stay_accurate() -> None:
    x, y = problem()
    near, far = fit_cross_validated(x, y, None, PENALTIES), fit_cross_validated(x + 1e6, y - 1e6, None, PENALTIES)
    np.testing.assert_allclose(far.weights, near.weights, rtol=1e-6)
