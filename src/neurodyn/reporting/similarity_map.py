"""A map of activities in two dimensions, whose distances are as near as may be to those of one measure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.comparison.comparison import Compared
from neurodyn.comparison.embedding import Map
from neurodyn.reporting import plot
from neurodyn.reporting.families import Family
from neurodyn.reporting.similarity_panels import shortened

HEIGHT = 430
MOST_LABELS = 30
ROOM = 20
"""Characters of a name beside its point."""
_WIDTH = 380
"""Pixels that places of labels are judged by: those of half the page."""
_PLACES = (
    *("top center", "bottom center", "middle right", "middle left"),
    *("top right", "top left", "bottom right", "bottom left"),
)


def similarity_map(names: Sequence[str], compared: Compared, found: Map, families: Sequence[Family]) -> str:
    """The map of one measure; families are named in the legend, activities of no family beside their points.

    Args:
        names: of the activities.
        compared: their measure.
        found: where they lie.
        families: of the activities.
    """
    alone = [family.members[0] for family in families if len(family.members) == 1]
    written = alone if len(alone) <= MOST_LABELS else [f.members[0] for f in families if f.symbol == "star"]
    beside = _label_places(found.points, written, [shortened(name, ROOM) for name in names])
    traces = [_points(names, found.points, family, beside) for family in families]
    above = 30 + 22 * -(-sum(len(f.members) > 1 for f in families) // 3)
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 16, "t": above, "b": 46}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}}
    ends = _ends(found.points)
    layout["xaxis"] = plot.axis("dimension 1", range=ends[0], nticks=5, constrain="domain")
    layout["yaxis"] = plot.axis("dimension 2", range=ends[1], nticks=5, scaleanchor="x", constrain="domain")
    label = f"Map of {len(names)} activities by {compared.measure}"
    caption = _caption(compared, found)
    return plot.figure(traces, layout, height=HEIGHT + above - 30, label=label, caption=caption)


def _points(names: Sequence[str], points: np.ndarray, family: Family, beside: dict[int, str]) -> dict[str, Any]:
    members = list(family.members)
    labelled = [i in beside for i in members]
    size = 13 if family.symbol == "star" else 9
    return {
        "type": "scatter",
        "mode": "markers+text" if any(labelled) else "markers",
        "x": points[members, 0],
        "y": points[members, 1],
        "text": [escape(shortened(names[i], ROOM)) if i in beside else "" for i in members],
        "textposition": [beside.get(i, "top center") for i in members],
        "textfont": {"size": 11, "color": family.colour},
        "customdata": [escape(names[i]) for i in members],
        "name": escape(shortened(family.name, 28)),
        "showlegend": len(members) > 1,
        "cliponaxis": False,
        "marker": {"size": size, "color": family.colour, "symbol": family.symbol}
        | {"line": {"width": 0.8, "color": "#ffffff"}},
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _label_places(points: np.ndarray, written: Sequence[int], texts: Sequence[str]) -> dict[int, str]:
    """Where each label stands about its point, so that it covers as little as may be of the points and of the labels placed before it."""
    spans = [end[1] - end[0] for end in _ends(points)]
    scale = min(_WIDTH / spans[0], (HEIGHT - 90) / spans[1])
    centres = points * scale * np.array([1, -1])
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in centres]
    left, right = (scale * end for end in _ends(points)[0])
    found: dict[int, str] = {}
    for place in written:
        boxes = {where: _box(centres[place, 0], centres[place, 1], 6.3 * len(texts[place]), where) for where in _PLACES}
        cost = {
            where: sum(_overlap(box, other) for other in taken) + 14 * max(0.0, left - box[0], box[2] - right)
            for where, box in boxes.items()
        }
        found[place] = min(cost, key=lambda where: cost[where])
        taken.append(boxes[found[place]])
    return found


def _box(x: float, y: float, width: float, where: str) -> tuple[float, float, float, float]:
    """The rectangle of a label in pixels, y downwards."""
    vertical, horizontal = where.split()
    left = {"left": x - width - 7, "center": x - width / 2, "right": x + 7}[horizontal]
    top = {"top": y - 20, "middle": y - 7, "bottom": y + 6}[vertical]
    return left, top, left + width, top + 14


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Area that two rectangles share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _ends(points: np.ndarray) -> list[list[float]]:
    """Ends of both axes with room for labels; points on a line keep some width."""
    low, high = points.min(0), points.max(0)
    span = np.maximum(high - low, 0.25 * max(float((high - low).max()), 1e-9))
    middle = (low + high) / 2
    return [[float(m - 0.66 * s), float(m + 0.66 * s)] for m, s in zip(middle, span)]


def _caption(compared: Compared, found: Map) -> str:
    held = f"stress {found.stress:.2f}"
    if found.explained is not None:
        how = f"Classical scaling of the distances; the map holds {100 * found.explained:.0f} % of them ({held})."
    else:
        how = f"Least-squares scaling, since {escape(compared.measure)} is no metric ({held}: 0 holds every distance)."
    return f"{how} Lengths are distances in {escape(compared.measure)}; the axes mean nothing by themselves."
