"""Behaviour as privileged input: units, missing samples, labels, sessions, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.data.signal import Signal
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig, BehaviourEncoder


def trials(behaviour: object = None, count: int = 10, session: str = "a") -> nd.Trials:
    generator = np.random.default_rng(0)
    counts = generator.poisson(1.0, (count, 12, 4))
    velocity = generator.normal(3.0, 50.0, (count, 12, 2)) if behaviour is None else behaviour
    return nd.Trials.from_arrays(counts, bin_s=0.05, behaviour=velocity, forward=2, session=session)


def fitted(data: nd.Trials, config: BehaviourConfig | None = None) -> BehaviourEncoder:
    torch.manual_seed(0)
    encoder = BehaviourEncoder(config or BehaviourConfig(fusion="add"), DataSpec.of(data), 7)
    encoder.fit([data])
    return encoder.eval()


def tokens(encoder: BehaviourEncoder, data: nd.Trials) -> torch.Tensor:
    batch = Batch.of(data)
    with torch.no_grad():
        return encoder(batch.privileged, batch.observed)


def test_another_physical_unit_changes_nothing():
    data = trials()
    velocity = data.signals["behaviour"].values
    there, here = fitted(data), trials({"behaviour": velocity / 10})
    torch.testing.assert_close(tokens(there, data), tokens(fitted(here), here), atol=1e-5, rtol=1e-5)


def test_missing_samples_are_flagged_not_imputed():
    data = trials()
    velocity = data.signals["behaviour"].values.copy()
    encoder = fitted(data)
    batch = Batch.of(data)
    mean = torch.from_numpy(velocity.mean((0, 1))).float().expand(10, 12, 2)
    with torch.no_grad():
        absent = encoder(None, batch.observed)
        nan = encoder({"behaviour": torch.full_like(mean, torch.nan)}, batch.observed)
        average = encoder({"behaviour": mean}, batch.observed)
    assert torch.equal(absent, nan) and absent.isfinite().all()
    assert (absent - average).abs().max() > 1e-3


def test_shorter_behaviour_is_missing_over_forward_bins():
    whole = trials()
    short = trials({"behaviour": whole.signals["behaviour"].values[:, :10]})
    encoder = fitted(whole)
    a, b = tokens(encoder, whole), tokens(encoder, short)
    assert torch.equal(a[:, :10], b[:, :10]) and not torch.equal(a[:, 10:], b[:, 10:])


def test_a_label_stands_in_every_bin():
    data = trials({"reward": np.arange(10.0), "target": np.random.default_rng(1).normal(size=(10, 3))})
    encoder = fitted(data)
    assert encoder.channels == {"reward": 1, "target": 3}
    found = tokens(encoder, data)
    assert torch.equal(found, found[:, :1].expand_as(found)) and not torch.equal(found[0], found[1])


def test_whole_trials_are_dropped_in_training_only():
    data = trials(count=400)
    encoder = fitted(data, BehaviourConfig(fusion="add", dropout=0.3))
    batch = Batch.of(data)
    with torch.no_grad():
        absent, given = encoder(None, batch.observed), encoder(batch.privileged, batch.observed)
        training = encoder.train()(batch.privileged, batch.observed)
    dropped = (training == absent).all(2)
    assert dropped.all(1).eq(dropped.any(1)).all() and 0.2 < dropped.float().mean() < 0.4
    assert torch.equal(training[~dropped.any(1)], given[~dropped.any(1)])


def test_a_session_without_behaviour_is_a_session_where_it_is_missing():
    first, second = trials(), trials(session="b")
    second = dataclasses.replace(second, signals={"counts": second.signals["counts"]})
    encoder = BehaviourEncoder(BehaviourConfig(fusion="add"), DataSpec.of([first, second]), 7)
    encoder.fit([first, second])
    batch = Batch.of(second, session=1)
    assert torch.equal(encoder.eval()(batch.privileged, batch.observed), encoder(None, batch.observed))


def test_as_released_behaviour_is_cut_and_hidden_ahead_outside_training():
    data = trials()
    encoder = fitted(data, BehaviourConfig(fusion="concatenate"))
    batch = Batch.of(data)
    given = batch.privileged["behaviour"]
    published = encoder.published(batch.privileged, batch.observed)
    assert torch.equal(published[:, :10], given[:, :10].trunc()) and (published[:, 10:] == 0).all()
    assert torch.equal(encoder.train().published(batch.privileged, batch.observed), given.trunc())


def test_what_cannot_be_encoded_names_the_field():
    data = trials()
    config = BehaviourConfig(fusion="add")
    empty = trials({"behaviour": np.full((10, 12, 2), np.nan)})
    with pytest.raises(InvalidInput, match=r"behaviour.*no sample of channel 0"):
        fitted(empty)
    bare = dataclasses.replace(data, signals={"counts": data.signals["counts"]})
    with pytest.raises(InvalidInput, match=r"model.behaviour.fusion"):
        BehaviourEncoder(config, DataSpec.of(bare), 7)
    slow = Signal(np.zeros((10, 5, 2)), "series", "behaviour", 0.12)
    with pytest.raises(InvalidInput, match=r"5 bins of 0.12 s"):
        BehaviourEncoder(config, DataSpec.of(dataclasses.replace(data, signals={**data.signals, "slow": slow})), 7)
    with pytest.raises(UnknownName, match="velocity"):
        BehaviourEncoder(dataclasses.replace(config, signals=("velocity",)), DataSpec.of(data), 7)
    with pytest.raises(InvalidInput, match=r"model.behaviour.hidden"):
        BehaviourConfig(fusion="concatenate", hidden=3)
