"""A study of learning rules from recipes to its page, on reaches by formula; and the recipes that are shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pytest
import yaml

from neurodyn import registry
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Arm, Study
from neurodyn.training.kept import GradientAlignment

SHORT = {"kinematics": "minimum_jerk", "before_cue_bins": [0, 4], "delay_bins": [0, 9], "bins": 90}
BPTT: dict[str, Any] = {
    "model": "task_rnn",
    "data": {
        "source": "reach",
        "options": {"trials": 32, "valid": 8, "test": 12, "task": SHORT},
    },
    "model_config": {"units": 10},
    "rule": "bptt",
    "train": {"epochs": 3, "batch_size": 16},
    "evaluate": {"reported_only": True, "latents": False},
}
ARMS: dict[str, dict[str, Any]] = {
    "bptt": BPTT,
    "eprop": {"like": "bptt", "rule": "eprop", "train": {"checkpoint_steps": [0, 4]}, "evaluate": {"gradients": True}},
    "random": {"like": "eprop", "rule_config": {"feedback": "random"}, "evaluate": {"gradients": False}},
    "readout_only": {"like": "bptt", "rule": "readout_only"},
}
EXPECTED = {
    "sources": {},
    "settings": {},
    "arms": {},
    "unpublished": {"scores": ["normalised_error"], "reason": "new"},
    "compare_with": "bptt",
    "controls": ["readout_only"],
}


def test_from_recipes_to_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "recipes" / "rules" / "reach"
    below.mkdir(parents=True)
    (below / "expected.json").write_text(json.dumps(EXPECTED))
    for name, recipe in ARMS.items():
        (below / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    study, out, said = Study.find("rules"), tmp_path / "out", []  # type: ignore[var-annotated]
    scores = reproduce(study, out, seeds=1, workers=1, say=said.append)
    assert [arm.role for arm in study.arms] == ["reference", "compared", "compared", "control"]
    by_arm = {score.context["arm"].rpartition("/")[2]: score for score in scores}
    assert set(by_arm) == set(ARMS) and all(score.name == "normalised_error" for score in scores)

    (conclusion,) = (score.context["conclusion"] for score in scores if "conclusion" in score.context)
    assert conclusion["arm"] == "rules/reach/bptt" and conclusion["updates"] == 6
    assert set(conclusion["errors"]) == {f"rules/reach/{name}" for name in ARMS}
    assert "paired" in by_arm["eprop"].context and "paired" not in by_arm["bptt"].context

    run = out / "reach" / "eprop" / "seed0"
    found = GradientAlignment.read(run)
    assert found is not None and found.rule == "eprop" and found.steps.tolist() == [0, 4]
    assert not (out / "reach" / "random" / "seed0" / GradientAlignment.FILE).exists()
    with h5py.File(run / "outputs.h5") as file:
        assert set(file["test"]) == {"predicted_target"}

    text = (out / "report.html").read_text()
    assert '<section id="learning">' in text and "In the same CPU time" in text
    assert conclusion["sentence"] in (out / "table.md").read_text()
    again: list[str] = []
    reproduce(study, out, seeds=1, workers=1, say=again.append)
    assert all("finished before, kept" in line for line in again if line.startswith("["))
    (run / GradientAlignment.FILE).unlink()
    reproduce(study, out, seeds=1, workers=1)
    assert GradientAlignment.read(run) is not None  # what was asked for and is not there is made again


@pytest.fixture(scope="module")
def shipped() -> dict[str, Arm]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NEURODYN_RECIPES", raising=False)
        return {arm.path.removeprefix("learning_rules/"): arm for arm in Study.find("learning_rules").arms}


def test_every_rule_has_an_arm(shipped: dict[str, Arm]) -> None:
    rules = {arm.recipe.plan().rule for path, arm in shipped.items() if path.startswith("reach/")}
    assert rules == set(registry.names("learning_rules")) - {"closed_form", "rtrl"}  # rtrl: for small networks alone
    feedback = {
        arm.recipe.plan().rule_config.feedback for path, arm in shipped.items() if path.startswith("reach/eprop")
    }
    assert feedback == {"symmetric", "random", "adaptive"}


def test_arms_of_a_folder_differ_in_their_rule_and_length_alone(shipped: dict[str, Arm]) -> None:
    for path, arm in shipped.items():
        folder = path.rpartition("/")[0]
        for quick in (False, True):
            mine, theirs = ((a.recipe.quickened() if quick else a.recipe) for a in (arm, shipped[f"{folder}/bptt"]))
            assert mine.data == theirs.data and mine.seed == theirs.seed
            assert mine.named_objective() == theirs.named_objective()
            plans = mine.plan(), theirs.plan()
            assert (
                len({plan.train.learning_rate for plan in plans}) == len({plan.train.batch_size for plan in plans}) == 1
            )
            form = {"form": "rate"} if path in ("reach/rflo", "reach/bptt_rate") else {}
            assert mine.model_config == {**theirs.model_config, **form}
            updates = 320 / 16 if "release" not in path else 10
            last = max(plans[0].train.checkpoint_steps, default=0)
            assert last <= updates * plans[0].train.epochs, "every kept step is reached"
        assert (arm.role == "control") == (path == "reach/readout_only")
