"""`neurodyn adapt RUN DATA`: a new run beside the old one, with plain messages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurodyn import Trials
from neurodyn.cli import main
from neurodyn.data.splits import split_trials
from neurodyn.data.store import save
from neurodyn.training.run import Run

SMALL = ["--model.generator", "6", "--model.factors", "4", "--model.initial-condition", "4", "--model.controller", "4"]
SMALL += ["--model.initial-condition-encoder", "4", "--model.input-encoder", "4", "--train.epochs", "1"]


def write(path: Path, name: str, seed: int) -> Path:
    counts = np.random.default_rng(seed).poisson(0.8, (30, 12, 8 + seed))
    save(split_trials(Trials.from_arrays(counts, bin_s=0.02, session=name), (0.6, 0.2, 0.2)), path)
    return path


def test_a_session_joins_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (write(tmp_path / f"{name}.h5", name, seed) for seed, name in enumerate(("a", "b")))
    run = tmp_path / "run"
    assert main(["fit", "lfads", str(first), "--out", str(run), *SMALL]) == 0
    capsys.readouterr()
    assert main(["adapt", str(run), str(second), "--train.epochs", "2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sessions"] == ["a", "b"] and said["epochs"] == 2
    new = tmp_path / "run-with-b"
    assert said["run"] == str(new) and Run.open(new).config["data"]["joined"][0]["sessions"] == ["b"]
    assert [session.name for session in Run.open(new).spec.sessions] == ["a", "b"]
    assert main(["adapt", str(run), str(second)]) == 2
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["adapt"], "RUN: got nothing"),
        (["adapt", "nowhere"], "DATA: got nothing"),
        (["adapt", "nowhere", "two_area"], "a run's folder"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_help_needs_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapt", "--help"]) == 0
    assert "neurodyn adapt RUN DATA" in capsys.readouterr().out
    assert main(["adapt", "nowhere", "nothing.h5", "--help"]) == 0
    assert "--train.epochs" in capsys.readouterr().out
