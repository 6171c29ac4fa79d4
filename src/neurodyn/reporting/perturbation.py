"""What pulses do and what a model predicts of them, as a figure and a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.dynamics.pulse_responses import PulseResponses
from neurodyn.reporting import plot
from neurodyn.reporting.base import table

_DRAWN = 6
_MARGIN = {"l": 60, "r": 14, "t": 64, "b": 50}


def perturbation_html(found: PulseResponses) -> str:
    """A table of all pulses, and the largest ones: size of the change over time, and which choices flip."""
    _, headings, rows, note = found.table()
    return f"<p>{note}</p>{table(headings, rows)}{_courses(found)}{_scores(found)}"


def _courses(found: PulseResponses) -> str:
    """The mean over trials of the change along the way the pulse moves the mean, for the largest pulses."""
    size = np.square(found.true).sum((1, 2, 3))
    drawn = np.sort(np.argsort(-size, kind="stable")[:_DRAWN])
    columns = min(3, len(drawn))
    rows = -(-len(drawn) // columns)
    places = plot.grid(rows, columns, gap_x=0.07, gap_y=0.22)
    layout: dict[str, Any] = {"margin": _MARGIN}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.12, "yanchor": "bottom"}
    time = (np.arange(found.true.shape[2]) + 1) * found.bin_s
    traces: list[dict[str, Any]] = []
    for place, k in enumerate(drawn):
        axes = plot.panel(
            layout,
            place + 1,
            places[place],
            x=plot.axis("time in trial (s)" if place >= len(drawn) - columns else ""),
            y=plot.axis("change" if place % columns == 0 else "", nticks=4),
            title=found.labels[k],
        )
        mean = found.true[k].mean(0)
        way = mean[int(np.argmax(np.linalg.norm(mean, axis=1)))]
        way = way / max(float(np.linalg.norm(way)), 1e-300)
        for name, values, colour in (("true", found.true[k], plot.TRUTH), ("model", found.predicted[k], plot.MODEL)):
            course = values.mean(0) @ way
            shown = {"name": name, "showlegend": place == 0}
            traces.append(plot.line(time, course, colour, width=2, **shown, **axes))
        shapes = layout.setdefault("shapes", [])
        shapes += [
            plot.vertical(found.starts_s[k], axes),
            plot.vertical(found.starts_s[k] + found.durations_s[k], axes),
        ]
    caption = (
        "Mean change of the true latents over trials, along the way in which the pulse moves their mean most, with the same noise; and what the model predicts. Dotted: the pulse. "
        "What is scored is the change of every trial, not this mean."
    )
    return plot.figure(traces, layout, height=180 + 170 * rows, label="Responses to pulses", caption=caption)


def _scores(found: PulseResponses) -> str:
    flips = found.true_flips is not None and found.predicted_flips is not None
    places = plot.grid(1, 2 if flips else 1, gap_x=0.12)
    layout: dict[str, Any] = {"margin": _MARGIN}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom"}
    names = [str(i + 1) for i in range(len(found.labels))]
    bars = [("model", found.r2(), plot.MODEL)]
    bars += [
        (name.replace("_", " "), found.r2(each), plot.CATEGORIES[i + 1])
        for i, (name, each) in enumerate(found.simpler.items())
    ]
    axes = plot.panel(
        layout,
        1,
        places[0],
        x=plot.axis("pulse, in the table's order", type="category"),
        y=plot.axis("R²", range=[-0.5, 1]),
    )
    traces: list[dict[str, Any]] = [
        {"type": "bar", "x": names, "y": values, "name": name, "marker": {"color": colour}} | axes
        for name, values, colour in bars
    ]
    if flips:
        assert found.true_flips is not None and found.predicted_flips is not None
        true, said = found.true_flips.mean(1), found.predicted_flips.mean(1)
        top = float(max(true.max(), said.max(), 0.05)) * 1.08
        axes = plot.panel(
            layout,
            2,
            places[1],
            x=plot.axis("choices that flip", range=[0, top]),
            y=plot.axis("predicted", range=[0, top]),
        )
        dots = {"type": "scatter", "mode": "markers", "x": true, "y": said, "text": list(found.labels)}
        traces.append(dots | {"marker": {"color": plot.MODEL, "size": 8}, "showlegend": False} | axes)
        traces.append(plot.line([0, top], [0, top], plot.BASELINE, dash="dot", **axes))
    caption = (
        "Left: R² of each pulse; no change predicted gives 0. `mean response` and `linear truth` know the truth. "
        "Right: share of trials whose choice a pulse changes; on the dotted line the model is right."
    )
    return plot.figure(traces, layout, height=320, label="Scores of pulses", caption=caption)
