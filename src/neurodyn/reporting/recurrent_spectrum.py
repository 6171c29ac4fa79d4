"""Eigenvalues of a network's recurrent weights, before and after training."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section
from neurodyn.reporting.subject import Subject


class RecurrentSpectrum(Section):
    """The eigenvalues in the complex plane, and the size of the change along its directions."""

    name = "recurrent_spectrum"
    title = "Recurrent weights"
    lead = "What training made of the connections: their eigenvalues, and in how many directions they changed."

    def applies(self, subject: Subject) -> bool:
        """Whether the model has recurrent weights to look at."""
        return subject.spectrum is not None

    def html(self, subject: Subject) -> str:
        """The complex plane on the left, singular values of the change on the right."""
        found = subject.spectrum
        assert found is not None
        height = 400
        layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 64, "b": 44}, "shapes": []}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 26 / (height - 108), "yanchor": "bottom"}
        left, right = plot.grid(1, 2, gap_x=0.12)
        real = plot.axis("real part", nticks=6)
        imaginary = plot.axis("imaginary part", nticks=6, scaleanchor="x", scaleratio=1)
        axes = plot.panel(layout, 1, left, x=real, y=imaginary, title="eigenvalues")
        layout["shapes"].append(plot.vertical(1.0, axes))
        traces = []
        for name, values, colour in (("before", found.before, plot.BASELINE), ("after", found.after, plot.MODEL)):
            marks = {"type": "scatter", "mode": "markers", "marker": {"size": 5, "color": colour, "opacity": 0.8}}
            hover = f"{name} training: %{{x:.3g}} + %{{y:.3g}} i<extra></extra>"
            place = {"x": values.real, "y": values.imag, "name": f"{name} training", "hovertemplate": hover}
            traces.append(marks | place | axes)
        rank = np.arange(1, len(found.change) + 1)
        y_axis = plot.axis(nticks=5, rangemode="tozero")
        axes = plot.panel(layout, 2, right, x=plot.axis("rank"), y=y_axis, title="singular values of the change")
        traces.append(plot.line(rank, found.change, plot.MODEL, **axes))
        caption = (
            f"The weights that activity passes through, {len(rank)} units. Dotted: real part 1, from which on a mode grows by itself where units respond with slope 1 and share one time constant. "
            f"Spectral radius {abs(found.before[0]):.3f} before, {abs(found.after[0]):.3f} after. The change has {found.norm_ratio:.3g} times the norm of the weights before, "
            f"and an effective rank of {found.effective_rank:.1f} (the exponential of the entropy of its normalised singular values)."
        )
        return plot.figure(traces, layout, height=height, label="Eigenvalues of the recurrent weights", caption=caption)
