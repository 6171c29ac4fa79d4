"""Spectra of weights whose eigenvalues and changes are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neurodyn.dynamics.recurrent_spectrum import recurrent_spectrum


def test_eigenvalues_norms_and_rank_of_a_known_change() -> None:
    turn = 0.9 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    before = np.zeros((4, 4))
    before[:2, :2] = turn
    before[2, 2] = 0.5
    change = np.zeros((4, 4))
    change[2, 2] = change[3, 3] = 0.7  # two directions, alike
    found = recurrent_spectrum(before, before + change)
    np.testing.assert_allclose(np.abs(found.before), [0.9, 0.9, 0.5, 0], atol=1e-12)
    np.testing.assert_allclose(found.before[:2].real, 0.9 * np.cos(0.5))
    np.testing.assert_allclose(found.after[0], 1.2)
    np.testing.assert_allclose(found.change, [0.7, 0.7, 0, 0], atol=1e-12)
    assert found.effective_rank == pytest.approx(2)
    assert found.norm_ratio == pytest.approx(np.sqrt(2 * 0.49) / np.sqrt(2 * 0.81 + 0.25))
    said = json.loads(json.dumps(found.as_mapping(), allow_nan=False))
    assert said["spectral_radius"] == pytest.approx({"before": 0.9, "after": 1.2})
    assert said["change"]["effective_rank"] == pytest.approx(2)


def test_one_direction_has_rank_one_and_no_change_has_none() -> None:
    weights = np.random.default_rng(0).normal(size=(6, 6))
    one = recurrent_spectrum(weights, weights + np.outer(np.arange(6), np.ones(6)))
    assert one.effective_rank == pytest.approx(1)
    same = recurrent_spectrum(weights, weights)
    assert np.isnan(same.effective_rank) and same.norm_ratio == 0 and same.cosine == pytest.approx(1)
    assert same.as_mapping()["change"]["effective_rank"] is None


def test_weights_that_began_at_zero() -> None:
    found = recurrent_spectrum(np.zeros((3, 3)), np.eye(3))
    assert np.isnan(found.norm_ratio) and found.effective_rank == pytest.approx(3)
    json.dumps(found.as_mapping(), allow_nan=False)
