"""Latent trajectories in three dimensions, coloured by condition, behaviour or time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.conditions import number_of_conditions, shown_conditions
from neurodyn.reporting.event import Event
from neurodyn.reporting.subject import Subject

TRIALS, MOST_BINS, SECTORS, PARTS = 40, 120, 8, 6
"""Single trials and bins drawn; sectors of the behaviour's direction; parts of the window that are coloured apart."""
SECTOR_NAMES = ("→", "↗", "↑", "↖", "←", "↙", "↓", "↘")


@dataclass(frozen=True, eq=False)
class Groups:
    """How trials are coloured."""

    of_trial: np.ndarray
    """Group of each test trial, `(trial,)`; -1 is not drawn."""
    names: list[str]
    what: str
    """What the groups are, for the caption."""


@dataclass(frozen=True, eq=False)
class Strand:
    """Paths drawn in one colour."""

    name: str
    colour: str
    paths: np.ndarray
    """`(trial, time, coordinate)`; NaN where there is no data."""
    mean: np.ndarray | None
    """`(time, coordinate)`; None where colour stands for time."""


class Trajectories(Section):
    """Single-trial latent trajectories: a 3-D scene to turn, and its projections for paper."""

    name = "trajectories"
    title = "Latent trajectories"
    lead = "The population's path through its state space, one line a test trial."

    def applies(self, subject: Subject) -> bool:
        """Whether there are at least two latents."""
        latents = subject.test_inference.latents
        return latents is not None and latents.shape[2] >= 2 and subject.test.bins == latents.shape[1]

    def html(self, subject: Subject) -> str:
        """Scene (where there are three coordinates) and projections."""
        paths, share = coordinates(subject)
        groups = grouping(subject)
        trials = _drawn(groups)
        event = Event.of(subject.test)
        step = int(np.ceil(len(event.offsets) / MOST_BINS))
        paths = event.aligned(paths, trials)[:, ::step]
        strands = _strands(paths, groups, groups.of_trial[trials], subject.test.bin_s * step)
        ticks = [f"latent {i + 1}" for i in range(paths.shape[2])]
        which = "The latents as they are"
        if share is not None:
            ticks = [f"PC {i + 1} ({part:.0%})" for i, part in enumerate(share)]
            which = "The first three principal components (PC) of the latents, found on the test trials, with their share of the variance"
        thick = strands[0].mean is not None
        caption = (
            f"{which}. {len(trials)} of {trials_of(subject)}; colour: {groups.what}. Thin: single trials"
            + ("; thick: means of the drawn trials; dots: where they start." if thick else ".")
            + (f" One bin in {step} is drawn." if step > 1 else "")
            + (f" Trials are aligned to {event.name} and drawn where all of them reach." if event.name else "")
        )
        flat = _projections(strands, ticks, caption)
        return flat if paths.shape[2] < 3 else _scene(strands, ticks) + flat


def _strands(paths: np.ndarray, groups: Groups, of_trial: np.ndarray, step_s: float) -> list[Strand]:
    """One strand a group; without groups one a part of the window, dark to bright."""
    if len(groups.names) > 1:
        palette = plot.colours(len(groups.names))
        return [
            Strand(name, palette[g], paths[of_trial == g], plot.average(paths[of_trial == g]))
            for g, name in enumerate(groups.names)
            if np.any(of_trial == g)
        ]
    edges = np.linspace(0, paths.shape[1] - 1, PARTS + 1).astype(int)
    palette = plot.colours(PARTS, ordered=True)
    return [
        Strand(f"{a * step_s:.2f} to {b * step_s:.2f} s", palette[i], paths[:, a : b + 1], None)
        for i, (a, b) in enumerate(zip(edges[:-1], edges[1:]))
    ]


def _scene(strands: list[Strand], ticks: list[str]) -> str:
    traces: list[dict[str, Any]] = []
    for strand in strands:
        base: dict[str, Any] = {"type": "scatter3d", "mode": "lines", "legendgroup": strand.name, "name": strand.name}
        base |= {"hoverinfo": "name", "connectgaps": False}
        thin = {"line": {"color": strand.colour, "width": 1.5}, "opacity": 0.3 if strand.mean is not None else 0.7}
        traces.append(base | dict(zip("xyz", _joined(strand.paths))) | thin | {"showlegend": strand.mean is None})
        if strand.mean is not None:
            traces.append(base | dict(zip("xyz", strand.mean.T)) | {"line": {"color": strand.colour, "width": 6}})
            dot = {"mode": "markers", "marker": {"color": strand.colour, "size": 4}, "showlegend": False}
            traces.append(base | dict(zip("xyz", strand.mean[:1].T)) | dot)
    quiet = {"showbackground": False, "gridcolor": "#e6eaed", "zeroline": False, "linecolor": plot.MUTED}
    quiet |= {"showspikes": False, "tickfont": {"size": 10}, "nticks": 5}
    scene: dict[str, Any] = {
        f"{a}axis": {**quiet, "title": {"text": text, "font": {"size": 12}}} for a, text in zip("xyz", ticks)
    }
    scene["camera"] = {"eye": {"x": 1.5, "y": 1.5, "z": 0.8}, "center": {"x": 0, "y": 0, "z": -0.12}}
    layout = {"scene": scene | {"aspectmode": "cube"}, "margin": {"l": 0, "r": 0, "t": 10, "b": 0}}
    layout["legend"] = {"orientation": "v", "x": 1, "xanchor": "right", "y": 0.95, "yanchor": "top"}
    caption = "Drag to turn, scroll to zoom; the projections below show the same."
    label = "Latent trajectories in three dimensions"
    return plot.figure(traces, layout, height=480, label=label, caption=caption, webgl=True)


def _projections(strands: list[Strand], ticks: list[str], caption: str) -> str:
    pairs = [(0, 1), (0, 2), (1, 2)] if len(ticks) == 3 else [(0, 1)]
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 40, "b": 50}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.03, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    places = plot.grid(1, 3, gap_x=0.1)
    for k, ((i, j), place) in enumerate(zip(pairs, places)):
        axes = plot.panel(layout, k + 1, place, x=plot.axis(ticks[i], nticks=5), y=plot.axis(ticks[j], nticks=5))
        for strand in strands:
            same = {"legendgroup": strand.name, "name": strand.name, "hoverinfo": "name", **axes}
            x, y = (_joined(strand.paths)[c] for c in (i, j))
            if strand.mean is None:
                traces.append(plot.line(x, y, plot.faded(strand.colour, 0.6), width=0.9, **same, showlegend=k == 0))
                continue
            traces.append(plot.line(x, y, plot.faded(strand.colour, 0.25), width=0.8, **same))
            x, y = strand.mean[:, i], strand.mean[:, j]
            traces.append(plot.line(x, y, strand.colour, width=2.4, **same, showlegend=k == 0))
            dot = {"type": "scatter", "mode": "markers", "marker": {"color": strand.colour, "size": 6}}
            traces.append(dot | {"x": x[:1], "y": y[:1], "showlegend": False} | same)
    label = "Projections of the latent trajectories"
    return plot.figure(traces, layout, height=330, label=label, caption=caption)


def coordinates(subject: Subject) -> tuple[np.ndarray, np.ndarray | None]:
    """Up to three coordinates `(trial, time, 3)` of the test latents, and each one's share of the variance.

    More than three latents are turned onto their first three principal components; two or three are shown as they are.
    """
    latents = subject.test_inference.latents
    assert latents is not None
    if latents.shape[2] <= 3:
        return latents, None
    used = latents[subject.test.mask].astype(np.float64)
    centred = used - used.mean(0)
    variance, directions = np.linalg.eigh(centred.T @ centred)
    share = variance[::-1][:3] / max(variance.sum(), 1e-300)
    return (latents - used.mean(0)) @ directions[:, ::-1][:, :3], share


def grouping(subject: Subject) -> Groups:
    """Groups by condition; without conditions by the direction of the behaviour's mean; without behaviour none (colour is time)."""
    test = subject.test
    if number_of_conditions(test.conditions) > 1:
        labels, shown = shown_conditions(test.conditions)
        of_trial = np.array([shown.index(c) if c in shown else -1 for c in labels])
        hidden = number_of_conditions(test.conditions) - len(shown)
        what = "condition" + (f" ({hidden} more are not drawn)" if hidden else "")
        return Groups(of_trial, shown, what)
    behaviour = test.behaviour
    if behaviour is not None and behaviour.shape[2] >= 2:
        inside = np.where(test.mask[:, : behaviour.shape[1], None], behaviour[..., :2], np.nan)
        mean = np.nan_to_num(plot.average(np.moveaxis(inside, 1, 0)))
        angle = np.arctan2(mean[:, 1], mean[:, 0])
        sector = np.round(angle / (2 * np.pi / SECTORS)).astype(int) % SECTORS
        what = "direction of the first two behaviour channels averaged over the trial, in eight sectors"
        return Groups(sector, list(SECTOR_NAMES), what)
    return Groups(np.zeros(len(test), int), ["trial"], "time in the window, dark to bright")


def _drawn(groups: Groups) -> np.ndarray:
    """Test trials to draw: equally many of each group as far as they last."""
    each = max(1, TRIALS // max(len(groups.names), 1))
    picked = [np.flatnonzero(groups.of_trial == g)[:each] for g in range(len(groups.names))]
    return np.sort(np.concatenate(picked))


def _joined(paths: np.ndarray) -> list[np.ndarray]:
    """Coordinates of several paths in one line with gaps, each `(trial * (time + 1),)`."""
    gap = np.full((len(paths), 1, paths.shape[2]), np.nan)
    flat = np.concatenate([paths, gap], 1).reshape(-1, paths.shape[2])
    return list(flat.T)
