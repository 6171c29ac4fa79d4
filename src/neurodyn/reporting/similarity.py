"""The page about a comparison of activities: what to keep in mind, every activity beside the reference, every pair by every measure, and lags."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.comparison.comparison import Compared, Comparison
from neurodyn.comparison.embedding import embedded, tree_of
from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput
from neurodyn.reporting import plot
from neurodyn.reporting.base import table
from neurodyn.reporting.families import Family, families_of
from neurodyn.reporting.page import document
from neurodyn.reporting.similarity_map import similarity_map
from neurodyn.reporting.similarity_matrix import FEW, similarity_matrix
from neurodyn.reporting.similarity_panels import (
    MEANING,
    baseline_lines,
    lag_axis,
    lag_marks,
    named_once,
    panels,
    title_of,
    value_axis,
)
from neurodyn.reporting.similarity_scores import score_figure, score_table

FORGIVES = {
    "translation": "a constant added to each unit",
    "scaling": "a common factor",
    "permutation": "another order of units",
    "orthogonal": "rotations and reflections",
    "linear": "any invertible linear map",
}
SCALES = {
    "raw": "units as they are",
    "zscore": "every unit to unit variance",
    "soft": "units divided by their softened range",
}
MOST_ROWS = 60
"""Scores up to which their table is not folded away."""
MOST_NAMES = 12
"""Activities up to which each line of a sweep is named in the legend."""


def write_comparison(comparison: Comparison, path: str | Path) -> Path:
    """Writes the page and returns its path; its folder is made if needed, and the file is replaced at once or not at all."""
    page = comparison_html(comparison)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return path


def comparison_html(comparison: Comparison) -> str:
    """The page as text."""
    return document(f"Similarity to {comparison.reference}", _summary(comparison), _sections(comparison))


def _sections(comparison: Comparison) -> list[dict[str, str]]:
    families = families_of(comparison.names, comparison.reference)
    found = []
    if comparison.scores:
        lead = "How alike is each activity to the reference, and more so than activities that know less?"
        figure = score_figure(comparison.scores, families, comparison.names)
        listed = score_table(comparison.scores)
        if len(comparison.scores) > MOST_ROWS:
            listed = f"<details><summary>Table of {len(comparison.scores)} scores</summary>{listed}</details>"
        shown = {"title": f"Beside {comparison.reference}", "lead": lead}
        found.append({"name": "scores", **shown, "html": listed + figure})
    lead = "Which activities lie close to which? The map and the tree are made of the same distances."
    pairs = "".join(_pairs(comparison, each, families) for each in comparison.measures.values())
    found.append({"name": "pairs", "title": "Every pair", "lead": lead, "html": pairs})
    if comparison.lags:
        lead = "How much does the answer depend on which times are put side by side?"
        found.append({"name": "lags", "title": "Lags", "lead": lead, "html": _over_lags(comparison, families)})
    lead = "What each measure says, and which differences it does not see."
    found.append({"name": "measures", "title": "Measures", "lead": lead, "html": _measures(comparison)})
    return found


def _summary(comparison: Comparison) -> str:
    """Warnings, then what was compared."""
    items = [
        f'<li class="look"><span class="state">! look</span><span>{escape(text)}</span></li>'
        for text in comparison.warnings
    ]
    rows = [
        [escape(name), str(units), "the reference" if name == comparison.reference else ""]
        for name, units in zip(comparison.names, comparison.units)
    ]
    listed = table(["Activity", "Units", ""], rows, "summary")
    if len(rows) > FEW:
        listed = f"<details><summary>The {len(rows)} activities</summary>{listed}</details>"
    warned = f'<ul class="findings">{"".join(items)}</ul>' if items else ""
    return f'{warned}{listed}<p class="caption">{escape(_settings(comparison))}</p>'


def _settings(comparison: Comparison) -> str:
    """How activities were prepared, in words."""
    known = comparison.settings
    parts = [f"{comparison.samples} samples that all pairs share"]
    if "conditions" in known and "bins" in known:
        parts[0] += f" ({known['conditions']} conditions, {known['bins']} time points)"
    if "scale" in known:
        parts.append(SCALES.get(str(known["scale"]), str(known["scale"])))
    if known.get("without_mean"):
        parts.append("the mean over conditions taken out")
    if known.get("lag_s"):
        parts.append(f"the others looked at {1000 * known['lag_s']:+g} ms from {comparison.reference}")
    return "; ".join(parts) + "."


def _pairs(comparison: Comparison, compared: Compared, families: Sequence[Family]) -> str:
    """Heat map and map of one measure, beside each other where they are small."""
    names = comparison.names
    heading = f"<h3>{escape(compared.measure)}</h3>"
    try:
        tree = tree_of(compared.distances, names)
        placed = embedded(compared.distances, names, is_metric=compared.is_metric)
    except InvalidInput as error:  # the values are shown all the same
        matrix = similarity_matrix(names, compared, None, families)
        return f'{heading}{matrix}<p class="caption">No tree and no map: {escape(str(error))}</p>'
    matrix, plane = (
        similarity_matrix(names, compared, tree, families),
        similarity_map(names, compared, placed, families),
    )
    whole = ' class="whole"' if len(names) > FEW else ""
    return f'{heading}<div class="beside"><div{whole}>{matrix}</div><div>{plane}</div></div>'


def _measures(comparison: Comparison) -> str:
    rows = []
    for each in comparison.measures.values():
        better = "lower" if each.direction == "lower" else "higher"
        kinds = [word for word, so in (("a metric", each.is_metric), ("asymmetric", not each.symmetric)) if so]
        what = ", ".join(kinds) or "no metric"
        rows.append([f"<b>{escape(each.measure)}</b>", escape(each.definition), better, what, _forgives(each)])
    head = ["Measure", "What it is", "More alike", "Kind", "Forgives"]
    caption = (
        "A metric is zero only between activities that are the same up to what it forgives, and no detour is shorter than the direct way. "
        "Forgives: what may be done to the units of either side without changing the value."
    )
    return f'{table(head, rows)}<p class="caption">{caption}</p>'


def _forgives(compared: Compared) -> str:
    """In words, without what another of them includes."""
    inside = {"permutation": {"orthogonal", "linear"}, "orthogonal": {"linear"}, "scaling": {"linear"}}
    own = [name for name in FORGIVES if name in compared.invariances]
    shown = [FORGIVES[name] for name in own if not inside.get(name, set()) & set(own)]
    return ", ".join(shown) or "nothing"


def _over_lags(comparison: Comparison, families: Sequence[Family]) -> str:
    named = len(comparison.names) <= MOST_NAMES
    shown = len(comparison.names) if named else len(families)
    layout, places, height = panels(len(comparison.lags), shown + 1)
    traces: list[dict[str, Any]] = []
    for k, ((label, sweep), place) in enumerate(zip(comparison.lags.items(), places)):
        known = {} if sweep.baseline is None else {"cross_condition_average": sweep.baseline}
        y = value_axis(np.array(list(sweep.values.values())), known)
        title = title_of(label, comparison.measures[label].direction)
        axes = plot.panel(layout, k + 1, place, x=lag_axis(sweep.lag_s), y=y, title=title)
        lags = 1000 * sweep.lag_s
        traces += baseline_lines(layout, known, lags[[0, -1]], axes)
        for name, values in sweep.values.items():
            i = comparison.names.index(name)
            own = next(family for family in families if i in family.members)
            said = escape(name if named else own.name)
            dash = plot.DASHES[own.members.index(i) % len(plot.DASHES)] if named else "solid"
            hover = f"{escape(name)}, %{{x:g}} ms: %{{y:.4g}}<extra></extra>"
            shared = {"name": said, "legendgroup": said, "hovertemplate": hover, **axes}
            traces.append(plot.line(lags, values, own.colour, width=1.6 if named else 1.0, dash=dash, **shared))
        lag_marks(layout, axes, sweep.used_s, sweep.best_s)
    caption = (
        f"Each activity looked at later than {escape(comparison.reference)} by the lag, both from the event they are aligned to; fitted and scored on the same samples. <i>used</i>: the lag of everything "
        f"else on this page; <i>best</i>: the one at which the activities are most alike to the reference on average, one for all. Dashed, level: the reference’s own mean over conditions. {MEANING}"
    )
    return plot.figure(named_once(traces), layout, height=height, label="Values against the lag", caption=caption)
