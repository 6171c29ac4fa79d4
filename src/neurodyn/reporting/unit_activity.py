"""Activity of single units of a task-trained network, averaged by condition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.conditions import number_of_conditions, shown_conditions
from neurodyn.reporting.event import Event
from neurodyn.reporting.subject import Subject

UNITS = 6
"""Units drawn."""


class UnitActivity(Section):
    """Averages of the units whose activity differs most between conditions."""

    name = "unit_activity"
    title = "Activity of single units"
    lead = "How units of the network respond in each condition."

    def applies(self, subject: Subject) -> bool:
        """Whether the trials are of a task alone, with conditions, and the model has activity over time."""
        latents = subject.test_inference.latents
        conditions = number_of_conditions(subject.test.conditions)
        same = latents is not None and latents.shape[1] == subject.test.bins
        return subject.test.neural_name is None and same and conditions > 1

    def html(self, subject: Subject) -> str:
        """One panel a unit, one colour a condition."""
        labels, shown = shown_conditions(subject.test.conditions)
        event, latents = Event.of(subject.test), subject.test_inference.latents
        assert latents is not None
        means = np.stack([plot.average(event.aligned(latents, np.flatnonzero(labels == c))) for c in shown])
        time_s = (event.offsets + (0.0 if event.name else 0.5)) * subject.test.bin_s
        palette = plot.colours(len(shown))
        overall = plot.average(means)
        units = np.argsort(-np.nansum(np.square(means - overall), (0, 1)), kind="stable")[:UNITS]
        columns = min(3, len(units))
        lines = math.ceil(len(units) / columns)
        height = 76 + 180 * lines
        layout: dict[str, Any] = {"margin": {"l": 52, "r": 14, "t": 64, "b": 44}, "shapes": []}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 26 / (height - 108), "yanchor": "bottom"}
        traces: list[dict[str, Any]] = []
        gap_y = 56 / (height - 108) if lines > 1 else 0.0
        what = f"time from {event.name} (s)" if event.name else "time in trial (s)"
        for k, (unit, place) in enumerate(zip(units, plot.grid(lines, columns, gap_y=gap_y))):
            x_axis = plot.axis(what if k + columns >= len(units) else "", nticks=5)
            axes = plot.panel(layout, k + 1, place, x=x_axis, y=plot.axis(nticks=5), title=f"unit {unit + 1}")
            if event.name:
                layout["shapes"].append(plot.vertical(0.0, axes))
            for condition, values, colour in zip(shown, means[..., unit], palette):
                same = {"legendgroup": condition, "name": condition, "showlegend": k == 0, **axes}
                traces.append(plot.line(time_s, values, colour, **same))
        more = number_of_conditions(subject.test.conditions) - len(shown)
        caption = (
            f"The {len(units)} units whose activity differs most between conditions, averaged over the trials of each condition"
            + (f", aligned to {event.name} (dotted) and drawn where all trials reach" if event.name else "")
            + f"; {trials_of(subject)}."
            + (f" {more} further conditions are not drawn." if more > 0 else "")
        )
        return plot.figure(
            traces, layout, height=height, label="Activity of single units by condition", caption=caption
        )
