"""Every run of every variant as a dot, beside the published median and quartiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reporting import plot
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject, best_of, short

COLUMNS = 4
ROW_PIXELS, GAP_PIXELS = 118, 74
LONG, LETTER_PIXELS = 12, 6
"""Letters from which names stand upright, and the room that each then takes."""
OURS, THEIRS = -0.16, 0.2
"""Where ours and the published runs stand beside a variant's name."""


class Spread(StudySection):
    """One panel a measure, one place a variant."""

    name = "spread"
    title = "Spread over runs"
    lead = "How far do runs of the same model that differ in their seed alone lie apart, and where were the published ones?"

    def html(self, study: StudySubject) -> str:
        """One figure a data set."""
        return "".join(_figure(group, arms) for group, arms in study.groups.items())


def _figure(group: str, arms: Sequence[StudyArm]) -> str:
    names = list(dict.fromkeys(score.name for arm in arms for score in arm.scores))
    if not names:
        return ""
    columns = min(COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    ticks = [f"{arm.variant} {arm.mark}".rstrip() for arm in arms]
    longest = max(map(len, ticks))
    upright = LETTER_PIXELS * longest if longest > LONG else 0
    gap = GAP_PIXELS + upright
    inner = rows * ROW_PIXELS + (rows - 1) * gap
    layout: dict[str, Any] = {"margin": {"l": 44, "r": 10, "t": 62, "b": 40 + upright}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 30 / inner, "yanchor": "bottom"}
    places: dict[str, Any] = {"tickvals": list(range(len(arms))), "ticktext": ticks}
    places |= {"tickangle": 90} if upright else {}
    traces: list[dict[str, Any]] = []
    for k, (name, place) in enumerate(zip(names, plot.grid(rows, columns, gap_x=0.07, gap_y=gap / max(inner, 1)))):
        scored = {i: score for i, arm in enumerate(arms) for score in arm.scores if score.name == name}
        arrow = "↑" if next(iter(scored.values())).direction == "higher" else "↓"
        x_axis = plot.axis(range=[-0.6, len(arms) - 0.4], **places)
        y_axis = plot.axis(range=_limits(list(scored.values())), nticks=4)
        axes = plot.panel(layout, k + 1, place, x=x_axis, y=y_axis, title=f"{short(name)} {arrow}")
        traces += [mark | axes for i, score in scored.items() for mark in _marks(i, score)]
    shown: set[str] = set()
    for trace in traces:
        trace["showlegend"] = trace["name"] not in shown
        shown.add(trace["name"])
    caption = (
        "Blue dots: runs, one a seed; blue bar: their mean or median, as in the table. Black: published median with its quartiles, and the best run (open). "
        "Grey dots: the best baseline that knows as much as the model. Arrows point to better, <i>p.</i> is the study's own definition; what lies far off is cut at the panel's edge."
    )
    label = f"Runs and published values on {group}"
    html = plot.figure(traces, layout, height=inner + 102 + upright, label=label, caption=caption)
    return f'<h3 class="subject">{escape(group)}</h3>{html}'


def _marks(place: int, score: Score) -> Iterator[dict[str, Any]]:
    context = score.context
    best = best_of(score)
    if best is not None:
        y = score.baselines[best]
        dash = {"color": plot.BASELINE, "width": 2, "dash": "dot"}
        yield _trace("best baseline", [place - 0.36, place + 0.36], [y, y], f"{best}: {y:.3f}") | {
            "mode": "lines",
            "line": dash,
        }
    values = [value for value in context.get("values", ()) if math.isfinite(value)]
    dots = {"size": 7, "color": plot.faded(plot.MODEL, 0.65)}
    yield _trace("our runs", [place + OURS] * len(values), values, "%{y:.3f}") | {"marker": dots}
    bar = {"color": plot.MODEL, "width": 2.5}
    ends = [place + OURS - 0.13, place + OURS + 0.13]
    yield _trace("ours", ends, [score.value] * 2, f"ours: {score.value:.3f}") | {"mode": "lines", "line": bar}
    if score.published is None:
        return
    mark = _trace("published", [place + THEIRS], [score.published], f"published: {score.published:.3f}")
    mark["marker"] = {"size": 8, "color": plot.TRUTH, "symbol": "diamond"}
    if quartiles := context.get("published_quartiles"):
        low, high = quartiles
        mark["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - score.published],
            "arrayminus": [score.published - low],
            "color": plot.TRUTH,
            "thickness": 1.5,
            "width": 4,
        }
    yield mark
    if (finest := context.get("published_best")) is not None:
        open_ = {"size": 7, "color": plot.TRUTH, "symbol": "diamond-open"}
        yield _trace("published best", [place + THEIRS], [finest], f"best published: {finest:.3f}") | {"marker": open_}


def _trace(name: str, x: Sequence[float], y: Sequence[float], hover: str) -> dict[str, Any]:
    base = {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y), "name": name, "legendgroup": name}
    return base | {"hovertemplate": f"{hover}<extra></extra>"}


def _limits(scores: Sequence[Score]) -> list[float]:
    """Ends of the axis: runs, published medians and best values; quartiles and baselines unless they lie far off."""
    near = [
        v for s in scores for v in (*s.context.get("values", ()), s.value, s.published, s.context.get("published_best"))
    ]
    far = [v for s in scores for v in (*(s.context.get("published_quartiles") or ()), *_best(s))]
    core = np.array([v for v in near if v is not None and math.isfinite(v)])
    if not core.size:
        return [0.0, 1.0]
    reach = max(float(np.ptp(core)), 0.02)
    wide = [v for v in far if math.isfinite(v) and core.min() - reach <= v <= core.max() + reach]
    low, high = min([float(core.min()), *wide]), max([float(core.max()), *wide])
    margin = 0.08 * max(high - low, 1e-3)
    return [low - margin, high + margin]


def _best(score: Score) -> list[float]:
    best = best_of(score)
    return [] if best is None else [score.baselines[best]]
