"""The error of a task, its penalties, and how the annealed one shrinks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neurodyn.data.batch import Batch
from neurodyn.data.inference import Inference
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.normalised_error import NormalisedError
from neurodyn.models.base import Output
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.task import Task, TaskConfig
from neurodyn.training.plan import Plan
from task_runs import matches, reaches


def network(trials: Trials, **config: object) -> TaskRNN:
    torch.manual_seed(0)
    return TaskRNN(TaskRNNConfig(units=8, **config), DataSpec.of([trials]))  # type: ignore[arg-type]


def made(trials: Trials, **config: object) -> tuple[Task, TaskRNN, Batch, Output]:
    model = network(trials)
    batch = Batch.of(trials.test)
    return Task(TaskConfig(**config), model), model, batch, model(batch.observed)  # type: ignore[arg-type]


def counted(batch: Batch) -> Tensor:
    return batch.counted("target")


def test_error_is_the_mean_over_what_counts() -> None:
    objective, _, batch, output = made(reaches())
    losses = objective(output, batch, Step())
    said, target, inside = output.predictions["target"].squeeze(-1), batch.targets["target"], counted(batch)
    torch.testing.assert_close(losses.total, ((said - target) ** 2)[inside].mean())
    assert set(losses.terms) == {"main", "normalised_error"}


def test_normalised_error_is_the_metrics() -> None:
    trials = reaches()
    objective, _, batch, output = made(trials)
    said = {"predicted_target": output.predictions["target"].squeeze(-1).detach().numpy()}
    metric = NormalisedError().measure(Evaluation({"test": trials.test}, {"test": Inference(0.01, extra=said)}))
    found = objective(output, batch, Step()).terms["normalised_error"]
    assert float(found) == pytest.approx(metric.value, rel=1e-5)


def test_classes_have_the_cross_entropy_of_the_bins_that_count() -> None:
    objective, _, batch, output = made(matches())
    losses = objective(output, batch, Step())
    inside = batch.known["target"].squeeze(-1)
    logits = output.predictions["target"].squeeze(-1)[inside]
    wanted = functional.cross_entropy(logits, batch.targets["target"][inside].argmax(-1))
    torch.testing.assert_close(losses.total, wanted)
    assert set(losses.terms) == {"main"}


def test_trials_add_up_to_the_error() -> None:
    for trials in (reaches(), matches()):
        objective, _, batch, output = made(trials)
        torch.testing.assert_close(objective.of_trials(output, batch).sum(), objective(output, batch, Step()).total)


def test_penalty_is_the_mean_squared_activity_of_bins_with_data() -> None:
    objective, _, batch, output = made(reaches(), activity_penalty=2.0)
    assert output.latents is not None
    terms = objective(output, batch, Step()).terms
    torch.testing.assert_close(terms["activity"], 2 * output.latents.square().mean())
    mask = batch.mask.clone()
    mask[:, 60:] = False
    short = dataclasses.replace(batch, mask=mask)
    torch.testing.assert_close(
        objective(output, short, Step()).terms["activity"], 2 * output.latents[:, :60].square().mean()
    )


def test_annealed_penalty_shrinks_by_two_thirds_while_it_is_at_least_half_of_the_error() -> None:
    objective, model, batch, _ = made(reaches(), activity_penalty=10.0, schedule="annealed")
    assert objective.trained is not None
    large = torch.ones(16, 120, 8)

    def after(step: int, activity: Tensor) -> float:
        output = Output({"target": torch.zeros(16, 120, 2, 1)}, hidden={"activity": activity})
        objective(output, batch, Step(0, step))
        assert objective.trained is not None
        return float(objective.trained.state_dict()["activity_penalty"])

    model.train()
    values = [after(step, large) for step in range(4)]
    assert values == pytest.approx([10 * (2 / 3) ** k for k in range(1, 5)])
    assert after(3, large) == pytest.approx(values[-1])  # a step shrinks it once, however many batches it has
    assert after(4, torch.zeros_like(large)) == pytest.approx(values[-1])  # small activity: it stays
    model.eval()
    assert after(5, large) == pytest.approx(values[-1])  # validation changes nothing
    constant, *_ = made(reaches(), activity_penalty=10.0)
    output = Output({"target": torch.zeros(16, 120, 2, 1)}, hidden={"activity": large})
    assert float(constant(output, batch, Step()).terms["activity_penalty"]) == 10


def test_penalty_of_weights_between_blocks() -> None:
    objective, model, batch, output = made(reaches(), block_penalty=0.5)
    weights = model.recurrent.detach()
    between = weights[:4, 4:].square().sum() + weights[4:, :4].square().sum()
    losses = objective(output, batch, Step())
    torch.testing.assert_close(losses.terms["blocks"], 0.5 * between)
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert model.recurrent.grad is not None and model.recurrent.grad[:4, 4:].abs().min() > 0


def test_exploding_activity_stops_with_the_bin_and_the_step() -> None:
    objective, _, batch, _ = made(reaches(), activity_limit=5.0)
    activity = torch.ones(16, 120, 8)
    activity[:, 70:] = 7.0
    output = Output({"target": torch.zeros(16, 120, 2, 1)}, hidden={"activity": activity})
    with pytest.raises(InvalidInput, match=r"root mean square 7 in bin 70 of 120, in step 12 \(epoch 3\)"):
        objective(output, batch, Step(3, 12))
    activity[:] = np.nan
    with pytest.raises(InvalidInput, match="bin 0 of 120"):
        objective(output, batch, Step())


def test_options_are_checked() -> None:
    for wrong in ({"activity_penalty": -1.0}, {"blocks": 1}, {"activity_limit": 0.0}):
        with pytest.raises(InvalidInput):
            TaskConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="annealed"):
        Plan.of("task_rnn", objective={"name": "task", "schedule": "anealed"})
