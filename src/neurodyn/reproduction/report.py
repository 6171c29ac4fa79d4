"""The page about a study, gathered from its runs' folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from neurodyn.analysis.fixed_points import KEPT, analyse_fixed_points, kept_portraits
from neurodyn.data.trials import Trials
from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.metrics.base import Score
from neurodyn.reporting.study import page
from neurodyn.reporting.study.base import InputExample, StudyArm, StudySubject
from neurodyn.reproduction.curves import curves_of
from neurodyn.reproduction.job import Job
from neurodyn.reproduction.task import Ran, shared_by
from neurodyn.training.kept import GradientAlignment, SimilarityOverTraining
from neurodyn.training.run import Run

MEASURES = ("input_r2_forward", "published_input_r2_forward")
"""What runs are ranked by, the first that they have."""
DYNAMICS = "latent_r2_forward"
"""What picks the run whose dynamics are analysed: the median one."""
EXAMPLES = 6
"""Trials shown of a run."""


def write(
    path: Path,
    study: str,
    scores: Sequence[Score],
    jobs: Sequence[Job],
    ran: Mapping[tuple[str, int], Ran],
    left_out: Sequence[str],
    without_data: Sequence[str] = (),
) -> None:
    """Writes the page.

    Args:
        path: of the page.
        study: its name.
        scores: of every arm, over its seeds.
        jobs: the arms that were run.
        ran: what came of each run, by arm and seed.
        left_out: arms that `--quick` leaves out.
        without_data: arms whose data are not on this machine.
    """
    arms = []
    for job in jobs:
        runs = {seed: _by_name(each.scores) for seed, each in job.ran(ran).items()}
        own = [score for score in scores if score.context["arm"] == job.arm.path]
        shown = _examples(job, runs), _portraits(job, runs)
        gradients = {s: found for s in runs if (found := GradientAlignment.read(job.run(s))) is not None}
        alike = {s: each for s in runs if (each := SimilarityOverTraining.read(job.run(s))) is not None}
        curves = curves_of(job, ran)
        arms.append(StudyArm(job.arm.path, own, runs, *shown, curves=curves, gradients=gradients, similarities=alike))
    page.write(StudySubject(study, arms, tuple(left_out), tuple(without_data)), path)


def _by_name(scores: Sequence[Score]) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for score in scores:
        found.setdefault(score.name, score)
    return found


def _examples(job: Job, runs: Mapping[int, Mapping[str, Score]]) -> list[InputExample]:
    """Trials of the best, the median and the worst run, where inputs are inferred and known."""
    measure = next((name for name in MEASURES if all(name in run for run in runs.values())), None)
    if measure is None:
        return []
    trials = shared_by(job.tasks()[0].data).trials
    if isinstance(trials, list):  # of several sessions there is no one picture
        return []
    ranked = sorted(runs, key=lambda seed: -runs[seed][measure].value)
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen = {seed: which for which, place in reversed(places.items()) for seed in [ranked[place]]}
    return [_example(chosen[s], s, runs[s][measure], job.run(s), trials.test) for s in ranked if s in chosen]


def _example(which: str, seed: int, score: Score, run: Path, test: Trials) -> InputExample:
    """Some test trials of a run, the map to the true inputs fitted to the others."""
    with h5py.File(run / "outputs.h5") as file:
        inferred = file["test/inputs"][:].astype(np.float64)
    true, mask = np.where(test.mask[..., None], test.truth["inputs"].astype(np.float64), np.nan), test.mask
    shown = np.unique(np.linspace(0, len(test) - 1, min(EXAMPLES, len(test) // 2)).astype(int))
    others = np.setdiff1d(np.arange(len(test)), shown)
    features = np.concatenate([inferred, np.ones((*inferred.shape[:2], 1))], 2)
    inside = mask[others]
    weights = np.linalg.lstsq(features[others][inside], true[others][inside], rcond=None)[0]
    return InputExample(
        which=which,
        seed=seed,
        score=score.value,
        measure=score.name,
        true=true[shown],
        mapped=features[shown] @ weights,
        bin_s=test.bin_s,
    )


def _portraits(job: Job, runs: Mapping[int, Mapping[str, Score]]) -> dict[int, tuple[PhasePortrait, ...]]:
    """Phase portraits of the runs that have been analysed; where the true input is given, the median run is analysed here, once."""
    trials = shared_by(job.tasks()[0].data).trials
    given = job.recipe.model_config.get("known_inputs") and all(DYNAMICS in run for run in runs.values())
    if given and isinstance(trials, Trials):
        ranked = sorted(runs, key=lambda seed: runs[seed][DYNAMICS].value)
        folder = job.run(ranked[len(ranked) // 2])
        if not (folder / KEPT).is_file():
            found = analyse_fixed_points(Run.open(folder).model(), trials.train)
            (folder / KEPT).parent.mkdir(exist_ok=True)
            found.write(folder / KEPT)
    return {seed: kept_portraits(job.run(seed)) for seed in runs}
