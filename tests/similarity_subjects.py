"""Made-up comparisons of activity for the pages that show them: of arrays, along one run's training, and of a study's arms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodyn.comparison.compare import compare
from neurodyn.comparison.comparison import Comparison
from neurodyn.metrics.base import Score
from neurodyn.reporting.study.base import StudyArm, StudySubject
from neurodyn.reproduction.similarity_conclusion import Alike, with_similarity_conclusions
from neurodyn.similarity.activity import Activity
from neurodyn.training.kept import SimilarityOverTraining

RULES = ("bptt", "eprop", "rflo")
MEASURES = ("procrustes", "rsa")
BIN_S, BINS, CONDITIONS = 0.01, 20, 5


def activities(number: int, names: Sequence[str] = ()) -> list[Activity]:
    """A recording and networks that hold more or less of what moves it, with ten bins to spare on either side."""
    rng = np.random.default_rng(0)
    time = np.arange(-10, BINS + 10) / BINS
    phase = 2 * np.pi * np.arange(CONDITIONS)[:, None] / CONDITIONS
    shared = np.stack([np.cos(phase + 4 * time), np.sin(phase + 4 * time), np.cos(3 * time) + 0 * phase], -1)

    def drawn(units: int, weight: float) -> np.ndarray:
        own = np.cumsum(rng.normal(size=(CONDITIONS, len(time), 2)), 1) / 5
        return weight * shared @ rng.normal(size=(3, units)) + own @ rng.normal(size=(2, units))

    found = [Activity(drawn(9, 1.5)[:, 10:-10], name="recording", bin_s=BIN_S)]
    for place in range(number - 1):
        name = names[place] if names else f"{RULES[place % 3]} seed{place // 3 + 1}"
        found.append(Activity(drawn(8, (1.5, 0.8, 0.4)[place % 3]), name=name, bin_s=BIN_S, start_s=-10 * BIN_S))
    return found


def comparison(
    number: int,
    names: Sequence[str] = (),
    *,
    measures: Sequence[str] = MEASURES,
    lags: bool = True,
    draws: int = 3,
) -> Comparison:
    """Of so many activities, by two measures of which one is no metric unless others are given."""
    lags_s = np.arange(-10, 11, 5) * BIN_S if lags else None
    return compare(activities(number, names), measures, lags_s=lags_s, lag_s=0.05, draws=draws)


def over_training(number: int = 0, seed: int = 0, *, draws: int = 20, steps: int = 12) -> SimilarityOverTraining:
    """Along a run of the rule of that number: the error falls, and the distance with it."""
    rng = np.random.default_rng(10 * number + seed)
    step = np.unique(np.concatenate([np.arange(6), np.geomspace(8, 400, steps - 6).astype(int)]))
    errors = 1.2 * np.exp(-step / (70 + 40 * number + 5 * seed)) + 0.03
    labels = ("procrustes", "cka:form=linear", "procrustes:without_mean")
    directions: dict[str, Any] = dict(zip(labels, ("lower", "higher", "lower")))
    values = {label: 0.45 + 0.02 * number + 0.15 * errors + 0.01 * rng.normal() + 0 * step for label in labels}
    values["cka:form=linear"] = 1 - values["cka:form=linear"]
    drawn = {label: values[label] + 0.02 * rng.normal(size=(draws, 1)) + 0 * step for label in labels}
    floors = {"procrustes": {"cross_condition_average": 0.484, "chance": 0.8, "time_shuffled": 0.7}}
    floors |= {"cka:form=linear": {"cross_condition_average": 0.62}, "procrustes:without_mean": {"chance": 0.75}}
    lags = np.arange(-15, 16, 3) * 0.02
    swept = {
        label: v[-1] + (1 if directions[label] == "lower" else -1) * 0.5 * (lags - 0.06) ** 2
        for label, v in values.items()
    }
    dimension = 3 + 2 * errors + 0.1 * seed
    shown = (directions, values, drawn, floors, 0.32, lags + 0.32, swept, dimension, 3.295)
    return SimilarityOverTraining("hatsopoulos2007", step, errors, "normalised_error", *shown)


def _scores(path: str, number: int) -> list[Score]:
    found = []
    for name, floor, direction in (("procrustes", 0.48, "lower"), ("cka", 0.79, "higher")):
        baselines = {"cross_condition_average": floor, "chance": 0.8, "untrained": 0.6}
        value = 0.45 + 0.02 * number
        context: Mapping[str, Any] = {"fitted": value, "held_out": "each condition in turn", "arm": path}
        found.append(Score(name, f"what {name} is", value, (value, value), 8, direction, baselines, context=context))  # type: ignore[arg-type]
    return found


def study(seeds: int = 3) -> StudySubject:
    """Three rules beside a recording, with the conclusions that the reproduction draws of them."""
    arms, alike = [], []
    for number, name in enumerate(RULES):
        path = f"similarity/reach/{name}"
        runs = {seed: over_training(number, seed) for seed in range(seeds)}
        own = {seed: _scores(path, number) for seed in runs}
        arms.append(StudyArm(path, own[0], {}, similarities=runs))
        alike.append(Alike(path, "similarity/reach/bptt", False, path.rpartition("/")[2].split("_")[0], runs, own))
    scores = with_similarity_conclusions([score for arm in arms for score in arm.scores], alike)
    shown = [dataclasses.replace(a, scores=[s for s in scores if s.context["arm"] == a.path]) for a in arms]
    return StudySubject("similarity", shown)
