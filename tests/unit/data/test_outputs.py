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


@pytest.fixture
def recorded(tmp_path: Path, trials: Trials) -> Trials:
    """The same trials as cut from `session.nwb`, the second before the first."""
    from datetime import UTC, datetime

    from pynwb import NWBHDF5IO, NWBFile

    recording = NWBFile("reaching", "id", datetime(2020, 1, 1, tzinfo=UTC))
    recording.add_unit(spike_times=[0.1, 0.2])
    source = tmp_path / "session.nwb"
    with NWBHDF5IO(source, "w") as io:
        io.write(recording)
    table = trials.table.assign(start_s=[10.0, 5.0, 20.0])
    return dataclasses.replace(trials, table=table, provenance={"source": str(source), "options": {}})


def test_nwb_is_a_copy_of_the_recording_with_rates_in_hz_and_their_spread(
    tmp_path: Path, recorded: Trials, inference: Inference
) -> None:
    from pynwb import NWBHDF5IO

    assert inference.rates is not None
    spread = {"rates": np.full((3, 5, 4), 0.1, np.float32)}
    extra = {"initial_condition": np.zeros((3, 7), np.float32)}
    sampled = dataclasses.replace(inference, spread=spread, extra=extra)
    source = tmp_path / "session.nwb"
    before = source.read_bytes()
    write(tmp_path / "out.nwb", [recorded], [sampled], run="runs/x")
    assert source.read_bytes() == before
    with NWBHDF5IO(tmp_path / "out.nwb", "r") as io:
        file = io.read()
        assert file.session_description == "reaching"
        np.testing.assert_array_equal(file.units["spike_times"][0], [0.1, 0.2])
        module = file.processing["neurodyn"]
        assert "runs/x" in module.description
        assert set(module.data_interfaces) == {"rates", "rates_sd", "latents"}
        assert module["rates"].unit == module["rates_sd"].unit == "Hz"
        times, values = module["rates"].timestamps[:], module["rates"].data[:]
        np.testing.assert_allclose(module["rates_sd"].data[:], 5.0)
    assert len(times) == 13  # two of fifteen bins are masked
    np.testing.assert_allclose(times[:4], [5.01, 5.03, 5.05, 10.01])
    np.testing.assert_allclose(values[:3], inference.rates[1, :3] / 0.02, rtol=1e-6)


def test_fluorescence_has_no_hz(tmp_path: Path, recorded: Trials, inference: Inference) -> None:
    from pynwb import NWBHDF5IO

    rates = inference.rates
    seen = Trials.from_arrays(fluorescence=rates, bin_s=0.02)
    seen = dataclasses.replace(seen, table=recorded.table, provenance=recorded.provenance)
    write(tmp_path / "out.nwb", [seen], [inference], run="runs/x")
    with NWBHDF5IO(tmp_path / "out.nwb", "r") as io:
        series = io.read().processing["neurodyn"]["rates"]
        assert series.unit != "Hz"
        assert rates is not None
        np.testing.assert_array_equal(series.data[:5], rates[1])


@pytest.mark.parametrize("source", ["two_area", "memory.h5", None])
def test_trials_that_came_from_no_nwb_file_go_to_hdf5(
    tmp_path: Path, trials: Trials, inference: Inference, source: str | None
) -> None:
    came = dataclasses.replace(trials, provenance={"source": source})
    with pytest.raises(InvalidInput, match=r"not an NWB file.*Write HDF5 instead \(out\.h5\)"):
        write(tmp_path / "out.nwb", [came], [inference], run="r")
    assert list(tmp_path.iterdir()) == []


def test_the_recording_itself_is_never_written(tmp_path: Path, recorded: Trials, inference: Inference) -> None:
    before = (tmp_path / "session.nwb").read_bytes()
    with pytest.raises(InvalidInput, match="another file"):
        write(tmp_path / "session.nwb", [recorded], [inference], run="r")
    assert (tmp_path / "session.nwb").read_bytes() == before


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
