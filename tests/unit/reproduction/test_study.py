"""Studies are folders of recipes: where they are looked for, what they are called, and that all we ship are complete."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import taught_study
import tiny_study

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.reproduction import study as studies
from neurodyn.reproduction.study import Study, arm_files, names, recipe_folders

ROOT = Path(__file__).parents[3]
BENCHMARK = ("mc_maze", "mc_rtt", "area2_bump", "dmfc_rsg", "mc_maze_large", "mc_maze_medium", "mc_maze_small")


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of recipes that holds the study tiny/lorenz."""
    folder = tiny_study.write(tmp_path / "recipes")
    monkeypatch.setenv("NEURODYN_RECIPES", str(folder))
    return folder


def test_a_study_is_a_folder_or_one_arm(recipes: Path) -> None:
    assert {"tiny", "tiny/lorenz", "tiny/lorenz/lfads", "tiny/lorenz/smoothing"} <= set(names())
    for name in ("tiny", "tiny/lorenz/"):
        study = Study.find(name)
        assert [arm.path for arm in study.arms] == ["tiny/lorenz/lfads", "tiny/lorenz/smoothing"]
    assert [study.below(arm) for arm in study.arms] == ["lfads", "smoothing"]
    (arm,) = (one := Study.find("tiny/lorenz/lfads")).arms
    assert one.below(arm) == "" and arm.recipe.model == "lfads" and set(arm.published) == {"co_bps", "rate_r2"}


def test_an_unknown_study_gets_the_nearest(recipes: Path) -> None:
    with pytest.raises(UnknownName, match="'tiny/lorenz'"):
        Study.find("tiny/lorens")
    with pytest.raises(UnknownName):
        Study.find("tin")  # a name is whole folders, not the beginning of one
    with pytest.raises(UnknownName):
        Study.find("")


def test_every_arm_needs_its_published_values_and_its_recipe(recipes: Path) -> None:
    published = tiny_study.expected()
    arms = published["arms"]
    tiny_study.write(recipes, published={**published, "arms": {"lfads": arms["lfads"]}})
    with pytest.raises(InvalidInput, match="no arm smoothing"):
        Study.find("tiny")
    tiny_study.write(recipes, published={**published, "arms": {**arms, "gone": arms["lfads"]}})
    with pytest.raises(InvalidInput, match=r"gone\.yaml"):
        Study.find("tiny/lorenz/lfads")


def arms_of(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "taught", **written: Any) -> Study:
    monkeypatch.setenv("NEURODYN_RECIPES", str(taught_study.write(folder, **written)))
    return Study.find(name)


def test_arms_have_a_reference_and_a_role_and_stand_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"model": "smoothing", "data": taught_study.DATA}
    expected = {"compare_with": ["none", "plain"]}
    study = arms_of(tmp_path, monkeypatch, expected=expected, plain=other, plain_too={"like": "plain", "seed": 1})
    found = [(arm.path.removeprefix("taught/reach/"), arm.role, arm.reference[-5:]) for arm in study.arms]
    assert found == [
        ("none", "reference", "/none"),
        ("hard", "student", "/none"),
        ("soft", "student", "/none"),
        ("mean_rate", "control", "/none"),
        ("self", "control", "/none"),
        ("teacher", "teacher", "/none"),
        ("teacher_mean_rate", "teacher", "/none"),  # of a model without a reference of its own
        ("plain", "reference", "plain"),
        ("plain_too", "teacher", "plain"),
    ]
    assert study.teachers == ()


def test_a_teacher_that_was_not_asked_for_is_trained_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = {"like": "hard", "teacher": ["self", "teacher"]}
    study = arms_of(tmp_path, monkeypatch, "taught/reach/twice", twice=twice)
    assert [arm.path for arm in study.arms] == ["taught/reach/twice"]
    trained = study.trained_for(study.arms)
    assert [arm.path.rpartition("/")[2] for arm in trained] == ["none", "self", "teacher", "twice"]
    assert [study.below(arm) for arm in trained] == ["teachers/none", "teachers/self", "teachers/teacher", ""]


def test_teachers_that_cannot_be_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match=r"teacher of taught/reach/hard.*'techer'.*'teacher'"):
        arms_of(tmp_path / "a", monkeypatch, hard={"like": "none", "teacher": "techer"})
    with pytest.raises(InvalidInput, match="taught/reach/one <- taught/reach/two <- taught/reach/one"):
        circle = {"one": {"like": "none", "teacher": "two"}, "two": {"like": "none", "teacher": "one"}}
        arms_of(tmp_path / "b", monkeypatch, "taught/reach/one", **circle)
    with pytest.raises(InvalidInput, match=r"controls\.gone"):
        folder = taught_study.write(tmp_path / "c")
        path = folder / "taught" / "reach" / "expected.json"
        path.write_text(path.read_text().replace('"self"', '"gone"'))
        monkeypatch.setenv("NEURODYN_RECIPES", str(folder))
        Study.find("taught")


def test_recipes_without_published_values_are_no_study(recipes: Path) -> None:
    (recipes / "tiny" / "lorenz" / "expected.json").unlink()
    assert not any(name.startswith("tiny") for name in names())


def test_a_folder_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_RECIPES", "/nowhere/recipes")
    with pytest.raises(InvalidInput, match="NEURODYN_RECIPES"):
        recipe_folders()


def test_those_inside_an_installed_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    package = tmp_path / "site" / "lib" / "neurodyn"
    tiny_study.write(package / "recipes")
    monkeypatch.setattr(studies, "files", lambda name: package)
    assert recipe_folders() == [package / "recipes"]
    assert names() == ["tiny", "tiny/lorenz", "tiny/lorenz/lfads", "tiny/lorenz/smoothing"]


def test_in_a_checkout_they_lie_beside_src(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    assert recipe_folders() == [ROOT / "recipes"]


@pytest.mark.slow
def test_a_built_wheel_holds_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("neurodyn/recipes/")}
    ours = {f"neurodyn/recipes/{path.relative_to(ROOT / 'recipes').as_posix()}" for path in arm_files().values()}
    assert ours <= held


# -- what we ship ---------------------------------------------------------------------------------------------------

SHIPPED = sorted(
    path.relative_to(ROOT / "recipes").with_suffix("").as_posix() for path in (ROOT / "recipes").rglob("*.yaml")
)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_recipe_builds_its_configs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    (arm,) = Study.find(name).arms
    for recipe in (arm.recipe, arm.recipe.quickened()):
        recipe.plan()
        dataset = registry.load("datasets", recipe.source)
        configs.from_dict(dataset.Config, recipe.options, "data")


@pytest.mark.parametrize("dataset", ["m1_stevenson", "m1_centerout"])
def test_privileged_distillation_is_compared_with_every_control(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    study = Study.find(f"blend/{dataset}")
    roles: dict[str, set[str]] = {}
    for arm in study.arms:
        if arm.recipe.model == "ndt":
            roles.setdefault(arm.role, set()).add(arm.path.rpartition("/")[2])
        configs_of = {key: value for key, value in arm.recipe.model_config.items() if key != "behaviour"}
        reference = next(other for other in study.arms if other.path == arm.reference)
        if arm.recipe.model == reference.recipe.model:  # one set of hyperparameters, in quick too
            assert configs_of == reference.recipe.model_config and arm.recipe.quick == reference.recipe.quick
            mine, theirs = arm.recipe.train, reference.recipe.train
            assert {**mine, "transforms": ()} == {**theirs, "transforms": ()}
    assert roles["reference"] == {"none"} and roles["control"] == {"shuffled", "self", "mean_rate"}
    assert roles["student"] == set(registry.names("strategies"))
    shuffled, of_shuffled = (
        next(a for a in study.arms if a.path.endswith(f"/{n}")) for n in ("shuffled", "teacher_shuffled")
    )
    assert shuffled.teachers == (of_shuffled.path,)
    assert shuffled.recipe.train["transforms"] == of_shuffled.recipe.train["transforms"] == ["behaviour_shuffle"]
    assert {arm.recipe.model for arm in study.arms} == {"ndt", "mean_rate", "lfads", "gru_seq"}


@pytest.mark.parametrize("dataset", BENCHMARK)
def test_every_benchmark_arm_says_what_was_published_of_every_score(
    dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    study = Study.find(f"nlb/{dataset}")
    second = "speed_interval_correlation" if dataset == "dmfc_rsg" else "velocity_r2"
    scores = {"co_bps", second, "fp_bps"} | (set() if dataset == "mc_rtt" else {"psth_r2"})
    assert {"smoothing", "gpfa", "lfads"} <= {arm.path.rsplit("/", 1)[-1] for arm in study.arms}
    for arm in study.arms:
        assert set(arm.published) == scores, arm.path
        assert arm.recipe.source == dataset and arm.recipe.options["bin_s"] == 0.005
        for name, published in arm.published.items():
            if published.value is None:
                assert published.reason, (arm.path, name)
            else:
                assert published.setting is not None and published.setting.data == dataset
                assert published.setting.bin_ms == 5 and published.setting.phase is not None
