"""What holds for every objective, transform and learning rule, on a stub with a posterior."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from contract_stubs import Privileged, StubConfig, aligned, population, task, two_sessions, with_video
from torch import Tensor

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.pnba_config import PNBAConfig
from neurodyn.models.parts.task_rnn_config import TaskRNNConfig
from neurodyn.models.pnba import PNBA
from neurodyn.models.task_rnn import TaskRNN
from neurodyn.objectives.base import Losses, Objective, Step
from neurodyn.objectives.distill import Distill
from neurodyn.objectives.task import TaskConfig

ITERATIVE = [n for n in registry.names("learning_rules") if registry.load("learning_rules", n).iterative]


def _model(seed: int = 0) -> tuple[Model, Trials]:
    trials = population()
    torch.manual_seed(seed)
    return Privileged(StubConfig(), DataSpec.of(trials)).eval(), trials


def _model_for(objective: str) -> tuple[Model, Trials]:
    """A model that the objective is for, all of whose loss comes from the predicted rates and from posteriors."""
    if objective != "align":
        return _model()
    trials = aligned()
    torch.manual_seed(0)
    return PNBA(PNBAConfig(beside=("none",)), DataSpec.of(trials)).eval(), trials


def _objective(name: str, model: Model) -> Objective:
    cls = registry.load("objectives", name)
    objective: Objective = cls(cls.Config(), model)
    if isinstance(objective, Distill):
        objective.taught_by([_model(seed=1)[0]])
    return objective


def _loss(name: str, batch: Batch, change: Tensor | None = None) -> tuple[Losses, Tensor]:
    """The losses of a batch and their gradient by the predicted log rates; `change` is added to those."""
    model, _ = _model_for(name)
    output = model(batch.observed)
    rates = output.predictions["counts"].detach() + (0 if change is None else change)
    rates.requires_grad_()
    output = dataclasses.replace(output, predictions={"counts": rates})
    losses = _objective(name, model)(output, batch, Step(epoch=3, step=30))
    return losses, torch.autograd.grad(losses.total, rates)[0]


@pytest.mark.parametrize("name", registry.names("objectives"))
def test_objective_gives_a_scalar_and_detached_terms(name: str) -> None:
    losses, gradient = _loss(name, Batch.of(_model_for(name)[1]))
    assert losses.total.shape == () and torch.isfinite(losses.total)
    assert losses.terms
    assert all(v.shape == () and not v.requires_grad and torch.isfinite(v) for v in losses.terms.values())
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", registry.names("objectives"))
def test_objective_ignores_what_is_masked_out(name: str) -> None:
    batch = Batch.of(_model_for(name)[1])
    outside = ~batch.mask[..., None, None].expand(-1, -1, 8, 1)
    plain, gradient = _loss(name, batch)
    moved, _ = _loss(name, batch, outside * 3.0)
    assert torch.equal(plain.total, moved.total)
    assert (gradient[outside] == 0).all()


@pytest.mark.parametrize("name", [n for n in registry.names("objectives") if n != "distill"])  # which teaches there
def test_objective_learns_nothing_where_the_weight_is_zero(name: str) -> None:
    batch = Batch.of(_model_for(name)[1])
    weight = torch.ones_like(batch.targets["counts"])
    weight[:, ::2] = 0
    weighted = dataclasses.replace(batch, loss_weight={"counts": weight})
    _, gradient = _loss(name, weighted)
    assert (gradient[:, ::2] == 0).all() and gradient[:, 1::2].abs().sum() > 0


def _tensors(batch: Batch) -> dict[str, Tensor]:
    groups: dict[str, Any] = {
        "observed": batch.observed.signals,
        "privileged": batch.privileged,
        "targets": batch.targets,
        "loss_weight": batch.loss_weight,
    }
    return {f"{g}/{n}": t for g, named in groups.items() for n, t in named.items()}


def _continuous() -> Trials:
    """Windows cut side by side from one recording, which is what transforms that move windows need."""
    trials = population(mask=None)
    return dataclasses.replace(trials, table=trials.table.assign(segment=0, start_bin=np.arange(len(trials)) * 12))


@pytest.mark.parametrize("data", [population, _continuous, with_video, task])
@pytest.mark.parametrize("name", registry.names("transforms"))
def test_transform_leaves_the_batch_alone_and_is_keyed(name: str, data: Any) -> None:
    trials = data().train
    transform = registry.load("transforms", name)()
    if trials.neural_name is None and transform.spikes_only:
        with pytest.raises(InvalidInput, match=name):
            transform.prepare([trials])
        return
    transform.prepare([trials])
    transform.begin(1000, _expected)
    batch = Batch.of(trials, np.arange(9))
    before = {n: t.clone() for n, t in _tensors(batch).items()}
    made = [_tensors(transform(batch, torch.Generator().manual_seed(seed))) for seed in (1, 1, 2)]
    assert all(torch.equal(t, before[n]) for n, t in _tensors(batch).items())
    assert made[0].keys() == made[1].keys()
    for n in made[0]:  # behaviour may be missing
        torch.testing.assert_close(made[0][n], made[1][n], rtol=0, atol=0, equal_nan=True)
    assert all(made[0][n].shape == t.shape for n, t in before.items())


def _expected(batch: Batch) -> torch.Tensor:
    """Rates of a model, for transforms that ask for them."""
    return 1 + 0 * batch.targets[batch.observed.neural_name or ""]


@pytest.mark.parametrize("name", registry.names("transforms"))
def test_some_data_are_changed_by_each_transform(name: str) -> None:
    changed = False
    for data in (population, _continuous):
        trials = data().train
        transform = registry.load("transforms", name)()
        transform.prepare([trials])
        transform.begin(1000, _expected)
        batch = Batch.of(trials)
        after = _tensors(transform(batch, torch.Generator().manual_seed(0)))
        changed |= any(not torch.equal(after[n], t) for n, t in _tensors(batch).items())
    assert changed


def _learned_twice(rule: LearningRule, model: Model, batches: list[Batch], objective: Objective) -> None:
    """Asks a rule for gradients twice with the same random numbers: the second time adds as much."""
    rule.prepare(model, 0)
    once: dict[str, Tensor] = {}
    for _ in range(2):
        torch.manual_seed(0)
        losses = rule.gradients(model, objective, batches, Step())
        assert torch.isfinite(losses.total) and losses.terms
        once = once or {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    assert once
    for n, p in model.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(p.grad, 2 * once[n])


@pytest.mark.parametrize("name", ITERATIVE)
def test_rule_adds_to_gradients(name: str) -> None:
    trials = task()
    model = TaskRNN(TaskRNNConfig(units=20, dale=True, cell_types=2), DataSpec.of(trials)).train()
    rule = registry.load("learning_rules", name)()
    _learned_twice(
        rule, model, [Batch.of(trials, np.arange(6))], registry.load("objectives", "task")(TaskConfig(), model)
    )
    found = {n for n, p in model.named_parameters() if p.grad is not None}
    assert found == ({"output", "output_bias"} if name == "readout_only" else dict(model.named_parameters()).keys())


@pytest.mark.parametrize("name", ITERATIVE)
def test_rule_takes_any_model_or_says_which(name: str) -> None:
    from contract_stubs import Stitcher

    sessions = two_sessions()
    model = Stitcher(StubConfig(), DataSpec.of(sessions))
    batches = [Batch.of(t, np.arange(6), i) for i, t in enumerate(sessions)]
    rule = registry.load("learning_rules", name)()
    try:
        _learned_twice(rule, model, batches, _objective("poisson", model))
    except InvalidInput as refused:
        assert refused.field == "rule"
    else:
        assert all(p.grad is not None for p in model.parameters())


def test_output_is_only_what_a_model_says() -> None:
    """Nothing of a batch's targets is reachable from what a forward pass is given."""
    batch = Batch.of(population())
    assert {f.name for f in dataclasses.fields(batch.observed)} == {
        "signals",
        "mask",
        "bins",
        "neural_name",
        "session",
        "hidden",
    }
    assert batch.observed.neural.shape[1:] == (10, 6)
    assert set(batch.observed.signals) == {"counts"}
    assert isinstance(Output().predictions, dict)
