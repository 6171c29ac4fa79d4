"""Inferred inputs over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.conditions import shown_conditions
from neurodyn.reporting.subject import Subject

CHANNELS, TRIALS = 6, 12
"""Channels drawn, and single trials behind the means."""


class Inputs(Section):
    """Each inferred input channel: condition means, single trials, and the true inputs where they are known."""

    name = "inputs"
    title = "Inferred inputs"
    lead = "What the model needs from outside its own dynamics, and when."

    def applies(self, subject: Subject) -> bool:
        """Whether inputs are inferred."""
        inputs = subject.test_inference.inputs
        return inputs is not None and inputs.shape[2] > 0

    def html(self, subject: Subject) -> str:
        """One panel a channel."""
        test, inputs = subject.test, subject.test_inference.inputs
        assert inputs is not None
        inputs = inputs.astype(np.float64)
        bins = inputs.shape[1]
        inputs = np.where(test.mask[:, :bins, None], inputs, np.nan)
        labels, shown = np.zeros(len(test), str), [""]
        if test.conditions is not None:
            labels, shown = shown_conditions(test.conditions)
        channels = np.sort(np.argsort(-np.nan_to_num(np.nanvar(inputs, (0, 1))))[:CHANNELS])
        truth = test.truth.get("inputs")
        rows = len(channels) + (truth is not None)
        height = 96 + 118 * rows
        layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 56, "b": 46}}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 22 / (height - 102), "yanchor": "bottom"}
        places = plot.grid(rows, 1, gap_y=0.3 / rows)
        time = (np.arange(bins) + 0.5) * test.bin_s
        traces: list[dict[str, Any]] = []
        spread = subject.test_inference.spread.get("inputs")
        for k, channel in enumerate(channels):
            x_axis = plot.stacked_axis(k == rows - 1, "time in window (s)", range=[0, test.bins * test.bin_s])
            axes = plot.panel(
                layout, k + 1, places[k], x=x_axis, y=plot.axis(nticks=4), title=f"inferred input {channel + 1}"
            )
            thin = {"width": 0.8, "hoverinfo": "skip", **axes}
            single = inputs[subject.examples(TRIALS), :, channel]
            traces += [plot.line(time, trial, plot.faded(plot.MUTED, 0.25), **thin) for trial in single]
            style = {"width": 2, "showlegend": k == 0, **axes}
            traces += _means(time, inputs[:, :, channel], labels, shown, **style)
        if truth is not None:
            x_axis = plot.stacked_axis(True, "time in window (s)", range=[0, test.bins * test.bin_s])
            axes = plot.panel(layout, rows, places[-1], x=x_axis, y=plot.axis(nticks=4), title="true inputs")
            clock = (np.arange(truth.shape[1]) + 0.5) * test.bin_s * test.bins / truth.shape[1]
            for channel, dash in zip(range(truth.shape[2]), plot.DASHES):
                traces += _means(clock, truth[:, :, channel], labels, shown, width=1.4, dash=dash, **axes)
        caption = (
            f"{len(channels)} of {inputs.shape[2]} channels of the inferred inputs. Thick: means over the test trials"
            f"{' of each condition' if test.conditions is not None else ''} ({trials_of(subject)}); thin: single trials."
        )
        if spread is not None:
            caption += f" Standard deviation over posterior samples, averaged: {float(np.mean(spread)):.2g}."
        if truth is not None:
            caption += (
                " Below: the true inputs, condition means, a dash pattern a channel."
                " The scale and the sign of inferred inputs are free."
            )
        return plot.figure(traces, layout, height=height, label="Inferred inputs over time", caption=caption)


def _means(
    time: np.ndarray, values: np.ndarray, labels: np.ndarray, shown: list[str], **style: Any
) -> list[dict[str, Any]]:
    """One line a condition: the mean of its trials, from values `(trial, time)`."""
    return [
        plot.line(time, plot.average(values[labels == name]), colour, name=name or "mean", legendgroup=name, **style)
        for name, colour in zip(shown, plot.colours(len(shown)))
        if np.any(labels == name)
    ]
