"""Real NWB files, written with pynwb, read as recordings; inference written back into a copy."""

import datetime
import subprocess
import sys

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries, Position, SpatialSeries
from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

from neurodyn.data import store
from neurodyn.data.files import FileOptions, load_file
from neurodyn.data.inference import Inference
from neurodyn.data.nwb import read_nwb, write_inference
from neurodyn.errors import InvalidInput, MissingData, UnknownName


def empty_session() -> NWBFile:
    return NWBFile("a session", "id-1", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), session_id="day-1")


def write(session: NWBFile, path):
    with NWBHDF5IO(str(path), "w") as io:
        io.write(session)
    return path


@pytest.fixture
def ephys(tmp_path):
    rng = np.random.default_rng(0)
    session = empty_session()
    session.add_unit_column("heldout", "held out")
    spikes = [np.sort(rng.uniform(0, 10, 200)) for _ in range(3)]
    intervals = [[[0.0, 10.0]], [[0.0, 10.0]], [[0.5, 10.0]]]
    for unit, times in enumerate(spikes):
        session.add_unit(
            spike_times=times[times > intervals[unit][0][0]], obs_intervals=intervals[unit], heldout=unit == 2
        )
    session.add_trial_column("go_cue", "go")
    session.add_trial_column("target", "target")
    session.add_trial_column("positions", "ragged", index=True)
    for k in range(4):
        session.add_trial(
            start_time=1.0 + 2 * k,
            stop_time=2.0 + 2 * k,
            go_cue=1.25 + 2 * k,
            target=f"t{k % 2}",
            positions=[1.0] * (k + 1),
        )
    session.add_epoch(0.0, 5.0, ["first"])
    clock = np.arange(10000) / 1000
    hand = SpatialSeries(
        name="hand",
        data=np.stack([clock, -clock], 1),
        timestamps=clock,
        unit="m",
        reference_frame="desk",
        conversion=2.0,
    )
    speed = TimeSeries(name="speed", data=np.ones(1000), unit="m/s", rate=100.0, starting_time=0.0)
    twin = TimeSeries(name="hand", data=np.zeros((100, 1)), unit="V", rate=10.0)
    behaviour = session.create_processing_module("behavior", "b")
    behaviour.add(Position(spatial_series=hand))
    behaviour.add(BehavioralTimeSeries(time_series=[speed, twin]))
    session.add_acquisition(TimeSeries(name="lick", data=np.arange(50.0), unit="a.u.", rate=5.0))
    session.add_acquisition(TimeSeries(name="notes", data=["a", "b"], unit="n/a", timestamps=[0.0, 1.0]))
    session.add_stimulus(TimeSeries(name="light", data=np.ones(100), unit="lux", rate=10.0))
    return write(session, tmp_path / "ephys.nwb"), spikes


@pytest.fixture
def imaging(tmp_path):
    session = empty_session()
    device = session.create_device("scope")
    plane = session.create_imaging_plane(
        name="plane", optical_channel=OpticalChannel(name="green", description="g", emission_lambda=520.0), description="p", device=device,
        excitation_lambda=900.0, imaging_rate=30.0, indicator="GCaMP", location="V1",
    )  # fmt: skip
    segmentation = ImageSegmentation()
    module = session.create_processing_module("ophys", "o")
    module.add(segmentation)
    rois = segmentation.create_plane_segmentation("rois", plane)
    for _ in range(5):
        rois.add_roi(image_mask=np.ones((2, 2)))
    traces = np.random.default_rng(0).normal(size=(300, 5))
    region = rois.create_roi_table_region("all", list(range(5)))
    module.add(
        Fluorescence(roi_response_series=RoiResponseSeries(name="dff", data=traces, rois=region, unit="n/a", rate=30.0))
    )
    session.add_trial(start_time=1.0, stop_time=2.0)
    session.add_trial(start_time=4.0, stop_time=5.0)
    return write(session, tmp_path / "imaging.nwb"), traces


def test_everything_in_the_file_is_found(ephys):
    recording = read_nwb(ephys[0])
    assert recording.units == 3 and recording.session == "day-1"
    assert list(recording.trials.columns) == ["start_time", "stop_time", "go_cue", "target", "positions"]
    assert set(recording.signals) == {"Position/hand", "BehavioralTimeSeries/hand", "speed", "lick", "light"}
    assert recording.signals["light"].role == "stimulus"
    assert recording.unit_table["heldout"].tolist() == [False, False, True]
    assert list(recording.intervals) == ["epochs"]
    assert recording.span == (0.0, 10.0)
    assert recording.observed.tolist() == [[0.5, 10.0]]


def test_arrays_stay_on_disk_until_needed(ephys):
    recording = read_nwb(ephys[0])
    assert isinstance(recording.signals["Position/hand"].values, h5py.Dataset)


def test_what_was_cut_stays_when_the_file_is_closed(ephys):
    recording = read_nwb(ephys[0])
    trials = recording.align("go_cue", (0.0, 0.5), 0.05, behaviour=["speed"])
    recording.close()
    assert trials.counts.sum() > 0 and np.isfinite(trials.behaviour).all()


def test_trials_are_aligned_by_any_column(ephys):
    path, spikes = ephys
    trials = read_nwb(path).align("go_cue", (-0.25, 0.5), 0.05, behaviour=["Position/hand"], condition="target")
    assert trials.counts.shape == (4, 15, 3)
    for k in range(4):
        low = 1.0 + 2 * k
        assert trials.counts[k, :, 0].sum() == ((spikes[0] >= low) & (spikes[0] < low + 0.75)).sum()
    assert trials.conditions.tolist() == ["t0", "t1", "t0", "t1"]
    hand = trials.signals["Position/hand"]
    assert hand.units == "m"
    assert hand.values[0, :, 0] == pytest.approx(
        2 * (1.0 + 0.05 * np.arange(15) + 0.0245), abs=1e-4
    )  # conversion applied
    assert store.load(store.save(trials, path.with_name("t.h5"))).table["positions"].tolist() == [
        [1.0] * n for n in (1, 2, 3, 4)
    ]


def test_other_tables_align_too(ephys):
    assert len(read_nwb(ephys[0]).align("start_time", (1.0, 4.0), 0.1, table="epochs")) == 1


def test_imaging_is_fluorescence(imaging):
    path, traces = imaging
    trials = load_file(path, FileOptions(align="start_time", window_s=(0.0, 1.0), bin_s=0.1, split=None))
    assert trials.neural.kind == "fluorescence"
    assert trials.neural.values[1, 0] == pytest.approx(traces[120:123].mean(0), abs=1e-5)


def test_load_file_reads_nwb_with_options(ephys):
    path, _ = ephys
    options = FileOptions(
        align="go_cue", window_s=(0.0, 0.5), bin_s=0.05, behaviour=("speed",), heldout=0.3, split="50/25/25", forward=2
    )
    trials = load_file(path, options)
    assert len(trials.heldout) == 1 and trials.forward == 2
    assert trials.provenance["options"]["align"] == "go_cue" and trials.provenance["source"] == str(path)
    windows = load_file(path, FileOptions(bin_s=0.05, window=20, split="60/20/20"))
    assert len(windows) == 9 and windows.table["split"].tolist() == ["train"] * 5 + ["valid"] * 1 + ["test"] * 3
    ragged = load_file(path, FileOptions(align="start_time", window_s=(0.0, "stop_time"), bin_s=0.1, split=None))
    assert ragged.mask.all() and ragged.bins == 10


def test_a_field_that_is_missing_is_named_with_what_there_is(ephys, imaging):
    with pytest.raises(UnknownName, match="Did you mean 'go_cue'"):
        read_nwb(ephys[0]).align("go", (0.0, 0.5), 0.1)
    with pytest.raises(UnknownName, match="speed"):
        read_nwb(ephys[0]).align("go_cue", (0.0, 0.5), 0.1, behaviour=["sped"])
    with pytest.raises(InvalidInput, match="go_cue"):
        load_file(ephys[0], FileOptions(bin_s=0.1))
    with pytest.raises(InvalidInput, match=r"data.counts.*an NWB file does not use"):
        load_file(ephys[0], FileOptions(counts="spikes"))


def test_files_that_are_not_nwb_are_refused(tmp_path, ephys):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["spikes"] = np.ones(3)
    with pytest.raises(InvalidInput, match="holds spikes; expected an NWB file"):
        read_nwb(tmp_path / "other.h5")
    with pytest.raises(MissingData):
        read_nwb(tmp_path / "absent.nwb")
    (tmp_path / "empty.nwb").touch()
    with pytest.raises(InvalidInput, match="empty file"):
        load_file(tmp_path / "empty.nwb")
    whole = ephys[0].read_bytes()
    (tmp_path / "cut.nwb").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="truncated"):
        load_file(tmp_path / "cut.nwb")


def test_inference_goes_into_a_copy(ephys, tmp_path):
    path, _ = ephys
    before = path.read_bytes()
    trials = read_nwb(path).align("go_cue", (0.0, 0.5), 0.05)
    rng = np.random.default_rng(0)
    rates, latents = rng.random((4, 10, 3)).astype("f4"), rng.random((4, 10, 2)).astype("f4")
    out = write_inference(path, tmp_path / "out.nwb", Inference(0.05, rates, latents), trials)
    assert path.read_bytes() == before
    with NWBHDF5IO(str(out), "r") as io:
        session = io.read()
        module = session.processing["neurodyn"]
        assert set(module.data_interfaces) == {"rates", "latents"}
        assert module["rates"].data[:] == pytest.approx(rates.reshape(40, 3) / 0.05)
        assert module["rates"].timestamps[:11] == pytest.approx([*(1.275 + 0.05 * np.arange(10)), 3.275])
        assert len(session.units) == 3 and "behavior" in session.processing
    again = read_nwb(out)
    assert again.signals["latents"].samples == 40
    with pytest.raises(InvalidInput, match="a processing module 'neurodyn'"):
        write_inference(out, tmp_path / "more.nwb", Inference(0.05, rates), trials)
    assert not (tmp_path / "more.nwb").exists()


def test_masked_bins_are_left_out_of_the_file(ephys, tmp_path):
    trials = read_nwb(ephys[0]).align("go_cue", (0.0, 3.0), 0.5, outside="mask")
    assert not trials.mask.all()
    out = write_inference(ephys[0], tmp_path / "out.nwb", Inference(0.5, np.ones((4, 6, 3), "f4")), trials)
    with NWBHDF5IO(str(out), "r") as io:
        assert io.read().processing["neurodyn"]["rates"].data.shape == (trials.mask.sum(), 3)


def test_inference_of_other_trials_is_refused(ephys, tmp_path):
    import dataclasses

    trials = read_nwb(ephys[0]).align("go_cue", (0.0, 0.5), 0.05)
    with pytest.raises(InvalidInput, match="rates: got shape"):
        write_inference(ephys[0], tmp_path / "o.nwb", Inference(0.05, np.ones((3, 10, 3), "f4")), trials)
    with pytest.raises(InvalidInput, match="start_s"):
        bare = dataclasses.replace(trials, table=trials.table.drop(columns="start_s"))
        write_inference(ephys[0], tmp_path / "o.nwb", Inference(0.05, np.ones((4, 10, 3), "f4")), bare)
    with pytest.raises(InvalidInput, match="another file"):
        write_inference(ephys[0], ephys[0], Inference(0.05, np.ones((4, 10, 3), "f4")), trials)
    assert not list(tmp_path.glob("o.nwb*"))


FULL_DISK = """
import resource, sys
import numpy as np
from neurodyn.data.inference import Inference
from neurodyn.data.nwb import read_nwb, write_inference
from neurodyn.errors import InvalidInput

source, out, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
trials = read_nwb(source).align("go_cue", (0.0, 0.5), 0.05)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))  # no file may grow beyond
try:
    write_inference(source, out, Inference(0.05, np.ones((4, 10, 3), "f4")), trials)
except InvalidInput as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("room", [-1000, 1000])
def test_a_full_disk_leaves_nothing(ephys, tmp_path, room):
    """The disk fills while the file is copied, or while the inference is added."""
    size = ephys[0].stat().st_size + room
    command = [sys.executable, "-c", FULL_DISK, str(ephys[0]), str(tmp_path / "out.nwb"), str(size)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "room on the disk" in done.stdout, done.stderr
    assert done.returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["ephys.nwb"]


def test_an_open_file_reads_as_its_path_does_and_stays_open(ephys):
    with NWBHDF5IO(str(ephys[0]), "r") as io:
        recording = read_nwb(io.read())
        found = recording.align("go_cue", (0.0, 0.5), 0.05)
        recording.close()
        assert recording.provenance["source"] is None
        wanted = read_nwb(ephys[0]).align("go_cue", (0.0, 0.5), 0.05)
        np.testing.assert_array_equal(found.counts, wanted.counts)
        assert len(io.read().units) == recording.units
