"""Shifted windows are windows of the training recording, and never leave it."""

import dataclasses

import numpy as np
import pandas as pd
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials

BINS = 10
RECORDING = np.arange(200)[:, None] * np.array([1, 1000])  # unit values tell the bin


def make(starts: list[int], table: dict[str, object] | None = None) -> Trials:
    counts = np.stack([RECORDING[s : s + BINS] for s in starts])
    return Trials.from_arrays(
        counts, bin_s=0.05, heldin=[1], forward=3, behaviour=counts[:, :7, :1].astype(float),
        table=pd.DataFrame(table if table is not None else {"start_bin": starts}),
    )  # fmt: skip


def shifted(trials: Trials, seed: int = 0) -> Batch:
    transform = WindowShift()
    transform.prepare([trials])
    return transform(Batch.of(trials), torch.Generator().manual_seed(seed))


def test_windows_are_contiguous_pieces_of_their_stretch() -> None:
    starts = [0, 10, 20, 50, 60, 100]  # training trials; 30-49 and 70-99 belong to others
    trials = make(starts)
    covered = {b for s in starts for b in range(s, s + BINS)}
    seen = set()
    for seed in range(40):
        batch = shifted(trials, seed)
        heldin, heldout = batch.targets["counts"][..., 0], batch.targets["counts"][..., 1]
        assert torch.equal(heldin, 1000 * heldout)
        assert torch.equal(heldout.diff(dim=1), torch.ones(6, BINS - 1))
        assert torch.equal(batch.observed.neural[..., 0], heldin[:, :7])
        assert set(heldout.long().flatten().tolist()) <= covered
        assert (heldout[:, 0] - torch.tensor(starts)).abs().max() <= BINS // 2
        assert heldout[5, 0] == 100  # alone in its stretch
        moved = batch.privileged["behaviour"][..., 0]
        known = ~moved.isnan()
        assert torch.equal(moved[known], heldout[:, :7][known])
        seen |= set((heldout[:, 0] - torch.tensor(starts)).long().tolist())
    assert {-4, 0, 4} <= seen


def test_recordings_are_not_joined() -> None:
    trials = make([0, 10, 20, 30], {"start_bin": [0, 10, 20, 30], "segment": [0, 0, 1, 1]})
    for seed in range(30):
        first = shifted(trials, seed).targets["counts"][:, 0, 1]
        assert first[:2].max() <= 10 and first[2:].min() >= 20


def test_left_alone_without_a_recording() -> None:
    for trials in (make([0, 10], {"other": [0, 0]}), make([0, 30, 60])):
        batch = Batch.of(trials)
        transform = WindowShift()
        transform.prepare([trials])
        assert transform(batch, torch.Generator()) is batch


def test_left_alone_with_unknown_counts() -> None:
    trials = make([0, 10, 20])
    known = np.ones(trials.counts.shape, bool)
    known[1, :, 0] = False
    neural = dataclasses.replace(trials.neural, mask=known)
    trials = dataclasses.replace(trials, signals={**trials.signals, "counts": neural})
    transform = WindowShift()
    transform.prepare([trials])
    batch = Batch.of(trials)
    assert transform(batch, torch.Generator()) is batch
