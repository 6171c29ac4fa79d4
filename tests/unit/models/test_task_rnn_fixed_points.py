"""Fixed points of a task-trained network: its states, its step and its automatic derivative are one dynamical system."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.analysis.fixed_points import analyse_fixed_points
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.models.parts.nonlinearities import NONLINEARITIES
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig


@pytest.fixture(scope="module")
def trials() -> Trials:
    found = neurodyn.load("reach", trials=24, valid=8, test=8, task={"kinematics": "minimum_jerk"})
    assert isinstance(found, Trials)
    return found.train


def network(trials: Trials, **config: object) -> TaskRNN:
    torch.manual_seed(0)
    return TaskRNN(dataclasses.replace(TaskRNNConfig(units=12), **config), DataSpec.of(trials)).double().eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["potential", "rate"])
@torch.no_grad()
def test_states_follow_each_other_by_the_step_and_decode_to_the_outputs(trials: Trials, form: str) -> None:
    model = network(trials, form=form)
    output = model(Batch.of(trials).observed)
    state, drive = output.hidden["state"], output.hidden["drive"].double()
    torch.testing.assert_close(model.step(model.initial_state(len(trials)), drive[:, 0]), state[:, 0])
    torch.testing.assert_close(model.step(state[:, 41], drive[:, 42]), state[:, 42])
    torch.testing.assert_close(model.factors_of(state), output.latents)
    torch.testing.assert_close(model.decode(state[:, 42])["target"], output.predictions["target"][:, 42])


def test_with_and_without_a_graph_the_outputs_are_the_same(trials: Trials) -> None:
    model, observed = network(trials), Batch.of(trials).observed
    built = model(observed)
    with torch.no_grad():
        plain = model(observed)
    torch.testing.assert_close(built.predictions["target"].detach(), plain.predictions["target"])
    assert "state" not in built.hidden


@pytest.mark.parametrize("name", [name for name in NONLINEARITIES if name != "sign"])
def test_automatic_differentiation_takes_the_derivative(name: str) -> None:
    phi = NONLINEARITIES[name]
    a = torch.linspace(-2, 2, 41, dtype=torch.float64) + 0.013  # not at a kink
    assert torch.autograd.gradcheck(phi, a.requires_grad_())
    assert torch.equal(phi(a).detach(), phi(a.detach()))


def test_the_jacobian_is_that_of_the_step(trials: Trials) -> None:
    model = network(trials, nonlinearity="tanh")
    exact = DiscreteMap.of_tensors(model.requires_grad_(False).step)
    state, inputs = np.random.default_rng(0).normal(size=(3, 12)), np.zeros((3, 3))
    by_differences = DiscreteMap.of_arrays(exact.step).jacobian(state, inputs)
    np.testing.assert_allclose(exact.jacobian(state, inputs), by_differences, atol=1e-7)


def test_the_fixed_point_of_a_contracting_network_is_found(trials: Trials) -> None:
    model = network(trials, time_constants_s=(0.05,), gain=0.3)
    with torch.no_grad():
        model.bias += 0.2
    found = analyse_fixed_points(model.float(), trials, inputs=("zero",), starts=16)
    (result,) = found.results
    assert len(result.found.points) == 1
    point = torch.from_numpy(result.found.points)
    with torch.no_grad():
        after = model.double().step(point, torch.zeros(1, 3, dtype=torch.float64))
    torch.testing.assert_close(after, point, atol=1e-6, rtol=0)
