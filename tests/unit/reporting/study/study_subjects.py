"""A made-up study with everything its page can show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.metrics.base import Score
from neurodyn.reporting.study.base import InputExample, LearningCurve, StudyArm, StudySubject
from neurodyn.training.kept import ALL, GradientAlignment

MEASURES = ("published_rate_r2", "published_input_r2_forward", "rate_r2", "input_rotation_distance")


def score(name: str, value: float, **context: Any) -> Score:
    """A score with baselines that are worse, one that reads off the truth, and a floor."""
    lower = name.endswith("distance")
    sign = -1 if lower else 1
    baselines = {"glm": value - 0.2 * sign, "true_latents": value + 0.01 * sign} | ({"floor": 0.05} if lower else {})
    given = {"arm": "maze/rec/base", "model": "lfads", "data": "maze", "runs": "5 seeds", "setting": {"units": 30}}
    return Score(
        name=name,
        definition=f"what {name} is",
        value=value,
        interval=(value - 0.1, value + 0.1),
        n=100,
        direction="lower" if lower else "higher",
        baselines=baselines,
        difference={b: (value - v, value - v - 0.05, value - v + 0.05) for b, v in baselines.items()},
        context={"statistic": "median", "quick": [], "quartiles": [value, value], "best": value, **given, **context},
    )


def published(found: Score, value: float, *, passed: bool | None, reason: str | None = None) -> Mapping[str, Any]:
    """What replaces fields of a score that has a published value."""
    more = {"source": "A study", "note": "Scored on all trials.", "tolerance": 0.005, "not_comparable": reason}
    runs = {"published_quartiles": [value - 0.02, value + 0.02], "published_best": value + 0.03}
    return {"published": value, "passed": passed, "context": {**found.context, **more, **runs}}


def arm(path: str, *, inputs: bool = True, seeds: int = 5) -> StudyArm:
    """An arm whose rate and input scores are opposed over the seeds."""
    rng = np.random.default_rng(len(path))
    runs: dict[int, dict[str, Score]] = {}
    for seed in range(seeds):
        draw = 0.01 * seed
        values = (0.98 + draw / 10, 0.6 - draw, 0.95 + draw / 10, 0.3 + draw)
        runs[seed] = {name: score(name, value) for name, value in zip(MEASURES, values)}
    own = []
    for name in MEASURES:
        values = [run[name].value for run in runs.values()]
        together = score(name, float(np.median(values)), values=values, arm=path)
        if name == "published_rate_r2":
            together = dataclasses.replace(together, **published(together, 0.987, passed=False))
        if name == "published_input_r2_forward":
            together = dataclasses.replace(
                together, **published(together, 0.5, passed=None, reason="--quick changes trials")
            )
        own.append(together)
    true = rng.normal(size=(4, 30, 2))
    examples = [
        InputExample(which, seed, 0.6 - 0.01 * seed, "input_r2_forward", true, true + 0.1 * seed, 0.01)
        for which, seed in (("best", 0), ("median", 2), ("worst", 4))
    ]
    return StudyArm(path, own, runs, examples if inputs else ())


def taught(name: str, role: str, *, privileged: bool = False, conclusion: str = "") -> StudyArm:
    """An arm of a study with teachers: two measures, compared with `none` unless it is that."""
    scores = []
    for k, measure in enumerate(("co_bps", "input_rotation_distance")):
        difference = 0.01 * (len(name) - 4) * (-1) ** k
        context: dict[str, Any] = {
            "arm": f"reach/{name}",
            "role": role,
            "privileged": privileged,
            "statistic": "mean",
            "sd": 0.01,
        }
        if role != "reference":
            context["paired"] = {
                "to": "reach/none",
                "seeds": [0, 1, 2],
                "differences": [difference - 0.01, difference, difference + 0.01],
                "difference": difference,
                "interval": (difference - 0.02, difference + 0.02),
                "how": "95 %: made up",
                "agree": 3,
            }
        if conclusion:
            context["conclusion"] = {"verdict": conclusion, "sentence": f"{measure}: {name} over none: {conclusion}."}
        scores.append(score(measure, 0.5 + difference, values=[0.5, 0.5, 0.5], **context))
    runs = {seed: {each.name: each for each in scores} for seed in range(3)}
    return StudyArm(f"reach/{name}", scores, runs)


def build_taught() -> StudySubject:
    """A reference, two students, two controls and a teacher that was given behaviour."""
    students = [taught("hard_rate", "student", conclusion="unexplained"), taught("soft", "student")]
    controls = [taught("self", "control"), taught("shuffled", "control")]
    teacher = taught("teacher", "teacher", privileged=True)
    return StudySubject("reach", [taught("none", "reference"), *students, *controls, teacher])


def learned(name: str, number: int, *, seeds: int = 3) -> StudyArm:
    """An arm of a study of learning rules; the first is what the others are compared with."""
    updates = np.arange(1.0, 6.0) * 20
    curves = {
        seed: LearningCurve("normalised_error", updates, updates * 0.05, np.exp(-updates / (100 + 10 * number + seed)))
        for seed in range(seeds)
    }
    cosine = np.linspace(1, 0.5, 3)[:, None] * np.array([1.0, 0.8, 1.0])
    names = (ALL, "recurrent", "output")
    found = GradientAlignment(name, np.array([0, 40, 80]), names, cosine, cosine, cosine, 100)
    context: dict[str, Any] = {"arm": f"rules/reach/{name}", "values": [0.1] * seeds}
    if number == 0:
        said = ["Normalised error on validation trials.", "In the same CPU time: bptt < eprop."]
        context["conclusion"] = {"verdict": "behind", "updates": 100, "sentences": said, "sentence": " ".join(said)}
    gradients = {seed: found for seed in range(seeds)} if number else {}
    scores = [score("input_rotation_distance", 0.1, **context)]
    return StudyArm(f"rules/reach/{name}", scores, {}, curves=curves, gradients=gradients)


def portrait() -> PhasePortrait:
    """Of a saddle, without a truth to compare it with."""
    rng = np.random.default_rng(0)
    line, field, paths = np.arange(3.0), rng.normal(size=(3, 3, 2)), rng.normal(size=(2, 4, 2))
    found = {"points": np.zeros((1, 2)), "kinds": ("saddle",), "visited": np.array([True])}
    spectrum = {"eigenvalues": np.array([[1.1 + 0j, 0.8 + 0j]]), "slow": np.zeros((0, 2))}
    truth = {"mapped": np.zeros((1, 0)), "true_paths": np.zeros((2, 4, 0)), "true_points": np.zeros((0, 0))}
    unknown = {"true_kinds": (), "true_eigenvalues": np.zeros((0, 0), complex)}
    plane: dict[str, Any] = {"x": line, "y": line, "velocity": field, "speed": np.abs(field[..., 0]), "paths": paths}
    return PhasePortrait("zero input", "maze", ("a", "b"), 0.01, **plane, **found, **spectrum, **truth, **unknown)


def build() -> StudySubject:
    """Two data sets, three arms."""
    ext = dataclasses.replace(arm("maze/ext/base", inputs=False), portraits={0: (), 1: (portrait(),)})
    arms = [arm("maze/rec/base"), arm("maze/rec/frozen"), ext]
    return StudySubject("maze", arms, ("maze/rec/odin",))
