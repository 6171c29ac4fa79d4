"""Puts what each arm gains over its reference beside its scores, and what the study comes to beside those of the best arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reproduction.comparable import Key, key_of
from neurodyn.reproduction.conclusion import concluded
from neurodyn.reproduction.job import Job
from neurodyn.reproduction.paired import Paired, paired
from neurodyn.reproduction.study import Arm
from neurodyn.reproduction.task import Ran

Runs = Mapping[tuple[str, int], Ran]
"""What came of each run, by arm and seed."""


def compared(arms: Sequence[Arm], jobs: Sequence[Job], ran: Runs, scores: Sequence[Score]) -> list[Score]:
    """The scores with `context["paired"]`, the differences from the arm's reference, and on some arms' `context["conclusion"]`.

    These arms are the best on validation trials and, where that is another one, the arm that differs from a control in its teacher alone: what the two differ by is
    the teacher's doing.

    Args:
        arms: of the study.
        jobs: those of them that have runs.
        ran: their runs.
        scores: theirs over seeds.
    """
    by_path = {job.arm.path: job for job in jobs}
    chosen = _with_counterparts(_valid(jobs, ran), jobs)
    found = []
    for score in scores:
        job, key = by_path[score.context["arm"]], key_of(score)
        reference, more = by_path.get(job.arm.reference), {}
        over = None if reference is None or reference is job else _between(job, reference, key, ran)
        if over is not None:
            more["paired"] = over.as_mapping()
            if valid := chosen.get(job.arm.path):
                controls = [arm.path for arm in arms if arm.reference == job.arm.reference and arm.role == "control"]
                others = {path: _between(job, by_path[path], key, ran) for path in controls if path in by_path}
                against = {over.to: over} | {path: each for path, each in others.items() if each is not None}
                missing = [path for path in controls if path not in against]
                session = key[1] if _several(score, scores) else ""
                conclusion = concluded(score.name, session, score.direction, valid, against, missing)
                more["conclusion"] = conclusion.as_mapping()
        found.append(dataclasses.replace(score, context={**score.context, **more}))
    return found


def _valid(jobs: Sequence[Job], ran: Runs) -> list[dict[str, float]]:
    """Validation score of the arms that a study is about, means over seeds, those with the same reference together. Test trials have no part in it."""
    groups: dict[str, dict[str, float]] = {}
    for job in jobs:
        values = [each.valid for each in job.ran(ran).values()]
        known = [value for value in values if value is not None and np.isfinite(value)]
        if job.arm.role == "student" and known:
            groups.setdefault(job.arm.reference, {})[job.arm.path] = float(np.mean(known))
    return list(groups.values())


def _with_counterparts(groups: Sequence[dict[str, float]], jobs: Sequence[Job]) -> dict[str, dict[str, float]]:
    """The arms that are concluded on, with what each was chosen from: the best of every group, and the one taught as a control of it is."""
    found: dict[str, dict[str, float]] = {}
    by_path = {job.arm.path: job for job in jobs}
    for valid in groups:
        best = max(valid, key=lambda path: valid[path])
        found[best] = valid
        taught = [
            job.recipe.objective_config
            for job in jobs
            if job.arm.role == "control" and job.arm.reference == by_path[best].arm.reference
        ]
        for path in valid:
            if path != best and by_path[path].recipe.objective_config in taught:
                found[path] = {path: valid[path]}
    return found


def _between(mine: Job, theirs: Job, key: Key, ran: Runs) -> Paired | None:
    """The differences of a score over the seeds that both arms ran with; None without any."""
    seeds = theirs.seeds if mine.once else mine.seeds
    pairs = {seed: tuple(_score(job, seed, key, ran) for job in (mine, theirs)) for seed in seeds}
    whole = {seed: (a, b) for seed, (a, b) in pairs.items() if a is not None and b is not None}
    if not whole:
        return None
    return paired(
        {seed: a for seed, (a, _) in whole.items()}, {seed: b for seed, (_, b) in whole.items()}, theirs.arm.path
    )


def _score(job: Job, seed: int, key: Key, ran: Runs) -> Score | None:
    """A score of the run that goes with a seed."""
    run = ran.get((job.arm.path, job.seed_for(seed)))
    return None if run is None else next((score for score in run.scores if key_of(score) == key), None)


def _several(score: Score, scores: Sequence[Score]) -> bool:
    """Whether there are scores of other sessions beside it."""
    return len({s.context.get("session") for s in scores if s.context["arm"] == score.context["arm"]}) > 1
