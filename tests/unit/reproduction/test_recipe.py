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


# -- like and teachers ----------------------------------------------------------------------------------------------


def write(folder: Path, **recipes: object) -> None:
    for name, fields in recipes.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(fields))


def test_a_recipe_like_another_has_its_fields_with_its_own_over_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        base={
            "model": "lfads",
            "data": {"source": "lorenz", "options": {"trials": 70, "units": 8}},
            "model_config": {"generator": {"name": "gru", "size": 4}, "factors": 3},
            "train": {"epochs": 9, "transforms": ["thinning"]},
            "quick": {"train": {"epochs": 2}, "trials": 5},
            "seed": 4,
        },
        middle={"like": "base", "train": {"learning_rate": 0.1}, "data": {"options": {"units": 6}}},
        last={
            "like": "middle",
            "model_config": {"generator": {"name": "low_rank", "rank": 2}},
            "train": {"transforms": []},
            "quick": {"trials": 7},
        },
    )
    found = Recipe.read(tmp_path / "last.yaml")
    assert found.model == "lfads" and found.seed == 4 and found.source == "lorenz"
    assert found.options == {"trials": 70, "units": 6}
    assert found.train == {"epochs": 9, "learning_rate": 0.1, "transforms": []}
    assert found.quick.trials == 7 and found.quick.train == {"epochs": 2}
    assert found.model_config == {
        "generator": {"name": "low_rank", "rank": 2},
        "factors": 3,
    }  # no size of the other part
    found.plan()


def test_options_of_another_model_data_set_or_objective_are_not_taken_over(tmp_path: Path) -> None:
    base = {
        "model": "lfads",
        "data": {"source": "lorenz", "options": {"bins": 20}},
        "model_config": {"factors": 3},
        "objective_config": {"loss_scale": 2.0},
    }
    write(
        tmp_path,
        base=base,
        model={"like": "base", "model": "smoothing"},
        data={"like": "base", "data": {"source": "two_area"}},
        by_name={"like": "base", "data": "two_area"},
        student={"like": "base", "teacher": "base"},
        pupil={"like": "student", "objective_config": {"strategy": "soft"}},
        other={"like": "pupil", "objective_config": {"alpha": 0.2}},
    )
    assert Recipe.read(tmp_path / "model.yaml").model_config == {}
    for name in ("data", "by_name"):
        assert Recipe.read(tmp_path / f"{name}.yaml").options == {}
    assert Recipe.read(tmp_path / "student.yaml").objective_config == {}
    assert Recipe.read(tmp_path / "other.yaml").objective_config == {"strategy": "soft", "alpha": 0.2}


def test_likeness_that_ends_nowhere_is_named(tmp_path: Path) -> None:
    write(tmp_path, one={"like": "two"}, two={"like": "one"}, three={"like": "four"})
    with pytest.raises(InvalidInput, match="one -> two -> one"):
        Recipe.read(tmp_path / "one.yaml")
    with pytest.raises(InvalidInput, match=r"'four'.*\n?.*one, two"):
        Recipe.read(tmp_path / "three.yaml")


def test_a_recipe_with_a_teacher_distils(tmp_path: Path) -> None:
    recipe = read(tmp_path, teacher="old", objective_config={"strategy": "soft"})
    assert recipe.teacher == ("old",) and recipe.objective == "distill"
    assert recipe.named_objective() == {"name": "distill", "teacher": ["old"], "strategy": "soft"}
    taught = recipe.taught_by([tmp_path / "a", tmp_path / "b"])
    config = taught.plan().objective_config
    assert (
        config.teacher == (str(tmp_path / "a"), str(tmp_path / "b")) and type(config.strategy).__name__ == "SoftConfig"
    )
    assert read(tmp_path, teacher=["a", "b"]).teacher == ("a", "b")
    assert read(tmp_path).objective is None and read(tmp_path).evaluate.privileged is False
    assert read(tmp_path, evaluate={"privileged": True}).evaluate.privileged is True
    with pytest.raises(InvalidInput, match=r"recipe\.objective_config\.teacher"):
        read(tmp_path, teacher="old", objective_config={"teacher": ["runs/old"]})
    with pytest.raises(InvalidInput, match=r"recipe\.evaluate\.privilege"):
        read(tmp_path, evaluate={"privilege": True})


# -- a run's seed in the model's config -----------------------------------------------------------------------------


def test_fields_that_take_the_runs_seed_get_it_and_the_rest_stays(tmp_path: Path) -> None:
    recipe = read(tmp_path, model="task_rnn", model_config={"released_seed": 1, "units": 20}, seeded=["released_seed"])
    assert recipe.drawn_for(7).model_config == {"released_seed": 7, "units": 20}
    assert recipe.plan().model_config.released_seed == 1  # `neurodyn fit` takes what is written
    assert "seed" not in recipe.drawn_for(7).options
    assert read(tmp_path, new_data=True).drawn_for(7).options == {"seed": 7}
