"""How a learning rule's gradient stood to the exact one, where `neurodyn analyse --gradients` has been run."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section
from neurodyn.reporting.subject import Subject
from neurodyn.training.kept import ALL


class GradientAlignment(Section):
    """Angles and norms over updates, of every parameter and of all together."""

    name = "gradient_alignment"
    title = "Gradient alignment"
    lead = "Did the rule go where the exact gradient points? An angle below 90° is needed for descent, not sufficient."

    def applies(self, subject: Subject) -> bool:
        """Whether gradients have been compared along the training."""
        return subject.gradients is not None

    def html(self, subject: Subject) -> str:
        """Angles on the left, ratios of norms on the right."""
        found = subject.gradients
        assert found is not None
        height = 320
        layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 66, "b": 44}, "shapes": []}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 26 / (height - 110), "yanchor": "bottom"}
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(found.exact_norm > 0, found.norm / found.exact_norm, np.nan)
        ratio = np.where(ratio > 0, ratio, np.nan)  # what the rule does not train has no place on a logarithmic axis
        panels = (
            ("angle (degrees)", found.angle_deg, plot.axis(rangemode="tozero", nticks=5)),
            ("norm over that of the exact gradient", ratio, plot.log_axis(ratio)),
        )
        traces = []
        for k, ((title, values, y_axis), place) in enumerate(zip(panels, plot.grid(1, 2, gap_x=0.12))):
            axes = plot.panel(layout, k + 1, place, x=plot.axis("updates", nticks=5), y=y_axis, title=title)
            layout["shapes"].append(_level(90.0 if k == 0 else 1.0, axes))
            for i, (block, colour) in enumerate(zip(found.blocks, _palette(found.blocks))):
                name = "all parameters" if block == ALL else block.replace("_", " ")
                same = {"name": name, "legendgroup": name, "showlegend": k == 0, **axes}
                hover = f"{name}, after %{{x}} updates: %{{y:.3g}}<extra></extra>"
                width = 2.6 if block == ALL else 1.4
                traces.append(plot.line(found.steps, values[:, i], colour, width=width, hovertemplate=hover, **same))
        median = np.nanmedian(found.angle_deg[:, 0]) if np.isfinite(found.angle_deg[:, 0]).any() else float("nan")
        caption = (
            f"Gradients of {found.rule} and of back-propagation through time, of the whole objective as it stood at each of {len(found.steps)} kept steps, on the same "
            f"{found.trials} training trials and without noise. Of all parameters together the angle was {median:.0f}° (median over the kept steps)."
        )
        return plot.figure(traces, layout, height=height, label="Gradient alignment over updates", caption=caption)


def _palette(blocks: tuple[str, ...]) -> list[str]:
    return [plot.INK, *plot.colours(len(blocks) - 1)]


def _level(y: float, axes: dict[str, str]) -> dict[str, Any]:
    """A dotted line across a panel."""
    across = {"x0": 0, "x1": 1, "xref": f"{axes['xaxis']} domain", "y0": y, "y1": y, "yref": axes["yaxis"]}
    return {"type": "line", "line": {"color": plot.MUTED, "width": 1, "dash": "dot"}, **across}
