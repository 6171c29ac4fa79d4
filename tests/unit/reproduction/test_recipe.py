"""Recipes: what `quick` changes, and what makes one unusable. How `neurodyn fit` reads them is tested with that verb."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from neurodyn.errors import InvalidInput
from neurodyn.reproduction.recipe import Recipe


def read(folder: Path, **fields: object) -> Recipe:
    (folder / "arm.yaml").write_text(yaml.safe_dump({"model": "lfads", "data": "lorenz", **fields}))
    return Recipe.read(folder / "arm.yaml")


def test_quick_changes_what_it_names_and_says_so(tmp_path: Path) -> None:
    quick = {"data": {"trials": 70}, "model_config": {"factors": 3}, "train": {"epochs": 5}, "trials": 20}
    recipe = read(tmp_path, train={"epochs": 900, "learning_rate": 0.01}, seed=4, quick=quick)
    assert recipe.source == "lorenz" and recipe.options == {}
    assert recipe.quick.changes == ("data.trials", "model_config.factors", "train.epochs", "trials")
    quickened = recipe.quickened()
    assert quickened.options == {"trials": 70} and quickened.model_config == {"factors": 3}
    assert quickened.train == {"epochs": 5, "learning_rate": 0.01}
    plan = quickened.plan(seed=7)
    assert plan.seed == 7 and plan.train.epochs == 5 and plan.model_config.factors == 3
    assert recipe.plan().train.epochs == 900 and recipe.plan().seed == 4


def test_without_quick_both_are_the_same(tmp_path: Path) -> None:
    recipe = read(tmp_path)
    assert recipe.quick.changes == () and recipe.quickened().plan() == recipe.plan()


def test_the_objective_is_named_with_its_fields(tmp_path: Path) -> None:
    recipe = read(tmp_path, objective="elbo", objective_config={"loss_scale": 2.0})
    assert recipe.named_objective() == {"name": "elbo", "loss_scale": 2.0}
    assert recipe.plan().objective_config.loss_scale == 2.0
    assert read(tmp_path).named_objective() == {}


@pytest.mark.parametrize(
    ("quick", "named"),
    [
        ({"epochs": 3}, "recipe.quick.epochs"),
        ({"trials": 0}, "recipe.quick.trials"),
        ({"trials": "few"}, "recipe.quick.trials"),
        ([1], "recipe.quick"),
    ],
)
def test_a_wrong_quick_is_named(tmp_path: Path, quick: object, named: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        read(tmp_path, quick=quick)
    assert named in str(failure.value)
