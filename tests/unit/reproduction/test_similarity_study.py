"""A study of networks beside a recording, from recipes to its page; and the recipes that are shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import synthetic_reaches
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Study
from neurodyn.training.kept import SimilarityOverTraining

TASK = {"kinematics": "minimum_jerk", "before_cue_bins": [0, 4], "delay_bins": [0, 9], "bins": 90}
BPTT: dict[str, Any] = {
    "model": "task_rnn",
    "data": {"source": "reach", "options": {"trials": 64, "valid": 8, "test": 12, "task": TASK}},
    "model_config": {"units": 12},
    "rule": "bptt",
    "train": {"epochs": 6, "batch_size": 16, "checkpoint_steps": [0, 4, 12, 24]},
    "evaluate": {
        "reported_only": True,
        "latents": False,
        "similarity": {"measures": ["procrustes"], "also": ["cka:form=linear"], "lag_s": 0.1, "draws": 4},
    },
}
EXPECTED = {
    "sources": {},
    "settings": {},
    "arms": {},
    "unpublished": {
        "scores": ["normalised_error", "procrustes", "procrustes:without_mean", "cka:form=linear"],
        "reason": "new",
    },
    "compare_with": "bptt",
}


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    below = tmp_path / "recipes" / "alike" / "reach"
    below.mkdir(parents=True)
    (below / "expected.json").write_text(json.dumps(EXPECTED))
    (below / "bptt.yaml").write_text(yaml.safe_dump(BPTT))
    (below / "eprop.yaml").write_text(yaml.safe_dump({"like": "bptt", "rule": "eprop"}))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    return below


def test_from_recipes_to_the_page(recipes: Path, tmp_path: Path) -> None:
    synthetic_reaches.write(tmp_path / "data")
    study, out = Study.find("alike"), tmp_path / "out"
    scores = reproduce(study, out, seeds=2, workers=1)
    by_arm = {arm: {s.name: s for s in scores if s.context["arm"] == f"alike/reach/{arm}"} for arm in ("bptt", "eprop")}
    assert set(by_arm["bptt"]) == set(EXPECTED["unpublished"]["scores"])
    procrustes = by_arm["eprop"]["procrustes"]
    assert {"untrained", "cross_condition_average", "condition_shuffled", "time_shuffled"} <= set(procrustes.baselines)
    assert "fitted" not in procrustes.context or len(set(procrustes.context["values"])) == 1

    (said,) = (score.context["similarity"] for score in scores if "similarity" in score.context)
    assert said["arm"] == "alike/reach/bptt"
    assert set(said["measures"]) == {"procrustes", "procrustes:without_mean"}
    assert {each["measure"] for each in said["ranking"]} == set(EXPECTED["unpublished"]["scores"][1:])
    table, page = (out / "table.md").read_text(), (out / "report.html").read_text()
    assert all(sentence in table for sentence in said["sentences"])
    assert '<section id="similarity">' in page
    assert json.loads((out / "table.json").read_text())["conclusions"][-1]["arm"] == "alike/reach/bptt"

    run = out / "reach" / "eprop" / "seed1"
    found = SimilarityOverTraining.read(run)
    assert found is not None and found.steps.tolist() == [0, 4, 12, 24]
    again: list[str] = []
    reproduce(study, out, seeds=2, workers=1, say=again.append)
    assert all("finished before, kept" in line for line in again if line.startswith("["))


def test_what_was_asked_for_before_is_not_taken_for_what_is_asked_now(recipes: Path, tmp_path: Path) -> None:
    synthetic_reaches.write(tmp_path / "data")
    study, out = Study.find("alike/reach/bptt"), tmp_path / "out"
    reproduce(study, out, seeds=1, workers=1)
    changed = {**BPTT, "evaluate": {**BPTT["evaluate"], "similarity": {**BPTT["evaluate"]["similarity"], "lag_s": 0.0}}}
    (recipes / "bptt.yaml").write_text(yaml.safe_dump(changed))
    reproduce(Study.find("alike/reach/bptt"), out, seeds=1, workers=1)
    found = SimilarityOverTraining.read(out / "seed0")
    assert found is not None and found.used_lag_s == 0.0


def test_without_the_recording_nothing_is_trained(recipes: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="hatsopoulos2007"):
        reproduce(Study.find("alike"), tmp_path / "out", seeds=1, workers=1)
    assert not (tmp_path / "out").exists()


def test_quick_changes_what_is_looked_at(recipes: Path) -> None:
    recipe = Recipe.read(recipes / "bptt.yaml")
    assert recipe.quickened().evaluate == recipe.evaluate
    (recipes / "bptt.yaml").write_text(yaml.safe_dump({**BPTT, "quick": {"similarity": {"draws": 2}}}))
    quick = Recipe.read(recipes / "bptt.yaml").quickened()
    assert quick.evaluate.similarity is not None and quick.evaluate.similarity.draws == 2
    assert quick.evaluate.similarity.lag_s == 0.1
    without = {**BPTT, "evaluate": {}, "quick": {"similarity": {"draws": 2}}}
    (recipes / "bptt.yaml").write_text(yaml.safe_dump(without))
    with pytest.raises(InvalidInput, match=r"quick\.similarity"):
        Recipe.read(recipes / "bptt.yaml").quickened()


@pytest.mark.parametrize("folder", ["reach", "release"])
def test_shipped_arms_differ_from_the_reference_in_what_they_are_named_for(folder: str) -> None:
    arms = {arm.path.rpartition("/")[2]: arm for arm in Study.find(f"similarity/{folder}").arms}
    reference = arms["bptt"].recipe
    assert reference.evaluate.similarity is not None
    for name, arm in arms.items():
        assert arm.recipe.evaluate == reference.evaluate, name
        assert set(arm.published) == {"normalised_error", *reference.evaluate.similarity.names}
        assert arm.recipe.train["checkpoint_steps"][0] == 0
        assert arm.recipe.data == reference.data
        assert arm.recipe.rule == ("eprop" if "eprop" in name else name if name in ("mdgl", "readout_only") else "bptt")
