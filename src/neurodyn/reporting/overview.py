"""One static figure of a subject, for a README or a slide: spikes, rates, latents, scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput
from neurodyn.reporting import plot
from neurodyn.reporting.rasters import sorted_units
from neurodyn.reporting.scores import best_baseline
from neurodyn.reporting.subject import Subject
from neurodyn.reporting.trajectories import coordinates, grouping

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SCORES, TRIALS = 5, 60
"""Scores and single-trial paths drawn."""


def overview_figure(subject: Subject, path: str | Path) -> Path:
    """Draws one test trial's spikes and inferred rates, all trials' latent paths and the scores in one wide panel.

    Args:
        subject: with rates on its test trials; panels without their data are left out.
        path: of the image; the ending names the format (`.png`, `.svg`, `.pdf`).

    Raises:
        InvalidInput: the subject has no recorded activity or no inferred rates.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if subject.test.neural_name is None or subject.test_inference.rates is None:
        raise InvalidInput("subject", "no activity or no inferred rates", "both, on the test trials")
    latents = subject.test_inference.latents
    draw: list[Any] = [_raster, _rates]
    if latents is not None and latents.shape[2] >= 2 and latents.shape[1] == subject.test.bins:
        draw.append(_paths)
    if subject.scores:
        draw.append(_scores)
    figure = Figure(figsize=(3.4 * len(draw), 3.1), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(draw))), draw):
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(labelsize=7, colors=plot.MUTED, labelcolor=plot.INK, length=3)
        panel(subject, axes)
        axes.title.set(fontsize=9, color=plot.INK)
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as beside:
        figure.savefig(beside, format=path.suffix.removeprefix(".") or "png")
    return path


def _trial(subject: Subject) -> int:
    """The example trial: the first of a few spread over conditions."""
    return int(subject.examples(4)[0])


def _raster(subject: Subject, axes: Axes) -> None:
    test, trial = subject.test, _trial(subject)
    units, heldout = sorted_units(subject)
    counts = np.nan_to_num(subject.recorded[trial])[:, units].T
    if test.neural.kind == "spikes":
        row, column = np.nonzero(counts)
        axes.vlines((column + 0.5) * test.bin_s, row - 0.42, row + 0.42, colors=plot.INK, linewidth=0.7)
    else:
        axes.imshow(counts, aspect="auto", cmap="Greys", extent=(0, test.bins * test.bin_s, len(units) - 0.5, -0.5))
    axes.set(title="recorded, one test trial", xlabel="time (s)", ylabel="unit", xlim=(0, test.bins * test.bin_s))
    axes.set_ylim(len(units) - 0.5, -0.5)
    _borders(subject, axes, len(units), heldout)


def _rates(subject: Subject, axes: Axes) -> None:
    test, trial, rates = subject.test, _trial(subject), subject.test_inference.rates
    assert rates is not None
    units, heldout = sorted_units(subject)
    shown = np.where(test.mask[trial][:, None], rates[trial], np.nan)[:, units].T
    largest = np.maximum(rates.max((0, 1))[units], 1e-12)[:, None]
    extent = (0, test.bins * test.bin_s, len(units) - 0.5, -0.5)
    axes.imshow(shown / largest, aspect="auto", cmap="cividis", vmin=0, extent=extent, interpolation="nearest")
    axes.set(title=f"rates inferred by {subject.name}", xlabel="time (s)", yticks=[])
    _borders(subject, axes, len(units), heldout)


def _borders(subject: Subject, axes: Axes, units: int, heldout: int) -> None:
    """Lines before the forward bins and above the held-out units."""
    test = subject.test
    if test.forward:
        axes.axvline(test.observed_bins * test.bin_s, color=plot.CATEGORIES[1], linestyle="--", linewidth=1)
    if heldout:
        axes.axhline(units - heldout - 0.5, color=plot.CATEGORIES[1], linewidth=1)


def _paths(subject: Subject, axes: Axes) -> None:
    paths, share = coordinates(subject)
    groups = grouping(subject)
    palette = plot.colours(len(groups.names))
    paths = np.where(subject.test.mask[..., None], paths, np.nan)
    for trial in np.flatnonzero(groups.of_trial >= 0)[:TRIALS]:
        axes.plot(*paths[trial, :, :2].T, color=palette[groups.of_trial[trial]], alpha=0.3, linewidth=0.7)
    for g in range(len(groups.names)) if len(groups.names) > 1 else ():
        if np.any(groups.of_trial == g):
            mean = plot.average(paths[groups.of_trial == g])
            axes.plot(*mean[:, :2].T, color=palette[g], linewidth=2)
            axes.plot(*mean[0, :2], "o", color=palette[g], markersize=4)
    name = "latent" if share is None else "latent PC"
    axes.set(title="latents, all test trials" if len(paths) <= TRIALS else f"latents, {TRIALS} test trials")
    axes.set(xlabel=f"{name} 1", ylabel=f"{name} 2", xticks=[], yticks=[])


def _scores(subject: Subject, axes: Axes) -> None:
    scores = list(subject.scores)[:MOST_SCORES]
    rows = np.arange(len(scores))
    for row, score in zip(rows, scores):
        best = best_baseline(score)
        if best is not None:
            axes.plot(score.baselines[best], row, "D", color=plot.MUTED, markerfacecolor="white", markersize=5)
        if score.ceiling is not None and np.isfinite(score.ceiling):
            axes.plot(score.ceiling, row, "|", color=plot.INK, markersize=11, markeredgewidth=1.6)
        axes.plot(score.interval, (row, row), color=plot.MODEL, linewidth=2)
        axes.plot(score.value, row, "o", color=plot.MODEL, markersize=5)
    for label, marker, colour, face in (
        (f"{subject.name}, 95 % interval", "o", plot.MODEL, plot.MODEL),
        ("best baseline", "D", plot.MUTED, "white"),
        *((("ceiling", "|", plot.INK, plot.INK),) if any(s.ceiling is not None for s in scores) else ()),
    ):
        axes.plot([], [], marker, color=colour, markerfacecolor=face, markersize=5, label=label)
    axes.set(title=f"scores, {scores[0].n} test trials", yticks=rows, yticklabels=[s.name for s in scores])
    axes.set_ylim(len(scores) + 0.6, -0.6)
    axes.legend(fontsize=6.5, frameon=False, loc="lower left", ncols=1)
