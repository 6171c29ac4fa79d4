"""Decoders recover a known linear and a known nonlinear map with memory, fail on shuffled behaviour, and keep to the mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurodyn import registry
from neurodyn.decoding.base import Decoder, r2
from neurodyn.decoding.linear import Linear, LinearConfig
from neurodyn.decoding.lstm import LSTM, LSTMConfig
from neurodyn.decoding.mlp import MLP, MLPConfig
from neurodyn.errors import InvalidInput

NAMES = registry.names("decoders")
NETWORKS = [name for name in NAMES if name != "linear"]


def made(name: str) -> Decoder:
    """Each decoder in a size that trains in a second or two."""
    if name == "lstm":
        return LSTM(LSTMConfig(hidden=32, batch_trials=16, learning_rate=1e-2, epochs=40, valid=0.2))
    decoder: Decoder = registry.load("decoders", name)()
    return decoder


def latents_of(seed: int, trials: int = 200, bins: int = 15, width: int = 4) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(trials, bins + 4, width))
    return (values[:, 4:] + values[:, 3:-1] + values[:, 2:-2]) + np.array([10.0, -3, 0, 0])


def linear_map(latents: np.ndarray) -> np.ndarray:
    weights = np.random.default_rng(99).normal(size=(latents.shape[2], 2))
    noise = np.random.default_rng(int(abs(latents[0, 0, 0] * 1e6))).normal(size=(*latents.shape[:2], 2))
    return 50 * (latents @ weights + 0.3 * noise) + [200, -7]


def memory_map(latents: np.ndarray) -> np.ndarray:
    """A saturating leaky sum of two latents, and the product of one with another two bins before."""
    x = latents - [10.0, -3, 0, 0]
    state, out = np.zeros(len(x)), np.empty((*x.shape[:2], 2))
    for time in range(x.shape[1]):
        state = np.tanh(0.8 * state + 0.5 * x[:, time, 0])
        out[:, time, 0] = state
        out[:, time, 1] = 0.3 * x[:, time, 1] * (x[:, time - 2, 2] if time > 1 else 0)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_a_linear_map_is_recovered_in_physical_units(name: str) -> None:
    train, test = latents_of(0), latents_of(1, 80)
    decoder = made(name).fit(train, linear_map(train))
    assert r2(linear_map(test), decoder(test)).min() > (0.97 if name == "linear" else 0.92)


@pytest.mark.parametrize("name", NAMES)
def test_shuffled_behaviour_is_not_decoded(name: str) -> None:
    train, test = latents_of(0), latents_of(1, 80)
    shuffled = linear_map(train)[np.random.default_rng(0).permutation(len(train))]
    assert r2(linear_map(test), made(name).fit(train, shuffled)(test)).max() < 0.2


def test_memory_and_nonlinearity_take_a_recurrent_network() -> None:
    train, test = latents_of(2, 200), latents_of(3, 100)
    truth, found = memory_map(test), {}
    for name in ("linear", "mlp", "gru"):
        found[name] = r2(truth, made(name).fit(train, memory_map(train))(test))
    assert found["gru"].min() > 0.7
    assert found["linear"][1] < 0.1 < 0.4 < found["mlp"][1]  # a product within the history
    assert found["linear"][0] < found["gru"][0] - 0.1


@pytest.mark.parametrize("name", NAMES)
def test_what_is_masked_or_unknown_has_no_effect(name: str) -> None:
    latents, generator = latents_of(4, 60), np.random.default_rng(0)
    behaviour = linear_map(latents)
    mask = np.arange(15) < generator.integers(6, 16, (60, 1))
    behaviour[~mask] = np.nan
    behaviour[3, 1, 0] = np.nan  # missing inside the mask
    spoiled = np.where(mask[..., None], latents, np.nan)
    other = np.where(mask[..., None], latents, 1e6)
    first, second = (made(name).fit(given, behaviour, mask, 3) for given in (spoiled, other))
    np.testing.assert_array_equal(first(spoiled, mask), second(other, mask))
    assert np.isfinite(first(spoiled, mask)).all()
    assert r2(behaviour, first(spoiled, mask), mask).min() > 0.6


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_alone_decides_and_the_global_one_is_left_alone(name: str) -> None:
    latents = latents_of(5, 40)
    behaviour = linear_map(latents)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = made(name).fit(latents, behaviour, seed=7)(latents)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    np.testing.assert_array_equal(made(name).fit(latents, behaviour, seed=7)(latents), first)
    assert not np.array_equal(made(name).fit(latents, behaviour, seed=8)(latents), first)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_recurrent_decoders_do_not_look_ahead(name: str) -> None:
    latents = latents_of(6, 40)
    decoder = made(name).fit(latents, linear_map(latents))
    changed = latents.copy()
    changed[:, 8:] += 1
    assert np.array_equal(decoder(changed)[:, :8], decoder(latents)[:, :8])
    assert not np.allclose(decoder(changed)[:, 8:], decoder(latents)[:, 8:])


def test_early_stopping_keeps_the_best_state() -> None:
    latents = latents_of(7, 24)
    behaviour = np.random.default_rng(0).normal(size=(24, 15, 2))  # nothing to learn: more passes only overfit
    stopped = MLP(MLPConfig(epochs=200)).fit(latents, behaviour)(latents)
    trained = MLP(MLPConfig(epochs=200, valid=0.0)).fit(latents, behaviour)(latents)
    assert r2(behaviour, stopped).mean() < 0.4 < r2(behaviour, trained).mean()


def test_r2_is_on_raw_values_and_by_channel() -> None:
    generator = np.random.default_rng(8)
    y = generator.normal(size=(20, 10, 3)) * [1, 10, 1]
    p = y + np.array([0, 5, 0])
    np.testing.assert_allclose(r2(y, p), [1, 1 - 25 / y[..., 1].var(), 1], atol=1e-12)
    np.testing.assert_allclose(r2(y, np.broadcast_to(y.mean((0, 1)), y.shape)), 0, atol=1e-12)
    assert (r2(y, -y) < -2).all()  # a squared correlation would be 1
    y[..., 2] = 4
    assert np.isnan(r2(y, p)[2])
    mask = np.zeros((20, 10), bool)
    mask[:5] = True
    p[6:] = 1e9
    np.testing.assert_allclose(r2(y, p, mask)[0], 1)


def test_refuses_what_it_cannot_use() -> None:
    latents = latents_of(9, 20)
    behaviour = linear_map(latents)
    with pytest.raises(InvalidInput, match="has not been fitted"):
        Linear()(latents)
    with pytest.raises(InvalidInput, match="4, as in the trials"):
        Linear().fit(latents, behaviour)(latents[..., :3])
    spoiled = latents.copy()
    spoiled[2, 3, 0] = np.nan
    for call in (lambda: Linear().fit(spoiled, behaviour), lambda: Linear().fit(latents, behaviour)(spoiled)):
        with pytest.raises(InvalidInput, match="trial 2, bin 3"):
            call()
    with pytest.raises(InvalidInput, match="no bin inside the mask"):
        Linear().fit(latents, np.full_like(behaviour, np.nan))
    with pytest.raises(InvalidInput, match="on both sides"):
        MLP().fit(latents[:1], behaviour[:1])
    with pytest.raises(InvalidInput, match="not finite"):
        r2(behaviour, np.full_like(behaviour, np.nan))
    for options in ({"folds": 1}, {"history_bins": -1}):
        with pytest.raises(InvalidInput, match=next(iter(options))):
            LinearConfig(**options)
