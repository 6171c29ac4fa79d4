"""Multi-area LFADS: areas that hear each other only through messages, and steps that are the forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.multi_area_lfads import MultiAreaLFADS, MultiAreaLFADSConfig

SMALL: dict[str, Any] = dict(
    generator=7, factors=3, private_inputs=2, initial_condition=4, encoder=6, controller=5, message_rank=2
)
AREAS = ["V1", "M1", "V1", "M1", "M1", "S1", "V1", "S1", "S1"]
"""In recorded order: areas are mixed."""


def make_trials(areas: list[str] | None = None, forward: int = 3, **more: Any) -> Trials:
    areas = AREAS if areas is None else areas
    counts = np.random.default_rng(0).poisson(0.5, (8, 12, len(areas)))
    given: dict[str, Any] = dict(heldin=np.r_[0:7] if len(areas) == 9 else None, forward=forward)
    return Trials.from_arrays(counts, bin_s=0.02, unit_table=pd.DataFrame({"area": areas}), **{**given, **more})


def build(trials: Trials, **config: Any) -> MultiAreaLFADS:
    torch.manual_seed(0)
    model = MultiAreaLFADS(MultiAreaLFADSConfig(**{**SMALL, **config}), DataSpec.of(trials))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.prepare([trials])
    return model.eval()


def exact(model: MultiAreaLFADS, trials: Trials) -> tuple[MultiAreaLFADS, Any]:
    observed = Batch.of(trials).observed
    observed.signals["counts"] = observed.signals["counts"].double()  # type: ignore[index]
    return model.double(), observed


def test_shapes_and_names() -> None:
    trials = make_trials()
    model = build(trials)
    out = model(Batch.of(trials).observed)
    assert model.areas.names == ("V1", "M1", "S1")
    assert out.predictions["counts"].shape == (8, 12, 9, 1)
    assert out.latents is not None and out.latents.shape == (8, 12, 9)
    assert out.inputs is not None and out.inputs.shape == (8, 12, 3 * (2 * 2 + 2))
    assert {name: tuple(kl.shape) for name, kl in out.kl.items()} == {"initial_condition": (8,), "inputs": (8,)}
    found = model.infer(trials)
    assert found.inputs is not None and found.latents is not None
    np.testing.assert_array_equal(found.inputs[..., 6:8], found.extra["message_V1_to_M1"])
    np.testing.assert_array_equal(found.inputs[..., 8:10], found.extra["message_S1_to_M1"])
    np.testing.assert_array_equal(found.inputs[..., 10:12], found.extra["private_inputs_M1"])
    np.testing.assert_array_equal(found.latents[..., 3:6], found.extra["factors_M1"])


def test_rates_of_each_unit_come_from_its_own_area() -> None:
    trials = make_trials()
    model, observed = exact(build(trials), trials)
    out = model(observed)
    moved = out.latents.clone()
    moved[..., 3:6] += 1
    change = (model.rates_from(moved, out, observed)["counts"] - out.predictions["counts"]).abs().sum((0, 1, 3))
    of_batch = np.array(AREAS)[trials.unit_order]
    assert ((change > 1e-6).numpy() == (of_batch == "M1")).all()


@pytest.mark.parametrize("config", [{}, {"max_delay": 1}, {"private": False}, {"messages": "none"}])
def test_stepping_is_the_forward_pass(config: dict[str, Any]) -> None:
    trials = make_trials()
    model, observed = exact(build(trials, **config), trials)
    out = model(observed)
    states, drive = out.hidden["state"], out.hidden["drive"]
    state = states[:, 0]
    for t in range(1, 12):
        state = model.step(state, drive[:, t])
        torch.testing.assert_close(state, states[:, t], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(model.decode(state)["counts"], out.predictions["counts"][:, -1])
    torch.testing.assert_close(model.factors_of(states), out.latents)
    assert model.initial_state(3).shape == (3, states.shape[2])


def test_the_first_bin_is_one_step_after_the_initial_condition() -> None:
    trials = make_trials()
    model, observed = exact(build(trials), trials)
    with torch.no_grad():  # every trial starts at the prior mean
        model.initial_posteriors[0].zero_()
        model.initial_posteriors[1].zero_()
        model.initial_prior.mean.zero_()
    out = model(observed)
    first = model.step(model.initial_state(8), out.hidden["drive"][:, 0])
    torch.testing.assert_close(first, out.hidden["state"][:, 0], rtol=1e-9, atol=1e-9)


def test_what_is_added_to_a_message_enters_as_one() -> None:
    """`step` without the delay line's share, but with the same message from outside, moves the generators to the same place."""
    trials = make_trials()
    model, observed = exact(build(trials), trials)
    out = model(observed)
    state, drive, given = out.hidden["state"][:, 4], out.hidden["drive"][:, 5], out.inputs[:, 5]
    with model.cut("V1", "M1"), model.cut("S1", "M1"):
        without = model.step(state, drive)
        instead = drive.clone()
        instead[:, 6:10] = given[:, 6:10]
        again = model.step(state, instead)
    with_all = model.step(state, drive)
    torch.testing.assert_close(again[:, :21], with_all[:, :21])
    assert not torch.allclose(without[:, 7:14], with_all[:, 7:14])
    assert torch.equal(without[:, :7], with_all[:, :7]) and torch.equal(without[:, 14:21], with_all[:, 14:21])


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_a_message_arrives_after_its_delay(delay: int) -> None:
    """A kick to one generator's state reaches the other area's generator exactly so many bins later."""
    trials = make_trials(["A", "A", "A", "B", "B", "B"])
    model = build(trials, max_delay=3).double()
    with torch.no_grad():
        model.delay_logits.fill_(-1e9)
        model.delay_logits[..., delay - 1] = 1e9
    state = kicked = model.initial_state(1)
    kicked = kicked.clone()
    kicked[:, :7] += 0.5
    drive = state.new_zeros(1, 2 * (2 + 2))
    reached = []
    for _ in range(4):
        state, kicked = model.step(state, drive), model.step(kicked, drive)
        reached.append(bool((state[:, 7:14] - kicked[:, 7:14]).abs().max() > 1e-9))
    assert reached == [step + 1 >= delay for step in range(4)]
    assert torch.allclose(model.delays()["A to B"], torch.eye(3, dtype=torch.float64)[delay - 1])


@pytest.mark.parametrize("messages", ["none", "all"])
def test_areas_hear_each_other_only_through_messages(messages: str) -> None:
    trials = make_trials()
    model = build(trials, messages=messages)
    changed = np.array(trials.counts)
    area = np.array(AREAS)
    changed[..., area == "V1"] += 2
    other = make_trials()
    other = Trials.from_arrays(
        changed, bin_s=0.02, unit_table=other.unit_table, heldin=other.heldin, forward=other.forward
    )
    a, b = model.infer(trials).rates, model.infer(other).rates
    assert a is not None and b is not None
    same = np.array([np.array_equal(a[..., u], b[..., u]) for u in range(9)])
    assert not same[area == "V1"].any()
    assert (same[area != "V1"] == (messages == "none")).all()


def test_cutting_every_message_is_a_model_that_hears_nothing() -> None:
    trials = make_trials(["A", "A", "A", "B", "B", "B"])
    model = build(trials)
    plain = model.infer(trials)
    with model.cut("A", "B"):
        cut = model.infer(trials)
        assert not cut.extra["message_A_to_B"].any() and cut.extra["message_B_to_A"].any()
    again = model.infer(trials)
    assert plain.rates is not None and cut.rates is not None and again.rates is not None
    assert np.array_equal(plain.rates, again.rates)
    assert not np.allclose(plain.rates[..., 3:], cut.rates[..., 3:])
    with model.cut("A", "B", [0.5, -1.0]):
        held = model.infer(trials)
    np.testing.assert_allclose(held.extra["message_A_to_B"], np.broadcast_to([0.5, -1.0], (8, 12, 2)))
    assert held.rates is not None and not np.allclose(held.rates[..., 3:], cut.rates[..., 3:])
    with pytest.raises(InvalidInput, match="2, one for each channel"), model.cut("A", "B", [1.0]):
        pass
    with pytest.raises(InvalidInput, match="B to A, A to B"), model.cut("A", "C"):
        pass
    with pytest.raises(InvalidInput, match="fitted with messages"), build(trials, messages="none").cut("A", "B"):
        pass


def test_a_constant_message_is_part_of_the_dynamics() -> None:
    trials = make_trials()
    model, observed = exact(build(trials), trials)
    with model.cut("V1", "M1", [0.3, -0.2]):
        out = model(observed)
        after = model.step(out.hidden["state"][:, 5], out.hidden["drive"][:, 6])
    torch.testing.assert_close(after, out.hidden["state"][:, 6], rtol=1e-9, atol=1e-9)


def test_gradients_reach_every_parameter() -> None:
    trials = make_trials()
    model = build(trials).train()
    out = model(Batch.of(trials).observed)
    loss = out.predictions["counts"].square().sum() + sum(kl.sum() for kl in out.kl.values())
    (loss + sum(out.penalty.values())).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool((parameter.grad != 0).any()), name


def test_private_inputs_have_their_own_prior_and_messages_none() -> None:
    trials = make_trials()
    assert "inputs" not in build(trials, private=False)(Batch.of(trials).observed).kl
    neither = build(trials, private=False, messages="none")(Batch.of(trials).observed)
    assert neither.inputs is None and neither.hidden["drive"].shape == (8, 12, 0)


def test_the_spec_keeps_areas_and_old_ones_load() -> None:
    spec = DataSpec.of(make_trials())
    assert spec.only.unit_areas == tuple(AREAS)
    assert DataSpec.from_mapping(spec.as_mapping()) == spec
    without = DataSpec.of(Trials.from_arrays(np.zeros((2, 3, 4)), bin_s=0.02))
    mapping = without.as_mapping()
    assert "unit_areas" not in mapping["sessions"][0]  # type: ignore[index]
    assert DataSpec.from_mapping(mapping) == without
    with pytest.raises(InvalidInput, match="other areas"):
        build(make_trials()).infer(make_trials([*AREAS[:-1], "V1"]))


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        (Trials.from_arrays(np.zeros((2, 3, 4)), bin_s=0.02), "no column `area`"),
        (make_trials(["A"] * 6), "A alone"),
        (make_trials(["A", "A", "A", "B", "B", ""]), "nothing for unit 5"),
        (make_trials(["A", "A", "A", "B", "B", None]), "nothing for unit 5"),  # type: ignore[list-item]
        (make_trials(["A", "A", "A", "A", "B", "B"]), "the units of B"),
        (make_trials(["A", "A", "A", "B", "B", "B"], heldin=[0, 1, 2]), "no unit of B"),
    ],
)
def test_wrong_areas_are_named(trials: Trials, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build(trials)


def test_sessions_are_not_stitched() -> None:
    import dataclasses

    trials = make_trials()
    with pytest.raises(InvalidInput, match="one session"):
        MultiAreaLFADS(MultiAreaLFADSConfig(), DataSpec.of([trials, dataclasses.replace(trials, session="two")]))


def test_a_message_is_no_wider_than_what_it_is_made_of() -> None:
    with pytest.raises(InvalidInput, match=r"model\.message_rank"):
        MultiAreaLFADSConfig(factors=2, message_rank=3)
