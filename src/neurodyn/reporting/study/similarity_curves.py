"""Curves of similarity to a recording, one an arm: over the task's error, over updates and over lags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.similarity_panels import (
    FIRST,
    MEANING,
    baseline_lines,
    best_lag,
    error_axis,
    lag_axis,
    lag_marks,
    named_once,
    panels,
    title_of,
    value_axis,
)
from neurodyn.reporting.study.arm_lines import arm_lines, look_of, name_of
from neurodyn.reporting.study.base import StudyArm
from neurodyn.training.kept import SimilarityOverTraining as Found

Arms = Mapping[int, StudyArm]
"""By their number in the folder, which gives them their colour."""
LEVELS = 60
"""Errors at which a curve over errors is drawn."""
SAME = f"Networks and baselines are fitted and scored on the same samples; at a panel’s edge, baselines beyond it. {MEANING}"


def over_errors(group: str, arms: Arms) -> str:
    """A panel a measure: the further right, the better the task is done."""
    first = _first(arms)
    errors = np.concatenate([run.errors for arm in arms.values() for run in arm.similarities.values()])
    errors = errors[np.isfinite(errors) & (errors > 0)]
    x = error_axis(errors, first.error_name.replace("_", " "))

    def curves(arm: StudyArm, place: int, label: str) -> list[dict[str, Any]]:
        runs = list(arm.similarities.values())
        high, low = min(run.errors[0] for run in runs), max(np.nanmin(run.errors) for run in runs)
        lines = []
        if 0 < low < high:
            levels = np.geomspace(high, low, LEVELS)
            levels[-1] = low  # as rounding may leave it below what every run reaches
            values = np.array([at_errors(run.errors, run.values[label], levels) for run in runs])
            lines = arm_lines(arm, place, levels, values, named=False)
        begin = np.array([[run.errors[:FIRST], run.values[label][:FIRST]] for run in runs if len(run.steps) >= FIRST])
        return [*lines, _rings(arm, place, *np.median(begin, 0))] if len(begin) else lines

    traces, layout, height = _panels(arms, x, errors, lambda run, label: run.values[label], curves)
    caption = (
        f"{_line(arms)}, each seed at the first place of its training at which the error on test trials is as low, between two kept steps on the line between them. The error falls to the right. "
        f"Rings: the first {FIRST} kept steps, medians over seeds. Dashed: {escape(first.reference)} against its own mean over conditions, which knows nothing of conditions. {SAME}"
    )
    label = f"Similarity to {first.reference} against error for every arm of {group}"
    return plot.figure(traces, layout, height=height, label=label, caption=caption)


def over_updates(group: str, arms: Arms) -> str:
    """A panel a measure, and one of the activity's dimension."""
    first = _first(arms)
    steps = {place: _shared_steps(arm) for place, arm in arms.items()}
    across = np.concatenate(list(steps.values())).astype(float)
    x = plot.axis("updates", nticks=5)

    def rows(run: Found, place: int) -> np.ndarray:
        return np.searchsorted(run.steps, steps[place])

    def curves(arm: StudyArm, place: int, label: str) -> list[dict[str, Any]]:
        values = np.array([run.values[label][rows(run, place)] for run in arm.similarities.values()])
        return arm_lines(arm, place, steps[place].astype(float), values, named=False)

    traces, layout, height = _panels(arms, x, across, lambda run, label: run.values[label], curves, more=1)
    dimension = {"recording": first.reference_participation_ratio}
    every = [run.participation_ratio for arm in arms.values() for run in arm.similarities.values()]
    y = plot.axis(nticks=5, range=[0, 1.1 * float(np.nanmax([*dimension.values(), *np.concatenate(every)]))])
    last = len(first.measures)
    place = panels(last + 1, _names(arms))[1][last]
    axes = plot.panel(layout, last + 1, place, x=x, y=y, title="participation ratio (dimensions)")
    ends = np.array([across.min(), across.max()])
    more = baseline_lines(layout, dimension, ends, axes)
    for k, arm in arms.items():
        values = np.array([run.participation_ratio[rows(run, k)] for run in arm.similarities.values()])
        more += [trace | axes for trace in arm_lines(arm, k, steps[k].astype(float), values, named=False)]
    caption = (
        f"{_line(arms)}, at kept steps that all seeds have. Participation ratio: (Σλ)² / Σλ² over the eigenvalues λ of the activity’s covariance; grey: the recording’s, "
        f"{first.reference_participation_ratio:.2f}. {SAME}"
    )
    label = f"Similarity to {first.reference} against updates for every arm of {group}"
    return plot.figure(named_once([*traces, *more]), layout, height=height, label=label, caption=caption)


def over_lags(group: str, arms: Arms) -> str:
    """A panel a measure; empty where no lag was tried."""
    first = _first(arms)
    lags = first.lags_s
    if not lags.size:
        return ""
    shown = {k: [run for run in arm.similarities.values() if _same_lags(run, lags)] for k, arm in arms.items()}

    def curves(arm: StudyArm, place: int, label: str) -> list[dict[str, Any]]:
        values = [run.lags[label] for run in shown[place]]
        return arm_lines(arm, place, 1000 * lags, np.array(values), named=False) if values else []

    traces, layout, height = _panels(arms, lag_axis(lags), 1000 * lags, lambda run, label: run.lags[label], curves)
    for k, (label, direction) in enumerate(first.measures.items()):
        means = [np.mean([run.lags[label] for run in runs], 0) for runs in shown.values() if runs]
        tag = "" if k == 0 else str(k + 1)
        best = best_lag(lags, means, direction)
        lag_marks(layout, {"xaxis": f"x{tag}", "yaxis": f"y{tag}"}, first.used_lag_s, best)
    caption = (
        f"{_line(arms)}, at the last kept step, looked at later than {escape(first.reference)} by the lag, both from the event they are aligned to. <i>used</i>: {1000 * first.used_lag_s:g} ms, the one lag of all arms "
        f"and of every other number here; <i>best</i>: where all arms together are most alike. Where lags move the value more than rules do, a lag chosen for each arm could order them at will. {SAME}"
    )
    label = f"Similarity to {first.reference} against the lag for every arm of {group}"
    return plot.figure(traces, layout, height=height, label=label, caption=caption)


def _panels(
    arms: Arms,
    x: Mapping[str, Any],
    across: np.ndarray,
    shown: Callable[[Found, str], np.ndarray],
    curves: Callable[[StudyArm, int, str], list[dict[str, Any]]],
    *,
    more: int = 0,
) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    """A panel a measure: baselines, then every arm; traces, layout and height.

    Args:
        arms: by number.
        x: the axis.
        across: what is drawn along it.
        shown: a run's values that the y axis has to hold.
        curves: an arm's traces.
        more: panels to leave room for.
    """
    measures = _first(arms).measures
    layout, places, height = panels(len(measures) + more, _names(arms))
    ends = np.array([across.min(), across.max()])
    traces: list[dict[str, Any]] = []
    runs = [run for arm in arms.values() for run in arm.similarities.values()]
    for k, ((label, direction), place) in enumerate(zip(measures.items(), places)):
        known = _baselines(runs, label)
        y = value_axis(np.concatenate([shown(run, label) for run in runs]), known)
        axes = plot.panel(layout, k + 1, place, x=x, y=y, title=title_of(label, direction))
        traces += baseline_lines(layout, known, ends, axes)
        for number, arm in arms.items():
            traces += [trace | axes for trace in curves(arm, number, label)]
    return list(named_once(traces)), layout, height


def at_errors(errors: np.ndarray, values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Values `(level,)` at the first place at which the error is no higher than each level, linear between steps; NaN where it never is.

    Args:
        errors, values: `(step,)`.
        levels: `(level,)`.
    """
    reached = errors[None] <= levels[:, None]
    after = reached.argmax(1)
    before = np.maximum(after - 1, 0)
    fall = errors[before] - errors[after]
    weight = np.where(fall > 0, (errors[before] - levels) / np.where(fall > 0, fall, 1), 1.0)
    found = (1 - weight) * values[before] + weight * values[after]
    return np.where(reached.any(1), found, np.nan)


def _rings(arm: StudyArm, place: int, errors: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    colour, _ = look_of(place)
    marker = {"size": 7, "color": "#ffffff", "line": {"color": colour, "width": 1.5}}
    hover = f"{escape(name_of(arm))}, kept step %{{customdata}}: %{{y:.4g}}<extra></extra>"
    shared = {"legendgroup": name_of(arm), "customdata": np.arange(1, len(errors) + 1), "hovertemplate": hover}
    return plot.line(errors, values, colour, mode="markers", marker=marker, **shared)


def _first(arms: Arms) -> Found:
    return next(iter(next(iter(arms.values())).similarities.values()))


def _names(arms: Arms) -> int:
    """Names in a legend: arms and baselines."""
    return len(arms) + len({name for each in _first(arms).baselines.values() for name in each})


def _baselines(runs: Sequence[Found], label: str) -> dict[str, float]:
    """Medians over runs: the recording's own are the same in all, the networks' shuffled selves are not."""
    known = {name for run in runs for name in run.baselines[label]}
    found = {n: [run.baselines[label][n] for run in runs if n in run.baselines[label]] for n in sorted(known)}
    return {name: float(np.median(values)) for name, values in found.items()}


def _shared_steps(arm: StudyArm) -> np.ndarray:
    """Kept steps that all runs of an arm have."""
    steps: set[int] = set.intersection(*(set(run.steps.tolist()) for run in arm.similarities.values()))
    return np.array(sorted(steps), int)


def _same_lags(run: Found, lags: np.ndarray) -> bool:
    return run.lags_s.shape == lags.shape and bool(np.allclose(run.lags_s, lags))


def _line(arms: Arms) -> str:
    seeds = max(len(arm.similarities) for arm in arms.values())
    return f"Line: median over seeds; band: their range (<i>n</i> = {seeds})" if seeds > 1 else "One seed"
