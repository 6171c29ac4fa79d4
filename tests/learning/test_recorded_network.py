"""A network that learned its task, recorded: a model of its spikes finds its activity."""

import numpy as np
import pytest

import neurodyn
from neurodyn.populations import record


@pytest.mark.slow
def test_a_flip_flop_is_learned_recorded_and_found_again():
    task = {"bits": 2, "duration_s": 1.0, "pulse_rate_hz": 3.0, "noise_std": 0.1, "transition_s": 0.04}
    trials = neurodyn.load("flip_flop", trials=256, valid=64, test=128, task=task)
    train = {"epochs": 60, "learning_rate": 5e-3, "batch_size": 32}
    network = neurodyn.fit("task_rnn", trials, units=48, train=train, progress=False)
    scores = {s.name: s for s in neurodyn.evaluate(network)}
    assert scores["normalised_error"].value < 0.05
    recorded = record(network, trials=250, units=40, heldout=10)
    smoothed = neurodyn.fit("smoothing", recorded, progress=False)
    found = {s.name: s.value for s in neurodyn.evaluate(smoothed, recorded)}
    assert found["co_bps"] > 0.07
    assert found["latent_r2_forward"] > 0.85
    true = recorded.test.truth["rates"]
    assert np.isfinite(true).all()
