"""The score table as a picture: every model with its interval among its baselines and the ceiling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reporting import plot
from neurodyn.reporting.subject import Subject

GAP_PIXELS = 62
"""Between two rows of panels."""
SYMBOLS = ("line-ns-open", "square-open", "diamond-open", "x-thin-open", "triangle-up-open", "cross-thin-open")
"""Of the baselines, in the order of the table's columns."""
FAR = 1.2
"""A worse baseline farther from the models than this times the largest score is put at the axis' edge, so that the rest stays readable."""


def score_picture(
    subjects: Sequence[Subject],
    names: Sequence[str],
    found: Mapping[tuple[str, str], Score],
    baselines: Sequence[str],
) -> str:
    """One panel a measure, one line a subject.

    Args:
        subjects: in the order of the lines.
        names: of the measures.
        found: scores by measure and subject.
        baselines: names, in the order of the table's columns.
    """
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    inner = rows * (24 + 26 * len(subjects)) + (rows - 1) * GAP_PIXELS
    several = len(subjects) > 1
    layout: dict[str, Any] = {"margin": {"l": 96 if several else 12, "r": 14, "t": 62, "b": 34}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 30 / inner, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    for k, (name, place) in enumerate(zip(names, plot.grid(rows, columns, gap_x=0.05, gap_y=GAP_PIXELS / inner))):
        scored = {i: found[name, s.name] for i, s in enumerate(subjects) if (name, s.name) in found}
        labelled = list(scored) if several and k % columns == 0 else []
        lines: dict[str, Any] = {"tickvals": labelled, "ticktext": [subjects[i].name for i in labelled]}
        y_axis = plot.axis(range=[len(subjects) - 0.4, -0.6], showline=False, ticks="", **lines)
        limits = _limits(list(scored.values()))
        x_axis = plot.axis(range=list(limits), nticks=5)
        arrow = "→" if next(iter(scored.values())).direction == "higher" else "←"
        axes = plot.panel(layout, k + 1, place, x=x_axis, y=y_axis, title=f"{name} {arrow}")
        for i, score in scored.items():
            traces += [mark | {"y": [i]} | axes for mark in _marks(score, baselines, limits)]
    shown: set[str] = set()
    for trace in traces:
        trace["showlegend"] = trace["name"] not in shown
        shown.add(trace["name"])
    caption = (
        "The table as a picture: filled dot, the model with its 95 % interval; open symbols, the baselines; black bar, the "
        "ceiling (what the truth itself scores). The arrow beside a name points to better. A triangle at the edge is a baseline beyond the axis."
    )
    label = "Scores with intervals and baselines"
    return plot.figure(traces, layout, height=inner + 96, label=label, caption=caption)


def _marks(score: Score, baselines: Sequence[str], limits: tuple[float, float]) -> Iterator[dict[str, Any]]:
    """The marks of one line: baselines, ceiling, and the model on top."""
    low, high = limits
    edge = 0.02 * (high - low)
    for baseline, symbol in zip(baselines, SYMBOLS * (1 + len(baselines) // len(SYMBOLS))):
        value = score.baselines.get(baseline, math.nan)
        if not math.isfinite(value):
            continue
        name = baseline.replace("_", " ")
        style = {"size": 9, "color": plot.MUTED, "line": {"width": 1.6, "color": plot.MUTED}}
        if low <= value <= high:
            yield _mark(name, value, f"{name}: {value:.3f}", style | {"symbol": symbol})
        else:
            style["symbol"] = "triangle-left" if value < low else "triangle-right"
            place = float(np.clip(value, low + edge, high - edge))
            yield _mark("beyond the axis", place, f"{name}: {value:.3f}, beyond the axis", style)
    if score.ceiling is not None and math.isfinite(score.ceiling):
        style = {"symbol": "line-ns-open", "size": 15, "color": plot.INK, "line": {"width": 2, "color": plot.INK}}
        yield _mark("ceiling", score.ceiling, f"ceiling: {score.ceiling:.3f}", style)
    if math.isfinite(score.value):
        bar = {"type": "data", "symmetric": False, "color": plot.MODEL, "thickness": 2, "width": 0}
        bar |= {"array": [score.interval[1] - score.value], "arrayminus": [score.value - score.interval[0]]}
        model = _mark("model", score.value, f"model: {score.value:.3f}", {"size": 9, "color": plot.MODEL})
        yield model | {"error_x": bar}


def _mark(name: str, x: float, hover: str, marker: Mapping[str, Any]) -> dict[str, Any]:
    base = {"type": "scatter", "mode": "markers", "x": [x], "name": name, "legendgroup": name}
    return base | {"marker": dict(marker), "hovertemplate": f"{hover}<extra></extra>"}


def _limits(scores: Sequence[Score]) -> tuple[float, float]:
    """Ends of the axis: every model, interval and ceiling, and the baselines unless they lie far off."""
    models = _finite(v for s in scores for v in (s.value, *s.interval, s.ceiling))
    everything = models + _finite(v for s in scores for v in s.baselines.values())
    if not everything:
        return 0.0, 1.0
    models = models or everything
    reach = max(max(models) - min(models), FAR * max(abs(v) for v in models), 1e-3)
    low, high = min(everything), max(everything)
    if scores[0].direction == "higher":  # only a worse baseline may lie beyond the axis
        low = max(low, min(models) - reach)
    else:
        high = min(high, max(models) + reach)
    margin = 0.06 * max(high - low, 1e-3)
    return low - margin, high + margin


def _finite(values: Iterator[float | None]) -> list[float]:
    return [v for v in values if v is not None and math.isfinite(v)]
