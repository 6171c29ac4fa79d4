"""What several fits say of the inputs, as tables, a picture of their agreement and a verdict."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from neurodyn.dynamics.input_agreement import InputAgreement
from neurodyn.reporting import plot
from neurodyn.reporting.base import table

_PANELS = (("r2", "inputs"), ("shuffled", "inputs of other trials"), ("state", "latents"))


def identifiability_html(found: InputAgreement) -> str:
    """The verdict, a table of fits, one of groups and the picture."""
    title, head, rows, _ = found.table()
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.verdict())
    shown = [[escape(cell) for cell in row] for row in rows]
    parts = [f"<ul>{said}</ul>", f"<h3>{escape(title)}</h3>", table([escape(h) for h in head], shown)]
    ensembles = found.ensembles()
    if ensembles:
        cells = [
            [
                escape(name or "all"),
                str(int(mean["pairs"])),
                *(f"{mean[w]:.3f}" for w in ("r2", "shuffled", "state", "gain")),
            ]
            for name, mean in ensembles.items()
        ]
        head = ["group", "maps", "R² of inputs", "of other trials'", "of latents", "gain over state"]
        parts += ["<h3>Agreement</h3>", table(head, cells), _figure(found)]
    twins = _twins(found)
    return "".join([*parts, twins])


def _twins(found: InputAgreement) -> str:
    runs = [run for run in found.runs if run.twins]
    if not runs:
        return ""
    head = ["run", *(escape(name) for name in runs[0].twins)]
    rows = [[escape(run.name), *(f"{r2:.3f} ({gain:.2f})" for r2, gain in run.twins.values())] for run in runs]
    return f"<h3>Twins: R² with the inputs under which each circuit makes the same activity (gain over state)</h3>{table(head, rows)}"


def _figure(found: InputAgreement) -> str:
    places = plot.grid(1, len(_PANELS), gap_x=0.07)
    layout: dict[str, Any] = {"margin": {"l": 90, "r": 14, "t": 48, "b": 80}}
    names = [run.name for run in found.runs]
    traces = []
    for k, ((what, label), place) in enumerate(zip(_PANELS, places)):
        y = plot.axis("" if k else "from", autorange="reversed", showticklabels=k == 0)
        axes = plot.panel(layout, k + 1, place, x=plot.axis("to the inputs of"), y=y, title=f"R² from {label}")
        traces.append(
            {
                "type": "heatmap",
                "x": names,
                "y": names,
                "z": np.where(np.isfinite(getattr(found, what)), getattr(found, what), np.nan),
                "zmin": 0,
                "zmax": 1,
                "showscale": k == len(_PANELS) - 1,
                "colorscale": [[0, "#fbfcfd"], [1, plot.MODEL]],
            }
            | axes
        )
    caption = (
        "R² of the linear map from what the fit in the row infers to the inputs of the fit in the column, fitted on training trials and scored on test trials; below 0 is drawn as 0. Where the middle "
        "panel is as dark as the left one, fits share no more than the course common to all trials; where the right one is, no more than their states tell."
    )
    return plot.figure(traces, layout, height=380, label="Agreement of inferred inputs", caption=caption)
