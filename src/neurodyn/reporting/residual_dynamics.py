"""Residual dynamics as a figure: how deviations grow or fade over time, by the data, by samples of a model, by its Jacobian and by the true one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.reporting import plot

if TYPE_CHECKING:
    from neurodyn.dynamics.residual_operators import ResidualDynamics
    from neurodyn.dynamics.residual_spectra import ResidualSpectra

_STYLE = {
    "data": ("(a) data", plot.TRUTH, "solid"),
    "samples": ("(b) samples of the model", plot.MODEL, "solid"),
    "model": ("(c) Jacobian of the model", plot.MODEL, "dash"),
    "truth": ("(d) true Jacobian", plot.TRUTH, "dash"),
}


def residual_dynamics_html(spectra: ResidualSpectra) -> str:
    """Figure of the four spectra over time, with their bootstrap bands; beside it the mean differences between them, with the tolerance."""
    left, right = plot.grid(1, 2, gap_x=0.16)
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 70, "b": 50}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.1, "yanchor": "bottom"}
    axes = plot.panel(
        layout, 1, left, x=plot.axis("seconds"), y=plot.axis(f"largest |λ| per {_ms(spectra)}"), title="over time"
    )
    traces: list[dict[str, Any]] = [
        plot.line(spectra.time_s[[0, -1]], np.ones(2), plot.FAINT, width=1, hoverinfo="skip") | axes
    ]
    for route in spectra.routes:
        name, colour, dash = _STYLE[route]
        traces += [trace | axes for trace in _band(spectra.time_s, *spectra.interval(route), colour)]
        traces.append(
            plot.line(spectra.time_s, spectra.leading[route], colour, dash=dash, name=name, showlegend=True) | axes
        )
    traces.append(
        plot.line(spectra.time_s, spectra.plain, plot.BASELINE, name="plain regression", showlegend=True) | axes
    )
    if spectra.latents is not None:
        style = {"name": "true latents without noise", "showlegend": True, "dash": "dot", "width": 1.1}
        traces.append(plot.line(spectra.time_s, spectra.latents, plot.TRUTH, **style) | axes)
    for path, dash in zip(spectra.twins.values(), plot.DASHES):
        first = path is next(iter(spectra.twins.values()))
        style = {"name": "true Jacobian of twins", "showlegend": first, "legendgroup": "twins", "width": 1.1}
        traces.append(plot.line(spectra.time_s, path, plot.CATEGORIES[1], dash=dash, **style) | axes)
    pairs = [(_pair(one, other), spectra.gap(one, other)) for one, other in spectra.gaps]
    axes = plot.panel(
        layout,
        2,
        right,
        x=plot.axis("mean difference of |λ|", rangemode="tozero"),
        y=plot.axis("", automargin=True),
        title="between them",
    )
    values = np.array([gap.value for _, gap in pairs])
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": values,
            "y": [name for name, _ in pairs],
            "marker": {
                "size": 8,
                "color": [plot.MODEL if g.verdict == "match" else plot.CATEGORIES[1] for _, g in pairs],
            },
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": np.maximum([gap.high - gap.value for _, gap in pairs], 0),
                "arrayminus": np.maximum([gap.value - gap.low for _, gap in pairs], 0),
                "color": plot.MUTED,
                "thickness": 1.2,
            },
            "showlegend": False,
        }
        | axes
    )
    layout["shapes"] = [plot.vertical(spectra.tolerance, axes)]
    return plot.figure(traces, layout, height=380, label="Residual dynamics by four routes", caption=_caption(spectra))


def residual_operators_html(found: ResidualDynamics, draws: int = 200) -> str:
    """Figure of one estimate: |λ| of each tracked mode over time with plain regression beside it, and non-normality."""
    left, right = plot.grid(1, 2, gap_x=0.14)
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 64, "b": 50}}
    time = (found.bins + 1) * found.bin_s
    axes = plot.panel(layout, 1, left, x=plot.axis("seconds"), y=plot.axis("|λ| per bin"), title="eigenvalues")
    low, high = np.quantile(found.bootstrap(draws), [0.025, 0.975], axis=0)
    traces = [trace | axes for trace in _band(time, low, high, plot.TRUTH)]
    for i, values in enumerate(np.abs(found.eigenvalues).T):
        traces.append(plot.line(time, values, plot.CATEGORIES[i % 8], name=f"mode {i + 1}", showlegend=True) | axes)
    traces.append(plot.line(time, found.plain_leading, plot.BASELINE, name="plain regression", showlegend=True) | axes)
    axes = plot.panel(layout, 2, right, x=plot.axis("seconds"), y=plot.axis("share"), title="beside them")
    traces.append(
        plot.line(time, found.non_normality, plot.CATEGORIES[1], name="non-normality", showlegend=True) | axes
    )
    traces.append(plot.line(time, found.strength, plot.CATEGORIES[2], name="past explains", showlegend=True) | axes)
    caption = (
        f"Residual dynamics of {found.trials} trials: {found.lags} lags, smoothness {found.smoothness:g}. The band is a 95 % bootstrap interval of the largest "
        f"|λ| over {draws} draws of trials. Where the past explains little of the present, the estimate says little."
    )
    return plot.figure(traces, layout, height=340, label="Eigenvalues of residual dynamics over time", caption=caption)


def _band(time: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> list[dict[str, Any]]:
    outline = np.concatenate([time, time[::-1]]), np.concatenate([low, high[::-1]])
    fill = {"fill": "toself", "fillcolor": plot.faded(colour, 0.14), "hoverinfo": "skip"}
    return [plot.line(*outline, plot.faded(colour, 0.0), width=0, **fill)]


def _pair(one: str, other: str) -> str:
    return f"{_STYLE[one][0][1]} and {_STYLE[other][0][1]}"


def _ms(spectra: ResidualSpectra) -> str:
    return f"{spectra.context['window_s'] * 1000:g} ms"


def _caption(spectra: ResidualSpectra) -> str:
    c = spectra.context
    said = " ".join(escape(each) for each in spectra.sentences())
    return (
        f"How trial-to-trial deviations propagate over {_ms(spectra)}, by four routes; above 1 they grow. (a) and (b) are residual dynamics of {c['trials']} trials in the same {c['dimension']} dimensions "
        f"({c['lags']} lags, smoothness {c['smoothness']:g}); (c) and (d) are Jacobians along the average paths of the test trials, with inputs held. Bands and bars: 95 % bootstrap intervals over trials; "
        f"dotted: the tolerance of {spectra.tolerance:g}. {said}"
    )
