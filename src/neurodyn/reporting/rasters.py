"""Spike rasters beside inferred rates, trial by trial."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.subject import Subject

TRIALS, MOST_UNITS, MOST_BINS = 6, 100, 200
"""Trials to pick from, units and bins drawn; beyond, the most active units and coarser bins."""
SORTING_S = 0.05
"""Standard deviation of the Gaussian over the mean activity that units are sorted by."""


class Rasters(Section):
    """Observed counts and inferred rates of single test trials, every unit, with a picker."""

    name = "rasters"
    title = "Single trials"
    lead = "What was recorded on one trial, and what the model says was going on beneath it."

    def applies(self, subject: Subject) -> bool:
        """Whether there are recorded activity and inferred rates."""
        return subject.test.neural_name is not None and subject.test_inference.rates is not None

    def html(self, subject: Subject) -> str:
        """Counts, rates, and the population's sum."""
        test, rates = subject.test, subject.test_inference.rates
        assert rates is not None
        spikes = test.neural.kind == "spikes"
        examples = subject.examples(TRIALS)
        units, heldout = sorted_units(subject)
        coarse = int(np.ceil(test.bins / MOST_BINS))
        width = test.bin_s * coarse
        counts = _coarsened(subject.recorded[examples], coarse)
        shown = _coarsened(np.where(test.mask[examples, :, None], rates[examples], np.nan), coarse)
        scale = 1 / width if spikes else 1 / coarse
        time = (np.arange(counts.shape[1]) + 0.5) * width
        picture, inferred = counts[:, :, units], shown[:, :, units]
        percent = np.round(100 * inferred / np.maximum(np.nanmax(inferred, (0, 1)), 1e-12))
        top_count = max(1.0, float(np.nanquantile(picture, 0.999))) if spikes else float(np.nanquantile(picture, 0.995))
        rows = np.arange(len(units))
        layout: dict[str, Any] = {"margin": {"l": 52, "r": 62, "t": 30, "b": 44}, "shapes": []}
        unit_axis = plot.axis("unit (sorted)", range=[len(units) - 0.5, -0.5])
        left, right = [0.0, 0.475], [0.525, 1.0]
        what = "spikes per bin" if spikes else test.neural.kind
        a = plot.panel(layout, 1, (left, [0.3, 1.0]), x=plot.axis(), y=unit_axis, title=f"recorded: {what}")
        bare = plot.axis(range=[len(units) - 0.5, -0.5], showticklabels=False)
        b = plot.panel(
            layout,
            2,
            (right, [0.3, 1.0]),
            x=plot.axis(),
            y=bare,
            title="inferred rates (% of each unit’s largest here)",
        )
        total = plot.axis("sum" if not spikes else "population<br>spikes/s", rangemode="tozero", nticks=4)
        c = plot.panel(layout, 3, (left, [0.0, 0.2]), x=plot.axis("time in window (s)"), y=total)
        d = plot.panel(
            layout, 4, (right, [0.0, 0.2]), x=plot.axis("time in window (s)"), y=dict(total, title={"text": ""})
        )
        for number in (1, 2, 3, 4):
            tag = "" if number == 1 else str(number)
            layout[f"xaxis{tag}"]["range"] = [0, counts.shape[1] * width]
        known = ~np.isnan(counts)
        both = [np.where(known.any(2), np.sum(v, 2, where=known), np.nan) * scale for v in (counts, shown)]
        most = 1.08 * max(float(np.nanmax(v)) for v in both)
        layout["yaxis3"]["range"] = layout["yaxis4"]["range"] = [0, most]
        if test.forward:
            border = (test.bins - test.forward) * test.bin_s
            layout["shapes"] += [plot.vertical(border, axes, plot.CATEGORIES[1], "dash") for axes in (a, b, c, d)]
        if heldout:
            layout["shapes"] += [_horizontal(len(units) - heldout - 0.5, axes) for axes in (a, b)]
        bar = {"thickness": 9, "len": 0.7, "y": 0.65, "outlinewidth": 0, "ticks": "outside", "ticklen": 3}
        traces: list[dict[str, Any]] = [
            {"type": "heatmap", "x": time, "y": rows, "zmin": 0, "zmax": top_count, "showscale": False}
            | {"colorscale": [[0, "#ffffff"], [1, plot.INK]], "customdata": units + 1}
            | {"hovertemplate": "%{x:.3f} s: %{z}<extra></extra>"}
            | a,
            {"type": "heatmap", "x": time, "y": rows, "zmin": 0, "zmax": 100, "colorscale": "Cividis"}
            | {"colorbar": bar, "hovertemplate": "%{x:.3f} s: %{z} %<extra></extra>"}
            | b,
            plot.line(time, None, plot.INK, width=1, **c) | {"line": {"shape": "hvh", "color": plot.INK, "width": 1}},
            plot.line(time, None, plot.MODEL, width=2, **d),
        ]
        choices = []
        for i, trial in enumerate(examples):
            update: list[dict[str, Any]] = [{"z": picture[i].T}, {"z": percent[i].T}]
            choices.append((subject.trial_label(int(trial)), [*update, {"y": both[0][i]}, {"y": both[1][i]}]))
        caption = self._caption(subject, len(units), heldout, coarse, len(examples))
        label = "Spike raster beside inferred rates of single test trials"
        return plot.figure(traces, layout, height=560, label=label, caption=caption, choices=choices)

    def _caption(self, subject: Subject, units: int, heldout: int, coarse: int, examples: int) -> str:
        test = subject.test
        parts = [
            f"{examples} of {trials_of(subject)} to pick from; {test.bin_s * coarse * 1000:g} ms bins. Left: what was recorded. Right: "
            f"what the model infers from the held-in units alone, each unit relative to its largest rate over these trials. Below: the sum over all {test.units} units."
        ]
        if not test.known[test.mask].all():
            parts.append("What was not recorded, or is withheld, is blank on the left and in neither sum.")
        parts.append(
            "Units are sorted by when they are most active on average over the test trials, in the same order on both sides and for every model."
        )
        if heldout:
            parts.append(
                f"Units below the line ({heldout}) are held out: the model never sees their spikes on test trials."
            )
        if test.forward:
            parts.append(f"Right of the dashed line ({test.forward} bins) the model predicts ahead without any spikes.")
        if units < test.units:
            parts.append(f"The {units} most active of {test.units} units are drawn.")
        return " ".join(parts)


def sorted_units(subject: Subject) -> tuple[np.ndarray, int]:
    """Units to draw: held-in ones by peak time, then held-out ones by peak time; and how many of the latter."""
    from scipy.ndimage import gaussian_filter1d

    test = subject.test
    counts = np.nansum(subject.recorded, 0, dtype=float)
    active = np.argsort(-counts.sum(0), kind="stable")[:MOST_UNITS]
    peak = gaussian_filter1d(counts, max(SORTING_S / test.bin_s, 0.5), axis=0).argmax(0)
    heldin = [u for u in test.heldin if u in set(active)]
    heldout = [u for u in test.heldout if u in set(active)]
    ordered = sorted(heldin, key=lambda u: peak[u]) + sorted(heldout, key=lambda u: peak[u])
    return np.array(ordered, int), len(heldout)


def _coarsened(values: np.ndarray, by: int) -> np.ndarray:
    """Sums of `by` bins at a time, `(trial, time, unit)`; an incomplete last bin is left out."""
    trials, bins, units = values.shape
    return np.asarray(values[:, : bins // by * by].reshape(trials, bins // by, by, units).sum(2))


def _horizontal(y: float, axes: dict[str, str]) -> dict[str, Any]:
    style = {"color": plot.CATEGORIES[1], "width": 1.2}
    return {"type": "line", "xref": f"{axes['xaxis']} domain", "yref": axes["yaxis"], "x0": 0, "x1": 1} | {
        "y0": y,
        "y1": y,
        "line": style,
    }
