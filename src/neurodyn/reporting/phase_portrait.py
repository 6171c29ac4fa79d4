"""A phase portrait as a figure: the flow in a plane, fixed points beside the true ones, and their eigenvalues."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.reporting import plot

ARROWS = 13
"""Arrows along each axis."""
STABLE, SADDLE = plot.MODEL, plot.CATEGORIES[1]
_SYMBOLS = {"stable": "circle", "saddle": "circle-open", "unstable": "diamond-open"}
_COLOURS = {"stable": STABLE, "saddle": SADDLE, "unstable": SADDLE}


def phase_portrait(portrait: PhasePortrait) -> str:
    """Figure of one constant input: the plane of the states, the true latents' coordinates (where they are known), the spectrum."""
    compared = portrait.mapped.shape[1] >= 2
    places = plot.grid(1, 3 if compared else 2, gap_x=0.09)
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 64, "b": 50}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.1, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    x_range, y_range = ([float(edge[0]), float(edge[-1])] for edge in (portrait.x, portrait.y))
    axes = plot.panel(
        layout,
        1,
        places[0],
        x=plot.axis(portrait.axes[0], range=x_range, nticks=5),
        y=plot.axis(portrait.axes[1], range=y_range, nticks=5),
        title="flow of the model",
    )
    traces += [trace | axes for trace in _flow(portrait)]
    if compared:
        axes = plot.panel(
            layout,
            2,
            places[1],
            x=plot.axis("true latent 1", nticks=5),
            y=plot.axis("true latent 2", nticks=5),
            title="against the truth",
        )
        traces += [trace | axes for trace in _against_truth(portrait)]
    last = len(places)
    axes = plot.panel(
        layout,
        last,
        places[-1],
        x=plot.axis("real part", nticks=5),
        y=plot.axis("imaginary part", nticks=5, scaleanchor="x" if last == 1 else f"x{last}"),
        title="eigenvalues per bin",
    )
    traces += [trace | axes for trace in _spectrum(portrait)]
    shown: set[str] = set()
    for trace in traces:  # one entry of the legend for each name
        name = trace.get("name")
        trace["showlegend"] = name is not None and name not in shown
        shown |= {name} if name else set()
    label = f"Flow field, fixed points and eigenvalues under {portrait.title}"
    return plot.figure(traces, layout, height=390, label=label, caption=_caption(portrait, compared))


def _flow(portrait: PhasePortrait) -> Iterator[dict[str, Any]]:
    with np.errstate(divide="ignore"):
        speed = np.log10(np.maximum(portrait.speed, np.finfo(float).tiny))
    yield {
        "type": "heatmap",
        "x": portrait.x,
        "y": portrait.y,
        "z": speed,
        "showscale": False,
        "hoverinfo": "skip",
        "colorscale": [[0, "#8fb0c9"], [0.5, "#dfe8ef"], [1, "#fbfcfd"]],
    }
    if _planar(portrait):
        for k, dash in ((0, "solid"), (1, "dash")):
            yield {
                "type": "contour",
                "x": portrait.x,
                "y": portrait.y,
                "z": portrait.velocity[..., k],
                "contours": {"start": 0, "end": 0, "size": 1, "coloring": "lines", "showlabels": False},
                "colorscale": [[0, plot.MUTED], [1, plot.MUTED]],
                "line": {"width": 1.2, "dash": dash},
                "showscale": False,
                "hoverinfo": "skip",
            }
    yield flow_arrows(portrait.x, portrait.y, portrait.velocity)
    yield joined_paths(portrait.paths, plot.MODEL, "single trials")
    if len(portrait.slow):
        style = {"symbol": "x-thin", "size": 6, "line": {"width": 1.2, "color": plot.MUTED}}
        yield _dots(portrait.slow, "slow point", style)
    yield from _points(portrait.points, portrait)


def flow_arrows(x: np.ndarray, y: np.ndarray, velocity: np.ndarray) -> dict[str, Any]:
    """Arrows along a flow `(row, column, axis)` on a grid, at some of its points."""
    step = max(1, len(x) // ARROWS)
    some = np.arange(step // 2, len(x), step)
    columns, rows = np.meshgrid(x[some], y[some])
    velocity = velocity[np.ix_(some, some)]
    # Directions as they look in a square panel, clockwise from the top.
    across, up = velocity[..., 0] / np.ptp(x), velocity[..., 1] / np.ptp(y)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": columns.ravel(),
        "y": rows.ravel(),
        "hoverinfo": "skip",
        "showlegend": False,
        "marker": {
            "symbol": "arrow",
            "size": 7,
            "angle": np.degrees(np.arctan2(across, up)).ravel(),
            "color": plot.faded(plot.MUTED, 0.55),
        },
    }


def _planar(portrait: PhasePortrait) -> bool:
    """Whether the state has two dimensions, so that all of its movement is in the plane."""
    return bool(np.allclose(np.linalg.norm(portrait.velocity, axis=2), portrait.speed))


def _against_truth(portrait: PhasePortrait) -> Iterator[dict[str, Any]]:
    yield joined_paths(portrait.true_paths[..., :2], plot.TRUTH, "true trials")
    for kind in dict.fromkeys(portrait.true_kinds):
        rows = [i for i, k in enumerate(portrait.true_kinds) if k == kind]
        symbol = "square" if kind == "stable" else "square-open"
        style = {"symbol": symbol, "size": 13, "color": plot.TRUTH, "line": {"width": 1.6, "color": plot.TRUTH}}
        yield _dots(portrait.true_points[rows, :2], f"true {kind}", style)
    yield from _points(portrait.mapped[:, :2], portrait)


def _spectrum(portrait: PhasePortrait) -> Iterator[dict[str, Any]]:
    angle = np.linspace(0, 2 * np.pi, 121)
    yield plot.line(np.cos(angle), np.sin(angle), plot.FAINT, width=1, hoverinfo="skip")
    for i, kind in enumerate(portrait.kinds):
        values = portrait.eigenvalues[i]
        style = {"symbol": _SYMBOLS[kind], "size": 6, "color": _COLOURS[kind] if portrait.visited[i] else plot.BASELINE}
        yield _dots(np.column_stack([values.real, values.imag]), None, style)
    true = portrait.true_eigenvalues.ravel()
    if true.size:
        style = {"symbol": "x-thin", "size": 8, "line": {"width": 1.4, "color": plot.TRUTH}}
        yield _dots(np.column_stack([true.real, true.imag]), "true eigenvalue", style)


def _points(points: np.ndarray, portrait: PhasePortrait) -> Iterator[dict[str, Any]]:
    """The model's fixed points by kind; where no data are, in grey."""
    for near in (True, False):
        for kind in dict.fromkeys(portrait.kinds):
            rows = [i for i, k in enumerate(portrait.kinds) if k == kind and bool(portrait.visited[i]) == near]
            if rows:
                colour = _COLOURS[kind] if near else plot.BASELINE
                style = {"symbol": _SYMBOLS[kind], "size": 10, "color": colour, "line": {"width": 2, "color": colour}}
                yield _dots(points[rows], kind if near else f"{kind}, unvisited", style)


def _dots(points: np.ndarray, name: str | None, marker: dict[str, Any]) -> dict[str, Any]:
    dots: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": points[:, 0], "y": points[:, 1]}
    dots |= {"marker": marker}
    return dots if name is None else dots | {"name": name, "legendgroup": name}


def joined_paths(paths: np.ndarray, colour: str, name: str) -> dict[str, Any]:
    """All trajectories as one line with gaps."""
    gap = np.full((len(paths), 1, 2), np.nan)
    x, y = np.concatenate([paths, gap], 1).reshape(-1, 2).T
    return plot.line(x, y, plot.faded(colour, 0.3), width=0.9, name=name, legendgroup=name, hoverinfo="skip")


def _caption(portrait: PhasePortrait, compared: bool) -> str:
    unvisited = int((~portrait.visited.astype(bool)).sum())
    text = (
        f"Under {escape(portrait.title)}, held constant. Left: the plane through the visited states that holds most of their variance, other directions at their mean; darker where the state moves "
        f"slower, arrows show the direction in the plane. {len(portrait.paths)} trials and all fixed points are projected onto it. Filled: stable; open: saddle (circle) or unstable in every direction (diamond)."
    )
    if _planar(portrait):
        text += " Lines where one component of the movement is zero (nullclines): first axis solid, second dashed."
    if compared:
        text += " Middle: the same points mapped onto the true latents by an affine map fitted on the training trials; squares: the true fixed points under the same input."
    text += f" Right: eigenvalues of the Jacobian per bin of {portrait.bin_s * 1000:g} ms; outside of the circle deviations grow."
    if unvisited:
        text += f" {unvisited} point{'' if unvisited == 1 else 's'} in grey: no trial comes near, so no data say whether {'it is' if unvisited == 1 else 'they are'} there."
    if not portrait.kinds:
        text += " <b>No fixed point was found.</b>"
    return text
