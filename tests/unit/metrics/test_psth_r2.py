"""PSTH R²: the truth, a shift, jitter, missing conditions and bins, scikit-learn's average, the bootstrap over conditions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from neurodyn.data.inference import Inference
from neurodyn.data.psth import PSTH
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, score
from neurodyn.metrics.psth_r2 import PsthR2, psth_r2
from neurodyn.metrics.psth_r2_pooled import PsthR2Pooled

CONDITIONS, BINS, UNITS = 4, 12, 5


def case(seed: int = 0, trials: int = 18) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """PSTHs, each trial's rates equal to its condition's, rows of each condition; the last condition has no trial."""
    generator = np.random.default_rng(seed)
    psth = generator.gamma(2, 0.3, (CONDITIONS, BINS, UNITS))
    condition = np.arange(trials) % (CONDITIONS - 1)
    return psth, psth[condition], [np.flatnonzero(condition == k) for k in range(CONDITIONS)]


@pytest.mark.parametrize("average", ["neurons", "pooled"])
def test_the_truth_scores_one_and_empty_conditions_are_left_out(average: str) -> None:
    psth, rates, rows = case()
    found = psth_r2(psth, rates, rows, average=average)
    assert found.value == pytest.approx(1, abs=1e-14) and len(found.sums) == CONDITIONS - 1
    assert found.context["conditions_without_trials"] == 1 and found.over == "conditions"


def test_a_shift_costs_its_square_over_each_units_variance() -> None:
    psth, rates, rows = case()
    variance = psth[:3].reshape(-1, UNITS).var(0)
    assert psth_r2(psth, rates + 0.1, rows).value == pytest.approx(1 - np.mean(0.01 / variance))
    pooled = psth_r2(psth, rates + 0.1, rows, average="pooled").value
    assert pooled == pytest.approx(1 - UNITS * 0.01 / variance.sum())


@pytest.mark.parametrize(("average", "name"), [("neurons", "uniform_average"), ("pooled", "variance_weighted")])
def test_both_averages_equal_scikit_learn(average: str, name: str) -> None:
    psth, _, rows = case()
    rates = np.random.default_rng(1).gamma(2, 0.3, (18, BINS, UNITS))
    predicted = np.concatenate([rates[r].mean(0) for r in rows[:3]])
    expected = r2_score(np.concatenate(psth[:3]), predicted, multioutput=name)
    assert psth_r2(psth, rates, rows, average=average).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("moved", [2, -2])
def test_rolled_trials_with_their_jitter_score_one_again(moved: int) -> None:
    psth, rates, rows = case()
    jitter = np.zeros(18, int)
    jitter[::2] = moved
    rates[::2] = np.roll(rates[::2], -moved, 1)
    assert psth_r2(psth, rates, rows).value < 0.9
    with pytest.raises(InvalidInput, match="condition 0, bin"):
        psth_r2(psth, rates, rows, jitter)
    psth[:, slice(moved) if moved > 0 else slice(moved, None)] = np.nan
    assert psth_r2(psth, rates, rows, jitter).value == pytest.approx(1, abs=1e-14)


def test_bins_without_a_psth_do_not_count_and_the_first_unit_decides() -> None:
    psth, rates, rows = case()
    psth[0, 7:] = np.nan
    rates[rows[0], 7:] = np.nan
    assert psth_r2(psth, rates, rows).value == pytest.approx(1, abs=1e-14)
    psth[1] = np.nan
    assert len(psth_r2(psth, rates, rows).sums) == 2
    psth[2, 4, 3] = np.nan
    with pytest.raises(InvalidInput, match=r"psth.*condition 2, bin 4, unit 3"):
        psth_r2(psth, rates, rows)


def test_rates_that_are_missing_where_the_psth_is_known_are_named() -> None:
    psth, rates, rows = case()
    rates[rows[1][2], 5, 4] = np.nan
    with pytest.raises(InvalidInput, match=r"rates.*condition 1, bin 5, unit 4"):
        psth_r2(psth, rates, rows)
    with pytest.raises(InvalidInput, match="no condition"):
        psth_r2(psth, rates, [np.array([], int)] * CONDITIONS)
    with pytest.raises(InvalidInput, match="same bins and units"):
        psth_r2(psth[:, :-1], rates, rows)


def test_a_unit_that_does_not_vary_counts_one_if_exact_else_zero() -> None:
    psth, rates, rows = case()
    psth[..., 2] = rates[..., 2] = 0.25
    assert psth_r2(psth, rates, rows).value == pytest.approx(1, abs=1e-12)
    psth[..., 2], rates[..., 2] = 0.1, 0.3  # 0.1 is no binary fraction: about its mean it varies by rounding
    assert psth_r2(psth, rates, rows).value == pytest.approx(1 - 1 / UNITS, abs=1e-12)


def evaluation(jitter: int = 0) -> Evaluation:
    """Trials with labels a, b, c and one without; recorded rates of the first bins, forward ones spoilt."""
    psth, rates, _ = case()
    psth[:, :jitter] = np.nan
    labels: list[object] = [["a", "b", "c"][k % 3] for k in range(18)]
    labels[7] = None
    rates = np.roll(rates, -jitter, 1)
    rates[7] = 5
    rates = np.concatenate([rates, np.full((18, 3, UNITS), np.nan)], 1)
    table = pd.DataFrame({"condition": labels, "jitter_bins": np.full(18, jitter)})
    trials = Trials.from_arrays(np.ones(rates.shape, np.uint16), bin_s=0.02, forward=3, table=table)
    trials = dataclasses.replace(trials, psth=PSTH(psth, ("a", "b", "c", "d")))
    return Evaluation({"test": trials}, {"test": Inference(0.02, rates=rates)})


@pytest.mark.parametrize("jitter", [0, 2])
@pytest.mark.parametrize("metric", [PsthR2(), PsthR2Pooled()])
def test_the_metrics_read_labels_jitter_and_observed_bins(metric: PsthR2 | PsthR2Pooled, jitter: int) -> None:
    e = evaluation(jitter)
    assert metric.applies(e)
    found = score(metric, e, draws=50)
    assert found.value == pytest.approx(1, abs=1e-12) and found.n == 3
    assert found.context["interval"] == "95 % bootstrap over conditions"
    assert not metric.applies(Evaluation({"test": dataclasses.replace(e.trials["test"], psth=None)}, e.inferred))


def test_a_draw_weighs_conditions() -> None:
    psth, _, rows = case()
    rates = np.random.default_rng(1).gamma(2, 0.3, (18, BINS, UNITS))
    found = psth_r2(psth, rates, rows, average="pooled")
    mean = psth[:3].reshape(-1, UNITS).mean(0)
    residual = np.square(psth[1] - rates[rows[1]].mean(0)).sum()
    expected = 1 - residual / np.square(psth[1] - mean).sum()
    assert found.under(np.array([[0.0, 3.0, 0.0]]))[0] == pytest.approx(expected, abs=1e-12)
