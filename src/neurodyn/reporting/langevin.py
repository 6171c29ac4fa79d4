"""Latents that obey the Langevin equation: their modes, energies, landscape, phase portraits, and what the posterior adds."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

import numpy as np

from neurodyn.dynamics.normal_modes import REGIMES
from neurodyn.dynamics.physics import Physics
from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, table
from neurodyn.reporting.energy_landscape import MARGIN, energy_landscape, samples_of, velocity_portraits
from neurodyn.reporting.scores import number
from neurodyn.reporting.subject import Subject

_MODES, _DIMENSIONS = 8, 24
"""Modes in the table, and dimensions drawn."""
_ENERGIES = {"kinetic": plot.CATEGORIES[1], "potential": plot.CATEGORIES[2], "total": plot.MODEL}
_COLOURS = dict(zip(REGIMES, (plot.MODEL, plot.CATEGORIES[2], plot.CATEGORIES[1], plot.BASELINE, plot.CATEGORIES[3])))


class Langevin(Section):
    """What inertia, friction, potential and noise do in a fitted LangevinFlow."""

    name = "langevin"
    title = "Inertia, friction and energy"
    lead = "The latents are positions and velocities of a damped mechanical system: how it swings, where it rests, how much energy it holds, and how much of each trial must be told to it."

    def applies(self, subject: Subject) -> bool:
        """Whether the model has physics to look at; the published modes have none."""
        return subject.physics is not None

    def html(self, subject: Subject) -> str:
        """Tables and five figures."""
        assert subject.physics is not None
        return physics_html(subject.physics)


def physics_html(physics: Physics) -> str:
    """The section's body."""
    shown = (_rest_table, _modes_table, _modes, _energies, energy_landscape, velocity_portraits, _information)
    return "".join(each(physics) for each in shown)


# -- modes ----------------------------------------------------------------------------------------------------------


def _rest_table(p: Physics) -> str:
    rows = []
    for i, modes in enumerate(p.modes):
        kinds = Counter(modes.regime)
        kind = "minimum" if p.rest.stable[i] else "no minimum: the potential has none where data are"
        swings = modes.frequency_hz[modes.frequency_hz > 0]
        span = f"{swings.min():.3g} to {swings.max():.3g}" if len(swings) else "none"
        counts = ", ".join(f"{kinds[regime]} {regime}" for regime in REGIMES if kinds[regime])
        above = (p.rest.energies[i] - p.rest.energies.min()) / p.temperature
        share = f"{p.rest.shares[i]:.0%}" if p.rest.stable[i] else "–"
        rows.append([str(i + 1), kind, share, f"{above:.3g}", counts, span])
    head = ["Point of rest", "Kind", "Visited bins that descend to it", "Energy (T)", "Modes", "Frequencies (Hz)"]
    friction, kept = p.friction_hz, len(p.modes)
    span = f"{friction.min():.3g}" if np.ptp(friction) < 1e-3 else f"{friction.min():.3g} to {friction.max():.3g}"
    said = (
        f"Potential <b>{escape(p.potential)}</b>, integrator <b>{escape(p.integrator)}</b>; friction {span} per second; "
        f"temperature T = {p.temperature:.3g}; unit of time {p.time_unit_s:g} s."
    )
    if p.rest.distinct > kept:
        said += f" {p.rest.distinct} minima were found from visited positions; the {kept} that most of them descend to are listed."
    return f"<p>{said}</p>{table(head, rows)}"


def _modes_table(p: Physics) -> str:
    modes = p.modes[0]
    rows = []
    for i in range(min(len(modes), _MODES)):
        decay = modes.decay_s[i]
        time = (
            "never" if np.isinf(decay) else f"{1000 * decay:.3g}" if decay > 0 else f"grows, e-fold {-1000 * decay:.3g}"
        )
        rows.append(
            [
                str(i + 1),
                modes.regime[i],
                f"{modes.frequency_hz[i]:.3g}" if modes.frequency_hz[i] > 0 else "–",
                *(number(values[i]) for values in (modes.undamped_hz, modes.damping_ratio)),
                time,
                f"{modes.share[i]:.1%}",
            ]
        )
    head = ["Mode", "Damping", "Frequency (Hz)", "Undamped (Hz)", "Damping ratio", "Decay (ms)", "Share of variance"]
    return table(head, rows)


def _modes(p: Physics) -> str:
    modes, places = p.modes[0], plot.grid(1, 2, gap_x=0.1)
    layout: dict[str, Any] = {"margin": MARGIN}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom"}
    decay = 1000 * modes.decay_s
    shown = np.isfinite(decay) & (decay > 0)
    axes = plot.panel(
        layout,
        1,
        places[0],
        x=plot.axis("frequency (Hz)", rangemode="tozero"),
        y=plot.log_axis(decay[shown], "decay (ms)"),
    )
    traces: list[dict[str, Any]] = []
    for regime in dict.fromkeys(modes.regime):
        rows = np.array([r == regime for r in modes.regime]) & shown
        size = 6 + 24 * np.sqrt(np.clip(modes.share[rows], 0, 1))
        marker = {"size": size, "color": plot.faded(_COLOURS[regime], 0.65), "line": {"width": 1, "color": "#ffffff"}}
        dots = {"type": "scatter", "mode": "markers", "x": modes.frequency_hz[rows], "y": decay[rows]}
        traces.append(dots | {"marker": marker, "name": regime, "showlegend": True} | axes)
    axes = plot.panel(
        layout,
        2,
        places[1],
        x=plot.axis("mode, by share"),
        y=plot.axis("share of variance", rangemode="tozero"),
    )
    bars = {"type": "bar", "x": np.arange(len(modes)) + 1, "y": modes.share, "showlegend": False}
    traces.append(bars | {"marker": {"color": [_COLOURS[regime] for regime in modes.regime]}} | axes)
    caption = (
        f"Normal modes about point of rest 1: the {len(modes)} ways in which position and velocity return to it without noise and inputs, from the curvature of the potential and the friction. "
        "Left: each mode's frequency (0: it creeps back without a swing) and the time in which it falls to 1/e; the larger the dot, the more variance along it. "
        "Right: share of the variance of the posterior-mean positions along each mode's shape."
    )
    if not shown.all():
        caption += f" {int((~shown).sum())} modes that do not decay are left out on the left."
    return plot.figure(traces, layout, height=330, label="Normal modes", caption=caption)


# -- energies -------------------------------------------------------------------------------------------------------


def _energies(p: Physics) -> str:
    energies, size = p.energies, len(p.friction_hz)
    layout: dict[str, Any] = {"margin": MARGIN}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom"}
    places = [([0.0, 0.6], [0.0, 1.0]), ([0.7, 1.0], [0.0, 1.0])]
    bins = len(energies.mean["total"])
    time = (np.arange(bins) + 0.5) * p.bin_s
    axes = plot.panel(
        layout,
        1,
        places[0],
        x=plot.axis("time in window (s)", range=[0, bins * p.bin_s]),
        y=plot.axis("energy (T)", rangemode="tozero"),
    )
    traces: list[dict[str, Any]] = []
    for name, colour in _ENERGIES.items():
        mean, sd = energies.mean[name], energies.sd[name]
        traces.append(_band(time, mean, sd, colour) | axes)
        traces.append(plot.line(time, mean, colour, width=2, name=name, showlegend=True, **axes))
    levels = [("kinetic at equilibrium", size / 2, "dot")]
    if energies.potential_at_equilibrium is not None:
        levels.append(("potential at equilibrium", energies.potential_at_equilibrium, "dash"))
    for name, level, dash in levels:
        ends = np.array([0, bins * p.bin_s])
        line = plot.line(ends, np.full(2, level), plot.BASELINE, width=1.4, dash=dash, name=name, showlegend=True)
        traces.append(line | axes)
    layout["shapes"] = []
    if p.observed_bins < bins:
        layout["shapes"].append(plot.vertical(p.observed_bins * p.bin_s, axes))
    ratio = np.sort(energies.kinetic_ratio)[::-1]
    axes = plot.panel(
        layout,
        2,
        places[1],
        x=plot.axis("dimension, sorted"),
        y=plot.axis("⟨v²⟩ / T", rangemode="tozero"),
    )
    dots = {"type": "scatter", "mode": "markers", "x": np.arange(size) + 1, "y": ratio, "showlegend": False}
    traces.append(dots | {"marker": {"color": _ENERGIES["kinetic"], "size": 5}} | axes)
    traces.append(plot.line([0.5, size + 0.5], [1, 1], plot.BASELINE, width=1.4, dash="dot", **axes))
    caption = (
        f"Mean (s.d. shaded) over {samples_of(p)}, in units of the temperature T. Kinetic: half the squared velocity, summed over {size} dimensions. Potential: above the lowest point of rest. "
        "Grey: what noise and friction alone would settle to. Right: equipartition, the mean squared velocity of each dimension over the temperature. 1 at equilibrium; above it the inputs heat the path. "
        f"All dimensions: {energies.kinetic_ratio.mean():.3g}."
    )
    if p.observed_bins < bins:
        caption += " Right of the dotted line the model predicts ahead: no inputs, and noise of the prior."
    return plot.figure(traces, layout, height=330, label="Energies over time", caption=caption)


# -- information ----------------------------------------------------------------------------------------------------


def _information(p: Physics) -> str:
    kl, driven = p.information, len(p.information.input_size)
    layout: dict[str, Any] = {"margin": {**MARGIN, "t": 34}}
    places = plot.grid(2, 2, gap_x=0.1, gap_y=0.2) if driven else plot.grid(1, 2)
    axes = plot.panel(layout, 1, places[0], x=plot.axis(), y=plot.axis("KL (nats a trial)", rangemode="tozero"))
    means, sds = ([float(f(values)) for values in kl.parts.values()] for f in (np.mean, np.std))
    bars = _bars(list(kl.parts), means, plot.MODEL) | {"width": 0.6}
    traces: list[dict[str, Any]] = [bars | {"error_y": {"type": "data", "array": sds, "thickness": 1}} | axes]
    parts = "position and velocity of the first bin"
    caption = f"What the posterior says beyond the prior, {sum(means):.3g} nats a trial over {samples_of(p)}. "
    if not driven:
        caption += (
            f"The parts (bars: s.d. over trials): {parts}. No inputs are inferred: a trial is known by its start alone."
        )
        return plot.figure(traces, layout, height=300, label="KL of each part", caption=caption)
    time = (np.arange(driven) + 0.5) * p.bin_s
    clock = plot.axis("time in window (s)", range=[0, driven * p.bin_s])
    axes = plot.panel(layout, 2, places[1], x=clock, y=plot.axis("path's KL (nats a bin)", rangemode="tozero"))
    traces.append(_band(time, kl.bins[0], kl.bins[1], plot.MODEL) | axes)
    traces.append(plot.line(time, kl.bins[0], plot.MODEL, width=2, **axes))
    order = np.argsort(-kl.dimensions)[:_DIMENSIONS]
    x_axis = plot.axis("dimension", type="category", nticks=len(order))
    axes = plot.panel(layout, 3, places[2], x=x_axis, y=plot.axis("½Σa² (nats a trial)", rangemode="tozero"))
    traces.append(_bars([str(d + 1) for d in order], kl.dimensions[order], plot.CATEGORIES[1]) | axes)
    axes = plot.panel(layout, 4, places[3], x=clock, y=plot.axis("size of inputs a", rangemode="tozero"))
    traces.append(plot.line(time, kl.input_size, plot.CATEGORIES[1], width=2, **axes))
    caption += (
        f"Blue, left: the parts (bars: s.d. over trials): {parts}, and the path after it; right: the path's KL in each bin (s.d. over trials shaded). Orange: the inferred inputs a. Left: half their squares "
        f"summed over a trial, the {len(order)} largest of {len(kl.dimensions)} dimensions; together {float(kl.inputs.mean()):.3g} nats, and the rest of the path's KL is noise made narrower than the prior's. "
        "Right: their root mean square over trials and dimensions; the prior's noise has 1."
    )
    return plot.figure(traces, layout, height=500, label="KL of each part, over time and dimensions", caption=caption)


def _bars(x: Any, y: Any, colour: str) -> dict[str, Any]:
    return {"type": "bar", "x": x, "y": y, "marker": {"color": colour}, "showlegend": False}


def _band(time: np.ndarray, mean: np.ndarray, sd: np.ndarray, colour: str) -> dict[str, Any]:
    """One s.d. about a mean, shaded."""
    inside = np.isfinite(mean)
    edge = np.concatenate([(mean + sd)[inside], (mean - sd)[inside][::-1]])
    around = np.concatenate([time[inside], time[inside][::-1]])
    band = plot.line(around, edge, "rgba(0,0,0,0)", width=0, hoverinfo="skip")
    return band | {"fill": "toself", "fillcolor": plot.faded(colour, 0.14)}
