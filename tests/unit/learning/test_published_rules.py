"""Gradients of the public code of the learning-rule study, rule by rule."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import published_rules_case as published
import pytest
import torch

from leaky_networks import PARAMETERS, Case, again
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.learning._credit import FeedbackWeights
from neurodyn.learning.base import LearningRule
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.eprop import Eprop
from neurodyn.learning.feedback_alignment import FeedbackAlignment
from neurodyn.learning.modprop import ModProp
from neurodyn.learning.truncated_bptt import TruncatedBPTT, TruncatedBPTTConfig
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.task import Task, TaskConfig

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "learning_rules.json").read_text())
RULES: dict[str, LearningRule] = {
    "bptt": BPTT(),
    "eprop": Eprop(),
    "truncated_bptt": TruncatedBPTT(TruncatedBPTTConfig(window=10, leaks=True)),
    "feedback_alignment": FeedbackAlignment(),
    "modprop": ModProp(),
    "bptt_dale": BPTT(),
    "eprop_dale": Eprop(),
}


def built(dale: bool) -> Case:
    """The published case."""
    trials = Trials.from_arrays(bin_s=0.01, stimulus=published.stimulus().numpy(), targets=published.target().numpy())
    constraints: dict[str, Any] = {"dale": True, "cell_types": published.TYPES, "nonlinearity": "relu"} if dale else {}
    model = TaskRNN(TaskRNNConfig(units=published.UNITS, mode="release", **constraints), DataSpec.of(trials))
    batch = dataclasses.replace(Batch.of(trials), known={"target": published.counted()})
    found = Case(model, Task(TaskConfig(activity_penalty=published.PENALTY), model), batch)
    return found.set(**published.weights(dale))


@pytest.mark.parametrize("name", RULES)
def test_gradients_are_those_of_the_public_code(name: str) -> None:
    made, rule = built("dale" in name or name == "modprop"), RULES[name]
    rule.prepare(made.model, 0)
    if isinstance(rule.trained, FeedbackWeights):
        rule.trained.weights.copy_(published.feedback())
    losses = rule.gradients(made.model, made.objective, [made.batch], Step())
    assert float(losses.total.detach()) == pytest.approx(GOLDEN[name]["loss"], rel=1e-5)
    gradients = again(rule, made)
    for parameter in PARAMETERS:
        expected = torch.tensor(GOLDEN[name]["gradients"][parameter]).view_as(gradients[parameter])
        error = float((gradients[parameter] - expected).abs().max() / expected.abs().max())
        assert error < 1e-5, parameter


def test_the_published_rules_differ_from_each_other() -> None:
    """So that agreement says something."""
    recurrent = {name: torch.tensor(GOLDEN[name]["gradients"]["recurrent"]) for name in RULES}
    for group in (("bptt", "eprop", "truncated_bptt", "feedback_alignment"), ("modprop", "bptt_dale", "eprop_dale")):
        for one in group:
            for other in group:
                if one != other:
                    difference = (recurrent[one] - recurrent[other]).abs().max() / recurrent[one].abs().max()
                    assert float(difference) > 1e-3, (one, other)
