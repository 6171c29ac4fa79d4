"""How fast networks learn a task by different rules: error on validation trials against updates and against CPU time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.study.arm_lines import arm_lines
from neurodyn.reporting.study.base import LearningCurve, StudyArm, StudySection, StudySubject

STATES = {"ahead": ("fine", "✓ ahead"), "level": ("fine", "✓ level"), "behind": ("look", "behind")}
TITLES = {"normalised_error": "normalised error", "main": "cross-entropy"}
MOST_ROWS = 300
"""Epochs drawn of a run."""
HEIGHT, LEGEND_ROW = 420, 22
LEGEND_COLUMNS = 5
BLOCKS = ("all", "recurrent")
"""Parameters whose gradients are compared."""


class Learning(StudySection):
    """The conclusion of each folder of arms that are trained on a task, and one figure of two panels."""

    name = "learning"
    title = "Learning"
    lead = "How far does each rule get in the same CPU time, and with the same number of updates?"

    def html(self, study: StudySubject) -> str:
        """A conclusion and a figure a folder; empty where nothing is trained on a task."""
        groups = {group: [arm for arm in arms if arm.curves] for group, arms in study.groups.items()}
        return "".join(_group(group, arms) for group, arms in groups.items() if arms)


def _group(group: str, arms: Sequence[StudyArm]) -> str:
    shown = [_conclusions(arms), _figure(group, arms), _gradients(group, arms)]
    return f'<h3 class="subject">{escape(group)}</h3>{"".join(shown)}'


def _conclusions(arms: Sequence[StudyArm]) -> str:
    items = []
    for arm in arms:
        for score in arm.scores:
            found = score.context.get("conclusion", {})
            if "updates" in found:
                kind, word = STATES[found["verdict"]]
                text = "<br>".join(map(escape, found["sentences"]))
                items.append(f'<li class="{kind}"><span class="state">{word}</span><span>{text}</span></li>')
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


def _figure(group: str, arms: Sequence[StudyArm]) -> str:
    first = next(iter(arms[0].curves.values()))
    values = np.concatenate([curve.error for arm in arms for curve in arm.curves.values()])
    layout, height = _layout(len(arms))
    traces: list[dict[str, Any]] = []
    for k, (title, place) in enumerate(zip(("updates", "CPU seconds"), plot.grid(1, 2, gap_x=0.08))):
        y = plot.log_axis(values, TITLES[first.measure] if k == 0 else "")
        axes = plot.panel(layout, k + 1, place, x=plot.axis(title, rangemode="tozero"), y=y)
        for number, arm in enumerate(arms):
            curves = list(arm.curves.values())
            rows = _rows(curves)
            across = np.array([(curve.cpu_s if k else curve.updates)[rows] for curve in curves]).mean(0)
            errors = np.array([curve.error[rows] for curve in curves])
            errors = np.where(errors > 0, errors, np.nan)  # what is exactly 0 has no place on a logarithmic axis
            traces += [trace | axes for trace in arm_lines(arm, number, across, errors, named=k == 0)]
    seeds = max(len(arm.curves) for arm in arms)
    caption = (
        f"Error on validation trials at the end of each epoch: line, median over seeds; band, their range (<i>n</i> = {seeds}). Right: the same rows against the CPU time that training had taken, "
        "validation included, as measured here. Learning rates follow each arm's own number of updates: of two arms of different length the longer is still at higher rates where the shorter ends."
    )
    label = f"Learning curves of every arm of {group}"
    return plot.figure(traces, layout, height=height, label=label, caption=caption)


def _gradients(group: str, arms: Sequence[StudyArm]) -> str:
    """The cosine of each rule's gradient and the exact one, of all parameters and of the recurrent weights; empty where none was compared."""
    known = {number: arm for number, arm in enumerate(arms) if arm.gradients}
    if not known:
        return ""
    layout, height = _layout(len(known))
    traces: list[dict[str, Any]] = []
    for k, (block, place) in enumerate(zip(BLOCKS, plot.grid(1, 2, gap_x=0.08))):
        y = plot.axis("cosine" if k == 0 else "", rangemode="tozero")
        title = block.replace("all", "all parameters").replace("recurrent", "recurrent weights")
        axes = plot.panel(layout, k + 1, place, x=plot.axis("updates", rangemode="tozero"), y=y, title=title)
        for number, arm in known.items():
            found = list(arm.gradients.values())
            cosines = np.array([each.cosine[:, each.blocks.index(block)] for each in found])
            traces += [trace | axes for trace in arm_lines(arm, number, found[0].steps, cosines, named=k == 0)]
    trials = max(each.trials for arm in known.values() for each in arm.gradients.values())
    caption = (
        f"Cosine of the rule's gradient and that of back-propagation through time at the weights the rule had led to, over the same {trials} training trials: line, median over seeds; band, their range. "
        "Above 0 is needed for a small step to lower the error, and does not suffice for learning."
    )
    label = f"Gradients of every arm of {group} beside the exact ones"
    return plot.figure(traces, layout, height=height, label=label, caption=caption)


def _layout(arms: int) -> tuple[dict[str, Any], int]:
    """A layout with room for a legend of so many arms, and the figure's height."""
    legend = LEGEND_ROW * -(-arms // LEGEND_COLUMNS)
    layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 40 + legend, "b": 46}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 26 / HEIGHT, "yanchor": "bottom"}
    return layout, HEIGHT + legend


def _rows(curves: Sequence[LearningCurve]) -> np.ndarray:
    """Epochs that every run has, thinned evenly."""
    shortest = min(len(curve.error) for curve in curves)
    return np.unique(np.linspace(0, shortest - 1, min(shortest, MOST_ROWS)).astype(int))
