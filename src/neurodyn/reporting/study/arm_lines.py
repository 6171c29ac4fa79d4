"""An arm's runs as one line with a band, in a colour that is the arm's in every figure of its folder."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.study.base import StudyArm


def arm_lines(
    arm: StudyArm, number: int, across: np.ndarray, values: np.ndarray, *, named: bool
) -> list[dict[str, Any]]:
    """The line through the medians over seeds, above the band of their range where there are several.

    Args:
        arm: whose runs.
        number: of the arm in its folder.
        across: `(row,)`.
        values: `(seed, row)`.
        named: whether the legend names the arm here.
    """
    colour, dash = look_of(number)
    name = name_of(arm)
    hover = f"{escape(name)}, %{{x:.4g}}: %{{y:.3g}}<extra></extra>"
    shared: dict[str, Any] = {"legendgroup": name, "name": name}
    line = plot.line(across, np.median(values, 0), colour, dash=dash, showlegend=named, hovertemplate=hover)
    if len(values) == 1:
        return [line | shared]
    ends = np.concatenate([across, across[::-1]])
    band = plot.line(ends, np.concatenate([values.max(0), values.min(0)[::-1]]), colour, width=0, hoverinfo="skip")
    return [band | shared | {"fill": "toself", "fillcolor": plot.faded(colour, 0.12)}, line | shared]


def name_of(arm: StudyArm) -> str:
    """The arm's name in legends."""
    return f"{arm.variant} {arm.mark}".rstrip()


def look_of(number: int) -> tuple[str, str]:
    """Colour and dash of an arm of this number."""
    colours = plot.CATEGORIES
    return colours[number % len(colours)], plot.DASHES[number // len(colours) % len(plot.DASHES)]
