"""Noise currents (two_area.md section 2)."""

import numpy as np
import pytest

from neurodyn.random_streams import PerTrialStreams
from neurodyn.simulate.noise import NoiseConfig, noise_currents


def noise(preset, trials=200):
    return noise_currents(
        NoiseConfig(preset), PerTrialStreams(trials, 0), bins=100, substeps=10, channels=4, bin_s=0.01
    )


def test_held_noise():
    values = noise("held10ms")
    assert values.shape == (200, 100, 1, 4)
    assert values.std() == pytest.approx(0.00946, rel=0.02)
    neighbours = np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]
    assert abs(neighbours) < 0.02


def test_noise_of_the_paper():
    values = noise("murray")
    assert values.shape == (200, 100, 10, 4)
    assert values[:, 5:].std() == pytest.approx(0.009 / np.sqrt(2), rel=0.02)
    steps = values.reshape(200, 1000, 4)
    one_ms = np.corrcoef(steps[:, 1:].ravel(), steps[:, :-1].ravel())[0, 1]
    assert one_ms == pytest.approx(np.exp(-0.5), abs=0.01)


def test_held_noise_has_more_than_five_times_the_low_frequency_power():
    def power(values):
        whole = np.broadcast_to(values, (200, 100, 10, 4)).reshape(200, 1000, 4).sum(1)
        return whole.var()

    assert power(noise("held10ms")) > 5 * power(noise("murray"))


def test_no_noise():
    assert not noise("none", 2).any()
