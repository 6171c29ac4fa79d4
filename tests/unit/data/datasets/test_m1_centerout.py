"""Sessions, windows and splits of m1_centerout; and its original format, read without trusting it."""

import io
import pickle
import sys
import types

import numpy as np
import pytest
import torch

from neurodyn.data.datasets._tensor_pickle import read_tensor_records
from neurodyn.data.datasets.base import data_folders
from neurodyn.data.datasets.m1_centerout import DAYS, FOLDER, M1Centerout
from neurodyn.errors import InvalidInput, MissingData


@pytest.fixture(scope="module")
def folder():
    for place in data_folders():
        if (place / FOLDER / "mihi_2014-03-03_100ms_moving.npz").exists():
            return place / FOLDER
    pytest.skip(f"{FOLDER} is in no data folder (set NEURODYN_DATA)")


def test_full_trials_are_masked_at_the_end(folder):
    raw = np.load(folder / "chewie_2013-10-03_100ms_full.npz")
    trials = M1Centerout.with_options(window="full", min_rate_hz=0.0, behaviour=("velocity", "force")).load()
    assert len(trials) == 159 and trials.bins == 14
    kept = np.flatnonzero(raw["spikes"].any(0))
    for k in range(159):
        rows = raw["trial_id"] == k
        length = rows.sum()
        assert trials.mask[k].tolist() == [True] * length + [False] * (14 - length)
        assert np.array_equal(trials.counts[k, :length], raw["spikes"][rows][:, kept])
        assert np.array_equal(trials.signals["velocity"].values[k, :length], raw["vel"][rows])
        assert np.isnan(trials.signals["velocity"].values[k, length:]).all()
    assert trials.conditions.tolist() == raw["target"].tolist()
    assert trials.table["target_angle_deg"].tolist() == raw["target_angle_deg"].tolist()


def test_full_trials_may_be_cut_to_one_length_with_forward_bins(folder):
    whole = M1Centerout.with_options(window="full", min_rate_hz=0.0).load()
    cut = M1Centerout.with_options(window="full", min_rate_hz=0.0, bins=11, forward=2).load()
    long = whole.mask.sum(1) >= 11
    assert len(cut) == long.sum() < 159 and cut.mask.all() and (cut.bins, cut.forward) == (11, 2)
    shared = [cut.neural.names.index(name) for name in cut.neural.names if name in whole.neural.names]
    units = [whole.neural.names.index(cut.neural.names[k]) for k in shared]
    assert np.array_equal(cut.counts[:, :, shared], whole.counts[long][:, :11, units])
    assert np.array_equal(cut.signals["velocity"].values, whole.signals["velocity"].values[long][:, :9])


def test_moving_bins_are_those_above_the_speed_and_gaps_are_masked(folder):
    raw = np.load(folder / "chewie_2013-10-03_100ms_full.npz")
    trials = M1Centerout.with_options(min_rate_hz=0.0).load()
    fast = np.hypot(*raw["vel"].T) > 5
    assert int(trials.mask.sum()) == int(fast.sum()) and trials.mask[:, 0].all()
    for k in (0, 50, 158):
        rows = np.flatnonzero((raw["trial_id"] == k) & fast)
        assert np.flatnonzero(trials.mask[k]).tolist() == (rows - rows[0]).tolist()
        assert np.array_equal(trials.signals["velocity"].values[k][trials.mask[k]], raw["vel"][rows])


def test_all_sessions_come_as_a_list_on_one_clock(folder):
    sessions = M1Centerout.with_options(sessions="all").load()
    assert [t.session for t in sessions] == list(DAYS)
    assert [len(t) for t in sessions] == [159, 180, 209]
    assert {t.bin_s for t in sessions} == {0.1}
    assert len({t.units for t in sessions}) == 3


@pytest.mark.parametrize("day", DAYS)
def test_splits_hold_every_target_and_a_quarter_of_the_units_is_held_out(folder, day):
    trials = M1Centerout.with_options(day=day).load()
    for split in ("train", "valid", "test"):
        assert sorted(set(trials.part(split).conditions)) == list(range(8))
    assert len(trials.heldout) == round(0.25 * trials.units)


def test_what_was_not_recorded_is_refused(folder):
    with pytest.raises(InvalidInput, match="velocity or force"):
        M1Centerout.with_options(day="mihi_2014-03-03", behaviour=("position",)).load()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"window": "full", "day": "mihi_2014-03-03"}, "whole trials"),
        ({"window": "full", "sessions": "all"}, "whole trials"),
        ({"bin_s": 0.05, "window": "full"}, "0.05"),
        ({"bin_s": 0.02}, "0.05 or 0.1"),
        ({"bins": 9}, "window=full"),
        ({"window": "full", "forward": 2}, "data.bins=9"),
        ({"window": "full", "bins": 9, "forward": 9}, "data.forward"),
    ],
)
def test_forms_that_do_not_exist_are_refused(options, match):
    with pytest.raises(InvalidInput, match=match):
        M1Centerout.with_options(**options)


def test_without_the_file_the_origin_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _: str(tmp_path / "none"))
    with pytest.raises(MissingData, match=r"nerdslab/myow-neuro.*neurodyn data get m1_centerout"):
        M1Centerout.with_options().load()


def pickled_like_the_original(records, monkeypatch):
    """Pickles records as classes of the names the original has, which need not be installed to read it."""
    data, storage = types.ModuleType("torch_geometric.data.data"), types.ModuleType("torch_geometric.data.storage")
    data.Data = type("Data", (), {"__module__": data.__name__})
    storage.GlobalStorage = type("GlobalStorage", (), {"__module__": storage.__name__})
    with monkeypatch.context() as patch:
        for module in (types.ModuleType("torch_geometric"), types.ModuleType("torch_geometric.data"), data, storage):
            patch.setitem(sys.modules, module.__name__, module)
        listed = []
        for record in records:
            one, store = data.Data(), storage.GlobalStorage()
            store._mapping = {name: torch.from_numpy(values) for name, values in record.items()}
            one._store = store
            listed.append(one)
        return pickle.dumps({"data": listed})


def test_the_public_original_gives_the_same_trials(folder, tmp_path, monkeypatch):
    raw = np.load(folder / "mihi_2014-03-03_100ms_moving.npz")
    records = []
    for k in range(len(raw["target"])):
        rows = raw["trial_id"] == k
        length = int(rows.sum())
        record = {"x": (raw["spikes"][rows] / 0.1).astype("f4"), "y": np.full(length, raw["target"][k], np.int64)}
        record |= {
            "vel": raw["vel"][rows],
            "force": raw["force"][rows],
            "timestep": raw["bin_in_trial"][rows].astype(np.int64),
        }
        record |= {"pos": np.zeros((length, 2), "f4"), "acc": np.zeros((length, 2), "f4")}
        records.append(record)
    original = tmp_path / FOLDER / "full-mihi-03032014-bin0.10-vel_thresh5.00.pkl"
    original.parent.mkdir()
    original.write_bytes(pickled_like_the_original(records, monkeypatch))
    here = M1Centerout.with_options(day="mihi_2014-03-03").load()
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _: str(tmp_path / "none"))
    there = M1Centerout.with_options(day="mihi_2014-03-03").load()
    assert np.array_equal(here.counts, there.counts) and np.array_equal(here.mask, there.mask)
    assert np.array_equal(here.signals["velocity"].values, there.signals["velocity"].values, equal_nan=True)
    assert here.table.equals(there.table) and np.array_equal(here.heldin, there.heldin)


class Exploit:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_that_names_anything_else_is_refused_and_not_run(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"data": [Exploit(tmp_path / "ran")]}))
    with pytest.raises(InvalidInput, match=r"io\.open"):
        read_tensor_records(tmp_path / "x.pkl")
    assert not (tmp_path / "ran").exists()


def test_a_tensor_that_hides_a_pickle_is_not_run(tmp_path):
    inner = io.BytesIO()
    torch.save(Exploit(tmp_path / "ran"), inner)

    class Storage:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (inner.getvalue(),)

    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"data": [Storage()]}))
    with pytest.raises(InvalidInput, match="damaged"):
        read_tensor_records(tmp_path / "x.pkl")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps({"other": 1})[:-4]])
def test_a_damaged_pickle_is_refused(tmp_path, content):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged"):
        read_tensor_records(tmp_path / "x.pkl")


@pytest.mark.parametrize("day", DAYS)
def test_a_session_may_be_held_out_whole(folder, day):
    sessions = M1Centerout.with_options(sessions="all", heldout_session=day).load()
    plain = {t.session: t for t in M1Centerout.with_options(sessions="all").load()}
    for trials in sessions:
        if trials.session != day:
            assert trials.table.equals(plain[trials.session].table)
            continue
        calibration = trials.part("calibration")
        assert (
            set(trials.table["split"]) == {"calibration", "test"} and len(calibration) == round(len(trials) / 2) >= 64
        )
        assert sorted(calibration.conditions[:8]) == list(range(8))
        assert trials.neural.names == plain[day].neural.names and not trials.mask.all()
        order = np.argsort(trials.table["trial_id"].to_numpy())
        assert np.array_equal(trials.counts[order], plain[day].counts)


def test_a_single_session_is_not_held_out():
    with pytest.raises(InvalidInput, match="sessions=all"):
        M1Centerout.with_options(heldout_session=DAYS[0])
