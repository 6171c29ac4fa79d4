"""Whatever the seed, the number of trials and the preset: a trial is its own, and the truth is consistent."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.random_streams import PerTrialStreams
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination, PulseDiscriminationConfig

SHORT = PulseDiscriminationConfig(stimulus_s=0.1)


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_a_trial_does_not_depend_on_the_others(seed, few, more):
    small = PulseDiscrimination(SHORT).sample(PerTrialStreams(few, seed))
    large = PulseDiscrimination(SHORT).sample(PerTrialStreams(few + more, seed))
    np.testing.assert_array_equal(small.stimulus, large.stimulus[:few])
    assert small.table.equals(large.table[:few])


@given(st.sampled_from(["rec", "recnf", "no_feedback", "no_coupling"]), st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_truth_is_consistent(preset, seed):
    area = TwoArea(TwoAreaConfig(preset=preset), PulseDiscrimination(SHORT))
    trials = area.simulate(3, seed=seed)
    states, truth = trials.truth["states"], trials.truth
    assert states.min() >= 0
    assert states.max() < 1
    assert (truth["pop_rates"] > 0).all()
    np.testing.assert_array_equal(truth["latents"], area.decode(states))
    np.testing.assert_allclose(truth["inputs"], states[..., :2] @ area.coupling[:2, 2:], atol=1e-15)
    assert np.abs(truth["inputs"].sum(2)).max() < 1e-7
    assert truth["rates"].shape == trials.counts.shape
