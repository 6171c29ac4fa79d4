"""Windows of trials: the bins asked for, from arrays and from lazy sources alike, and batches of them."""

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

RNG = np.random.default_rng(5)
VALUES = RNG.normal(size=(4, 20, 3)).astype(np.float32)
TRIALS, STARTS = np.array([2, 0, 2, 3]), np.array([0, 15, 7, 3])
EXPECTED = np.stack([VALUES[k, s : s + 5] for k, s in zip(TRIALS, STARTS, strict=True)])


class Own:
    """A lazy source with its own way to read windows."""

    shape, dtype = VALUES.shape, VALUES.dtype

    def windows(self, trials: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
        return np.stack([VALUES[k, s : s + length] for k, s in zip(trials, starts, strict=True)])


def signal(values: Any) -> Signal:
    return Signal(values, "series", "behaviour", 0.01)


@pytest.mark.parametrize("source", ["array", "memmap", "h5py", "own"])
def test_windows_are_the_bins_asked_for(source: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        np.save(tmp_path / "a.npy", VALUES)
        values: Any = {
            "array": VALUES,
            "memmap": np.load(tmp_path / "a.npy", mmap_mode="r"),
            "h5py": file.create_dataset("a", data=VALUES),
            "own": Own(),
        }[source]
        np.testing.assert_array_equal(signal(values).windows(TRIALS, STARTS, 5), EXPECTED)
        chosen = signal(values).select(np.array([3, 2, 0])).select(np.array([1, 2, 0]))  # 2, 0, 3 of the source
        np.testing.assert_array_equal(chosen.windows(np.array([0, 1, 0, 2]), STARTS, 5), EXPECTED)


def test_the_last_start_is_included_and_the_next_is_not() -> None:
    assert signal(VALUES).windows(np.array([1]), np.array([15]), 5).shape == (1, 5, 3)
    assert signal(VALUES).windows(np.array([1]), np.array([0]), 20).shape == (1, 20, 3)
    for trials, starts, length in [([1], [16], 5), ([1], [-1], 5), ([1], [0], 21), ([1], [0], 0), ([1, 2], [0], 5)]:
        with pytest.raises(InvalidInput):
            signal(VALUES).windows(np.array(trials), np.array(starts), length)
    with pytest.raises(InvalidInput, match="label"):
        Signal(VALUES[:, 0], "label", "stimulus", 0.0).windows(np.array([0]), np.array([0]), 1)


def make(**options: Any) -> Trials:
    mask = np.ones((4, 20), bool)
    mask[2, 9:] = False
    counts = RNG.poisson(1.0, (4, 20, 4)).astype(float)
    counts[0, 16, 1] = np.nan
    return Trials.from_arrays(
        counts, bin_s=0.02, heldin=[1, 3], mask=mask, nan="unknown", behaviour=RNG.normal(size=(4, 20, 2)),
        stimulus={"video": RNG.normal(size=(4, 20, 6, 5)), "word": RNG.normal(size=(4, 5))}, targets=RNG.normal(size=(4, 20, 1)), **options,
    )  # fmt: skip


def test_a_batch_of_windows_is_the_same_bins_of_a_batch_of_trials() -> None:
    trials = make()
    whole, windows = Batch.of(trials, TRIALS, 1), Batch.of(trials, TRIALS, 1, starts=STARTS, length=5)
    assert windows.observed.bins == 5 and windows.observed.session == 1 and windows.trial.tolist() == TRIALS.tolist()

    def cut(values: torch.Tensor) -> torch.Tensor:
        return torch.stack([values[row, s : s + 5] for row, s in enumerate(STARTS)])

    assert torch.equal(windows.mask, cut(whole.mask)) and not windows.mask.all()
    for name, target in windows.targets.items():
        assert torch.equal(target, cut(whole.targets[name]))
    assert torch.equal(windows.privileged["behaviour"], cut(whole.privileged["behaviour"]))
    assert torch.equal(windows.observed.signals["video"], cut(whole.observed.signals["video"]))
    assert torch.equal(windows.observed.neural, cut(whole.observed.neural))
    assert torch.equal(windows.known["counts"], cut(whole.known["counts"])) and not windows.known["counts"].all()
    assert windows.observed.hidden is not None and whole.observed.hidden is not None
    assert torch.equal(windows.observed.hidden, cut(whole.observed.hidden))


def test_a_label_is_not_cut_even_where_it_is_as_wide_as_the_window() -> None:
    trials = make()
    windows = Batch.of(trials, TRIALS, starts=STARTS, length=5)
    word = np.asarray(trials.signals["word"].values, np.float32)
    np.testing.assert_array_equal(windows.observed.signals["word"].numpy(), word[TRIALS])


def test_what_cannot_be_cut_is_refused() -> None:
    trials = make()
    with pytest.raises(InvalidInput, match="both, or neither"):
        Batch.of(trials, TRIALS, starts=STARTS)
    with pytest.raises(InvalidInput, match="forward"):
        Batch.of(dataclasses.replace(trials, forward=2), TRIALS, starts=STARTS, length=5)
    slow = Signal(RNG.normal(size=(4, 10, 2)), "series", "stimulus", 0.04)
    with pytest.raises(InvalidInput, match="10 bins"):
        Batch.of(dataclasses.replace(trials, signals={**trials.signals, "slow": slow}), TRIALS, starts=STARTS, length=5)
