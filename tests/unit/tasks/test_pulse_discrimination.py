"""Pulse discrimination (two_area.md sections 2, 4 and 10)."""

import numpy as np
import pytest

from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import LegacyStreams, PerTrialStreams, SharedStreams
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination, PulseDiscriminationConfig


@pytest.fixture(scope="module")
def drawn():
    return PulseDiscrimination().sample(PerTrialStreams(500, 0))


def test_timing():
    task = PulseDiscrimination()
    assert task.bins == 100
    assert task.periods["stimulus"] == slice(5, 95)


def test_the_two_rates_add_up_to_36_and_decide_what_is_correct(drawn):
    table = drawn.table
    assert (table.stimulus_1_hz + table.stimulus_2_hz == 36).all()
    assert (table.correct_choice == (table.stimulus_1_hz < table.stimulus_2_hz)).all()
    assert sorted(table.coherence.abs().round(3).unique()) == [0.111, 0.333, 0.556, 0.778]
    assert (np.sign(table.coherence) == 1 - 2 * table.correct_choice).all()


def test_stimulus_is_exactly_zero_outside_its_period(drawn):
    assert not drawn.stimulus[:, :5].any()
    assert not drawn.stimulus[:, 95:].any()


def test_mean_stimulus(drawn):
    assert drawn.stimulus[:, 5:95].mean() == pytest.approx(0.01066, rel=0.03)


def test_height_is_in_whole_pulses(drawn):
    pulses = drawn.stimulus / 0.012
    np.testing.assert_allclose(pulses, pulses.round(), atol=1e-9)


@pytest.mark.parametrize(("causal", "kernel"), [(False, "box"), (True, "box"), (False, "decay"), (True, "gaussian")])
def test_kernel_is_that_of_a_plain_convolution(causal, kernel):
    pulses = np.random.default_rng(0).poisson(0.2, (3, 90, 2)).astype(float)
    task = PulseDiscrimination(PulseDiscriminationConfig(causal=causal, kernel=kernel))
    shape = {
        "box": np.ones(5),
        "decay": np.exp(-np.linspace(0, 5, 5)),
        "gaussian": np.exp(-0.5 * np.linspace(-3, 3, 5) ** 2),
    }[kernel]
    for trial, channel in np.ndindex(3, 2):
        expected = 0.012 * np.convolve(pulses[trial, :, channel], shape)[0 if causal else 2 :][:90]
        np.testing.assert_allclose(task._currents(pulses)[trial, :, channel], expected, atol=1e-15)


def test_trial_7_is_the_same_whatever_the_number_of_trials(drawn):
    few = PulseDiscrimination().sample(PerTrialStreams(8, 0))
    np.testing.assert_array_equal(few.stimulus[7], drawn.stimulus[7])
    assert few.table.iloc[7].equals(drawn.table.iloc[7])


def test_legacy_seeding_regenerates_the_stored_trial_table():
    table = PulseDiscrimination().sample(LegacyStreams(1000, 0)).table
    assert table.stimulus_1_hz.value_counts().sort_index().tolist() == [122, 130, 119, 127, 142, 109, 112, 139]
    assert table.stimulus_1_hz[:6].tolist() == [24, 16, 24, 8, 4, 4]


def test_coherence_zero_is_two_equal_rates():
    table = PulseDiscrimination(PulseDiscriminationConfig(rates_hz=(18.0, 18.0))).sample(SharedStreams(5, 0)).table
    assert (table.coherence == 0).all()


def test_targets_are_fixation_and_then_the_higher_rate(drawn):
    answer = drawn.target.argmax(2)
    assert not answer[:, :95].any()
    assert (answer[:, 95:] == 1 + drawn.table[["correct_choice"]].to_numpy()).all()
    assert drawn.counted.all()


def test_equal_rates_have_no_right_answer_to_count():
    rates = PulseDiscriminationConfig(rates_hz=(18.0, 18.0))
    drawn = PulseDiscrimination(rates).sample(SharedStreams(5, 0))
    assert not drawn.counted[:, 95:].any() and drawn.counted[:, :95].all()


@pytest.mark.parametrize(
    ("option", "value"),
    [("stimulus_s", 0.905), ("kernel_s", 2.0), ("rates_hz", ()), ("bin_s", 0.0), ("kernel", "bx"), ("decision_s", 0.0)],
)
def test_bad_options_name_the_field(option, value):
    with pytest.raises(InvalidInput, match=option):
        PulseDiscrimination(from_dict(PulseDiscriminationConfig, {option: value}))
