"""Every trial of a batch has another's behaviour and stimulus, dealt anew at every step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.pairing_shuffle import PairingShuffle
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

BINS = 6


def numbered(trials: int) -> Trials:
    """Behaviour, a stimulus over time and a label that name their trial."""
    number = np.arange(trials, dtype=float)
    series = np.tile(number[:, None, None], (1, BINS, 2))
    return Trials.from_arrays(
        np.tile(np.arange(trials)[:, None, None], (1, BINS, 3)),
        bin_s=0.02,
        behaviour={"hand": series, "angle": number[:, None]},
        stimulus={"light": series[..., :1], "video": np.tile(number[:, None, None, None], (1, BINS, 4, 4))},
        inputs={"drive": series},
    )


def shuffled(trials: int, seed: int = 0, rows: np.ndarray | None = None) -> tuple[Batch, Batch]:
    given = Batch.of(numbered(trials), rows)
    return given, PairingShuffle()(given, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("trials", [2, 3, 10, 33])
def test_no_trial_keeps_its_own_and_each_is_anothers_once(trials: int) -> None:
    orders = set()
    for seed in range(20):
        _, found = shuffled(trials, seed)
        order = found.privileged["hand"][:, 0, 0].int().tolist()
        assert sorted(order) == list(range(trials))
        assert all(other != trial for trial, other in enumerate(order))
        orders.add(tuple(order))
    assert len(orders) > 1 or trials == 2


def test_behaviour_and_stimuli_move_together_and_activity_stays() -> None:
    given, found = shuffled(8)
    order = found.privileged["hand"][:, 0, 0]
    assert torch.equal(found.privileged["angle"][:, 0], order)
    for name in ("light", "video", "drive"):
        assert torch.equal(found.observed.signals[name].flatten(1)[:, 0], order)
    assert torch.equal(found.observed.neural, given.observed.neural)
    assert torch.equal(found.targets["counts"], given.targets["counts"])
    assert torch.equal(found.trial, given.trial) and torch.equal(found.mask, given.mask)


def test_the_same_generator_gives_the_same_pairs_and_the_next_step_others() -> None:
    given, transform = Batch.of(numbered(30)), PairingShuffle()
    generator = torch.Generator().manual_seed(4)
    first, second = (transform(given, generator).privileged["hand"] for _ in range(2))
    again = transform(given, torch.Generator().manual_seed(4)).privileged["hand"]
    assert torch.equal(first, again) and not torch.equal(first, second)


def test_partners_come_from_the_same_batch() -> None:
    rows = np.array([3, 11, 5, 20])
    _, found = shuffled(30, rows=rows)
    assert sorted(found.privileged["hand"][:, 0, 0].int().tolist()) == sorted(rows.tolist())


def test_one_trial_has_no_partner() -> None:
    with pytest.raises(InvalidInput, match="1 trial in session"):
        PairingShuffle().prepare([numbered(5), numbered(1)])
    PairingShuffle().prepare([numbered(2)])
