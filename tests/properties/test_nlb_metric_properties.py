"""What holds of the benchmark's measures for every data set: order, scale, shifts, unused values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.metrics._bits_per_spike import bits_per_spike, bits_per_spike_per_neuron
from neurodyn.metrics.psth_r2 import psth_r2
from neurodyn.metrics.speed_interval_correlation import speed_interval_correlation
from neurodyn.metrics.velocity_r2 import velocity_r2

seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=40)


@few
@given(seeds, st.integers(2, 12), st.integers(2, 20), st.integers(1, 5))
def test_per_neuron_and_pooled_agree_where_all_units_are_one(seed: int, trials: int, time: int, units: int) -> None:
    generator = np.random.default_rng(seed)
    rates = np.repeat(generator.gamma(1, 1, (trials, time, 1)) + 1e-3, units, 2)
    counts = np.repeat(generator.poisson(rates[..., :1]), units, 2)
    counts[0, 0] += 1
    known = generator.random((trials, time)) < 0.8
    known[0, 0] = True
    pooled = bits_per_spike(rates, counts, known).value
    assert bits_per_spike_per_neuron(rates, counts, known).value == pytest.approx(pooled, abs=1e-10)


@few
@given(seeds, st.floats(0.1, 10), st.booleans())
def test_velocity_r2_is_blind_to_the_unit_of_velocity_and_the_order_of_neurons(
    seed: int, scale: float, grouped: bool
) -> None:
    generator = np.random.default_rng(seed)
    rates, test_rates = generator.gamma(2, 1, (12, 8, 4)), generator.gamma(2, 1, (8, 8, 4))
    weights = generator.normal(size=(4, 2))
    velocity, test_velocity = (r @ weights + generator.normal(size=(*r.shape[:2], 2)) for r in (rates, test_rates))
    groups = (np.arange(12) % 2, np.arange(8) % 2) if grouped else (None, None)
    value = velocity_r2(rates, velocity, test_rates, test_velocity, *groups).value
    unit = generator.permutation(4)
    other = velocity_r2(
        rates[..., unit], velocity * scale + 3, test_rates[..., unit], test_velocity * scale + 3, *groups
    )
    assert other.value == pytest.approx(value, abs=1e-8)


@few
@given(seeds, st.integers(-3, 3), st.sampled_from(["neurons", "pooled"]))
def test_psth_r2_of_moved_trials_is_that_of_unmoved_ones(seed: int, moved: int, average: str) -> None:
    generator = np.random.default_rng(seed)
    psth, rates = generator.gamma(2, 1, (3, 11, 4)), generator.gamma(2, 1, (9, 11, 4))
    psth[:, :3] = psth[:, -3:] = np.nan
    rows = [np.arange(3) + 3 * k for k in range(3)]
    value = psth_r2(psth, rates, rows, average=average).value
    shifted = psth_r2(psth, np.roll(rates, -moved, 1), rows, np.full(9, moved), average=average).value
    assert shifted == pytest.approx(value, abs=1e-10)
    assert psth_r2(2 * psth, 2 * rates, rows, average=average).value == pytest.approx(value, abs=1e-10)
    order = generator.permutation(9)
    places = np.argsort(order)
    again = psth_r2(psth, rates[order], [places[r] for r in rows], average=average).value
    assert again == pytest.approx(value, abs=1e-10)


@few
@given(seeds, st.floats(0.01, 100), st.floats(-5, 5))
def test_the_speed_correlation_is_blind_to_scale_offset_and_rotation_and_bounded(
    seed: int, scale: float, offset: float
) -> None:
    generator = np.random.default_rng(seed)
    rates, interval = generator.gamma(2, 1, (24, 9, 3)), generator.normal(size=24)
    inside = (np.arange(9) >= generator.integers(0, 5, 24)[:, None]) & np.ones((24, 1), bool)
    condition = np.array(["a", "b"], object)[np.arange(24) % 2]
    value = speed_interval_correlation(rates, inside, interval, condition).value
    assert -1 <= value <= 1
    turned = scale * rates @ np.linalg.qr(generator.normal(size=(3, 3)))[0] + offset
    again = speed_interval_correlation(turned, inside, 2 * interval + offset, condition).value
    assert again == pytest.approx(value, abs=1e-8)
