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
from neurodyn.reproduction.alignment_conclusion import with_alignment_conclusions
from neurodyn.reproduction.claims import with_claims
from neurodyn.reproduction.collect import collected
from neurodyn.reproduction.compare import compared
from neurodyn.reproduction.curves import curves_of
from neurodyn.reproduction.job import Job, without_data
from neurodyn.reproduction.learning_conclusion import Ruled, with_learning_conclusions
from neurodyn.reproduction.report import write as write_report
from neurodyn.reproduction.similarity_conclusion import Alike, with_similarity_conclusions
from neurodyn.reproduction.study import Study
from neurodyn.reproduction.task import Ran, Task, run, shared_by
from neurodyn.submission.targets import NOT_BLIND, SealedTargets
from neurodyn.training.kept import SimilarityOverTraining

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

    Runs go side by side in processes of one thread each, teachers before their students and the longest first; what comes of them does not depend on how many
    there are. A run that is finished is kept, one that was cut short goes on, so that the same call again costs nothing. An arm of which some seeds fail is
    scored by the others.

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
        MissingData: the targets, or data of every folder, are not on this machine; nothing has been run then. Where some folder's are, the others are left out and named.
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
    shown = [arm for arm in study.arms if arm not in left_out]
    jobs: dict[str, Job] = {}
    for arm in study.trained_for(shown):
        teachers = [jobs[path] for path in arm.teachers]
        test = targets is not None
        jobs[arm.path] = Job.of(study, arm, out, quick=quick, seeds=seeds, test=test, teachers=teachers)
    absent = without_data(list(jobs.values()))
    for missing in absent.values():
        say(f"left out, for want of data: {missing}")
    unrun = [arm.path for arm in shown if arm.folder in absent]
    shown = [arm for arm in shown if arm.folder not in absent]
    jobs = {path: job for path, job in jobs.items() if job.arm.folder not in absent}
    shared_by.cache_clear()
    try:
        ran, failed = _run(list(jobs.values()), targets, workers, say)
        whole = [job for arm in shown if (job := jobs[arm.path]).ran(ran)]
        scores = with_alignment_conclusions(compared(shown, whole, ran, _collected(whole, ran, say)))
        scores = with_learning_conclusions(scores, _ruled(whole, ran))
        scores = with_claims(with_similarity_conclusions(scores, _alike(whole, ran)))
        if scores:
            quickly = [arm.path for arm in left_out]
            table.write(out, study.name, scores, quickly, unrun)
            write_report(out / REPORT, study.name, scores, whole, ran, quickly, unrun)
    finally:
        shared_by.cache_clear()
    if failed:
        raise ArmsFailed(_by_arm(failed, jobs), scores)
    return scores


def _run(
    jobs: Sequence[Job], targets: Path | None, workers: int | None, say: Say
) -> tuple[dict[tuple[str, int], Ran], dict[tuple[str, int], Failure]]:
    """What came of every run, by arm and seed, or why it failed. Runs that teach are finished before those they teach begin."""
    tasks = {job.arm.path: job.tasks(targets) for job in jobs}
    left = {(task.arm, task.seed) for own in tasks.values() for task in own if not task.finished}
    ran: dict[tuple[str, int], Ran] = {}
    failed: dict[tuple[str, int], Failure] = {}
    start, made, total = time.monotonic(), 0, sum(map(len, tasks.values()))
    engine: Engine = Serial()  # one run alone, or one worker, needs no other process
    if len(left) > 1 and workers != 1:
        engine = Local(workers)
        say(f"{len(left)} runs to do, {min(len(left), engine.workers)} at a time")
    with engine:
        for depth in sorted({job.depth for job in jobs}):
            longest_first = sorted((job for job in jobs if job.depth == depth), key=lambda job: -job.length)
            given = [(job, task) for job in longest_first for task in tasks[job.arm.path]]
            for job, task, value, failure in _results(given, failed, engine):
                key = task.arm, task.seed
                which = "closed form, run once" if job.once else f"seed {task.seed}"
                if value is not None:
                    ran[key] = value
                    how = f"{value.seconds:.0f} s" if key in left else "finished before, kept"
                elif failure is not None:
                    failed[key] = failure
                    how = f"could not be run: {_said(failure)}"
                done = len(ran) + len(failed)
                if key in left:
                    made += 1
                    if failure is None and done < total:
                        how += f"; {_time((time.monotonic() - start) / made * (total - done))} left"
                say(f"[{done}/{total}] {task.arm}, {which}: {how}")
    return ran, failed


def _results(
    given: Sequence[tuple[Job, Task]], failed: Mapping[tuple[str, int], Failure], engine: Engine
) -> Iterator[tuple[Job, Task, Ran | None, Failure | None]]:
    """What comes of each task: those whose teacher failed first, then those finished before, then the others as they end."""
    taught = []
    for job, task in given:
        untaught = _untaught(job, task.seed, failed)
        if untaught is None:
            taught.append((job, task))
        else:
            yield job, task, None, untaught
    kept = [(job, task) for job, task in taught if task.finished]
    left = [(job, task) for job, task in taught if not task.finished]
    bar = isinstance(engine, Serial)
    for runner, pairs in ((Serial(), kept), (engine, left)):
        for each in runner.results(run, [dataclasses.replace(task, progress=bar) for _, task in pairs]):
            yield *pairs[each.index], each.value, each.failure


def _untaught(job: Job, seed: int, failed: Mapping[tuple[str, int], Failure]) -> Failure | None:
    """Why a run cannot be taught; None where its teachers are there."""
    for teacher in job.teachers:
        theirs = teacher.seed_for(seed)
        if (teacher.arm.path, theirs) in failed:
            which = teacher.arm.path if teacher.once else f"{teacher.arm.path}, seed {theirs},"
            return Failure("refused", f"its teacher {which} could not be run", "")
    return None


def _collected(jobs: Sequence[Job], ran: Mapping[tuple[str, int], Ran], say: Say) -> list[Score]:
    """The scores of each arm over the seeds that ran, in the study's order."""
    scores = []
    for job in jobs:
        runs = job.ran(ran)
        first = next(iter(runs.values()))
        own = collected(
            job.arm,
            list(runs),
            [each.scores for each in runs.values()],
            first.setting,
            job.changes,
            once=job.once,
            failed=len(job.seeds) - len(runs),
        )
        if missing := [name for name in job.arm.published if name not in {score.name for score in own}]:
            say(f"{job.arm.path}: {', '.join(missing)} cannot be scored on these trials")
        scores += own
    return scores


def _ruled(jobs: Sequence[Job], ran: Mapping[tuple[str, int], Ran]) -> list[Ruled]:
    """The arms that are trained on a task, with the curves of their runs; of folders whose arms differ in their learning rule."""
    rules: dict[str, set[str]] = {}
    for job in jobs:
        rules.setdefault(job.arm.reference, set()).add(job.rule)
    compared = [job for job in jobs if job.arm.reference and len(rules[job.arm.reference]) > 1]
    return [Ruled(job.arm.path, job.arm.reference, job.arm.control, curves_of(job, ran)) for job in compared]


def _alike(jobs: Sequence[Job], ran: Mapping[tuple[str, int], Ran]) -> list[Alike]:
    """The arms whose networks are compared with a recording."""
    found = []
    for job in jobs:
        if job.arm.reference and job.recipe.evaluate.similarity is not None:
            runs = {seed: SimilarityOverTraining.read(job.run(seed)) for seed in job.ran(ran)}
            known = {seed: each for seed, each in runs.items() if each is not None}
            scores = {seed: each.scores for seed, each in job.ran(ran).items()}
            found.append(Alike(job.arm.path, job.arm.reference, job.arm.control, job.rule, known, scores))
    return found


def _by_arm(failed: Mapping[tuple[str, int], Failure], jobs: Mapping[str, Job]) -> dict[str, Failure]:
    """The first failure of each arm that has one, by its path, with the seeds that failed where others ran."""
    found: dict[str, Failure] = {}
    for path, job in jobs.items():
        seeds = [seed for seed in job.seeds if (path, seed) in failed]
        if seeds:
            name = path if len(seeds) == len(job.seeds) else f"{path} (seed {', '.join(map(str, seeds))})"
            found[name] = failed[path, seeds[0]]
    return found


def _said(failure: Failure) -> str:
    """A failure for people: input that was refused says all itself, anything else needs the traceback."""
    return failure.message if failure.kind == "refused" else str(failure)


def _time(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
