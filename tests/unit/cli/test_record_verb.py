"""`neurodyn record RUN`, and data sets' parts as flags."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import neurodyn
from neurodyn.cli import main
from neurodyn.populations import record
from neurodyn.training.run import Run

TASK = ["--data.trials", "16", "--data.valid", "8", "--data.test", "8", "--data.task.duration-s", "0.5"]
FEW = ["--trials", "12", "--units", "6", "--heldout", "2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "network"
    small = ["--model.units", "8", "--train.epochs", "1", "--out", str(folder)]
    assert main(["fit", "task_rnn", "flip_flop", *TASK, *small]) == 0
    return folder


def test_a_network_is_recorded_into_a_file_that_fits(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "recorded.h5"
    given = [*FEW, "--sampler", "negative_binomial", "--sampler.fano", "1.5"]
    assert main(["record", str(run), "-o", str(out), *given, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["trials"], said["units"], said["heldout"]) == (12, 8, 2)
    assert said["recorded"]["options"]["sampler"] == {"name": "negative_binomial", "fano": 1.5}
    trials = neurodyn.load(out)
    sampler = {"name": "negative_binomial", "fano": 1.5}
    again = record(run, trials=12, units=6, heldout=2, sampler=sampler)
    np.testing.assert_array_equal(trials.counts, again.counts)
    assert main(["fit", "mean_rate", str(out), "--out", str(tmp_path / "fitted")]) == 0
    assert main(["record", str(run), "-o", str(out), *FEW]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["record", str(run), "-o", str(out), *FEW, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["record"], "RUN: got nothing"),
        (["record", "nowhere", "-o", "x.h5"], "a run's folder"),
        (["record", "nowhere"], "--out: got nothing"),
        (["record", "nowhere", "-o", "x.npz"], "ends in .h5"),
        (["record", "nowhere", "-o", "x.h5", "--unit", "3"], "Did you mean --units"),
        (["record", "nowhere", "-o", "x.h5", "--sampler", "binomal"], "Did you mean 'binomial'"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_parts_of_a_data_set_are_flags_and_are_kept_by_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data.trials", "21", "--data.sampler", "negative_binomial", "--data.sampler.fano", "1.5"]
    data += ["--data.embedding", "random_manifold", "--data.embedding.size", "5"]
    run = tmp_path / "run"
    assert main(["fit", "mean_rate", "lorenz", *data, "--out", str(run)]) == 0
    options = Run.open(run).config["data"]["options"]
    assert options["sampler"] == {"name": "negative_binomial", "fano": 1.5}
    assert options["embedding"]["name"] == "random_manifold"
    again = neurodyn.load("lorenz", **options)
    assert again.truth["latents"].shape[-1] == 5
    capsys.readouterr()
    assert main(["transform", str(run), "-o", str(tmp_path / "x.h5"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 21


def test_parts_of_a_data_set_are_flags_of_data_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.h5"
    given = ["--trials", "20", "--task", "perceptual", "--task.current-na", "0.02"]
    assert main(["data", "prepare", "single_area", *given, "-o", str(out)]) == 0
    stimulus = neurodyn.load(out).truth["inputs"]
    assert stimulus[:, 5:95].mean() == pytest.approx(0.02)
    assert main(["data", "info", "lorenz", "--sampler", "no_such"]) == 2
    assert "sampler" in capsys.readouterr().err
