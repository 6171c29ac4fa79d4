"""`neurodyn data` on the benchmark: get, prepare into every layout, check against the release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import synthetic_nwb
from neurodyn.cli import main
from neurodyn.data.files import load_file

SPLITS = ["05ms-val", "05ms-test", "20ms-val", "20ms-test"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("data")
    return folder, synthetic_nwb.write_dataset(folder, "mc_maze_small")[0]


@pytest.fixture(autouse=True)
def here(files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and cache of the tests, an empty working folder, and no network."""
    import requests

    def offline(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no network in tests")

    monkeypatch.setattr(requests, "get", offline)
    monkeypatch.setenv("NEURODYN_DATA", str(files[0]))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("NEURODYN_CACHE", str(files[0] / "cache"))
    monkeypatch.chdir(tmp_path)


Captured = pytest.CaptureFixture[str]


def test_every_split_is_written_once_and_kept(capsys: Captured) -> None:
    command = ["data", "prepare", "mc_maze_small", "--layout", "nlb", "--every-split", "-o", "splits", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    names = [f"mc_maze_small-{split}" for split in SPLITS]
    assert found == {"out": "splits", "layout": "nlb", "written": names, "kept": [], "absent": {}}
    assert sorted(path.name for path in Path("splits").iterdir()) == sorted(names)
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == names
    assert main([*command, "--overwrite"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == names


def test_all_of_the_benchmark_with_what_is_absent(capsys: Captured) -> None:
    assert main(["data", "prepare", "nlb", "-o", "splits", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["written"] == [f"mc_maze_small-{split}" for split in SPLITS]
    assert len(found["absent"]) == 24 and "000128" in found["absent"]["mc_maze-05ms-val"]
    assert "mc_rtt-20ms-test: absent, neurodyn data get mc_rtt" in captured.err


def test_one_split_and_then_a_refusal(capsys: Captured) -> None:
    command = ["data", "prepare", "mc_maze_small", "--bin-s", "0.02", "--phase", "test", "--layout", "nlb", "-o", "out"]
    assert main(command) == 0
    assert [path.name for path in Path("out").iterdir()] == ["mc_maze_small-20ms-test"]
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("layout", ["trials", "lfads_torch", "blend"])
def test_a_file_of_the_benchmark_in_another_layout(files: tuple[Path, Path], capsys: Captured, layout: str) -> None:
    command = ["data", "prepare", str(files[1]), "--benchmark", "mc_maze_small", "--bin-s", "0.02", "-o", "x.h5"]
    assert main([*command, "--layout", layout, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["layout"], found["bins"], found["forward"], found["left_out"]) == (layout, 45, 10, [])
    assert load_file("x.h5").bin_s == 0.02
    assert main([*command, "--layout", layout]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--layout", layout, "--overwrite"]) == 0


def test_simulated_data_for_lfads_torch(capsys: Captured) -> None:
    assert main(["data", "prepare", "lorenz", "--layout", "lfads_torch", "-o", "x.h5"]) == 0
    assert "latents" in capsys.readouterr().err
    assert "rates" in load_file("x.h5").truth


def test_get_needs_no_network_for_what_is_there(capsys: Captured) -> None:
    assert main(["data", "get", "mc_maze_small"]) == 0
    assert "the network was not used" in capsys.readouterr().err


def test_get_without_a_network(capsys: Captured) -> None:
    assert main(["data", "get", "mc_maze"]) == 2
    error = capsys.readouterr().err
    assert "dandi" in error and "Traceback" not in error
    assert list(Path.cwd().iterdir()) == []


def test_list_says_where_each_recording_is(files: tuple[Path, Path], capsys: Captured) -> None:
    assert main(["data", "list", "--json"]) == 0
    rows = {row["name"]: row["where"] for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert rows["mc_maze_small"] == str(files[1].parent)
    assert rows["mc_rtt"] == "absent: neurodyn data get mc_rtt"


@pytest.mark.parametrize("by", ["name", "file"])
def test_check_compares_with_the_release(files: tuple[Path, Path], capsys: Captured, by: str) -> None:
    source = ["mc_maze_small"] if by == "name" else [str(files[1]), "--benchmark", "mc_maze_small"]
    assert main(["data", "check", *source, "--json"]) == 0
    (session,) = json.loads(capsys.readouterr().out)["sessions"].values()
    details = [finding["detail"] for finding in session["findings"] if finding["what"] == "another release"]
    assert any("has 107" in detail and "held-in" in detail for detail in details)
    assert session["findings"][0]["level"] == "warning"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["two_area", "--layout", "nlb", "-o", "x"], ["--layout", "mc_maze_small"]),
        (["mc_maze_small", "--layout", "nlb"], ["--out"]),
        (["mc_maze_small", "--every-split", "-o", "x.h5"], ["--every-split", "--layout nlb"]),
        (["mc_maze_small", "--layout", "blend", "-o", "x"], ["--out", ".h5"]),
        (["mc_rtt", "--layout", "nlb", "-o", "x"], ["mc_rtt", "000129", "neurodyn data get mc_rtt"]),
        (["nlb", "--bin-s", "0.02", "-o", "x"], ["--bin-s"]),
        (["nlb"], ["--out"]),
        (["mc_maze_small", "--bin-s", "0.003", "--layout", "nlb", "-o", "x"], ["bin_s"]),
    ],
)
def test_bad_input_is_named(capsys: Captured, arguments: list[str], named: list[str]) -> None:
    assert main(["data", "prepare", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    for word in named:
        assert word in captured.err
    assert list(Path.cwd().iterdir()) == []
