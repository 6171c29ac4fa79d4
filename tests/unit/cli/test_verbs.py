"""evaluate, report, transform, doctor and demo at the command line, on one tiny run."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodyn.cli import main
from neurodyn.metrics.base import Score

SESSION = ["--data.align", "go_cue", "--data.window-s", "0", "0.8", "--data.bin-s", "0.05", "--data.heldout", "0.25"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with `session.nwb` and `runs/small`, a model of its trials."""
    from pynwb import NWBHDF5IO, NWBFile

    path, before = tmp_path_factory.mktemp("verbs"), Path.cwd()
    os.chdir(path)
    rng = np.random.default_rng(0)
    file = NWBFile("reaching", "id", datetime(2024, 1, 1, tzinfo=UTC))
    for _ in range(8):
        file.add_unit(spike_times=np.sort(rng.uniform(0, 60, 600)), obs_intervals=[[0.0, 60.0]])
    file.add_trial_column("go_cue", "when to move")
    for start in np.arange(1.0, 58.0, 1.5):
        file.add_trial(start_time=start, stop_time=start + 1.0, go_cue=start)
    with NWBHDF5IO("session.nwb", "w") as io:
        io.write(file)
    small = ["--model.generator", "8", "--model.factors", "4", "--train.epochs", "2", "--train.threads", "1"]
    assert main(["fit", "lfads", "session.nwb", *SESSION, *small, "--out", "runs/small", "--json"]) == 0
    yield path
    os.chdir(before)


def one_object(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What stdout holds, which must be one JSON object and nothing else."""
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def check_scores(scores: list[dict[str, Any]]) -> None:
    """Each has every field of a `Score`, and a baseline beside it."""
    assert scores
    for score in scores:
        assert set(score) == {field.name for field in dataclasses.fields(Score)} - {"drawn"}
        assert isinstance(score["value"], float) and len(score["interval"]) == 2 and score["n"] > 0
        assert score["direction"] in ("higher", "lower") and score["definition"]
        kind = score["name"].split("_")[0]
        trivial = {"latent": "smoothing", "input": "state"}.get(kind, "mean_rate")  # a mean rate has neither
        own = score["name"] == "latent_use"  # of other models the latents are other things
        assert ({"untrained"} if own else {trivial, "untrained", "shuffled"}) <= set(score["baselines"])
        assert {"model", "data", "seed"} <= set(score["context"])


def test_evaluate_gives_scores_with_their_baselines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["evaluate", "runs/small", "--samples", "2", "--json"]) == 0
    found = one_object(capsys)
    assert set(found) == {"run", "scores"} and found["run"] == "runs/small"
    check_scores(found["scores"])
    assert [score["name"] for score in found["scores"]] == ["co_bps", "latent_use"]
    assert json.loads((folder / "runs/small/scores.json").read_text()) is not None
    with h5py.File(folder / "runs/small/outputs.h5") as file:
        assert list(file) == ["test"]


def test_evaluate_shows_an_alignment_as_its_card(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    common: dict[str, Any] = {"interval": (0.1, 0.9), "n": 12, "direction": "higher"}
    raw = Score(
        "cross_subject_r_raw", "", 0.987, baselines={"untrained": 0.986}, context={"warning": "Beware"}, **common
    )
    found = [Score("co_bps", "", 0.25, **common), Score("cross_subject_r", "", 0.765, **common), raw]
    monkeypatch.setattr("neurodyn.api.evaluate", lambda *given, **more: found)
    capsys.readouterr()
    assert main(["evaluate", "runs/small"]) == 0
    shown = capsys.readouterr().err
    assert "0.250" in shown and "0.987" in shown and "0.986" in shown and "! Beware" in shown
    assert "withheld" in shown and "0.765" not in shown


def test_report_is_one_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["report", "runs/small", "-o", "page.html", "--json"]) == 0
    assert one_object(capsys) == {"report": "page.html"}
    assert "co_bps" in (folder / "page.html").read_text()
    assert main(["report", "--json"]) == 2
    assert "RUN" in capsys.readouterr().err


def test_transform_writes_hdf5(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["transform", "runs/small", "-o", "rates.h5", "--samples", "2", "--json"]) == 0
    found = one_object(capsys)
    assert found["out"] == "rates.h5" and found["trials"] == 38
    assert found["arrays"]["rates"] == found["arrays"]["rates_sd"] == [38, 16, 8]
    with h5py.File(folder / "rates.h5") as file:
        assert {name: list(file[name].shape) for name in found["arrays"]} == found["arrays"]
        assert file.attrs["run"] == "runs/small" and len(file["trials/go_cue"]) == 38


def test_transform_writes_back_into_a_copy_of_the_recording(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pynwb import NWBHDF5IO

    assert main(["transform", "runs/small", "session.nwb", "-o", "inferred.nwb", "--samples", "0"]) == 0
    assert "38 trials: inferred.nwb" in capsys.readouterr().err
    with NWBHDF5IO("inferred.nwb", "r") as io:
        file = io.read()
        series = file.processing["neurodyn"]["rates"]
        assert series.unit == "Hz" and series.data.shape == (38 * 16, 8) and len(file.units) == 8
        assert 1.0 < series.data[:].mean() < 100.0  # ten spikes a second were drawn


def test_transform_of_prepared_trials_takes_none_of_the_recordings_options(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = [word.replace("--data.", "--") for word in SESSION]
    assert main(["data", "prepare", "session.nwb", *cut, "-o", "prepared.h5"]) == 0
    assert main(["transform", "runs/small", "prepared.h5", "-o", "again.h5", "--samples", "0"]) == 0
    capsys.readouterr()
    assert main(["transform", "runs/small", "prepared.h5", "-o", "again.nwb"]) == 2
    assert "Write HDF5 instead (again.h5)" in capsys.readouterr().err
    assert not (folder / "again.nwb").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["evaluate"], ["run"]),
        (["evaluate", "runs/smal"], ["runs/smal"]),
        (["evaluate", "session.nwb"], ["session.nwb"]),
        (["evaluate", "runs/small", "--samples", "-1"], ["samples", "-1", "at least 0"]),
        (["evaluate", "runs/small", "--sample", "3"], ["--sample", "--samples"]),
        (["report", "runs/absent"], ["runs/absent"]),
        (["transform"], ["RUN"]),
        (["transform", "runs/small"], ["--out"]),
        (["transform", "runs/small", "-o", "rates.csv"], ["rates.csv", ".h5"]),
        (["transform", "runs/small", "-o", "absent/rates.h5"], ["absent/rates.h5", "folder"]),
        (["transform", "runs/small", "-o", "session.nwb"], ["session.nwb", "another file"]),
        (["transform", "runs/small", "absent.nwb", "-o", "rates.nwb"], ["absent.nwb"]),
        (["transform", "runs/small", "two_area", "--data.trials", "8", "-o", "new.h5"], ["units", "22", "6"]),
        (["transform", "runs/small", "-o", "new.h5", "--samples", "-2"], ["samples", "-2"]),
        (["transform", "runs/small", "-o", "new.h5", "--data.align", "go_cu"], ["'go_cu'", "'go_cue'"]),
        (["config", "lfadz"], ["'lfadz'", "'lfads'"]),
        (["doctor", "--seconds", "-1"], ["seconds", "-1"]),
        (["demo", "--data", "two_aera"], ["'two_aera'", "'two_area'"]),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: list[str]
) -> None:
    capsys.readouterr()
    before = sorted(folder.rglob("*"))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    for word in named:
        assert word in captured.err
    assert sorted(folder.rglob("*")) == before


def test_info_of_a_file_that_is_not_cut_says_what_is_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["data", "info", "session.nwb", "--json"]) == 0
    found = one_object(capsys)
    assert found["units"] == 8 and found["tables"]["trials"] == {
        "rows": 38,
        "columns": ["start_time", "stop_time", "go_cue"],
    }
    np.savez("arrays.npz", spikes=np.zeros((10, 3), int))
    assert main(["data", "info", "arrays.npz"]) == 0
    printed = capsys.readouterr().err
    assert "spikes: int64 (10, 3)" in printed and "--counts spikes" in printed


def test_doctor_fits_a_small_model(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["doctor", "--seconds", "0.5", "--json"]) == 0
    found = one_object(capsys)
    assert set(found) == {"versions", "device", "data", "fit"} and found["fit"]["epochs"] > 0
    assert main(["doctor", "--seconds", "0"]) == 0
    assert "No trial fit" in capsys.readouterr().err


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler")
def test_doctor_builds_kernels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurodyn.models.parts import kernels

    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path))
    monkeypatch.delenv("NEURODYN_KERNELS", raising=False)
    kernels._loaded.cache_clear()
    capsys.readouterr()
    assert main(["doctor", "--seconds", "0", "--json"]) == 0
    assert one_object(capsys)["device"]["kernels"].startswith("none")
    assert main(["doctor", "--seconds", "0", "--build-kernels", "--json"]) == 0
    assert one_object(capsys)["device"]["kernels"] == "used"
    kernels._loaded.cache_clear()


@pytest.mark.slow
def test_the_quick_demo_ends_in_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["demo", "--quick", "--data", "two_area", "--out", "demo", "--json"]) == 0
    found = one_object(capsys)
    check_scores(found["scores"])
    assert found["run"] == "demo/two_area/lfads" and Path(found["report"]).is_file()
