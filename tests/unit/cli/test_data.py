"""`neurodyn data`: list, info, get, prepare and check at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurodyn.cli import main
from neurodyn.data import store


@pytest.fixture(autouse=True)
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A continuous recording in two segments, with two behaviours."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "session.npz",
        spikes=rng.poisson(0.5, (900, 12)),
        hand_pos=rng.normal(size=(900, 2)),
        hand_vel=rng.normal(size=(900, 2)),
        part=np.repeat([0, 1], 450),
    )
    return tmp_path


CUT = [
    "--counts",
    "spikes",
    "--bin-s",
    "0.05",
    "--window",
    "40",
    "--forward",
    "8",
    "--heldout",
    "0.25",
    "--segment-id",
    "part",
]


@pytest.mark.parametrize(
    "behaviour", [["--behaviour", "hand_pos", "--behaviour", "hand_vel"], ["--behaviour", "hand_pos", "hand_vel"]]
)
def test_prepare_cuts_holds_out_and_splits(
    recording: Path, capsys: pytest.CaptureFixture[str], behaviour: list[str]
) -> None:
    command = ["data", "prepare", "session.npz", *CUT, *behaviour, "--split", "60/20/20", "--split-by", "block"]
    assert main([*command, "-o", "x.h5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["trials"], found["bins"], found["forward"], found["heldout"]) == (22, 40, 8, 3)
    assert found["split"] == {"train": 13, "valid": 4, "test": 5}
    trials = store.load("x.h5")
    assert list(trials.of_role("behaviour")) == ["hand_pos", "hand_vel"]
    assert trials.provenance["options"]["forward"] == 8
    assert sorted(path.name for path in recording.iterdir()) == ["session.npz", "x.h5"]


def test_check_lists_a_silent_unit_and_advises_a_width(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = np.random.default_rng(1).poisson(0.5, (900, 5))
    counts[:, 2] = 0
    np.savez(recording / "silent.npz", spikes=counts)
    assert main(["data", "check", "silent.npz", "--counts", "spikes", "--bin-s", "0.01", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sessions"].values()
    assert found["advised_bin_s"] == 0.01
    assert any("silent" in finding["what"] for finding in found["findings"])
    assert main(["data", "check", "silent.npz", "--counts", "spikes", "--bin-s", "0.01"]) == 0
    assert "silent" in capsys.readouterr().err


def test_list_says_where_each_data_set_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, recording: Path
) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(recording))
    monkeypatch.setenv("XDG_DATA_HOME", str(recording))
    assert main(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert rows["two_area"]["where"] == "simulated" and rows["lorenz"]["where"] == "simulated"
    assert rows["m1_stevenson"]["where"] == "absent: neurodyn data get m1_stevenson"
    assert all(row["summary"] for row in rows.values())


def test_info_gives_the_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", "two_area", "--trials", "10", "--json"]) == 0
    (session,) = json.loads(capsys.readouterr().out)["sessions"]
    assert session["units"] == 30 and session["bins"] == 100


def test_prepare_never_writes_over_the_recording(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import h5py

    with h5py.File("session.h5", "w") as file:
        file["spikes"] = np.ones((900, 3), int)
    before = (recording / "session.h5").read_bytes()
    cut = ["--counts", "spikes", "--bin-s", "0.05", "--window", "40"]
    assert main(["data", "prepare", "session.h5", *cut, "-o", "./session.h5"]) == 2
    assert "another file than the recording" in capsys.readouterr().err
    assert (recording / "session.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["chek"], ["'chek'", "'check'"]),
        (["info", "two_aera"], ["'two_aera'", "'two_area'"]),
        (["get", "two_area"], ["two_area", "Simulated"]),
        (["prepare"], ["FILE"]),
        (["prepare", "absent.npz", *CUT, "-o", "x.h5"], ["absent.npz"]),
        (["prepare", "session.npz", *CUT], ["--out"]),
        (["prepare", "session.npz", *CUT, "-o", "absent/x.h5"], ["absent/x.h5"]),
        (["prepare", "session.npz", *CUT, "-o", "session.npz"], ["session.npz", ".h5"]),
        (["prepare", "session.npz", *CUT, "-o", "x.csv"], ["x.csv", ".h5"]),
        (["prepare", "session.npz", *CUT, "--counts", "spike", "-o", "x.h5"], ["'spike'", "'spikes'"]),
        (["prepare", "session.npz", *CUT, "--behaviour", "hand_vell", "-o", "x.h5"], ["'hand_vell'", "'hand_vel'"]),
        (["prepare", "session.npz", *CUT, "--behavior", "hand_vel", "-o", "x.h5"], ["--behavior", "--behaviour"]),
        (["prepare", "session.npz", *CUT, "--align", "go", "-o", "x.h5"], ["align", "does not use"]),
        (["prepare", "session.npz", *CUT, "--split", "70/20/20", "-o", "x.h5"], ["split", "70/15/15"]),
        (["prepare", "session.npz", *CUT, "--heldout", "1.5", "-o", "x.h5"], ["heldout"]),
    ],
)
def test_bad_input_is_named(
    recording: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: list[str]
) -> None:
    assert main(["data", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    for word in named:
        assert word in captured.err
    assert [path.name for path in recording.iterdir()] == ["session.npz"]
