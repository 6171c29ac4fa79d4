"""`neurodyn analyse` on a tiny run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from neurodyn.cli import main

DATA = ["--data.variant", "ext", "--data.trials", "30", "--data.heldout", "0", "--data.forward", "0"]
SMALL = ["--model.known-inputs", "--model.inferred-inputs", "0", "--model.factors", "2", "--model.generator.size", "4"]
QUICK = ["--model.initial-condition-encoder", "4", "--train.epochs", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with `runs/ext` and `runs/mean`."""
    path, before = tmp_path_factory.mktemp("analyse"), Path.cwd()
    os.chdir(path)
    assert main(["fit", "lfads", "two_area", *DATA, *SMALL, *QUICK, "--out", "runs/ext"]) == 0
    assert main(["fit", "mean_rate", "two_area", *DATA, "--out", "runs/mean"]) == 0
    yield path
    os.chdir(before)


def test_files_and_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    given = ["--fixed-points", "--inputs", "zero,period", "--starts", "64", "--json"]
    assert main(["analyse", "runs/ext", *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["input"] for each in found["inputs"]] == [
        "zero input", "mean of fixation", "mean of stimulus", "mean of decision"
    ]  # fmt: skip
    assert found["run"] == "runs/ext" and len(found["inputs"][0]["truth"]) == 5
    kept = folder / "runs/ext/analysis"
    assert sorted(path.name for path in kept.iterdir()) == [f"fixed_points.{e}" for e in ("h5", "html", "json")]
    assert json.loads((kept / "fixed_points.json").read_text()) == found
    with h5py.File(kept / "fixed_points.h5") as file:
        assert file["input_0/points"].shape[1] == 4 and "portrait" in file["input_3"]
    assert "application/json" in (kept / "fixed_points.html").read_text()


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "runs/ext", "--fixed-points", "--starts", "16"]) == 0
    said = capsys.readouterr().err
    assert "zero input" in said and "mean input" in said
    assert "of 5 true points found" in said and "time constants (ms)" in said and "fixed_points.html" in said


@pytest.mark.slow
def test_the_report_shows_what_was_analysed(folder: Path) -> None:
    assert main(["analyse", "runs/ext", "--fixed-points", "--starts", "16"]) == 0
    assert main(["report", "runs/ext", "-o", "after.html"]) == 0
    assert 'id="fixed_points"' in (folder / "after.html").read_text()


def test_another_folder(folder: Path) -> None:
    given = ["--fixed-points", "--starts", "16", "--inputs", "mean", "--out", "elsewhere/deep"]
    assert main(["analyse", "runs/ext", *given]) == 0
    assert (folder / "elsewhere/deep/fixed_points.h5").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs/ext"], "--fixed-points"),
        (["runs/mean", "--fixed-points"], "a model with dynamics"),
        (["runs/ext", "--fixed-points", "--inputs", "zer"], "Did you mean 'zero'"),
        (["runs/ext", "--fixed-points", "--session", "nobody"], "--session"),
        (["runs/ext", "--fixed-points", "--starts", "0"], "starts"),
        (["runs/none", "--fixed-points"], "run"),
    ],
)
def test_wrong_input(folder: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    before = sorted(folder.rglob("*"))
    assert main(["analyse", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before, "nothing is left behind"
