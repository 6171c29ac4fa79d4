"""Condition averages: observed and inferred rates of the same test trials (PSTH)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.subject import Subject

UNITS, MOST_CONDITIONS, SMOOTHING_S = 6, 8, 0.04
"""Units shown, conditions drawn, and the standard deviation of the Gaussian over the observed averages."""


class Conditions(Section):
    """Peri-stimulus time histograms of observed spikes beside the averages of the inferred rates."""

    name = "conditions"
    title = "Condition averages"
    lead = "Averaged over trials of a condition, the inferred rates must agree with the spikes, which need no model."

    def applies(self, subject: Subject) -> bool:
        """Whether at least two conditions have at least two test trials."""
        if subject.test_inference.rates is None or subject.test.neural_name is None or subject.test.conditions is None:
            return False
        return int(np.sum(pd.Series(subject.test.conditions).dropna().astype(str).value_counts() >= 2)) >= 2

    def html(self, subject: Subject) -> str:
        """One panel a unit, one colour a condition."""
        test, rates = subject.test, subject.test_inference.rates
        assert rates is not None
        labels, shown = shown_conditions(test.conditions)
        palette = plot.colours(len(shown))
        inside = np.where(test.mask[..., None], rates, np.nan)
        spikes = test.neural.kind == "spikes"
        scale, y_title = (1 / test.bin_s, "spikes/s") if spikes else (1.0, test.neural.kind)
        observed, inferred = (
            np.stack([plot.average(values[labels == c]) * scale for c in shown])
            for values in (subject.recorded, inside)
        )
        sd_bins = SMOOTHING_S / test.bin_s
        if sd_bins >= 0.5:
            observed = _smoothed(observed, sd_bins)
        units = np.argsort(-np.nan_to_num(inferred.var(0).sum(0)), kind="stable")[:UNITS]
        columns = min(3, len(units))
        lines = math.ceil(len(units) / columns)
        height = 76 + 190 * lines
        layout: dict[str, Any] = {"margin": {"l": 52, "r": 14, "t": 64, "b": 44}}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 26 / (height - 108), "yanchor": "bottom"}
        time = (np.arange(test.bins) + 0.5) * test.bin_s
        traces: list[dict[str, Any]] = []
        gap_y = 56 / (height - 108) if lines > 1 else 0.0
        for k, (unit, place) in enumerate(zip(units, plot.grid(lines, columns, gap_y=gap_y))):
            x_axis = plot.axis("time in window (s)" if k + columns >= len(units) else "", nticks=5)
            y_axis = plot.axis(y_title if k % columns == 0 else "", rangemode="tozero", nticks=5)
            held = " (held-out)" if unit in test.heldout else ""
            axes = plot.panel(layout, k + 1, place, x=x_axis, y=y_axis, title=f"unit {unit + 1}{held}")
            for i, condition in enumerate(shown):
                same = {"legendgroup": condition, "name": condition}
                traces.append(
                    plot.line(
                        time, observed[i, :, unit], plot.faded(palette[i], 0.45), width=1.2, dash="dot", **same, **axes
                    )
                )
                traces.append(
                    plot.line(time, inferred[i, :, unit], palette[i], width=2, showlegend=k == 0, **same, **axes)
                )
        n = [int(np.sum(labels == c)) for c in shown]
        more = number_of_conditions(test.conditions) - len(shown)
        caption = (
            f"The {len(units)} units whose inferred rates differ most between conditions. Solid: mean inferred rate; dotted: mean of the recorded "
            f"{'spikes' if spikes else 'activity'} of the same trials"
            + (f", smoothed with a Gaussian of {SMOOTHING_S * 1000:g} ms SD. " if sd_bins >= 0.5 else ". ")
            + f"{trials_of(subject)}, {min(n)}{f' to {max(n)}' if max(n) > min(n) else ''} a condition."
            + (f" {more} further conditions are not drawn." if more > 0 else "")
            + (" With few trials a condition the dotted curves are noisy themselves." if min(n) < 10 else "")
        )
        return plot.figure(traces, layout, height=height, label="Condition averages of single units", caption=caption)


def shown_conditions(conditions: np.ndarray | None, most: int = MOST_CONDITIONS) -> tuple[np.ndarray, list[str]]:
    """Each trial's condition as text (empty where it has none), and the conditions to draw: all in natural order, or `most` spread evenly over it."""
    assert conditions is not None
    there = ~pd.isna(conditions)
    labels = np.array([str(c) if known else "" for c, known in zip(conditions, there)])
    if conditions.dtype.kind in "biuf":
        names = [str(c) for c in np.unique(conditions[there])]
    else:
        names = np.unique(labels[there]).tolist()
    picked = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).astype(int))
    return labels, [names[i] for i in picked]


def number_of_conditions(conditions: np.ndarray | None) -> int:
    """Different conditions there are; a trial may have none."""
    return 0 if conditions is None else len({str(c) for c in conditions[~pd.isna(conditions)]})


def _smoothed(observed: np.ndarray, sd_bins: float) -> np.ndarray:
    """Averages `(condition, time, unit)` smoothed over the bins where they are known."""
    from scipy.ndimage import gaussian_filter1d

    known = np.isfinite(observed)
    total, weight = (
        gaussian_filter1d(values, sd_bins, axis=1, mode="nearest")
        for values in (np.where(known, observed, 0.0), known.astype(float))
    )
    return np.where(known, total / np.where(known, weight, 1), np.nan)
