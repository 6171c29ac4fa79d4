"""A recipe with a teacher at the command line: `fit` says what to do, `distill` takes the run one has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from neurodyn.cli import main
from neurodyn.training.run import Run

DATA = {"source": "privileged_reach", "options": {"train": 20, "valid": 8, "test": 10, "heldin": 6, "heldout": 3}}
NONE: dict[str, Any] = {
    "model": "ndt",
    "data": DATA,
    "model_config": {"width": 4, "layers": 1, "feedforward": 4},
    "train": {"epochs": 1},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipes = {
        "none": NONE,
        "teacher": {"like": "none", "model_config": {"behaviour": {"fusion": "add"}}},
        "soft": {"like": "none", "teacher": "teacher", "objective_config": {"strategy": "soft", "alpha": 0.25}},
    }
    for name, recipe in recipes.items():
        Path(f"{name}.yaml").write_text(yaml.safe_dump(recipe))


def test_fit_names_the_commands_that_train_the_teacher_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "soft.yaml"]) == 2
    message = capsys.readouterr().err
    for word in ("recipe.teacher", "teacher", "neurodyn reproduce", "neurodyn distill TEACHER_RUN recipe.yaml"):
        assert word in message
    assert not Path("runs").exists()
    assert main(["fit", "soft.yaml", "--help"]) == 0


def test_distill_takes_a_run_in_its_teachers_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "teacher.yaml", "--out", "runs/teacher"]) == 0
    assert main(["distill", "runs/teacher", "soft.yaml", "--out", "runs/soft"]) == 0
    config = Run.open("runs/soft").config
    assert config["objective"] == "distill" and config["objective_config"]["teacher"] == ["runs/teacher"]
    assert config["objective_config"]["strategy"]["name"] == "soft" and config["objective_config"]["alpha"] == 0.25
