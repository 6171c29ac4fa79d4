"""Training on fresh trials, weights kept at chosen steps, and runs on tasks that are resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.batches import Batches
from neurodyn.training.run import Run
from task_runs import STEPS, reaches, trained

RULES: tuple[Any, ...] = ("bptt", "eprop", {"name": "eprop", "feedback": "adaptive"})


def stimuli(trials: Trials, fresh: bool | None, epoch: int, index: int, **given: Any) -> np.ndarray:
    (batch,) = Batches([trials.train], 8, 3, fresh=fresh, **given).at(epoch, index)
    return batch.observed.signals["stimulus"].numpy()


def test_fresh_trials_are_those_of_the_step() -> None:
    trials = reaches()
    assert trials.draw is not None
    for epoch, index, step in ((0, 0, 0), (0, 2, 2), (1, 1, 4)):
        drawn = trials.draw(8, 3, step).signals["stimulus"].values
        np.testing.assert_array_equal(stimuli(trials, True, epoch, index), drawn)
        np.testing.assert_array_equal(stimuli(trials, None, epoch, index), drawn)  # the default of a task
    whole = trials.train.signals["stimulus"].values
    kept = stimuli(trials, False, 0, 0)
    assert all(any(np.array_equal(trial, each) for each in whole) for trial in kept)


def test_processes_share_the_fresh_trials_of_a_step() -> None:
    trials = reaches()
    shares = [stimuli(trials, True, 0, 1, share=(rank, 2)) for rank in range(2)]
    np.testing.assert_array_equal(np.concatenate(shares), stimuli(trials, True, 0, 1))


def test_fresh_trials_of_recorded_data_are_refused() -> None:
    trials = neurodyn.load("lorenz", trials=20, units=4)
    with pytest.raises(InvalidInput, match="is no task"):
        neurodyn.fit("lfads", trials, train={"epochs": 1, "fresh_trials": True}, progress=False)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_resumed_equals_uninterrupted_bit_for_bit(rule: Any, tmp_path: Path) -> None:
    trained(reaches(), tmp_path / "whole", rule=rule, epochs=4, train={"schedule": "constant"})
    trained(reaches(), tmp_path / "resumed", rule=rule, epochs=2, train={"schedule": "constant"})
    before = Run.open(tmp_path / "resumed").checkpoint()
    assert before is not None and before["neurodyn"]["epoch"] == 2
    penalty = float(before["state_dict"]["beside.activity_penalty"])  # the checkpoint has it
    assert penalty == pytest.approx(before_decay(tmp_path / "resumed"))
    trained(reaches(), tmp_path / "resumed", rule=rule, epochs=4, train={"schedule": "constant"}, resume=True)
    whole, resumed = (Run.open(tmp_path / name) for name in ("whole", "resumed"))
    ours, theirs = (run.checkpoint() for run in (resumed, whole))
    assert ours is not None and theirs is not None
    assert ours["state_dict"].keys() == theirs["state_dict"].keys()
    assert all(torch.equal(ours["state_dict"][name], theirs["state_dict"][name]) for name in theirs["state_dict"])
    rows = [[{k: v for k, v in row.items() if k != "cpu_s"} for row in run.history()] for run in (resumed, whole)]
    assert rows[0] == rows[1] and len(rows[0]) == 4
    assert rows[0][2]["train/activity_penalty"] <= penalty < 10  # restored, not begun anew


def before_decay(folder: Path) -> float:
    """The penalty in the validation of a run's last epoch, which is what its training left."""
    return float(Run.open(folder).history()[-1]["valid/activity_penalty"])


def test_released_draws_resume_too(tmp_path: Path) -> None:
    trials = reaches(draws="released")
    options = {"train": {"schedule": "constant"}}
    whole = trained(trials, tmp_path / "whole", epochs=2, **options)
    trained(reaches(draws="released"), tmp_path / "resumed", epochs=1, **options)
    resumed = trained(reaches(draws="released"), tmp_path / "resumed", epochs=2, resume=True, **options)
    for name, value in whole.model_.state_dict().items():
        assert torch.equal(value, resumed.model_.state_dict()[name])


def test_weights_are_kept_as_they_are_after_so_many_steps(tmp_path: Path) -> None:
    fitted = trained(reaches(), tmp_path / "run", train={"select": "last"})
    run = Run.open(tmp_path / "run")
    assert run.kept_steps() == list(STEPS)
    before = fitted.plan_.build_model(fitted.model_.spec).state_dict()
    assert all(torch.equal(run.kept(0)[0][name], value) for name, value in before.items())
    after = fitted.model_.state_dict()
    assert all(torch.equal(run.kept(6)[0][name], value) for name, value in after.items())
    penalties = [float(run.kept(step)[1]["objective"]["activity_penalty"]) for step in STEPS]
    assert penalties == pytest.approx([10 * (2 / 3) ** step for step in STEPS], rel=1e-5)
    with pytest.raises(InvalidInput, match=r"\[0, 1, 3, 6\]"):
        run.kept(2)


def test_steps_and_epochs_may_both_be_kept(tmp_path: Path) -> None:
    trained(reaches(), tmp_path / "run", train={"checkpoint_every": 1, "checkpoint_steps": (1,)})
    assert Run.open(tmp_path / "run").kept_steps() == [1, 3, 6]


def test_an_exploding_network_stops_the_run_and_leaves_no_folder(tmp_path: Path) -> None:
    objective = {"name": "task", "activity_limit": 0.001}
    with pytest.raises(InvalidInput, match="the network has exploded"):
        trained(reaches(), tmp_path / "run", objective=objective, train={"checkpoint_steps": ()})
    assert not (tmp_path / "run").exists()


def test_windows_are_cut_from_fresh_trials_too() -> None:
    trials = reaches()
    assert trials.draw is not None
    drawn = trials.draw(8, 3, 1).signals["stimulus"].values
    cut = stimuli(trials, True, 0, 1, window_bins=20)
    assert cut.shape == (8, 20, drawn.shape[2])
    for window, whole in zip(cut, drawn.astype(np.float32)):
        assert any(np.array_equal(window, whole[start : start + 20]) for start in range(len(whole) - 19))


@pytest.mark.parametrize("name", ["parts", "processes"])
@pytest.mark.parametrize("rule", ["bptt", "eprop"])
def test_the_objective_sees_batches_whole(name: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=f"train.{name}"):
        neurodyn.fit("task_rnn", reaches(), units=8, rule=rule, train={"epochs": 1, name: 2}, progress=False)


def test_steps_to_keep_beyond_the_last_are_warned_of() -> None:
    train = {"epochs": 2, "batch_size": 8, "checkpoint_steps": [0, 500]}
    with pytest.warns(UserWarning, match=r"checkpoint_steps: 500 is beyond the last step, 6"):
        neurodyn.fit("task_rnn", reaches(), units=8, train=train, progress=False)
