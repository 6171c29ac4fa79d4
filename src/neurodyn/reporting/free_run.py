"""Long runs as a figure: where they are, their power spectra and their Lyapunov exponents, beside the true system's."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from neurodyn.dynamics.long_runs import LongRuns
from neurodyn.dynamics.power_spectrum import power_by_trial, smoothed
from neurodyn.reporting import plot
from neurodyn.reporting.base import table

_DRAWN, _BINS, _DIMENSIONS, _SMOOTHING = 6, 200, 3, 2.0


def free_run_html(runs: LongRuns) -> str:
    """The table of distances and one figure: cloud, spectra of power, exponents."""
    title, head, rows, note = runs.table()
    shown = [[escape(cell) for cell in row] for row in rows]
    return f"<p>{escape(title)}: {escape(note)}.</p>{table([escape(h) for h in head], shown)}{_figure(runs)}"


def _figure(runs: LongRuns) -> str:
    places = plot.grid(1, 3, gap_x=0.09)
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 64, "b": 50}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.1, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    width = runs.truth.shape[2]
    second = "latent 2" if width > 1 else "a bin later"
    axes = plot.panel(layout, 1, places[0], x=plot.axis("latent 1"), y=plot.axis(second), title="where runs are")
    traces += [trace | axes for trace in _cloud(runs)]
    bins = runs.truth.shape[1]
    hertz = np.arange(1, bins // 2 + 1) / (bins * runs.bin_s)
    power = [_spectrum(each, runs)[1 : len(hertz) + 1] for each in (runs.truth, runs.settled)]
    axes = plot.panel(
        layout,
        2,
        places[1],
        x=plot.log_axis(hertz, "frequency (Hz)"),
        y=plot.log_axis(np.maximum(np.concatenate(power), 1e-6), "share of power"),
        title="power spectra",
    )
    traces += [trace | axes for trace in _spectra(hertz, power)]
    axes = plot.panel(
        layout, 3, places[2], x=plot.axis("number", dtick=1), y=plot.axis("exponent (1/s)"), title="Lyapunov exponents"
    )
    traces += [trace | axes for trace in _exponents(runs)]
    return plot.figure(
        traces,
        layout,
        height=380,
        label="States, power spectra and Lyapunov exponents of runs without data",
        caption=_caption(runs),
    )


def _cloud(runs: LongRuns) -> Iterator[dict[str, Any]]:
    for name, of, colour in (("truth", runs.truth, plot.TRUTH), ("model", runs.model, plot.MODEL)):
        some = of[:_DRAWN, :_BINS]
        if some.shape[2] == 1:  # a delay stands for the second dimension
            some = np.concatenate([some[:, :-1], some[:, 1:]], 2)
        gap = np.full((len(some), 1, 2), np.nan)
        x, y = np.concatenate([some[..., :2], gap], 1).reshape(-1, 2).T
        yield plot.line(x, y, plot.faded(colour, 0.45), width=0.9, name=name, legendgroup=name, showlegend=True)


def _spectrum(of: np.ndarray, runs: LongRuns) -> np.ndarray:
    return np.asarray(smoothed(power_by_trial(of, runs.truth.std((0, 1))).sum(0), _SMOOTHING))


def _spectra(hertz: np.ndarray, power: list[np.ndarray]) -> Iterator[dict[str, Any]]:
    for name, of, colour in zip(("truth", "model"), power, (plot.TRUTH, plot.MODEL)):
        for k in range(min(of.shape[1], _DIMENSIONS)):
            dash = plot.DASHES[k % len(plot.DASHES)]
            yield plot.line(hertz, np.maximum(of[:, k], 1e-6), colour, width=1.3, dash=dash, legendgroup=name)


def _exponents(runs: LongRuns) -> Iterator[dict[str, Any]]:
    for name, spectrum, symbol, colour in (
        ("truth", runs.true_exponents, "square-open", plot.TRUTH),
        ("model", runs.exponents, "circle", plot.MODEL),
    ):
        if spectrum is None or not len(spectrum.by_start):
            continue
        values = spectrum.per(runs.bin_s)
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": np.arange(1, len(values) + 1),
            "y": values,
            "error_y": {"type": "data", "array": 2 * spectrum.error / runs.bin_s, "thickness": 1},
            "marker": {"symbol": symbol, "size": 8, "color": colour},
            "legendgroup": name,
            "showlegend": False,
        }


def _caption(runs: LongRuns) -> str:
    text = (
        f"{len(runs.model)} runs of {runs.model.shape[1]} bins without data; {escape(runs.held)}. Black: {escape(runs.reference)}. Left: the first {_DRAWN} runs. "
        f"Middle: smoothed power spectra, each latent's sum 1, the first {_DIMENSIONS} latents by dashes. Right: Lyapunov exponents with two standard errors; above 0 neighbours part."
    )
    lost = int(runs.diverged.sum())
    if lost:
        text += f" <b>{lost} of the model's runs diverged</b> and {'is' if lost == 1 else 'are'} held where {'it was' if lost == 1 else 'they were'} last."
    return text
