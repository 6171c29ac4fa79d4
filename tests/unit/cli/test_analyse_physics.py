"""`neurodyn analyse --physics` on a tiny run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurodyn.cli import main

DATA = ["--data.trials", "30", "--data.units", "12"]
SMALL = ["--model.size", "4", "--model.encoder", "4", "--model.decoder-hidden", "8", "--train.epochs", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with `runs/flow`."""
    path, before = tmp_path_factory.mktemp("physics"), Path.cwd()
    os.chdir(path)
    assert main(["fit", "langevin_flow", "lorenz", *DATA, *SMALL, "--out", "runs/flow"]) == 0
    yield path
    os.chdir(before)


def test_files_and_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["analyse", "runs/flow", "--physics", "--samples", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == 2 and found["potential"] == "oscillator" and found["bin_s"] == 0.02
    modes = found["rest_points"][0]["modes"]
    assert len(modes) == 4 and all(mode["decay_s"] > 0 for mode in modes)
    assert (
        set(found["kl"]["mean"]) == {"position", "velocity", "path"} and len(found["energies"]["mean"]["total"]) == 45
    )
    kept = folder / "runs/flow/analysis"
    written = json.loads((kept / "physics.json").read_text())
    assert written["rest_points"][0]["modes"][0]["frequency_hz"] == pytest.approx(modes[0]["frequency_hz"], rel=1e-4)
    assert "Inertia, friction and energy" in (kept / "physics.html").read_text()


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "runs/flow", "--physics", "--out", "elsewhere"]) == 0
    said = capsys.readouterr().err
    assert "frequency (Hz)" in said and "under-damped" in said and "physics.html" in said
    assert (folder / "elsewhere/physics.json").is_file()


def test_the_report_holds_the_section(folder: Path) -> None:
    assert main(["report", "runs/flow", "-o", "page.html"]) == 0
    assert 'id="langevin"' in (folder / "page.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--physics", "--samples", "0"], "samples"),
        (["--physics", "--session", "nobody"], "--session"),
    ],
)
def test_wrong_input(folder: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    before = sorted(folder.rglob("*"))
    assert main(["analyse", "runs/flow", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before, "nothing is left behind"


def test_published_modes_have_nothing_to_look_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--model.mode", "release", "--model.size", "4", "--train.epochs", "1"]
    assert main(["fit", "langevin_flow", "lorenz", *DATA, *small, "--out", "runs/release"]) == 0
    capsys.readouterr()
    assert main(["analyse", "runs/release", "--physics"]) == 2
    assert "The published modes have no physics to look at" in " ".join(capsys.readouterr().err.split())
    assert not (folder / "runs/release/analysis").exists()
