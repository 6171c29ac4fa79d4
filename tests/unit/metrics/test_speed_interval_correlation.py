"""Speed-interval correlation: the worked value, scale, outliers, gaps, conditions without a correlation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, score
from neurodyn.metrics.speed_interval_correlation import SpeedIntervalCorrelation, speed_interval_correlation

SPEEDS, INTERVALS = [0.3, 0.5, 0.2], [700.0, 640.0, 760.0]


def straight(speeds: list[float], bins: int = 10) -> np.ndarray:
    """Rates of two units that move at a constant speed along a slanted line."""
    line = np.arange(bins)[:, None] * np.array([0.6, 0.8])
    return 20 + np.array(speeds)[:, None, None] * line


def random_case(trials: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    rates = generator.gamma(2, 0.3, (trials, 12, 4)) * generator.uniform(0.5, 2, (trials, 1, 1))
    inside = np.arange(12) >= generator.integers(0, 8, trials)[:, None]
    label = np.array(["a", "b", "c"], object)[np.arange(trials) % 3]
    return rates, inside, generator.normal(0.8, 0.1, trials), label


def test_worked_value() -> None:
    inside = np.ones((3, 10), bool)
    found = speed_interval_correlation(straight(SPEEDS), inside, np.array(INTERVALS), ["x"] * 3)
    assert found.value == pytest.approx(-0.981981, abs=1e-6)
    assert found.context == {"conditions": 1, "conditions_without_correlation": 0, "trials_left_out": 0}
    scaled = speed_interval_correlation(7 * straight(SPEEDS), inside, np.array(INTERVALS) / 1000, ["x"] * 3)
    assert scaled.value == pytest.approx(found.value, abs=1e-12)


def test_it_is_the_mean_of_pearson_over_conditions_and_outliers_do_not_count() -> None:
    rates, inside, interval, label = random_case()
    speed = np.array([np.linalg.norm(np.diff(r[i], axis=0), axis=1).mean() for r, i in zip(rates, inside)])
    keep = np.arange(60) % 7 > 0
    rs = [pearsonr(speed[keep & (label == c)], interval[keep & (label == c)])[0] for c in "abc"]
    interval[~keep] = np.nan
    found = speed_interval_correlation(rates, inside, interval, label)
    assert found.value == pytest.approx(np.mean(rs), abs=1e-12)
    assert found.context["trials_left_out"] == (~keep).sum()
    label[~keep], interval[~keep] = None, 0.8
    assert speed_interval_correlation(rates, inside, interval, label).value == found.value


def test_conditions_without_a_correlation_are_left_out_and_counted() -> None:
    rates, inside, interval, label = random_case()
    plain = speed_interval_correlation(rates, inside, interval, label).value
    more = np.concatenate([rates, straight([0.5, 0.5, 0.3, 0.7, 0.1], 12)[..., [0, 1, 0, 1]]])
    more[60:62] = 1.0  # two trials at rest: a constant speed
    covered = np.concatenate([inside, np.ones((5, 12), bool)])
    covered[63] = np.arange(12) == 3  # one bin has no speed
    intervals = np.concatenate([interval, [0.7, 0.8, 0.9, 0.7, 0.7]])
    labels = np.concatenate([label, np.array(["rest", "rest", "single", "no speed", "no speed"], object)])
    found = speed_interval_correlation(more, covered, intervals, labels)
    assert found.value == plain
    assert found.context == {"conditions": 3, "conditions_without_correlation": 3, "trials_left_out": 1}


def test_without_any_condition_there_is_no_value() -> None:
    rates, inside, interval, _ = random_case(3)
    found = speed_interval_correlation(rates, inside, interval, ["a", "b", "c"])
    assert np.isnan(found.value) and found.context["conditions_without_correlation"] == 3


def test_rates_outside_are_not_read_and_bad_ones_inside_are_named() -> None:
    rates, inside, interval, label = random_case()
    value = speed_interval_correlation(rates, inside, interval, label).value
    rates[~inside] = np.nan
    assert speed_interval_correlation(rates, inside, interval, label).value == value
    rates[4, 11, 2] = np.nan
    with pytest.raises(InvalidInput, match="trial 4, bin 11, unit 2"):
        speed_interval_correlation(rates, inside, interval, label)


def test_the_metric_reads_the_bins_where_the_first_heldout_unit_is_known() -> None:
    rates, inside, interval, label = random_case()
    table = pd.DataFrame({"interval_s": interval, "interval_condition": label})
    counts = np.ones(rates.shape, np.uint16)
    trials = Trials.from_arrays(counts, bin_s=0.005, heldin=[0, 2], forward=2, table=table)
    known = np.ones(rates.shape, bool)
    known[:, :, 1] = inside
    signals = {"counts": dataclasses.replace(trials.signals["counts"], mask=known)}
    e = Evaluation({"test": dataclasses.replace(trials, signals=signals)}, {"test": Inference(0.005, rates=rates)})
    metric = SpeedIntervalCorrelation()
    assert metric.applies(e) and metric.direction == "lower"
    found = score(metric, e, draws=200)
    expected = speed_interval_correlation(rates[:, :10], inside[:, :10], interval, label)
    assert found.value == expected.value
    assert found.interval[0] < found.value < found.interval[1]
    assert not metric.applies(Evaluation({"test": Trials.from_arrays(counts, bin_s=0.005)}, e.inferred))


def test_a_draw_of_one_repeated_trial_leaves_its_condition_out() -> None:
    rates, inside, interval, label = random_case()
    found = speed_interval_correlation(rates, inside, interval, label)
    weights = (label != "a").astype(float)
    weights[0] = 20
    others = speed_interval_correlation(rates, inside, np.where(label == "a", np.nan, interval), label)
    assert found.under(weights[None])[0] == pytest.approx(others.value, abs=1e-12)
