"""Runs a study: every arm and seed into a folder of runs, side by side, each scored on its held-out trials. A killed study goes on where it stopped."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from neurodyn.config import check_range
from neurodyn.engines.base import Engine, Failure
from neurodyn.engines.local import Local
from neurodyn.engines.serial import Serial
from neurodyn.errors import InvalidInput, NeurodynError
from neurodyn.metrics.base import Score
from neurodyn.reproduction import table
from neurodyn.reproduction.collect import collected
from neurodyn.reproduction.job import Job, check_data
from neurodyn.reproduction.report import write as write_report
from neurodyn.reproduction.study import Study
from neurodyn.reproduction.task import Ran, Task, run, shared_by
from neurodyn.submission.targets import NOT_BLIND, SealedTargets

SEEDS = 3
REPORT = "report.html"
Say = Callable[[str], None]


class ArmsFailed(NeurodynError):
    """Some arms of a study could not be run; what the others scored is in `scores`, and in the table."""

    def __init__(self, failed: Mapping[str, Failure], scores: list[Score]) -> None:
        self.scores = scores
        super().__init__("; ".join(f"{arm} could not be run: {_said(failure)}" for arm, failure in failed.items()))


def reproduce(
    study: Study,
    out: Path,
    *,
    quick: bool = True,
    seeds: int = SEEDS,
    targets: Path | None = None,
    workers: int | None = None,
    say: Say = lambda line: None,
) -> list[Score]:
    """The scores of every arm of a study, each beside the published one; `table.json`, `table.md` and `report.html` are written to `out`.

    Runs go side by side in processes of one thread each, the longest first; what comes of them does not depend on how many there are. A run that is finished
    is kept, one that was cut short goes on, so that the same call again costs nothing.

    Args:
        study: what to run.
        out: folder of the runs; an arm's are in `<arm>/seed<N>`.
        quick: with the changes each recipe lists under `quick`, without the arms that are left out of it; else as published.
        seeds: runs of every arm that draws anything.
        targets: the published targets of a benchmark's phase test. Every run is then of that phase: its submission is written to its folder and scored
            against them, which is no longer blind and is recorded there.
        workers: processes; None takes one a core, 1 runs everything in this one.
        say: told what has been done, one line a run.

    Raises:
        MissingData: data of an arm, or the targets, are not on this machine; nothing has been run then.
        InvalidInput: targets with `quick`, or for data without a phase test; an arm of a study that `quick` leaves out altogether.
        ArmsFailed: arms that do not fit the data, or whose folder holds runs of other settings or data; the other arms are run all the same.
    """
    check_range("seeds", seeds, 1)
    if workers is not None:
        check_range("workers", workers, 1)
    if targets is not None:
        if quick:
            raise InvalidInput(
                "targets", "quick too", "the published settings: targets are of whole data", "Add --full."
            )
        SealedTargets(targets)  # refuses what is not there before anything is run
        say(NOT_BLIND)
    left_out = study.left_out(quick=quick)
    if len(left_out) == len(study.arms):
        raise InvalidInput("study", study.name, "one with an arm that --quick does not leave out", "Add --full.")
    arms = [arm for arm in study.arms if arm not in left_out]
    jobs = [Job.of(study, arm, out, quick=quick, seeds=seeds, test=targets is not None) for arm in arms]
    check_data(jobs)
    shared_by.cache_clear()
    try:
        ran, failed = _run(jobs, targets, workers, say)
        whole = [job for job in jobs if job.arm.path not in failed]
        scores = _collected(whole, ran, say)
        if scores:
            absent = [arm.path for arm in left_out]
            table.write(out, study.name, scores, absent)
            write_report(out / REPORT, study.name, scores, whole, ran, absent)
    finally:
        shared_by.cache_clear()
    if failed:
        raise ArmsFailed(failed, scores)
    return scores


def _run(
    jobs: Sequence[Job], targets: Path | None, workers: int | None, say: Say
) -> tuple[dict[tuple[str, int], Ran], dict[str, Failure]]:
    """What came of every run, by arm and seed, and the first failure of each arm that has one."""
    longest_first = sorted(jobs, key=lambda job: -job.length)
    tasks = [task for job in longest_first for task in job.tasks(targets)]
    kept, left = [task for task in tasks if task.finished], [task for task in tasks if not task.finished]
    once = {job.arm.path for job in jobs if job.once}
    ran: dict[tuple[str, int], Ran] = {}
    failed: dict[str, Failure] = {}
    start, count = time.monotonic(), len(kept)
    for done, (task, value, failure) in enumerate(_results(kept, left, workers, say), 1):
        which = "closed form, run once" if task.arm in once else f"seed {task.seed}"
        line = f"[{done}/{len(tasks)}] {task.arm}, {which}: "
        if failure is not None:
            failed.setdefault(task.arm, failure)
            say(f"{line}could not be run: {_said(failure)}")
        else:
            ran[task.arm, task.seed] = value
            how = "finished before, kept" if done <= len(kept) else f"{value.seconds:.0f} s"
            if count < done < len(tasks):
                how += f"; {_time((time.monotonic() - start) / (done - count) * (len(tasks) - done))} left"
            say(f"{line}{how}")
    return ran, failed


def _results(
    kept: Sequence[Task], left: Sequence[Task], workers: int | None, say: Say
) -> Iterator[tuple[Task, Ran, Failure | None]]:
    """What comes of each task, those finished before first. One run alone, or one worker, needs no other process."""
    for finished in Serial().results(run, kept):
        yield kept[finished.index], finished.value, finished.failure
    engine: Engine = Serial()
    if len(left) > 1 and workers != 1:
        engine = Local(workers)
        say(f"{len(left)} runs to do, {min(len(left), engine.workers)} at a time")
    with engine:
        tasks = [dataclasses.replace(task, progress=isinstance(engine, Serial)) for task in left]
        for finished in engine.results(run, tasks):
            yield left[finished.index], finished.value, finished.failure


def _collected(jobs: Sequence[Job], ran: Mapping[tuple[str, int], Ran], say: Say) -> list[Score]:
    """The scores of each arm over its seeds, in the study's order."""
    scores = []
    for job in jobs:
        runs = [ran[job.arm.path, seed] for seed in job.seeds]
        own = collected(job.arm, job.seeds, [each.scores for each in runs], runs[0].setting, job.changes, once=job.once)
        if missing := [name for name in job.arm.published if name not in {score.name for score in own}]:
            say(f"{job.arm.path}: {', '.join(missing)} cannot be scored on these trials")
        scores += own
    return scores


def _said(failure: Failure) -> str:
    """A failure for people: input that was refused says all itself, anything else needs the traceback."""
    return failure.message if failure.kind == "refused" else str(failure)


def _time(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
