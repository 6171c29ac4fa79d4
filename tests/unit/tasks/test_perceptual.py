"""Constant-coherence discrimination."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams
from neurodyn.tasks.perceptual import Perceptual, PerceptualConfig


def test_currents_are_those_of_the_paper():
    drawn = Perceptual(PerceptualConfig(coherences=(0.512,))).sample(PerTrialStreams(2, 0))
    np.testing.assert_allclose(drawn.stimulus[:, 5:95], [[[0.0118 * 1.512, 0.0118 * 0.488]] * 90] * 2)
    assert not drawn.stimulus[:, :5].any()
    assert not drawn.stimulus[:, 95:].any()


def test_negative_coherence_is_choice_1():
    table = Perceptual().sample(PerTrialStreams(200, 0)).table
    assert (table.correct_choice == (table.coherence < 0)).all()
    assert table.coherence.nunique() == 11


def test_coherence_above_one_is_refused():
    with pytest.raises(InvalidInput, match="coherences"):
        PerceptualConfig(coherences=(1.5,))


def test_targets_are_fixation_and_then_the_stronger_current():
    drawn = Perceptual().sample(PerTrialStreams(200, 0))
    answer = drawn.target.argmax(2)
    assert not answer[:, :95].any()
    assert (answer[:, 95:] == 1 + drawn.table[["correct_choice"]].to_numpy()).all()
    equal = (drawn.table["coherence"] == 0).to_numpy()
    assert equal.any() and not drawn.counted[equal, 95:].any()
    assert drawn.counted[:, :95].all() and drawn.counted[~equal].all()


def test_conditions_are_the_coherences():
    trials = Perceptual().conditions()
    assert trials.table["coherence"].tolist() == list(PerceptualConfig().coherences)
    np.testing.assert_allclose(trials.stimulus[0, 50], [0.0118 * 0.488, 0.0118 * 1.512])


@pytest.mark.parametrize("epoch", ["stimulus_s", "decision_s"])
def test_epochs_without_time_are_refused(epoch):
    with pytest.raises(InvalidInput, match=epoch):
        PerceptualConfig(**{epoch: 0.0})
