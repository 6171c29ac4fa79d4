"""Training a student: its teachers' runs, what is trained beside it, resuming, and what needs no teacher any more."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import neurodyn as nd
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.estimator import Estimator
from neurodyn.objectives.distill import Distill
from neurodyn.objectives.elbo import ELBOConfig
from neurodyn.training.plan import Plan
from neurodyn.training.run import Run
from neurodyn.training.teachers import teachers, without_fold

SMALL: dict[str, Any] = {"width": 8, "layers": 2, "feedforward": 8}
TRAIN = {"epochs": 2, "batch_size": 10, "burn_in_epochs": 0}
WITH_BEHAVIOUR = {"behaviour": {"fusion": "add"}}


def reaches(trials: int = 36, seed: int = 0, **more: Any) -> Trials:
    """Spikes that follow a movement."""
    rng = np.random.default_rng(seed)
    movement = np.cumsum(rng.normal(size=(trials, 12, 2)), 1) / 3
    counts = rng.poisson(np.exp(movement @ rng.normal(size=(2, 8)) / 2 - 1))
    split = np.repeat(["train", "valid", "test"], [trials - 16, 8, 8])
    given: dict[str, Any] = {"counts": counts, "behaviour": movement, "heldin": range(6), "forward": 2, "split": split}
    return Trials.from_arrays(**{**given, **more}, bin_s=0.02)


def fitted(model: str = "ndt", trials: Trials | None = None, **more: Any) -> Estimator:
    given: dict[str, Any] = {"train": TRAIN, "progress": False, **SMALL, **more}
    return nd.fit(model, trials or reaches(), **given)


def student(teacher: str | Path, strategy: Any = "hard", out: Path | None = None, **more: Any) -> Estimator:
    objective = {"name": "distill", "teacher": [str(teacher)], "strategy": strategy, **more.pop("objective", {})}
    return fitted(objective=objective, out=out, **more)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "teacher"
    fitted(out=out, **WITH_BEHAVIOUR)
    return out


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_student_learns_otherwise_than_alone_and_alpha_one_is_bit_for_bit_alone(teacher: Path) -> None:
    alone = fitted().model_.state_dict()
    assert not same(student(teacher).model_.state_dict(), alone)
    for strategy in ("hard", "feature"):
        assert same(student(teacher, strategy, objective={"alpha": 1.0}).model_.state_dict(), alone)
    assert same(student("nowhere", objective={"alpha": 1.0}).model_.state_dict(), alone)


def test_maps_beside_the_student_train_resume_and_stay_out_of_its_weights(teacher: Path, tmp_path: Path) -> None:
    for name, lengths in (("whole", (3,)), ("parts", (1, 3))):
        for epochs in lengths:
            more = {"train": {**TRAIN, "epochs": epochs}, "resume": True}
            found = student(teacher, "feature", tmp_path / name, **more)
    whole, parts = (Run.open(tmp_path / name).checkpoint() or {} for name in ("whole", "parts"))
    assert same(whole["state_dict"], parts["state_dict"])
    moments = [c["optimizer_states"][0]["state"] for c in (whole, parts)]
    assert all(torch.equal(moments[0][i]["exp_avg"], moments[1][i]["exp_avg"]) for i in moments[0])
    maps = {name: value for name, value in whole["state_dict"].items() if name.startswith("beside.")}
    assert len(maps) == 4 and not torch.equal(maps["beside.maps.layer_1.weight"], torch.eye(8))
    weights = load_file(tmp_path / "whole" / "best.safetensors")
    assert weights.keys() == fitted().model_.state_dict().keys() == found.model_.state_dict().keys()
    assert "train/distillation" in found.fitted_.history[-1] and "valid/distillation" in found.fitted_.history[-1]


def test_a_teacher_is_left_as_it_was(teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Distill] = []
    taught_by = Distill.taught_by

    def listen(self: Distill, models: Any) -> None:
        heard.append(self)
        taught_by(self, models)

    monkeypatch.setattr(Distill, "taught_by", listen)
    student(teacher)
    (model,) = heard[0]._teachers
    assert same(model.state_dict(), load_file(teacher / "best.safetensors"))
    assert all(p.grad is None and not p.requires_grad for p in model.parameters()) and not model.training


def test_a_run_scores_adapts_and_loads_without_its_teacher(teacher: Path, tmp_path: Path) -> None:
    moved = tmp_path / "teacher"
    shutil.copytree(teacher, moved)
    kind: dict[str, Any] = {"generator": 8, "factors": 3}
    objective = {"name": "distill", "teacher": [str(moved)]}
    trained = nd.fit(
        "lfads", reaches(), objective=objective, train=TRAIN, out=tmp_path / "student", progress=False, **kind
    )
    assert isinstance(trained.plan_.objective_config.base, ELBOConfig)
    assert trained.plan_.untaught().objective == "elbo"
    assert "valid/kl_initial_condition" in trained.fitted_.history[-1]
    shutil.rmtree(moved)
    again = Estimator.load(tmp_path / "student")
    assert again.score(reaches().test) == pytest.approx(trained.score(reaches().test))
    joined = again.adapt(Trials.from_arrays(**_session(), session="later"), train={"epochs": 1})
    assert joined.plan_.objective == "elbo"
    with pytest.raises(MissingData, match=r"there is no run in .*teacher\. Train the teacher first"):
        again.plan_.build_objective(again.model_)


def _session() -> dict[str, Any]:
    other = reaches(seed=1)
    return {"counts": other.counts, "heldin": range(5), "forward": 2, "bin_s": 0.02}


def test_a_teacher_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="nowhere"):
        student(tmp_path / "nowhere", out=tmp_path / "student")
    assert not list(tmp_path.iterdir())


def test_release_has_the_last_epochs_weights(teacher: Path, tmp_path: Path) -> None:
    def config(folder: Path, mode: str) -> Any:
        asked = {"name": "distill", "teacher": [str(folder)], "mode": mode}
        return Plan.of("ndt", SMALL, asked).objective_config

    copied = tmp_path / "teacher"
    shutil.copytree(teacher, copied)
    changed = {n: t + 1 if t.is_floating_point() else t for n, t in load_file(teacher / "best.safetensors").items()}
    Run.open(copied).write_weights(changed)
    (best,), (last,) = teachers(config(copied, "default")), teachers(config(copied, "release"))
    assert same(best.state_dict(), changed)
    state = (Run.open(teacher).checkpoint() or {})["state_dict"]
    assert same(last.state_dict(), {n.removeprefix("model."): t for n, t in state.items() if n.startswith("model.")})
    (copied / "last.ckpt").unlink()
    with pytest.raises(MissingData, match=r"no last\.ckpt"):
        teachers(config(copied, "release"))


def test_what_is_solved_for_cannot_be_a_student(teacher: Path) -> None:
    with pytest.raises(InvalidInput, match="distill with the rule closed_form"):
        nd.fit("mean_rate", reaches(), objective={"name": "distill", "teacher": [str(teacher)]})


def test_folds_part_the_trials() -> None:
    trials = reaches(36)
    left = [without_fold(trials, fold, 3) for fold in range(3)]
    assert [len(t) for t in left] == [24, 24, 24]
    np.testing.assert_array_equal(left[1].counts[:4], trials.counts[[0, 2, 3, 5]])
