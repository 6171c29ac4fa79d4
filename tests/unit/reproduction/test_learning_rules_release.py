"""The released recipes of the learning-rule study: their settings, and the first losses of the public code's loop, update by update."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import neurodyn
from neurodyn.errors import MissingData
from neurodyn.reproduction.study import Study

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "reach_losses.json").read_text())
CHECKPOINTS = 115


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)


def losses(rule: str, updates: int) -> list[dict[str, float]]:
    """The terms of each of the first updates of the recipe, one an epoch; skipped without the recording."""
    (arm,) = Study.find(f"learning_rules/release/reach/{rule}").arms
    recipe = arm.recipe.drawn_for(1)
    try:
        trials = neurodyn.load(recipe.source, **{**recipe.options, "trials": 100, "valid": 10, "test": 10})
    except MissingData as missing:
        pytest.skip(str(missing))
    fitted = neurodyn.fit(
        recipe.model,
        trials,
        rule=recipe.named_rule(),
        objective=recipe.named_objective(),
        seed=1,
        train={**recipe.train, "epochs": updates, "checkpoint_steps": ()},
        progress=False,
        **recipe.model_config,
    )
    return fitted.fitted_.history


def check(rule: str, updates: int) -> None:
    history = losses(rule, updates)
    for place, expected in GOLDEN["main"][rule].items():
        if int(place) < updates:
            assert history[int(place)]["train/main"] == pytest.approx(expected, abs=5.1e-6), f"update {place}"
    for place, expected in GOLDEN["activity_penalty"].items():
        if int(place) + 1 < updates:  # a step logs the penalty that it was made with
            assert history[int(place) + 1]["train/activity_penalty"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rule", ["bptt", "eprop"])
def test_the_first_losses_and_penalties_are_those_of_the_public_code(rule: str) -> None:
    check(rule, 7)


@pytest.mark.slow
def test_eprop_follows_the_public_code_for_25_updates() -> None:
    check("eprop", 27)


@pytest.mark.parametrize(("task", "rule"), [(t, r) for t in ("reach", "context_decision") for r in ("bptt", "eprop")])
def test_the_recipes_are_as_released(task: str, rule: str) -> None:
    (arm,) = Study.find(f"learning_rules/release/{task}/{rule}").arms
    plan = arm.recipe.drawn_for(4).plan(4)
    assert (plan.rule, plan.model_config.mode, plan.model_config.released_seed) == (rule, "release", 4)
    assert plan.model_config.units == (200 if task == "reach" else 400)
    assert plan.model_config.nonlinearity == "retanh" and plan.model_config.gain is None  # as the mode says
    assert (plan.objective_config.activity_penalty, plan.objective_config.schedule) == (10, "annealed")
    train = plan.train
    assert (train.optimizer, train.learning_rate, train.schedule) == ("adam", 3e-4, "constant")
    assert train.weight_decay == train.average_decay == train.warmup_epochs == 0
    assert math.isinf(train.gradient_clip) and train.select == "last" and train.patience >= train.epochs
    options = {"trials": 1000, **arm.recipe.options}
    if task == "reach":
        assert train.batch_size == 100 and train.epochs * options["trials"] / 100 == 1000
        assert options["draws"] == "released"
    else:
        assert train.batch_size == 72 and train.epochs == 1000
        assert options["source"] == "conditions" and options["task"] == {"mode": "release"}


def test_checkpoints_are_kept_at_the_released_updates() -> None:
    (arm,) = Study.find("learning_rules/release/reach/eprop").arms
    steps = 1000
    spread = (
        np.linspace(25, 150, 20),
        np.linspace(0, steps, 20),
        np.linspace(200, 700, 40),
        np.linspace(700, steps, 30),
    )
    wanted = {*range(6), 50, 100, 150, 200, *(round(step) for each in spread for step in each)}
    assert len(wanted) == CHECKPOINTS
    assert sorted(wanted) == list(arm.recipe.plan().train.checkpoint_steps)
