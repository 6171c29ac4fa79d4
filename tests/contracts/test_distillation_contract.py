"""What holds for every pair of teacher and student: each model trained by gradients learns by each strategy that applies, and behaviour stays with the teacher."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from contract_stubs import CASES
from torch import Tensor

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.objectives.base import Step
from neurodyn.objectives.distill import Distill, DistillConfig


def _trials(name: str) -> Trials:
    found = CASES[name].data()
    return found if isinstance(found, Trials) else found[0]


MODELS = [
    n
    for n in registry.names("models")
    if registry.load("models", n).default_rule != "closed_form" and _trials(n).neural_name is not None
]
FIELDS = {name: {f.name for f in dataclasses.fields(registry.load("models", name).Config)} for name in MODELS}
TEACHERS = [name for name in MODELS if "behaviour" in FIELDS[name]]


def _built(name: str, trials: Trials, seed: int, **config: Any) -> Model:
    """A model as it is before its first training step."""
    cls = registry.load("models", name)
    torch.manual_seed(seed)
    model: Model = cls(from_dict(cls.Config, config, "model"), DataSpec.of(trials))
    model.prepare([trials])
    with torch.no_grad():  # readouts may start at constants
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def _teacher(name: str, trials: Trials, seed: int = 1) -> Model:
    return _built(name, trials, seed, **({"behaviour": {"fusion": "add"}} if name in TEACHERS else {}))


def _said(model: Model, batch: Batch, privileged: Mapping[str, Tensor] | None = None) -> Tensor:
    with torch.no_grad():
        return model.eval()(batch.observed, privileged).predictions[batch.observed.neural_name or ""]


def test_some_models_teach() -> None:
    assert "ndt" in TEACHERS and "lfads" in MODELS


@pytest.mark.parametrize("strategy", registry.names("strategies"))
@pytest.mark.parametrize("name", MODELS)
def test_every_model_learns_by_every_strategy_that_applies(name: str, strategy: str) -> None:
    trials = _trials(name)
    student, teacher = _built(name, trials, 0), _teacher(name, trials)
    batch = Batch.of(trials)
    cls = registry.load("strategies", strategy)
    config = DistillConfig(strategy=cls.Config(), alpha=0.0)
    if cls.spikes_only and trials.neural.kind != "spikes":
        with pytest.raises(InvalidInput, match="not spikes"):
            Distill(config, student)
        return
    objective = Distill(config, student)
    if cls.uses_hidden and not student.eval()(batch.observed).hidden:
        with pytest.raises(InvalidInput, match="hidden states"):
            objective.taught_by([teacher])
        return
    objective.taught_by([teacher])
    student.train()
    losses = objective(student(batch.observed), batch, Step())
    assert torch.isfinite(losses.total) and losses.terms["distillation"] > 0
    losses.total.backward()
    gradients = [p.grad for p in student.parameters() if p.grad is not None]
    assert gradients and all(torch.isfinite(g).all() for g in gradients)
    assert sum(float(g.abs().sum()) for g in gradients) > 0
    assert all(p.grad is None for p in teacher.parameters())


@pytest.mark.parametrize("name", TEACHERS)
def test_behaviour_moves_the_teacher_and_never_the_student(name: str) -> None:
    trials = _trials(name)
    signals = dict(trials.signals)
    for key, signal in trials.of_role("behaviour").items():
        signals[key] = dataclasses.replace(signal, values=np.asarray(signal.values)[::-1] * 2 + 1)
    assert signals.keys() == trials.signals.keys() and trials.of_role("behaviour")
    mine, other = Batch.of(trials), Batch.of(dataclasses.replace(trials, signals=signals))
    student, teacher = _built(name, trials, 0), _teacher(name, trials)
    assert torch.equal(_said(student, mine), _said(student, other))
    assert not torch.allclose(_said(teacher, mine, mine.privileged), _said(teacher, other, other.privileged), atol=1e-4)
    with pytest.raises(InvalidInput, match="privileged"):
        student(mine.observed, mine.privileged)


@pytest.mark.parametrize("name", TEACHERS)
def test_a_teacher_stands_missing_behaviour(name: str) -> None:
    trials = _trials(name)
    batch, teacher = Batch.of(trials), _teacher(name, trials)
    lost = {key: torch.full_like(values, torch.nan) for key, values in batch.privileged.items()}
    some = {
        key: values.masked_fill(torch.rand(values.shape) < 0.5, torch.nan) for key, values in batch.privileged.items()
    }
    found = [_said(teacher, batch, given) for given in (lost, some, {}, None)]
    assert all(torch.isfinite(each).all() for each in found)
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize(("teacher", "student"), [("ndt", "lfads"), ("lfads", "ndt")])
def test_a_teacher_of_another_kind(teacher: str, student: str) -> None:
    trials = _trials("ndt")
    pupil = _built(student, trials, 0)
    objective = Distill(DistillConfig(), pupil)
    objective.taught_by([_teacher(teacher, trials)])
    batch = Batch.of(trials)
    losses = objective(pupil(batch.observed), batch, Step())
    assert torch.isfinite(losses.total) and losses.terms["distillation"] > 0
