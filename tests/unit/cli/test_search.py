"""`neurodyn search`: a study and its best run, spaces from flags and files, what is refused, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import neurodyn
from neurodyn.cli import main
from neurodyn.search.study import Study
from neurodyn.training.run import Run

TINY = ["--data.trials", "30", "--model.generator.size", "4", "--model.factors", "2", "--model.controller", "4"]
TINY += ["--model.initial-condition-encoder", "4", "--model.input-encoder", "4", "--engine", "serial"]
SHORT = ["--population", "2", "--generations", "1", "--generation-epochs", "1", "--burn-in-epochs", "1"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_search_ends_with_a_run_that_can_be_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["search", "lfads", "two_area", *TINY, *SHORT, "--vary", "model.dropout=uniform(0,0.6)"]
    assert main([*command, "--vary", "train.learning_rate=log_uniform(1e-4,1e-2)", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    study = Study.open("runs/two_area/lfads/search_population_seed0")
    assert found["study"] == str(study.path) and found["best"] == str(study.best)
    assert found["generations"] == 2 and set(found["values"]) == {"model.dropout", "train.learning_rate"}
    assert found["schedule"][-1]["last_epoch"] == 2 and found["score"] == study.winner.score
    assert "generation 1: best score" in captured.err
    config = Run.open(study.best).config
    assert config["data"]["options"]["trials"] == 30 and config["model_config"]["generator"]["size"] == 4
    (score,) = neurodyn.evaluate(found["best"], metrics=["rate_r2"], baselines=False, samples=0)
    assert score.name == "rate_r2"


def test_a_file_of_a_space_and_a_random_search(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("space.yaml").write_text("model.generator.size: [3, 5]\nmodel.dropout: {uniform: [0, 0.5]}\n")
    command = ["search", "lfads", "two_area", *TINY, "--algorithm", "random", "--population", "2", "--out", "s"]
    command += ["--space", "space.yaml", "--vary", "model.dropout=uniform(0.1,0.2)", "--train.epochs", "1"]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "Next: neurodyn evaluate s/best" in captured.err and "model.dropout: 0.1" in captured.err  # fmt: skip
    assert {row.values["model.generator.size"] for row in Study.open("s").lineage.rows} <= {3, 5}
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*command, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schedule"][0]["first_epoch"] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["lfads"], ["DATA", "neurodyn search MODEL DATA"]),
        (["lfads", "two_area", "--populatoin", "3"], ["--populatoin", "--population"]),
        (["lfads", "two_area", "--population", "1"], ["population", "at least 2"]),
        (["lfads", "two_area", "--engine", "locl"], ["'locl'", "'local'"]),
        (["lfads", "two_area", "--workers", "0"], ["workers", "at least 1"]),
        (["lfads", "two_area", "--space", "absent.yaml"], ["absent.yaml"]),
        (["lfads", "two_area", "--vary", "model.dropout"], ["--vary", "distribution"]),
        (["lfads", "two_area", "--vary", "model.dropuot=uniform(0,0.6)"], ["model.dropuot", "'dropout'"]),
        (["lfads", "two_area", "--vary", "model.dropout=uniform(0.6,0)"], ["model.dropout", "low below high"]),
        (["lfads", "two_area", "--vary", "model.dropout=normal(0,1)"], ["model.dropout", "uniform"]),
        (["lfads", "two_area", "--vary", "objective.kl_scales.inpts=uniform(0,1)"], ["'inpts'", "'inputs'"]),
        (["lfads", "two_area", "--vary", "model.generator.size=uniform(2,9)"], ["generator.size", "--algorithm random"]),
        (["glm", "two_area", "--algorithm", "random"], ["glm brings no space", "--vary"]),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_nothing_is_written(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: list[str]
) -> None:
    extra = ["--data.trials", "30"] if len(arguments) > 1 else []
    assert main(["search", *arguments, *extra]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    for word in named:
        assert word in captured.err
    assert list(elsewhere.iterdir()) == []


def test_the_help_lists_models_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--help"]) == 0
    assert "lfads" in capsys.readouterr().out
    assert main(["search", "lfads", "two_area", "--help"]) == 0
    told = capsys.readouterr().out
    for flag in ("--algorithm", "--vary", "--workers", "--model.dropout", "--train.learning-rate", "--resume"):
        assert flag in told


@pytest.mark.slow
def test_ctrl_c_ends_with_130_no_workers_and_the_command_that_goes_on(elsewhere: Path) -> None:
    arguments = ["lfads", "two_area", *TINY[:-1], "local", "--population", "2", "--out", "s", "--burn-in-epochs"]
    command = [sys.executable, "-m", "neurodyn", "search", *arguments, "100000", "--generations", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(elsewhere.glob("s/members/*/last.ckpt")) and time.monotonic() < deadline:
            time.sleep(0.05)
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")  # workers are the children of threads
        children = [child for task in tasks for child in task.read_text().split()]
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "--resume" in error and "Traceback" not in error
    assert children and not any(Path(f"/proc/{child}").exists() for child in children)
    assert not list(elsewhere.rglob("*.part")) and not list(elsewhere.rglob(".data-*"))
