"""Paired differences: the same trials, the same seeds, and an interval that holds the truth as often as it says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurodyn.metrics.base import Measurement, Score, scored
from neurodyn.metrics.co_bps import CoBPS
from neurodyn.reproduction.paired import paired


def score(values: np.ndarray, draws: int = 400) -> Score:
    """The mean over test trials `(trial,)`, with its draws."""
    return scored(CoBPS, Measurement(values[:, None], lambda sums: sums[:, 0] / len(values)), {}, draws=draws)


def alone(value: float) -> Score:
    return dataclasses.replace(score(np.zeros(3)), value=value, drawn=None)


def test_one_seed_has_the_interval_that_a_baseline_would_have() -> None:
    rng = np.random.default_rng(0)
    mine, theirs = rng.normal(size=(2, 40))
    found = paired({3: score(mine)}, {3: score(theirs)}, "maze/none")
    as_baseline = scored(
        CoBPS,
        Measurement(mine[:, None], lambda sums: sums[:, 0] / 40),
        {"other": Measurement(theirs[:, None], lambda sums: sums[:, 0] / 40)},
        draws=400,
    )
    assert (found.difference, *found.interval) == pytest.approx(as_baseline.difference["other"], abs=1e-12)
    assert found.seeds == (3,) and found.agree == 1 and "of one seed" in found.how and found.to == "maze/none"


def test_every_seed_is_kept_and_signs_are_counted() -> None:
    mine = {0: alone(0.3), 1: alone(0.1), 2: alone(0.5)}
    found = paired(mine, {0: alone(0.2), 1: alone(0.2), 2: alone(0.2)}, "none")
    assert found.differences == pytest.approx((0.1, -0.1, 0.3)) and found.difference == pytest.approx(0.1)
    assert found.agree == 2
    half = 4.302652729911275 * 0.2 / np.sqrt(3)  # Student's t, 2 degrees of freedom
    assert found.interval == pytest.approx((0.1 - half, 0.1 + half)) and "t over 3 seeds" in found.how
    one = paired({0: alone(0.3)}, {0: alone(0.2)}, "none")
    assert np.isnan(one.interval).all() and one.how == "none: one seed" and one.standing("higher") == "open"


def test_draws_of_other_trials_do_not_pair() -> None:
    rng = np.random.default_rng(0)
    mine = {seed: score(rng.normal(size=20)) for seed in range(3)}
    other = {seed: score(rng.normal(size=21)) for seed in range(3)}
    assert "bootstrap" in paired(mine, mine | {0: score(rng.normal(size=20))}, "x").how
    assert "bootstrap" not in paired(mine, other, "x").how


def test_draws_without_a_value_are_left_out() -> None:
    one, two = score(np.arange(5.0)), score(np.ones(5))
    assert one.drawn is not None
    holed = dataclasses.replace(one, drawn=np.where(np.arange(400) < 399, np.nan, one.drawn))
    assert np.isfinite(paired({0: holed}, {0: two}, "x").interval).all()
    none = dataclasses.replace(one, drawn=np.full(400, np.nan))
    assert np.isnan(paired({0: none}, {0: two}, "x").interval).all()


def test_standing_follows_the_direction_of_the_score() -> None:
    better = paired({0: alone(1.0), 1: alone(1.01)}, {0: alone(0.0), 1: alone(0.0)}, "x")
    assert better.standing("higher") == "better" and better.standing("lower") == "worse"
    assert paired({0: alone(1.0), 1: alone(-1.0)}, {0: alone(0.0), 1: alone(0.1)}, "x").standing("lower") == "open"


@pytest.mark.parametrize(("of_seeds", "of_trials"), [(1.0, 0.5), (1.0, 6.0), (0.05, 6.0)])
def test_the_interval_of_three_seeds_holds_the_truth_in_19_of_20_studies(of_seeds: float, of_trials: float) -> None:
    """Resampling three seeds with replacement would hold it in 15 of 20 where seeds are what differs."""
    rng, trials, studies, held = np.random.default_rng(1), 60, 400, 0
    resampled = rng.multinomial(trials, np.full(trials, 1 / trials), size=300)
    nothing = score(np.zeros(trials), 300)
    for _ in range(studies):
        shared = rng.normal(0, of_trials, trials)
        terms = rng.normal(0, of_seeds, (3, 1)) + shared + rng.normal(0, 0.3, (3, trials))
        values, drawn = terms.mean(1), terms @ resampled.T / trials
        mine = {seed: dataclasses.replace(nothing, value=values[seed], drawn=drawn[seed]) for seed in range(3)}
        low, high = paired(mine, dict.fromkeys(mine, nothing), "none").interval
        held += low <= 0 <= high
    assert held / studies > 0.915
