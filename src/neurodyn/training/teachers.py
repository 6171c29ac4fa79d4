"""The runs that teach a student."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.objectives.distill import DistillConfig
from neurodyn.training.partition import fingerprint

if TYPE_CHECKING:
    from neurodyn.models.base import Model
    from neurodyn.training.run import Run


def teachers(config: DistillConfig) -> list[Model]:
    """The models of the runs that a config names, with their best weights; in mode `release` with those of the last epoch.

    Raises:
        MissingData: no such run.
        InvalidInput: a run that has not got as far as weights.
    """
    return [_model(_run(folder), last=config.mode == "release") for folder in config.teacher]


def without_fold(trials: Trials, fold: int, folds: int) -> Trials:
    """The training trials that teacher `fold` of `folds` sees: all i but those for which i mod folds = fold."""
    return trials.select(np.flatnonzero(np.arange(len(trials)) % folds != fold))


def check_folds(config: DistillConfig, train: Sequence[Trials]) -> None:
    """Looks whether cross-fitted teachers were trained on all of these training trials but their own fold, in this order.

    Raises:
        InvalidInput: a teacher that was trained on others.
    """
    if not (config.cross_fitted and config.teaches):
        return
    folds = len(config.teacher)
    for fold, folder in enumerate(config.teacher):
        expected = fingerprint([without_fold(trials, fold, folds) for trials in train])
        if _run(folder).config["data"].get("train") != expected:
            raise InvalidInput(
                "objective.teacher",
                f"{folder}, which was not trained on the student's training trials without fold {fold} of {folds}",
                "the runs that neurodyn.cross_fit made of these trials, in order",
                "Give fit the same trials, valid and seed as cross_fit.",
            )


def _run(folder: str) -> Run:
    from neurodyn.training.run import Run

    if not (Path(folder) / "config.yaml").is_file():
        raise MissingData(
            f"objective.teacher: there is no run in {folder}. Train the teacher first: neurodyn fit MODEL DATA --out {folder}"
        )
    return Run.open(folder)


def _model(run: Run, last: bool) -> Model:
    model = run.model()
    if not last or not run.plan.build_rule().iterative:
        return model
    checkpoint = run.checkpoint()
    if checkpoint is None:
        raise MissingData(
            f"objective.teacher: {run.path} has no last.ckpt, which mode release takes the last epoch's weights from. Use mode default."
        )
    prefix = "model."
    state = {n.removeprefix(prefix): v for n, v in checkpoint["state_dict"].items() if n.startswith(prefix)}
    model.load_state_dict(state)
    return model
