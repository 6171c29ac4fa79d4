"""What holds for every data set: exact zeros and ones, symmetries, masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics._r2 import r2

cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(1, 9), st.integers(1, 5))


def draw(case: tuple[int, int, int, int]) -> tuple[np.random.Generator, np.ndarray, np.ndarray, np.ndarray]:
    seed, *shape = case
    generator = np.random.default_rng(seed)
    rates = generator.gamma(1, 1, shape) + 1e-3
    counts = generator.poisson(rates)
    counts[0, 0] += 1  # at least one spike a unit
    mask = generator.random(shape[:2]) < 0.7
    mask[0, 0] = True
    return generator, rates, counts.astype(np.uint16), mask


@settings(deadline=None, max_examples=60)
@given(cases)
def test_channel_means_give_no_bits(case: tuple[int, int, int, int]) -> None:
    _, rates, counts, mask = draw(case)
    mean = counts[mask].mean(0)
    assert bits_per_spike(np.broadcast_to(mean, rates.shape), counts, mask).value == pytest.approx(0, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(cases)
def test_units_and_trials_have_no_order_and_masked_values_no_say(case: tuple[int, int, int, int]) -> None:
    generator, rates, counts, mask = draw(case)
    value = bits_per_spike(rates, counts, mask).value
    unit, trial = generator.permutation(rates.shape[2]), generator.permutation(rates.shape[0])
    moved = bits_per_spike(rates[trial][..., unit], counts[trial][..., unit], mask[trial]).value
    assert moved == pytest.approx(value, abs=1e-10)
    spoiled = np.where(mask[..., None], rates, np.nan)
    other = np.where(mask[..., None], counts, 7)
    assert bits_per_spike(spoiled, other, mask).value == value


@settings(deadline=None, max_examples=60)
@given(cases, st.floats(0.2, 5))
def test_scaling_all_rates_never_beats_the_right_scale(case: tuple[int, int, int, int], scale: float) -> None:
    _, rates, counts, mask = draw(case)
    right = rates * counts[mask].sum() / rates[mask].sum()
    best = bits_per_spike(right, counts, mask).value
    assert bits_per_spike(right * scale, counts, mask).value <= best + 1e-9
    # a factor c on all rates costs (c - 1 - ln c) nats a spike
    cost = (scale - 1 - np.log(scale)) / np.log(2)
    assert bits_per_spike(right * scale, counts, mask).value == pytest.approx(best - cost, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(cases, st.floats(0.1, 10), st.sampled_from(["pooled", "channels"]))
def test_r2_is_one_for_the_truth_and_invariant_to_scale(
    case: tuple[int, int, int, int], scale: float, average: str
) -> None:
    generator, rates, _, mask = draw(case)
    guess = rates + 0.3 * generator.normal(size=rates.shape)
    assert r2(rates, rates, mask, average, "rates").value == 1
    if mask.sum() > 1:
        value = r2(rates, guess, mask, average, "rates").value
        assert r2(rates * scale, guess * scale, mask, average, "rates").value == pytest.approx(value, abs=1e-8)
        spoiled = np.where(mask[..., None], guess, np.nan)
        assert r2(np.where(mask[..., None], rates, np.nan), spoiled, mask, average, "rates").value == value
        unit = generator.permutation(rates.shape[2])
        assert r2(rates[..., unit], guess[..., unit], mask, average, "rates").value == pytest.approx(value, abs=1e-8)
