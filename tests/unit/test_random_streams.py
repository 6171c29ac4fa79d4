"""Draws of many trials."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import LegacyStreams, PerTrialStreams, SharedStreams, open_streams


def everything(streams):
    n = streams.trials
    return [
        streams.choice(8),
        streams.normal(5.0, 3),
        streams.exponential(0.04, 4),
        streams.poisson(np.full((n, 6, 2), 3.0)),
        np.stack(list(streams.normal_steps(600, 4)), 1),
        streams.spikes(np.full((n, 6, 2), 3.0)),
    ]


def test_a_trial_has_its_own_generator_whatever_the_number_of_trials():
    for few, many in zip(everything(PerTrialStreams(8, 5)), everything(PerTrialStreams(20, 5))):
        np.testing.assert_array_equal(few[7], many[7])


def test_trials_and_seeds_differ():
    for first, other in zip(everything(PerTrialStreams(8, 5)), everything(PerTrialStreams(8, 6))):
        assert not np.array_equal(first, other)
        assert not all(np.array_equal(first[0], trial) for trial in first)


def test_noise_drawn_in_blocks_is_one_stream():
    steps = np.stack(list(PerTrialStreams(1, 3).normal_steps(600, 4)))[:, 0]
    whole = np.random.default_rng(np.random.SeedSequence(3).spawn(1)[0]).standard_normal((600, 4))
    np.testing.assert_array_equal(steps, whole)


def test_shared_streams_draw_whole_arrays_from_one_generator():
    streams, generator = SharedStreams(4, 9), np.random.default_rng(9)
    np.testing.assert_array_equal(streams.choice(8), generator.integers(0, 8, 4))
    np.testing.assert_array_equal(next(iter(streams.normal_steps(1, 2))), generator.standard_normal((4, 2)))


def test_legacy_trial_seeds_come_from_one_default_generator():
    seeds = np.random.default_rng(0)
    expected = [np.random.RandomState(int(seeds.integers(0, 4294967295))).choice(8) for _ in range(6)]
    np.testing.assert_array_equal(LegacyStreams(6, 0).choice(8), expected)
    assert expected == [5, 3, 5, 1, 0, 0]


@pytest.mark.parametrize(("trials", "seed", "field"), [(0, 0, "trials"), (3, -1, "seed")])
def test_bad_sizes(trials, seed, field):
    with pytest.raises(InvalidInput, match=field):
        open_streams("per_trial", trials, seed)
