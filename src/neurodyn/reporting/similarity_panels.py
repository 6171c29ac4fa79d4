"""Panels of similarity, one a measure, and what stands in them wherever they are drawn: baselines, the lag that was used and the best one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from neurodyn.reporting import plot

COLUMNS = 3
ROW_PIXELS, GAP_PIXELS, LEGEND_PIXELS, BELOW_PIXELS = 200, 84, 22, 46
LEGEND_COLUMNS = 5
"""Names in one line of a legend."""
ARROWS = {"lower": "↓", "higher": "↑"}
MEANING = "↓: lower is more alike, ↑: higher is."
CROSS_CONDITION = "cross_condition_average"
EDGE = 0.15
"""Share of a panel's width within which a mark's text points inwards."""
FIRST = 6
"""Kept steps that are marked as the beginning of training."""
WAVES = {CROSS_CONDITION: "dash", "chance": "dot", "time_shuffled": "dashdot", "condition_shuffled": "longdashdot"}
"""How the lines of baselines are broken."""
NEAR = 0.5
"""A baseline farther from the values than this share of their range is written at the panel's edge."""


def panels(number: int, named: int) -> tuple[dict[str, Any], list[tuple[list[float], list[float]]], int]:
    """A layout for so many panels below a legend of so many names: the layout, the panels' domains and the figure's height."""
    columns = min(max(number, 2), 2 if number == 4 else COLUMNS)
    rows = math.ceil(number / columns)
    inner = rows * ROW_PIXELS + (rows - 1) * GAP_PIXELS
    above = 44 + LEGEND_PIXELS * math.ceil(named / LEGEND_COLUMNS)
    layout: dict[str, Any] = {"margin": {"l": 58, "r": 14, "t": above, "b": BELOW_PIXELS}, "shapes": []}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 28 / inner, "yanchor": "bottom", "font": {"size": 11}}
    places = plot.grid(rows, columns, gap_x=0.09, gap_y=GAP_PIXELS / inner)
    return layout, places, inner + above + BELOW_PIXELS


def title_of(label: str, direction: Literal["higher", "lower"], room: int = 34) -> str:
    """A measure's name above its panel, with the arrow that points to more alike."""
    return f"{shortened(label, room)} {ARROWS[direction]}"


def shortened(name: str, room: int) -> str:
    """A name in so many characters: its middle gives way, since names of one family differ at their ends."""
    if len(name) <= room:
        return name
    end = (room - 1) // 2
    return f"{name[: room - 1 - end]}…{name[-end:]}"


def error_axis(errors: np.ndarray, title: str) -> dict[str, Any]:
    """A logarithmic axis of errors that falls to the right: the further right, the better the task is done."""
    axis = plot.log_axis(errors, title)
    return axis | {"range": axis["range"][::-1]}


def value_axis(values: np.ndarray, baselines: Mapping[str, float]) -> dict[str, Any]:
    """The axis of a measure: all values and the cross-condition average, and of the other baselines those that lie near enough to leave the rest readable.

    Args:
        values: of any shape; what is not finite is not looked at.
        baselines: by name.
    """
    near = [*values[np.isfinite(values)].ravel(), baselines.get(CROSS_CONDITION, math.nan)]
    finite = [float(value) for value in near if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    reach = max(high - low, 1e-6 * max(abs(low), abs(high), 1e-6))
    others = [v for v in baselines.values() if math.isfinite(v) and low - NEAR * reach <= v <= high + NEAR * reach]
    low, high = min([low, *others]), max([high, *others])
    margin = 0.08 * max(high - low, reach)
    return plot.axis(nticks=5, range=[low - margin, high + margin])


def baseline_lines(
    layout: dict[str, Any], values: Mapping[str, float], across: np.ndarray, axes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A horizontal line for each baseline, the cross-condition average first; what lies beyond the panel is written at its edge.

    Args:
        layout: of the figure, whose panel has its range; texts are added to it.
        values: by the baseline's name.
        across: ends of the panel `(2,)` on its x axis.
        axes: of the panel.
    """
    low, high = layout[axes["yaxis"].replace("y", "yaxis")]["range"]
    lines, beyond = [], {"↑": [], "↓": []}  # type: tuple[list[dict[str, Any]], dict[str, list[str]]]
    for name in sorted(values, key=lambda each: each != CROSS_CONDITION):
        value, said = values[name], in_words(name)
        if not math.isfinite(value):
            continue
        if not low <= value <= high:
            beyond["↑" if value > high else "↓"].append(f"{said} {value:.3g}")
            continue
        style = {"dash": WAVES.get(name, "longdash"), "width": 1.8 if name == CROSS_CONDITION else 1.2}
        hover = f"{said}: {value:.4g}<extra></extra>"
        shared = {"name": said, "legendgroup": said, "showlegend": False, **axes}
        lines.append(plot.line(across, [value, value], plot.MUTED, hovertemplate=hover, **style, **shared))
    for arrow, texts in beyond.items():
        if texts:
            top = arrow == "↑"
            place = {"xref": f"{axes['xaxis']} domain", "yref": f"{axes['yaxis']} domain", "xanchor": "right"}
            place |= {"yanchor": "top" if top else "bottom", "bgcolor": "rgba(255,255,255,0.9)"}
            font = {"size": 10, "color": plot.MUTED}
            text = f"{arrow} {', '.join(texts)}"
            layout.setdefault("annotations", []).append(plot.note(text, 1.0, float(top), font=font, **place))
    return lines


def in_words(name: str) -> str:
    """A baseline's name for people."""
    return name.replace("_", " ").replace("cross condition", "cross-condition")


def named_once(traces: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The traces, of which the legend names the first of each name; what has no name it leaves out."""
    seen: set[str] = set()
    for trace in traces:
        name = trace.get("name")
        if name and trace.get("fill") != "toself":
            trace["showlegend"] = name not in seen
            seen.add(name)
    return traces


def lag_axis(lags_s: np.ndarray) -> dict[str, Any]:
    """An axis of lags in ms, from the first to the last."""
    return plot.axis("lag (ms)", nticks=5, range=[1000 * float(lags_s[0]), 1000 * float(lags_s[-1])])


def lag_marks(layout: dict[str, Any], axes: Mapping[str, str], used_s: float, best_s: float) -> None:
    """Marks the lag that everything else was computed at, and the best one, in a panel with a `lag_axis`."""
    if math.isclose(used_s, best_s, abs_tol=1e-9):
        marks = [("used = best", used_s, "dash", "left")]
    else:
        near, far = ("right", "left") if used_s < best_s else ("left", "right")
        marks = [("used", used_s, "dash", near), ("best", best_s, "dot", far)]
    low, high = layout[axes["xaxis"].replace("x", "xaxis")]["range"]
    for text, lag_s, dash, side in marks:
        layout["shapes"].append(plot.vertical(1000 * lag_s, axes, plot.INK, dash))
        share = (1000 * lag_s - low) / (high - low) if high > low else 0.5
        side = "left" if share < EDGE else "right" if share > 1 - EDGE else side  # the text stays inside of the panel
        place = {"xref": axes["xaxis"], "yref": f"{axes['yaxis']} domain", "yanchor": "bottom", "yshift": 1}
        style = {"font": {"size": 10, "color": plot.INK}, "xanchor": side, "xshift": 2 if side == "left" else -2}
        layout.setdefault("annotations", []).append(plot.note(text, 1000 * lag_s, 0.0, **place, **style))


def band(across: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, **given: Any) -> dict[str, Any]:
    """A shaded range around a line; values that are not known are left out."""
    known = np.isfinite(low) & np.isfinite(high)
    across, low, high = across[known], low[known], high[known]
    ends, edge = np.concatenate([across, across[::-1]]), np.concatenate([high, low[::-1]])
    shade = {"fill": "toself", "fillcolor": plot.faded(colour, 0.14), "hoverinfo": "skip"}
    return plot.line(ends, edge, colour, width=0, **shade, **given)


def best_lag(lags_s: np.ndarray, values: Sequence[np.ndarray], direction: Literal["higher", "lower"]) -> float:
    """The lag in seconds at which activities are most alike to the reference on average.

    Args:
        lags_s: `(lag,)`.
        values: `(lag,)` of each activity.
        direction: of the measure.
    """
    mean = np.mean(values, 0)
    return float(lags_s[np.nanargmin(mean) if direction == "lower" else np.nanargmax(mean)])
