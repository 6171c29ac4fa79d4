"""How alike a task-trained network is to a recording, at every step whose weights its run kept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import numpy as np

from neurodyn.analysis.condition_activity import condition_activity, kept_activities, untrained_activity
from neurodyn.analysis.errors_over_training import MEASURES, errors_over_training
from neurodyn.comparison.baselines import surrogates
from neurodyn.comparison.compare import compare
from neurodyn.comparison.lags import lag_sweep, shared_lags, window_like
from neurodyn.comparison.looks import SimilarityTo, look
from neurodyn.comparison.orientation import against, sides
from neurodyn.comparison.preparation import Preparation
from neurodyn.comparison.resampling import bootstrap_draws, drawn_values
from neurodyn.config import to_dict
from neurodyn.data.trials import Trials
from neurodyn.data.writing import folder_made, written_whole
from neurodyn.metrics.base import Score
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure
from neurodyn.similarity.participation_ratio import participation_ratio
from neurodyn.training.kept import SimilarityOverTraining
from neurodyn.training.run import Run

ALSO_DRAWS = 20
"""Most draws of measures that are of the trained network alone: they are many, and some take long."""
ASKED = "asked"
"""Where the file says what was asked for."""
LAGS = 64
"""Most lags of a sweep."""


def similarity_over_training(
    run: Run, recording: Activity, test: Trials, to: SimilarityTo, *, progress: bool = True
) -> SimilarityOverTraining:
    """Values, bootstrap draws, baselines, lags and dimension along the training of one run.

    Args:
        run: with weights kept along the way, trained on a task with conditions of fixed timing.
        recording: condition averages of the same conditions.
        test: test trials of the task, for the error that networks are matched by.
        to: measures, lag and draws.
        progress: draw progress bars on stderr.

    Raises:
        InvalidInput: no weights were kept, a task without conditions of fixed timing, other conditions or bins than the recording's, or a lag at which the
            window runs beyond the trial.
    """
    errors = errors_over_training(run, test, progress=progress)
    error_name = next(name for name in MEASURES if errors.direction.get(name) == "lower")
    whole = [activity for _, activity in kept_activities(run, progress)]
    windows = [window_like(each, recording, to.lag_s) for each in whole]
    lags = shared_lags(recording, [whole[-1]], most=LAGS)
    draws = bootstrap_draws(recording.rows, [recording.units, windows[0].units], to.draws, to.seed)
    directions, values, drawn, beside, swept = {}, {}, {}, {}, {}
    for name in to.looks:
        measure, preparation = look(name)
        reference, others = preparation.of(recording), [preparation.of(each) for each in windows]
        directions[name] = measure.direction
        values[name] = against(measure, reference, others)
        drawn[name] = drawn_values(measure, reference, others, draws, progress=progress)
        beside[name] = _baselines(measure, preparation, reference, others[-1], to.seed)
        swept[name] = lag_sweep(measure, recording, whole[-1:], lags, to.lag_s, preparation).values[whole[-1].name]
    return SimilarityOverTraining(
        recording.name,
        errors.steps,
        errors.values[error_name],
        error_name,
        directions,
        values,
        drawn,
        beside,
        to.lag_s,
        lags,
        swept,
        np.array([participation_ratio(each.samples) for each in windows]),
        participation_ratio(recording.samples),
    )


def similarity_scores(run: Run, recording: Activity, to: SimilarityTo) -> list[Score]:
    """Scores of the run's best weights against a recording: on conditions that were held out, with baselines and intervals.

    Raises:
        InvalidInput: as `similarity_over_training`.
    """
    trained, before = condition_activity(run, name="network"), untrained_activity(run, name="network")
    found = []
    for name in to.names:
        measure, preparation = look(name)
        compared = compare(
            [recording, trained],
            [measure],
            untrained={"network": before},
            lag_s=to.lag_s,
            preparation=preparation,
            draws=min(to.draws, measure.draws, to.draws if name in to.looks else ALSO_DRAWS),
            seed=to.seed,
        )
        (score,) = compared.scores
        found.append(dataclasses.replace(score, name=name))
    return found


def write_similarity(run: Run, found: SimilarityOverTraining, to: SimilarityTo) -> None:
    """Into the run's folder, where its report finds it, with what was asked for."""
    path = run.path / SimilarityOverTraining.FILE
    written = {"run": str(run.path), ASKED: to_dict(to), **found.as_mapping()}
    with folder_made(path.parent), written_whole(path) as beside:
        beside.write_text(json.dumps(written, allow_nan=False))


def has_similarity(run: Run, to: SimilarityTo) -> bool:
    """Whether the run's folder holds what is asked for, and not something that was asked for before."""
    path = run.path / SimilarityOverTraining.FILE
    return path.is_file() and json.loads(path.read_text()).get(ASKED) == json.loads(json.dumps(to_dict(to)))


def _baselines(
    measure: SimilarityMeasure, preparation: Preparation, reference: Activity, last: Activity, seed: int
) -> Mapping[str, float]:
    """Fitted and scored on the same samples, as the curves are."""
    found = surrogates(reference, last, paired=measure.paired, without_mean=preparation.without_mean, seed=seed)
    known = {name: measure.fit(*sides(measure, reference, each)).score() for name, each in found.items()}
    first, second = sides(measure, reference, last)
    chance = measure.chance(len(reference.samples), first.units, second.units)
    return known if chance is None else {**known, "chance": chance}
