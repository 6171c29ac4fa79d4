"""Every generator: shapes, the fused loop against plain steps, and the values the equations give by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.generators.base import Generator
from neurodyn.models.generators.frozen_gru import FrozenGRU, FrozenGRUConfig
from neurodyn.models.generators.gru import GRU, GRUConfig
from neurodyn.models.generators.low_rank import LowRank, LowRankConfig
from neurodyn.models.generators.neural_ode import NeuralODE, NeuralODEConfig
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig


def trials(units: int = 9, bins: int = 12, count: int = 6) -> Trials:
    counts = np.random.default_rng(0).poisson(0.6, (count, bins, units))
    return dataclasses.replace(Trials.from_arrays(counts, bin_s=0.02), heldin=np.arange(units - 2), forward=3)


def build(name: str, inputs: int = 2, size: int = 5) -> Generator:
    leaf = registry.load("generators", name)
    torch.manual_seed(0)
    options = {"size": size, "rank": 2} if name == "low_rank" else {"size": size}
    return leaf(leaf.Config(**options), inputs, size)


def small(**options: Any) -> LFADS:
    torch.manual_seed(0)
    sizes = dict(factors=4, initial_condition=3, initial_condition_encoder=6, input_encoder=5, controller=5)
    return LFADS(LFADSConfig(**{**sizes, **options}), DataSpec.of(trials()))


def zeroed(generator: Generator) -> Generator:
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.zero_()
    return generator


@pytest.mark.parametrize("name", registry.names("generators"))
def test_a_step_keeps_shapes_and_reacts_to_state_and_input(name: str) -> None:
    generator, state, inputs = build(name), torch.randn(4, 5), torch.randn(4, 2)
    after = generator(inputs, state)
    assert after.shape == state.shape
    assert not torch.allclose(generator(inputs + 1, state), after)
    assert not torch.allclose(generator(inputs, state + 1), after)
    assert all(p.ndim == 2 for p in generator.penalised())


@pytest.mark.parametrize("name", registry.names("generators"))
def test_a_generator_without_inputs_runs(name: str) -> None:
    assert torch.isfinite(build(name, inputs=0)(torch.zeros(4, 0), torch.randn(4, 5))).all()


@pytest.mark.parametrize("name", registry.names("generators"))
@pytest.mark.parametrize("readout", registry.names("readouts"))
def test_lfads_trains_with_every_generator_and_readout(name: str, readout: str) -> None:
    model, batch = small(generator={"name": name, "size": 6}, readout=readout).train(), Batch.of(trials())
    model.prepare([trials()])
    ELBO(ELBOConfig(), model)(model(batch.observed), batch, Step()).total.backward()
    for parameter_name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, parameter_name
            assert torch.isfinite(parameter.grad).all(), parameter_name
    assert any(p.requires_grad for p in model.generator.parameters()) == type(model.generator).trained


@pytest.mark.parametrize("factors", [0, 4])
@pytest.mark.parametrize("inferred", [0, 2])
def test_plain_steps_equal_the_fused_loop(factors: int, inferred: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = small(generator=6, factors=factors, inferred_inputs=inferred).double().train(), Batch.of(trials())
    observed = dataclasses.replace(batch.observed, signals={"counts": batch.observed.neural.double()})

    def passed() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        torch.manual_seed(3)
        output = model(observed)
        model.zero_grad()
        weighted = output.predictions["counts"].square().sum() + sum(k.sum() for k in output.kl.values())
        weighted.backward()
        return weighted.detach(), {
            n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None and p.numel()
        }

    fused, fused_gradients = passed()
    monkeypatch.setattr(GRU, "cell", None)
    plain, plain_gradients = passed()
    assert torch.allclose(plain, fused, rtol=1e-12)
    assert set(plain_gradients) == set(fused_gradients)
    for name, gradient in plain_gradients.items():
        assert torch.allclose(gradient, fused_gradients[name], rtol=1e-9, atol=1e-12), name


@pytest.mark.parametrize("name", registry.names("generators"))
def test_states_follow_the_step_from_their_drive(name: str) -> None:
    model = small(generator={"name": name, "size": 6}).eval()
    hidden = model(Batch.of(trials()).observed).hidden
    for t in range(1, 12):
        assert torch.allclose(
            model.step(hidden["state"][:, t - 1], hidden["drive"][:, t]), hidden["state"][:, t], atol=1e-5
        )


def test_low_rank_without_recurrence_decays() -> None:
    generator = zeroed(LowRank(LowRankConfig(size=4, rank=2), 0, 4))
    state = torch.ones(1, 4)
    for _ in range(10):
        state = generator(torch.zeros(1, 0), state)
    assert state[0, 0].item() == pytest.approx(0.8**10, rel=1e-6) == pytest.approx(0.107374, abs=1e-6)


def test_low_rank_ends_in_the_span_of_m() -> None:
    generator, state = build("low_rank", inputs=0, size=8).double(), torch.randn(3, 8).double()
    for _ in range(300):
        state = generator(torch.zeros(3, 0).double(), state)
    assert torch.allclose(generator.reduced(state) @ generator.m.mT, state, atol=1e-8)  # type: ignore[operator, union-attr]


def test_rank_above_the_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"model\.generator\.rank.*at most 4"):
        LowRankConfig(size=4, rank=5)
    with pytest.raises(InvalidInput, match=r"model\.generator\.rank"):
        LowRank(LowRankConfig(size=None, rank=5), 1, 4)


def test_neural_ode_with_a_zero_field_stands_still_or_adds_its_input() -> None:
    mixed = zeroed(NeuralODE(NeuralODEConfig(size=3, inputs="mixed"), 3, 3))
    state = torch.randn(2, 3)
    assert torch.equal(mixed(torch.randn(2, 3), state), state)
    additive = zeroed(NeuralODE(NeuralODEConfig(size=3), 3, 3))
    with torch.no_grad():
        additive.drive.weight.copy_(torch.eye(3))  # type: ignore[operator, union-attr]
    after = state
    for _ in range(10):
        after = additive(torch.ones(2, 3), after)
    assert torch.allclose(after - state, torch.ones(2, 3), atol=1e-5)


def test_gru_by_hand() -> None:
    gru = zeroed(GRU(GRUConfig(size=1), 0, 1))
    assert gru(torch.zeros(1, 0), torch.ones(1, 1)).item() == 0.5
    with torch.no_grad():
        gru.cell.bias.copy_(torch.tensor([1.0, 1.0, 0.0]))
    assert gru(torch.zeros(1, 0), torch.ones(1, 1)).item() == pytest.approx(0.731059, abs=1e-6)


def test_a_frozen_generator_keeps_trials_out_of_the_initial_condition() -> None:
    model = small(generator={"name": "frozen_gru", "size": 6}, inferred_inputs=0).eval()
    output = model(Batch.of(trials()).observed)
    assert "initial_condition" not in output.kl
    assert torch.allclose(output.latents[0], output.latents[1])
    assert not any(p.requires_grad for p in (*model.generator.parameters(), *model.to_generator.parameters()))
    assert not FrozenGRU(FrozenGRUConfig(size=3), 1, 3).penalised()


def test_more_factors_than_units_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"model\.factors.*at most 9, the units"):
        small(factors=10)


def test_known_inputs_are_stepped_in_their_own_units() -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(5.0, 3.0, (6, 12, 2))
    known = Trials.from_arrays(rng.poisson(0.6, (6, 12, 9)), bin_s=0.02, inputs={"current": signal})
    torch.manual_seed(0)
    model = LFADS(LFADSConfig(generator=5, factors=3, inferred_inputs=0, known_inputs=True), DataSpec.of(known))
    model.prepare([known])
    hidden = model.eval()(Batch.of(known).observed).hidden
    assert np.allclose(hidden["drive"].numpy(), signal, atol=1e-5)
    assert torch.allclose(model.step(hidden["state"][:, 4], hidden["drive"][:, 5]), hidden["state"][:, 5], atol=1e-5)
