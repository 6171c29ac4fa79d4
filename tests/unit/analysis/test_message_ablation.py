"""What messages are worth: nothing where they are not used, all where the receiver knows only them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from neurodyn import registry
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.message_ablation import message_ablation
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.models.multi_area_lfads import MultiAreaLFADS, MultiAreaLFADSConfig

AREAS = ["A", "B", "A", "B", "A", "B"]


def make_trials(n: int = 20) -> Trials:
    counts = np.random.default_rng(n).poisson(0.6, (n, 15, 6))
    mask = np.ones((n, 15), bool)
    mask[::4, -3:] = False
    table = pd.DataFrame({"area": AREAS})
    return Trials.from_arrays(counts, bin_s=0.02, mask=mask, unit_table=table)


def learned(messages: str = "all", silent: bool = False) -> LearnedDynamics:
    train, test = make_trials(), make_trials(12)
    torch.manual_seed(0)
    config = MultiAreaLFADSConfig(
        messages=messages, generator=6, factors=3, encoder=5, controller=4, initial_condition=3
    )  # type: ignore[arg-type]
    model = MultiAreaLFADS(config, DataSpec.of(train))
    model.prepare([train])
    if silent:  # A's generator does not listen
        with torch.no_grad():
            model.generators[0][0].input_weight[:2].zero_()
    return LearnedDynamics.of(model, train, train, test)


def poisson(model: MultiAreaLFADS, test: Trials, area: str) -> float:
    units = np.array(AREAS) == area
    rates = model.infer(test).rates
    assert rates is not None
    values, counts, inside = rates[..., units].astype(float), test.counts[..., units], test.mask[..., None]
    return float((np.where(inside, counts * np.log(values) - values, 0)).sum())


def test_losses_are_differences_of_the_likelihood() -> None:
    made = learned()
    model = made.model
    assert isinstance(model, MultiAreaLFADS)
    found = message_ablation(made)
    assert found.messages == (("B", "A"), ("A", "B"))
    whole = poisson(model, made.test, "B")
    with model.cut("A", "B"):
        zeroed = poisson(model, made.test, "B")
    sent = model.infer(made.train).extra["message_A_to_B"][made.train.mask]
    with model.cut("A", "B", sent.mean(0).tolist()):
        held = poisson(model, made.test, "B")
    loss = found.each[1]
    assert loss.zeroed.sum() == pytest.approx(whole - zeroed, abs=1e-4)
    assert loss.held.sum() == pytest.approx(whole - held, abs=1e-4)
    counts = np.where(made.test.mask[..., None], made.test.counts, 0)
    assert loss.spikes.sum() == counts[..., 1::2].sum()
    assert message_ablation(made) is found


def test_who_does_not_listen_loses_nothing() -> None:
    found = message_ablation(learned(silent=True))
    assert not found.each[0].held.any() and not found.each[0].zeroed.any()
    assert found.each[1].held.any()
    np.testing.assert_allclose(found.all.held, found.each[1].held)


def test_the_measure_is_the_loss_without_any_message() -> None:
    made = learned()
    measure = registry.load("dynamics_measures", "message_use")()
    assert measure.applies(made)
    measured, found = measure.measure(made), message_ablation(made)
    assert measured.value == pytest.approx(found.all.bits_per_spike(found.all.held))
    assert len(measured.sums) == 12
    told = measured.context["messages"]
    assert set(told) == {"B to A", "A to B", "all"} and 20 <= told["A to B"]["delay_ms"] <= 60
    assert set(measured.context["claims"]) == {"A uses what B tells it", "B uses what A tells it"}
    deaf = measure.measure(learned(silent=True)).context["claims"]
    assert deaf["A uses what B tells it"] is False
    title, headings, rows, _ = found.table()
    assert title and all(len(row) == len(headings) for row in rows)


def test_models_without_messages_are_refused() -> None:
    trials = make_trials()
    single = LearnedDynamics.of(LFADS(LFADSConfig(generator=5), DataSpec.of(trials)), trials, trials, trials)
    for made in (learned("none"), single):
        assert not registry.load("dynamics_measures", "message_use")().applies(made)
        with pytest.raises(InvalidInput, match="messages between areas"):
            message_ablation(made)
