"""The physics of LangevinFlow models whose parameters are set by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from neurodyn.analysis.langevin import has_physics, langevin_physics
from neurodyn.config import from_dict
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.dynamics.physics import Physics
from neurodyn.errors import InvalidInput
from neurodyn.models.langevin_flow import LangevinFlow, LangevinFlowConfig
from neurodyn.models.mean_rate import MeanRate

UNIT_S, SIZE, BINS, FORWARD = 0.1, 4, 14, 4


def trials(ragged: bool = False) -> Trials:
    rng = np.random.default_rng(0)
    mask = np.ones((20, BINS), bool)
    if ragged:
        mask[5:9, 6:] = False
    counts = rng.poisson(1.0, (20, BINS, 6)) * mask[..., None]
    return Trials.from_arrays(counts, bin_s=0.02, mask=mask, forward=FORWARD)


def built(data: Trials, **given: object) -> LangevinFlow:
    torch.manual_seed(0)
    given = {"size": SIZE, "encoder": 5, "decoder_hidden": 6, "time_unit_s": UNIT_S, **given}
    return LangevinFlow(from_dict(LangevinFlowConfig, given, "model"), DataSpec.of([data])).eval()


def oscillators(damping: float, stiffness: float, quartic: float = 1e-6) -> dict[str, object]:
    potential = {"name": "oscillator", "kernel_sd": 0.0, "stiffness": stiffness, "quartic": quartic}
    return {"damping": damping, "potential": potential}


@pytest.fixture(scope="module")
def harmonic() -> Physics:
    data = trials()
    return langevin_physics(built(data, **oscillators(5.0, 3.0)), data, samples=2)


def test_known_modes(harmonic: Physics):
    friction = 5.0 * UNIT_S
    modes = harmonic.modes[0]
    assert len(harmonic.modes) == 1 and harmonic.rest.stable.all() and len(modes) == SIZE
    np.testing.assert_allclose(harmonic.rest.points, 0, atol=1e-6)
    np.testing.assert_allclose(modes.frequency_hz, np.sqrt(3 - friction**2 / 4) / (2 * np.pi * UNIT_S), rtol=1e-4)
    np.testing.assert_allclose(modes.decay_s, 2 * UNIT_S / friction, rtol=1e-6)
    np.testing.assert_allclose(harmonic.friction_hz, 5.0, rtol=1e-6)
    assert modes.regime == ("under-damped",) * SIZE
    assert modes.share.sum() == pytest.approx(1) and (np.diff(modes.share) <= 0).all()


def test_critical_damping_is_recognised():
    data = trials()
    stiffness = (5.0 * UNIT_S / 2) ** 2
    found = langevin_physics(built(data, **oscillators(5.0, stiffness)), data, samples=1)
    assert found.modes[0].regime == ("critically damped",) * SIZE


def test_energies_of_the_paths(harmonic: Physics, monkeypatch: pytest.MonkeyPatch):
    """Against sums over given paths."""
    data = trials(ragged=True)
    model = built(data, **oscillators(5.0, 3.0), inferred_inputs=False, temperature=2.0)
    states = np.random.default_rng(1).normal(size=(20, BINS, 2 * SIZE)).astype(np.float32)
    whole = model.forward

    def given(observed, privileged=None):
        return dataclasses.replace(whole(observed), latents=torch.from_numpy(states))

    monkeypatch.setattr(model, "forward", given)
    found = langevin_physics(model, data, samples=2).energies
    velocity, position = states[..., SIZE:].astype(float), states[..., :SIZE].astype(float)
    kinetic = np.where(data.mask, (velocity**2).sum(2) / 4, np.nan)
    potential = np.where(data.mask, 3 * (position**2).sum(2) / 4, np.nan)
    np.testing.assert_allclose(found.mean["kinetic"], np.nanmean(kinetic, 0), rtol=1e-6)
    np.testing.assert_allclose(found.sd["kinetic"], np.nanstd(kinetic, 0), rtol=1e-6)
    np.testing.assert_allclose(found.mean["potential"], np.nanmean(potential, 0), rtol=1e-4)
    np.testing.assert_allclose(found.mean["total"], np.nanmean(kinetic + potential, 0), rtol=1e-4)
    np.testing.assert_allclose(found.kinetic_ratio, (velocity[data.mask] ** 2).mean(0) / 2, rtol=1e-6)


def test_the_boltzmann_law_of_a_harmonic_well(harmonic: Physics):
    assert harmonic.energies.potential_at_equilibrium == pytest.approx(SIZE / 2, rel=0.1)
    for profile in harmonic.profiles:
        width = np.diff(profile.centres)[0]
        expected = np.exp(-3 * profile.centres**2 / 2)
        assert np.abs(profile.boltzmann - expected / (expected.sum() * width)).sum() * width < 0.3
        assert profile.visited.sum() * width == pytest.approx(1, abs=0.02)


def test_information_adds_up():
    data = trials(ragged=True)
    model = built(data)
    with torch.no_grad():
        model.input_posterior.bias.normal_()
    found = langevin_physics(model, data, samples=3).information
    assert set(found.parts) == {"position", "velocity", "path"}
    count = data.mask[:, : BINS - FORWARD].sum(0)
    assert np.isnan(found.bins[0, 0]) and (found.bins[0, 1:] >= 0).all()
    assert np.nansum(found.bins[0] * count) == pytest.approx(found.parts["path"].sum(), rel=1e-5)
    assert found.dimensions.sum() == pytest.approx(found.inputs.mean()) and (found.inputs <= found.parts["path"]).all()
    squared = np.nansum(found.input_size**2 * count) * SIZE
    assert squared / 2 == pytest.approx(found.inputs.sum(), rel=1e-5)


@pytest.mark.parametrize(
    "given",
    [
        {"potential": {"name": "double_well", "height": 4.0}, "integrator": "obabo"},
        {"potential": "mlp", "integrator": "euler_maruyama", "damping": 30.0},
        {"potential": "mlp", "size": 1},
        {"potential": {"name": "oscillator_release", "kernel_init": "normal"}},
        {"potential": "oscillator_release"},
        {"integrator": "velocity_verlet"},
        {"integrator": "release", "inferred_inputs": False},
        {"decoder_inputs": "h", "causal": True},
    ],
    ids=str,
)
def test_every_potential_and_integrator(given: dict[str, object]):
    data = trials(ragged=True)
    model = built(data, **given)
    model.train()
    found = langevin_physics(model, data, samples=1)
    assert model.training
    size = model.size
    assert all(len(modes) == size for modes in found.modes) and len(found.profiles) == min(size, 3)
    assert (found.landscape is None) == (size < 2) and len(found.flows) == min(size, 2)
    assert np.isfinite(found.energies.mean["total"]).all() and np.isfinite(found.friction_hz).all()
    assert np.isnan(found.paths).any() and found.paths.shape == (20, BINS, min(size, 3))
    json.dumps(found.as_mapping())
    if given.get("integrator") == "velocity_verlet":
        assert (found.friction_hz == 0).all() and set(found.modes[0].regime) == {"free"}
    if given.get("potential") == {"name": "oscillator_release", "kernel_init": "normal"}:
        assert not found.rest.stable[0] and "unstable" in found.modes[0].regime
        assert found.energies.potential_at_equilibrium is None
    if given.get("inferred_inputs") is False:
        assert "path" not in found.information.parts and not len(found.information.input_size)


def test_the_same_seed_gives_the_same_numbers(harmonic: Physics):
    data = trials()
    model, state = built(data, **oscillators(5.0, 3.0)), torch.get_rng_state()
    again = langevin_physics(model, data, samples=2)
    assert again.as_mapping()["energies"] == harmonic.as_mapping()["energies"]
    assert torch.equal(torch.get_rng_state(), state)


def test_refused():
    data = trials()
    for model in (built(data, mode="release", size=4), MeanRate(MeanRate.Config(), DataSpec.of([data]))):
        assert not has_physics(model)
        with pytest.raises(InvalidInput, match="langevin_flow in mode default"):
            langevin_physics(model, data)
    with pytest.raises(InvalidInput, match="samples"):
        langevin_physics(built(data), data, samples=0)
    assert has_physics(built(data))
