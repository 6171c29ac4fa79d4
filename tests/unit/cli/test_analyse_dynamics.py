"""`neurodyn analyse` with questions to learned dynamics, on tiny runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurodyn.cli import main

SMALL = ["--data.heldout", "0", "--data.forward", "0", "--model.initial-condition-encoder", "4"]
SMALL += ["--model.input-encoder", "4", "--train.epochs", "1", "--data.split", "6", "2", "2"]
LFADS = ["--model.factors", "3", "--model.generator.size", "4", "--model.controller", "4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with `runs/planar`, `runs/pfc`, `runs/few` and `runs/mean`."""
    path, before = tmp_path_factory.mktemp("dynamics"), Path.cwd()
    os.chdir(path)
    for name, model, data in (
        ("planar", "lfads", ["planar_decision", "--data.trials", "120"]),
        ("pfc", "lfads", ["two_area", "--data.trials", "60"]),
        ("few", "lfads", ["planar_decision", "--data.trials", "10"]),
    ):
        assert main(["fit", model, *data, *SMALL, *LFADS, "--out", f"runs/{name}"]) == 0
    assert main(["fit", "mean_rate", "planar_decision", "--data.trials", "20", "--out", "runs/mean"]) == 0
    yield path
    os.chdir(before)


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_deviations_and_pulses_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["analyse", "runs/planar", "--residuals", "--perturb"], capsys)
    assert set(found) == {"run", "residuals", "perturb"}
    gaps = {tuple(each["between"]): each for each in found["residuals"]["gaps"]}
    assert gaps["data", "samples"]["verdict"] in ("match", "differ", "cannot be told") and ("model", "truth") in gaps
    assert all(isinstance(holds, bool) for holds in found["residuals"]["claims"].values())
    kept = folder / "runs/planar/analysis"
    assert json.loads((kept / "residual_comparison.json").read_text()) == found["residuals"]
    assert (kept / "perturbation.html").is_file()
    assert main(["report", "runs/planar", "-o", "after.html"]) == 0
    page = (folder / "after.html").read_text()
    assert 'id="dynamics"' in page and "Residual dynamics" in page


def test_tables_of_circuits_and_of_noise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["analyse", "runs/pfc", "--twins", "--noise-response", "--free-run"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "(behind the data)" in captured.err and "true groups" in captured.err and "white_noise" in captured.err
    names = {path.name for path in (folder / "runs/pfc/analysis").iterdir()}
    assert {"twins.answer.json", "noise_response.html", "free_run.json"} <= names


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs/mean", "--residuals"], "a model with dynamics"),
        (["runs/mean", "--free-run"], "a model with dynamics"),
        (["runs/planar", "--twins"], "two_area"),
        (["runs/planar", "--messages"], "multi_area_lfads"),
        (["runs/few", "--residuals"], "at least"),
        (["runs/few", "--perturb"], "at least 10"),
    ],
)
def test_wrong_input(folder: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    before = sorted(folder.rglob("*"))
    assert main(["analyse", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before, "nothing is left behind"
