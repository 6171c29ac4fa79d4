"""Inference written to HDF5 and NWB comes back as it was, and nothing half-written is left."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodyn.data.inference import Inference
from neurodyn.data.outputs import write
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@pytest.fixture
def trials() -> Trials:
    counts = np.random.default_rng(0).poisson(1.0, (3, 5, 4))
    mask = np.ones((3, 5), bool)
    mask[1, 3:] = False
    return Trials.from_arrays(counts, bin_s=0.02, mask=mask, conditions=["left", "right", "left"])


@pytest.fixture
def inference() -> Inference:
    rng = np.random.default_rng(1)
    return Inference(0.02, rates=rng.random((3, 5, 4)).astype("f4"), latents=rng.random((3, 5, 2)).astype("f4"))


def test_hdf5_holds_every_array_its_meaning_and_the_trial_table(
    tmp_path: Path, trials: Trials, inference: Inference
) -> None:
    write(tmp_path / "out.h5", [trials], [inference], run="runs/x")
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_array_equal(file["rates"][:], inference.rates)
        np.testing.assert_array_equal(file["latents"][:], inference.latents)
        assert "per bin" in file["rates"].attrs["meaning"]
        assert file.attrs["bin_s"] == 0.02
        assert [v.decode() for v in file["trials/condition"][:]] == ["left", "right", "left"]
        np.testing.assert_allclose(np.diff(file["time_s"][:]), 0.02)


def test_nwb_holds_what_was_seen_in_recording_time(tmp_path: Path, trials: Trials, inference: Inference) -> None:
    from pynwb import NWBHDF5IO

    timed = trials.select([0, 1, 2])
    timed.table["start_s"] = [10.0, 5.0, 20.0]
    write(tmp_path / "out.nwb", [timed], [inference], run="runs/x")
    with NWBHDF5IO(tmp_path / "out.nwb", "r") as io:
        series = io.read().processing["neurodyn"]["rates"]
        times, values = series.timestamps[:], series.data[:]
    assert len(times) == 13  # two of fifteen bins are masked
    assert (np.diff(times) > 0).all()
    assert inference.rates is not None
    np.testing.assert_array_equal(values[:3], inference.rates[1, :3])
    np.testing.assert_allclose(times[3], 10.0)


def test_nwb_is_a_copy_of_the_recording_it_came_from(tmp_path: Path, trials: Trials, inference: Inference) -> None:
    from datetime import UTC, datetime

    from pynwb import NWBHDF5IO, NWBFile

    recording = NWBFile("reaching", "id", datetime(2020, 1, 1, tzinfo=UTC))
    recording.add_unit(spike_times=[0.1, 0.2])
    source = tmp_path / "session.nwb"
    with NWBHDF5IO(source, "w") as io:
        io.write(recording)
    before = source.read_bytes()
    came = dataclasses.replace(trials, provenance={"source": str(source), "options": {}})
    write(tmp_path / "out.nwb", [came], [inference], run="runs/x")
    assert source.read_bytes() == before
    with NWBHDF5IO(tmp_path / "out.nwb", "r") as io:
        file = io.read()
        assert file.session_description == "reaching"
        np.testing.assert_array_equal(file.units["spike_times"][0], [0.1, 0.2])
        assert set(file.processing["neurodyn"].data_interfaces) == {"rates", "latents"}


def test_several_sessions_get_a_group_each_and_do_not_fit_nwb(
    tmp_path: Path, trials: Trials, inference: Inference
) -> None:
    other = Trials.from_arrays(trials.counts, bin_s=0.02, session="other")
    write(tmp_path / "out.h5", [trials, other], [inference, inference], run="r")
    with h5py.File(tmp_path / "out.h5") as file:
        assert {"session", "other"} == set(file)
    with pytest.raises(InvalidInput, match="2 sessions"):
        write(tmp_path / "out.nwb", [trials, other], [inference, inference], run="r")
    assert [path.name for path in tmp_path.iterdir()] == ["out.h5"]


@pytest.mark.parametrize("name", ["out.csv", "absent/out.h5"])
def test_a_bad_destination_is_refused_by_name(tmp_path: Path, trials: Trials, inference: Inference, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^out: got"):
        write(tmp_path / name, [trials], [inference], run="r")
    assert list(tmp_path.iterdir()) == []
