"""A reservoir: the readout's gradient is exact, and nothing else changes in training."""

from __future__ import annotations

import pytest
import torch

import neurodyn
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.readout_only import ReadoutOnly
from neurodyn.models.mean_rate import MeanRate, MeanRateConfig
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.task import Task, TaskConfig


def reaches(trials: int = 16) -> Trials:
    found = neurodyn.load("reach", trials=trials, valid=8, test=8, task={"kinematics": "minimum_jerk"})
    assert isinstance(found, Trials)
    return found


def test_only_the_readout_has_a_gradient_and_it_is_the_exact_one() -> None:
    trials = reaches().train
    torch.manual_seed(0)
    model = TaskRNN(TaskRNNConfig(units=12), DataSpec.of(trials)).train()
    objective, batch = Task(TaskConfig(activity_penalty=0.1), model), Batch.of(trials)
    gradients = {}
    for rule in (ReadoutOnly(), BPTT()):
        model.zero_grad(set_to_none=True)
        rule.gradients(model, objective, [batch, batch], Step())
        gradients[type(rule)] = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert set(gradients[ReadoutOnly]) == {"output", "output_bias"}
    for name, found in gradients[ReadoutOnly].items():
        torch.testing.assert_close(found, gradients[BPTT][name])


def test_training_leaves_the_network_as_it_was_drawn() -> None:
    fitted = neurodyn.fit(
        "task_rnn", reaches(), rule="readout_only", units=12, train={"epochs": 3, "select": "last"}, progress=False
    )
    before = fitted.untrained([reaches().train]).state_dict()
    changed = {name for name, value in fitted.model_.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"output", "output_bias"}


def test_other_models_are_refused() -> None:
    trials = neurodyn.load("lorenz", trials=20)
    assert isinstance(trials, Trials)
    with pytest.raises(InvalidInput, match="readout_only is for leaky rate networks"):
        ReadoutOnly().prepare(MeanRate(MeanRateConfig(), DataSpec.of(trials.train)), 0)
