"""Planes, flow fields and phase portraits."""

import dataclasses

import h5py
import numpy as np
import pytest

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.flow_field import PhasePortrait, Plane, flow_field
from neurodyn.errors import InvalidInput
from neurodyn.simulate.two_area import single_area

RNG = np.random.default_rng(0)


def test_a_plane_of_dimensions_has_them_as_coordinates():
    at = np.array([5.0, 6.0, 7.0])
    plane = Plane.of_dimensions(2, 0, at)
    states = plane.states(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(states, [[2, 6, 1]])
    np.testing.assert_array_equal(plane.coordinates(states), [[1, 2]])
    np.testing.assert_array_equal(at, [5, 6, 7])
    for pair in ((0, 0), (0, 3)):
        with pytest.raises(InvalidInput, match="dimensions"):
            Plane.of_dimensions(*pair, at)


def test_a_plane_of_states_holds_their_largest_variance():
    turned = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    states = RNG.normal(size=(400, 5)) * [3, 2, 0.1, 0.1, 0.1] @ turned.T + 4
    plane = Plane.of_states(states)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(np.abs(plane.axes @ turned[:, :2]), np.eye(2), atol=0.1)
    assert np.abs(plane.states(plane.coordinates(states)) - states).max() < 0.6
    with pytest.raises(InvalidInput, match="at least 2"):
        Plane.of_states(states[:, :1])


def test_the_field_of_a_circuit_is_its_drift():
    circuit = single_area(0.4182)
    flow = DiscreteMap.of_flow(circuit.drift, circuit.jacobian, 0.01)
    points = circuit.fixed_points()
    current = np.array([0.001, -0.001])
    field = flow_field(flow, Plane.of_dimensions(0, 1, np.zeros(2)), current, points, resolution=7)
    assert field.x[0] < points[:, 0].min() and field.x[-1] > points[:, 0].max()
    expected = 0.01 * circuit.drift(np.array([[field.x[2], field.y[5]]]), current)[0]
    np.testing.assert_allclose(field.velocity[5, 2], expected, atol=1e-15)
    np.testing.assert_allclose(field.speed, np.linalg.norm(field.velocity, axis=2), atol=1e-15)


def test_movement_out_of_the_plane_counts_as_speed():
    rising = DiscreteMap.of_arrays(lambda state, inputs: state + np.array([0, 0, 3]))
    field = flow_field(rising, Plane.of_dimensions(0, 1, np.zeros(3)), np.zeros(0), np.array([[0.0, 0], [1, 1]]))
    assert np.abs(field.velocity).max() == 0
    np.testing.assert_allclose(field.speed, 3)


def test_a_portrait_survives_a_file(tmp_path):
    portrait = PhasePortrait(
        "zero input", "monkey", ("a", "b"), 0.01,
        *(RNG.normal(size=shape) for shape in ((3,), (3,), (3, 3, 2), (3, 3), (2, 4, 2), (1, 2))),
        ("saddle",), np.array([True]), RNG.normal(size=(1, 5)) + 1j, np.zeros((0, 2)), np.zeros((1, 0)),
        np.zeros((2, 4, 0)), np.zeros((0, 0)), (), np.zeros((0, 0), complex),
    )  # fmt: skip
    with h5py.File(tmp_path / "portrait.h5", "w") as file:
        portrait.write(file.create_group("one"))
    with h5py.File(tmp_path / "portrait.h5") as file:
        read = PhasePortrait.read(file["one"])
    for field in dataclasses.fields(portrait):
        before, after = getattr(portrait, field.name), getattr(read, field.name)
        assert type(before) is type(after)
        np.testing.assert_array_equal(before, after)
