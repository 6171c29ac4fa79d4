"""Every pair of activities by one measure: a heat map in the order of the tree, with the tree beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.comparison.comparison import Compared
from neurodyn.comparison.embedding import Tree
from neurodyn.reporting import plot
from neurodyn.reporting.families import Family, colours_of
from neurodyn.reporting.similarity_panels import shortened, title_of

FEW, WRITTEN = 16, 8
"""Activities up to which half the page's width is enough, and up to which every value is written into its cell."""
ROOM = {True: 22, False: 26}
"""Characters of a name, of few activities and of many."""
CELL_PIXELS, WIDE_CELL_PIXELS = 12, 60
NARROW_PIXELS, WIDE_PIXELS = 230, 420
_TREE = 0.78
"""Where the tree begins, as a share of the figure's width."""


def similarity_matrix(names: Sequence[str], compared: Compared, tree: Tree | None, families: Sequence[Family]) -> str:
    """The heat map of one measure.

    Args:
        names: of the activities.
        compared: their values.
        tree: of their distances; without one they stand in their own order.
        families: whose colours the names take.
    """
    number = len(names)
    order = np.arange(number) if tree is None else tree.order
    few = number <= FEW
    inner = min(NARROW_PIXELS, WIDE_CELL_PIXELS * number) if few else max(CELL_PIXELS * number, WIDE_PIXELS)
    labels = _labels(names, order, families, ROOM[few])
    ticks: dict[str, Any] = {"tickvals": np.arange(number), "ticktext": labels, "ticks": "", "showline": False}
    ticks |= {"tickfont": {"size": 11 if few else 9}, "range": [-0.5, number - 0.5]}
    layout: dict[str, Any] = {"margin": {"l": 20, "r": 16, "t": 66, "b": 30}}
    x = plot.axis(tickangle=-90, **ticks)
    y = plot.axis(**ticks) | {"range": [number - 0.5, -0.5]}
    across = [0.0, 1.0 if tree is None else _TREE - 0.02]
    axes = plot.panel(layout, 1, (across, [0.0, 1.0]), x=x, y=y)
    traces = [_heat(names, compared, order, across[1], inner) | axes]
    if tree is not None:
        root = plot.axis(nticks=3, range=[0, 1.06 * tree.joins[-1, 2] or 1.0])
        beside = plot.axis(matches="y", showticklabels=False, showline=False, ticks="")
        drawn = plot.panel(layout, 2, ([_TREE, 1.0], [0.0, 1.0]), x=root, y=beside, title="distance")
        traces.append(_branches(tree) | drawn)
    longest = max(len(shortened(name, ROOM[few])) for name in names)
    height = inner + 66 + 30 + round(longest * (6.2 if few else 5.2))
    label = f"Values of {compared.measure} of every pair of {number} activities"
    return plot.figure(traces, layout, height=height, label=label, caption=_caption(compared, tree))


def _heat(names: Sequence[str], compared: Compared, order: np.ndarray, width: float, inner: int) -> dict[str, Any]:
    """The values in their order, without the diagonal; dark is more alike."""
    values = np.array(compared.values, float)
    np.fill_diagonal(values, np.nan)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(high), 1e-12):
        low, high = low - 0.5 * max(abs(low), 1e-3), high + 0.5 * max(abs(high), 1e-3)
    values = values[np.ix_(order, order)]
    pairs = [[f"{escape(names[i])}<br>{escape(names[j])}" for j in order] for i in order]
    bar = {"orientation": "h", "x": 0, "xanchor": "left", "len": width, "y": 1 + 8 / inner, "yanchor": "bottom"}
    bar |= {"thickness": 9, "nticks": 5, "tickfont": {"size": 10}, "outlinewidth": 0, "ticks": "outside", "ticklen": 3}
    bar |= {"title": {"text": title_of(compared.measure, compared.direction), "side": "top", "font": {"size": 12}}}
    decimals = int(np.clip(1 - np.floor(np.log10(high - low)), 1, 4))
    written = {"texttemplate": f"%{{z:.{decimals}f}}", "textfont": {"size": 10}} if len(names) <= WRITTEN else {}
    return {
        "type": "heatmap",
        "z": values,
        "text": pairs,
        "zmin": low,
        "zmax": high,
        "colorscale": "Viridis",
        "reversescale": compared.direction == "higher",
        "xgap": int(len(names) <= FEW),
        "ygap": int(len(names) <= FEW),
        "colorbar": bar,
        "hoverongaps": False,
        "hovertemplate": "%{text}: %{z:.4g}<extra></extra>",
        **written,
    }


def _branches(tree: Tree) -> dict[str, Any]:
    """All branches as one line with gaps; leaves to the left."""
    from scipy.cluster.hierarchy import dendrogram

    drawn = dendrogram(tree.joins, no_plot=True, distance_sort=False)
    gap = np.full((len(drawn["icoord"]), 1), np.nan)
    heights = np.concatenate([np.array(drawn["dcoord"], float), gap], 1).ravel()
    rows = np.concatenate([(np.array(drawn["icoord"], float) - 5) / 10, gap], 1).ravel()
    return plot.line(heights, rows, plot.INK, width=1.1, hovertemplate="joined at %{x:.4g}<extra></extra>")


def _labels(names: Sequence[str], order: np.ndarray, families: Sequence[Family], room: int) -> list[str]:
    colour = colours_of(families)
    strong = {f.members[0] for f in families if f.symbol == "star"}
    texts = [(place, escape(shortened(names[place], room))) for place in order]
    return [f'<span style="color:{colour[p]}">{f"<b>{t}</b>" if p in strong else t}</span>' for p, t in texts]


def _caption(compared: Compared, tree: Tree | None) -> str:
    pairs = "the two sides are interchangeable" if compared.symmetric else "row: x, what explains; column: y"
    said = f"Every pair, fitted and scored on the same samples ({pairs}). Dark: more alike; an activity beside itself is left white."
    if tree is None:
        return f"{said} Without a tree, for want of finite distances."
    fidelity = (
        f"; its distances correlate {tree.fidelity:.2f} with those of the pairs" if np.isfinite(tree.fidelity) else ""
    )
    return f"{said} Order and tree: average linkage of the distances{fidelity}."
