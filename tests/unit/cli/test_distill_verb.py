"""`neurodyn distill`: a teacher's run first, then what `neurodyn fit` takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from neurodyn.cli import main
from neurodyn.training.run import Run

DATA = ["--data.trials", "30", "--train.threads", "1", "--train.epochs", "1"]
SMALL = ["--model.width", "8", "--model.layers", "1", "--model.feedforward", "8", *DATA]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher without behaviour: self-distillation."""
    out = tmp_path_factory.mktemp("teacher") / "run"
    assert main(["fit", "ndt", "two_area", *SMALL, "--out", str(out)]) == 0
    return out


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Path) -> Path:
    shutil.copytree(trained, tmp_path / "teacher")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_student_is_written_beside_its_own_kind(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--strategy", "soft", "--objective.strategy.temperature", "3", "--objective.alpha", "0.3", "--seed", "2"]
    assert main(["distill", "teacher", "ndt", "two_area", *SMALL, *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == "runs/two_area/ndt-soft/seed2"
    assert found["teacher"] == ["teacher"] and found["strategy"] == "soft" and found["epochs"] == 1
    config = Run.open(found["run"]).config
    assert config["objective"] == "distill"
    chosen = config["objective_config"]
    assert chosen["strategy"] == {"name": "soft", "temperature": 3.0} and chosen["alpha"] == 0.3
    assert chosen["base"]["name"] == "poisson" and chosen["teacher"] == ["teacher"]
    assert (
        main(["fit", "runs/two_area/ndt-soft/seed2/config.yaml", "--out", "again"]) == 0
    )  # a run's config is a recipe
    weights = [Path(run, "best.safetensors").read_bytes() for run in (found["run"], "again")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "teachers",
    [
        ["teacher,other", "ndt", "two_area"],
        ["teacher", "ndt", "two_area", "--teacher", "other"],
        ["ndt", "two_area", "--teacher=teacher", "--teacher", "other"],
        ["teacher", "recipe.yaml", "--teacher", "other"],
        ["recipe.yaml", "--teacher", "teacher,other"],
    ],
)
def test_several_teachers(elsewhere: Path, teachers: list[str]) -> None:
    shutil.copytree("teacher", "other")
    (elsewhere / "recipe.yaml").write_text("{model: ndt, data: two_area}")
    assert main(["distill", *teachers, *SMALL, "--out", "student"]) == 0
    config = Run.open("student").config["objective_config"]
    assert config["teacher"] == ["teacher", "other"] and config["strategy"]["name"] == "hard"


def test_a_student_keeps_the_objective_of_its_recipe(elsewhere: Path) -> None:
    recipe = {"model": "lfads", "data": "two_area", "objective": "elbo", "objective_config": {"kl_scale": 0.5}}
    recipe["model_config"] = {"generator": {"name": "gru", "size": 8}, "factors": 3}
    (elsewhere / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["distill", "teacher", "recipe.yaml", *DATA, "--out", "student", "--objective.base.l2-scale", "2"]) == 0
    base = Run.open("student").config["objective_config"]["base"]
    assert (base["name"], base["kl_scale"], base["l2_scale"]) == ("elbo", 0.5, 2.0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["teacher", "ndt", "two_area", "--strategy", "sotf"], ["no strategy is called 'sotf'", "'soft'"]),
        (["nowhere", "ndt", "two_area", *SMALL], ["there is no run in nowhere", "neurodyn fit"]),
        (["teacher", "ndt", "two_area", *SMALL, "--data.forward", "3"], ["forward"]),
        (["teacher", "mean_rate", "two_area", *DATA], ["closed_form"]),
        (["teacher", "lfads", "two_area", *DATA, "--strategy", "feature"], ["hidden states", "layer_1"]),
        (["teacher", "ndt", "two_area", *SMALL, "--objective.region", "fourward"], ["region"]),
        (["teacher", "ndt", "two_area", "--objective.strategy.temperatur", "2"], ["--objective.strategy"]),
        (["teacher", "ndt"], ["DATA", "TEACHER_RUN MODEL DATA"]),
        ([], ["TEACHER_RUN"]),
    ],
)
def test_bad_input_is_named(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: list[str]
) -> None:
    before = sorted(elsewhere.rglob("*"))
    assert main(["distill", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    assert sorted(elsewhere.rglob("*")) == before
    for word in named:
        assert word in captured.err


def test_help_needs_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["distill", "--help"]) == 0
    assert "TEACHER_RUN MODEL DATA" in capsys.readouterr().out
    assert main(["distill", "nowhere", "ndt", "two_area", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(flag in shown for flag in ("--strategy", "--teacher", "--objective.alpha", "--model.layers"))
