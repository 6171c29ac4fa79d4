"""The two-area circuit of residual dynamics: a single area's estimate owes to the other, the joint one does not."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.dynamics.residual_dynamics import ResidualDynamicsConfig, estimate
from neurodyn.simulate.residual_circuit import PFC, PPC, ResidualCircuit, ResidualCircuitConfig

AREAS = {"PPC": (slice(0, 10), PPC, 2), "PFC": (slice(10, 20), PFC, 2), "both": (slice(0, 20), slice(0, 4), 4)}


def at_the_end(trials, smoothness=1e4, **options):
    """Largest |λ| of the last bin by residual dynamics and by the Jacobian along the mean of one choice, for each recorded area."""
    circuit = ResidualCircuit(ResidualCircuitConfig(**options))
    drawn = circuit.simulate(trials, seed=0)
    rows = drawn.conditions == 1
    path = drawn.truth["latents"][rows].mean(0)
    found = {}
    for name, (channels, populations, size) in AREAS.items():
        config = ResidualDynamicsConfig(lags=3, dimension=size, rank=size, smoothness=smoothness)
        activity = drawn.neural.values[rows][:, :, channels]
        residual = estimate(activity, drawn.conditions[rows], config, bin_s=circuit.bin_s)
        local = np.abs(np.linalg.eigvals(circuit.jacobian_per_bin(path, populations))).max(1)
        found[name] = residual.leading[-1], local[-1], residual.leading[0], local[3]
    return found


def test_an_unstable_area_inflates_the_estimate_of_the_area_it_drives():
    """3000 trials, w_self 0.36, w_fwd 0.08, tolerance 0.05."""
    found = at_the_end(3000)
    assert abs(found["PPC"][0] - 1.34) < 0.05 and abs(found["PPC"][1] - 1.35) < 0.05
    assert abs(found["PFC"][0] - 1.31) < 0.05 and abs(found["PFC"][1] - 0.81) < 0.05
    assert abs(found["both"][0] - 1.34) < 0.05
    # A fixed α of 1e4 smooths over time: before the stimulus it gives what comes later.
    assert found["PPC"][2] > 0.9 > 0.82 > found["PPC"][3]


@pytest.mark.slow
def test_the_inflation_is_gone_without_the_coupling_and_when_the_input_is_exchanged_between_trials():
    apart = at_the_end(3000, forward=0.0)
    assert abs(apart["PFC"][0] - 0.74) < 0.05 and abs(apart["PFC"][1] - 0.81) < 0.05
    assert abs(apart["PPC"][0] - apart["PPC"][1]) < 0.05
    exchanged = at_the_end(3000, shuffled=True)
    assert abs(exchanged["PFC"][0] - 0.74) < 0.05 and exchanged["PPC"][0] > 1.3


@pytest.mark.slow
def test_a_loop_of_stable_areas_is_found_only_by_recording_both():
    found = at_the_end(3000, within=0.20, forward=0.24, feedback=0.24)
    for area, local in (("PPC", 1.01), ("PFC", 0.71)):
        assert abs(found[area][0] - 1.24) < 0.05 and abs(found[area][1] - local) < 0.05
    assert abs(found["both"][0] - 1.24) < 0.05 and abs(found["both"][1] - 1.245) < 0.01


@pytest.mark.slow
def test_smoothness_chosen_by_cross_validation_keeps_what_changes_in_time():
    found = at_the_end(3000, smoothness=None)
    assert abs(found["PPC"][2] - found["PPC"][3]) < 0.08
    assert abs(found["PPC"][0] - 1.34) < 0.05


def test_noise_and_stimulus_are_the_specified():
    circuit = ResidualCircuit(ResidualCircuitConfig(coherence=0.5))
    stimulus = circuit.stimulus
    assert circuit.bins == 26 and circuit.bin_s == pytest.approx(0.045)
    assert (stimulus[:4000] == 0).all() and (stimulus[:, PFC] == 0).all()
    np.testing.assert_allclose(stimulus[-1, PPC], [0.013 * 1.5, 0.013 * 0.5])
    one, two = (ResidualCircuit(ResidualCircuitConfig(steps=900)).simulate(5, seed=s) for s in (3, 3))
    np.testing.assert_array_equal(one.neural.values, two.neural.values)
    assert list(one.unit_table["area"]) == ["PPC"] * 10 + ["PFC"] * 10
