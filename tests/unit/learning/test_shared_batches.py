"""One batch whole, in micro-batches, and shared by two processes: the same losses, gradients and weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.learning.bptt import BPTT
from neurodyn.objectives.base import Losses, Objective, Step
from neurodyn.training.fit import prepare
from neurodyn.training.launch import in_processes
from neurodyn.training.processes import join, place, sum_gradients

TRIALS, BINS, UNITS = 11, 8, 6
CASES = [("gru_seq", "poisson"), ("lfads", "elbo"), ("pnba", "align")]
Learned = dict[str, list[Tensor]]


def uneven_trials() -> Trials:
    """Trials of different lengths; the behaviour of two was not recorded."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, BINS + 1, TRIALS)
    gain = rng.gamma(2.0, 0.5, (TRIALS, 1, 1))
    behaviour = gain * np.sin(np.arange(BINS))[:, None] + 0.1 * rng.standard_normal((TRIALS, BINS, 2))
    behaviour[[2, 9]] = np.nan
    return Trials.from_arrays(
        rng.poisson(gain * np.linspace(0.3, 2.0, UNITS) * np.ones((1, BINS, 1))),
        bin_s=0.02,
        behaviour={"velocity": behaviour},
        mask=np.arange(BINS) < lengths[:, None],
    )


def withheld(batch: Batch) -> Batch:
    """The batch with a part of its entries kept out of training, by their place."""
    entries = torch.arange(batch.mask.numel() * UNITS).reshape(*batch.mask.shape, UNITS) % 5 == 0
    return batch.with_seen(batch.observed.neural, weight=(~entries).float(), withheld=entries)


def in_type(batch: Batch, dtype: torch.dtype) -> Batch:
    """The batch with its numbers in another precision."""

    def changed(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {n: v.to(dtype) if v.is_floating_point() else v for n, v in values.items()}

    observed = dataclasses.replace(batch.observed, signals=changed(dict(batch.observed.signals)))
    return dataclasses.replace(
        batch,
        observed=observed,
        privileged=changed(dict(batch.privileged)),
        targets=changed(dict(batch.targets)),
        loss_weight=changed(dict(batch.loss_weight)),
    )


def learned(model_name: str, objective_name: str, dtype: torch.dtype, parts: int) -> Learned:
    """Losses and gradients of three steps on one batch, and the weights after them; what is random is off, as in evaluation."""
    here, trials = place(), uneven_trials()
    if here.of > 1:
        join(torch.device("cpu"))
    kind, goal = registry.load("models", model_name), registry.load("objectives", objective_name)
    torch.manual_seed(0)
    model = kind(kind.Config(), DataSpec.of(trials))
    prepare(model, [trials], 0)
    model = model.to(dtype).eval()
    objective: Objective = goal(goal.Config(), model)
    trained = [*model.parameters(), *([] if objective.trained is None else objective.trained.to(dtype).parameters())]
    trained = [parameter for parameter in trained if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.02 / goal.Config().loss_scale if objective_name == "elbo" else 0.02)
    rule = BPTT()
    rule.parts, rule.processes, rule.rank = parts, here.of, here.rank
    batch = in_type(withheld(Batch.of(trials)) if objective_name == "elbo" else Batch.of(trials), dtype)
    mine = batch.take(torch.tensor_split(torch.arange(TRIALS), here.of)[here.rank])
    found: Learned = {"losses": [], "gradients": []}
    for number in range(3):
        optimizer.zero_grad(set_to_none=True)
        losses = rule.gradients(model, objective, [mine], Step(epoch=3, step=number))
        total = losses.total.detach()
        if here.of > 1:
            total = sum_gradients(trained, total)
        found["losses"].append(total)
        found["gradients"] += [p.grad.clone() for p in trained if p.grad is not None]
        optimizer.step()
    return {**found, "weights": [parameter.detach() for parameter in trained]}


@pytest.mark.parametrize(("model", "objective"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-6)])
def test_parts_and_processes_learn_what_the_whole_batch_teaches(
    model: str, objective: str, dtype: torch.dtype, tolerance: float
) -> None:
    whole = learned(model, objective, dtype, 1)
    scale = max(float(gradient.abs().max()) for gradient in whole["gradients"])
    assert scale > 1e-3 and len(whole["gradients"]) >= 3 * 4
    ways: list[Callable[[], Learned]] = [partial(learned, model, objective, dtype, parts) for parts in (1, 4, 2)]
    found = [ways[1](), in_processes(ways[0], 2, 1), in_processes(ways[2], 2, 1)]
    for each in found:
        assert each.keys() == whole.keys()
        torch.testing.assert_close(each["losses"], whole["losses"], rtol=tolerance, atol=0)
        torch.testing.assert_close(each["gradients"], whole["gradients"], rtol=0, atol=tolerance * max(scale, 1))
        torch.testing.assert_close(each["weights"], whole["weights"], rtol=0, atol=tolerance)


class ByTrials(registry.load("objectives", "poisson")):  # type: ignore[misc]  # loaded by name
    """An objective that knows nothing of shares."""

    gives_shares = False

    def __call__(self, output: object, batch: Batch, step: Step) -> Losses:
        assert step.whole is None
        return super().__call__(output, batch, step)  # type: ignore[no-any-return]


def test_an_objective_that_gives_no_shares_is_weighted_by_trials() -> None:
    trials = uneven_trials()
    batch = Batch.of(trials)
    kind = registry.load("models", "gru_seq")
    torch.manual_seed(0)
    model = kind(kind.Config(), DataSpec.of(trials)).eval()
    objective, rule = ByTrials(ByTrials.Config(), model), BPTT()
    rule.parts = 3
    found = rule.gradients(model, objective, [batch], Step())
    rows = torch.tensor_split(torch.arange(TRIALS), 3)
    with torch.no_grad():
        each = [objective(model(batch.take(r).observed), batch.take(r), Step()).total * len(r) / TRIALS for r in rows]
    torch.testing.assert_close(found.total, torch.stack(each).sum())
