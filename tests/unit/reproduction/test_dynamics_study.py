"""The study of learned dynamics: its recipes, and what it says over seeds, on a tiny copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from neurodyn.reproduction import table
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Study

WORLDS = ("saddle", "line_attractor", "point_attractor")


def test_worlds_differ_in_their_dynamics_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    arms = {arm.path.removeprefix("dynamics/"): arm.recipe for arm in Study.find("dynamics").arms}
    recipes = [arms[f"{world}/base"] for world in WORLDS]
    assert [each.options["kind"] for each in recipes] == list(WORLDS)
    assert len({json.dumps({**each.options, "kind": ""}) for each in recipes}) == 1
    assert len({json.dumps(each.plan().as_mapping(), default=str) for each in recipes}) == 1
    assert arms["areas/pfc_alone"].options["seed"] == arms["areas/both"].options["seed"]
    assert arms["areas/message_only"].model_config["private"] is False
    assert arms["areas/private_only"].model_config["messages"] == "none"
    assert all(recipe.quick.changes and not recipe.quick.skip for recipe in arms.values())


def test_claims_are_counted_over_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "recipes/tiny/line"
    folder.mkdir(parents=True)
    recipe = {
        "model": "lfads",
        "model_config": {"generator": 4, "factors": 3, "inferred_inputs": 1, "controller": 4},
        "data": {"source": "planar_decision", "options": {"kind": "line_attractor", "trials": 60, "heldout": 0.0}},
        "train": {"epochs": 1},
        "evaluate": {"reported_only": True},
    }
    (folder / "base.yaml").write_text(yaml.safe_dump(recipe))
    scores = ["residual_spectrum_gap", "jacobian_spectrum_gap", "perturbation_r2"]
    expected = {"sources": {}, "settings": {}, "arms": {}, "unpublished": {"scores": scores, "reason": "ours"}}
    (folder / "expected.json").write_text(json.dumps(expected))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    found = reproduce(Study.find("tiny"), tmp_path / "out", quick=True, seeds=2, workers=1)
    assert [score.name for score in found] == scores
    said = found[0].context["dynamics"]
    statement = "by the model's own dynamics deviations spread as they truly do"
    assert len(said["claims"][statement]) == 2 and said["sentence"].startswith("tiny/line/base, 2 seeds.")
    assert table.conclusions(found) == [said["sentence"]]
    page = (tmp_path / "out/report.html").read_text()
    assert 'id="dynamics"' in page and "of 2" in page
