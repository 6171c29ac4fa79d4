"""Recorded trials as an activity."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.similarity.condition_averages import condition_averages

COUNTS = np.random.default_rng(0).poisson(2.0, (7, 4, 3))
CONDITIONS = [10, 2, 2, 10, 2, 10, 2]


def test_trials_are_averaged_in_spikes_per_second_and_kept():
    found = condition_averages(Trials.from_arrays(COUNTS, bin_s=0.05, conditions=CONDITIONS, name="made"))
    assert found.conditions == ("2", "10")  # as numbers sort
    np.testing.assert_allclose(found.values[1], COUNTS[[0, 3, 5]].mean(0) / 0.05, rtol=1e-6)
    assert (found.name, found.bin_s, found.start_s, found.inputs) == ("made", 0.05, 0.0, None)
    assert found.repeats is not None
    np.testing.assert_allclose(found.repeats.values, COUNTS / 0.05, rtol=1e-6)
    assert found.repeats.condition.tolist() == [1, 0, 0, 1, 0, 1, 0]


def test_masked_bins_and_unknown_entries_do_not_count():
    mask = np.ones((7, 4), bool)
    mask[1, 2:] = False
    mask[[0, 3, 5], 3] = False  # the last bin of condition 10
    values = COUNTS.astype(float)
    values[4, 0, 1] = np.nan
    trials = Trials.from_arrays(
        fluorescence=values, bin_s=0.05, mask=mask, conditions=CONDITIONS, nan="unknown", session="day 1", name="made"
    )
    found = condition_averages(trials)
    assert found.name == "made day 1"
    assert found.mask is not None and found.mask.tolist() == [[True] * 4, [True] * 3 + [False]]
    np.testing.assert_allclose(found.values[0, 2], COUNTS[[2, 4, 6], 2].mean(0))
    assert found.values[0, 0, 1] == pytest.approx(COUNTS[[1, 2, 6], 0, 1].mean())
    assert found.repeats is not None and not found.repeats.mask[4, 0] and found.repeats.mask[4, 1]


def test_trials_without_a_condition_are_left_out_and_inputs_come_along():
    stimulus = np.random.default_rng(1).random((7, 4, 2))
    labels = np.array(["b", None, "a", "b", "a", None, "a"], object)
    trials = Trials.from_arrays(COUNTS, bin_s=0.05, stimulus=stimulus, conditions=labels)
    trials = dataclasses.replace(trials, table=trials.table.assign(from_event_s=-0.2))
    found = condition_averages(trials)
    assert found.conditions == ("a", "b") and found.start_s == -0.2
    np.testing.assert_allclose(found.inputs[1], stimulus[[0, 3]].mean(0))
    assert found.repeats is not None and len(found.repeats.values) == 5


def test_trials_that_cannot_be_averaged():
    with pytest.raises(InvalidInput, match="without conditions"):
        condition_averages(Trials.from_arrays(COUNTS, bin_s=0.05))
    table = pd.DataFrame({"from_event_s": np.linspace(0, 1, 7)})
    with pytest.raises(InvalidInput, match="aligned alike"):
        condition_averages(Trials.from_arrays(COUNTS, bin_s=0.05, table=table, conditions=CONDITIONS))
