"""The fixed-point finder on systems whose points are known (two_area.md sections 1.3, 5.5 and 10)."""

import json

import numpy as np
import pytest
import torch

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.fixed_points import find_fixed_points
from neurodyn.errors import InvalidInput
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig, single_area

RNG = np.random.default_rng(0)
SPREAD = RNG.uniform(0, 0.7, (1000, 2))


def cubic(x, u):
    return x + 0.1 * (x - x**3)


@pytest.mark.parametrize("starts", [np.linspace(-2, 2, 41)[:, None], torch.linspace(-2, 2, 41)[:, None].double()])
def test_cubic(starts):
    found = find_fixed_points(cubic, starts)
    np.testing.assert_allclose(found.points, [[-1], [0], [1]], atol=1e-9)
    np.testing.assert_allclose(found.eigenvalues, [[0.8], [1.1], [0.8]], atol=1e-7)
    assert found.kind == ["stable", "unstable", "stable"]
    assert found.stable.tolist() == [True, False, True] and found.unstable.tolist() == [0, 1, 0]
    assert found.reached.sum() == found.starts == 41
    assert found.slow is not None and len(found.slow) == 0
    assert found.speed.max() < 1e-20


# Table 1.3: point and eigenvalues in 1/s.
RESTING = (0.08411, 0.08411)
TABLE = {
    0.20: {RESTING: (-7.624, -10.748)},
    0.35: {RESTING: (-5.161, -7.624), (0.44459, 0.04405): (-2.615, -10.855), (0.35173, 0.05097): (1.992, -10.002)},
    0.4182: {RESTING: (-2.621, -7.624), (0.59789, 0.01594): (-13.272, -17.992), (0.18750, 0.05316): (3.511, -9.319)},
}


@pytest.mark.parametrize("step_s", [0.001, 0.01])
@pytest.mark.parametrize("structure", TABLE)
def test_one_area(structure, step_s):
    circuit = single_area(structure)
    found = find_fixed_points(DiscreteMap.of_flow(circuit.drift, circuit.jacobian, step_s), SPREAD, np.zeros(2))
    expected = {}
    for point, values in TABLE[structure].items():
        expected[point] = expected[point[::-1]] = values
    expected = dict(sorted(expected.items()))
    np.testing.assert_allclose(found.points, list(expected), atol=1e-5)
    np.testing.assert_allclose((found.eigenvalues.real - 1) / step_s, list(expected.values()), atol=1e-3)
    assert found.kind == ["stable" if max(values) < 0 else "saddle" for values in expected.values()]


def test_one_area_by_finite_differences_and_by_automatic_differentiation():
    circuit = single_area(0.4182)
    c = circuit.config
    coupling = torch.tensor(circuit.coupling)

    def step(state, inputs):
        drive = c.gain_hz_per_na * (state @ coupling + c.background_na + inputs) - c.threshold_hz
        rates = drive / -torch.expm1(-c.curvature_s * drive)
        return state + 0.01 * (-state / c.tau_s + c.saturation * (1 - state) * rates)

    exact = circuit.fixed_points()
    for found in (
        find_fixed_points(step, torch.from_numpy(SPREAD), torch.zeros(2)),
        find_fixed_points(lambda state, inputs: state + 0.01 * circuit.drift(state, inputs), SPREAD, np.zeros(2)),
    ):
        np.testing.assert_allclose(found.points, exact, atol=1e-7)
        assert found.kind == ["stable", "saddle", "stable", "saddle", "stable"]


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
def test_two_areas_by_their_bin_map(preset, points, leading):
    area = TwoArea(TwoAreaConfig(preset=preset))
    found = find_fixed_points(area.step, RNG.uniform(0, 0.7, (500, 4)), np.zeros((1, 4)))
    assert len(found) == 5
    assert found.kind.count("stable") == 3 and found.kind.count("saddle") == 2
    for point, value in zip(points, leading):
        for mirror in (point, [point[i] for i in (1, 0, 3, 2)]):
            nearest = np.abs(found.points - mirror).max(1).argmin()
            np.testing.assert_allclose(found.points[nearest], mirror, atol=1e-4)
            per_substep = found.eigenvalues[nearest, 0].real ** 0.1  # ten Euler steps of 1 ms in a bin
            assert (per_substep - 1) / 0.001 == pytest.approx(value, abs=0.05)


def test_a_contracting_rotation_has_the_origin_alone():
    angle = 0.3
    turn = 0.9 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = find_fixed_points(lambda x, u: x @ turn.T, RNG.normal(size=(50, 2)))
    np.testing.assert_allclose(found.points, [[0, 0]], atol=1e-10)
    np.testing.assert_allclose(found.rotations_hz(0.01), [[angle / (2 * np.pi * 0.01)] * 2])
    np.testing.assert_allclose(found.time_constants_s(0.01), [[-0.01 / np.log(0.9)] * 2])


@pytest.mark.parametrize("shift", [1.0, 1e-2, 1e-6])
def test_a_translation_has_none(shift):
    found = find_fixed_points(lambda x, u: x + shift, RNG.normal(size=(20, 2)))
    assert len(found) == 0 and found.points.shape == (0, 2)
    assert found.slow is not None
    assert len(found.slow) == (0 if shift == 1 else 20)


def test_the_ghost_of_a_lost_point_is_slow_and_not_fixed():
    """x' = x + x² + e has lost its points at e = 0; the minimum of the speed at 0 remains, with q = e²/2."""
    lost = find_fixed_points(lambda x, u: x + x**2 + 1e-4, np.linspace(-1, 1, 9)[:, None])
    assert len(lost) == 0 and lost.slow is not None and len(lost.slow) > 0
    assert np.abs(lost.slow.points).max() < 0.01
    assert lost.slow.speed.min() == pytest.approx(0.5e-8, rel=1e-3)


def turned(x, u):
    return 0.9 * x @ np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])


@pytest.mark.parametrize(
    ("step", "starts", "inputs", "points"),
    [
        (cubic, RNG.uniform(-2, 2, (1000, 1)), None, 3),
        (lambda x, u: x + 0.01 * single_area(0.4182).drift(x, u), SPREAD, np.zeros(2), 5),
        (TwoArea(TwoAreaConfig(preset="rec")).step, RNG.uniform(0, 0.7, (1000, 4)), np.zeros(4), 5),
        (TwoArea(TwoAreaConfig(preset="recnf")).step, RNG.uniform(0, 0.7, (1000, 4)), np.zeros(4), 5),
        (turned, RNG.normal(size=(1000, 2)), None, 1),
        (lambda x, u: x + 0.01, RNG.normal(size=(1000, 2)), None, 0),
    ],
    ids=["cubic", "PFC", "rec", "recnf", "ring", "translation"],
)
def test_a_thousand_starts_find_all_points_and_no_false_one(step, starts, inputs, points):
    """Each is found once and stays where it is for 50 steps of the same map, but for what rounding grows to along unstable directions."""
    found = find_fixed_points(step, starts, inputs)
    assert len(found) == points and found.reached.sum() <= found.starts == 1000
    apart = np.abs(found.points[:, None] - found.points[None]).max(2) + 10 * np.eye(points)
    assert points == 0 or apart.min() > 1e-2, "no point twice"
    state = found.points
    for _ in range(50):
        state = step(state, found.inputs)
    np.testing.assert_allclose(state, found.points, atol=1e-9)


def test_several_inputs_at_once_are_each_by_itself():
    circuit = single_area(0.4182)
    flow = DiscreteMap.of_flow(circuit.drift, circuit.jacobian, 0.01)
    drives = np.array([[0.0, 0.0], [0.002, -0.002], [0.015, -0.015]])
    found = find_fixed_points(flow, SPREAD[:300], drives)
    assert [len(found.at(k)) for k in range(3)] == [5, 3, 1]
    for k, drive in enumerate(drives):
        alone = find_fixed_points(flow, SPREAD[:300], drive)
        np.testing.assert_allclose(found.at(k).points, alone.points, atol=1e-9)
        np.testing.assert_array_equal(found.at(k).inputs, np.tile(drive, (len(alone), 1)))
        np.testing.assert_array_equal(found.at(k).reached, alone.reached)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_units_of_the_state_do_not_matter(scale):
    found = find_fixed_points(lambda x, u: scale * cubic(x / scale, u), scale * np.linspace(-2, 2, 21)[:, None])
    np.testing.assert_allclose(found.points / scale, [[-1], [0], [1]], atol=1e-9)


def test_points_far_from_the_starts_are_dropped():
    starts = np.linspace(-0.05, 0.05, 11)[:, None]
    near = find_fixed_points(cubic, starts)
    np.testing.assert_allclose(near.points, [[0]], atol=1e-9)
    only = find_fixed_points(lambda x, u: 0.5 * x + 0.25, starts)  # the point at 0.5 is 18 radii away
    assert len(only) == 0 and only.far == 11
    assert len(find_fixed_points(lambda x, u: 0.5 * x + 0.25, starts, far=20.0)) == 1


def test_a_seed_decides_the_noise():
    options = {"noise": 0.3, "steps": 3}
    first, same, other = (find_fixed_points(cubic, SPREAD, seed=s, **options) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.points, same.points)
    np.testing.assert_array_equal(first.reached, same.reached)
    assert first.reached.tolist() != other.reached.tolist()


def test_as_mapping_is_json_and_the_table_says_it_all():
    found = find_fixed_points(cubic, np.linspace(-2, 2, 11)[:, None])
    listed = json.loads(json.dumps(found.as_mapping(), allow_nan=False))
    assert [point["kind"] for point in listed["points"]] == found.kind
    assert listed["slow"] == []
    assert "unstable" in str(found) and "3 fixed points" in str(found)


@pytest.mark.parametrize(
    ("starts", "inputs", "field"),
    [
        (np.array([[np.nan]]), None, "starts"),
        (np.zeros((0, 1)), None, "starts"),
        (np.zeros((2, 1)), np.full((1, 1), np.inf), "inputs"),
        (np.zeros((2, 1, 1)), None, "starts"),
    ],
)
def test_bad_arrays(starts, inputs, field):
    with pytest.raises(InvalidInput, match=field):
        find_fixed_points(cubic, starts, inputs)


def test_where_a_step_gives_nan_nothing_is_found():
    def step(x, u):
        return np.where(x > 0.3, np.nan, 0.5 * x)

    with np.errstate(invalid="ignore"):
        found = find_fixed_points(step, np.linspace(-1, 1, 10)[:, None])
    np.testing.assert_allclose(found.points, [[0]], atol=1e-9)
