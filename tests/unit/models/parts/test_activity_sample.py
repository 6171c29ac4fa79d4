"""What is read of a recording to know its units by."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from aligned_subjects import subject, with_values
from neurodyn.data.trials import Trials
from neurodyn.models.parts.activity_sample import activity_sample


def test_all_trials_of_a_small_recording_with_zeros_where_nothing_is_known() -> None:
    trials = subject(ragged=True)
    values, known = activity_sample(trials)
    assert np.array_equal(known, np.broadcast_to(trials.mask[..., None], trials.counts.shape))
    np.testing.assert_array_equal(values, trials.counts * known)


def test_entries_that_were_not_recorded_are_unknown() -> None:
    counts = subject().counts.astype(float)
    counts[:, ::2, 3] = np.nan
    values, known = activity_sample(Trials.from_arrays(counts, bin_s=0.02, nan="unknown"))
    assert np.array_equal(known, ~np.isnan(counts)) and np.all(values[~known] == 0)


def test_evenly_spaced_trials_of_a_large_one_and_no_others_are_read(tmp_path: Path) -> None:
    trials = subject(trials=40)
    with h5py.File(tmp_path / "counts.h5", "w") as file:
        lazy = with_values(trials, "counts", file.create_dataset("counts", data=trials.counts))
        values, _ = activity_sample(lazy, entries=5 * trials.bins * trials.units)
        one, _ = activity_sample(lazy, entries=1)
    rows = np.linspace(0, 39, 5).astype(int)
    np.testing.assert_array_equal(values, trials.counts[rows])
    assert len(one) == 1
