"""`neurodyn evaluate`, `transform` and `analyse` on networks trained on a task."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

import synthetic_reaches
from neurodyn.cli import main

TASK = ["--data.task.kinematics", "minimum_jerk", "--data.trials", "16", "--data.valid", "4", "--data.test", "12"]
SMALL = [
    "--model.units",
    "10",
    "--train.epochs",
    "2",
    "--train.batch-size",
    "8",
    "--train.checkpoint-steps",
    "0",
    "2",
    "4",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with `runs/eprop` and `runs/bptt`."""
    path, before = tmp_path_factory.mktemp("tasks"), Path.cwd()
    os.chdir(path)
    for rule in ("eprop", "bptt"):
        assert main(["fit", "task_rnn", "reach", "--rule", rule, *TASK, *SMALL, "--out", f"runs/{rule}"]) == 0
    yield path
    os.chdir(before)


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    found: dict = json.loads(capsys.readouterr().out)
    return found


def test_similarity_to_a_recording(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    synthetic_reaches.write(tmp_path)
    asked = ["analyse", "runs/eprop", "--similarity", "hatsopoulos2007", "--lag-s", "0.1"]
    found = said(asked, capsys)
    assert found["steps"] == [0, 2, 4] and found["used_lag_s"] == 0.1
    assert set(found["measures"]) == {"procrustes", "procrustes:without_mean"}
    assert len(found["measures"]["procrustes"]["values"]) == 3
    assert json.loads(Path("runs/eprop/analysis/similarity.json").read_text())["reference"] == "hatsopoulos2007"
    assert main(["report", "runs/eprop", "-o", str(tmp_path / "report.html")]) == 0
    assert "hatsopoulos2007" in (tmp_path / "report.html").read_text()
    assert main([*asked[:4], "--measures", "procrustus"]) == 2
    assert main(["analyse", "runs/eprop", "--similarity", "hatsopoulos"]) == 2
    assert "hatsopoulos2007" in capsys.readouterr().err


def test_evaluate_has_the_error_beside_its_baselines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (score,) = said(["evaluate", "runs/eprop"], capsys)["scores"]
    assert score["name"] == "normalised_error" and score["direction"] == "lower" and score["ceiling"] == 0
    assert list(score["baselines"]) == ["constant_output", "linear", "untrained", "shuffled"]
    assert score["baselines"]["constant_output"] == pytest.approx(1, abs=0.05)
    assert score["n"] == 12 and score["interval"][0] <= score["value"] <= score["interval"][1]
    with h5py.File("runs/eprop/outputs.h5") as file:
        assert file["test/predicted_target"].shape == (12, 300, 2) and file["test/latents"].shape == (12, 300, 10)


def test_transform_writes_outputs_and_activity(folder: Path) -> None:
    assert main(["transform", "runs/eprop", "reach", *TASK, "-o", "out.h5"]) == 0
    with h5py.File("out.h5") as file:
        assert file["predicted_target"].shape == (32, 300, 2) and file["latents"].shape == (32, 300, 10)
        assert np.isfinite(file["predicted_target"][()]).all()
        assert set(file["trials/condition"][()]) == set(range(8))


def test_gradients(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["analyse", "runs/eprop", "--gradients"], capsys)
    assert found["rule"] == "eprop" and found["steps"] == [0, 2, 4]
    assert found["blocks"]["output"]["cosine"] == pytest.approx([1, 1, 1])
    assert all(0 < angle < 90 for angle in found["blocks"]["recurrent"]["angle_deg"])
    assert json.loads(Path("runs/eprop/analysis/gradient_alignment.json").read_text()) == found
    other = said(["analyse", "runs/bptt", "--gradients", "--rule", "eprop"], capsys)
    assert other["rule"] == "eprop" and (folder / "runs/bptt/analysis/gradient_alignment_eprop.json").is_file()
    assert not (folder / "runs/bptt/analysis/gradient_alignment.json").exists()


def test_spectrum_and_errors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["analyse", "runs/eprop", "--spectrum"], capsys)
    assert len(found["eigenvalues"]["after"]["real"]) == 10 and found["change"]["norm_ratio"] > 0
    found = said(["analyse", "runs/eprop", "--errors"], capsys)
    assert found["steps"] == [0, 2, 4] and len(found["measures"]["normalised_error"]["values"]) == 3


def test_matched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["analyse", "runs/eprop", "--matched", "runs/bptt", "--levels", "99", "1e-9"], capsys)
    assert found["runs"] == {"eprop": "runs/eprop", "bptt": "runs/bptt"}
    assert [each["level"] for each in found["levels"]] == [99, 1e-9]
    assert found["levels"][0]["reached"]["bptt"]["step"] == 0
    assert found["levels"][1]["reached"] == {"eprop": None, "bptt": None}
    capsys.readouterr()
    assert main(["analyse", "runs/eprop", "--matched", "runs/eprop"]) == 2
    assert "different runs" in capsys.readouterr().err


def test_tables_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for analysis, words in (
        ("--gradients", "Degrees"),
        ("--spectrum", "effective rank"),
        ("--errors", "normalised_error"),
    ):
        capsys.readouterr()
        assert main(["analyse", "runs/eprop", analysis]) == 0
        captured = capsys.readouterr()
        assert words in captured.err and captured.out == ""


def test_several_analyses_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["analyse", "runs/eprop", "--spectrum", "--errors"], capsys)
    assert set(found) == {"run", "spectrum", "errors"}
    assert found["spectrum"] == said(["analyse", "runs/eprop", "--spectrum"], capsys)
