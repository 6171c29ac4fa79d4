"""Measures of task-trained networks against plain loops, and the simplest answers to a task."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from neurodyn.data.inference import Inference
from neurodyn.data.signal import Kind, Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics._task_outputs import task_baselines
from neurodyn.metrics.base import Evaluation, score, score_all
from neurodyn.metrics.normalised_error import NormalisedError
from neurodyn.metrics.task_accuracy import TaskAccuracy
from neurodyn.metrics.task_cross_entropy import TaskCrossEntropy

BINS, CLASSES = 12, 3


def trials_of(target: np.ndarray, kind: Kind = "series", seed: int = 0, **given: object) -> Trials:
    rng = np.random.default_rng(seed)
    n = len(target)
    counted = rng.random(target.shape if kind == "series" else target.shape[:2]) < 0.7
    signals = {
        "stimulus": Signal(rng.normal(size=(n, BINS, 2)), "series", "stimulus", 0.01),
        "target": Signal(target, kind, "target", 0.01, mask=counted),
    }
    mask = np.ones((n, BINS), bool)
    mask[0, BINS - 2 :] = False
    return Trials(signals, mask, pd.DataFrame({"condition": np.arange(n) % 2}), np.arange(0), **given)


def numbers(n: int = 20, seed: int = 0, **given: object) -> Trials:
    return trials_of(np.random.default_rng(seed).normal(2, [1.0, 3.0], (n, BINS, 2)), seed=seed, **given)


def decisions(n: int = 20, seed: int = 0) -> Trials:
    rng = np.random.default_rng(seed)
    right = np.zeros((n, BINS), int)
    right[:, BINS // 2 :] = 1 + rng.integers(2, size=(n, 1))
    return trials_of(np.eye(CLASSES)[right], "classes", seed)


def saying(test: Trials, said: np.ndarray, train: Trials | None = None) -> Evaluation:
    trials = {"test": test} if train is None else {"train": train, "test": test}
    return Evaluation(trials, {"test": Inference(0.01, extra={"predicted_target": said})})


def counts(test: Trials) -> np.ndarray:
    mask = test.signals["target"].mask
    assert mask is not None
    return test.mask[..., None] & (mask if mask.ndim == 3 else mask[..., None])


def test_normalised_error_is_the_squared_error_over_that_of_the_mean() -> None:
    test = numbers()
    target, inside = test.signals["target"].values, counts(test)
    said = target + np.random.default_rng(1).normal(size=target.shape)
    said[~inside] = np.nan  # what is not counted may be anything
    by_hand = []
    for k in range(2):
        y, p = target[..., k][inside[..., k]], said[..., k][inside[..., k]]
        by_hand.append(((p - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    found = NormalisedError().measure(saying(test, said))
    assert found.value == pytest.approx(np.mean(by_hand), rel=1e-10)
    alone = test.select([0, 0, 3])
    resampled = NormalisedError().measure(saying(alone, said[[0, 0, 3]])).value
    weights = np.zeros((1, len(test)))
    weights[0, [0, 3]] = 2, 1
    assert found.under(weights)[0] == pytest.approx(resampled, rel=1e-9)  # a draw is the measure of the drawn trials


def test_one_for_the_best_constant_zero_for_the_target_and_the_raw_error_for_a_constant_target() -> None:
    test = numbers()
    target, inside = test.signals["target"].values, counts(test)
    mean = np.where(inside, target, 0).sum((0, 1)) / inside.sum((0, 1))
    assert NormalisedError().measure(saying(test, np.broadcast_to(mean, target.shape))).value == pytest.approx(1)
    scored = score(NormalisedError(), saying(test, target))
    assert scored.value == 0 and scored.ceiling == 0 and scored.direction == "lower"
    flat = dataclasses.replace(test.signals["target"], values=np.full(target.shape, 1.3))
    test = dataclasses.replace(test, signals={**test.signals, "target": flat})
    off = NormalisedError().measure(saying(test, np.full(target.shape, 1.8)))
    assert off.value == pytest.approx(np.mean(inside.sum((0, 1)) * 0.25))


def test_cross_entropy_and_accuracy_by_hand() -> None:
    test = decisions()
    target, inside = test.signals["target"].values, counts(test)[..., 0]
    said = np.random.default_rng(1).dirichlet(np.ones(CLASSES), target.shape[:2])
    lost = -np.log(said[target > 0]).reshape(target.shape[:2])
    found = TaskCrossEntropy().measure(saying(test, said))
    assert found.value == pytest.approx(lost[inside].mean(), rel=1e-10)
    right = []
    for trial in range(len(test)):
        bins = np.flatnonzero(inside[trial])
        wanted = target[trial].argmax(1)
        bins = bins[wanted[bins] == wanted[bins[-1]]]
        right.append(said[trial, bins].mean(0).argmax() == wanted[bins[-1]])
    accuracy = TaskAccuracy().measure(saying(test, said))
    assert 0 < np.mean(right) < 1 and accuracy.value == pytest.approx(np.mean(right))
    perfect = [score(metric(), saying(test, target), None) for metric in (TaskCrossEntropy, TaskAccuracy)]
    assert [s.value for s in perfect] == [s.ceiling for s in perfect] == [0, 1]


def test_a_trial_without_counted_bins_is_no_decision() -> None:
    test = decisions(3)
    assert test.signals["target"].mask is not None
    test.signals["target"].mask[1] = False
    wrong = np.zeros(test.signals["target"].values.shape)
    wrong[..., 0] = 1
    said = np.where((np.arange(3) == 0)[:, None, None], test.signals["target"].values, wrong)
    measured = TaskAccuracy().measure(saying(test, said))
    assert measured.sums[:, 1].tolist() == [1, 0, 1] and measured.value == 0.5


def test_what_is_not_finite_or_of_another_shape_is_refused() -> None:
    test = numbers()
    said = np.zeros(test.signals["target"].values.shape)
    said[tuple(np.argwhere(counts(test))[0])] = np.nan
    with pytest.raises(InvalidInput, match="nan at trial 0"):
        NormalisedError().measure(saying(test, said))
    with pytest.raises(InvalidInput, match="as the target"):
        NormalisedError().measure(saying(test, said[:, :-1]))


def test_measures_apply_to_their_kind_of_target_alone() -> None:
    by_kind = [saying(t, t.signals["target"].values) for t in (numbers(), decisions())]
    names = [[s.name for s in score_all(evaluation)] for evaluation in by_kind]
    assert names == [["normalised_error"], ["task_accuracy", "task_cross_entropy"]]
    silent = dataclasses.replace(by_kind[0], inferred={"test": Inference(0.01)})
    assert not NormalisedError().applies(silent)


def test_repeated_trials_are_said_not_to_be_held_out() -> None:
    test = numbers(provenance={"repeated_trials": True})
    found = score(NormalisedError(), saying(test, test.signals["target"].values))
    assert found.context["held_out"] is False
    assert "held_out" not in score(NormalisedError(), saying(numbers(), numbers().signals["target"].values)).context


def test_linear_baseline_is_a_ridge_from_ten_stimulus_bins() -> None:
    weights = np.random.default_rng(5).normal(size=(10, 2, 2))

    def answerable(seed: int) -> Trials:
        trials = numbers(30, seed)
        stimulus, target = trials.signals["stimulus"].values, np.zeros((30, BINS, 2))
        for lag in range(10):
            target[:, lag:] += stimulus[:, : BINS - lag] @ weights[lag]
        signals = {**trials.signals, "target": dataclasses.replace(trials.signals["target"], values=target)}
        return dataclasses.replace(trials, signals=signals)

    train, test = answerable(1), answerable(2)
    found = task_baselines({"train": train, "test": test})
    assert NormalisedError().measure(found["linear"]).value < 1e-3
    assert NormalisedError().measure(found["constant_output"]).value == pytest.approx(1, abs=0.1)
    stimulus, target = train.signals["stimulus"].values, train.signals["target"].values
    lagged = np.zeros((30, BINS, 20))
    for lag in range(10):
        lagged[:, lag:, 2 * lag : 2 * lag + 2] = stimulus[:, : BINS - lag]
    inside = counts(train)[..., 1]
    by_sklearn = Ridge(1e-4).fit(lagged[inside], target[..., 1][inside])
    np.testing.assert_allclose(by_sklearn.coef_.reshape(10, 2), weights[..., 1], atol=1e-3)


def test_constant_baselines_of_classes_are_frequencies_and_the_usual_decision() -> None:
    train, test = decisions(seed=1), decisions(seed=2)
    found = task_baselines({"train": train, "test": test})
    share = train.signals["target"].values[counts(train)[..., 0]].mean(0)
    np.testing.assert_allclose(found["constant_output"].inferred["test"].extra["predicted_target"][3, 4], share)
    scored = score(TaskAccuracy(), saying(test, test.signals["target"].values, train), found)
    usual = np.bincount(train.signals["target"].values[:, -3].argmax(1)).argmax()
    inside = counts(test)[..., 0]
    last = BINS - 1 - inside[:, ::-1].argmax(1)
    wanted = test.signals["target"].values[np.arange(len(test)), last].argmax(1)
    assert scored.baselines["constant_output"] == pytest.approx((wanted == usual).mean())
    linear = found["linear"].inferred["test"].extra["predicted_target"]
    np.testing.assert_allclose(linear.sum(2), 1)
    assert linear.min() > 0


def test_trials_without_a_decision_are_left_out_of_accuracy() -> None:
    right = np.zeros((3, BINS), int)
    right[1:, BINS // 2 :] = [[1], [2]]  # the first trial never asks for a decision
    test = trials_of(np.eye(CLASSES)[right], "classes")
    test = dataclasses.replace(
        test, signals={**test.signals, "target": dataclasses.replace(test.signals["target"], mask=None)}
    )
    said = np.eye(CLASSES)[np.zeros((3, BINS), int)]  # always fixates
    assert score(TaskAccuracy(), saying(test, said)).value == 0
