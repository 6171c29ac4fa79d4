"""A study's runs: scored on held-out trials, kept when finished, gone on with when killed, never mixed with others'."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_study
import yaml

from neurodyn import api
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.metrics.base import Score
from neurodyn.reproduction.limit import limited, unlabelled
from neurodyn.reproduction.run import ArmsFailed
from neurodyn.reproduction.run import reproduce as reproduce_side_by_side
from neurodyn.reproduction.study import Study
from neurodyn.training.run import Run

reproduce = functools.partial(reproduce_side_by_side, workers=1)
"""In this process: starting others takes longer than these runs."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setenv("NEURODYN_RECIPES", str(tiny_study.write(tmp_path / "recipes")))
    return Study.find("tiny/lorenz")


def by_name(scores: list[Score]) -> dict[tuple[str, str], Score]:
    return {(score.context["arm"], score.name): score for score in scores}


def test_full_scores_every_arm_beside_what_was_published(study: Study, tmp_path: Path) -> None:
    said: list[str] = []
    found = by_name(reproduce(study, tmp_path / "out", quick=False, seeds=2, say=said.append))
    smoothing, lfads = found["tiny/lorenz/smoothing", "co_bps"], found["tiny/lorenz/lfads", "co_bps"]
    assert smoothing.passed is True and smoothing.published == 0.5 and smoothing.context["seeds"] == [0]
    assert lfads.passed is False and lfads.published == 9.0 and len(lfads.context["values"]) == 2
    assert {"mean_rate", "shuffled"} <= set(smoothing.baselines)
    assert {"mean_rate", "smoothing", "glm", "untrained", "shuffled"} <= set(lfads.baselines)
    assert found["tiny/lorenz/lfads", "rate_r2"].published is None
    assert len(found) == 4 and len(said) == 3 and said[0].startswith("[1/3] tiny/lorenz/")

    # a run's value is what evaluating its folder gives
    again = api.evaluate(tmp_path / "out" / "lfads" / "seed1", baselines=False, metrics=["co_bps"])
    assert again[0].value == pytest.approx(lfads.context["values"][1], abs=1e-9)
    assert lfads.context["values"][0] != lfads.context["values"][1]
    written = json.loads((tmp_path / "out" / "table.json").read_text())
    assert written["study"] == "tiny/lorenz" and len(written["scores"]) == 4


@pytest.mark.slow
def test_side_by_side_gives_what_one_after_another_gives(study: Study, tmp_path: Path) -> None:
    said: list[str] = []
    both = reproduce_side_by_side(study, tmp_path / "both", seeds=2, workers=2, say=said.append)
    alone = reproduce(study, tmp_path / "alone", seeds=2)
    assert [score.as_mapping() for score in both] == [score.as_mapping() for score in alone]
    assert said[0] == "3 runs to do, 2 at a time" and len(said) == 4
    assert said[1].startswith("[1/3] tiny/lorenz/lfads, seed ")  # the longest first
    for folder in ("both", "alone"):  # fitted once for all runs on the same trials: those of quick, and all of them
        assert len(list((tmp_path / folder / "baselines").glob("*/*/glm/best.safetensors"))) == 2
        assert not list((tmp_path / folder).glob("lfads/seed*/baselines"))


def test_a_worker_that_fails_is_told_with_its_traceback(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(api, "fit", broken)
    with pytest.raises(ArmsFailed, match="ZeroDivisionError: by nothing") as failure:
        reproduce(study, tmp_path / "out", seeds=2)
    assert "in broken" in str(failure.value) and failure.value.scores == []


def test_an_arm_may_be_left_out_of_quick(study: Study, tmp_path: Path) -> None:
    quick = {**tiny_study.LFADS["quick"], "skip": True}
    tiny_study.write(tmp_path / "recipes", lfads={**tiny_study.LFADS, "quick": quick})
    study, arm = Study.find("tiny"), Study.find("tiny/lorenz/lfads")
    scores = reproduce(study, tmp_path / "out")
    assert {score.context["arm"] for score in scores} == {"tiny/lorenz/smoothing"}
    assert json.loads((tmp_path / "out/table.json").read_text())["left_out"] == ["tiny/lorenz/lfads"]
    for page in ("table.md", "report.html"):
        assert "Left out of --quick: tiny/lorenz/lfads" in (tmp_path / "out" / page).read_text()
    assert [a.path for a in study.left_out(quick=False)] == [] and arm.left_out(quick=True) == ()
    smoothing = tmp_path / "recipes/tiny/lorenz/smoothing.yaml"
    smoothing.write_text(smoothing.read_text() + "quick: {skip: true}\n")
    with pytest.raises(InvalidInput, match="--full"):
        reproduce(Study.find("tiny"), tmp_path / "none")


def test_a_score_asked_for_later_is_measured_on_kept_runs(study: Study, tmp_path: Path) -> None:
    one = Study.find("tiny/lorenz/smoothing")
    reproduce(one, tmp_path / "out")
    published = tiny_study.expected()
    published["arms"]["smoothing"]["rate_r2_per_neuron"] = tiny_study.NOTHING  # on request only
    tiny_study.write(tmp_path / "recipes", published=published)
    scores = reproduce(Study.find("tiny/lorenz/smoothing"), tmp_path / "out")
    assert [score.name for score in scores] == ["co_bps", "fp_bps", "rate_r2_per_neuron"]


def test_quick_says_what_it_changes_and_judges_nothing_by_it(study: Study, tmp_path: Path) -> None:
    found = by_name(reproduce(study, tmp_path / "out", seeds=1))
    lfads, smoothing = found["tiny/lorenz/lfads", "co_bps"], found["tiny/lorenz/smoothing", "co_bps"]
    assert lfads.passed is None and lfads.context["quick"] == ["train.epochs", "trials"]
    assert lfads.n == 4 and lfads.context["setting"]["train_trials"] == 8
    assert smoothing.passed is True and smoothing.n == 10  # its recipe has no quick
    assert len(Run.open(tmp_path / "out" / "lfads" / "seed0").history()) == 2


def test_finished_runs_are_kept_and_cut_ones_go_on(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = by_name(reproduce(study, out, quick=False, seeds=1))
    kept, cut = out / "lfads" / "seed0", out / "smoothing" / "seed0"
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*") if path.is_file()}
    for name in ("outputs.h5", "best.safetensors"):  # as if killed before it had been solved
        (cut / name).unlink()
    said: list[str] = []
    again = by_name(reproduce(study, out, quick=False, seeds=1, say=said.append))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [line.endswith("finished before, kept") for line in said] == [True, False]
    assert (cut / "outputs.h5").exists()
    assert {key: score.value for key, score in again.items()} == {key: score.value for key, score in first.items()}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"train": {"epochs": 4, "warmup_epochs": 0}}, "train"),
        ({"data": {"source": "lorenz", "options": {**tiny_study.DATA["options"], "seed": 2}}}, "data"),
    ],
)
def test_runs_of_another_recipe_or_other_data_are_not_mixed_in(
    study: Study, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    one = Study.find("tiny/lorenz/lfads")
    reproduce(one, tmp_path / "out", quick=False, seeds=1)
    tiny_study.write(tmp_path / "recipes", lfads={**tiny_study.LFADS, **change})
    with pytest.raises(ArmsFailed, match=f"seed0: {named}") as failure:
        reproduce(Study.find("tiny/lorenz/lfads"), tmp_path / "out", quick=False, seeds=1)
    assert "--out" in str(failure.value)


def test_an_arm_that_cannot_be_run_does_not_stop_the_others(study: Study, tmp_path: Path) -> None:
    too_large = {**tiny_study.LFADS, "train": {**tiny_study.LFADS["train"], "batch_size": 5000}}
    tiny_study.write(tmp_path / "recipes", lfads=too_large)
    with pytest.raises(ArmsFailed, match=r"tiny/lorenz/lfads could not be run: train\.batch_size") as failure:
        reproduce(Study.find("tiny"), tmp_path / "out", quick=False, seeds=1)
    arms = {score.context["arm"] for score in failure.value.scores}
    assert arms and "tiny/lorenz/lfads" not in arms
    assert arms == {each["context"]["arm"] for each in json.loads((tmp_path / "out/table.json").read_text())["scores"]}


def test_a_wrong_recipe_fails_before_anything_runs(study: Study, tmp_path: Path) -> None:
    tiny_study.write(tmp_path / "recipes", lfads={**tiny_study.LFADS, "train": {"epoch": 4}})
    with pytest.raises(InvalidInput, match=r"train\.epoch"):
        reproduce(Study.find("tiny"), tmp_path / "out")
    with pytest.raises(InvalidInput, match="seeds"):
        reproduce(study, tmp_path / "out", seeds=0)
    assert not (tmp_path / "out").exists()


def test_absent_data_fail_before_anything_runs(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    tiny_study.write(tmp_path / "recipes", lfads={**tiny_study.LFADS, "data": {"source": "m1_stevenson"}})
    with pytest.raises(MissingData) as failure:
        reproduce(Study.find("tiny"), tmp_path / "out")
    for word in ("tiny/lorenz/lfads", "m1_stevenson", "neurodyn data get m1_stevenson"):
        assert word in str(failure.value)
    tiny_study.write(tmp_path / "recipes", lfads={**tiny_study.LFADS, "data": "absent.h5"})
    with pytest.raises(MissingData, match=r"tiny/lorenz/lfads: .*absent\.h5"):
        reproduce(Study.find("tiny"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_its_data_is_left_out_and_the_others_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    tiny_study.write(tmp_path / "recipes")
    other = tmp_path / "recipes" / "tiny" / "recorded"
    other.mkdir()
    (other / "smoothing.yaml").write_text(yaml.safe_dump({**tiny_study.SMOOTHING, "data": "m1_stevenson"}))
    nothing = {"sources": {}, "settings": {}, "arms": {"smoothing": {"co_bps": tiny_study.NOTHING}}}
    (other / "expected.json").write_text(json.dumps(nothing))
    said: list[str] = []
    found = by_name(reproduce(Study.find("tiny"), tmp_path / "out", seeds=1, say=said.append))
    assert {arm for arm, _ in found} == {"tiny/lorenz/smoothing", "tiny/lorenz/lfads"}
    assert any("tiny/recorded/smoothing" in line and "neurodyn data get m1_stevenson" in line for line in said)
    assert json.loads((tmp_path / "out/table.json").read_text())["left_out"] == ["tiny/recorded/smoothing"]
    for file in ("table.md", "report.html"):
        assert "Left out for want of data: tiny/recorded/smoothing" in (tmp_path / "out" / file).read_text()


def test_data_may_be_drawn_anew_for_every_run_and_only_what_is_reported_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    anew = {"new_data": True, "evaluate": {"reported_only": True}}
    tiny_study.write(tmp_path / "recipes", lfads={**tiny_study.LFADS, **anew})
    (smoothing := tmp_path / "recipes/tiny/lorenz/smoothing.yaml").write_text(
        yaml.safe_dump({**tiny_study.SMOOTHING, **anew})
    )
    study = Study.find("tiny/lorenz")
    found = by_name(reproduce(study, tmp_path / "out", seeds=2))
    assert len(found["tiny/lorenz/smoothing", "co_bps"].context["values"]) == 2 and smoothing.is_file()
    assert len(set(found["tiny/lorenz/smoothing", "co_bps"].context["values"])) == 2
    for seed in (0, 1):
        run = Run.open(tmp_path / "out/lfads" / f"seed{seed}")
        assert {score.name for score in run.scores()} == {"co_bps", "rate_r2"}
    assert by_name(reproduce(study, tmp_path / "out", seeds=2)).keys() == found.keys()  # kept as they are


def test_a_limit_of_trials_holds_for_each_split_and_spreads_over_the_session() -> None:
    trials = api.load("lorenz", **tiny_study.DATA["options"])
    assert not isinstance(trials, list)
    few = limited(trials, 4)
    assert not isinstance(few, list)
    assert few.table["split"].value_counts().to_dict() == {"train": 4, "valid": 4, "test": 4}
    train = np.flatnonzero(trials.table["split"] == "train")
    assert np.array_equal(few.train.counts[[0, -1]], trials.counts[train[[0, -1]]])
    assert "source" not in few.provenance  # so that no run claims to be of the whole data set
    assert len(limited(trials, 1000)) == len(trials)
    assert limited(trials, None) is trials
    both = limited([trials, trials], 4)
    assert [len(t) for t in both] == [12, 12]


def test_labels_are_withheld_from_a_share_of_the_training_trials_alone() -> None:
    generator = np.random.default_rng(0)
    split = np.array(["train", "valid", "test", "train"] * 10)
    trials = Trials.from_arrays(
        generator.poisson(1.0, (40, 6, 5)), bin_s=0.05, heldin=[0, 2, 3], forward=2, split=split
    )
    found = unlabelled(trials, 0.75)
    withheld = ~found.known[:, :, [1, 4]].any((1, 2))
    assert withheld[split == "train"].sum() == 15 and not withheld[split != "train"].any()
    assert found.known[:, :, [0, 2, 3]].all() and found.known[~withheld].all()
    assert unlabelled(trials, 0.0) is trials and "source" not in found.provenance
    with pytest.raises(InvalidInput, match=r"recipe\.unlabelled"):
        unlabelled(dataclasses.replace(trials, heldin=np.arange(5)), 0.5)
