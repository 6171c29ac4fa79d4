"""Draws of many trials."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import LegacyStreams, PerTrialStreams, ReleasedStreams, SharedStreams, open_streams


def everything(streams):
    n = streams.trials
    return [
        streams.choice(8),
        streams.integers(50, 150),
        streams.uniform(-1.0, 2.0),
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


@pytest.mark.parametrize("kind", [PerTrialStreams, SharedStreams, LegacyStreams, ReleasedStreams])
def test_numbers_are_of_the_shape_and_in_the_range_asked_for(kind):
    choice, integers, uniform, normal, exponential, poisson, steps, spikes = everything(kind(30, 4))
    assert choice.shape == (30,) and set(choice) <= set(range(8))
    assert integers.shape == (30, 2) and (integers >= 0).all() and (integers < [50, 150]).all()
    assert integers[:, 1].max() >= 50
    assert uniform.shape == (30,) and -1 <= uniform.min() < uniform.max() <= 2
    assert (normal.shape, exponential.shape) == ((30, 3), (30, 4))
    assert poisson.shape == spikes.shape == (30, 6, 2)
    assert steps.shape == (30, 600, 4)


def test_released_streams_go_through_one_legacy_generator_trial_by_trial():
    streams, generator = ReleasedStreams(3, 4), np.random.RandomState(4)
    for _ in range(2):  # a second batch continues the stream
        np.testing.assert_array_equal(streams.choice(8), generator.randint(0, 8, 3))
        expected = [[generator.randint(50), generator.randint(150)] for _ in range(3)]
        np.testing.assert_array_equal(streams.integers(50, 150), expected)


@pytest.mark.parametrize(("trials", "seed", "field"), [(0, 0, "trials"), (3, -1, "seed")])
def test_bad_sizes(trials, seed, field):
    with pytest.raises(InvalidInput, match=field):
        open_streams("per_trial", trials, seed)
