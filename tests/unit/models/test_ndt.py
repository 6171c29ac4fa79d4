"""NDT: sizes, context, what it can see, its published modes, and that it learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec, SessionSpec, SignalSpec
from neurodyn.data.transforms.masking import MaskingConfig
from neurodyn.errors import InvalidInput
from neurodyn.models.ndt import NDT
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig
from neurodyn.models.parts.ndt_config import NDTConfig

TEACHER = BehaviourConfig(fusion="concatenate")


def spec(units: int = 182, heldin: int = 137, bins: int = 180, forward: int = 40, channels: int = 2) -> DataSpec:
    signals = {"counts": SignalSpec("spikes", "neural", 0.005, (units,), bins)}
    signals["velocity"] = SignalSpec("series", "behaviour", 0.005, (channels,), bins)
    return DataSpec((SessionSpec("one", signals, "counts", units, heldin, bins, forward),))


def trials(
    count: int = 6, bins: int = 20, units: int = 8, heldin: int = 6, forward: int = 4, **more: object
) -> nd.Trials:
    generator = np.random.default_rng(0)
    counts = generator.poisson(0.7, (count, bins, units))
    behaviour = generator.normal(size=(count, bins, 2))
    return nd.Trials.from_arrays(counts, bin_s=0.02, behaviour=behaviour, heldin=range(heldin), forward=forward, **more)


def built(config: NDTConfig, data: nd.Trials) -> NDT:
    torch.manual_seed(0)
    model = NDT(config, DataSpec.of(data))
    model.prepare([data])
    return model.eval()


def log_rates(model: NDT, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return model(batch.observed).predictions["counts"].squeeze(-1)


@pytest.mark.parametrize(
    "bins, forward, behaviour, expected",
    [(180, 40, BehaviourConfig(), 789_846), (140, 0, BehaviourConfig(), 782_566), (180, 40, TEACHER, 804_406)],
)
def test_published_networks_have_their_number_of_parameters(bins, forward, behaviour, expected):
    model = NDT(NDTConfig(mode="release", behaviour=behaviour), spec(bins=bins, forward=forward))
    assert sum(p.numel() for p in model.parameters()) == expected


def test_a_bin_reaches_as_far_as_context_times_layers():
    data = trials(bins=40, forward=0)
    model = built(NDTConfig(layers=3, context_forward=2, context_backward=4, width=16), data)
    batch = Batch.of(data)
    bin_ = 20
    changed = batch.observed.neural.clone()
    changed[:, bin_] += 3
    moved = (log_rates(model, batch) - log_rates(model, batch.with_seen(changed))).abs().amax((0, 2)) > 0
    assert torch.nonzero(moved).flatten().tolist() == list(range(bin_ - 2 * 3, bin_ + 4 * 3 + 1))


def test_the_published_context_leaves_the_last_forward_bins_without_spikes():
    data = trials(bins=60, forward=20)
    model = built(NDTConfig(mode="release", layers=2, heads=2), data)
    batch = Batch.of(data)
    moved = (log_rates(model, batch) - log_rates(model, batch.with_seen(batch.observed.neural + 1))).abs().amax(
        (0, 2)
    ) > 0
    assert moved[:56].all() and not moved[56:].any()  # 40 observed bins and 2 layers of 8 bins back


@pytest.mark.parametrize("mode", ["default", "release"])
def test_a_hidden_count_says_nothing(mode):
    data = trials()
    model = built(NDTConfig(mode=mode, **({"width": 16} if mode == "default" else {})), data)
    other = trials()
    other.counts[:, 3, 2] += 4
    hidden = torch.zeros(6, 16, 6, dtype=torch.bool)
    hidden[:, 3, 2] = True
    seen = [Batch.of(d).observed.neural.masked_fill(hidden, 0) for d in (data, other)]
    first, second = (log_rates(model, Batch.of(d).with_seen(s, hidden=hidden)) for d, s in zip((data, other), seen))
    assert torch.equal(first, second)
    if mode == "default":  # a bin without spikes is not a bin that was hidden
        assert not torch.equal(first, log_rates(model, Batch.of(data).with_seen(seen[0])))


def test_permuting_neurons_permutes_the_published_network():
    data = trials(heldin=8, forward=0)
    model = built(NDTConfig(mode="release"), data)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    other = built(NDTConfig(mode="release"), data)
    with torch.no_grad():
        for layer in other.layers:
            width = 8
            for norm in (layer.attention_norm, layer.feedforward_norm):
                norm.weight.copy_(norm.weight[order]), norm.bias.copy_(norm.bias[order])
            layer.query_key_value.weight.copy_(layer.query_key_value.weight[:, order])
            layer.attention_out.weight.copy_(layer.attention_out.weight[order])
            layer.feedforward_in.weight.copy_(layer.feedforward_in.weight[:, order])
            layer.feedforward_out.weight.copy_(layer.feedforward_out.weight[order])
            layer.feedforward_out.bias.copy_(layer.feedforward_out.bias[order])
            assert layer.attention_out.weight.shape == (width, width)
        other.position.copy_(other.position[:, order])
        decoder = other.decoders[0][0]
        decoder.weight.copy_(decoder.weight[order][:, order])
    batch = Batch.of(data)
    permuted = log_rates(other, batch.with_seen(batch.observed.neural[..., order]))
    torch.testing.assert_close(permuted, log_rates(model, batch)[..., order], atol=1e-5, rtol=1e-5)


def test_layers_are_copies_of_one_as_released_and_start_apart_elsewhere():
    def alike(mode: str) -> bool:
        model = NDT(NDTConfig(mode=mode), spec(units=8, heldin=6, bins=20, forward=4))
        first, second = (layer.state_dict() for layer in model.layers[:2])
        return all(torch.equal(first[n], second[n]) for n in first)

    assert alike("release") and not alike("paper") and not alike("default")


def test_fixup_scales_by_depth():
    def weights(**changes: object) -> NDT:
        torch.manual_seed(0)
        return NDT(NDTConfig(mode="paper", **changes), spec(units=8, heldin=6, bins=20, forward=4))

    for layers, scale in ((4, 0.47376), (6, 0.42809)):
        with_, without = weights(layers=layers), weights(layers=layers, fixup=False)
        ratio = with_.layers[1].feedforward_in.weight / without.layers[1].feedforward_in.weight
        torch.testing.assert_close(ratio, torch.full_like(ratio, scale), atol=1e-5, rtol=1e-4)
        value = (with_.layers[1].query_key_value.weight / without.layers[1].query_key_value.weight)[-8:]
        torch.testing.assert_close(value, torch.full_like(value, scale * 2**0.5), atol=1e-5, rtol=1e-4)


def test_the_default_starts_at_the_mean_rate():
    data = trials(count=40)
    model = built(NDTConfig(), data)
    mean = torch.as_tensor(data.counts.mean((0, 1)), dtype=torch.float32)
    torch.testing.assert_close(log_rates(model, Batch.of(data)).mean((0, 1)).exp(), mean, rtol=0.25, atol=0)


@pytest.mark.parametrize(
    "config",
    [
        NDTConfig(mode="release", embedding="lookup", embedding_size=2, mask_token=True),
        NDTConfig(mode="release", embedding="linear", positions="sinusoidal"),
        NDTConfig(mode="paper", norm="post", final_norm="scale", decoder_hidden=16),
        NDTConfig(mode="release", log_rates=False),
        NDTConfig(norm="post", final_norm="scale", decoder_hidden=16, width=16, positions="sinusoidal"),
    ],
)
def test_every_form_trains(config):
    data = trials(count=20)
    fitted = nd.fit("ndt", data, **dataclasses.asdict(config), train={"epochs": 2}, progress=False)
    rates = fitted.transform(data).rates
    assert np.isfinite(rates).all() and (rates >= 0).all()


def test_counts_beyond_the_table_are_cut():
    data = trials()
    model = built(NDTConfig(mode="release", embedding="lookup", largest_count=3), data)
    batch = Batch.of(data)
    high = batch.observed.neural.clone()
    high[0, 0, 0], low = 50.0, batch.observed.neural.clone()
    low[0, 0, 0] = 3.0
    assert torch.equal(log_rates(model, batch.with_seen(high)), log_rates(model, batch.with_seen(low)))


def test_bins_outside_a_ragged_trial_change_nothing_inside():
    data = trials(forward=0)
    mask = np.ones((6, 20), bool)
    mask[0, 12:] = False
    short = dataclasses.replace(data, mask=mask)
    model = built(NDTConfig(width=16), data)
    alone = dataclasses.replace(
        data.select([0]), mask=np.ones((1, 12), bool), signals={"counts": dataclasses.replace(
            data.signals["counts"], values=data.counts[:1, :12])}
    )  # fmt: skip
    inside = log_rates(model, Batch.of(short))[0, :12]
    torch.testing.assert_close(inside, log_rates(model, Batch.of(alone))[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"heads": 3}, "model.heads"),
        ({"mode": "release", "width": 5}, "model.width"),
        ({"embedding": "lookup"}, "model.embedding"),
        ({"mask_token": True}, "model.mask_token"),
        ({"dropout": 1.0}, "model.dropout"),
        ({"mode": "release", "behaviour": {"fusion": "add"}}, "model.behaviour.fusion"),
        ({"masking": {"ratio": 1.5}}, "masking.ratio"),
    ],
)
def test_bad_settings_name_the_field(changes, field):
    with pytest.raises(InvalidInput, match=field):
        nd.fit("ndt", trials(), progress=False, **changes)


def test_a_student_refuses_behaviour():
    data = trials()
    model = built(NDTConfig(width=16), data)
    batch = Batch.of(data)
    with pytest.raises(InvalidInput, match="privileged"):
        model(batch.observed, batch.privileged)
    with pytest.raises(InvalidInput, match="privileged"):
        model.infer(data, privileged=True)


def test_a_teacher_uses_behaviour_and_stands_its_absence():
    data = trials()
    for config in (
        NDTConfig(width=16, behaviour=BehaviourConfig(fusion="add", hidden=8)),
        NDTConfig(width=16, behaviour=TEACHER),
        NDTConfig(mode="release", behaviour=TEACHER),
    ):
        model = built(config, data)
        batch = Batch.of(data)
        with torch.no_grad():
            informed = model(batch.observed, batch.privileged).predictions["counts"]
            other = model(batch.observed, {"behaviour": 3 + 4 * batch.privileged["behaviour"]}).predictions["counts"]
            absent = model(batch.observed).predictions["counts"]
            nan = model(batch.observed, {"behaviour": torch.full_like(batch.privileged["behaviour"], torch.nan)})
        assert not torch.equal(informed, other) and not torch.equal(informed, absent)
        assert torch.equal(absent, nan.predictions["counts"]) and absent.isfinite().all()


def test_sessions_share_the_core():
    first, second = trials(), trials(units=5, heldin=4, bins=16)
    second = dataclasses.replace(second, session="other")
    fitted = nd.fit("ndt", [first, second], width=16, train={"epochs": 2}, masking={"longest_span": 3}, progress=False)
    found = fitted.transform([first, second])
    assert found[0].rates.shape == (6, 20, 8) and found[1].rates.shape == (6, 16, 5)
    with pytest.raises(InvalidInput, match="sessions"):
        nd.fit("ndt", [first, second], mode="release", progress=False)


def test_masking_is_the_models_own_transform():
    assert NDT(NDTConfig(masking=MaskingConfig(ratio=0.4)), spec()).transforms()[-1].config.ratio == 0.4
