"""Every training trial has another's behaviour: a fixed pairing, whatever batch and step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.behaviour_shuffle import BehaviourShuffle, BehaviourShuffleConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

TRIALS, BINS = 15, 8


def reaches(**more: Any) -> Trials:
    """Behaviour that names its trial."""
    number = np.arange(TRIALS, dtype=float)
    behaviour = {"velocity": np.tile(number[:, None, None], (1, BINS, 2)), "angle": number[:, None] / 10}
    given: dict[str, Any] = {"counts": np.ones((TRIALS, BINS, 3), int), "behaviour": behaviour}
    return Trials.from_arrays(**{**given, **more}, bin_s=0.02)


def shuffled(
    trials: Trials, rows: Any = None, seed: int = 0, session: int = 0, before: tuple[Trials, ...] = ()
) -> Batch:
    transform = BehaviourShuffle(BehaviourShuffleConfig(seed))
    transform.prepare([*before, trials])
    given = Batch.of(trials, rows, session)
    return transform(given, torch.Generator())


def partners(batch: Batch) -> list[int]:
    return [int(v) for v in batch.privileged["velocity"][:, 0, 0]]


def test_no_trial_keeps_its_own_and_each_is_anothers_once() -> None:
    for seed in range(20):
        found = partners(shuffled(reaches(), seed=seed))
        assert sorted(found) == list(range(TRIALS))
        assert all(other != trial for trial, other in enumerate(found))
    assert partners(shuffled(reaches(), seed=1)) != found


def test_all_signals_come_from_the_same_trial_and_the_rest_stays() -> None:
    trials = reaches()
    batch, before = shuffled(trials), Batch.of(trials)
    np.testing.assert_allclose(batch.privileged["angle"][:, 0].numpy() * 10, partners(batch), rtol=1e-6)
    assert torch.equal(batch.targets["counts"], before.targets["counts"])
    assert torch.equal(batch.observed.neural, before.observed.neural)


def test_a_trial_has_the_same_partner_in_every_batch() -> None:
    trials = reaches()
    whole = partners(shuffled(trials))
    rows = np.array([9, 2, 11])
    assert partners(shuffled(trials, rows)) == [whole[row] for row in rows]
    second = dataclasses.replace(trials, session="second")
    after = shuffled(second, session=1, before=(trials,))
    assert partners(after) == partners(shuffled(second)) != whole, "pairs go by the session's name, not its place"


def test_behaviour_is_missing_where_the_other_trial_has_no_data() -> None:
    mask = np.ones((TRIALS, BINS), bool)
    mask[4, 5:] = False
    batch = shuffled(reaches(mask=mask))
    receiver = [k for k, v in enumerate(batch.privileged["velocity"][:, 0, 0]) if v == 4]
    assert len(receiver) == 1
    velocity = batch.privileged["velocity"]
    assert velocity[receiver[0], 5:].isnan().all() and not velocity[receiver[0], :5].isnan().any()
    others = [k for k in range(TRIALS) if k not in receiver]
    assert not velocity[others].isnan().any() and not batch.privileged["angle"].isnan().any()


def test_behaviour_of_the_observed_bins_alone() -> None:
    trials = reaches(forward=3)
    cut = dataclasses.replace(trials.signals["velocity"], values=trials.signals["velocity"].values[:, : BINS - 3])
    mask = np.ones((TRIALS, BINS), bool)
    mask[4, 3:] = False
    trials = dataclasses.replace(trials, signals={**trials.signals, "velocity": cut}, mask=mask)
    velocity = shuffled(trials).privileged["velocity"]
    assert velocity.shape[1] == BINS - 3 and int(velocity.isnan().any(2).sum()) == 2


def test_it_acts_after_windows_have_moved() -> None:
    assert BehaviourShuffle.stage > WindowShift.stage


def test_without_behaviour_nothing_changes_and_wrong_use_is_refused() -> None:
    plain = reaches(behaviour=None)
    given = Batch.of(plain)
    transform = BehaviourShuffle()
    transform.prepare([plain])
    assert transform(given, torch.Generator()) is given
    with pytest.raises(InvalidInput, match="1 trial in session"):
        transform.prepare([reaches().select([0])])
    with pytest.raises(InvalidInput, match="not prepared for"):
        transform(Batch.of(reaches(), session=1), torch.Generator())
    with pytest.raises(InvalidInput, match=r"behaviour_shuffle\.seed"):
        BehaviourShuffleConfig(seed=-1)
