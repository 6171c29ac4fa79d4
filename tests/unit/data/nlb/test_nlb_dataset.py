"""The data sets by name: finding files, the cache, and what the trials hold."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import synthetic_nwb
from neurodyn import registry
from neurodyn.data import store
from neurodyn.data.nlb import cache, dataset
from neurodyn.data.nlb.tensors import Tensors
from neurodyn.data.nlb.trials import to_trials
from neurodyn.errors import InvalidInput, MissingData


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three small recordings."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("mc_maze_small", "area2_bump", "dmfc_rsg"):
        synthetic_nwb.write_dataset(folder, name)
    return folder


@pytest.fixture
def data(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recordings, and a cache of the test's own."""
    monkeypatch.setenv("NEURODYN_DATA", str(recordings))
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    return recordings


def of(name: str, **options: object) -> dataset.NLBDataset:
    found = registry.load("datasets", name).with_options(**options)
    assert isinstance(found, dataset.NLBDataset)
    return found


def same(a: Tensors, b: Tensors) -> None:
    assert set(a.arrays) == set(b.arrays)
    for key, values in a.arrays.items():
        if isinstance(values, tuple):
            assert all(np.array_equal(x, y) for x, y in zip(values, b.arrays[key], strict=True)), key
        else:
            assert values.dtype == b.arrays[key].dtype, key
            np.testing.assert_array_equal(values, b.arrays[key], err_msg=key)
    assert list(a.table) == list(b.table)
    assert (a.heldin, a.unit_names, a.conditions, a.provenance) == (b.heldin, b.unit_names, b.conditions, b.provenance)
    for column in a.table:
        left, right = ([str(np.asarray(cell).tolist()) for cell in table[column]] for table in (a.table, b.table))
        assert left == right, column


@pytest.mark.parametrize("name", ["mc_maze_small", "dmfc_rsg"])
def test_the_cache_gives_the_same_tensors_and_is_made_anew_when_files_change(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = of(name, bin_s=0.02).tensors()
    built: list[str] = []
    build = dataset.build
    monkeypatch.setattr(dataset, "build", lambda *args: built.append(args[2]) or build(*args))
    read = of(name, bin_s=0.02).tensors()
    assert not built
    same(made, read)
    (stored,) = (tmp_path / "cache" / "nlb").iterdir()
    assert zipfile.is_zipfile(stored)
    stored.write_bytes(stored.read_bytes()[:1000])  # damaged: made again
    same(made, of(name, bin_s=0.02).tensors())
    of(name, bin_s=0.02, phase="test").tensors()
    assert built == [name] * 2
    other, _ = synthetic_nwb.write_dataset(tmp_path / "other", name, seed=1)
    of(name, bin_s=0.02, folder=str(other.parent)).tensors()
    assert built == [name] * 3
    assert cache.read(data / "absent.npz") is None


def test_a_cache_that_cannot_be_written_costs_only_time(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder")
    monkeypatch.setenv("NEURODYN_CACHE", str(blocked))
    assert len(of("mc_maze_small", bin_s=0.02).load())


def test_files_that_are_not_there(data: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="neurodyn data get mc_rtt"):
        of("mc_rtt").load()
    with pytest.raises(MissingData, match=str(tmp_path / "elsewhere")):
        of("mc_maze_small", folder=str(tmp_path / "elsewhere")).files()
    train, test = synthetic_nwb.write_dataset(tmp_path / "other", "mc_maze_small")
    test.unlink()
    assert of("mc_maze_small", folder=str(train.parent)).files() == [train]
    with pytest.raises(MissingData, match="desc-test"):
        of("mc_maze_small", folder=str(train.parent), phase="test").files()
    train.with_name("copy_" + train.name).write_bytes(b"")
    with pytest.raises(InvalidInput, match="Move the others"):
        of("mc_maze_small", folder=str(train.parent)).files()


def test_options_that_do_not_fit(data: Path) -> None:
    for options in ({"bin_s": 0.0033}, {"bin_s": 0.03}):
        with pytest.raises(InvalidInput, match="bin_s"):
            of("mc_maze_small", **options).tensors()
    with pytest.raises(InvalidInput, match="valid_every"):
        of("mc_maze_small", valid_every=1)


def test_trials_of_a_validation_split(data: Path, tmp_path: Path) -> None:
    recording = of("mc_maze_small")
    tensors, trials = recording.tensors(), recording.load()
    arrays, held_in = tensors.arrays, np.array(tensors.heldin)
    training = len(arrays["train_spikes_heldin"])
    held_out = np.setdiff1d(np.arange(trials.units), held_in)
    assert trials.heldin.tolist() == held_in.tolist() and trials.forward == 40
    assert trials.signals["counts"].names == tensors.unit_names
    assert np.array_equal(trials.counts[:training, :140, held_in], arrays["train_spikes_heldin"])
    assert np.array_equal(trials.counts[training:, 140:, held_out], arrays["eval_spikes_heldout_forward"])
    assert trials.known.all()
    assert trials.table["split"].tolist()[:10] == (["train"] * 4 + ["valid"]) * 2
    assert set(trials.table["split"][training:]) == {"test"} and set(trials.table["nlb_split"][training:]) == {"val"}
    assert trials.psth is not None
    for part, rows in (("train", slice(0, training)), ("eval", slice(training, None))):
        listed = trials.psth.rows(trials.table["condition"].to_numpy()[rows])
        assert all(np.array_equal(a, b) for a, b in zip(listed, arrays[f"{part}_cond_idx"], strict=True))
    assert np.array_equal(trials.psth.rates[:, :, held_in], arrays["psth"][:, :, : len(held_in)])
    assert trials.provenance["benchmark"] == {"dataset": "mc_maze_small", "bin_ms": 5, "phase": "val"}
    first = trials.table.iloc[0]
    assert 0 <= first["start_s"] - (first["move_onset_time"] - 0.25) < 0.005
    again = store.load(store.save(trials, tmp_path / "trials.h5"))
    assert np.array_equal(again.counts, trials.counts)


def test_trials_of_a_test_split_withhold_what_the_benchmark_withholds(data: Path) -> None:
    trials = of("area2_bump", phase="test").load()
    evaluated = (trials.table["split"] == "test").to_numpy()
    known = trials.signals["counts"].mask
    assert known is not None
    assert known[~evaluated].all() and known[evaluated][:, :120, trials.heldin].all()
    assert not known[evaluated][:, 120:].any() and not known[evaluated][:, :, trials.heldout].any()
    assert not trials.counts[~known].any()
    assert np.isnan(trials.signals["velocity"].values[evaluated]).all()
    assert set(trials.table["decode_group"][evaluated]) == {-1} and set(trials.table["decode_group"][~evaluated]) == {
        0,
        1,
    }
    assert trials.psth is None and trials.table["condition"][~evaluated].notna().all()


def test_timed_trials(data: Path) -> None:
    recording = of("dmfc_rsg", bin_s=0.02)
    tensors, trials = recording.tensors(), recording.load()
    evaluated = (trials.table["split"] == "test").to_numpy()
    known, target = trials.known, tensors.arrays["eval_spikes_heldout"]
    assert np.array_equal(known[evaluated][:, :75][:, :, trials.heldout], ~np.isnan(target))
    assert known[~evaluated].all() and known[evaluated][:, :, trials.heldin].all()
    jitter = trials.table["jitter_bins"].to_numpy()
    assert np.array_equal(jitter[evaluated], tensors.arrays["eval_jitter"])
    for row, scored in enumerate(~np.isnan(target[:, :, 0])):
        table = trials.table[evaluated].iloc[row]
        edges = np.array([table["set_time"], table["go_time"]]) / 0.02
        bins = int(np.ceil(round(edges[1], 6)) - np.ceil(round(edges[0], 6)))
        end = 75 - jitter[evaluated][row]
        assert np.flatnonzero(scored).tolist() == list(range(end - bins, end))
        assert jitter[evaluated][row] * 20 <= max(0.0, 1500 - table["tp"])
    outlier = (trials.table["is_outlier"] != 0).to_numpy()
    interval = trials.table["interval_s"].to_numpy()
    assert np.array_equal(np.isnan(interval), outlier)
    assert np.allclose(interval[~outlier], trials.table["tp"][~outlier] / 1000)
    assert trials.table["interval_condition"][outlier].isna().all() and trials.table["condition"][outlier].isna().all()
    assert trials.signals["timing"].names == ("is_eye", "theta", "is_short", "ts", "tp")


def test_unknown_held_in_counts_are_refused(data: Path) -> None:
    tensors = of("mc_maze_small", bin_s=0.02).tensors()
    tensors.arrays["eval_spikes_heldin"][2, 7] = np.nan  # type: ignore[index]
    with pytest.raises(
        InvalidInput, match=r"eval_spikes_heldin: got unknown counts in 1 trials, the first in row 2, bin 7"
    ):
        to_trials(tensors)


def test_files_that_are_open_already_give_the_same_trials(data: Path) -> None:
    """As when they are streamed from an archive."""
    wanted = of("mc_maze_small", bin_s=0.02).load()
    train, test = synthetic_nwb.make("mc_maze_small")
    found = of("mc_maze_small", bin_s=0.02).load([synthetic_nwb.nwb_file(test), synthetic_nwb.nwb_file(train)])
    np.testing.assert_array_equal(found.counts, wanted.counts)
    np.testing.assert_allclose(found.behaviour, wanted.behaviour, atol=1e-5)
    assert found.table["split"].tolist() == wanted.table["split"].tolist()


def test_a_check_tells_what_cutting_finds(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = of("mc_maze_small", bin_s=0.02)
    tensors = recording.tensors()
    noted = replace(tensors, provenance={"notes": [*recording.session().notes, "hand_vel is missing in a part"]})
    monkeypatch.setattr(dataset.NLBDataset, "tensors", lambda self: noted)
    assert [f.detail for f in recording.findings() if f.what == "on cutting"] == ["hand_vel is missing in a part"]

    def refuse(self: dataset.NLBDataset) -> Tensors:
        raise InvalidInput("trials", "a window outside", "inside")

    monkeypatch.setattr(dataset.NLBDataset, "tensors", refuse)
    first = recording.findings()[0]
    assert (first.level, first.what) == ("warning", "cannot be cut") and "a window outside" in first.detail


def test_a_folder_with_both_files_is_preferred_to_one_with_half(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`neurodyn data get` puts both into the user's folder where `NEURODYN_DATA` holds one."""
    protocol = of("mc_maze_small").protocol
    half = tmp_path / "half" / protocol.folder
    half.mkdir(parents=True)
    test, train = of("mc_maze_small", phase="test").files()
    (half / train.name).write_bytes(train.read_bytes())
    monkeypatch.setattr(dataset, "data_folders", lambda: [tmp_path / "half", data])
    for phase in ("val", "test"):
        assert of("mc_maze_small", phase=phase).files() == [test, train]
    monkeypatch.setattr(dataset, "data_folders", lambda: [tmp_path / "half"])
    assert of("mc_maze_small").files() == [half / train.name]
    with pytest.raises(MissingData, match="put it there by hand"):
        of("mc_maze_small", phase="test").files()
