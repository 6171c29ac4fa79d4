"""Named arrays in npz, HDF5 and MATLAB files, and the choice of the reader."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from neurodyn.config import from_dict
from neurodyn.data import store
from neurodyn.data.arrays import NamedArrays
from neurodyn.data.binned import Binned
from neurodyn.data.files import FileOptions, kind_of, load_file, open_continuous
from neurodyn.data.trials import SPLITS, Trials
from neurodyn.errors import InvalidInput, MissingData, UnknownName


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "spikes": rng.poisson(1.0, (400, 6)).astype(np.uint8),
        "hand": rng.normal(size=(400, 2)),
        "eye": rng.normal(size=400),
        "block": np.repeat([0, 1], 200),
        "trial": np.repeat(np.arange(10), 40),
        "target": np.arange(10) % 4,
    }


def write(path, arrays, bin_s=None):
    arrays = arrays | ({} if bin_s is None else {"bin_s": bin_s})
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".mat":
        savemat(path, arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    return path


def write_matlab_7_3(path, arrays):
    """As MATLAB does: an HDF5 file behind a header of 512 bytes, arrays column by column."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            file[name] = np.atleast_2d(values).T
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124, b" ") + b"\x00\x02IM")
    return path


@pytest.mark.parametrize("ending", [".npz", ".h5", ".mat"])
def test_a_continuous_recording_in_any_format(tmp_path, arrays, ending):
    path = write(tmp_path / f"session{ending}", arrays, 0.05)
    options = FileOptions(
        counts="spikes",
        behaviour=("hand", "eye"),
        segment_id="block",
        window=40,
        forward=8,
        heldout=0.34,
        split="60/20/20",
    )
    trials = load_file(path, options)
    assert trials.counts.shape == (10, 40, 6) and trials.bin_s == 0.05
    assert np.array_equal(trials.counts.reshape(400, 6), arrays["spikes"])
    assert trials.signals["eye"].values.shape == (10, 32, 1)
    assert trials.signals["hand"].values[1] == pytest.approx(arrays["hand"][40:72].astype("f4"))
    assert trials.table["split"].tolist() == ["train"] * 6 + ["valid"] * 2 + ["test"] * 2  # in blocks by default
    assert len(trials.heldout) == 2
    assert trials.provenance["source"] == str(path)
    assert trials.provenance["options"]["window"] == 40
    assert load_file(path, FileOptions(**trials.provenance["options"])).counts.tolist() == trials.counts.tolist()


def test_matlab_7_3_arrays_are_turned_the_right_way(tmp_path, arrays):
    path = write_matlab_7_3(tmp_path / "session.mat", {k: arrays[k] for k in ("spikes", "hand", "trial")})
    trials = load_file(
        path, FileOptions(counts="spikes", behaviour=("hand",), trial_id="trial", bin_s=0.05, split=None)
    )
    assert np.array_equal(trials.counts.reshape(400, 6), arrays["spikes"])
    assert trials.signals["hand"].values.reshape(400, 2) == pytest.approx(arrays["hand"].astype("f4"))


def test_rows_and_columns_of_matlab_are_read_as_one_number_a_bin(tmp_path, arrays):
    path = write(tmp_path / "session.mat", arrays, 0.05)
    trials = load_file(path, FileOptions(counts="spikes", trial_id="trial", condition="target", split=None))
    assert len(trials) == 10 and trials.conditions.tolist() == arrays["target"].tolist()


def test_arrays_that_are_trials_already(tmp_path, arrays):
    stacked = {
        "n": arrays["spikes"].reshape(10, 40, 6),
        "hand": arrays["hand"].reshape(10, 40, 2),
        "target": arrays["target"],
    }
    path = write(tmp_path / "x.npz", stacked)
    trials = load_file(
        path, FileOptions(counts="n", behaviour=("hand",), condition="target", bin_s=0.02, split="50/30/20", seed=3)
    )
    assert trials.counts.shape == (10, 40, 6) and len(trials.test) == 2
    with pytest.raises(InvalidInput, match="cut into trials already"):
        load_file(path, FileOptions(counts="n", bin_s=0.02, window=10))


def test_fluorescence_instead_of_counts(tmp_path, arrays):
    path = write(tmp_path / "x.npz", {"dff": arrays["spikes"] + 0.5}, 0.03)
    assert load_file(path, FileOptions(fluorescence="dff", window=40)).neural.kind == "fluorescence"


def ready(rng, truth=True):
    sizes, heldin, heldout = {"train": 6, "valid": 2, "test": 3}, np.array([0, 2, 3]), np.array([1, 4])
    counts = {s: rng.poisson(1.0, (n, 10, 5)).astype(np.uint8) for s, n in sizes.items()}
    arrays = {"bin_s": 0.05, "lag_bins": 2, "heldin_ids": heldin, "heldout_ids": heldout}
    first = 0
    for s, c in counts.items():
        arrays |= {f"{s}_heldin": c[:, :8, heldin], f"{s}_heldin_forward": c[:, 8:, heldin]}
        arrays |= {f"{s}_heldout": c[:, :8, heldout], f"{s}_heldout_forward": c[:, 8:, heldout]}
        arrays[f"{s}_behavior"] = rng.normal(size=(sizes[s], 8, 2)).astype("f4")
        arrays[f"{s}_trials"] = first + np.arange(sizes[s])
        first += sizes[s]
        if truth:
            arrays[f"{s}_rates"] = (10 + c[:, :, [*heldin, *heldout]]).astype("f4")
            arrays[f"{s}_latents"] = rng.normal(size=(sizes[s], 10, 3)).astype("f4")
    return arrays, counts


def test_files_that_come_split_are_read_as_they_are(tmp_path):
    arrays, counts = ready(np.random.default_rng(0))
    path = write(tmp_path / "x.npz", arrays)
    trials = load_file(path)
    assert trials.heldin.tolist() == [0, 2, 3] and trials.forward == 2 and trials.name == "x"
    for s in SPLITS:
        part = trials.part(s)
        assert np.array_equal(part.counts, counts[s])  # units back in recorded order
        assert np.array_equal(part.truth["rates"], 10.0 + counts[s])
        assert np.array_equal(part.truth["latents"], arrays[f"{s}_latents"])
        assert np.array_equal(part.signals["behaviour"].values, arrays[f"{s}_behavior"])
    with pytest.raises(InvalidInput, match=r"data.window.*comes split does not use"):
        load_file(path, FileOptions(window=4))


def test_files_that_come_split_badly_are_refused(tmp_path):
    arrays, _ = ready(np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="trial 0 twice"):
        load_file(write(tmp_path / "a.npz", arrays | {"test_trials": np.arange(3)}))
    with pytest.raises(InvalidInput, match="valid_heldout: got shape"):
        load_file(write(tmp_path / "b.npz", arrays | {"valid_heldout": arrays["valid_heldout"][:1]}))
    with pytest.raises(InvalidInput, match="heldout_ids"):
        load_file(write(tmp_path / "c.npz", arrays | {"heldout_ids": np.array([1])}))


def test_stored_trials_are_recognised(tmp_path):
    path = store.save(Trials.from_arrays(np.ones((4, 5, 2), int), bin_s=0.01), tmp_path / "x.h5")
    assert kind_of(path) == "trials"
    assert len(load_file(path, FileOptions(lazy=True))) == 4


def test_a_continuous_file_can_be_opened_uncut(tmp_path, arrays):
    opened = open_continuous(write(tmp_path / "x.npz", arrays, 0.05), FileOptions(counts="spikes"))
    assert isinstance(opened, Binned) and opened.neural.shape == (400, 6)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"counts": "spike"}, UnknownName, "Did you mean 'spikes'"),
        ({"counts": "spikes", "behaviour": ("hnd",)}, UnknownName, "Did you mean 'hand'"),
        ({}, InvalidInput, "spikes, hand, eye"),
        ({"counts": "spikes", "fluorescence": "hand"}, InvalidInput, "one of them"),
        ({"counts": "hand"}, InvalidInput, "fractional"),
        ({"counts": "spikes"}, InvalidInput, r"window \(in bins\) or trial_id"),
        ({"counts": "spikes", "window": 500}, InvalidInput, "at most 400 bins"),
        ({"counts": "spikes", "window": 10, "behaviour": ("target",)}, InvalidInput, "target: got 10 time bins"),
        ({"counts": "spikes", "window": 10, "trial_id": "trial"}, InvalidInput, "one way of cutting"),
        ({"counts": "spikes", "window": 10, "condition": "target"}, InvalidInput, "Give trial_id"),
        ({"counts": "spikes", "trial_id": "trial", "condition": "block"}, InvalidInput, "400 labels; expected 10"),
        ({"counts": "spikes", "trial_id": "hand"}, InvalidInput, "one number a bin or trial"),
        ({"counts": "spikes", "window": 40, "align": "go"}, InvalidInput, "data.align"),
        ({"counts": "spikes", "window": 300}, InvalidInput, "no train trials"),
    ],
)
def test_bad_options_name_the_field(tmp_path, arrays, options, error, match):
    with pytest.raises(error, match=match):
        load_file(write(tmp_path / "x.npz", arrays, 0.05), FileOptions(**options))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"heldout": 1.0}, "data.heldout"),
        ({"window": 0}, "data.window"),
        ({"bin_s": -1.0}, "data.bin_s"),
        ({"split": "70/30"}, "split"),
        ({"window_s": (0.0,)}, "data.window_s"),
        ({"forward": -1}, "data.forward"),
    ],
)
def test_options_are_checked_when_made(options, match):
    with pytest.raises(InvalidInput, match=match):
        FileOptions(**options)


def test_options_from_the_command_line_are_checked():
    with pytest.raises(InvalidInput, match="Did you mean 'block'"):
        from_dict(FileOptions, {"split_by": "blocks"}, "data")
    with pytest.raises(InvalidInput, match="Did you mean 'window'"):
        from_dict(FileOptions, {"windw": 4}, "data")
    assert from_dict(FileOptions, {"window_s": [-0.5, "stop_time"]}).window_s == (-0.5, "stop_time")


def test_a_bin_width_is_needed(tmp_path, arrays):
    with pytest.raises(InvalidInput, match=r"data\.bin_s"):
        load_file(write(tmp_path / "x.npz", arrays), FileOptions(counts="spikes", window=40))


@pytest.mark.parametrize("ending", [".npz", ".h5", ".mat"])
def test_damaged_files_are_refused(tmp_path, arrays, ending):
    whole = write(tmp_path / f"x{ending}", arrays, 0.05).read_bytes()
    for name, content in {"cut": whole[: len(whole) // 2], "empty": b"", "other": b"hello there " * 50}.items():
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"truncated|damaged|empty|neither"):
            load_file(path, FileOptions(counts="spikes", window=40))
    with pytest.raises(MissingData, match="no such file"):
        load_file(tmp_path / f"absent{ending}")


def test_arrays_of_python_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "x.npz", spikes=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidInput, match="Python objects"):
        NamedArrays(tmp_path / "x.npz")["spikes"]
