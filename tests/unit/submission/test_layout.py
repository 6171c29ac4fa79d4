"""The submission file: what is written is what is read, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.submission import layout
from neurodyn.submission.layout import Member, Submission


def submission() -> Submission:
    rates = {key: np.random.default_rng(0).random((3, 4, 2)) for key in layout.ARRAYS}
    return Submission({"mc_rtt": rates, "mc_rtt_20": rates}, "val", {"mc_rtt": (Member("runs/a", "lfads", 1),)})


def test_groups_are_named_as_the_benchmark_does() -> None:
    assert layout.group_name("mc_maze", 5) == "mc_maze" and layout.group_name("mc_maze", 20) == "mc_maze_20"
    assert list(layout.GROUPS)[:4] == ["mc_maze", "mc_maze_20", "mc_rtt", "mc_rtt_20"] and len(layout.GROUPS) == 14
    with pytest.raises(UnknownName, match="mc_maze"):
        layout.group_name("mc_mase", 5)
    with pytest.raises(InvalidInput, match=r"0\.005 or 0\.02"):
        layout.group_name("mc_maze", 10)


def test_a_file_reads_back_as_float32(tmp_path: Path) -> None:
    path = layout.write(tmp_path / "s.h5", submission())
    with h5py.File(path) as file:
        assert file["mc_rtt/eval_rates_heldin"].dtype == np.float32
        assert file["mc_rtt/eval_rates_heldin"].compression == "gzip"
    found = layout.read(path)
    assert found.phase == "val" and found.members == {"mc_rtt": (Member("runs/a", "lfads", 1),), "mc_rtt_20": ()}
    for name, arrays in submission().groups.items():
        for key, rates in arrays.items():
            np.testing.assert_array_equal(found.groups[name][key], rates.astype(np.float32))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_any_float_of_another_tool_is_read(kind: type, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["mc_maze/eval_rates_heldout"] = np.ones((2, 3, 4), kind)
    found = layout.read(tmp_path / "s.h5")
    assert found.phase is None and found.groups["mc_maze"]["eval_rates_heldout"].dtype == kind


def test_what_is_no_submission_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no such file"):
        layout.read(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("rates")
    with pytest.raises(InvalidInput, match="not HDF5"):
        layout.read(tmp_path / "text.h5")
    whole = layout.write(tmp_path / "cut.h5", Submission({"mc_rtt": {"eval_rates_heldin": np.ones((2, 3, 4))}}, "val"))
    whole.write_bytes(whole.read_bytes()[:600])
    with pytest.raises(InvalidInput, match="truncated or damaged"):
        layout.read(whole)
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["eval_rates_heldout"] = np.ones((2, 3, 4))
    with pytest.raises(InvalidInput, match="outside a group"):
        layout.read(tmp_path / "flat.h5")
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["mc_maze/eval_rates_heldout"] = np.ones((2, 3, 4), int)
    with pytest.raises(InvalidInput, match="mc_maze/eval_rates_heldout: got int64"):
        layout.read(tmp_path / "whole.h5")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    broken = Submission({"mc_rtt": {"eval_rates_heldin": np.array(["no number"])}}, "val")
    with pytest.raises(ValueError):
        layout.write(tmp_path / "s.h5", broken)
    assert list(tmp_path.iterdir()) == []
