"""Studies whose arms have teachers: trained first, kept only while the teachers are the same, compared seed by seed on the same trials."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import taught_study

from neurodyn import api
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Score
from neurodyn.reproduction.run import ArmsFailed
from neurodyn.reproduction.run import reproduce as reproduce_side_by_side
from neurodyn.reproduction.study import Study
from neurodyn.training.run import Run

reproduce = functools.partial(reproduce_side_by_side, workers=1, seeds=2)
FEW = ("none", "teacher", "hard", "self")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Study]:
    """Writes the study and finds it, or one arm of it."""

    def find(*arms: str, name: str = "taught/reach", **changed: Any) -> Study:
        monkeypatch.setenv("NEURODYN_RECIPES", str(taught_study.write(tmp_path / "recipes", *arms, **changed)))
        return Study.find(name)

    return find


def by_name(scores: list[Score]) -> dict[tuple[str, str], Score]:
    return {(score.context["arm"].rpartition("/")[2], score.name): score for score in scores}


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Path], bool]) -> None:
    """Has training fail for the runs in some folders."""
    fit = api.fit

    def sometimes(*arguments: Any, **options: Any) -> Any:
        if fails(options["out"]):
            raise InvalidInput("weights", "not finite", "finite ones")
        return fit(*arguments, **options)

    monkeypatch.setattr(api, "fit", sometimes)


@pytest.mark.slow
def test_students_are_taught_by_the_run_of_their_seed_and_compared_with_the_reference(
    study: Callable[..., Study], tmp_path: Path
) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    found = by_name(reproduce(study(), out, say=said.append))
    names = [line.split()[1].rstrip(",") for line in said]
    first = {name: names.index(f"taught/reach/{name}") for name in taught_study.RECIPES}
    assert first["teacher"] < first["hard"] and first["none"] < first["self"] and len(said) == 13
    for name, teacher in {
        "hard": "teacher/seed1",
        "self": "none/seed1",
        "mean_rate": "teacher_mean_rate/seed0",
    }.items():
        config = Run.open(out / name / "seed1").config
        assert config["objective"] == "distill" and config["objective_config"]["teacher"] == [str(out / teacher)]

    # every arm stands beside the reference, seed by seed, and the one that needs no seed beside each
    reference = found["none", "co_bps"]
    assert "paired" not in reference.context and reference.context["role"] == "reference"
    for name in ("hard", "self", "teacher"):
        one = found[name, "co_bps"].context["paired"]
        theirs = np.subtract(found[name, "co_bps"].context["values"], reference.context["values"])
        assert one["differences"] == pytest.approx(theirs.tolist()) and one["seeds"] == [0, 1]
        assert one["interval"][0] <= one["difference"] <= one["interval"][1] and "bootstrap" in one["how"]
    closed = found["teacher_mean_rate", "co_bps"].context["paired"]
    assert closed["differences"] == pytest.approx(
        [found["teacher_mean_rate", "co_bps"].value - value for value in reference.context["values"]]
    )

    # conclusions are of the student with the best validation score, and of the one that is taught as the controls are
    valid = {
        name: np.mean([api.Estimator.load(out / name / f"seed{s}").score(data().valid) for s in (0, 1)])
        for name in ("hard", "soft")
    }
    best = max(valid, key=lambda name: valid[name])
    concluding = {arm for (arm, _), score in found.items() if "conclusion" in score.context}
    assert concluding == {best, "hard"}
    counterpart = found["hard", "co_bps"].context["conclusion"]
    assert set(counterpart["valid"]) == (
        {"taught/reach/hard", "taught/reach/soft"} if best == "hard" else {"taught/reach/hard"}
    )
    conclusion = found[best, "co_bps"].context["conclusion"]
    assert conclusion["valid"] == pytest.approx({f"taught/reach/{name}": value for name, value in valid.items()})
    assert list(conclusion["over"]) == [f"taught/reach/{name}" for name in ("none", "mean_rate", "self")]
    over = np.subtract(found[best, "co_bps"].context["values"], found["self", "co_bps"].context["values"])
    assert conclusion["over"]["taught/reach/self"]["differences"] == pytest.approx(over.tolist())

    # a teacher is scored with its behaviour, and table, page and JSON say so
    teacher = found["teacher", "behaviour_r2"]
    assert teacher.context["privileged"] is True and found["hard", "co_bps"].context["privileged"] is False
    table, page = (out / "table.md").read_text(), (out / "report.html").read_text()
    for text in (table, page):
        assert "†" in text and "not deployable" in text and conclusion["sentence"] in text.replace("&#x27;", "'")
    assert "| taught/reach/self control | co_bps | none |" in table
    written = json.loads((out / "table.json").read_text())
    assert [c["sentence"] for c in written["conclusions"]] == [
        found[arm, name].context["conclusion"]["sentence"]
        for arm in ("hard", "soft")
        if arm in concluding
        for name in ("co_bps", "behaviour_r2")
    ]

    # the same again costs nothing, in another place too
    moved = shutil.move(out, tmp_path / "moved")
    again = reproduce(study(), Path(moved), say=said.append)
    assert all(line.endswith("finished before, kept") for line in said[13:])
    assert [score.as_mapping() for score in again] == written_back(written)


def data() -> Any:
    return api.load("privileged_reach", **taught_study.DATA["options"])


def written_back(table: dict[str, Any]) -> list[dict[str, Any]]:
    """The scores of a table as they were before they were JSON."""
    return [json.loads(json.dumps(score)) for score in table["scores"]]


def test_a_single_arm_trains_its_teacher_outside_the_table(study: Callable[..., Study], tmp_path: Path) -> None:
    found = reproduce(study(name="taught/reach/hard"), tmp_path / "out", seeds=1)
    assert {score.context["arm"] for score in found} == {"taught/reach/hard"}
    assert all("paired" not in score.context for score in found)
    assert (tmp_path / "out/teachers/teacher/seed0/best.safetensors").exists()
    config = Run.open(tmp_path / "out/seed0").config
    assert config["objective_config"]["teacher"] == [str(tmp_path / "out/teachers/teacher/seed0")]


def test_a_teacher_that_failed_is_named_by_those_it_would_have_taught(
    study: Callable[..., Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda out: "teacher" in out.parts)
    with pytest.raises(ArmsFailed) as failure:
        reproduce(study(*FEW), tmp_path / "out", seeds=1)
    message = str(failure.value)
    assert "taught/reach/teacher could not be run: weights" in message
    assert "taught/reach/hard could not be run: its teacher taught/reach/teacher, seed 0, could not be run" in message
    assert {score.context["arm"].rpartition("/")[2] for score in failure.value.scores} == {"none", "self"}


@pytest.mark.slow
def test_an_arm_of_which_a_seed_failed_keeps_the_others(
    study: Callable[..., Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda out: out.parts[-2:] == ("teacher", "seed1"))
    with pytest.raises(ArmsFailed, match=r"taught/reach/teacher \(seed 1\) could not be run: weights") as failure:
        reproduce(study(*FEW), tmp_path / "out")
    found = by_name(failure.value.scores)
    hard = found["hard", "co_bps"].context
    assert hard["seeds"] == [0] and hard["runs"] == "1 seed, 1 failed" and hard["paired"]["seeds"] == [0]
    assert found["self", "co_bps"].context["paired"]["seeds"] == [0, 1]
    assert "(1 seed, 1 failed)" in (tmp_path / "out/table.md").read_text()


def test_a_control_that_failed_leaves_the_conclusion_open(
    study: Callable[..., Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda out: "self" in out.parts)
    with pytest.raises(ArmsFailed) as failure:
        reproduce(study(*FEW), tmp_path / "out", seeds=1)
    conclusion = by_name(failure.value.scores)["hard", "co_bps"].context["conclusion"]
    assert conclusion["missing"] == ("taught/reach/self",) and list(conclusion["over"]) == ["taught/reach/none"]


@pytest.mark.slow
def test_a_student_of_other_weights_than_its_teacher_has_now_is_not_kept(
    study: Callable[..., Study], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    reproduce(study(*FEW), out, seeds=1)
    longer = {**taught_study.RECIPES["teacher"], "train": {"learning_rate": 0.01}}
    shutil.rmtree(out / "teacher")
    with pytest.raises(ArmsFailed, match=r"taught/reach/hard could not be run.*other weights than its teachers"):
        reproduce(study(*FEW, teacher=longer), out, seeds=1)
    shutil.rmtree(out / "hard")
    said: list[str] = []
    reproduce(study(*FEW, teacher=longer), out, seeds=1, say=said.append)
    assert [line.endswith("kept") for line in said] == [True, True, True, False]


@pytest.mark.slow
def test_scores_of_a_teacher_without_behaviour_are_not_taken_for_those_with_it(
    study: Callable[..., Study], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = by_name(reproduce(study("none", "teacher"), out, seeds=1))
    without = {score.name: score.value for score in api.evaluate(out / "teacher" / "seed0")}
    again = by_name(reproduce(study("none", "teacher"), out, seeds=1))
    assert without["behaviour_r2"] != first["teacher", "behaviour_r2"].value
    assert again["teacher", "behaviour_r2"].value == first["teacher", "behaviour_r2"].value


def test_runs_without_draws_are_scored_again(study: Callable[..., Study], tmp_path: Path) -> None:
    few = {**taught_study.RECIPES["none"], "quick": {"trials": 8}}
    two = {"none": few, "other": {"like": "none", "train": {"learning_rate": 0.01}}}
    first = by_name(reproduce(study("none", **two), tmp_path / "out", seeds=1))
    (tmp_path / "out/other/seed0/draws.npz").unlink()
    again = by_name(reproduce(study("none", **two), tmp_path / "out", seeds=1))
    one = first["other", "co_bps"].context["paired"]
    assert "bootstrap" in one["how"] and again["other", "co_bps"].context["paired"] == one


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"teacher": {**taught_study.RECIPES["teacher"], "seed": 3}}, "seed 0, as its student has"),
        (
            {"teacher": {**taught_study.RECIPES["teacher"], "data": {"options": {"train": 30}}}},
            "trained on other trials",
        ),
        ({"hard": {"like": "none", "teacher": "teacher", "objective_config": {"strategy": "sof"}}}, "'soft'"),
    ],
)
def test_a_teacher_that_does_not_fit_is_named_before_anything_runs(
    study: Callable[..., Study], tmp_path: Path, changed: dict[str, Any], named: str
) -> None:
    with pytest.raises((InvalidInput, LookupError), match=named):
        reproduce(study(*FEW, **changed), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_side_by_side_gives_what_one_after_another_gives(study: Callable[..., Study], tmp_path: Path) -> None:
    both = reproduce_side_by_side(study(*FEW), tmp_path / "both", seeds=2, workers=2)
    alone = reproduce(study(*FEW), tmp_path / "alone")
    assert [score.as_mapping() for score in both] == [score.as_mapping() for score in alone]
