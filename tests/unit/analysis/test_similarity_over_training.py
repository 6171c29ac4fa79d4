"""Networks are looked at on their task's conditions, at every kept step, and compared with a recording in one window."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import task_runs
from neurodyn.analysis.condition_activity import condition_activity, kept_activities, untrained_activity
from neurodyn.analysis.similarity_over_training import (
    has_similarity,
    similarity_over_training,
    similarity_scores,
    write_similarity,
)
from neurodyn.comparison.lags import window_like
from neurodyn.comparison.looks import WITHOUT_MEAN, SimilarityTo
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.similarity.activity import Activity
from neurodyn.tasks.reach import Reach
from neurodyn.training.kept import SimilarityOverTraining
from neurodyn.training.run import Run

LOOKS = SimilarityTo(measures=("procrustes",), without_mean=("procrustes",), lag_s=0.1, draws=6)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return task_runs.reach_run(tmp_path_factory.mktemp("runs") / "eprop")


@pytest.fixture(scope="module")
def recording(run: Run) -> Activity:
    """The trained network itself, rotated, 100 ms earlier and in 60 bins."""
    whole = condition_activity(run)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(whole.units, whole.units)))[0]
    part = whole.take(bins=slice(120, 180))
    return dataclasses.replace(part, values=part.values @ rotation, name="brain", start_s=part.start_s - 0.1)


def test_time_zero_is_the_onset_of_movement(run: Run) -> None:
    activity = condition_activity(run)
    conditions = Reach(dataclasses.replace(Reach.Config(), kinematics="minimum_jerk")).conditions()
    assert activity.values.shape == (8, 250, 12)
    assert activity.start_s == pytest.approx(-0.01 * conditions.table["onset_bin"][0])
    assert activity.conditions == tuple(map(str, range(8)))
    assert np.array_equal(activity.values, condition_activity(run).values)  # noise-free


def test_kept_steps_begin_untrained_and_end_as_the_run_does(run: Run) -> None:
    found = dict(kept_activities(run, progress=False))
    assert tuple(found) == task_runs.STEPS
    assert np.array_equal(found[0].values, untrained_activity(run).values)
    assert not np.allclose(found[0].values, found[6].values)


def test_the_network_that_was_recorded_is_found(run: Run, recording: Activity, tmp_path: Path) -> None:
    test = task_runs.reaches().test
    found = similarity_over_training(run, recording, test, LOOKS, progress=False)
    best = condition_activity(run)
    at_best = [i for i, (_, a) in enumerate(kept_activities(run, False)) if np.array_equal(a.values, best.values)]
    assert at_best
    for label in ("procrustes", f"procrustes{WITHOUT_MEAN}"):
        assert found.values[label][at_best[0]] < 1e-5 < found.values[label][0]
        assert found.drawn[label].shape == (6, len(task_runs.STEPS))
        assert np.ptp(found.drawn[label][:, 0]) > 0
    assert "cross_condition_average" in found.baselines["procrustes"]
    assert "cross_condition_average" not in found.baselines[f"procrustes{WITHOUT_MEAN}"]
    last = found.lags["procrustes"]
    assert found.lags_s[int(np.argmin(last))] == pytest.approx(0.1, abs=0.021)
    assert found.participation_ratio[at_best[0]] == pytest.approx(found.reference_participation_ratio)
    copied = Run(tmp_path)
    assert not has_similarity(copied, LOOKS)
    write_similarity(copied, found, LOOKS)
    assert has_similarity(copied, LOOKS)
    assert not has_similarity(copied, dataclasses.replace(LOOKS, lag_s=0.2))
    read = SimilarityOverTraining.read(tmp_path)
    assert read is not None and read.as_mapping() == found.as_mapping()


def test_scores_stand_beside_the_untrained_network(run: Run, recording: Activity) -> None:
    found = {score.name: score for score in similarity_scores(run, recording, LOOKS)}
    score = found["procrustes"]
    assert score.value < 1e-5 < score.baselines["untrained"]
    assert set(score.baselines) >= {"untrained", "cross_condition_average", "time_shuffled", "condition_shuffled"}
    assert f"procrustes{WITHOUT_MEAN}" in found


def test_one_lag_for_all_is_refused_where_the_window_ends(run: Run, recording: Activity) -> None:
    with pytest.raises(InvalidInput, match="lag_s"):
        similarity_scores(run, recording, dataclasses.replace(LOOKS, lag_s=2.0))
    with pytest.raises(InvalidInput, match="conditions"):
        similarity_scores(run, recording.take(rows=slice(7)), LOOKS)
    window_like(condition_activity(run), recording, 0.1)


def test_what_was_not_trained_on_a_task_has_no_conditions(tmp_path: Path) -> None:
    import neurodyn

    trials = neurodyn.load("lorenz", trials=20)
    neurodyn.fit("mean_rate", trials, out=tmp_path / "run", progress=False)
    with pytest.raises(InvalidInput, match="trained on a task"):
        condition_activity(tmp_path / "run")


def test_looks_are_checked() -> None:
    with pytest.raises(UnknownName, match="procrustes"):
        SimilarityTo(measures=("procrustus",))
    with pytest.raises(InvalidInput, match="at least one"):
        SimilarityTo(measures=(), without_mean=())
