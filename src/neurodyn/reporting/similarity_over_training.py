"""How alike a network became to a recording as it learned its task, where `neurodyn analyse --similarity` has been run."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.comparison.resampling import interval
from neurodyn.reporting import plot
from neurodyn.reporting.base import Section
from neurodyn.reporting.similarity_panels import (
    FIRST,
    MEANING,
    band,
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
from neurodyn.reporting.subject import Subject
from neurodyn.training.kept import SimilarityOverTraining as Found

_HOVER = "after %{text} updates, error %{customdata:.3g}: %{y:.4g}<extra></extra>"


class SimilarityOverTraining(Section):
    """Every measure against the task's error, against updates and against the lag, and the activity's dimension."""

    name = "similarity_over_training"
    title = "Similarity to recorded activity"
    lead = "Does the network become more alike to the recording as it learns, and more so than what knows nothing of conditions?"

    def applies(self, subject: Subject) -> bool:
        """Whether the run was compared with a recording along its training."""
        return subject.similarity is not None

    def html(self, subject: Subject) -> str:
        """Three figures, the one against error first."""
        found = subject.similarity
        assert found is not None
        shown = [_against(found, by_error=True), _against(found, by_error=False)]
        return "".join([*shown, _over_lags(found)] if found.lags_s.size else shown)


def _against(found: Found, *, by_error: bool) -> str:
    """A panel a measure over errors or updates; over updates the activity's dimension stands last."""
    layout, places, height = panels(len(found.measures) + (not by_error), 2 + len(_baselines(found)))
    x = np.where(found.errors > 0, found.errors, np.nan) if by_error else found.steps.astype(float)
    ends = _ends(x)
    across = error_axis(x, found.error_name.replace("_", " ")) if by_error else plot.axis("updates", nticks=5)
    traces: list[dict[str, Any]] = []
    for k, ((label, direction), place) in enumerate(zip(found.measures.items(), places)):
        values, known = found.values[label], found.baselines[label]
        around = np.array([interval(value, drawn) for value, drawn in zip(values, found.drawn[label].T)])
        y = value_axis(values if by_error else np.column_stack([values, around]), known)
        axes = plot.panel(layout, k + 1, place, x=across, y=y, title=title_of(label, direction))
        traces += baseline_lines(layout, known, ends, axes)
        if not by_error and np.isfinite(around).all(1).any():
            traces.append(band(x, around[:, 0], around[:, 1], plot.MODEL, **axes))
        traces += _steps(found, x, values, axes)
    if not by_error:
        y = plot.axis(
            nticks=5,
            range=[0, 1.1 * float(np.nanmax([found.reference_participation_ratio, *found.participation_ratio]))],
        )
        place, title = places[len(found.measures)], "participation ratio (dimensions)"
        axes = plot.panel(layout, len(found.measures) + 1, place, x=across, y=y, title=title)
        traces += baseline_lines(layout, {"recording": found.reference_participation_ratio}, ends, axes)
        traces += _steps(found, x, found.participation_ratio, axes)
    label = f"Similarity to {found.reference} against {found.error_name if by_error else 'updates'}"
    caption = _caption(found, by_error=by_error)
    return plot.figure(named_once(traces), layout, height=height, label=label, caption=caption)


def _steps(found: Found, x: np.ndarray, values: np.ndarray, axes: dict[str, str]) -> list[dict[str, Any]]:
    """The kept steps as a line with marks, the first ones open."""
    every = {"text": found.steps, "customdata": found.errors, "hovertemplate": _HOVER, **axes}
    dots = {"mode": "lines+markers", "marker": {"size": 4, "color": plot.MODEL}}
    rings = {"mode": "markers", "marker": {"size": 8, "color": "#ffffff", "line": {"color": plot.MODEL, "width": 1.6}}}
    begin = f"first {min(FIRST, len(x))} kept steps"
    first = {"text": found.steps[:FIRST], "customdata": found.errors[:FIRST], "name": begin, "legendgroup": begin}
    return [
        plot.line(x, values, plot.MODEL, **dots) | every | {"name": "network", "legendgroup": "network"},
        plot.line(x[:FIRST], values[:FIRST], plot.MODEL, **rings) | every | first,
    ]


def _over_lags(found: Found) -> str:
    layout, places, height = panels(len(found.measures), 1 + len(_baselines(found)))
    traces: list[dict[str, Any]] = []
    lags = 1000 * found.lags_s
    for k, ((label, direction), place) in enumerate(zip(found.measures.items(), places)):
        values, known, title = found.lags[label], found.baselines[label], title_of(label, direction)
        axes = plot.panel(layout, k + 1, place, x=lag_axis(found.lags_s), y=value_axis(values, known), title=title)
        traces += baseline_lines(layout, known, lags[[0, -1]], axes)
        line = plot.line(lags, values, plot.MODEL, hovertemplate="%{x:g} ms: %{y:.4g}<extra></extra>")
        traces.append(line | {"name": "network", "legendgroup": "network", **axes})
        if np.isfinite(values).any():
            lag_marks(layout, axes, found.used_lag_s, best_lag(found.lags_s, [values], direction))
    caption = (
        f"The network at its last kept step, looked at later than {found.reference} by each lag, both from the event they are aligned to. <i>used</i>: the lag of everything "
        f"else here, {1000 * found.used_lag_s:g} ms; <i>best</i>: where the two are most alike. {MEANING} A lag that is chosen for each network by its own "
        "curve flatters it: compare networks at one lag."
    )
    label = f"Similarity to {found.reference} against the lag"
    return plot.figure(named_once(traces), layout, height=height, label=label, caption=caption)


def _baselines(found: Found) -> set[str]:
    return {name for each in found.baselines.values() for name in each}


def _ends(x: np.ndarray) -> np.ndarray:
    known = x[np.isfinite(x)]
    return np.array([known.min(), known.max()]) if known.size else np.zeros(2)


def _caption(found: Found, *, by_error: bool) -> str:
    what = f"Each mark is one of {len(found.steps)} kept steps"
    same = "Network and baselines are fitted and scored on the same samples; at a panel’s edge, baselines beyond it."
    if by_error:
        return (
            f"{what}; the error, of test trials, falls to the right. Dashed: {found.reference} against its own mean over conditions, which knows nothing of conditions: a network that is "
            f"less alike than that carries no useful condition information in the measure. {MEANING} {same}"
        )
    draws = max((len(each) for each in found.drawn.values()), default=0)
    shade = f" Band: 95 % of the spread of {draws} bootstrap draws of conditions and units." if draws else ""
    return f"{what}.{shade} Participation ratio: (Σλ)² / Σλ² over the eigenvalues λ of the activity’s covariance; grey: the recording’s. {MEANING} {same}"
