"""`neurodyn reproduce`: one JSON object, a table for people, studies listed, absent data named, a kill survived."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from neurodyn.cli import main
from neurodyn.reproduction import run as reproduction
from neurodyn.training.run import Run

LORENZ = {"source": "lorenz", "options": {"trials": 35, "units": 8, "bins": 20, "forward": 5}}
SMOOTHING: dict[str, Any] = {
    "model": "smoothing",
    "data": LORENZ,
    "model_config": {"widths": [2.0], "strengths": [1.0]},
}
LFADS: dict[str, Any] = {
    "model": "lfads",
    "data": LORENZ,
    "model_config": {"generator": 4, "factors": 2, "initial_condition": 4, "inferred_inputs": 0},
    "train": {"epochs": 100000, "patience": 100000, "schedule": "constant"},  # other epochs leave it as it is
}
PUBLISHED = {"value": 0.5, "tolerance": 5.0, "source": "paper", "setting": "same"}
EXPECTED = {
    "sources": {"paper": {"citation": "A paper", "url": "https://doi.org/10.0/none"}},
    "settings": {"same": {"data": "lorenz", "bin_ms": 20}},
    "arms": {
        "smoothing": {"co_bps": PUBLISHED, "fp_bps": {"value": None, "reason": "not reported"}},
        "lfads": {"co_bps": PUBLISHED},
    },
}


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and the folder of the study `tiny`."""
    below = tmp_path / "recipes" / "tiny"
    below.mkdir(parents=True)
    (below / "smoothing.yaml").write_text(yaml.safe_dump(SMOOTHING))
    (below / "lfads.yaml").write_text(yaml.safe_dump(LFADS))
    (below / "expected.json").write_text(json.dumps(EXPECTED))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    monkeypatch.chdir(tmp_path)
    return below


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The message of a command that must end with code 2 and leave nothing behind."""
    assert main(["reproduce", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err and not Path("runs").exists()
    return captured.err


def test_json_is_one_object_and_the_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "tiny/smoothing", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert set(found) == {"study", "scores", "conclusions", "left_out"} and found["study"] == "tiny/smoothing"
    co_bps, fp_bps = found["scores"]
    assert (co_bps["name"], co_bps["published"], co_bps["passed"]) == ("co_bps", 0.5, True)
    assert (fp_bps["name"], fp_bps["published"], fp_bps["passed"]) == ("fp_bps", None, None)
    assert {"mean_rate", "glm", "shuffled"} <= set(co_bps["baselines"]) and len(co_bps["interval"]) == 2
    assert {"arm", "data", "model", "seeds", "source"} <= set(co_bps["context"])
    for word in ("[1/1] tiny/smoothing, closed form", "published", "passed", "table.md", "report.html"):
        assert word in captured.err
    folder = Path("runs/reproduce/quick/tiny/smoothing")
    assert json.loads((folder / "table.json").read_text()) == found and (folder / "seed0" / "scores.json").exists()


def test_without_a_study_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "  tiny/smoothing" in captured.err and "  nlb/mc_maze_small/smoothing" in captured.err
    assert main(["reproduce", "--json"]) == 0
    assert {"nlb", "nlb/mc_maze_small", "tiny", "tiny/lfads"} <= set(json.loads(capsys.readouterr().out)["studies"])


def test_bad_input_is_named(capsys: pytest.CaptureFixture[str], tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(capsys, "nlb/mc_maze_smal")
    assert "'nlb/mc_maze_smal'" in message and "'nlb/mc_maze_small'" in message
    assert "--full" in refused(capsys, "tiny", "--quick", "--full")
    assert "seeds" in refused(capsys, "tiny", "--seeds", "0")
    assert "workers" in refused(capsys, "tiny", "--workers", "0")
    assert "--seeds" in refused(capsys, "tiny", "--seed", "1")
    (tiny / "expected.json").write_text(json.dumps({**EXPECTED, "arms": {"smoothing": {"co_bps": {"value": 0.1}}}}))
    message = refused(capsys, "tiny/smoothing")
    assert "expected.json" in message and "no tolerance" in message
    monkeypatch.setenv("NEURODYN_RECIPES", "/nowhere/recipes")
    assert "/nowhere/recipes" in refused(capsys)


def test_absent_data_are_named_with_the_command_that_gets_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("NEURODYN_DATA", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    message = refused(capsys, "lfads")
    assert "lfads/m1_stevenson" in message and "neurodyn data get m1_stevenson" in message


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduction, "reproduce", interrupted)
    assert main(["reproduce", "tiny/lfads", "--seeds", "2"]) == 130
    message = capsys.readouterr().err
    assert "runs/reproduce/quick/tiny/lfads" in message and "neurodyn reproduce tiny/lfads --seeds 2" in message


def test_a_killed_study_goes_on_where_it_stopped(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("runs/reproduce/quick/tiny/lfads/seed0")
    command = [sys.executable, "-m", "neurodyn", "reproduce", "tiny/lfads", "--seeds", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (folder / "last.ckpt").exists() or len(Run.open(folder).history()) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    before = Run.open(folder).history()
    assert not (folder / "outputs.h5").exists()
    longer = {**LFADS, "train": {**LFADS["train"], "epochs": len(before) + 2}}
    (tiny / "lfads.yaml").write_text(yaml.safe_dump(longer))
    assert main(["reproduce", "tiny/lfads", "--seeds", "1", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    rows = Run.open(folder).history()
    assert [row["epoch"] for row in rows] == list(range(len(before) + 2))
    assert rows[0] == before[0]  # its CPU seconds too: it did not start anew
    measured = [[{k: v for k, v in row.items() if k != "cpu_s"} for row in them] for them in (before, rows)]
    assert measured[1][: len(before)] == measured[0]
    assert score["context"]["values"] == [score["value"]]


@pytest.mark.slow
def test_ctrl_c_stops_runs_side_by_side_and_they_go_on(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path("runs/reproduce/quick/tiny")
    folders = [out / "lfads" / f"seed{seed}" for seed in (0, 1)]
    command = [sys.executable, "-m", "neurodyn", "reproduce", "tiny", "--seeds", "2", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        deadline = time.monotonic() + 180
        while not all((folder / "last.ckpt").exists() for folder in folders):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "neurodyn reproduce tiny --seeds 2 --workers 2" in message
    before = [Run.open(folder).history() for folder in folders]
    time.sleep(1)
    assert [Run.open(folder).history() for folder in folders] == before  # no worker is left that writes
    longest = max(map(len, before)) + 2
    (tiny / "lfads.yaml").write_text(yaml.safe_dump({**LFADS, "train": {**LFADS["train"], "epochs": longest}}))
    assert main(["reproduce", "tiny", "--seeds", "2", "--workers", "1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["scores"]) == 3
    for folder, rows in zip(folders, before):
        assert len(Run.open(folder).history()) == longest and Run.open(folder).history()[0] == rows[0]
