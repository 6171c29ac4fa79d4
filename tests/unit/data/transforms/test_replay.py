"""Replayed batches: spikes of the model's own rates in, these rates as the target."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.replay import Replay, ReplayConfig
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def batch() -> Batch:
    counts = np.random.default_rng(0).poisson(0.6, (40, 50, 9))
    mask = np.ones((40, 50), bool)
    mask[:5, 30:] = False
    trials = Trials.from_arrays(counts, bin_s=0.02, mask=mask)
    return Batch.of(dataclasses.replace(trials, heldin=np.arange(6), forward=10))


def rates(given: Batch) -> Tensor:
    """Twice as many spikes for unit 0 as for the others."""
    return torch.cat([torch.full((40, 50, 1), 2.0), torch.ones(40, 50, 8)], 2)


def replayed(given: Batch, share: float = 1.0, epoch: int = 20) -> Batch:
    transform = Replay(ReplayConfig(share=share))
    transform.begin(epoch, rates)
    return transform(given, torch.Generator().manual_seed(1))


def test_spikes_follow_the_rates_and_the_rates_are_the_target() -> None:
    given = batch()
    found = replayed(given)
    spikes, target = found.observed.neural, found.targets["counts"]
    assert spikes.shape == given.observed.neural.shape
    assert torch.equal(spikes, spikes.round())
    assert spikes[5:, :, 0].mean().item() == pytest.approx(2.0, abs=0.1)
    assert spikes[5:, :, 1].mean().item() == pytest.approx(1.0, abs=0.1)
    assert torch.equal(target[5:], rates(given)[5:])
    assert spikes[:5, 30:].abs().max() == 0 == target[:5, 30:].abs().max()
    assert (found.weight("counts")[5:] == 0.3).all()
    assert torch.equal(given.observed.neural, batch().observed.neural), "the batch given is left as it is"


def test_rates_are_those_of_the_whole_activity() -> None:
    seen: list[Tensor] = []
    given = batch()
    hidden = dataclasses.replace(
        given, observed=dataclasses.replace(given.observed, signals={"counts": 0 * given.observed.neural})
    )
    transform = Replay(ReplayConfig(share=1.0, start_epoch=0))
    transform.begin(0, lambda b: (seen.append(b.observed.neural), rates(b))[1])
    transform(hidden, torch.Generator().manual_seed(0))
    assert torch.equal(seen[0], given.observed.neural)


@pytest.mark.parametrize(("share", "epoch"), [(0.0, 20), (1.0, 19)])
def test_nothing_is_replayed_without_a_share_or_too_early(share: float, epoch: int) -> None:
    given = batch()
    assert replayed(given, share, epoch) is given


def test_only_spikes_are_replayed() -> None:
    spikes = Trials.from_arrays(np.ones((6, 20, 4), int), bin_s=0.03)
    signal = dataclasses.replace(spikes.neural, kind="fluorescence")
    fluorescence = dataclasses.replace(spikes, signals={"counts": signal})
    with pytest.raises(InvalidInput, match="replay"):
        Replay().prepare([fluorescence])


def test_training_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = Trials.from_arrays(np.random.default_rng(0).poisson(0.4, (30, 20, 6)), bin_s=0.02)
    small = dict(generator=6, factors=3, initial_condition_encoder=6, input_encoder=6, controller=6, progress=False)
    train = {"transforms": [{"name": "replay", "share": 1.0, "start_epoch": 1}], "epochs": 3}
    scores = [nd.fit("lfads", trials, train=train, **small).fitted_.best_score for _ in range(2)]
    assert scores[0] == scores[1]
    monkeypatch.setattr(Replay, "__call__", lambda self, batch, generator: batch)
    assert nd.fit("lfads", trials, train=train, **small).fitted_.best_score != scores[0]
