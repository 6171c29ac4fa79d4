"""Batches of one session after another, windows of trials, and the share of one process."""

from __future__ import annotations

import dataclasses
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import neurodyn as nd
from aligned_subjects import subject
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.batches import Batches

BINS, WINDOW = 20, 6


def trials_of(n: int, session: str = "a", mask: np.ndarray | None = None) -> Trials:
    """Counts that name their trial and bin."""
    counts = np.arange(n)[:, None, None] * 100 + np.arange(BINS)[:, None] + np.zeros((n, BINS, 2), int)
    return Trials.from_arrays(counts, bin_s=0.02, session=session, mask=mask)


def batches(*sessions: Trials, size: int = 4, seed: int = 0, **options: Any) -> Batches:
    return Batches(list(sessions), size, seed, **options)


def starts(batch: Batch) -> list[int]:
    return [int(first) % 100 for first in batch.targets["counts"][:, 0, 0]]


def test_sessions_take_turns_until_the_longest_is_through() -> None:
    made = batches(trials_of(10, "a"), trials_of(22, "b"), trials_of(3, "c"), in_turn=True)
    assert made.steps == 3 * 6  # six batches of b, and as many steps of the others
    steps = [made.at(2, index) for index in range(made.steps)]
    assert all(len(step) == 1 for step in steps)
    assert [step[0].observed.session for step in steps] == [0, 1, 2] * 6
    dealt = {session: [s[0].trial.tolist() for s in steps[session::3]] for session in range(3)}
    assert sorted(chain(*dealt[1])) == list(range(22)), "each trial of the longest once"
    first, second = sorted(chain(*dealt[0][:3])), sorted(chain(*dealt[0][3:]))
    assert first == second == list(range(10)) and dealt[0][:3] != dealt[0][3:], "others begin again in another order"
    assert all(sorted(rows) == [0, 1, 2] for rows in dealt[2])
    assert all(len(rows) <= 4 for session in dealt.values() for rows in session)


def test_batch_size_is_that_of_one_session_in_turn_and_of_all_together() -> None:
    sessions = [trials_of(16, "a"), trials_of(16, "b")]
    assert len(batches(*sessions, size=8, in_turn=True).at(0, 0)[0].trial) == 8
    assert [len(b.trial) for b in batches(*sessions, size=8).at(0, 0)] == [4, 4]
    # a session with fewer trials than a batch gives what it has
    assert len(batches(trials_of(3), size=50, in_turn=True).at(0, 0)[0].trial) == 3
    with pytest.raises(InvalidInput, match="at most 3"):
        batches(trials_of(3), size=50)


def test_a_step_is_the_same_whatever_was_asked_before() -> None:
    made = batches(trials_of(10, "a"), trials_of(22, "b"), in_turn=True, window_bins=WINDOW)
    again = batches(trials_of(10, "a"), trials_of(22, "b"), in_turn=True, window_bins=WINDOW)
    forth = [made.at(1, index)[0] for index in range(made.steps)]
    back = [again.at(1, index)[0] for index in reversed(range(again.steps))][::-1]
    for mine, theirs in zip(forth, back):
        assert torch.equal(mine.trial, theirs.trial) and torch.equal(mine.observed.neural, theirs.observed.neural)


def test_windows_start_anywhere_they_fit_both_ends_included() -> None:
    made = batches(trials_of(60), size=60, window_bins=WINDOW)
    found = [start for epoch in range(30) for start in starts(made.at(epoch, 0)[0])]
    assert set(found) == set(range(BINS - WINDOW + 1)), "0 to bins - window, the last one too"
    counts = np.bincount(found)
    assert counts.min() > 0.6 * counts.mean() and counts.max() < 1.4 * counts.mean()
    batch = made.at(0, 0)[0]
    assert batch.observed.bins == WINDOW and batch.mask.shape == (60, WINDOW)
    steps = batch.targets["counts"][:, :, 0].diff(dim=1)
    assert torch.equal(steps, torch.ones_like(steps)), "bins of a window follow one another"


def test_windows_are_drawn_by_seed_epoch_and_step() -> None:
    made = batches(trials_of(30), size=30, window_bins=WINDOW)

    def of(epoch: int, seed: int = 0) -> dict[int, int]:
        batch = batches(trials_of(30), size=30, seed=seed, window_bins=WINDOW).at(epoch, 0)[0]
        return dict(zip(batch.trial.tolist(), starts(batch)))

    assert of(3) == dict(zip(made.at(3, 0)[0].trial.tolist(), starts(made.at(3, 0)[0])))
    assert of(3) != of(4) and of(3) != of(3, seed=1)


def test_windows_lie_within_the_data_of_a_trial() -> None:
    mask = np.ones((40, BINS), bool)
    mask[:20, 9:] = False  # data in 9 bins: four starts
    mask[20:30, :3] = False
    mask[30:, 4:] = False  # fewer bins with data than a window has
    made = batches(trials_of(40, mask=mask), size=40, window_bins=WINDOW)
    seen: dict[str, set[int]] = {"short": set(), "late": set(), "whole": set()}
    for epoch in range(40):
        batch = made.at(epoch, 0)[0]
        for trial, start, inside in zip(batch.trial.tolist(), starts_of(batch, mask), batch.mask):
            kind = "short" if trial < 20 else "late" if trial < 30 else "whole"
            seen[kind].add(start)
            assert bool(inside.all()) == (trial < 30)
    assert seen == {"short": set(range(4)), "late": set(range(3, BINS - WINDOW + 1)), "whole": {0}}


def starts_of(batch: Batch, mask: np.ndarray) -> list[int]:
    """First bins of windows, from the bins with data: what is masked is zero."""
    found = []
    for trial, inside, counts in zip(batch.trial.tolist(), batch.mask.numpy(), batch.targets["counts"][..., 0].numpy()):
        place = int(inside.argmax())
        found.append(int(counts[place]) - 100 * trial - place)
    return found


def test_trials_shorter_than_a_window_are_taken_whole() -> None:
    long, short = trials_of(5, "long"), subject("short", trials=5, units=2)
    made = batches(long, short, window_bins=15, in_turn=True)
    assert {made.at(0, i)[0].observed.bins for i in range(made.steps)} == {10}, (
        "as many bins as the shortest session has"
    )
    assert batches(trials_of(5), window_bins=500).at(0, 0)[0].observed.bins == BINS


def test_of_a_recording_on_disk_only_the_window_is_read(tmp_path: Path) -> None:
    trials = trials_of(12)
    read: list[int] = []

    class Noted:
        """A lazy source that says how much is read of it."""

        shape, dtype = trials.counts.shape, trials.counts.dtype

        def windows(self, rows: np.ndarray, begin: np.ndarray, length: int) -> np.ndarray:
            read.append(length)
            return np.stack([trials.counts[row, s : s + length] for row, s in zip(rows, begin, strict=True)])

    lazy = dataclasses.replace(trials, signals={"counts": dataclasses.replace(trials.neural, values=Noted())})
    with h5py.File(tmp_path / "counts.h5", "w") as file:
        stored = dataclasses.replace(
            trials,
            signals={"counts": dataclasses.replace(trials.neural, values=file.create_dataset("c", data=trials.counts))},
        )
        mine, theirs, other = (batches(t, window_bins=WINDOW).at(1, 2)[0] for t in (trials, lazy, stored))
        assert torch.equal(mine.observed.neural, theirs.observed.neural)
        assert torch.equal(mine.observed.neural, other.observed.neural)
    assert set(read) == {WINDOW}


def test_shares_of_processes_make_up_the_batch() -> None:
    sessions = [trials_of(10, "a"), trials_of(22, "b")]
    for index in range(6):
        whole = batches(*sessions, window_bins=WINDOW, in_turn=True).at(0, index)[0]
        parts = [
            batches(*sessions, window_bins=WINDOW, in_turn=True, share=(rank, 3)).at(0, index)[0] for rank in range(3)
        ]
        assert torch.equal(torch.cat([p.trial for p in parts]), whole.trial)
        assert torch.equal(torch.cat([p.observed.neural for p in parts]), whole.observed.neural)


SMALL = {"model": "pnba", "hidden": 8, "size": 3, "progress": False}
TRAIN = {"batch_size": 8, "steps": 12, "learning_rate": 1e-2}


def subjects() -> list[Trials]:
    """30 and 18 trials, of which 24 and 14 or 15 train."""
    return [subject("a", trials=30), subject("b", trials=18, units=12, seed=1)]


def fitted(**options: Any) -> nd.Estimator:
    train = {**TRAIN, **options.pop("train", {})}
    return nd.fit(trials=subjects(), train=train, **{**SMALL, **options})


@pytest.mark.parametrize(("steps", "epochs"), [(12, 2), (1, 1), (17, 2), (18, 3), (600, 4)])
def test_steps_are_whole_epochs_and_no_more_than_asked(steps: int, epochs: int) -> None:
    """Six steps an epoch here: at least one epoch, and never more than `epochs`."""
    found = fitted(train={"steps": steps, "epochs": 4})
    assert found.fitted_.epochs == epochs == len(found.fitted_.history)
    assert found.fitted_.history[-1]["step"] == 6 * epochs


def test_the_learning_rate_falls_over_the_steps_that_are_run() -> None:
    rates = [row["learning_rate"] for row in fitted(train={"steps": 60, "epochs": 1000}).fitted_.history]
    assert rates[0] > 0.9 * 1e-2 and rates[-1] < 0.1 * 1e-2


def test_twenty_steps_are_the_same_twice() -> None:
    """Same seed, same machine, one thread."""
    first, second, other = (fitted(train={"steps": 20}, seed=seed) for seed in (4, 4, 5))
    totals = [[row["train/total"] for row in each.fitted_.history] for each in (first, second, other)]
    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-6)
    assert totals[0] != totals[2]
    for mine, theirs in zip(first.model_.state_dict().values(), second.model_.state_dict().values()):
        assert torch.equal(mine, theirs)


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(tmp_path: Path) -> None:
    """In turn, on windows and in parts, with a schedule that does not depend on the number of epochs."""
    train = {"window_bins": 7, "parts": 3, "schedule": "constant", "steps": None, "transforms": ["pairing_shuffle"]}
    for epochs in (2, 4):
        again = fitted(train={**train, "epochs": epochs}, out=tmp_path / "resumed", resume=True)
    whole = fitted(train={**train, "epochs": 4}, out=tmp_path / "whole")
    for mine, theirs in zip(again.model_.state_dict().values(), whole.model_.state_dict().values()):
        assert torch.equal(mine, theirs)
    mine, theirs = (
        [{k: v for k, v in row.items() if k != "cpu_s"} for row in each.fitted_.history] for each in (again, whole)
    )
    assert mine == theirs


def test_windows_are_refused_for_models_of_one_length() -> None:
    with pytest.raises(InvalidInput, match=r"train\.window_bins"):
        nd.fit("lfads", subject(trials=20), train={"window_bins": 5, "epochs": 1}, progress=False)
