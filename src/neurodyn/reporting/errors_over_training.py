"""The error on test trials over updates, where `neurodyn analyse --errors` has been run."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section
from neurodyn.reporting.subject import Subject


class ErrorsOverTraining(Section):
    """Measures of the task at every kept step."""

    name = "errors_over_training"
    title = "Error over updates"
    lead = "How the network did on the same test trials after so many updates: what rules are compared by."

    def applies(self, subject: Subject) -> bool:
        """Whether test errors have been measured along the training."""
        return subject.errors is not None

    def html(self, subject: Subject) -> str:
        """One panel a measure."""
        found = subject.errors
        assert found is not None
        layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 34, "b": 44}}
        traces = []
        for k, (name, place) in enumerate(zip(found.values, plot.grid(1, max(2, len(found.values)), gap_x=0.12))):
            values = found.values[name]
            log = found.direction[name] == "lower" and bool((values > 0).all())
            y_axis = plot.log_axis(values) if log else plot.axis(nticks=5)
            title = name.replace("_", " ") + (" ↑" if found.direction[name] == "higher" else " ↓")
            axes = plot.panel(layout, k + 1, place, x=plot.axis("updates", nticks=5), y=y_axis, title=title)
            style = {"mode": "lines+markers", "marker": {"size": 4, "color": plot.MODEL}}
            hover = "after %{x} updates: %{y:.4g}<extra></extra>"
            traces.append(plot.line(found.steps, values, plot.MODEL, hovertemplate=hover, **style, **axes))
        n = f"<i>n</i> = {found.trials} test trials"
        caption = f"At the weights of {len(found.steps)} kept steps, {n}" + (
            ", none of which was trained on."
            if found.held_out
            else ": the conditions of the task, which are those of training too, so not held-out data."
        )
        best = {m: (np.nanmin if found.direction[m] == "lower" else np.nanmax)(v) for m, v in found.values.items()}
        caption += " Best: " + ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in best.items()) + "."
        return plot.figure(traces, layout, height=280, label="Test error over updates", caption=caption)
