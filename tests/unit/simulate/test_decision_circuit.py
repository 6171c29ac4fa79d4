"""Circuit equations, transfer function and fixed points (two_area.md sections 1 and 10)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import InvalidInput
from neurodyn.simulate.decision_circuit import DecisionCircuit, mirrored_block
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig, single_area

CIRCUIT = single_area(0.4182)


def eigenvalues(circuit, points, external=0.0):
    return np.sort(np.linalg.eigvals(circuit.jacobian(points, np.asarray(external))).real, 1)


@pytest.mark.parametrize(("current", "rate"), [(0.4, 6.493506), (0.334, 1.22446), (0.45, 15.42954)])
def test_transfer_values(current, rate):
    assert CIRCUIT.transfer(np.array(current)) == pytest.approx(rate, abs=6e-6)


def test_transfer_is_finite_and_increasing_without_warnings():
    with np.errstate(all="raise", under="ignore"):
        rates = CIRCUIT.transfer(np.linspace(-5, 5, 10001))
    assert (np.diff(rates) > 0).all()
    assert (rates > 0).all()


@given(st.floats(-5, 5))
def test_transfer_inverse(current):
    inverse = CIRCUIT.transfer_inverse(CIRCUIT.transfer(np.array([current])))
    np.testing.assert_allclose(inverse, [current], atol=1e-12)


def test_transfer_inverse_near_the_branch_point():
    currents = 0.4 + np.linspace(-1e-3, 1e-3, 2001)
    np.testing.assert_allclose(CIRCUIT.transfer_inverse(CIRCUIT.transfer(currents)), currents, atol=1e-14)


def test_transfer_inverse_refuses_rates_that_no_current_gives():
    with pytest.raises(InvalidInput, match="rate_hz"):
        CIRCUIT.transfer_inverse(np.array([1.0, 0.0]))


def test_slope_is_that_of_finite_differences():
    currents, h = np.concatenate([np.linspace(-0.5, 1, 301), 0.4 + np.array([0, 1e-8, 1e-6, 3e-6])]), 1e-6
    numeric = (CIRCUIT.transfer(currents + h) - CIRCUIT.transfer(currents - h)) / (2 * h)
    np.testing.assert_allclose(CIRCUIT.transfer_slope(currents), numeric, rtol=1e-5, atol=1e-6)


@given(st.lists(st.floats(0, 0.99), min_size=4, max_size=4))
@settings(max_examples=30)
def test_jacobian_is_that_of_finite_differences(values):
    circuit, state, h = TwoArea(TwoAreaConfig(preset="recnf")).circuit, np.array([values]), 1e-6
    numeric = np.stack(
        [(circuit.drift(state + h * e) - circuit.drift(state - h * e))[0] / (2 * h) for e in np.eye(4)], 1
    )
    np.testing.assert_allclose(circuit.jacobian(state)[0], numeric, atol=1e-5)


# -- table 1.3 ------------------------------------------------------------------------------------------------------

RESTING = (0.08411, 0.08411)
TABLE = {
    0.20: {RESTING: (-7.624, -10.748)},
    0.35: {RESTING: (-5.161, -7.624), (0.44459, 0.04405): (-2.615, -10.855), (0.35173, 0.05097): (1.992, -10.002)},
    0.4182: {RESTING: (-2.621, -7.624), (0.59789, 0.01594): (-13.272, -17.992), (0.18750, 0.05316): (3.511, -9.319)},
}


@pytest.mark.parametrize("structure", TABLE)
def test_fixed_points_of_one_area(structure):
    circuit = single_area(structure)
    expected = {}
    for point, values in TABLE[structure].items():
        expected[point] = expected[point[::-1]] = sorted(values)
    expected = dict(sorted(expected.items()))
    points = circuit.fixed_points()
    np.testing.assert_allclose(points, list(expected), atol=1e-5)
    np.testing.assert_allclose(eigenvalues(circuit, points), list(expected.values()), atol=1e-3)


def test_rates_at_the_fixed_points():
    points = CIRCUIT.fixed_points()
    rates = CIRCUIT.rates(points)
    np.testing.assert_allclose(rates[2], 2.388, atol=1e-3)
    np.testing.assert_allclose(rates[4], [38.66, 0.421], atol=5e-3)


@pytest.mark.parametrize(
    ("structure", "number"), [(0.34, 1), (0.3466, 1), (0.3467, 5), (0.48, 5), (0.4885, 5), (0.4887, 3), (0.49, 3)]
)
def test_number_of_fixed_points(structure, number):
    assert len(single_area(structure).fixed_points()) == number


@given(st.floats(0.0, 0.55))
@settings(max_examples=20, deadline=None)
def test_the_symmetric_point_and_its_sum_mode_do_not_depend_on_structure(structure):
    circuit, point = single_area(structure), np.full((1, 2), 0.0841146)
    assert np.abs(circuit.drift(point)).max() < 1e-4
    assert np.abs(eigenvalues(circuit, point) + 7.624).min() < 2e-3


@pytest.mark.parametrize(("drive", "number"), [(0.00154, 5), (0.00155, 3), (0.01370, 3), (0.01372, 1)])
def test_a_driven_area_loses_its_attractors(drive, number):
    assert len(CIRCUIT.fixed_points(np.array([drive, -drive]))) == number


@pytest.mark.parametrize(
    ("preset", "points", "leading"),
    [
        (
            "rec",
            [[0.0207, 0.5737, 0.0027, 0.6948], [0.0749, 0.0955, 0.0606, 0.1305], [0.0841] * 4],
            [-13.1, 1.35, -0.74],
        ),
        (
            "recnf",
            [[0.0175, 0.0468, 0.5882, 0.0178], [0.0421, 0.0590, 0.2115, 0.0522], [0.0592, 0.0592, 0.0841, 0.0841]],
            [-10.4, 4.24, -4.32],
        ),
    ],
)
def test_fixed_points_of_two_areas(preset, points, leading):
    circuit = TwoArea(TwoAreaConfig(preset=preset)).circuit
    found = circuit.fixed_points()
    assert len(found) == 5
    for point, value in zip(points, leading):
        for mirror in (point, [point[i] for i in (1, 0, 3, 2)]):
            nearest = np.abs(found - mirror).max(1).argmin()
            np.testing.assert_allclose(found[nearest], mirror, atol=1e-4)
            assert eigenvalues(circuit, found[[nearest]])[0, -1] == pytest.approx(value, abs=0.03)


def test_an_equal_stimulus_forces_a_choice():
    circuit, stimulus = TwoArea().circuit, np.array([0.0108, 0.0108, 0, 0])
    points = circuit.fixed_points(stimulus)
    leading = eigenvalues(circuit, points, stimulus)[:, -1]
    assert (leading < 0).sum() == 2
    assert leading.max() == pytest.approx(5.50, abs=0.01)


def test_coupling_must_be_square():
    with pytest.raises(InvalidInput, match="coupling"):
        DecisionCircuit(mirrored_block(0.1, 0.2)[:1].repeat(3, 0))
