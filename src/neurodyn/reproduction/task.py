"""One run of one arm, as a worker is handed it: trained unless that is done, scored unless that is done."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurodyn import api, assessment
from neurodyn.analysis.gradient_alignment import gradient_alignment
from neurodyn.analysis.similarity_over_training import (
    has_similarity,
    similarity_over_training,
    similarity_scores,
    write_similarity,
)
from neurodyn.comparison.looks import SimilarityTo
from neurodyn.data.trials import Trials
from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.metrics.base import Evaluation, Score
from neurodyn.reproduction.comparable import FILE as DRAWS
from neurodyn.reproduction.comparable import Comparable
from neurodyn.reproduction.limit import limited, unlabelled
from neurodyn.reproduction.lineage import hold_to_teachers
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.setting import Setting
from neurodyn.submission.file import score_file
from neurodyn.submission.submit import submit
from neurodyn.training.kept import GradientAlignment
from neurodyn.training.partition import origin, partition
from neurodyn.training.run import Run


@dataclass(frozen=True)
class Task:
    """What to train on what, and where; everything a process of its own needs."""

    arm: str
    """Its path below `recipes/`."""
    recipe: Recipe
    """With what `--quick` changes, where it was asked for."""
    limit: int | None
    """Most trials of each split."""
    seed: int
    folder: Path
    """Of the run."""
    baselines: Path
    """Folder of the baselines that all runs of the study share."""
    scores: tuple[str, ...]
    """Metrics to be measured besides those that always are."""
    targets: Path | None
    """Published targets of a benchmark's phase test, to score against."""
    compared: bool = False
    """Whether its scores are compared with another arm's, draw by draw."""
    progress: bool = True
    """Whether a progress bar may be drawn."""

    @property
    def data(self) -> str:
        """The same for tasks on the same trials."""
        return json.dumps(
            [self.recipe.source, self.recipe.options, self.limit, self.recipe.unlabelled], sort_keys=True, default=str
        )

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those of its scores that are measured on trials; the others compare activity with a recording."""
        to = self.recipe.evaluate.similarity
        return tuple(name for name in self.scores if to is None or name not in to.names)

    @property
    def baselines_folder(self) -> Path:
        """Where the baselines fitted to these trials lie."""
        return self.baselines / hashlib.sha256(self.data.encode()).hexdigest()[:12]

    @property
    def finished(self) -> bool:
        """Whether it is trained and scored."""
        last = "outputs.h5" if self.targets is None else "scores.json"  # the last file that scoring writes
        return (self.folder / last).exists()


@dataclass(frozen=True)
class Ran:
    """What came of a task."""

    scores: list[Score]
    """Every score of the run."""
    setting: Setting
    """What they were measured in."""
    seconds: float
    """Wall time that training and scoring took here and now."""
    valid: float | None = None
    """Score on the validation trials (`Estimator.score`), where arms are compared."""


@dataclass(frozen=True, eq=False)
class Shared:
    """What tasks on the same trials share within a process."""

    trials: Trials | list[Trials]
    setting: Setting
    baselines: dict[tuple[str, str, str], Evaluation] = field(default_factory=dict)


def run(task: Task) -> Ran:
    """Trains and scores one run; one that is finished is read, one that was cut short goes on.

    Raises:
        InvalidInput: data that cannot be used, or a folder that holds a run of another recipe or other data.
    """
    start = time.monotonic()
    shared = shared_by(task.data)
    hold_to_teachers(task.folder, task.recipe.objective_config.get("teacher", ()))
    scores = _kept(task, shared) if task.finished else _made(task, shared)
    beside = Comparable.read(task.folder)
    return Ran(beside.given_to(scores), shared.setting, time.monotonic() - start, beside.valid)


@functools.lru_cache(maxsize=1)
def shared_by(data: str) -> Shared:
    """The trials of tasks with the same `data`; those of the last one stay loaded."""
    source, options, limit, share = json.loads(data)
    trials = unlabelled(limited(api.load(source, **options), limit), share)
    return Shared(trials, Setting.of(trials))


def _made(task: Task, shared: Shared) -> list[Score]:
    recipe = task.recipe
    fitted = api.fit(
        recipe.model,
        shared.trials,
        rule=recipe.named_rule(),
        objective=recipe.named_objective(),
        seed=task.seed,
        out=task.folder,
        train=recipe.train,
        resume=True,
        progress=task.progress,
        **recipe.model_config,
    )
    if task.targets is None:
        return _evaluated(task, fitted, shared)
    submitted = submit([fitted], task.folder / "submission.h5", progress=False, overwrite=True)
    scores = score_file(submitted.path, task.targets).scored.scores
    _note(task, fitted, shared, scores)
    Run.open(task.folder).write_scores(scores)
    return scores


def _evaluated(task: Task, fitted: Estimator, shared: Shared) -> list[Score]:
    scores = api.evaluate(
        fitted,
        shared.trials,
        metrics=task.metrics if task.recipe.evaluate.reported_only else None,
        also=task.metrics,
        privileged=task.recipe.evaluate.privileged,
        fitted_baselines=shared.baselines,
        baselines_folder=task.baselines_folder,
        latents=task.recipe.evaluate.latents,
    )
    if task.recipe.evaluate.gradients:
        _compare_gradients(task, assessment.parts_of(fitted, shared.trials).train[0])
    if task.recipe.evaluate.similarity is not None:
        scores = [*scores, *_compare_activity(task, task.recipe.evaluate.similarity, fitted, shared)]
    _note(task, fitted, shared, scores)
    return scores


def _compare_gradients(task: Task, trials: Trials) -> None:
    """Writes how the rule's gradients stand to the exact ones into the run's folder, where `neurodyn analyse --gradients` puts it too."""
    found = gradient_alignment(Run.open(task.folder), trials, progress=task.progress)
    path = task.folder / GradientAlignment.FILE
    path.parent.mkdir(exist_ok=True)
    with written_whole(path) as beside:
        beside.write_text(json.dumps({"run": str(task.folder), **found.as_mapping()}, indent=2, allow_nan=False))


def _compare_activity(task: Task, to: SimilarityTo, fitted: Estimator, shared: Shared) -> list[Score]:
    """Writes how alike the network was to a recording along its training into the run's folder, and its scores at the end beside the others."""
    found, recording = Run.open(task.folder), to.recording()
    (test, *_) = assessment.parts_of(fitted, shared.trials).test or []
    scores = similarity_scores(found, recording, to)
    along = similarity_over_training(found, recording, test, to, progress=task.progress)
    found.write_scores(scores, keep=True)
    write_similarity(found, along, to)
    return scores


def _note(task: Task, fitted: Estimator, shared: Shared, scores: list[Score]) -> None:
    """Keeps what comparing the run with others takes."""
    if task.compared:
        Comparable.write(task.folder, scores, fitted.score(assessment.parts_of(fitted, shared.trials).valid))


def _kept(task: Task, shared: Shared) -> list[Score]:
    """The scores of a finished run, if it is what the recipe asks for now; it is scored again where some are asked for that it lacks, or they are of
    inference with behaviour where it is asked for without, or the other way round.

    Raises:
        InvalidInput: naming what differs.
    """
    found = Run.open(task.folder)
    wanted = {**task.recipe.plan(task.seed).as_mapping(), "data": origin(partition(shared.trials, None, task.seed))}
    wanted = json.loads(json.dumps(wanted, default=str))
    for name, value in wanted.items():
        before = found.config.get(name)
        if _but_teachers(before) != _but_teachers(value):
            raise InvalidInput(
                f"{found.path}: {name}",
                before,
                f"{value}, as {task.arm} asks for",
                "It was made with another recipe, other data or another version: give another --out, or remove the folder.",
            )
    scores = found.scores()
    if task.targets is not None:
        return scores
    asked = task.recipe.evaluate.privileged
    whole = set(task.scores) <= {score.name for score in scores}
    whole &= all(score.context.get("privileged", False) == asked for score in scores)
    whole &= not task.compared or (task.folder / DRAWS).is_file()
    to = task.recipe.evaluate.similarity
    whole &= to is None or has_similarity(found, to)
    whole &= not task.recipe.evaluate.gradients or (task.folder / GradientAlignment.FILE).is_file()
    return scores if whole else _evaluated(task, Estimator.load(task.folder), shared)


def _but_teachers(value: Any) -> Any:
    """A config without the folders of its teachers: a study may be moved, and it is their weights that count."""
    return {k: v for k, v in value.items() if k != "teacher"} if isinstance(value, Mapping) else value
