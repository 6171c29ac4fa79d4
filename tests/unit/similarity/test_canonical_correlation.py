"""Canonical correlations: closed forms, invariances, other rows, and the batched form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import InvalidInput
from neurodyn.similarity.canonical_correlation import (
    CanonicalCorrelation,
    batched_correlations,
    column_correlations,
    mean_of_first,
)
from neurodyn.similarity.orthogonal_alignment import OrthogonalAlignment


def mixed(generator: np.random.Generator, width: int) -> np.ndarray:
    """An invertible map, not too near a singular one."""
    left, right = (np.linalg.qr(generator.normal(size=(width, width)))[0] for _ in range(2))
    return left * generator.uniform(0.2, 5, width) @ right


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_a_space_and_its_invertible_image_correlate_fully(seed: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(200, width)) + 3
    found = CanonicalCorrelation.fit(x, x @ mixed(generator, width) - 7)
    np.testing.assert_allclose(found.correlations, 1, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
def test_invertible_maps_on_either_side_change_nothing(seed: int, width: int, other: int) -> None:
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(300, 2))
    x, y = (shared @ generator.normal(size=(2, w)) + generator.normal(size=(300, w)) for w in (width, other))
    plain = CanonicalCorrelation.fit(x, y).correlations
    turned = CanonicalCorrelation.fit(x @ mixed(generator, width) + 5, y @ mixed(generator, other) - 2).correlations
    np.testing.assert_allclose(turned, plain, atol=1e-8)
    np.testing.assert_allclose(CanonicalCorrelation.fit(y, x).correlations, plain, atol=1e-10)
    np.testing.assert_allclose(batched_correlations(x, y), plain, atol=1e-8)


def test_known_correlations_are_found() -> None:
    generator, truth = np.random.default_rng(0), np.array([0.95, 0.7, 0.3])
    x = generator.normal(size=(200_000, 3))
    y = truth * x + np.sqrt(1 - truth**2) * generator.normal(size=x.shape)
    found = CanonicalCorrelation.fit(x @ mixed(generator, 3), y @ mixed(generator, 3))
    np.testing.assert_allclose(found.correlations, truth, atol=0.01)
    assert mean_of_first(found.correlations, 2) == pytest.approx(0.825, abs=0.01)


def test_unrelated_gaussians_stay_low() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(2, 2000, 10))
    assert CanonicalCorrelation.fit(x, y).correlations[0] < 0.25


def test_scores_have_unit_variance_and_are_uncorrelated() -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(500, 6)) @ mixed(generator, 6) + 2
    y = x[:, :4] + generator.normal(size=(500, 4))
    found = CanonicalCorrelation.fit(x, y)
    u, v = found.x_scores(x), found.y_scores(y)
    for scores in (u, v):
        np.testing.assert_allclose(np.cov(scores.T), np.eye(4), atol=1e-10)
        np.testing.assert_allclose(scores.mean(0), 0, atol=1e-10)
    np.testing.assert_allclose(u.T @ v / 499, np.diag(found.correlations), atol=1e-10)
    np.testing.assert_allclose(found.correlations_of(x, y), found.correlations, atol=1e-10)


def test_columns_without_rank_get_no_weight_and_change_nothing() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(2, 400, 3))
    y[:, 0] += x[:, 0]
    wide = np.column_stack([x[:, :1] + x[:, 1:2], np.full(400, 4.0), x])
    plain, found = CanonicalCorrelation.fit(x, y), CanonicalCorrelation.fit(wide, y)
    np.testing.assert_allclose(found.correlations, plain.correlations, atol=1e-10)
    np.testing.assert_allclose(np.abs(found.x_scores(wide)), np.abs(plain.x_scores(x)), atol=1e-8)
    assert (found.x_weights != 0).any(1).sum() == 3 and not found.x_weights[1].any()
    np.testing.assert_allclose(batched_correlations(wide, y), plain.correlations, atol=1e-6)


def test_other_rows_show_what_was_fitted_by_chance() -> None:
    generator = np.random.default_rng(4)
    x, y = generator.normal(size=(2, 120, 10))
    found = CanonicalCorrelation.fit(x[:60], y[:60])
    assert found.correlations[0] > 0.5
    assert np.abs(found.correlations_of(x[60:], y[60:])).mean() < 0.25


def test_batches_leave_out_what_does_not_count() -> None:
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(2, 7, 90, 4))
    y += x
    keep = generator.random((7, 90)) < 0.6
    found = batched_correlations(x, y, keep)
    for k in range(7):
        expected = CanonicalCorrelation.fit(x[k, keep[k]], y[k, keep[k]]).correlations
        np.testing.assert_allclose(found[k], expected, atol=1e-8)


def test_a_rotation_is_undone_by_an_orthogonal_alignment_and_a_shear_is_not() -> None:
    generator = np.random.default_rng(6)
    x = generator.normal(size=(500, 4)) * [4, 3, 2, 1]
    turn = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    found = OrthogonalAlignment.fit(x[:250], 3 * x[:250] @ turn + 9)
    np.testing.assert_allclose(found.rotation, turn.T, atol=1e-10)
    np.testing.assert_allclose(found.correlations_of(x[250:], 3 * x[250:] @ turn + 9), 1, atol=1e-10)
    sheared = x @ mixed(generator, 4)
    assert OrthogonalAlignment.fit(x, sheared).correlations_of(x, sheared).min() < 0.95
    np.testing.assert_allclose(CanonicalCorrelation.fit(x, sheared).correlations, 1, atol=1e-10)


def test_columns_that_do_not_vary_correlate_with_nothing() -> None:
    x = np.random.default_rng(7).normal(size=(50, 2))
    np.testing.assert_allclose(column_correlations(x, np.column_stack([-x[:, 0], np.ones(50)])), [-1, 0], atol=1e-12)


@pytest.mark.parametrize("kind", [CanonicalCorrelation, OrthogonalAlignment])
def test_refuses_what_cannot_be_aligned(kind: type[CanonicalCorrelation] | type[OrthogonalAlignment]) -> None:
    x = np.random.default_rng(8).normal(size=(50, 3))
    spoiled = x.copy()
    spoiled[3, 1] = np.nan
    with pytest.raises(InvalidInput, match="Leave masked bins out"):
        kind.fit(spoiled, x)
    with pytest.raises(InvalidInput, match="y: got columns that do not vary"):
        kind.fit(x, np.full_like(x, 1e6))


def test_refuses_other_numbers_of_rows() -> None:
    x = np.random.default_rng(9).normal(size=(50, 3))
    with pytest.raises(Exception, match=r"50|49"):
        CanonicalCorrelation.fit(x, x[:49])
    with pytest.raises(InvalidInput, match="at least two rows"):
        CanonicalCorrelation.fit(x[:1], x[:1])
    with pytest.raises(InvalidInput, match="at least 1 correlation"):
        mean_of_first(np.ones(3), 0)
