"""What many chains settle to: Boltzmann's and Maxwell's laws, diffusion, detailed balance, bounded energy (langevinflow.md 10.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from neurodyn import registry
from neurodyn.dynamics.integrators.base import Integrator, Phase
from neurodyn.dynamics.integrators.velocity_verlet import VelocityVerlet
from neurodyn.models.potentials.double_well import DoubleWell, DoubleWellConfig
from neurodyn.models.potentials.oscillator import Oscillator, OscillatorConfig

SAMPLERS = ("baoab", "obabo")


def build(name: str) -> Integrator:
    integrator: Integrator = registry.load("integrators", name)()
    return integrator


def chains(
    integrator: Integrator, force_of: Any, size: tuple[int, int], steps: int, step: float, damping: float,
    temperature: float = 1.0, seed: int = 0,
) -> Iterator[Phase]:  # fmt: skip
    """Phases of many trials from z = 0 and a Maxwellian velocity."""
    generator = np.random.default_rng(seed)
    phase = integrator.start(np.zeros(size), temperature**0.5 * generator.standard_normal(size), force_of)
    coefficients = integrator.coefficients(step, damping, temperature)
    yield phase
    for _ in range(steps):
        noise = generator.standard_normal((integrator.noises, *size))
        phase = integrator.step(phase, force_of, noise, coefficients)
        yield phase


def free(z: np.ndarray) -> np.ndarray:
    return np.zeros_like(z)


def double_well(height: float) -> DoubleWell:
    return DoubleWell(DoubleWellConfig(height=height), 1).double()


@pytest.mark.parametrize(("name", "position", "velocity"), [("baoab", 1.0, 0.75), ("obabo", 4 / 3, 1.0)])
def test_harmonic_variances(name: str, position: float, velocity: float) -> None:
    q2, v2 = [], []
    for t, phase in enumerate(chains(build(name), np.negative, (20000, 1), 60, 1.0, 0.7)):
        if t >= 30:
            q2.append(phase.position.var())
            v2.append(phase.velocity.var())
    assert np.mean(q2) == pytest.approx(position, rel=0.01)
    assert np.mean(v2) == pytest.approx(velocity, rel=0.01)


@pytest.mark.parametrize("name", SAMPLERS)
def test_covariance_of_a_vector_is_temperature_over_stiffness(name: str) -> None:
    stiffness = np.array([[1.3, 0.4, 0.0], [0.4, 0.8, -0.2], [0.0, -0.2, 2.1]])
    temperature = 1.6
    run = chains(build(name), lambda z: -z @ stiffness, (20000, 3), 120, 0.2, 1.0, temperature)
    covariances = [np.cov(phase.position.T) for t, phase in enumerate(run) if t >= 80]
    expected = temperature * np.linalg.inv(stiffness)
    np.testing.assert_allclose(np.mean(covariances, 0), expected, rtol=0, atol=0.05 * np.diag(expected).min())


@pytest.mark.parametrize("name", SAMPLERS)
@torch.no_grad()
def test_a_double_well_is_boltzmanns(name: str) -> None:
    potential = double_well(4.0)
    pull = potential.prepared()

    def force_of(z: np.ndarray) -> np.ndarray:
        return pull(torch.from_numpy(z)).numpy()

    edges = np.linspace(-2.5, 2.5, 51)
    counted, right = np.zeros(50), []
    for t, phase in enumerate(chains(build(name), force_of, (4000, 1), 2000, 0.15, 1.0)):
        if t > 200 and t % 5 == 0:
            counted += np.histogram(phase.position, edges)[0]
            right.append((phase.position > 0).mean())
    fine = np.linspace(-2.5, 2.5, 50 * 40 + 1)
    density = np.exp(-potential.energy(torch.from_numpy((fine[1:] + fine[:-1]) / 2)[:, None]).numpy())
    expected = density.reshape(50, 40).sum(1) / density.sum()
    assert np.abs(counted / counted.sum() - expected).sum() / 2 < 0.03
    assert np.mean(right) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("name", SAMPLERS)
def test_velocity_forgets_as_friction_says(name: str) -> None:
    step, damping = 0.25, 0.8
    run = list(chains(build(name), free, (200000, 1), 8, step, damping))
    for n, phase in enumerate(run):
        assert np.mean(run[0].velocity * phase.velocity) == pytest.approx(np.exp(-damping * step * n), abs=0.01)


@pytest.mark.parametrize("name", SAMPLERS)
def test_free_positions_diffuse_at_temperature_over_damping(name: str) -> None:
    step, damping, temperature, steps = 0.05, 2.0, 1.5, 500
    for phase in chains(build(name), free, (40000, 2), steps, step, damping, temperature):
        ended = phase
    time = steps * step
    # What is not yet free diffusion, because velocities start Maxwellian: 1 − (1 − e^(−γt)) / (γt).
    ballistic = 1 - (1 - np.exp(-damping * time)) / (damping * time)
    found = (ended.position**2).mean() / (2 * time)
    assert found / ballistic == pytest.approx(temperature / damping, rel=0.02)


@pytest.mark.parametrize("name", SAMPLERS)
def test_equipartition_and_temperature(name: str) -> None:
    stiffness = np.array([0.5, 1.0, 4.0])
    found = {}
    for temperature in (1.0, 0.5):
        run = chains(build(name), lambda z: -z * stiffness, (20000, 3), 150, 0.1, 1.0, temperature)
        found[temperature] = np.mean([(p.velocity**2).mean(0) for t, p in enumerate(run) if t >= 60], 0)
    # BAOAB's velocities are colder by kΔ²/4, at most 1 % here.
    np.testing.assert_allclose(found[1.0], 1.0, rtol=0.02)
    np.testing.assert_allclose(found[0.5] / found[1.0], 0.5, rtol=1e-9)


@pytest.mark.parametrize("name", SAMPLERS)
@torch.no_grad()
def test_forward_and_reversed_pairs_look_alike(name: str) -> None:
    """Detailed balance: (z, v) → (z', v') is as frequent as (z', −v') → (z, −v), also where the force is not linear."""
    pull = double_well(4.0).prepared()

    def force_of(z: np.ndarray) -> np.ndarray:
        return pull(torch.from_numpy(z)).numpy()

    def odd(q0: Any, v0: Any, q1: Any, v1: Any) -> np.ndarray:
        """Statistics that tell the directions of time apart."""
        return np.array([np.mean(x) for x in (q0 * v1, q0**3 * v1, q0**2 * v0 * q1, v0**2 * v1 * q1, q0**2 * q1)])

    forward, backward, before = [], [], None
    for t, phase in enumerate(chains(build(name), force_of, (20000, 1), 500, 0.1, 1.0)):
        if t > 100 and t % 10 == 1 and before is not None:
            q0, v0, q1, v1 = before.position, before.velocity, phase.position, phase.velocity
            forward.append(odd(q0, v0, q1, v1))
            backward.append(odd(q1, -v1, q0, -v0))
        before = phase
    np.testing.assert_allclose(np.mean(forward, 0), np.mean(backward, 0), rtol=0, atol=0.01)
    assert np.abs(np.mean(forward, 0)).max() > 0.05


@torch.no_grad()
def test_energy_does_not_drift_in_coupled_oscillators() -> None:
    torch.manual_seed(0)
    potential = Oscillator(OscillatorConfig(), 16).double()
    pull, verlet, step = potential.prepared(), VelocityVerlet(), 0.2
    verlet.check(potential.stiffness() ** 0.5, step)
    phase = verlet.start(*torch.randn(2, 6, 16, dtype=torch.float64), pull)
    coefficients, none = verlet.coefficients(step, 0.0, 0.0), torch.empty(0, 6, 16, dtype=torch.float64)
    phases = [phase]
    for _ in range(10000):
        phases.append(verlet.step(phases[-1], pull, none, coefficients))
    kinetic = torch.stack([phase.velocity for phase in phases]).square().sum(-1) / 2
    energies = potential.energy(torch.stack([phase.position for phase in phases])) + kinetic
    error = (energies / energies[0] - 1).abs()
    assert error.max() < 0.03
    assert error[-1000:].max() < 1.5 * error[:1000].max()
