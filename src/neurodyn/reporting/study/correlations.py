"""Rank correlations between measures over all runs on the same data."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reporting import plot
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject, short

LEAST_RUNS = 4
"""Fewer runs have no rank correlation worth a picture."""


class Correlations(StudySection):
    """A matrix a data set: do runs that are good at one thing tend to be good at another?"""

    name = "correlations"
    title = "Correlations between measures"
    lead = "Do runs that reconstruct the rates well also recover the inputs and the dynamics? If not, rates cannot tell which run to believe."

    def html(self, study: StudySubject) -> str:
        """One figure for each data set with enough runs."""
        return "".join(_figure(group, arms) for group, arms in study.groups.items())


def runs_of(arms: Sequence[StudyArm]) -> list[dict[str, Score]]:
    """Every run of some arms, with the measures that the study reports of each, in its order."""
    return [
        {score.name: run[score.name] for score in arm.scores if score.name in run}
        for arm in arms
        for run in arm.runs.values()
    ]


def rank_correlations(runs: Sequence[dict[str, Score]]) -> tuple[list[str], np.ndarray]:
    """Measures that every run has and that vary, and their Spearman correlations `(measure, measure)`, with distances turned round: positive is good with good."""
    from scipy.stats import rankdata

    if len(runs) < LEAST_RUNS:
        return [], np.empty((0, 0))
    names = [name for name in runs[0] if all(name in run and np.isfinite(run[name].value) for run in runs)]
    values = np.array(
        [[run[name].value * (1 if run[name].direction == "higher" else -1) for name in names] for run in runs]
    )
    varies = np.ptp(values, axis=0) > 0
    ranks = rankdata(values[:, varies], axis=0)
    kept = [name for name, keep in zip(names, varies) if keep]
    return kept, np.asarray(np.corrcoef(ranks.T)) if len(kept) > 1 else np.ones((len(kept), len(kept)))


def least_distinguishable(runs: int) -> float:
    """The smallest rank correlation of so many runs that differs from 0 at 5 % (Student's t with runs − 2 degrees of freedom)."""
    from scipy.stats import t

    bound = float(t.ppf(0.975, runs - 2))
    return bound / float(np.sqrt(runs - 2 + bound**2))


def _figure(group: str, arms: Sequence[StudyArm]) -> str:
    runs = runs_of(arms)
    names, matrix = rank_correlations(runs)
    if len(names) < 2:
        return ""
    n = len(names)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": matrix,
        "x": list(range(n)),
        "y": list(range(n)),
        "zmin": -1,
        "zmax": 1,
        "colorscale": [[0, "#d55e00"], [0.5, "#ffffff"], [1, "#0072b2"]],
        "colorbar": {"title": {"text": "ρ"}, "thickness": 12, "tickvals": [-1, 0, 1]},
        "customdata": [[f"{a} with {b}" for b in names] for a in names],
        "hovertemplate": "%{customdata}: %{z:.2f}<extra></extra>",
    }
    if n <= 20:
        trace |= {"text": [[f"{value:.1f}" for value in row] for row in matrix], "texttemplate": "%{text}"}
    ticks: dict[str, Any] = {"tickvals": list(range(n)), "ticktext": [short(name) for name in names]}
    layout = {
        "xaxis": plot.axis(tickangle=-50, showline=False, ticks="", **ticks),
        "yaxis": plot.axis(autorange="reversed", showline=False, ticks="", **ticks),
        "margin": {"l": 60, "r": 14, "t": 12, "b": 60},
    }
    each = ", ".join(f"{arm.variant} {len(arm.runs)}" for arm in arms)
    caption = (
        f"Spearman rank correlation over <i>n</i> = {len(runs)} runs on {escape(group)} ({escape(each)}); distances are turned round, so that blue means good "
        f"with good. With so many runs, a correlation below {least_distinguishable(len(runs)):.2f} in size is not distinguishable from none; pooled over "
        "variants, it also holds what differs between them. <i>p.</i>: the study's own definition."
    )
    label = f"Rank correlations between measures on {group}"
    html = plot.figure([trace], layout, height=180 + 24 * n, label=label, caption=caption)
    return f'<h3 class="subject">{escape(group)}</h3>{html}'
