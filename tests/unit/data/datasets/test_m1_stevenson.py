"""The default cut of m1_stevenson against an independent one, and the public original against the converted file."""

import numpy as np
import pytest
from scipy.io import savemat

from neurodyn.data.datasets.base import data_folders
from neurodyn.data.datasets.m1_stevenson import BIN_S, CONVERTED, ORIGINAL, M1Stevenson
from neurodyn.errors import InvalidInput, MissingData


@pytest.fixture(scope="module")
def raw():
    for folder in data_folders():
        if (folder / CONVERTED).exists():
            return dict(np.load(folder / CONVERTED))
    pytest.skip("m1_stevenson_2011.npz is in no data folder (set NEURODYN_DATA)")


def test_the_default_cut_is_the_quality_benchmark(raw):
    """Rebuilt here from the raw arrays, window by window."""
    spikes = raw["spikes"][:, raw["spikes"].mean(0) / 0.05 > 0.5]
    n_windows = len(spikes) // 40
    order = np.random.default_rng(11).permutation(spikes.shape[1])
    held_out = np.sort(order[: round(0.25 * spikes.shape[1])])
    held_in = np.setdiff1d(np.arange(spikes.shape[1]), held_out)
    n_train, n_valid = int(0.7 * n_windows), int(0.15 * n_windows)

    trials = M1Stevenson.with_options().load()
    assert trials.bin_s == 0.05 and trials.forward == 8 and len(trials) == n_windows == 388
    assert trials.heldin.tolist() == held_in.tolist() and trials.heldout.tolist() == held_out.tolist()
    assert (len(held_in), len(held_out)) == (106, 35)
    assert trials.table["split"].tolist() == ["train"] * n_train + ["valid"] * n_valid + ["test"] * (
        388 - n_train - n_valid
    )
    assert trials.counts.shape == (388, 40, 141)
    velocity = trials.signals["velocity"].values
    assert velocity.shape == (388, 32, 2) and velocity.dtype == np.float32
    padded = np.concatenate([raw["hand_vel"], np.full((100, 2), np.nan, np.float32)])
    for k in range(n_windows):
        assert np.array_equal(trials.counts[k], spikes[40 * k : 40 * k + 40])
        assert np.array_equal(velocity[k], padded[40 * k + 2 : 40 * k + 34], equal_nan=True)
        assert trials.table["start_s"][k] == raw["time_s"][40 * k]
    assert trials.table["start_bin"].tolist() == list(range(0, 388 * 40, 40))
    assert int(trials.counts.astype(np.int64).sum()) == 2347251  # the checksum the benchmark states


def test_options_change_the_cut(raw):
    trials = M1Stevenson.with_options(
        window=20, forward=0, heldout=0.0, behaviour=("position", "velocity"), min_rate_hz=0.0
    ).load()
    assert trials.counts.shape == (776, 20, 171) and len(trials.heldout) == 0
    assert list(trials.signals) == ["counts", "position", "velocity"]
    assert trials.signals["position"].units == "m"


def test_the_public_original_gives_the_same_trials(raw, tmp_path, monkeypatch):
    """The original holds channels by time, a third axis of zeros, doubles."""
    wide = {"handVel": raw["hand_vel"], "handPos": raw["hand_pos"]}
    wide = {k: np.concatenate([v.T.astype(float), np.zeros((1, len(v)))]) for k, v in wide.items()}
    (tmp_path / ORIGINAL).parent.mkdir()
    savemat(tmp_path / ORIGINAL, {"spikes": raw["spikes"].T, "time": raw["time_s"][None], **wide})
    here = M1Stevenson.with_options().load()
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _: str(tmp_path / "none"))
    there = M1Stevenson.with_options().load()
    assert np.array_equal(here.counts, there.counts)
    assert np.array_equal(here.signals["velocity"].values, there.signals["velocity"].values, equal_nan=True)
    assert here.table.equals(there.table)


def test_without_the_file_the_origin_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _: str(tmp_path / "none"))
    with pytest.raises(MissingData, match=r"raw.githubusercontent.com/KordingLab.*neurodyn data get m1_stevenson"):
        M1Stevenson.with_options().load()


@pytest.mark.parametrize(
    "options", [{"forward": 40}, {"heldout": 1.0}, {"split": "70/30"}, {"min_rate_hz": -1.0}, {"window": 0}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(InvalidInput):
        M1Stevenson.with_options(**options)


def test_the_bin_width_is_the_recordings(raw):
    assert float(raw["bin_s"]) == BIN_S
