"""Trials of a task as a data set: whatever has a task's name."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn import registry
from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import ReleasedStreams, SharedStreams, TrialStreams
from neurodyn.tasks.base import Task, TaskTrials

SPLITS = ("train", "valid", "test")
REPEATED = 0.5
"""Part of the test trials that are training trials too, above which scores are said not to be of held-out trials."""


@dataclass(frozen=True)
class TaskDataConfig:
    """Options of a task's trials; those of the task itself are in `task`."""

    trials: int = 1000
    """Training trials. Where training draws fresh ones for every step (`train.fresh_trials`), they only say how many steps an epoch has."""
    valid: int = 200
    """Validation trials."""
    test: int = 1000
    """Test trials."""
    seed: int = 1
    """Seed of the trials; those of training, validation and test are drawn from streams of their own."""
    source: Literal["drawn", "conditions"] = "drawn"
    """`drawn` at random; `conditions`: one trial of each condition with fixed timing and without noise, the same in every split and in every step, as published for context-dependent decisions. Scores are then not of held-out data, and say so."""
    draws: Literal["keyed", "released"] = "keyed"
    """Fresh trials of a training step: `keyed` by seed and step; `released` continues the stream of NumPy's legacy generator from step to step, as the release of the learning-rule study does."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in SPLITS:
            check_range(f"data.{'trials' if name == 'train' else name}", getattr(self, _FIELDS[name]), 1)
        check_range("data.seed", self.seed, 0)


_FIELDS = {"train": "trials", "valid": "valid", "test": "test"}


class TaskData(Dataset):
    """Trials of a task: signals `stimulus` and `target`, no population; fresh ones can be drawn."""

    Config: ClassVar[type[Any]] = TaskDataConfig
    task: ClassVar[str] = ""
    """The task's name."""

    def load(self) -> Trials:
        """The trials, split.

        Raises:
            InvalidInput: a task without targets.
        """
        c = self.config
        task: Task = registry.load("tasks", self.task)(c.task)
        if task.outputs == 0:
            fix = "Choose a task with outputs, or options that give it some."
            raise InvalidInput("data", self.task, "a task that a network can be trained on", fix)
        fixed = c.source == "conditions"  # the same trials whenever they are asked for
        parts = [
            task.conditions() if fixed else task.sample(SharedStreams(getattr(c, _FIELDS[split]), _seed(c.seed, place)))
            for place, split in enumerate(SPLITS)
        ]
        repeated = fixed or _shared(parts[0], parts[-1]) > REPEATED
        trials = task_trials(task, joined(parts), self.task)
        labels = np.repeat(np.array(SPLITS, object), [len(part.table) for part in parts])
        return dataclasses.replace(
            trials,
            table=trials.table.assign(split=labels),
            provenance={"source": self.task, "options": to_dict(c), "repeated_trials": repeated},
            draw=None if fixed else _Draw(task, self.task, c.draws == "released"),
        )

    def check_present(self) -> None:
        """Makes the task, which looks for the recordings that it takes its targets from.

        Raises:
            MissingData: they are not on this machine.
        """
        registry.load("tasks", self.task)(self.config.task)


class _Draw:
    """Fresh trials for the steps of a training."""

    def __init__(self, task: Task, name: str, released: bool) -> None:
        self._task, self._name, self._released = task, name, released
        self._at: tuple[int, int, int] | None = None
        self._streams: TrialStreams | None = None

    def __call__(self, number: int, seed: int, step: int) -> Trials:
        return task_trials(self._task, self._sampled(number, seed, step), self._name)

    def _sampled(self, number: int, seed: int, step: int) -> TaskTrials:
        if not self._released:
            return self._task.sample(SharedStreams(number, _seed(seed, len(SPLITS), step)))
        if self._at is not None and self._at[0] != number:
            fix = "Give a train.batch_size that divides data.trials."
            raise InvalidInput("data.draws", "released", "batches of one size", fix)
        if self._at != (number, seed, step - 1):  # a run that is resumed begins anew and goes through what it had
            self._streams = ReleasedStreams(number, seed + 3)
            for _ in range(step):
                self._task.sample(self._streams)
        self._at = (number, seed, step)
        assert self._streams is not None
        return self._task.sample(self._streams)


@cache
def of(name: str) -> type[TaskData]:
    """The data set of a task, with the task's own options among its own."""
    task = registry.load("tasks", name)
    field = ("task", task.Config, dataclasses.field(default=task.Config()))
    config = dataclasses.make_dataclass(f"{task.__name__}DataConfig", [field], bases=(TaskDataConfig,), frozen=True)
    config.__doc__ = f"Options of the trials of {name}."
    body = {"Config": config, "task": name, "__doc__": task.__doc__, "__module__": task.__module__}
    return type(f"{task.__name__}Data", (TaskData,), body)


def joined(parts: list[TaskTrials]) -> TaskTrials:
    """Trials one after another."""
    import pandas as pd

    def together(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else np.concatenate(found)

    table = pd.concat([part.table for part in parts], ignore_index=True)
    return TaskTrials(together("stimulus"), table, together("target"), together("counted"), together("mask"))


def task_trials(task: Task, drawn: TaskTrials, name: str) -> Trials:
    """Drawn trials of a task with targets as `Trials`, without splits."""
    assert drawn.target is not None
    mask = np.ones(drawn.stimulus.shape[:2], bool) if drawn.mask is None else drawn.mask
    kind: Literal["classes", "series"] = "classes" if task.classes else "series"
    signals = {
        "stimulus": Signal(drawn.stimulus, "series", "stimulus", task.bin_s, names=task.channel_names),
        "target": Signal(drawn.target, kind, "target", task.bin_s, names=task.output_names, mask=drawn.counted),
    }
    return Trials(signals, mask, drawn.table, np.arange(0), name=name, session=name)


def _shared(train: TaskTrials, test: TaskTrials) -> float:
    """Part of the test trials whose stimulus is that of a training trial, bin by bin: tasks without noise may have few different trials."""
    known = {each.tobytes() for each in train.stimulus}
    return float(np.mean([each.tobytes() in known for each in test.stimulus]))


def _seed(seed: int, *place: int) -> int:
    """A seed of a place, independent of that of any other."""
    return int(np.random.SeedSequence((seed, *place)).generate_state(1, np.uint64)[0] >> np.uint64(1))
