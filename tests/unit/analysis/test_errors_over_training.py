"""Test errors at the weights that a run kept, and how the weights changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.analysis.errors_over_training import errors_over_training
from neurodyn.analysis.matched_checkpoints import matched_checkpoints
from neurodyn.analysis.weight_change import weight_change
from neurodyn.errors import InvalidInput
from neurodyn.training.kept import ErrorsOverTraining
from neurodyn.training.run import Run
from task_runs import STEPS, matches, reach_run, reaches, trained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return reach_run(tmp_path_factory.mktemp("errors") / "run", rule="bptt", train={"select": "last"})


def test_the_last_kept_step_is_what_evaluate_finds(run: Run, tmp_path: Path) -> None:
    found = errors_over_training(run, reaches().test, progress=False)
    assert found.steps.tolist() == list(STEPS) and found.trials == 16 and found.held_out
    (score,) = neurodyn.evaluate(run.path, baselines=False)
    assert found.values["normalised_error"][-1] == pytest.approx(score.value, rel=1e-5)
    assert found.direction == {"normalised_error": "lower"}
    path = tmp_path / ErrorsOverTraining.FILE
    path.parent.mkdir()
    path.write_text(json.dumps(found.as_mapping(), allow_nan=False))
    again = ErrorsOverTraining.read(tmp_path)
    assert again is not None and again.as_mapping() == found.as_mapping()


def test_classes_have_an_entropy_and_an_accuracy(tmp_path: Path) -> None:
    trials = matches()
    trained(trials, tmp_path / "run", train={"checkpoint_every": 1, "checkpoint_steps": ()})
    found = errors_over_training(Run.open(tmp_path / "run"), trials.test, progress=False)
    assert found.steps.tolist() == [3, 6]
    assert found.direction == {"task_cross_entropy": "lower", "task_accuracy": "higher"}


def test_the_same_trials_for_all_runs(run: Run, tmp_path: Path) -> None:
    trained(reaches(), tmp_path / "other", rule="eprop")
    found = matched_checkpoints({"bptt": run, "eprop": tmp_path / "other"}, reaches().test, [50.0], progress=False)
    assert {name: each and each.step for name, each in found[50.0].items()} == {"bptt": 0, "eprop": 0}


def test_a_run_on_no_task_is_refused(tmp_path: Path) -> None:
    trials = neurodyn.load("lorenz", trials=20, units=6)
    neurodyn.fit("mean_rate", trials, out=tmp_path / "run", progress=False)
    run = Run.open(tmp_path / "run")
    with pytest.raises(InvalidInput, match="kept no weights"):
        errors_over_training(run, trials.test, progress=False)
    run.keep(0, run.model())
    with pytest.raises(InvalidInput, match="can be measured by"):
        errors_over_training(run, trials.test, progress=False)
    assert weight_change(run) is None


def test_weights_under_constraints_before_and_after(tmp_path: Path) -> None:
    fitted = trained(reaches(), tmp_path / "run", units=20, dale=True)
    found = weight_change(fitted)
    assert found is not None
    first = Run.open(tmp_path / "run").kept(0)[0]["recurrent"]
    model = fitted.plan_.build_model(fitted.model_.spec)
    with torch.no_grad():
        model.recurrent.copy_(first)  # type: ignore[union-attr, operator]
        before, after = model.weights.numpy(), fitted.model_.weights.numpy()  # type: ignore[union-attr, operator]
    assert (before[:, :16] >= 0).all() and (before[:, 16:] <= 0).all()
    eigenvalues = np.linalg.eigvals(before.astype(float))
    np.testing.assert_allclose(np.sort(np.abs(found.before)), np.sort(np.abs(eigenvalues)), rtol=1e-6)
    assert found.norm_ratio == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before), rel=1e-5)
    same = weight_change(Run.open(tmp_path / "run"))
    assert same is not None and same.as_mapping() == found.as_mapping()
