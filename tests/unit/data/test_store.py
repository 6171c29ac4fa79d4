"""The HDF5 store: round trips, laziness, files that are wrong, and disks that are full."""

import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from neurodyn.data import store
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData


@pytest.fixture
def trials():
    rng = np.random.default_rng(0)
    mask = np.ones((12, 10), bool)
    mask[3, 6:] = False
    table = pd.DataFrame(
        {
            "go_cue": rng.random(12),
            "correct": rng.random(12) > 0.5,
            "target": [f"t{k}" for k in range(12)],
            "mixed": [None, 1, "a", [1.0, 2.0], *[float("nan")] * 8],
        }
    )
    return Trials.from_arrays(
        rng.poisson(1.0, (12, 10, 5)),
        bin_s=0.02,
        behaviour={"hand": rng.normal(size=(12, 10, 2)), "eye": np.full((12, 10, 1), np.nan)},
        stimulus={"video": rng.integers(0, 255, (12, 10, 4, 6)).astype(np.uint8)},
        conditions=[k % 3 for k in range(12)],
        mask=mask,
        heldin=[0, 2, 3],
        table=table,
        split=["train"] * 8 + ["valid"] * 2 + ["test"] * 2,
        truth={"rates": rng.random((12, 10, 5))},
        provenance={"source": "a test", "options": {"bin_s": 0.02}},
    )


def assert_equal(a: Trials, b: Trials) -> None:
    assert list(a.signals) == list(b.signals)
    for name, signal in a.signals.items():
        other = b.signals[name]
        assert np.array_equal(np.asarray(signal.values), np.asarray(other.values), equal_nan=signal.kind == "series")
        for field in ("kind", "role", "bin_s", "units", "names"):
            assert getattr(signal, field) == getattr(other, field)
    assert np.array_equal(a.mask, b.mask) and np.array_equal(a.heldin, b.heldin)
    assert (a.forward, a.name, a.session) == (b.forward, b.name, b.session)
    assert all(np.array_equal(a.truth[k], b.truth[k]) for k in {*a.truth, *b.truth})
    assert list(a.table.columns) == list(b.table.columns)
    for column in a.table:
        for one, two in zip(a.table[column], b.table[column]):
            assert one == two or (one != one and two != two)


def test_what_is_saved_is_loaded(trials, tmp_path):
    path = store.save(trials, tmp_path / "x.h5")
    loaded = store.load(path)
    assert_equal(trials, loaded)
    assert loaded.provenance["source"] == "a test"
    assert loaded.provenance["versions"]["neurodyn"]
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]


def test_lazy_signals_stay_on_disk_and_give_the_same_batch(trials, tmp_path):
    lazy = store.load(store.save(trials, tmp_path / "x.h5"), lazy=True)
    assert isinstance(lazy.signals["video"].values, h5py.Dataset)
    assert_equal(trials, lazy)
    one, two = Batch.of(trials.train, np.array([3, 1])), Batch.of(lazy.train, np.array([3, 1]))
    for name, tensor in one.observed.signals.items():
        assert tensor.equal(two.observed.signals[name])


def test_saving_again_replaces_the_file_whole(trials, tmp_path):
    path = store.save(trials, tmp_path / "x.h5")
    store.save(trials.select([0, 1]), path)
    assert len(store.load(path)) == 2


def test_a_missing_file(tmp_path):
    with pytest.raises(MissingData, match="no such file"):
        store.load(tmp_path / "x.h5")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "empty file"),
        (b"not hdf5 at all" * 100, "not HDF5"),
        (b"\x89HDF\r\n\x1a\n" + b"0" * 300, "truncated|not HDF5"),
    ],
)
def test_files_that_hold_no_hdf5(tmp_path, content, match):
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(InvalidInput, match=match):
        store.load(tmp_path / "x.h5")


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_truncated_files(trials, tmp_path, part):
    whole = store.save(trials, tmp_path / "x.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InvalidInput, match=r"truncated|damaged"):
        store.load(tmp_path / "cut.h5")


def test_a_file_with_a_part_missing(trials, tmp_path):
    path = store.save(trials, tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        del file["mask"]
    with pytest.raises(InvalidInput, match="damaged"):
        store.load(path)


def test_a_file_of_a_later_version(trials, tmp_path):
    path = store.save(trials, tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = store.SCHEMA + 1
    with pytest.raises(InvalidInput, match="Install a later neurodyn"):
        store.load(path)


def test_another_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["spikes"] = np.ones(3)
    with pytest.raises(InvalidInput, match="holds spikes"):
        store.load(tmp_path / "x.h5")


def test_a_folder_that_does_not_exist(trials, tmp_path):
    with pytest.raises(InvalidInput, match="folder that does not exist"):
        store.save(trials, tmp_path / "nowhere" / "x.h5")


FULL_DISK = """
import resource, sys
import numpy as np
from neurodyn.data import store
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

trials = Trials.from_arrays(np.random.default_rng(0).integers(0, 250, (500, 50, 40)), bin_s=0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # no file may grow beyond
try:
    store.save(trials, sys.argv[1])
except InvalidInput as error:
    print("refused:", error)
"""


def test_a_full_disk_leaves_nothing_and_spares_the_file_that_was_there(trials, tmp_path):
    path = store.save(trials, tmp_path / "x.h5")
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True)
    assert "refused:" in done.stdout and "room on the disk" in done.stdout, done.stderr
    assert done.returncode == 0
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]
