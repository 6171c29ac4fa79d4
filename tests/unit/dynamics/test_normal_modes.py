"""Normal modes of oscillators whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.dynamics.normal_modes import normal_modes
from neurodyn.errors import InvalidInput

UNIT_S = 0.1


def test_uncoupled_oscillators_swing_at_the_textbook_frequency():
    stiffness, damping, size = 3.0, 0.8, 5
    modes = normal_modes(stiffness * np.eye(size), np.full(size, damping), np.diag([5.0, 2, 1, 1, 1]), UNIT_S)
    expected = np.sqrt(stiffness - damping**2 / 4) / (2 * np.pi * UNIT_S)
    np.testing.assert_allclose(modes.frequency_hz, expected)
    np.testing.assert_allclose(modes.undamped_hz, np.sqrt(stiffness) / (2 * np.pi * UNIT_S))
    np.testing.assert_allclose(modes.decay_s, 2 * UNIT_S / damping)
    np.testing.assert_allclose(modes.damping_ratio, damping / (2 * np.sqrt(stiffness)))
    assert modes.regime == ("under-damped",) * size
    np.testing.assert_allclose(modes.share, [0.5, 0.2, 0.1, 0.1, 0.1])
    assert len(modes.as_mapping()) == size


@pytest.mark.parametrize("ratio", [0.5, 0.985, 0.995, 1.0, 1.005, 1.015, 3.0])
def test_the_regime_by_the_damping_ratio(ratio):
    modes = normal_modes(4 * np.eye(2), np.full(2, 4 * ratio), np.eye(2))
    wanted = "critically damped" if abs(ratio - 1) <= 0.01 else "under-damped" if ratio < 1 else "over-damped"
    assert modes.regime == (wanted,) * 2
    slow = 2 * (ratio - np.sqrt(max(ratio**2 - 1, 0)))
    np.testing.assert_allclose(modes.decay_s, 1 / slow, rtol=1e-6)
    np.testing.assert_allclose(modes.damping_ratio, ratio, rtol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_unequal_friction_keeps_one_mode_a_dimension_and_true_eigenvalues(seed):
    rng = np.random.default_rng(seed)
    size, mixing = 6, rng.normal(size=(6, 6))
    hessian, damping = mixing @ mixing.T + 0.2 * np.eye(6), rng.uniform(0.2, 6, 6)
    modes = normal_modes(hessian, damping, np.eye(6), UNIT_S)
    assert len(modes) == size and set(modes.regime) <= {"under-damped", "over-damped", "critically damped"}
    block = np.block([[np.zeros((size, size)), np.eye(size)], [-hessian, -np.diag(damping)]])
    values = np.linalg.eigvals(block) / UNIT_S
    mine = -1 / modes.decay_s + 2j * np.pi * modes.frequency_hz
    assert np.abs(values[:, None] - mine).min(0).max() < 1e-8
    # What is left out are the partners: conjugates, and the faster way to decay, -g - s.
    friction = np.square(np.abs(modes.shapes)) @ damping / UNIT_S
    partners = np.where(modes.frequency_hz > 0, mine.conj(), -friction - mine)
    assert np.isclose((mine + partners).real, -friction).all()
    np.testing.assert_allclose(modes.shapes.conj() * modes.shapes @ np.ones(size), 1)


def test_what_grows_and_what_drifts():
    modes = normal_modes(np.diag([-1.0, 0, 1]), np.ones(3), np.diag([3.0, 2, 1]))
    assert modes.regime == ("unstable", "free", "under-damped")
    assert modes.decay_s[0] == pytest.approx(-1 / (-0.5 + np.sqrt(1.25))) and np.isinf(modes.decay_s[1])
    assert np.isnan(modes.undamped_hz[:2]).all() and (modes.frequency_hz[:2] == 0).all()


def test_numbers_must_be_finite():
    with pytest.raises(InvalidInput, match="finite"):
        normal_modes(np.full((1, 1), np.nan), np.ones(1), np.eye(1))
