"""Runs a study: every arm and seed into a folder of runs, each scored on its held-out trials. A killed study goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path

from neurodyn import api
from neurodyn.config import check_range
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, NeurodynError
from neurodyn.metrics.base import Evaluation, Score
from neurodyn.reproduction import table
from neurodyn.reproduction.collect import collected
from neurodyn.reproduction.job import Job, check_data
from neurodyn.reproduction.setting import Setting
from neurodyn.reproduction.study import Study
from neurodyn.submission.file import score_file
from neurodyn.submission.submit import submit
from neurodyn.submission.targets import NOT_BLIND, SealedTargets
from neurodyn.training.partition import origin, partition
from neurodyn.training.run import Run

SEEDS = 3
Baselines = dict[tuple[str, str, str], Evaluation]
"""Fitted once for all runs on the same trials."""


class ArmsFailed(NeurodynError):
    """Some arms of a study could not be run; what the others scored is in `scores`, and in the table."""

    def __init__(self, failed: Mapping[str, NeurodynError], scores: list[Score]) -> None:
        self.scores = scores
        super().__init__("; ".join(f"{arm} could not be run: {error}" for arm, error in failed.items()))


def reproduce(
    study: Study,
    out: Path,
    *,
    quick: bool = True,
    seeds: int = SEEDS,
    targets: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Score]:
    """The scores of every arm of a study, each beside the published one; `table.json` and `table.md` are written to `out`.

    A run that is finished is kept, one that was cut short goes on, so that the same call again costs nothing.

    Args:
        study: what to run.
        out: folder of the runs; an arm's are in `<arm>/seed<N>`.
        quick: with the changes each recipe lists under `quick`, else as published.
        seeds: runs of every arm that draws anything.
        targets: the published targets of a benchmark's phase test. Every run is then of that phase: its submission is written to its folder and scored
            against them, which is no longer blind and is recorded there.
        say: told what comes next, one line a run.

    Raises:
        MissingData: data of an arm, or the targets, are not on this machine; nothing has been run then.
        InvalidInput: targets with `quick`, or for data without a phase test.
        ArmsFailed: arms that do not fit the data, or whose folder holds runs of other settings or data; the other arms are run all the same.
    """
    check_range("seeds", seeds, 1)
    if targets is not None:
        if quick:
            raise InvalidInput(
                "targets", "quick too", "the published settings: targets are of whole data", "Add --full."
            )
        SealedTargets(targets)  # refuses what is not there before anything is run
        say(NOT_BLIND)
    test = targets is not None
    jobs = [Job.of(study, arm, out, quick=quick, seeds=seeds, test=test) for arm in study.arms]
    check_data(jobs)
    jobs.sort(key=lambda job: job.data)
    total, done = sum(len(job.seeds) for job in jobs), 0
    found: dict[str, list[Score]] = {}
    failed: dict[str, NeurodynError] = {}
    for _, same in groupby(jobs, key=lambda job: job.data):
        sharing = list(same)
        trials = sharing[0].load()
        setting, baselines = Setting.of(trials), Baselines()
        for job in sharing:
            runs = []
            for seed in job.seeds:
                done += 1
                which = "closed form, run once" if job.once else f"seed {seed}"
                kept = " (finished before, kept)" if _finished(job.run(seed), targets) else ""
                if job.arm.path in failed:
                    continue
                say(f"[{done}/{total}] {job.arm.path}, {which}: {job.run(seed)}{kept}")
                try:
                    runs.append(_scores(job, seed, trials, baselines, targets))
                except NeurodynError as error:
                    failed[job.arm.path] = error
                    say(f"{job.arm.path} could not be run: {error}")
            if job.arm.path in failed:
                continue
            own = collected(job.arm, job.seeds, runs, setting, job.changes, once=job.once)
            if missing := [name for name in job.arm.published if name not in {score.name for score in own}]:
                say(f"{job.arm.path}: {', '.join(missing)} cannot be scored on these trials")
            found[job.arm.path] = own
    scores = [score for arm in study.arms for score in found.get(arm.path, ())]
    if scores:
        table.write(out, study.name, scores)
    if failed:
        raise ArmsFailed(failed, scores)
    return scores


def _scores(
    job: Job, seed: int, trials: Trials | list[Trials], baselines: Baselines, targets: Path | None
) -> list[Score]:
    """The scores of one run, which is trained and scored unless that is done."""
    folder, recipe = job.run(seed), job.recipe
    if _finished(folder, targets):
        run = Run.open(folder)
        _check_same(run, job, seed, trials)
        return run.scores()
    fitted = api.fit(
        recipe.model,
        trials,
        rule=recipe.rule,
        objective=recipe.named_objective(),
        seed=seed,
        out=folder,
        train=recipe.train,
        resume=True,
        **recipe.model_config,
    )
    if targets is None:
        return api.evaluate(fitted, fitted_baselines=baselines)
    submitted = submit([fitted], folder / "submission.h5", progress=False, overwrite=True)
    scores = score_file(submitted.path, targets).scored.scores
    Run.open(folder).write_scores(scores)
    return scores


def _finished(folder: Path, targets: Path | None) -> bool:
    return (folder / ("outputs.h5" if targets is None else "scores.json")).exists()  # the last file that scoring writes


def _check_same(run: Run, job: Job, seed: int, trials: Trials | list[Trials]) -> None:
    """Whether a finished run is what the recipe asks for now.

    Raises:
        InvalidInput: naming what differs.
    """
    wanted = {**job.recipe.plan(seed).as_mapping(), "data": origin(partition(trials, None, seed))}
    wanted = json.loads(json.dumps(wanted, default=str))
    for name, value in wanted.items():
        if run.config.get(name) != value:
            raise InvalidInput(
                f"{run.path}: {name}",
                run.config.get(name),
                f"{value}, as {job.arm.path} asks for",
                "It was made with another recipe, other data or another version: give another --out, or remove the folder.",
            )
