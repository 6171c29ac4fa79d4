"""e-prop and RFLO in their online form, bin by bin with eligibility traces and nothing of the past: the same gradients as the rules find going back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leaky_networks import FORMS, Case, Differentiated, case, differentiated, found, same, without_paths
from neurodyn.learning._credit import FeedbackWeights
from neurodyn.learning.eprop import Eprop, EpropConfig
from neurodyn.learning.rflo import RFLO


@torch.no_grad()
def by_traces(made: Case, seen: Differentiated, signal: Tensor) -> dict[str, Tensor]:
    """Gradients from a trace for every connection (postsynaptic, presynaptic) of every trial, and learning signals `(time, trial, unit)`."""
    model, units = made.model, made.model.config.units
    phi, alpha = model.phi, model.alpha[:, None]
    rates = model.config.form == "rate"
    state = model.initial.expand(signal.shape[1], -1)
    activity = state if rates else phi(state)
    trace = torch.zeros(signal.shape[1], units, units + made.inputs.shape[2] + 1)
    start = torch.ones(units)
    weights, initial = torch.zeros_like(trace[0]), torch.zeros(units)
    for bin, x in enumerate(made.inputs):
        arriving = torch.cat([activity, x, torch.ones(len(x), 1)], 1)[:, None]
        current = activity @ model.weights.T + x @ model.input.T + model.bias
        if rates:
            slope = phi.derivative(current, phi(current))[:, :, None]
            trace = (1 - alpha) * trace + alpha * slope * arriving
            eligibility, first = trace, torch.ones_like(state)
            activity = (1 - model.alpha) * activity + model.alpha * phi(current)
        else:
            state = (1 - model.alpha) * state + model.alpha * current
            activity = phi(state)
            trace = (1 - alpha) * trace + alpha * arriving
            first = phi.derivative(state, activity)
            eligibility = first[:, :, None] * trace
        start = (1 - model.alpha) * start
        torch.testing.assert_close(activity, seen.activity[bin])
        weights += torch.einsum("bi,bij->ij", signal[bin], eligibility)
        initial += (signal[bin] * first).sum(0) * start
    return {
        "recurrent": weights[:, :units],
        "input": weights[:, units:-1],
        "bias": weights[:, -1],
        "initial": initial,
        "output": torch.einsum("tbo,tbi->oi", seen.by_outputs, seen.activity),
        "output_bias": seen.by_outputs.sum((0, 1)),
    }


@pytest.fixture(autouse=True)
def double() -> object:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nonlinearity", ["tanh", "retanh"])
def test_backward_scan_forward_traces_and_automatic_differentiation_agree(form: str, nonlinearity: str) -> None:
    made = case(form, nonlinearity=nonlinearity)
    seen = differentiated(made, without_paths)
    signal = seen.by_outputs @ made.model.output.detach() + seen.by_activity
    forward = by_traces(made, seen, signal)
    same(found(Eprop(), made), forward)
    same(forward, seen.gradients)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [RFLO, lambda: Eprop(EpropConfig(feedback="random"))], ids=["rflo", "eprop"])
def test_with_random_feedback(form: str, kind: type[RFLO]) -> None:
    """In the form `rate` the derivative stands inside the trace's filter, which is the published rule; in the form `potential` outside."""
    made, rule = case(form), kind()
    gradients = found(rule, made, seed=4)
    assert isinstance(rule.trained, FeedbackWeights)
    feedback = rule.trained.weights
    seen = differentiated(made, without_paths, feedback=feedback)
    forward = by_traces(made, seen, seen.by_outputs @ feedback + seen.by_activity)
    same(gradients, forward)
    same(
        {n: forward[n] for n in ("recurrent", "input", "bias", "initial")},
        {n: seen.gradients[n] for n in ("recurrent", "input", "bias", "initial")},
    )


def test_with_one_time_constant_a_trace_for_every_unit_is_enough() -> None:
    """The trace of every connection is then that of its presynaptic unit, so that the gradient is one product of s and the filtered activity."""
    made = case(time_constants_s=(0.05,), nonlinearity="retanh")
    seen = differentiated(made, without_paths)
    model, alpha = made.model, 0.2
    with torch.no_grad():
        state, activity = model.initial.expand(4, -1), model.phi(model.initial).expand(4, -1)
        trace, gradient = torch.zeros(4, 6), torch.zeros(6, 6)
        for bin, x in enumerate(made.inputs):
            trace = (1 - alpha) * trace + alpha * activity
            state = (1 - alpha) * state + alpha * (activity @ model.recurrent.T + x @ model.input.T + model.bias)
            activity = model.phi(state)
            credit = seen.by_outputs[bin] @ model.output + seen.by_activity[bin]
            gradient += (model.phi.derivative(state, activity) * credit).T @ trace
    same({"recurrent": gradient}, {"recurrent": found(Eprop(), made)["recurrent"]})
