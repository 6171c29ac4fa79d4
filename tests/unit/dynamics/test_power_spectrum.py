"""Distances of power spectra with known values."""

import numpy as np
import pytest

from neurodyn.dynamics.power_spectrum import hellinger, power_spectrum_distance, smoothed
from neurodyn.errors import InvalidInput

RNG = np.random.default_rng(0)
TIME = np.arange(1000)[None, :, None]


def wave(cycles, phase=0.0):
    return np.sin(2 * np.pi * cycles * TIME / 1000 + phase)


def test_identical_runs_are_at_zero_and_other_frequencies_at_one():
    noise = RNG.normal(size=(5, 1000, 2))
    assert power_spectrum_distance(noise, noise) == pytest.approx(0, abs=1e-6)
    assert power_spectrum_distance(wave(20), wave(60)) > 0.999


def test_phase_amplitude_and_offset_do_not_count():
    assert power_spectrum_distance(3 * wave(20, 1.0) + 7, wave(20)) == pytest.approx(0, abs=1e-6)


def test_neighbouring_peaks_by_the_closed_form():
    """Peaks that smoothing makes Gaussians of variance σ², Δ apart: H² = 1 − exp(−Δ²/8σ²)."""
    width, apart = 4.0, 6
    expected = np.sqrt(1 - np.exp(-(apart**2) / (8 * width**2)))
    found = power_spectrum_distance(wave(100), wave(100 + apart), smoothing=width)
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_mean_over_dimensions():
    one = np.concatenate([wave(20), wave(30)], 2)
    other = np.concatenate([wave(20), wave(90)], 2)
    assert power_spectrum_distance(one, other) == pytest.approx(0.5, abs=1e-3)


def test_halves_of_one_process_are_near_and_white_noise_is_far():
    kernel = np.exp(-np.arange(60) / 20)
    slow = np.apply_along_axis(lambda x: np.convolve(x, kernel, "valid"), 1, RNG.normal(size=(80, 600)))[..., None]
    floor = power_spectrum_distance(slow[:40], slow[40:])
    assert floor < 0.06
    assert power_spectrum_distance(RNG.normal(size=slow.shape), slow) > 6 * floor


def test_rest_is_near_rest_and_far_from_movement():
    still = np.full((3, 1000, 1), 0.3)
    assert power_spectrum_distance(still, wave(20)) > 0.99
    assert power_spectrum_distance(still, still + 1) == pytest.approx(0, abs=1e-6)
    assert power_spectrum_distance(still + 1e-9 * wave(20), wave(20)) > 0.99


def test_hellinger_of_a_batch():
    spectra = smoothed(RNG.uniform(size=(4, 50, 2)), 0.0)
    np.testing.assert_allclose(spectra.sum(1), 1)
    np.testing.assert_allclose(hellinger(spectra, spectra), 0, atol=1e-7)
    assert hellinger(spectra, spectra[::-1]).shape == (4,)


@pytest.mark.parametrize("runs", [np.zeros((2, 7, 1)), np.full((2, 1000, 1), np.nan), np.zeros((2, 1000, 2))])
def test_bad_input(runs):
    with pytest.raises(InvalidInput, match="runs"):
        power_spectrum_distance(runs, wave(3))
