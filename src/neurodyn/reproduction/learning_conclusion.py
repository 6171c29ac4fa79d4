"""What arms that differ in their learning rule come to, in words: in the same CPU time, and after the same number of updates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reporting.study.base import LearningCurve

Verdict = Literal["ahead", "level", "behind"]
"""Of the best rule but the reference, in the same CPU time: every seed is better than every seed of the reference, neither, or every seed is worse."""
NAMES = {"normalised_error": "normalised error", "main": "cross-entropy"}
Curves = Mapping[int, LearningCurve]
"""By seed."""


@dataclass(frozen=True)
class Ruled:
    """One arm of a folder in which rules are compared."""

    path: str
    reference: str
    """Path of the arm it is compared with."""
    control: bool
    curves: Curves


def with_learning_conclusions(scores: Sequence[Score], arms: Sequence[Ruled]) -> list[Score]:
    """The scores, with `context["conclusion"]` on the first score of every reference whose rule others are compared with."""
    said: dict[str, dict[str, Any]] = {}
    for reference in dict.fromkeys(arm.reference for arm in arms):
        own = [arm for arm in arms if arm.reference == reference and arm.curves]
        if len(own) > 1 and any(arm.path == reference for arm in own):
            said[reference] = learning_conclusion(own)
    found = []
    for score in scores:
        conclusion = said.pop(score.context["arm"], None)
        more = {} if conclusion is None else {"conclusion": {**conclusion, "score": score.name}}
        found.append(dataclasses.replace(score, context={**score.context, **more}))
    return found


def learning_conclusion(arms: Sequence[Ruled]) -> dict[str, Any]:
    """The comparison of some arms with their reference, which is one of them.

    CPU time and updates are the most that all runs had: what the slowest run took less of is not looked at. Errors are those of validation trials, medians over seeds.

    Returns:
        `arm` (the reference), `verdict`, `cpu_s` and `updates` at which rules are compared, `errors` of every arm and seed at both, `sentences`, and all of them as `sentence`.
    """
    curves = [curve for arm in arms for curve in arm.curves.values()]
    cpu_s, updates = min(c.cpu_s[-1] for c in curves), min(c.updates[-1] for c in curves)
    by_time = {arm.path: [curve.after_cpu_s(cpu_s) for curve in arm.curves.values()] for arm in arms}
    by_updates = {arm.path: [curve.after_updates(updates) for curve in arm.curves.values()] for arm in arms}
    reference = arms[0].reference
    controls = [arm.path for arm in arms if arm.control]
    rules = [arm.path for arm in arms if not arm.control and arm.path != reference]
    seeds = max(len(arm.curves) for arm in arms)
    measure = NAMES[curves[0].measure]
    sentences = [
        f"{measure.capitalize()} on validation trials{f', median of {seeds} seeds' if seeds > 1 else ''}, times that of {_short(reference)} in brackets.",
        f"In the same CPU time ({cpu_s:.0f} s): {_ranked(by_time, reference)}.",
        f"After the same number of updates ({updates:.0f}): {_ranked(by_updates, reference)}.",
        *_stands(by_time, rules, reference, "in the same CPU time"),
        *_stands(by_updates, rules, reference, "after the same number of updates"),
    ]
    for control in controls:
        level = [path for path in (reference, *rules) if standing(by_time[path], by_time[control]) != "ahead"]
        if level:
            sentences.append(f"Not better in every seed than the control {_short(control)}: {_listed(level)}.")
    others = rules or controls
    best = min(others, key=lambda path: _median(by_time[path]))
    return {
        "arm": reference,
        "verdict": standing(by_time[best], by_time[reference]),
        "cpu_s": float(cpu_s),
        "updates": int(updates),
        "errors": {
            arm.path: {"cpu_s": _plain(by_time[arm.path]), "updates": _plain(by_updates[arm.path])} for arm in arms
        },
        "sentences": sentences,
        "sentence": " ".join(sentences),
    }


def standing(mine: Sequence[float], theirs: Sequence[float]) -> Verdict:
    """Whether every seed's error is below every other's, above it, or neither; an error that is not finite is the largest."""
    ours, others = (np.where(np.isfinite(each), each, np.inf) for each in (mine, theirs))
    if ours.max() < others.min():
        return "ahead"
    return "behind" if ours.min() > others.max() else "level"


def _stands(errors: Mapping[str, Sequence[float]], rules: Sequence[str], reference: str, how: str) -> list[str]:
    """How the rules stand beside the reference, in one sentence; nothing without a rule."""
    words = {"ahead": "better in every seed than", "level": "not told apart from", "behind": "worse in every seed than"}
    parts = []
    for verdict, word in words.items():
        own = [path for path in rules if standing(errors[path], errors[reference]) == verdict]
        parts += [f"{word} {_short(reference)}: {_listed(own)}"] if own else []
    return [f"{how[0].upper()}{how[1:]}, {'; '.join(parts)}."] if parts else []


def _ranked(errors: Mapping[str, Sequence[float]], reference: str) -> str:
    """The arms from the smallest median error on."""
    medians = {path: _median(values) for path, values in errors.items()}
    said = []
    for path in sorted(medians, key=lambda path: medians[path]):
        times = medians[path] / medians[reference]
        beside = ""
        if path != reference and np.isfinite([medians[path], medians[reference]]).all():
            beside = f" ({times:.2g})" if times < 10 else f" ({times:.0f})"
        said.append(f"{_short(path)} {f'{medians[path]:.2g}' if np.isfinite(medians[path]) else 'no value'}{beside}")
    return ", ".join(said)


def _plain(values: Sequence[float]) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [value if np.isfinite(value) else None for value in values]


def _median(values: Sequence[float]) -> float:
    return float(np.median(np.where(np.isfinite(values), values, np.inf)))


def _short(path: str) -> str:
    return path.rpartition("/")[2]


def _listed(paths: Sequence[str]) -> str:
    *first, last = map(_short, paths)
    return f"{', '.join(first)} and {last}" if first else last
