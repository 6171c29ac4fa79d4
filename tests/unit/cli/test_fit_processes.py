"""`neurodyn fit --train.processes`: one run folder, whoever starts the processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import neurodyn as nd
from neurodyn.cli import main

SMALL = {"pairs": 1, "stimuli": 12, "valid": 4, "test": 4, "shared": 4, "calibration": 4, "bins": 12}
ASKED = ["fit", "pnba", "multi_subject", *(word for n, v in SMALL.items() for word in (f"--data.{n}", str(v)))]
ASKED += ["--train.processes", "2"]


def test_a_run_of_two_processes_loads_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main([*ASKED, "--out", str(out), "--train.epochs", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 2
    written = {"best.safetensors", "config.yaml", "environment.json", "last.ckpt", "metrics.csv", "metrics.jsonl"}
    assert {path.name for path in out.iterdir()} == written
    trials = nd.load("multi_subject", **SMALL)
    fitted = nd.Estimator.load(out)
    assert fitted.plan_.train.processes == 2
    assert fitted.transform(trials[0]).latents.shape[:2] == (20, 12)
    first = load_file(out / "best.safetensors")
    assert main([*ASKED, "--out", str(out), "--train.epochs", "4", "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 4
    assert [row["epoch"] for row in nd.Estimator.load(out).fitted_.history] == [0, 1, 2, 3]
    again = load_file(out / "best.safetensors")
    assert any(not torch.equal(first[name], again[name]) for name in first)


def test_a_training_that_cannot_start_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for asked in (["glm", "lorenz", "--train.processes", "2"], [*ASKED[1:], "--train.processes", "40"]):
        assert main(["fit", *asked, "--out", str(tmp_path / "run")]) == 2
        assert "train.processes" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_torchrun_trains_the_same_run(tmp_path: Path) -> None:
    assert main([*ASKED, "--out", str(tmp_path / "ours"), "--train.epochs", "2"]) == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "neurodyn"]
    theirs = [*torchrun, *ASKED, "--out", str(tmp_path / "theirs"), "--train.epochs", "2", "--json"]
    done = subprocess.run(theirs, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 2  # one of the two says so
    ours, other = (load_file(tmp_path / name / "best.safetensors") for name in ("ours", "theirs"))
    assert ours.keys() == other.keys() and all(torch.equal(ours[name], other[name]) for name in ours)
    alone = subprocess.run([*theirs, "--train.processes", "1"], capture_output=True, text=True, timeout=300)
    assert "expected 2, the processes that torchrun has started" in alone.stderr
