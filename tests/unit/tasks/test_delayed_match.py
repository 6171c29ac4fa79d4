"""Delayed match to sample."""

import numpy as np
import pytest

from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import SharedStreams
from neurodyn.tasks.delayed_match import DelayedMatch, DelayedMatchConfig


def test_conditions_are_every_pair():
    trials = DelayedMatch(DelayedMatchConfig(stimuli=3)).conditions()
    assert trials.table[["sample", "test"]].to_numpy().tolist() == [[a, b] for a in range(3) for b in range(3)]
    np.testing.assert_array_equal(trials.stimulus[5, 30, 1:], [0, 1, 0])  # sample 1
    np.testing.assert_array_equal(trials.stimulus[5, 160, 1:], [0, 0, 1])  # test 2
    assert not trials.stimulus[:, 50:150, 1:].any()
    assert (trials.stimulus[:, :180, 0] == 1).all() and not trials.stimulus[:, 180:].any()
    answer = trials.target.argmax(2)
    assert not answer[:, :180].any()
    assert (answer[:, 180:] == np.array([1, 2, 2, 2, 1, 2, 2, 2, 1])[:, None]).all()


def test_half_of_the_drawn_trials_match_and_all_pairs_occur():
    table = DelayedMatch().sample(SharedStreams(2000, 0)).table
    assert table["correct_choice"].mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(table["correct_choice"], table["sample"] != table["test"])
    counts = table["condition"].value_counts().sort_index()
    assert counts.index.tolist() == list(range(16))
    np.testing.assert_allclose(counts, np.where(np.arange(16) % 5 == 0, 250, 1000 / 12), rtol=0.35)


def test_noise():
    task = DelayedMatch()
    drawn = task.sample(SharedStreams(100, 0))
    noise = drawn.stimulus - task.conditions().stimulus[drawn.table["condition"]]
    assert noise[:, :, 1:].std() == pytest.approx(0.1, rel=0.02)
    assert not noise[:, :, 0].any()


@pytest.mark.parametrize(
    ("option", "value"),
    [("stimuli", 1), ("sample_s", 0.0), ("test_s", 0.0), ("decision_s", 0.0), ("delay_s", -1.0), ("delay_s", 0.123)],
)
def test_bad_options_name_the_field(option, value):
    with pytest.raises(InvalidInput, match=option):
        DelayedMatch(from_dict(DelayedMatchConfig, {option: value}))
