"""The two-area simulator (two_area.md sections 1, 2, 4 and 10)."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.simulate.noise import NoiseConfig
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig, single_area
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination, PulseDiscriminationConfig


@pytest.fixture(scope="module")
def trials():
    return TwoArea().simulate(300, seed=3)


def quiet(trials, bins=100):
    return np.zeros((trials, bins, 4)), np.zeros((trials, bins, 1, 4))


def test_coupling_matrix():
    expected = [
        [0.316935, -0.033065, 0.075, -0.075],
        [-0.033065, 0.316935, -0.075, 0.075],
        [-0.06, -0.02, 0.351035, -0.067165],
        [-0.02, -0.06, -0.067165, 0.351035],
    ]
    np.testing.assert_allclose(TwoArea(TwoAreaConfig(preset="recnf")).coupling, expected, atol=1e-12)
    assert not TwoArea(TwoAreaConfig(preset="no_coupling")).coupling[:2, 2:].any()
    overridden = TwoArea(TwoAreaConfig(preset="recnf", pfc_to_ppc=(0.04, 0.0)))
    np.testing.assert_array_equal(overridden.coupling, TwoArea().coupling)


def test_the_true_input_has_rank_one_and_sums_to_zero(trials):
    inputs = trials.truth["inputs"]
    assert np.linalg.matrix_rank(TwoArea().coupling[:2, 2:]) == 1
    assert np.abs(inputs.sum(2)).max() < 1e-7
    np.testing.assert_allclose(inputs, trials.truth["states"][..., :2] @ TwoArea().coupling[:2, 2:], atol=1e-15)


def test_swapping_populations_swaps_trajectories():
    rng = np.random.default_rng(0)
    start, stimulus, noise = (
        rng.exponential(0.04, (5, 4)),
        rng.normal(0, 0.01, (5, 50, 4)),
        rng.normal(0, 0.01, (5, 50, 10, 4)),
    )
    swap = [1, 0, 3, 2]
    for preset in ("rec", "recnf"):
        area = TwoArea(TwoAreaConfig(preset=preset))
        states, rates = area.run(start, stimulus, noise)
        mirrored, mirrored_rates = area.run(start[:, swap], stimulus[..., swap], noise[..., swap])
        np.testing.assert_allclose(mirrored, states[..., swap], atol=1e-9)
        np.testing.assert_allclose(mirrored_rates, rates[..., swap], atol=1e-6)


def test_gating_stays_between_0_and_1_for_strong_currents():
    stimulus, noise = quiet(64, 50)
    stimulus += np.random.default_rng(0).uniform(-1, 1, (64, 1, 4))
    states, rates = TwoArea().run(np.random.default_rng(1).uniform(0, 0.99, (64, 4)), stimulus, noise)
    assert states.min() >= 0
    assert states.max() < 1
    assert np.isfinite(rates).all()


def test_gating_stays_between_0_and_1_in_the_task(trials):
    assert trials.truth["states"].min() >= 0
    assert trials.truth["states"].max() < 1


def test_euler_and_runge_kutta_agree_without_noise():
    stimulus, noise = quiet(10)
    stimulus[:, 5:95, :2] = 0.0118 * np.array([1.2, 0.8])

    def states(**options):
        area = TwoArea(TwoAreaConfig(**options))
        return area.run(area.initial_state(10), stimulus, noise)[0]

    euler, rk4, fine = states(), states(integrator="rk4"), states(integrator="rk4", substeps=20)
    assert np.abs(euler - rk4).max() < 0.01
    assert np.abs(rk4 - fine).max() < 1e-5


def test_a_step_is_a_bin_of_the_run_and_decode_gives_pfc():
    area = TwoArea()
    stimulus, noise = quiet(6, 3)
    stimulus += 0.01
    states, _ = area.run(area.initial_state(6, 2), stimulus, noise)
    state = area.initial_state(6, 2)
    for t in range(3):
        state = area.step(state, stimulus[:, t])
    np.testing.assert_array_equal(state, states[:, -1])
    np.testing.assert_array_equal(area.decode(state), state[:, 2:])


def test_recording_bin_means():
    area, mean = TwoArea(), TwoArea(TwoAreaConfig(record="mean"))
    one_ms = TwoArea(TwoAreaConfig(substeps=1), PulseDiscrimination(PulseDiscriminationConfig(bin_s=0.001)))
    start = area.initial_state(4)
    states, _ = mean.run(start, *quiet(4, 5))
    fine, _ = one_ms.run(start, *quiet(4, 50))
    np.testing.assert_allclose(states, fine.reshape(4, 5, 10, 4).mean(2), atol=1e-12)
    np.testing.assert_allclose(area.run(start, *quiet(4, 5))[0], fine[:, 9::10], atol=1e-12)


def test_recorded_rate_is_that_of_the_last_substeps_start():
    area = TwoArea()
    start = area.initial_state(3)
    one_ms = TwoArea(TwoAreaConfig(substeps=1), PulseDiscrimination(PulseDiscriminationConfig(bin_s=0.001)))
    fine, _ = one_ms.run(start, *quiet(3, 10))
    np.testing.assert_allclose(area.run(start, *quiet(3, 1))[1][:, 0], area.circuit.rates(fine[:, 8]), atol=1e-9)


@pytest.mark.parametrize("noise", ["held10ms", "murray"])
def test_trial_7_is_the_same_whatever_the_number_of_trials(noise):
    area = TwoArea(TwoAreaConfig(noise=NoiseConfig(noise)))
    few, many = area.simulate(8, seed=3), area.simulate(30, seed=3)
    np.testing.assert_array_equal(few.counts[7], many.counts[7])
    for name, values in few.truth.items():
        np.testing.assert_array_equal(values[7], many.truth[name][7], err_msg=name)
    assert few.table.iloc[7].equals(many.table.iloc[7])


def test_log_rates_are_scaled_over_the_shared_trials():
    shared = TwoArea().simulate(100, seed=3, randomness="shared")
    log_rates = np.log(shared.truth["rates"])
    assert log_rates.mean() == pytest.approx(-3, abs=1e-9)
    assert log_rates.std() == pytest.approx(1, abs=1e-4)


def test_rates_of_trials_of_their_own_are_near_the_target(trials):
    assert 100 * trials.truth["rates"].mean() == pytest.approx(8, abs=0.6)


def test_canonical_set():
    legacy = TwoArea().simulate(1000, seed=0, randomness="legacy")
    assert legacy.table.stimulus_1_hz.value_counts().sort_index().tolist() == [122, 130, 119, 127, 142, 109, 112, 139]
    assert legacy.provenance["readout"]["scale"] == pytest.approx(0.3082, abs=1e-4)
    assert 100 * legacy.truth["rates"].mean() == pytest.approx(8.0, abs=0.05)
    generator = np.random.default_rng(0)
    np.testing.assert_array_equal(legacy.provenance["readout"]["projection"], generator.uniform(-1, 1, (2, 30)))
    np.testing.assert_array_equal(legacy.counts, np.minimum(generator.poisson(legacy.truth["rates"]), 5))


def test_adversarial_twin_reproduces_the_trajectory():
    """With the inverse of f, another local matrix and another input make the same PFC trajectory (section 7.3.3)."""
    one_ms = TwoArea(TwoAreaConfig(substeps=1), PulseDiscrimination(PulseDiscriminationConfig(bin_s=0.001)))
    stimulus, noise = quiet(5, 300)
    stimulus[..., :2] = 0.0118 * np.array([1.3, 0.7])
    noise += np.random.default_rng(0).normal(0, 0.005, noise.shape)
    start = one_ms.initial_state(5)
    pfc = np.concatenate([start[:, None], one_ms.run(start, stimulus, noise)[0]], 1)[..., 2:]
    twin, h = single_area(0.20), 0.001
    state = pfc[:, 0]
    for now, after in zip(pfc[:, :-1].swapaxes(0, 1), pfc[:, 1:].swapaxes(0, 1)):
        rates = ((after - now) / h + now / 0.06) / (0.641 * (1 - now))
        current = twin.transfer_inverse(rates) - now @ twin.coupling - 0.334
        state = state + h * twin.drift(state, current)
        np.testing.assert_allclose(state, after, atol=1e-10)


def test_a_current_pulse_moves_trials_and_its_mirror_image_moves_mirrored_ones():
    """The same noise is used again (section 7.4): no pulse changes nothing; a pulse turned round acts on exchanged populations."""
    area, swap, rng = TwoArea(), [1, 0, 3, 2], np.random.default_rng(0)
    start = rng.exponential(0.04, (6, 4))
    noise = rng.normal(0, 0.009, (6, 60, 10, 4))
    pulse = np.zeros((6, 60, 4))
    pulse[:, 10:15, 2:] = [-0.05, 0.05]
    rest = area.run(start, 0 * pulse, noise)[0]
    np.testing.assert_array_equal(area.run(start, 0 * pulse, noise)[0], rest)
    moved = area.run(start, pulse, noise)[0]
    np.testing.assert_array_equal(moved[:, :10], rest[:, :10])
    assert (moved[:, 14, 3] > rest[:, 14, 3]).all() and (moved[:, 14, 2] < rest[:, 14, 2]).all()
    mirrored = area.run(start[:, swap], -pulse, noise[..., swap])[0]
    np.testing.assert_allclose(mirrored[..., swap], moved, atol=1e-9)


@pytest.mark.parametrize("size", [0.25, 0.5, 1.0])
def test_noise_and_then_rest_end_in_the_three_attractors_of_pfc(size):
    """Section 5.6: 500 states, 1 s of white noise of this share of the mean input, 3 s of rest; end states nearer than 0.05 are one."""
    from scipy.cluster.hierarchy import fcluster, linkage

    circuit, rng = single_area(0.4182), np.random.default_rng(1)
    state = rng.exponential(0.04, (500, 2))
    noise = size * 0.0276 * rng.standard_normal((100, 500, 2))
    for bin_ in range(400):
        current = noise[bin_] if bin_ < 100 else np.zeros(2)
        for _ in range(10):
            state = state + 0.001 * circuit.drift(state, current)
    clusters = fcluster(linkage(state, "single"), 0.05, "distance")
    assert clusters.max() == 3
    ends = sorted(tuple(np.round(state[clusters == k].mean(0), 2)) for k in (1, 2, 3))
    np.testing.assert_allclose(ends, [(0.02, 0.60), (0.08, 0.08), (0.60, 0.02)], atol=0.011)


def test_table_columns(trials):
    table = trials.table
    assert {
        "condition",
        "coherence",
        "stimulus_1_hz",
        "stimulus_2_hz",
        "correct_choice",
        "choice",
        "decision_bin",
    } <= set(table)
    rates = trials.truth["pop_rates"]
    assert (table.choice == (rates[:, -1, 3] >= rates[:, -1, 2])).all()
    row = int(np.flatnonzero(table.decision_bin > 0)[0])
    first = table.decision_bin[row]
    assert (rates[row, first, 2:] >= 50).any()
    assert (rates[row, :first, 2:] < 50).all()
    never = table.decision_bin == -1
    assert (rates[never][..., 2:] < 50).all()


def test_a_task_needs_two_channels():
    task = PulseDiscrimination()
    task.channels = 3
    with pytest.raises(InvalidInput, match="task"):
        TwoArea(task=task)
