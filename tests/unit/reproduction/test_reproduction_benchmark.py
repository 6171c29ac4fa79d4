"""The benchmark's studies on synthetic recordings of its exact structure: phase val, and phase test against a target file."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_study

import synthetic_nwb
from neurodyn import registry
from neurodyn.cli import main
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Study

CLOSED = {
    "model": "smoothing",
    "data": {"source": "mc_maze_small"},
    "model_config": tiny_study.SMOOTHING["model_config"],
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with synthetic files of mc_maze_small."""
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    synthetic_nwb.write_dataset(tmp_path / "data", "mc_maze_small")
    return tmp_path / "data"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """One arm on mc_maze_small whose published value is of phase test."""
    setting = {"data": "mc_maze_small", "bin_ms": 5, "phase": "test"}
    arms = {"lfads": {"co_bps": tiny_study.value(0.2, 9.0), "psth_r2": tiny_study.NOTHING}}
    published = {"sources": tiny_study.SOURCE, "settings": {"same": setting}, "arms": arms}
    folder = tiny_study.write(tmp_path / "recipes", lfads=CLOSED, published=published)
    (folder / "tiny" / "lorenz" / "smoothing.yaml").unlink()
    monkeypatch.setenv("NEURODYN_RECIPES", str(folder))
    return Study.find("tiny/lorenz/lfads")


def write_targets(path: Path) -> Path:
    """A file in the layout of the organisers' targets, with random counts of the evaluated trials."""
    tensors = registry.load("datasets", "mc_maze_small").with_options(phase="test").tensors()
    arrays, rng = tensors.arrays, np.random.default_rng(0)
    trials, observed = arrays["eval_spikes_heldin"].shape[:2]
    forward = arrays["train_spikes_heldin_forward"].shape[1]
    sizes = {part: arrays[f"train_spikes_{part}"].shape[2] for part in ("heldin", "heldout")}
    with h5py.File(path, "w") as file:
        group = file.create_group("mc_maze_small")
        group["eval_spikes_heldout"] = rng.poisson(0.1, (trials, observed, sizes["heldout"])).astype(np.float32)
        for part, units in sizes.items():
            group[f"eval_spikes_{part}_forward"] = rng.poisson(0.1, (trials, forward, units)).astype(np.float32)
        group["train_behavior"] = arrays["train_behavior"]
        group["eval_behavior"] = rng.normal(size=(trials, observed, 2)).astype(np.float32)
    return path


def test_an_arm_of_the_benchmark_runs_from_the_recordings(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "nlb/mc_maze_small/smoothing", "--full", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == "nlb/mc_maze_small/smoothing"
    scores = {score["name"]: score for score in found["scores"]}
    assert {"co_bps", "velocity_r2", "psth_r2"} <= set(scores)
    assert scores["co_bps"]["value"] > scores["co_bps"]["baselines"]["mean_rate"]
    for score in scores.values():
        assert score["published"] is None and score["passed"] is None and score["context"]["not_comparable"]
        assert score["context"]["setting"]["phase"] == "val" and score["context"]["setting"]["bin_ms"] == 5


def test_absent_recordings_are_named_with_the_command_that_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("NEURODYN_DATA", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    assert main(["reproduce", "nlb"]) == 2
    message = capsys.readouterr().err
    for word in ("nlb/mc_maze_small/smoothing", "nlb/mc_rtt/lfads", "neurodyn data get mc_maze_small"):
        assert word in message
    assert not list(tmp_path.iterdir())


def test_phase_val_is_not_judged_by_a_value_of_phase_test(data: Path, study: Study, tmp_path: Path) -> None:
    co_bps = reproduce(study, tmp_path / "out", quick=False)[0]
    assert co_bps.published == 0.2 and co_bps.passed is None
    assert co_bps.context["not_comparable"] == "phase val here, test published"


def test_phase_test_is_scored_against_the_targets_and_judged(data: Path, study: Study, tmp_path: Path) -> None:
    targets, said = write_targets(tmp_path / "targets.h5"), list[str]()
    (co_bps,) = reproduce(study, tmp_path / "out", quick=False, targets=targets, say=said.append)
    assert co_bps.published == 0.2 and co_bps.passed is True and co_bps.context["not_comparable"] is None
    assert co_bps.context["setting"]["phase"] == "test" and "mean_rate" in co_bps.baselines
    assert "not blind" in said[0] and "not blind" in (tmp_path / "out" / "table.md").read_text()
    run = tmp_path / "out" / "seed0"
    assert {"submission.h5", "submission.scores.json", "test_targets_used.jsonl"} <= {p.name for p in run.iterdir()}
    again = reproduce(study, tmp_path / "out", quick=False, targets=targets, say=said.append)
    assert again[0].value == co_bps.value and said[-2].endswith("kept")
    assert said[-1] == "tiny/lorenz/lfads: psth_r2 cannot be scored on these trials"  # the targets hold none
    assert len((run / "test_targets_used.jsonl").read_text().splitlines()) == 1  # kept scores use the targets no more


def test_wrong_targets_are_refused_before_anything_runs(data: Path, study: Study, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"absent\.h5"):
        reproduce(study, tmp_path / "out", quick=False, targets=tmp_path / "absent.h5")
    targets = write_targets(tmp_path / "targets.h5")
    with pytest.raises(InvalidInput, match="--full"):
        reproduce(study, tmp_path / "out", targets=targets)
    tiny_study.write(tmp_path / "recipes")
    with pytest.raises(InvalidInput, match="no phase test"):
        reproduce(Study.find("tiny/lorenz/smoothing"), tmp_path / "out", quick=False, targets=targets)
    assert not (tmp_path / "out").exists()
