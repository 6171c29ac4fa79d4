"""Trials of a task as a data set, and fresh ones for training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import neurodyn
from neurodyn import registry
from neurodyn.data import store
from neurodyn.data.batch import Batch
from neurodyn.data.check import check
from neurodyn.data.layouts import blend, lfads_torch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.simulate.task_data import TaskDataConfig
from task_runs import SHORT, matches, reaches


def same(a: Trials, b: Trials) -> bool:
    return all(np.array_equal(a.signals[n].values, b.signals[n].values) for n in a.signals) and a.table.equals(b.table)


def test_a_tasks_name_is_a_data_set() -> None:
    trials = reaches()
    assert {name: (s.kind, s.role) for name, s in trials.signals.items()} == {
        "stimulus": ("series", "stimulus"),
        "target": ("series", "target"),
    }
    assert (len(trials.train), len(trials.valid), len(trials.test)) == (24, 8, 16)
    assert trials.units == 0 and trials.neural_name is None and trials.bin_s == 0.01
    assert trials.signals["target"].mask is not None and not trials.signals["target"].mask.all()
    assert set(registry.names("tasks")) <= set(registry.names("datasets"))


def test_splits_have_streams_of_their_own_and_a_seed() -> None:
    assert same(reaches(), reaches())
    assert not same(reaches(), reaches(seed=2))
    longer = reaches(trials=30)
    assert same(longer.valid, reaches().valid) and same(longer.test, reaches().test)
    parts = [part.signals["stimulus"].values[:8] for part in (reaches().train, reaches().valid, reaches().test)]
    assert not any(np.array_equal(a, b) for a, b in zip(parts, parts[1:]))


def test_fresh_trials_are_the_same_for_the_same_seed_and_step() -> None:
    draw = reaches().draw
    assert draw is not None
    again = reaches().draw
    assert again is not None
    later = draw(8, 1, 5)
    assert same(draw(8, 1, 4), again(8, 1, 4)) and same(later, again(8, 1, 5))  # in any order
    assert not same(draw(8, 1, 4), later) and not same(draw(8, 2, 4), draw(8, 1, 4))
    assert reaches().train.draw is not None  # a part of the trials can still draw


def test_released_draws_go_on_and_a_resumed_run_goes_through_what_it_had() -> None:
    draw, again = reaches(draws="released").draw, reaches(draws="released").draw
    assert draw is not None and again is not None
    steps = [draw(8, 1, step) for step in range(4)]
    assert not same(steps[0], steps[1])
    assert same(again(8, 1, 3), steps[3])  # from the middle
    assert same(draw(8, 1, 0), steps[0])  # from the start


def test_conditions_are_the_same_in_every_split() -> None:
    trials = neurodyn.load("reach", source="conditions", task={"kinematics": "minimum_jerk"})
    assert isinstance(trials, Trials)
    assert trials.draw is None and trials.provenance["repeated_trials"] is True
    assert len(trials.train) == len(trials.test) == 8
    assert np.array_equal(trials.train.signals["target"].values, trials.test.signals["target"].values)


def test_scores_of_repeated_conditions_say_so(tmp_path: Path) -> None:
    trials = neurodyn.load("reach", source="conditions", task={"kinematics": "minimum_jerk"})
    small = {"epochs": 1, "batch_size": 8}
    fitted = neurodyn.fit("task_rnn", trials, units=8, train=small, out=tmp_path / "run", progress=False)
    assert fitted.parts_ is not None
    (score,) = neurodyn.evaluate(tmp_path / "run")  # its data are loaded again
    assert score.context["held_out"] is False and score.n == 8


def test_options_and_tasks_without_targets_are_checked() -> None:
    with pytest.raises(InvalidInput, match=r"data\.trials"):
        TaskDataConfig(trials=0)
    with pytest.raises(InvalidInput, match="source"):
        neurodyn.load("reach", source="drwan")
    with pytest.raises(InvalidInput, match="kinematics"):
        neurodyn.load("reach", task={"kinematic": "minimum_jerk"})


@pytest.mark.parametrize("trials", [reaches(), matches()], ids=["numbers", "classes"])
def test_stored_and_read_again(trials: Trials, tmp_path: Path) -> None:
    path = store.save(trials, tmp_path / "task.h5")
    for lazy in (False, True):
        again = store.load(path, lazy=lazy)
        kept = again.signals["target"], trials.signals["target"]
        assert again.units == 0 and kept[0].kind == kept[1].kind and kept[0].names == kept[1].names
        assert np.array_equal(np.asarray(kept[0].mask), np.asarray(kept[1].mask))
        assert np.array_equal(kept[0].values[:], kept[1].values)
        assert again.table["condition"].tolist() == trials.table["condition"].tolist()
        fitted = neurodyn.fit("task_rnn", again, units=6, train={"epochs": 1, "batch_size": 8}, progress=False)
        assert len(neurodyn.evaluate(fitted)) >= 1


def test_what_needs_a_population_says_that_there_is_none(tmp_path: Path) -> None:
    for layout in (blend, lfads_torch):
        with pytest.raises(InvalidInput, match="no neural signal"):
            layout.write(reaches(), tmp_path / "task.h5")
        assert not (tmp_path / "task.h5").exists()
    with pytest.raises(InvalidInput, match="no neural signal"):
        check(reaches())


def test_a_batch_knows_what_counts() -> None:
    for trials in (reaches(), matches()):
        batch = Batch.of(trials.test, np.array([3, 1]))
        mask = trials.test.signals["target"].mask
        assert mask is not None
        wanted = mask[[3, 1]]
        assert batch.observed.neural_name is None and set(batch.observed.signals) == {"stimulus"}
        assert np.array_equal(batch.known["target"].numpy().squeeze(), wanted)
        counted = batch.counted("target").numpy()
        assert np.array_equal(counted, np.broadcast_to(wanted.reshape(*wanted.shape[:2], -1), counted.shape))
        assert np.array_equal(batch.take(batch.trial.new_tensor([1])).known["target"], batch.known["target"][1:])


def test_a_target_is_blank_and_uncounted_outside_its_trial() -> None:
    trials = reaches().test
    mask = trials.mask.copy()
    mask[0, 50:] = False
    batch = Batch.of(dataclasses.replace(trials, mask=mask))
    assert not batch.counted("target")[0, 50:].any() and batch.counted("target")[1].any()
    assert not batch.targets["target"][0, 50:].any() and not batch.observed.signals["stimulus"][0, 50:].any()


def test_options_are_recorded() -> None:
    trials = reaches(seed=4)
    assert trials.provenance["source"] == "reach" and trials.provenance["options"]["seed"] == 4
    assert trials.provenance["options"]["task"] == SHORT
    config = registry.load("tasks", "reach").Config(**SHORT)
    assert neurodyn.load("reach", task=config).provenance["options"]["task"]["bins"] == 120  # type: ignore[union-attr]


def test_a_selection_has_no_fresh_trials_but_a_split_has() -> None:
    trials = reaches()
    assert trials.select(np.flatnonzero(trials.table["condition"] == 0)).draw is None
    assert trials.train.draw is not None


def test_tasks_with_few_different_trials_are_not_held_out() -> None:
    few = neurodyn.load("perceptual", trials=100, valid=5, test=20)
    assert isinstance(few, Trials) and few.provenance["repeated_trials"] is True
    assert reaches().provenance["repeated_trials"] is False


def test_released_draws_need_batches_of_one_size() -> None:
    draw = reaches(draws="released").draw
    assert draw is not None
    draw(8, 1, 0)
    with pytest.raises(InvalidInput, match="batches of one size"):
        draw(7, 1, 1)
