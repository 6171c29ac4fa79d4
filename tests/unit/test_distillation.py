"""`neurodyn.distill` and `neurodyn.cross_fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.objectives.distill import Distill
from neurodyn.objectives.strategies.soft import SoftConfig
from neurodyn.training.run import Run

OPTIONS: dict[str, Any] = {"train": {"epochs": 1}, "progress": False, "width": 8, "layers": 1, "feedforward": 8}


def reaches(trials: int = 30) -> Trials:
    rng = np.random.default_rng(0)
    counts, movement = rng.poisson(0.7, (trials, 10, 6)), rng.normal(size=(trials, 10, 2))
    return Trials.from_arrays(counts, bin_s=0.02, behaviour=movement, heldin=range(4))


def test_a_student_of_an_estimator_or_a_folder(tmp_path: Path) -> None:
    trials = reaches()
    teacher = nd.fit("ndt", trials, out=tmp_path / "teacher", behaviour={"fusion": "add"}, **OPTIONS)
    students = [
        nd.distill(
            given, "ndt", trials, strategy={"name": "soft", "temperature": 3.0}, objective={"alpha": 0.2}, **OPTIONS
        )
        for given in (teacher, tmp_path / "teacher", [str(tmp_path / "teacher")])
    ]
    config = students[0].plan_.objective_config
    assert config.strategy == SoftConfig(temperature=3.0) and config.alpha == 0.2
    assert config.teacher == (str(tmp_path / "teacher"),)
    rates = [student.transform(trials).rates for student in students]
    assert all(np.array_equal(rates[0], each) for each in rates[1:])
    assert not students[0].model_.uses_privileged
    with pytest.raises(InvalidInput, match="without a run's folder"):
        nd.distill(nd.fit("ndt", trials, **OPTIONS), "ndt", trials, **OPTIONS)
    with pytest.raises(UnknownName, match="Did you mean 'soft'"):
        nd.distill(teacher, "ndt", trials, strategy="sofft", **OPTIONS)


def test_cross_fitted_teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is trained without its fold and on nothing that validates, and teaches the fold."""
    trials = reaches()
    folders = nd.cross_fit("ndt", trials, folds=3, out=tmp_path, seed=4, behaviour={"fusion": "add"}, **OPTIONS)
    assert [folder.name for folder in folders] == ["fold0", "fold1", "fold2"]
    asked: list[tuple[int, list[int]]] = []
    ask = Distill._asked

    def listen(self: Distill, k: int, batch: Any) -> Any:
        if self.model.training:
            asked.append((k, batch.trial.tolist()))
        return ask(self, k, batch)

    monkeypatch.setattr(Distill, "_asked", listen)
    student = nd.distill(folders, "ndt", trials, objective={"cross_fitted": True}, seed=4, **OPTIONS)
    assert sorted(trial for _, some in asked for trial in some) == list(range(24))
    assert all(trial % 3 == k for k, some in asked for trial in some)
    assert student.plan_.objective_config.cross_fitted
    first = Run.open(folders[0])
    assert first.plan.model_config.behaviour.fusion == "add" and first.history()

    other = {"objective": {"cross_fitted": True}, **OPTIONS}
    with pytest.raises(InvalidInput, match="without fold 0 of 3"):  # another seed validates on other trials
        nd.distill(folders, "ndt", trials, seed=5, **other)
    with pytest.raises(InvalidInput, match="without fold 0 of 3"):
        nd.distill(folders[::-1], "ndt", trials, seed=4, **other)


def test_too_few_trials_for_the_folds(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at most 8"):
        nd.cross_fit("ndt", reaches(10), folds=9, out=tmp_path, **OPTIONS)
    with pytest.raises(InvalidInput, match="folds"):
        nd.cross_fit("ndt", reaches(10), folds=1, out=tmp_path, **OPTIONS)
    assert not list(tmp_path.iterdir())
