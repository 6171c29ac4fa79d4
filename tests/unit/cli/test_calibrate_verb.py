"""`neurodyn calibrate RUN DATA`: subjects join a run by a few of their trials; `transform` knows them without."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from neurodyn.cli import main
from neurodyn.training.run import Run

DATA = ["--data.pairs", "1", "--data.stimuli", "16", "--data.valid", "4", "--data.test", "4"]
DATA += ["--data.shared", "6", "--data.calibration", "6", "--data.bins", "12"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    small = ["--model.hidden", "8", "--model.size", "3", "--train.steps", "4"]
    assert main(["fit", "pnba", "multi_subject", "--out", str(folder), *DATA, *small]) == 0
    return folder


def test_held_out_subjects_join_by_a_few_trials(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["calibrate", str(run), "multi_subject", "--trials", "4", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sessions"] == ["subject_3", "subject_4"] and said["trials"] == 4
    new = Run.open(Path(said["run"]))
    assert [s.name for s in new.spec.sessions] == [f"subject_{n}" for n in (1, 2, 3, 4)]
    assert new.config["model_config"]["calibrated"] == ["subject_3", "subject_4"]
    assert main(["evaluate", said["run"], "--metrics", "cross_subject_r", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["context"]["subjects"] == ["subject_3", "subject_4"] and "untrained" in score["baselines"]


def test_more_trials_than_there_are_and_known_sessions_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["calibrate", str(run), "multi_subject", "--trials", "9", "--out", str(tmp_path / "no")]) == 2
    assert "1 to 6" in capsys.readouterr().err and not (tmp_path / "no").exists()
    assert main(["calibrate", str(run)]) == 2
    assert "DATA" in capsys.readouterr().err


def test_transform_knows_held_out_subjects_zero_shot(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "latents.h5"
    assert main(["transform", str(run), "-o", str(out)]) == 0
    with h5py.File(out) as file:
        names: list[str] = []
        file.visit(names.append)
    assert any("subject_4" in name and name.endswith("latents") for name in names)
