"""Inferred rates over time, beside the truth where it is known and the smoothing baseline."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.scores import number
from neurodyn.reporting.subject import Subject

UNITS, TRIALS = 4, 5
"""Units and trials drawn."""


class Rates(Section):
    """Rates of a few units, from the best to the worst, over several test trials."""

    name = "rates"
    title = "Rates over time"
    lead = "Single units on single trials, the worst as well as the best."

    def applies(self, subject: Subject) -> bool:
        """Whether rates of spikes are inferred."""
        test = subject.test
        return (
            test.neural_name is not None and test.neural.kind == "spikes" and subject.test_inference.rates is not None
        )

    def html(self, subject: Subject) -> str:
        """One panel a unit."""
        test, rates = subject.test, subject.test_inference.rates
        assert rates is not None
        truth, smoothing = test.truth.get("rates"), subject.baselines.get("smoothing")
        units, r2 = _chosen_units(subject)
        examples = subject.examples(TRIALS)
        layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 56, "b": 44}, "shapes": []}
        height = 100 + 118 * len(units)
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 22 / (height - 100), "yanchor": "bottom"}
        traces: list[dict[str, Any]] = []
        gap_bins = max(2, test.bins // 20)
        span = (len(examples) * (test.bins + gap_bins) - gap_bins) * test.bin_s
        for k, (unit, place) in enumerate(zip(units, plot.grid(len(units), 1, gap_y=0.28 / len(units)))):
            last = k == len(units) - 1
            held = "held-out" if unit in test.heldout else "held-in"
            title = f"unit {unit + 1} ({held})" + (f", R² = {number(r2[unit])}" if r2 is not None else "")
            y_axis = plot.axis("spikes/s", nticks=4, rangemode="tozero")
            axes = plot.panel(
                layout,
                k + 1,
                place,
                x=plot.stacked_axis(last, "seconds, trials one after another", range=[0, span]),
                y=y_axis,
                title=title,
            )
            drawn = [("spikes smoothed (baseline)", plot.BASELINE, 1.3, None if smoothing is None else smoothing.rates)]
            drawn += [("true rate", plot.TRUTH, 1.3, truth), ("inferred rate", plot.MODEL, 2.2, rates)]
            top = 0.0
            for label, colour, width, values in drawn:
                if values is None:
                    continue
                picked = np.where(test.mask[examples], values[examples, :, unit] / test.bin_s, np.nan)
                x, y = plot.side_by_side(picked, test.bin_s, gap_bins=gap_bins)
                top = max(top, float(np.nanmax(y)))
                traces.append(
                    plot.line(x, y, colour, width=width, name=label, legendgroup=label, showlegend=k == 0, **axes)
                )
            x, counts = plot.side_by_side(subject.recorded[examples, :, unit], test.bin_s, gap_bins=gap_bins)
            fired = np.nan_to_num(counts) > 0
            marker = {"symbol": "line-ns-open", "size": 6, "color": plot.TRUTH, "line": {"width": 1}}
            traces.append(
                {"type": "scatter", "mode": "markers", "x": x[fired], "y": np.full(fired.sum(), -0.09 * (top or 1))}
                | {
                    "marker": marker,
                    "name": "spikes",
                    "legendgroup": "spikes",
                    "showlegend": k == 0,
                    "hoverinfo": "skip",
                }
                | axes
            )
            layout[f"yaxis{k + 1 if k else ''}"]["range"] = [-0.17 * (top or 1), 1.06 * (top or 1)]
        how = "R² against the true rate over all test trials" if r2 is not None else "modulation of the inferred rate"
        caption = (
            f"{len(units)} of {test.units} units, from the highest to the lowest {how}, over {len(examples)} of {trials_of(subject)}. "
            "Ticks: bins with spikes. "
            + ("Black: the true rate. " if truth is not None else "")
            + ("Grey: the smoothing baseline, from the same held-in spikes." if smoothing is not None else "")
        )
        return plot.figure(
            traces, layout, height=height, label="Rates of single units over test trials", caption=caption
        )


def _chosen_units(subject: Subject) -> tuple[np.ndarray, np.ndarray | None]:
    """Units from best to worst, evenly spaced in rank among those that fire; and R² of each unit where the truth is known."""
    test, rates = subject.test, subject.test_inference.rates
    assert rates is not None
    keep = test.mask
    firing = np.nansum(subject.recorded, (0, 1)) > 0
    truth = test.truth.get("rates")
    r2 = None
    if truth is not None:
        true = truth[keep]
        total = np.sum((true - true.mean(0)) ** 2, 0)
        r2 = 1 - np.sum((true - rates[keep]) ** 2, 0) / np.where(total > 0, total, np.nan)
        rank = np.where(firing, np.nan_to_num(r2, nan=-np.inf), -np.inf)
    else:
        rank = np.where(firing, rates[keep].std(0), -np.inf)
    order = np.argsort(-rank, kind="stable")[: max(int(firing.sum()), 1)]
    return order[np.unique(np.linspace(0, len(order) - 1, min(UNITS, len(order))).astype(int))], r2
