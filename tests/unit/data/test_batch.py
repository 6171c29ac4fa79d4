"""A batch keeps what may be seen apart from what is compared with."""

import dataclasses

import numpy as np
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials

RNG = np.random.default_rng(1)


def make() -> Trials:
    mask = np.ones((5, 8), bool)
    mask[1, 6:] = False
    return Trials.from_arrays(
        RNG.poisson(1.0, (5, 8, 4)), bin_s=0.02, heldin=[1, 3], forward=2, mask=mask,
        behaviour=RNG.normal(size=(5, 8, 2)), stimulus=RNG.normal(size=(5, 8, 3)), targets=RNG.normal(size=(5, 8, 1)),
    )  # fmt: skip


def test_roles_decide_who_sees_what() -> None:
    trials = make()
    batch = Batch.of(trials, np.array([3, 1]))
    assert set(batch.observed.signals) == {"counts", "stimulus"} and set(batch.privileged) == {"behaviour"}
    assert set(batch.targets) == {"counts", "target"}
    np.testing.assert_array_equal(batch.observed.neural[0], trials.counts[3][:6][:, [1, 3]])
    np.testing.assert_array_equal(batch.targets["counts"][0], trials.counts[3][:, [1, 3, 0, 2]])
    assert batch.trial.tolist() == [3, 1] and batch.observed.bins == 8


def test_bins_outside_the_mask_are_zero_and_weigh_nothing() -> None:
    batch = Batch.of(make())
    assert batch.targets["counts"][1, 6:].abs().sum() == 0
    weight = batch.weight("counts")
    assert weight.shape == (5, 8, 1) and weight[1, 6:].sum() == 0 and weight.sum() == 38


def test_loss_weight_multiplies_the_mask() -> None:
    batch = Batch.of(make())
    weighted = Batch(batch.observed, {}, batch.targets, batch.mask, batch.trial, {"counts": torch.full((5, 8, 4), 0.5)})
    assert weighted.weight("counts").shape == (5, 8, 4) and weighted.weight("counts").sum() == 38 * 4 * 0.5


def test_take_keeps_trials_together() -> None:
    batch = Batch.of(make())
    some = batch.take(torch.tensor([4, 0]))
    torch.testing.assert_close(some.targets["counts"], batch.targets["counts"][[4, 0]])
    torch.testing.assert_close(some.observed.neural, batch.observed.neural[[4, 0]])
    assert some.trial.tolist() == [4, 0]


def test_the_same_stimulus_has_the_same_number_in_every_session_and_one_that_is_not_known_its_own() -> None:
    trials = make()
    assert Batch.of(trials).shown is None
    first, second = (
        dataclasses.replace(trials, table=trials.table.assign(stimulus=shown))
        for shown in (["a", None, "b", "a", None], ["b", "c", "a", "d", "e"])
    )
    mine, theirs = Batch.of(first).shown, Batch.of(second, np.array([2, 0])).shown
    numbers = mine[:, 0].tolist()
    assert len(set(numbers)) == 4 and numbers[0] == numbers[3]
    assert theirs[:, 0].tolist() == [numbers[0], numbers[2]] and not mine[:, 1].any()
    assert torch.equal(Batch.of(first).take(torch.tensor([4, 1])).shown, mine[[4, 1]])
