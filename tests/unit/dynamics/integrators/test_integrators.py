"""Integrators: order, reversibility, stability, stationary laws in closed form, NumPy and torch alike (langevinflow.md 10.2)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from neurodyn import registry
from neurodyn.dynamics.integrators.baoab import BAOAB
from neurodyn.dynamics.integrators.base import Coefficients, Integrator, Phase
from neurodyn.dynamics.integrators.euler_maruyama import EulerMaruyama
from neurodyn.dynamics.integrators.obabo import OBABO
from neurodyn.dynamics.integrators.release import Release
from neurodyn.dynamics.integrators.velocity_verlet import VelocityVerlet
from neurodyn.errors import InvalidInput

NAMES = registry.names("integrators")
SYMPLECTIC = ("baoab", "obabo", "velocity_verlet")
STIFFNESS = np.array([[1.3, 0.4, 0.0], [0.4, 0.8, -0.2], [0.0, -0.2, 2.1]])


def build(name: str) -> Integrator:
    integrator: Integrator = registry.load("integrators", name)()
    return integrator


def moved(integrator: Integrator, phase: Phase, force_of: Any, steps: int, coefficients: Coefficients) -> list[Phase]:
    """Every phase of a run without noise."""
    still, phases = np.zeros((integrator.noises, *phase.position.shape)), [phase]
    for _ in range(steps):
        phases.append(integrator.step(phases[-1], force_of, still, coefficients))
    return phases


def energies(name: str, step: float, steps: int) -> np.ndarray:
    """q²/2 + v²/2 along a frictionless run of U = q²/2 from (1, 0)."""
    integrator = build(name)
    begun = integrator.start(np.ones((1, 1)), np.zeros((1, 1)), np.negative)
    run = moved(integrator, begun, np.negative, steps, integrator.coefficients(step, 0.0, 0.0))
    return np.array([(p.position[0, 0] ** 2 + p.velocity[0, 0] ** 2) / 2 for p in run])


@pytest.mark.parametrize("name", SYMPLECTIC)
@pytest.mark.parametrize(("step", "steps", "error"), [(0.1, 1000, 0.0025), (0.2, 500, 0.01), (0.01, 10000, 2.5e-5)])
def test_energy_error_is_a_quarter_of_the_squared_step(name: str, step: float, steps: int, error: float) -> None:
    found = energies(name, step, steps)
    assert np.abs(found / found[0] - 1).max() == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("name", ["euler_maruyama", "release"])
def test_explicit_euler_gains_energy(name: str) -> None:
    found = energies(name, 0.01, 10000)
    assert found[-1] / found[0] == pytest.approx(2.7181, abs=5e-5)
    assert found[-1] / found[0] == pytest.approx((1 + 0.01**2) ** 10000, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_halving_the_step_divides_the_error_by_the_order(name: str) -> None:
    integrator = build(name)

    def error(step: float) -> float:
        begun = integrator.start(np.ones((1, 1)), np.zeros((1, 1)), np.negative)
        ended = moved(integrator, begun, np.negative, round(5 / step), integrator.coefficients(step, 0.0, 0.0))[-1]
        return float(np.hypot(ended.position - math.cos(5), ended.velocity + math.sin(5))[0, 0])

    # Explicit Euler's next term is as large as its step, so it needs a smaller one to show its order.
    step = 0.01 if integrator.order == 2 else 0.0005
    assert error(step) / error(step / 2) == pytest.approx(2**integrator.order, rel=0.05)
    if name in SYMPLECTIC:
        worst = [np.abs(energies(name, h, round(20 / h)) / 0.5 - 1).max() for h in (0.1, 0.05)]
        assert worst[0] / worst[1] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("name", SYMPLECTIC)
def test_flipping_the_velocity_runs_back(name: str) -> None:
    integrator, generator = build(name), np.random.default_rng(1)

    def force_of(z: np.ndarray) -> Any:
        return -z @ STIFFNESS - 0.3 * z**3

    begun = integrator.start(generator.normal(size=(4, 3)), generator.normal(size=(4, 3)), force_of)
    numbers = integrator.coefficients(0.2, 0.0, 0.0)
    there = moved(integrator, begun, force_of, 200, numbers)[-1]
    assert np.abs(there.position - begun.position).max() > 0.1
    back = moved(integrator, there._replace(velocity=-there.velocity), force_of, 200, numbers)[-1]
    np.testing.assert_allclose(back.position, begun.position, rtol=0, atol=1e-12)
    np.testing.assert_allclose(-back.velocity, begun.velocity, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SYMPLECTIC)
def test_a_step_contracts_phase_space_by_friction_alone(name: str) -> None:
    integrator = build(name)
    for damping in (0.0, 0.9):
        map_, _ = integrator.linear_map(STIFFNESS, 0.4, damping, 1.0)
        expected = 1.0 if name == "velocity_verlet" else math.exp(-0.4 * damping * 3)
        assert abs(np.linalg.det(map_)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("damping", [0.05, 0.7, 6.0])
@pytest.mark.parametrize(("k", "step", "temperature"), [(1.0, 1.0, 1.0), (2.5, 0.6, 1.7)])
def test_stationary_laws_in_closed_form(k: float, step: float, temperature: float, damping: float) -> None:
    shrunk = 1 - k * step**2 / 4
    found = BAOAB().stationary(k, step, damping, temperature)
    np.testing.assert_allclose(found, np.diag([temperature / k, temperature * shrunk]), rtol=0, atol=1e-10)
    found = OBABO().stationary(k, step, damping, temperature)
    np.testing.assert_allclose(found, np.diag([temperature / (k * shrunk), temperature]), rtol=0, atol=1e-10)
    if (k, step) == (1.0, 1.0):
        assert shrunk == 0.75


def test_stationary_law_of_the_public_code() -> None:
    found = Release().stationary(1.0, 0.01, 0.55, 1.0)
    assert found[1, 1] == pytest.approx(1.3794, abs=5e-5)
    assert found[0, 0] == pytest.approx(2.2224, abs=5e-5)
    assert Release().stationary(1.0, 0.01, 0.7, 1.0)[0, 0] == pytest.approx(3.333, abs=2e-3)


def test_euler_maruyama_approaches_the_boltzmann_law_with_its_step() -> None:
    off = [np.abs(EulerMaruyama().stationary(1.0, h, 2.0, 1.5) - 1.5 * np.eye(2)).max() for h in (0.02, 0.01)]
    assert off[0] / off[1] == pytest.approx(2, rel=0.05)
    assert off[1] < 0.025


def test_stationary_law_of_a_matrix() -> None:
    step, temperature, unit = 0.5, 1.4, np.eye(3)
    shrunk = unit - STIFFNESS * step**2 / 4
    zero = np.zeros((3, 3))
    found = BAOAB().stationary(STIFFNESS, step, 0.8, temperature)
    expected = temperature * np.block([[np.linalg.inv(STIFFNESS), zero], [zero, shrunk]])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    found = OBABO().stationary(STIFFNESS, step, 0.8, temperature)
    expected = temperature * np.block([[np.linalg.inv(STIFFNESS @ shrunk), zero], [zero, unit]])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["baoab", "obabo"])
def test_harmonic_steps_are_in_detailed_balance(name: str) -> None:
    """E[x' xᵀ] of a step equals that of the step run backwards with velocities flipped."""
    integrator = build(name)
    moved_, _ = integrator.linear_map(STIFFNESS, 0.7, 0.9, 1.3)
    pairs = moved_ @ integrator.stationary(STIFFNESS, 0.7, 0.9, 1.3)
    flip = np.diag([1.0] * 3 + [-1.0] * 3)
    np.testing.assert_allclose(pairs, flip @ pairs.T @ flip, rtol=0, atol=1e-10)


def test_nothing_is_stationary_without_friction() -> None:
    for integrator, damping, step in ((VelocityVerlet(), 1.0, 0.1), (BAOAB(), 0.0, 0.1), (BAOAB(), 1.0, 2.1)):
        with pytest.raises(InvalidInput, match="below 1"):
            integrator.stationary(1.0, step, damping, 1.0)


@pytest.mark.parametrize("damping", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_stable_up_to_the_limit_and_no_further(name: str, damping: float) -> None:
    integrator = build(name)
    step = 0.5
    limit = integrator.limit(step, damping)

    def radius(frequency_times_step: float) -> float:
        map_, _ = integrator.linear_map((frequency_times_step / step) ** 2, step, damping, 1.0)
        return float(np.abs(np.linalg.eigvals(map_)).max())

    assert limit == integrator.stability or damping > 0
    assert radius(limit + 0.02) > 1 + 1e-6
    if limit > 0:
        assert max(radius(x * limit) for x in (0.02, 0.3, 0.6, 0.99)) <= 1 + 1e-12
        integrator.check(0.99 * limit / step, step, damping)
    integrator.check(0.0, step, damping)
    with pytest.raises(InvalidInput, match=f"here: got frequency x step = .*; expected below {limit:.4g}"):
        integrator.check(1.01 * limit / step + 0.01, step, damping, where="here")


@pytest.mark.parametrize("name", NAMES)
def test_numpy_and_torch_give_the_same_numbers(name: str) -> None:
    integrator, generator = build(name), np.random.default_rng(3)
    position, velocity = generator.normal(size=(2, 4, 3))
    noise = generator.normal(size=(integrator.noises, 4, 3))
    damping, temperature = np.array([0.2, 0.5, 0.9]), np.array([1.0, 2.0, 0.5])

    def stepped(stiffness: Any, position: Any, velocity: Any, noise: Any, *numbers: Any) -> Phase:
        def force_of(z: Any) -> Any:
            return -z @ stiffness - z**3

        coefficients = integrator.coefficients(0.3, *numbers)
        return integrator.step(integrator.start(position, velocity, force_of), force_of, noise, coefficients)

    given = (STIFFNESS, position, velocity, noise, damping, temperature)
    expected = stepped(*given)
    found = stepped(*(torch.from_numpy(each) for each in given))
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-13)
    single = stepped(*(torch.from_numpy(each).float() for each in given))
    assert single.position.dtype == torch.float32
    np.testing.assert_allclose(expected.force, -expected.position @ STIFFNESS - expected.position**3, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_go_through_a_step(name: str) -> None:
    integrator = build(name)
    torch.manual_seed(0)
    state = [torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    noise = torch.randn(integrator.noises, 2, 3, dtype=torch.float64)
    numbers = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.3, 0.6, 1.2)]

    def ended(position: Any, velocity: Any, step: Any, damping: Any, temperature: Any) -> Any:
        def force_of(z: Any) -> Any:
            return -(z**3)

        coefficients = integrator.coefficients(step, damping, temperature)
        return integrator.step(integrator.start(position, velocity, force_of), force_of, noise, coefficients)[:2]

    assert torch.autograd.gradcheck(ended, (*state, *numbers))


@pytest.mark.parametrize("name", NAMES)
def test_one_evaluation_of_the_force_a_step(name: str) -> None:
    integrator, calls = build(name), []

    def force_of(z: Any) -> Any:
        calls.append(z)
        return -z

    begun = integrator.start(np.ones((2, 1)), np.zeros((2, 1)), force_of)
    moved(integrator, begun, force_of, 7, integrator.coefficients(0.1, 0.4, 1.0))
    assert len(calls) == 8


def test_the_public_codes_step_by_hand() -> None:
    force_of, noise = (lambda z: -2 * z), np.array([[[0.5]]])
    begun = Release().start(np.array([[1.0]]), np.array([[3.0]]), force_of)
    ended = Release().step(begun, force_of, noise, Release().coefficients(0.01, 0.55, 1.0))
    assert ended.position[0, 0] == pytest.approx(1.03)
    assert ended.velocity[0, 0] == pytest.approx(0.45 * (3 - 0.01 * 2) + math.sqrt(1.1) * 0.5)
