"""Inferred inputs of the best, the median and the worst run, mapped to the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.study.base import InputExample, StudySection, StudySubject


class StudyInputs(StudySection):
    """One row of example trials a run: the true input, and what the run says it was."""

    name = "inputs"
    title = "Inferred inputs: best, median, worst"
    lead = (
        "The same model on the same trials may find the input or miss it. These are the same test trials of three runs."
    )

    def html(self, study: StudySubject) -> str:
        """One figure an arm that infers inputs whose truth is known."""
        return "".join(
            f'<h3 class="subject">{escape(arm.path)}</h3>{_figure(arm.path, arm.inputs)}'
            for arm in study.arms
            if arm.inputs
        )


def _figure(path: str, examples: Sequence[InputExample]) -> str:
    rows = len(examples)
    layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 56, "b": 46}}
    height = 102 + 130 * rows
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 22 / (height - 102), "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    true, bin_s = examples[0].true, examples[0].bin_s
    channels = true.shape[2]
    limits = _limits(true)
    for k, (example, place) in enumerate(zip(examples, plot.grid(rows, 1, gap_y=0.3 / rows))):
        x_axis = plot.stacked_axis(k == rows - 1, "trials one after another (s)")
        y_axis = plot.axis(nticks=4, range=limits)
        title = f"{example.which}: seed {example.seed}, {example.measure} = {example.score:.3f}"
        axes = plot.panel(layout, k + 1, place, x=x_axis, y=y_axis, title=title)
        for channel, dash in zip(range(channels), plot.DASHES):
            for name, values, colour in (("true", example.true, plot.TRUTH), ("inferred", example.mapped, plot.MODEL)):
                seconds, trace = plot.side_by_side(values[:, :, channel], bin_s)
                label = name if channels == 1 else f"{name}, channel {channel + 1}"
                traces.append(plot.line(seconds, trace, colour, dash=dash, name=label, showlegend=k == 0, **axes))
    trials = len(true)
    caption = (
        f"{trials} test trials side by side, the same in every row. Black: the true input; blue: the inferred inputs through a linear map with "
        "intercept that was fitted to the other test trials, since an inferred input is known up to such a map at best. A dash pattern a channel."
    )
    return plot.figure(traces, layout, height=height, label=f"True and inferred inputs of {path}", caption=caption)


def _limits(values: np.ndarray) -> list[float]:
    """Ends of the axis: the true input with room for what overshoots."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.4 * max(high - low, 1e-9)
    return [low - margin, high + margin]
