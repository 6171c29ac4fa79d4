"""The recurrent stack of BLEND's release (blend.md section 3.5)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.gru_seq import GRUSeq, GRUSeqConfig
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig
from neurodyn.training.fit import prepare

CONCATENATE = BehaviourConfig(fusion="concatenate")
ADD = BehaviourConfig(fusion="add")


def trials(number=12, bins=9, units=7, heldin=(0, 1, 3, 4, 6), forward=2, scale=1.0):
    rng = np.random.default_rng(0)
    return Trials.from_arrays(
        rng.poisson(np.linspace(0.2, 2.0, units), (number, bins, units)),
        bin_s=0.02,
        behaviour={"velocity": scale * rng.normal(3.0, 5.0, (number, bins, 2))},
        heldin=np.array(heldin),
        forward=forward,
    )


def model(data, **options):
    torch.manual_seed(0)
    return GRUSeq(GRUSeqConfig(**options), DataSpec.of(data)).eval()


def prepared(data, **options):
    found = model(data, **options)
    prepare(found, [data], 0)
    return found.eval()


def log_rates(network, batch, privileged=None):
    with torch.no_grad():
        return network(batch.observed, privileged).predictions["counts"][..., 0]


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_are_the_published_ones():
    maze = trials(2, bins=180, units=182, heldin=range(137), forward=40)
    assert count(model(maze, mode="release")) == 397_078
    # the release's teacher also holds a table of positions, bins × (units + channels), that it never uses
    assert count(model(maze, mode="release", behaviour=CONCATENATE)) == 581_408 - 180 * (182 + 2)


def test_release_is_the_published_stack():
    data = trials()
    network, batch = model(data, mode="release"), Batch.of(data)
    counts = torch.zeros(len(data), data.bins, data.units)
    counts[:, :7, :5] = batch.observed.neural
    with torch.no_grad():
        output = network(batch.observed)
        encoded = network.encoder.out(network.encoder.recurrent(counts)[0])
        controller = network.controller(encoded)[0]
        generator = network.generator_out(network.generator(controller)[0])
        factors = generator @ network.to_factors.weight.T + network.to_factors.bias
        hidden = torch.relu(network.from_factors(factors))
        expected = hidden @ network.readout.map.weight.T + network.readout.map.bias
    torch.testing.assert_close(output.predictions["counts"][..., 0], expected)
    torch.testing.assert_close(output.latents, factors)
    assert network.encoder.recurrent.num_layers == 4
    for name, states in (("encoder", encoded), ("controller", controller), ("generator", generator)):
        torch.testing.assert_close(output.hidden[name], states)
        assert states.shape == (len(data), data.bins, 64)


def test_release_scales_activity_and_behaviour_of_its_teacher():
    data = trials()
    network, batch = model(data, mode="release", behaviour=CONCATENATE), Batch.of(data)
    seen, told = [], []
    network.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network.fusion.behaviour_layers.register_forward_pre_hook(lambda _, given: told.append(given[0]))
    log_rates(network, batch, batch.privileged)
    torch.testing.assert_close(seen[0][:, :7, :5], 7**0.5 * batch.observed.neural)
    assert not seen[0][:, 7:].any() and not seen[0][:, :, 5:].any()
    torch.testing.assert_close(told[0][:, :7], 2**0.5 * batch.privileged["velocity"][:, :7].trunc())
    assert not told[0][:, 7:].any(), "zeros over forward bins outside training"


def test_default_starts_at_the_mean_rates_and_release_at_about_one():
    data = trials(200)
    batch = Batch.of(data)
    mean = batch.targets["counts"].mean((0, 1))
    torch.testing.assert_close(log_rates(prepared(data), batch).mean((0, 1)).exp(), mean, rtol=0.3, atol=0)
    torch.testing.assert_close(
        log_rates(prepared(data, mode="release"), batch).mean((0, 1)).exp(), torch.ones(7), rtol=0.3, atol=0
    )


def test_default_does_not_take_what_is_hidden_for_silence():
    data = trials()
    network, batch = prepared(data), Batch.of(data)
    hidden = torch.zeros_like(batch.observed.neural, dtype=torch.bool)
    hidden[:, 3] = True
    seen = batch.observed.neural.clone()
    ones = dataclasses.replace(batch.with_seen(seen.masked_fill(hidden, 1), hidden=hidden))
    zeros = batch.with_seen(seen.masked_fill(hidden, 0), hidden=hidden)
    silent = batch.with_seen(seen.masked_fill(hidden, 0))
    assert torch.equal(log_rates(network, ones), log_rates(network, zeros))
    assert not torch.allclose(log_rates(network, silent), log_rates(network, zeros))


@pytest.mark.parametrize("fusion", [ADD, CONCATENATE])
def test_a_teacher_uses_behaviour_and_stands_its_absence(fusion):
    data = trials()
    network, batch = prepared(data, behaviour=fusion), Batch.of(data)
    told = log_rates(network, batch, batch.privileged)
    assert not torch.allclose(told, log_rates(network, batch))
    missing = {"velocity": torch.full_like(batch.privileged["velocity"], torch.nan)}
    torch.testing.assert_close(log_rates(network, batch, missing), log_rates(network, batch))
    other_unit = trials(scale=0.1)
    again = prepared(other_unit, behaviour=fusion)
    torch.testing.assert_close(log_rates(again, batch, Batch.of(other_unit).privileged), told, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"mode": "release", "behaviour": ADD}, "fusion"),
        ({"width": 0}, "width"),
        ({"encoder_layers": 0}, "encoder_layers"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_bad_options_name_the_field(options, field):
    with pytest.raises(InvalidInput, match=field):
        GRUSeqConfig(**options)


def test_what_it_cannot_do_is_said():
    data = trials()
    with pytest.raises(InvalidInput, match="one session"):
        GRUSeq(GRUSeqConfig(), DataSpec.of([data, dataclasses.replace(data, session="other")]))
    batch = Batch.of(data)
    with pytest.raises(InvalidInput, match="privileged"):
        model(data)(batch.observed, batch.privileged)


def test_it_learns_what_units_share():
    data = nd.load("lorenz", trials=105, bins=20, forward=4)
    train = {"epochs": 25, "batch_size": 30, "learning_rate": 1e-2}
    fitted = nd.fit("gru_seq", data, width=24, encoder_layers=1, progress=False, train=train)
    (score,) = nd.evaluate(fitted, baselines=False, metrics=["co_bps"])
    assert score.interval[0] > 0.1
