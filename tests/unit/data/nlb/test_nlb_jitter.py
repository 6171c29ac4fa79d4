"""Jitter of windows: bounds, repeatability, and where the masked target ends."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.data.nlb.jitter import draw_jitter, most_jitter_ms


@pytest.mark.parametrize(("bin_ms", "most"), [(5, 30), (20, 7)])
def test_bounds(bin_ms: int, most: int) -> None:
    trials = 4000
    bound = most_jitter_ms(np.full(trials, 1350.0), np.full(trials, "train"), 1500, 300)
    drawn = draw_jitter(bound, bin_ms)
    assert drawn.min() == 0 and drawn.max() == most


def test_none_for_long_intervals_test_trials_and_unknown_ones() -> None:
    bound = most_jitter_ms(
        np.array([1600.0, 800.0, np.nan, 800.0]), np.array(["train", "test", "train", "val"]), 1500, 300
    )
    assert bound.tolist() == [0, 0, 0, 300]


def test_the_same_on_every_call_and_the_global_generator_is_left_alone() -> None:
    bound = np.random.default_rng(0).uniform(0, 300, 50)
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    first = draw_jitter(bound, 5)
    assert np.array_equal(first, draw_jitter(bound, 5))
    assert np.array_equal(np.random.random(3), expected)  # noqa: NPY002
    assert (first * 5 <= bound).all()


def test_draws_follow_the_legacy_generator_one_a_trial() -> None:
    generator = np.random.RandomState(0)
    bound = np.array([300.0, 0.0, 150.0, 297.0])
    expected = [round(generator.random_sample() * np.floor(round(each / 5, 4))) for each in bound]
    assert draw_jitter(bound, 5).tolist() == expected
