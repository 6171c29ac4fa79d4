"""The energy landscape that latents move in, and their phase portraits of position against velocity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodyn.dynamics.physics import Physics
from neurodyn.reporting import plot
from neurodyn.reporting.phase_portrait import flow_arrows, joined_paths

MARGIN = {"l": 60, "r": 14, "t": 58, "b": 48}
_SHADES = [[0, "#8fb0c9"], [0.5, "#dfe8ef"], [1, "#fbfcfd"]]


def samples_of(p: Physics) -> str:
    """`128 test trials, 4 posterior samples each`, for captions."""
    trials = f"{p.trials} test trial{'' if p.trials == 1 else 's'}"
    return f"{trials}, {p.samples} posterior sample{'' if p.samples == 1 else 's'} each"


def _axis_name(p: Physics, k: int) -> str:
    return f"position PC {k + 1} ({p.axis_shares[k]:.0%})"


def energy_landscape(p: Physics) -> str:
    """Figure of the potential on a plane and along axes, with where trials go."""
    layout: dict[str, Any] = {"margin": MARGIN}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    number_of, left = len(p.profiles), 0.0 if p.landscape is None else 0.47
    width = (1 - left - 0.06 * (number_of - 1)) / number_of
    if p.landscape is not None:
        axes = plot.panel(
            layout,
            1,
            ([0.0, 0.36], [0.0, 1.0]),
            x=plot.axis(_axis_name(p, 0), range=p.landscape.x[[0, -1]], nticks=5),
            y=plot.axis(_axis_name(p, 1), range=p.landscape.y[[0, -1]], nticks=5),
            title="energy on the plane (T)",
        )
        traces += [trace | axes for trace in _plane(p)]
    for k, profile in enumerate(p.profiles):
        span = [left + k * (width + 0.06), min(left + k * (width + 0.06) + width, 1.0)]
        place = 2 + 2 * k if p.landscape is not None else 1 + 2 * k
        across = {"range": profile.at[[0, -1]], "nticks": 4}
        axes = plot.panel(
            layout,
            place,
            (span, [0.56, 1.0]),
            x=plot.axis(showticklabels=False, **across),
            y=plot.axis("energy (T)" if k == 0 else "", rangemode="tozero", nticks=4),
            title=f"along PC {k + 1}",
        )
        traces.append(plot.line(profile.at, profile.energy, plot.INK, width=1.8, **axes))
        axes = plot.panel(
            layout,
            place + 1,
            (span, [0.0, 0.46]),
            x=plot.axis(_axis_name(p, k), **across),
            y=plot.axis("density" if k == 0 else "", rangemode="tozero", nticks=4),
        )
        first = {"showlegend": k == 0}
        filled = {"fill": "tozeroy", "fillcolor": plot.faded(plot.MODEL, 0.18), "name": "visited"}
        traces.append(plot.line(profile.centres, profile.visited, plot.MODEL, **axes) | filled | first)
        if np.isfinite(profile.boltzmann).any():
            named = {"name": "Boltzmann, exp(−U/T)", "dash": "dash"}
            traces.append(plot.line(profile.centres, profile.boltzmann, plot.BASELINE, **named, **first, **axes))
    caption = (
        "The potential along the principal axes of the posterior-mean positions (with their share of variance), above its lowest point of rest, in units of the temperature T; other coordinates at their mean. "
        f"Left: {len(p.paths)} single trials projected onto the plane, a line of equal energy every few T, points of rest as filled circles. "
        f"Below right: density of the coordinate over {samples_of(p)}, beside the Boltzmann law exp(−U/T) of all dimensions, which is where noise and friction alone would take it. "
        "Where the two agree the prior knows where activity is; where they part the trials must be told."
    )
    if p.landscape is None:
        caption = caption.replace("Left:", "Not drawn for one dimension:")
    if not np.isfinite(p.profiles[0].boltzmann).any():
        caption += " <b>No Boltzmann law: the potential has no well where data are.</b>"
    return plot.figure(traces, layout, height=400, label="Energy landscape", caption=caption)


def _plane(p: Physics) -> Iterator[dict[str, Any]]:
    assert p.landscape is not None
    yield {
        "type": "contour",
        "x": p.landscape.x,
        "y": p.landscape.y,
        "z": p.landscape.energy,
        "ncontours": 14,
        "colorscale": _SHADES,
        "contours": {"coloring": "heatmap"},
        "line": {"width": 0.6, "color": plot.BASELINE},
        "colorbar": {"thickness": 8, "len": 1, "x": 0.365, "tickfont": {"size": 10}, "nticks": 5, "outlinewidth": 0},
        "hovertemplate": "%{z:.3g} T<extra></extra>",
    }
    yield joined_paths(p.paths[..., :2], plot.MODEL, "single trials") | {"showlegend": True}
    stable = np.flatnonzero(p.rest.stable)
    if len(stable):
        dots = {"type": "scatter", "mode": "markers", "name": "point of rest", "showlegend": True}
        at = p.rest_coordinates[stable]
        yield dots | {"x": at[:, 0], "y": at[:, 1], "marker": {"size": 8, "color": plot.INK}}


def velocity_portraits(p: Physics) -> str:
    """Figure of position against velocity along the first principal axes, with the noise-free flow."""
    layout: dict[str, Any] = {"margin": MARGIN}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.05, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    for k, place in enumerate(plot.grid(1, len(p.flows), gap_x=0.1)):
        field = p.flows[k]
        axes = plot.panel(
            layout,
            k + 1,
            place,
            x=plot.axis(_axis_name(p, k), range=field.x[[0, -1]], nticks=5),
            y=plot.axis(f"velocity along PC {k + 1} (1/s)", range=field.y[[0, -1]], nticks=5),
        )
        traces.append(flow_arrows(field.x, field.y, field.velocity) | axes)
        moved = np.stack([p.paths[..., k], p.velocities[..., k]], 2)
        traces.append(joined_paths(moved, plot.MODEL, "single trials") | {"showlegend": k == 0} | axes)
    caption = (
        "Position against velocity along the first principal axes. Arrows: where a bin of the dynamics leads without noise and inputs, from a state that is at point of rest 1 in every other direction. "
        f"Lines: {len(p.paths)} single trials (posterior means), projected. An under-damped system turns clockwise around its point of rest; an over-damped one falls onto a line and creeps. "
        "Where trials cross the arrows, inferred inputs push, or other dimensions pull."
    )
    return plot.figure(traces, layout, height=400, label="Phase portraits", caption=caption)
