import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import HideSome, some_trials

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.batches import Batches


def _trials(n: int, session: str = "session") -> Trials:
    return dataclasses.replace(some_trials(n, bins=4, units=3), session=session)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), size=st.integers(1, 40), epoch=st.integers(0, 5))
def test_every_trial_once_an_epoch_in_batches_of_like_size(n: int, size: int, epoch: int) -> None:
    batches = Batches([_trials(n)], min(size, n), seed=1)
    dealt = [batches.at(epoch, i)[0].trial.numpy() for i in range(batches.steps)]
    assert sorted(np.concatenate(dealt)) == list(range(n))
    sizes = [len(d) for d in dealt]
    assert max(sizes) <= min(size, n) and max(sizes) - min(sizes) <= 1


def test_order_is_keyed_by_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = Batches([_trials(30)], 10, seed)
        batches.at(epoch + 1, 0)  # what was asked before does not matter
        return torch.cat([batches.at(epoch, i)[0].trial for i in range(3)]).tolist()

    assert order(0, 2) == order(0, 2)
    assert order(0, 2) != order(0, 3) and order(0, 2) != order(1, 2)


def test_shorter_sessions_begin_again_in_another_order() -> None:
    batches = Batches([_trials(24, "long"), _trials(7, "short")], 8, seed=0)
    assert batches.steps == 6
    steps = [batches.at(0, i) for i in range(6)]
    assert all([b.observed.session for b in step] == [0, 1] for step in steps)
    short = [step[1].trial.tolist() for step in steps]
    assert sorted(short[0] + short[1]) == sorted(short[2] + short[3]) == list(range(7))
    assert short[0] + short[1] != short[2] + short[3]
    assert sorted(torch.cat([step[0].trial for step in steps]).tolist()) == list(range(24))


def test_default_size_is_64_or_all() -> None:
    assert Batches([_trials(20)], None, 0).steps == 1
    assert Batches([_trials(130)], None, 0).steps == 3


@pytest.mark.parametrize(("size", "expected"), [(21, "at most 20"), (1, "at least 2")])
def test_sizes_that_do_not_fit_are_refused(size: int, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        Batches([_trials(10, "a"), _trials(10, "b")], size, 0)


def test_lazy_signals_give_the_same_batches(tmp_path: Path) -> None:
    trials = _trials(20)
    with h5py.File(tmp_path / "counts.h5", "w") as file:
        file["counts"] = trials.counts
        lazy = dataclasses.replace(
            trials, signals={"counts": dataclasses.replace(trials.neural, values=file["counts"])}
        )
        for index in range(3):
            mine, theirs = (Batches([t], 7, 3).at(1, index)[0] for t in (trials, lazy))
            assert torch.equal(mine.targets["counts"], theirs.targets["counts"])
            assert torch.equal(mine.trial, theirs.trial)


class Draw(Transform):
    """Notes what it drew."""

    def __init__(self) -> None:
        self.drawn: list[float] = []

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        self.drawn.append(float(torch.rand((), generator=generator)))
        return batch


def test_transforms_draw_by_place_and_differ_between_sessions() -> None:
    def drawn(places: list[tuple[int, int]]) -> list[float]:
        noted: Any = Draw()
        batches = Batches([_trials(20, "a"), _trials(20, "b")], 8, 0, [noted, HideSome()])
        for place in places:
            batches.at(*place)
        return noted.drawn

    forth, back = drawn([(0, 0), (0, 1), (1, 0)]), drawn([(1, 0), (0, 1), (0, 0)])
    assert len(set(forth)) == 6
    assert forth[0:2] == back[4:6] and forth[2:4] == back[2:4] and forth[4:6] == back[0:2]
