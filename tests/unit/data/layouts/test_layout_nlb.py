"""The benchmark's own files: written, read back, read as its tools leave them, and refused when they are wrong."""

import shutil

import h5py
import numpy as np
import pytest
from benchmark_tensors import benchmark_tensors

from neurodyn.data.files import FileOptions, kind_of, load_file
from neurodyn.data.layouts import nlb
from neurodyn.errors import InvalidInput, MissingData

TRAIN = {
    "train_spikes_heldin": "f4",
    "train_spikes_heldout": "f4",
    "train_spikes_heldin_forward": "f4",
    "train_spikes_heldout_forward": "f4",
    "train_behavior": "f4",
}
TARGET = {
    "eval_spikes_heldout",
    "train_behavior",
    "eval_behavior",
    "eval_spikes_heldin_forward",
    "eval_spikes_heldout_forward",
    "psth",
    "train_cond_idx",
    "eval_cond_idx",
}


def assert_equal(found, expected):
    assert set(found.arrays) == set(expected.arrays)
    for key, values in expected.arrays.items():
        if isinstance(values, tuple):
            assert [rows.tolist() for rows in found.arrays[key]] == [rows.tolist() for rows in values], key
        else:
            assert np.array_equal(found.arrays[key], values, equal_nan=values.dtype.kind == "f"), key


def as_the_tools_leave_it(folder, out):
    """The same arrays without what neurodyn adds: no attributes, no table."""
    out.mkdir()
    for path in folder.glob("*.h5"):
        with h5py.File(path) as source, h5py.File(out / path.name, "w") as file:
            for name in source:
                source.copy(name, file)
    return out


@pytest.mark.parametrize("phase", ["val", "test"])
@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("dataset", ["mc_maze_small", "area2_bump", "dmfc_rsg"])
def test_a_split_is_read_as_it_was_written(tmp_path, dataset, bin_ms, phase):
    tensors = benchmark_tensors(dataset, bin_ms, phase)
    folder = nlb.write(tensors, tmp_path / "splits")
    assert folder == tmp_path / "splits" / f"{dataset}-{bin_ms:02d}ms-{phase}"
    for path in (folder, folder / "train_input.h5", folder / "eval_input.h5"):
        found = nlb.read(path)
        assert_equal(found, tensors)
        for name in ("dataset", "bin_ms", "phase", "heldin", "unit_names", "conditions"):
            assert getattr(found, name) == getattr(tensors, name)
        assert list(found.table) == list(tensors.table)
        for column in tensors.table:
            for a, b in zip(found.table[column], tensors.table[column]):
                assert np.array_equal(np.asarray(a), np.asarray(b)), column


def test_keys_types_and_compression_are_those_of_the_benchmark(tmp_path):
    folder = nlb.write(benchmark_tensors("dmfc_rsg", 20), tmp_path)
    with h5py.File(folder / "train_input.h5") as file:
        assert {key: data.dtype.str[1:] for key, data in file.items()} == TRAIN
        assert {data.compression for data in file.values()} == {"gzip"}
    with h5py.File(folder / "eval_input.h5") as file:
        assert set(file) == {"eval_spikes_heldin", "eval_spikes_heldout"}
        assert not np.isnan(file["eval_spikes_heldout"][()]).any()  # the whole window; only the target has NaN
    with h5py.File(folder / "eval_target.h5") as file:
        assert list(file) == ["dmfc_rsg_20"]
        group = file["dmfc_rsg_20"]
        assert set(group) == TARGET | {"train_jitter", "eval_jitter"}
        assert group["train_jitter"].dtype == np.int32
        assert h5py.check_vlen_dtype(group["train_cond_idx"].dtype) == np.int32
        assert np.isnan(group["eval_spikes_heldout"][:, :3]).all()
    with h5py.File(nlb.write(benchmark_tensors("area2_bump", 5), tmp_path) / "eval_target.h5") as file:
        assert file["area2_bump/train_decode_mask"].dtype == bool


def test_a_split_for_testing_has_no_targets(tmp_path):
    folder = nlb.write(benchmark_tensors(phase="test"), tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["eval_input.h5", "train_input.h5", "trials.json"]
    with h5py.File(folder / "eval_input.h5") as file:
        assert list(file) == ["eval_spikes_heldin"]


@pytest.mark.parametrize("phase", ["val", "test"])
def test_files_of_the_benchmarks_tools_are_read(tmp_path, phase):
    tensors = benchmark_tensors("mc_maze_small", 20, phase)
    folder = as_the_tools_leave_it(nlb.write(tensors, tmp_path), tmp_path / f"other-20ms-{phase}")
    found = nlb.read(folder)
    assert_equal(found, tensors)
    assert (found.dataset, found.bin_ms, found.phase) == ("other", 20, phase)
    assert found.heldin is None and found.table["nlb_split"].tolist() == ["train"] * 12 + [phase] * 5


def test_the_group_says_what_the_folder_does_not(tmp_path):
    folder = as_the_tools_leave_it(nlb.write(benchmark_tensors(bin_ms=20), tmp_path), tmp_path / "mine")
    found = nlb.read(folder)
    assert (found.dataset, found.bin_ms, found.phase) == ("mc_maze_small", 20, "val")


@pytest.mark.parametrize("phase", ["val", "test"])
def test_everything_in_one_file(tmp_path, phase):
    tensors = benchmark_tensors("area2_bump", 20, phase)
    folder = as_the_tools_leave_it(nlb.write(tensors, tmp_path), tmp_path / "parts")
    with h5py.File(tmp_path / f"area2_bump-20ms-{phase}.h5", "w") as one:
        for path in folder.iterdir():
            with h5py.File(path) as source:
                for name in source:
                    source.copy(name, one)
    found = nlb.read(tmp_path / f"area2_bump-20ms-{phase}.h5")
    assert_equal(found, tensors)
    assert (found.dataset, found.bin_ms, found.phase) == ("area2_bump", 20, phase)


def test_a_bin_width_nobody_says_is_asked_for(tmp_path):
    folder = as_the_tools_leave_it(nlb.write(benchmark_tensors(phase="test"), tmp_path), tmp_path / "mine")
    with pytest.raises(InvalidInput, match=r"data\.bin_s"):
        nlb.read(folder)
    assert nlb.read(folder, bin_s=0.02).bin_ms == 20
    renamed = shutil.move(folder, tmp_path / "mine-05ms-test")
    with pytest.raises(InvalidInput, match=r"0\.02 s by data\.bin_s"):
        nlb.read(renamed, bin_s=0.02)


def test_nothing_is_replaced_unless_asked(tmp_path):
    tensors = benchmark_tensors()
    folder = nlb.write(tensors, tmp_path)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="overwrite"):
        nlb.write(benchmark_tensors(seed=1), tmp_path)
    assert_equal(nlb.read(folder), tensors)
    nlb.write(benchmark_tensors(seed=1), tmp_path, overwrite=True)
    assert_equal(nlb.read(folder), benchmark_tensors(seed=1))
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(nlb, "table_text", lambda table: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InvalidInput, match="room on the disk"):
        nlb.write(benchmark_tensors(), tmp_path / "splits")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["train_input.h5", "eval_input.h5", "eval_target.h5"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    (folder / name).unlink()
    with pytest.raises(MissingData, match=name):
        nlb.read(folder)


@pytest.mark.parametrize("name", ["train_input.h5", "eval_input.h5", "eval_target.h5"])
def test_a_truncated_file_is_named(tmp_path, name):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    whole = (folder / name).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not HDF5"):
        (folder / name).write_bytes(content)
        with pytest.raises(InvalidInput, match=name):
            nlb.read(folder)


def cut(array, axis, by=1):
    return np.delete(array, np.s_[:by], axis)


def put(array, value):
    array = array.copy()
    array[0, 0, 0] = value
    return array


@pytest.mark.parametrize(
    ("file", "key", "change", "named"),
    [
        ("train_input.h5", "train_spikes_heldin", None, ["train_spikes_heldin", "train_spikes_heldout"]),
        ("train_input.h5", "train_spikes_heldin_forward", None, ["include_forward_pred"]),
        ("eval_input.h5", "eval_spikes_heldin", None, ["eval_input.h5", "eval_spikes_heldin"]),
        ("eval_target.h5", "mc_maze_small_20/eval_behavior", None, ["eval_behavior"]),
        ("train_input.h5", "train_spikes_heldout", lambda a: cut(a, 0), ["train_spikes_heldout", "(11, 8, 2)", "(12, 8, 2)"]),
        ("train_input.h5", "train_spikes_heldin_forward", lambda a: cut(a, 2), ["(12, 3, 5)", "(12, 3, 6)"]),
        ("train_input.h5", "train_behavior", lambda a: cut(a, 1), ["train_behavior", "(12, 7, 2)"]),
        ("eval_input.h5", "eval_spikes_heldin", lambda a: cut(a, 1), ["eval_spikes_heldin", "(5, 7, 6)", "(5, 8, 6)"]),
        ("eval_input.h5", "eval_spikes_heldin", lambda a: cut(a, 0), ["eval_target.h5", "(5, 8, 2)", "(4, 8, 2)"]),
        ("eval_target.h5", "mc_maze_small_20/psth", lambda a: cut(a, 2), ["psth", "(3, 8, 7)", "(3, 8, 8)"]),
        ("train_input.h5", "train_spikes_heldin", lambda a: put(a, -1), ["negative", "(0, 0, 0)"]),
        ("train_input.h5", "train_spikes_heldin", lambda a: put(a, 0.5), ["fractional", "not rates"]),
        ("train_input.h5", "train_spikes_heldin", lambda a: put(a, np.nan), ["NaN"]),
        ("eval_input.h5", "eval_spikes_heldin", lambda a: put(a, np.inf), ["infinite"]),
        ("train_input.h5", "train_spikes_heldin", lambda a: a[:, :, 0], ["(12, 8)", "(trial, time, unit)"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, file, key, change, named):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    with h5py.File(folder / file, "r+") as opened:
        values = opened[key][()]
        del opened[key]
        if change is not None:
            opened[key] = change(values)
    with pytest.raises(InvalidInput) as raised:
        nlb.read(folder)
    for word in named:
        assert word in str(raised.value)


def test_conditions_that_name_no_trial_are_refused(tmp_path):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    with h5py.File(folder / "eval_target.h5", "r+") as file:
        file["mc_maze_small_20/eval_cond_idx"][0] = np.array([7], np.int32)
    with pytest.raises(InvalidInput, match="trials 0 to 4"):
        nlb.read(folder)


def test_targets_in_a_split_for_testing_are_refused(tmp_path):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    shutil.copytree(folder, tmp_path / "x-20ms-test")
    with pytest.raises(InvalidInput, match="withheld"):
        nlb.read(as_the_tools_leave_it(folder, tmp_path / "y-20ms-test"))


def test_targets_of_several_data_sets_in_one_file(tmp_path):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    with h5py.File(folder / "eval_target.h5", "r+") as file:
        file.copy("mc_maze_small_20", "mc_rtt_20")
    assert_equal(nlb.read(folder), benchmark_tensors())
    with pytest.raises(InvalidInput, match="several data sets"):
        nlb.read(as_the_tools_leave_it(folder, tmp_path / "mine"))


def test_files_load_as_trials(tmp_path):
    folder = nlb.write(benchmark_tensors(), tmp_path)
    assert kind_of(folder / "train_input.h5") == "nlb"
    trials = load_file(folder / "train_input.h5")
    assert trials.counts.shape == (17, 11, 8) and trials.forward == 3
    assert trials.table["split"].tolist() == (["train"] * 4 + ["valid"]) * 2 + ["train"] * 2 + ["test"] * 5
    assert trials.heldin.tolist() == [0, 1, 3, 4, 6, 7]
    assert trials.provenance["benchmark"] == {"dataset": "mc_maze_small", "bin_ms": 20, "phase": "val"}
    with pytest.raises(InvalidInput, match=r"data\.window"):
        load_file(folder / "train_input.h5", FileOptions(window=10))
