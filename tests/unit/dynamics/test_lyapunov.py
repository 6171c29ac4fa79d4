"""Lyapunov exponents of systems whose exponents are known."""

import json

import numpy as np
import pytest

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.lyapunov import kaplan_yorke, lyapunov_spectrum
from neurodyn.dynamics.runge_kutta import runge_kutta
from neurodyn.errors import InvalidInput

RNG = np.random.default_rng(0)


def stacked(rows):
    every = np.broadcast_arrays(*(entry for row in rows for entry in row))
    return np.stack(every, -1).reshape(-1, len(rows), len(rows))


def lorenz(x, u, s=10.0, r=28.0, b=8 / 3):
    x, y, z = x.T
    return np.stack([s * (y - x), x * (r - z) - y, x * y - b * z], 1)


def lorenz_slope(x, u, s=10.0, r=28.0, b=8 / 3):
    x, y, z = x.T
    return stacked([(-s, s, 0 * x), (r - z, -1, -x), (y, x, -b)])


def test_lorenz():
    """Largest .906, middle 0, and a sum that is the divergence of the flow, −(σ + 1 + β)."""
    step = 0.01
    starts = 5 * RNG.normal(size=(400, 3)) + [0, 0, 25]
    found = lyapunov_spectrum(runge_kutta(lorenz, lorenz_slope, step), starts, steps=2000, transient=1000, every=5)
    first, middle, last = found.per(step)
    assert first == pytest.approx(0.906, abs=0.015)
    assert found.error[0] / step < 0.008
    assert middle == pytest.approx(0, abs=0.01)
    assert first + middle + last == pytest.approx(-(10 + 1 + 8 / 3), abs=2e-3)
    assert found.dimension == pytest.approx(2.062, abs=0.003)


def test_rossler():
    """a = b = .2, c = 5.7: .0714, 0, −5.394 (Sprott, Chaos and Time-Series Analysis)."""

    def drift(x, u):
        x, y, z = x.T
        return np.stack([-y - z, x + 0.2 * y, 0.2 + z * (x - 5.7)], 1)

    def slope(x, u):
        x, _, z = x.T
        return stacked([(0 * x, -1, -1), (1, 0.2, 0), (z, 0, x - 5.7)])

    step = 0.05
    starts = np.concatenate([RNG.uniform(-5, 5, (300, 2)), np.zeros((300, 1))], 1)
    found = lyapunov_spectrum(runge_kutta(drift, slope, step), starts, steps=4000, transient=2000, every=10).per(step)
    np.testing.assert_allclose(found[:2], [0.0714, 0.0], atol=0.004)
    assert found[2] == pytest.approx(-5.394, abs=0.02)


def test_logistic_map_at_four():
    chaos = DiscreteMap.of_arrays(lambda x, u: 4 * x * (1 - x), lambda x, u: (4 - 8 * x)[..., None])
    found = lyapunov_spectrum(chaos, RNG.uniform(0.01, 0.99, (500, 1)), steps=1000)
    assert found.exponents[0] == pytest.approx(np.log(2), abs=0.003)


def test_henon():
    """.4192 and a sum of ln .3: the area shrinks by the same factor at every step."""
    henon = DiscreteMap.of_arrays(
        lambda x, u: np.stack([1 - 1.4 * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], 1),
        lambda x, u: stacked([(-2.8 * x[:, 0], 1), (0.3, 0)]),
    )
    found = lyapunov_spectrum(henon, RNG.uniform(-0.1, 0.1, (200, 2)), steps=1000)
    assert found.exponents[0] == pytest.approx(0.4192, abs=0.003)
    assert found.exponents.sum() == pytest.approx(np.log(0.3), abs=1e-9)


@pytest.mark.parametrize("every", [1, 4])
def test_a_linear_map_has_the_logarithms_of_its_eigenvalues(every):
    values = np.array([1.05, 0.8, -0.5, 0.1])
    basis = RNG.normal(size=(4, 4))
    matrix = basis @ np.diag(values) @ np.linalg.inv(basis)
    linear = DiscreteMap.of_arrays(lambda x, u: x @ matrix.T, lambda x, u: np.tile(matrix, (len(x), 1, 1)))
    found = lyapunov_spectrum(linear, np.zeros((3, 4)), steps=400, every=every)
    np.testing.assert_allclose(found.exponents, np.log(np.abs(values)), atol=1e-6)
    leading = lyapunov_spectrum(linear, np.zeros((3, 4)), steps=400, every=every, exponents=2)
    np.testing.assert_allclose(leading.exponents, np.log(np.abs(values[:2])), atol=1e-6)


def test_a_runge_kutta_step_has_its_own_jacobian():
    step = runge_kutta(lorenz, lorenz_slope, 0.03)
    states = 10 * RNG.normal(size=(20, 3))
    numeric = DiscreteMap.of_arrays(step.step).jacobian(states, np.zeros((20, 0)))
    np.testing.assert_allclose(step.jacobian(states, np.zeros((20, 0))), numeric, atol=1e-6)


def test_runs_that_diverge_are_counted_and_left_out():
    cubic = DiscreteMap.of_arrays(lambda x, u: x**3, lambda x, u: (3 * x**2)[..., None])
    found = lyapunov_spectrum(cubic, np.array([[1.0], [1.0], [1.5]]), steps=30, transient=0)
    assert found.diverged == 1 and len(found.by_start) == 2
    assert found.exponents[0] == pytest.approx(np.log(3))
    lost = lyapunov_spectrum(cubic, np.array([[1.5]]), steps=30, transient=0)
    assert lost.diverged == 1 and np.isnan(lost.exponents).all() and np.isnan(lost.dimension)


def test_an_input_is_held_or_repeated():
    gain = DiscreteMap.of_arrays(lambda x, u: u * x, lambda x, u: u[..., None])
    held = lyapunov_spectrum(gain, np.ones((2, 1)), np.array([0.5]), steps=10, transient=0)
    assert held.exponents[0] == pytest.approx(np.log(0.5))
    course = np.tile([[[0.5], [0.25]]], (2, 1, 1))
    repeated = lyapunov_spectrum(gain, np.ones((2, 1)), course, steps=10, transient=0)
    assert repeated.exponents[0] == pytest.approx(np.log(0.125) / 2)


def test_kaplan_yorke():
    assert kaplan_yorke(np.array([-1.0, -2.0])) == 0
    assert kaplan_yorke(np.array([0.5, 0.1])) == 2
    assert kaplan_yorke(np.array([0.0, -1.0])) == 1
    assert kaplan_yorke(np.array([1.0, -4.0, 0.5])) == pytest.approx(2 + 1.5 / 4)


def test_as_mapping_is_json():
    halved = DiscreteMap.of_arrays(lambda x, u: 0.5 * x)
    found = lyapunov_spectrum(halved, np.ones((2, 1)), steps=10).as_mapping(0.1)
    assert json.loads(json.dumps(found))["exponents"] == [pytest.approx(-6.93147, abs=1e-4)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"exponents": 3}, "exponents"),
        ({"steps": 3, "every": 5}, "steps"),
        ({"starts": np.full((2, 1), np.nan)}, "starts"),
        ({"inputs": np.zeros((3, 2))}, "inputs"),
    ],
)
def test_bad_input(given, field):
    halved = DiscreteMap.of_arrays(lambda x, u: 0.5 * x)
    with pytest.raises(InvalidInput) as caught:
        lyapunov_spectrum(halved, given.pop("starts", np.ones((2, 1))), given.pop("inputs", None), **given)
    assert caught.value.field == field
