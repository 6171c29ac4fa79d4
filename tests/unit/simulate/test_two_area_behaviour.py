"""Behaviour of the circuit (two_area.md section 2)."""

import numpy as np
import pytest

from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination, PulseDiscriminationConfig

LEVELS = (0.111, 0.333, 0.556, 0.778)
# Accuracy by coherence, overall, of PPC, part decided: mean and s.d. over seeds of sets of 1000 trials.
TABLE = {
    "rec": ([0.649, 0.880, 0.964, 0.991, 0.869, 0.870, 0.991], [0.008, 0.025, 0.007, 0.005, 0.007, 0.007, 0.004]),
    "recnf": ([0.709, 0.951, 0.994, 0.999, 0.912, 0.192, 0.815], [0.029, 0.010, 0.007, 0.002, 0.010, 0.010, 0.015]),
    "no_feedback": (
        [0.686, 0.926, 0.990, 1.000, 0.899, 0.905, 0.981],
        [0.024, 0.020, 0.004, 0.002, 0.010, 0.012, 0.006],
    ),
}


def behaviour(trials):
    table = trials.table
    right, ppc_right = table.choice == table.correct_choice, table.ppc_choice == table.correct_choice
    by_level = right.groupby(table.coherence.abs().round(3)).mean()
    assert by_level.index.tolist() == list(LEVELS)
    return np.array([*by_level, right.mean(), ppc_right.mean(), table.decided.mean()])


@pytest.mark.parametrize("preset", TABLE)
def test_accuracy_of_one_set(preset):
    got = behaviour(TwoArea(TwoAreaConfig(preset=preset)).simulate(1000, seed=7))
    expected, sd = map(np.array, TABLE[preset])
    # A level has a quarter of the trials: binomial error on top of the quoted s.d.
    binomial = np.sqrt(expected * (1 - expected) / np.array([250] * 4 + [1000] * 3))
    assert (np.abs(got - expected) < 4 * np.hypot(sd, binomial) + 0.001).all(), got
    assert (np.diff(got[:4]) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("preset", TABLE)
def test_accuracy_table(preset):
    area = TwoArea(TwoAreaConfig(preset=preset))
    got = np.mean([behaviour(area.simulate(1000, seed=seed)) for seed in range(5)], 0)
    expected, sd = map(np.array, TABLE[preset])
    assert (np.abs(got - expected) < 4 * sd).all(), got


def test_at_coherence_zero_choices_are_even():
    task = PulseDiscrimination(PulseDiscriminationConfig(rates_hz=(18.0, 18.0)))
    assert TwoArea(task=task).simulate(1000, seed=1).table.choice.mean() == pytest.approx(0.5, abs=0.04)


def test_decisions_are_faster_with_more_coherence():
    table = TwoArea().simulate(1000, seed=2).table
    decided = table[table.decision_bin >= 0]
    times = decided.decision_bin.groupby(decided.coherence.abs().round(3)).mean()
    np.testing.assert_allclose(times, [57, 53, 48, 42], atol=2.5)


@pytest.mark.parametrize(("preset", "mean", "last"), [("rec", 0.0276, 0.042), ("recnf", 0.0060, 0.0028)])
def test_size_of_the_input_to_pfc(preset, mean, last):
    inputs = np.abs(TwoArea(TwoAreaConfig(preset=preset)).simulate(500, seed=1).truth["inputs"])
    assert inputs.mean() == pytest.approx(mean, rel=0.05)
    assert inputs[:, -1].mean() == pytest.approx(last, rel=0.1)
