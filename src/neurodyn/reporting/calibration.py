"""All inferred rates at once: against the truth where it is known, and against the spikes that came."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section
from neurodyn.reporting.subject import Subject

BINS, GROUPS = 60, 20
"""Bins a side of the density, and groups of the calibration."""

Domain = tuple[list[float], list[float]]


class Calibration(Section):
    """Density of true against inferred rates, and the spikes observed where the model said how many to expect."""

    name = "calibration"
    title = "Size of the rates"
    lead = (
        "Are the rates right in size? Where the truth is unknown, spikes must at least come as often as the rates say."
    )

    def applies(self, subject: Subject) -> bool:
        """Whether rates of spikes are inferred."""
        test = subject.test
        return (
            test.neural_name is not None and test.neural.kind == "spikes" and subject.test_inference.rates is not None
        )

    def html(self, subject: Subject) -> str:
        """Density where the truth is known, and calibration."""
        known = "rates" in subject.test.truth
        places = plot.grid(1, 2, gap_x=0.16)
        layout: dict[str, Any] = {"margin": {"l": 60, "r": 24, "t": 34, "b": 50}}
        traces, caption = _density(subject, layout, places[0]) if known else ([], "")
        place = places[1] if known else places[0]
        layout["legend"] = {"x": place[0][0] + 0.01, "y": 0.98, "yanchor": "top", "font": {"size": 11}}
        traces += _calibration(subject, layout, 2 if known else 1, place)
        caption += (
            f"{'Right' if known else 'Shown'}: test entries in {GROUPS} equal groups by inferred rate; the mean rate against the spikes that "
            "came, with 95 % intervals that treat entries as independent. Above the line the model says too little, below too much."
        )
        label = "True against inferred rates, and calibration"
        return plot.figure(traces, layout, height=400, label=label, caption=caption)


def calibration(rates: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean rate, mean count and standard error of the count in groups of equal size by rate, `(group,)` each.

    Args:
        rates: expected counts per bin, `(entry,)`.
        counts: observed counts, `(entry,)`.
    """
    groups = np.array_split(np.argsort(rates, kind="stable"), min(GROUPS, len(rates)))
    said = np.array([rates[g].mean() for g in groups])
    seen = np.array([counts[g].mean() for g in groups])
    return said, seen, np.array([counts[g].std() / np.sqrt(len(g)) for g in groups])


def _density(subject: Subject, layout: dict[str, Any], place: Domain) -> tuple[list[dict[str, Any]], str]:
    """Traces of the left panel and its part of the caption."""
    test, rates = subject.test, subject.test_inference.rates
    assert rates is not None
    true, said = (values[test.mask].ravel().astype(np.float64) / test.bin_s for values in (test.truth["rates"], rates))
    top = float(np.quantile(np.concatenate([true, said]), 0.999)) or 1.0
    density, edges, _ = np.histogram2d(true, said, bins=BINS, range=[[0, top], [0, top]])
    with np.errstate(divide="ignore"):
        logarithm = np.where(density > 0, np.log10(density), np.nan)
    x_axis = plot.axis("true rate (spikes/s)", range=[0, top])
    y_axis = plot.axis("inferred rate (spikes/s)", range=[0, top])
    axes = plot.panel(layout, 1, place, x=x_axis, y=y_axis, title="true against inferred")
    powers = np.arange(int(np.log10(max(density.max(), 1))) + 1)
    bar = {"title": {"text": "entries", "font": {"size": 11}}, "x": 0.43, "len": 0.8, "thickness": 8, "outlinewidth": 0}
    bar |= {"tickvals": powers, "ticktext": [f"10<sup>{p}</sup>" for p in powers], "tickfont": {"size": 11}}
    centres = (edges[:-1] + edges[1:]) / 2
    picture = {"type": "heatmap", "x": centres, "y": centres, "z": logarithm.T, "colorscale": "Cividis"}
    diagonal = np.array([0, top])
    traces = [
        picture | {"colorbar": bar, "hoverinfo": "skip"} | axes,
        plot.line(diagonal, diagonal, plot.CATEGORIES[1], width=1.2, hoverinfo="skip", **axes),
    ]
    pooled = 1 - np.sum((true - said) ** 2) / max(np.sum((true - true.mean()) ** 2), 1e-300)
    return traces, (
        f"Left: every test entry (trial × bin × unit, <i>n</i> = {true.size:,}), counted on a logarithmic colour scale; on the line is right. "
        f"Over all entries at once R² = {pooled:.3f}, which also credits the units’ mean rates; the score table states how its own measure pools. "
    )


def _calibration(subject: Subject, layout: dict[str, Any], number: int, place: Domain) -> list[dict[str, Any]]:
    """Traces of the calibration panel, held-in and held-out units apart."""
    test, rates = subject.test, subject.test_inference.rates
    assert rates is not None
    traces: list[dict[str, Any]] = []
    ends = np.zeros(0)
    for label, units, colour, symbol in (
        ("held-in units", test.heldin, plot.MODEL, "circle"),
        ("held-out units", test.heldout, plot.CATEGORIES[1], "square"),
    ):
        counts = subject.recorded[..., units]
        known = ~np.isnan(counts)
        if not known.any():
            continue
        found = calibration(rates[..., units][known].astype(np.float64), counts[known].astype(np.float64))
        said, seen, error = (values / test.bin_s for values in found)
        use = (said > 0) & (seen > 0)
        ends = np.concatenate([ends, said[use], seen[use]])
        bars = {"type": "data", "array": 1.96 * error[use], "color": colour, "thickness": 1.2, "width": 0}
        marker = {"size": 6, "color": colour, "symbol": symbol}
        points = {"type": "scatter", "mode": "markers", "x": said[use], "y": seen[use], "error_y": bars}
        traces.append(points | {"name": label, "marker": marker})
    x_axis = plot.log_axis(ends, "inferred rate (spikes/s)")
    y_axis = plot.log_axis(ends, "spikes observed (per s)")
    axes = plot.panel(layout, number, place, x=x_axis, y=y_axis, title="calibration")
    if ends.size:
        diagonal = np.array([ends.min(), ends.max()])
        traces.append(plot.line(diagonal, diagonal, plot.MUTED, width=1, hoverinfo="skip"))
    return [trace | axes for trace in traces]
