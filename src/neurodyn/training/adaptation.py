"""Training what belongs to sessions that join a trained model, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from neurodyn.data.spec import DataSpec
from neurodyn.models.base import Model
from neurodyn.models.parts.newcomers import Newcomers
from neurodyn.training.batches import check_batch_size
from neurodyn.training.config import TrainConfig
from neurodyn.training.fit import Fitted, fit
from neurodyn.training.keys import Stream, key
from neurodyn.training.partition import Parts
from neurodyn.training.plan import Plan
from neurodyn.training.run import Run


def adapt(
    trained: Model, plan: Plan, parts: Parts, train: TrainConfig, seed: int, *, out: str | Path | None, progress: bool
) -> tuple[Model, Plan, Fitted]:
    """A copy of a model with the sessions of `parts` after its own, the plan it was made by, and how its training ended.

    Args:
        trained, plan: the model and what decided its training.
        parts: trials of the new sessions.
        train, seed: of the new maps.
        out: run folder that the caller will write; it is tried before training. None writes nothing.
        progress: draw a progress bar on stderr.
    """
    check_batch_size(train.batch_size, parts.train, train.sessions == "in_turn", train.processes)
    spec = DataSpec((*trained.spec.sessions, *DataSpec.of(parts.train).sessions))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key(seed, Stream.WEIGHTS))
        model = trained.grown(spec)
    plan = dataclasses.replace(plan.untaught(), model_config=model.config, train=train, seed=seed)
    run = None if out is None else Run.create(out)
    newcomers = Newcomers(model, len(parts.train))
    objective, rule = plan.build_objective(newcomers), plan.build_rule()
    try:
        fitted = fit(newcomers, parts.train, parts.valid, objective, rule, train, seed=seed, progress=progress)
    except BaseException:
        if run is not None:
            run.discard_unless_trained()
        raise
    return model, plan, fitted
