"""The published MC-Maze setting, teacher to student, on synthetic recordings of its exact structure and a tiny size."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import synthetic_nwb
from neurodyn import config as configs
from neurodyn import registry
from neurodyn.reproduction import study as studies
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Study
from neurodyn.training.run import Run


def test_the_recipes_are_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    plans = {arm.path.rpartition("/")[2]: arm.recipe.plan() for arm in Study.find("blend/mc_maze").arms}
    assert set(plans) == {"none", "teacher", "hard", "soft", "feature", "correlation"}
    for name, plan in plans.items():
        assert plan.model_config.mode == "release" and plan.train.epochs == 50501 and plan.train.patience == 3000
        fast = name == "hard"  # the release trains this strategy alone more slowly
        assert (plan.train.learning_rate, plan.train.warmup_epochs) == ((5e-5, 2000) if fast else (1e-3, 5000))
        assert plan.train.weight_decay == 5e-5 and plan.train.average_decay == 0
        assert (plan.train.select, plan.train.schedule) == (
            "last" if name == "teacher" else "masked_loss",
            "epoch_cosine",
        )
        assert plan.model_config.masking == registry.load("transforms", "masking").Config(ratio=0.25, over="bin")
        if name in ("hard", "soft", "feature", "correlation"):
            assert plan.objective_config.mode == "release" and plan.objective_config.alpha == 0.5
    assert plans["teacher"].model_config.behaviour.fusion == "concatenate"
    assert plans["soft"].objective_config.strategy == registry.load("strategies", "soft").Config(temperature=2.0)


@pytest.mark.slow
def test_teacher_and_students_train_and_are_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    synthetic_nwb.write_dataset(tmp_path / "data", "mc_maze")
    shipped = next(path.parent for name, path in studies.arm_files().items() if name == "blend/mc_maze/none")
    below = tmp_path / "recipes" / "blend" / "mc_maze"
    below.mkdir(parents=True)
    for path in shipped.iterdir():  # as shipped, but for the length
        text = path.read_text()
        if path.name == "none.yaml":
            recipe = yaml.safe_load(text)
            recipe["quick"]["train"] = {"epochs": 2, "warmup_epochs": 1, "batch_size": 4}
            recipe["quick"]["trials"] = 8
            recipe["quick"]["model_config"] = {"heads": 1}  # the synthetic units are an odd number
            text = yaml.safe_dump(recipe)
        (below / path.name).write_text(text)
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    out = tmp_path / "out"
    scores = reproduce(Study.find("blend/mc_maze"), out, seeds=1, workers=1)
    found = {(score.context["arm"].rpartition("/")[2], score.name): score for score in scores}
    for arm in ("none", "teacher", "hard", "soft", "feature", "correlation"):
        for name in ("co_bps", "velocity_r2", "psth_r2", "fp_bps"):
            assert (
                found[arm, name].published is None
                and "could not be obtained" in found[arm, name].context["not_comparable"]
            )
    assert found["teacher", "co_bps"].context["privileged"] is True
    runs = {name: Run.open(out / name / "seed0") for name in ("none", "teacher", "hard", "feature")}
    units = runs["none"].spec.only.units
    assert runs["teacher"].model().config == configs.from_dict(
        registry.load("models", "ndt").Config, runs["teacher"].config["model_config"], "model"
    ).resolved(runs["teacher"].spec.only.heldin, units)
    hard, feature = (r.history()[-1]["valid/distillation"] for r in (runs["hard"], runs["feature"]))
    assert hard > 0 and feature > 0
