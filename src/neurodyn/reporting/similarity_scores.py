"""Every activity beside the reference: the table of scores with all that gives them meaning, and the same as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reporting import plot
from neurodyn.reporting.base import table
from neurodyn.reporting.families import Family
from neurodyn.reporting.scores import number, verdict
from neurodyn.reporting.similarity_panels import (
    ARROWS,
    CROSS_CONDITION,
    LEGEND_COLUMNS,
    LEGEND_PIXELS,
    in_words,
    named_once,
    shortened,
    title_of,
)
from neurodyn.reporting.study.base import best_of

COLUMNS, GAP_PIXELS = 3, 62
ORDER = (CROSS_CONDITION, "condition_shuffled", "time_shuffled", "untrained", "chance")
"""Of the baselines' columns; others follow."""
SYMBOLS = {
    "condition_shuffled": "square-open",
    "time_shuffled": "diamond-open",
    "untrained": "triangle-up-open",
    "chance": "x-thin-open",
}
ROOM = 24
"""Characters of a name beside its line."""
_SIGNS = {"better": "▲", "worse": "▼", "tie": "≈"}


def score_table(scores: Sequence[Score]) -> str:
    """A row an activity, measure by measure, the most alike first."""
    baselines = _baselines(scores)
    head = ["Measure", "Activity", "Value", "95 % interval", "Fitted", "Against the best baseline"]
    head += [*(escape(in_words(name)) for name in baselines), "Ceiling"]
    rows = []
    for label, own in _by_measure(scores).items():
        for place, score in enumerate(own):
            best = best_of(score)
            meaning = escape(f"{score.definition} ({score.direction} is more alike)")
            named = f'<abbr title="{meaning}">{escape(shortened(label, 26))}</abbr>&nbsp;{ARROWS[score.direction]}'
            name = str(score.context["y"])
            ceiling = f'<span title="{escape(str(score.context["ceiling"]))}">{number(score.ceiling)}</span>'
            known = [
                f'<span class="best" title="the best baseline">{number(score.baselines.get(b))}</span>'
                if b == best
                else number(score.baselines.get(b))
                for b in baselines
            ]
            cells = ["" if place else named, f'<span title="{escape(name)}">{escape(shortened(name, ROOM))}</span>']
            cells += [f"<b>{number(score.value)}</b>", _ends(score.interval), number(score.context["fitted"])]
            rows.append([*cells, _difference(score, best), *known, ceiling])
    return table(head, rows, "scores") + _notes(scores)


def score_figure(scores: Sequence[Score], families: Sequence[Family], names: Sequence[str]) -> str:
    """A panel a measure, a line an activity, the most alike at the top.

    Args:
        scores: of every other activity against the reference.
        families: whose colours the activities take.
        names: of all activities, in the order that families know them by.
    """
    measures = _by_measure(scores)
    columns = min(COLUMNS, len(measures))
    rows = math.ceil(len(measures) / columns)
    lines = max(map(len, measures.values()))
    step = 24 if lines <= 16 else 14
    inner = rows * (20 + step * lines) + (rows - 1) * GAP_PIXELS
    shown = 3 + len(_baselines(scores))
    above = 46 + LEGEND_PIXELS * math.ceil(shown / LEGEND_COLUMNS)
    layout: dict[str, Any] = {"margin": {"l": 20, "r": 14, "t": above, "b": 34}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 28 / inner, "yanchor": "bottom", "font": {"size": 11}}
    looks = {names[member]: family for family in families for member in family.members}
    traces: list[dict[str, Any]] = []
    places = plot.grid(rows, columns, gap_x=0.15, gap_y=GAP_PIXELS / inner)
    for k, ((label, own), place) in enumerate(zip(measures.items(), places)):
        ticks = [escape(shortened(str(score.context["y"]), ROOM if columns < 3 else 16)) for score in own]
        marks: dict[str, Any] = {
            "tickvals": list(range(len(own))),
            "ticktext": ticks,
            "tickfont": {"size": 11 if step > 14 else 9},
        }
        y = plot.axis(range=[lines - 0.4, -0.6], showline=False, ticks="", **marks)
        axes = plot.panel(layout, k + 1, place, x=plot.axis(nticks=4), y=y, title=title_of(label, own[0].direction, 26))
        for line, score in enumerate(own):
            traces += [mark | {"y": [line]} | axes for mark in _marks(score, looks[str(score.context["y"])])]
        traces += [each | axes for each in _levels(own)]
    caption = (
        "The table as a picture: filled, the value on conditions the fit did not see with its 95 % interval (where anything is fitted to conditions and there are enough of "
        "them); small ring, the value on the samples it was fitted to; dashed line, the reference’s own mean over conditions; black line, the ceiling. The arrow beside a measure points to more alike."
    )
    label = "Values of every activity against the reference, with intervals and baselines"
    return plot.figure(named_once(traces), layout, height=inner + above + 34, label=label, caption=caption)


def _by_measure(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """The scores of each measure, the most alike first, what is not known last."""
    found: dict[str, list[Score]] = {}
    for score in scores:
        found.setdefault(score.name, []).append(score)
    sign = {"lower": 1, "higher": -1}
    return {
        name: sorted(own, key=lambda s: sign[s.direction] * s.value if math.isfinite(s.value) else math.inf)
        for name, own in found.items()
    }


def _baselines(scores: Sequence[Score]) -> list[str]:
    known = dict.fromkeys(name for score in scores for name in score.baselines)
    return sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def _ends(pair: tuple[float, float], *, signed: bool = False) -> str:
    return f"[{number(pair[0], signed=signed)}, {number(pair[1], signed=signed)}]"


def _difference(score: Score, best: str | None) -> str:
    if best is None or best not in score.difference:
        return "–"
    value, low, high = score.difference[best]
    state = verdict(score)
    return (
        f'<span class="{state}">{_SIGNS[state]} {number(value, signed=True)} {_ends((low, high), signed=True)}</span>'
    )


def _notes(scores: Sequence[Score]) -> str:
    """What the columns are, each way that something was held out, and why there is no ceiling."""

    def said(key: str) -> str:
        found: dict[str, list[str]] = {}
        for score in scores:
            own = found.setdefault(str(score.context[key]), [])
            if score.name not in own:
                own.append(score.name)
        if len(found) < 2:
            return "".join(found)
        return "; ".join(f"{text} ({', '.join(own)})" for text, own in found.items())

    return (
        f'<p class="caption">Value: {escape(said("held_out"))}. Fitted: on the samples it was fitted to. Interval: {escape(said("interval"))}. '
        "Against the best baseline: value minus the underlined baseline with its paired interval: ▲ more alike than it, ▼ less, ≈ not told apart. "
        f"Ceiling: {escape(said('ceiling'))}.</p>"
    )


def _marks(score: Score, look: Family) -> list[dict[str, Any]]:
    """The marks of one line: baselines of its own, the value it was fitted to, and the value on top."""
    marks = []
    for name, value in score.baselines.items():
        if name in SYMBOLS and math.isfinite(value):
            open_ = {"symbol": SYMBOLS[name], "size": 8, "color": plot.MUTED, "line": {"width": 1.4}}
            marks.append(_mark(in_words(name), value, open_))
    ring = {"symbol": "circle-open", "size": 7, "color": look.colour, "line": {"width": 1.4}}
    marks.append(_mark("fitted and scored on the same samples", float(score.context["fitted"]), ring))
    low, high = score.interval
    bar = {"type": "data", "symmetric": False, "color": look.colour, "thickness": 2, "width": 0}
    bar |= {"array": [high - score.value], "arrayminus": [score.value - low]}
    dot = {"size": 9, "color": look.colour, "symbol": "circle"}
    return [*marks, _mark("value", score.value, dot, str(score.context["y"])) | {"error_x": bar}]


def _mark(name: str, x: float, marker: Mapping[str, Any], who: str = "") -> dict[str, Any]:
    hover = f"{escape(who or name)}: %{{x:.4g}}<extra></extra>"
    base = {"type": "scatter", "mode": "markers", "x": [x], "name": name, "legendgroup": name}
    return base | {"marker": dict(marker), "hovertemplate": hover}


def _levels(own: Sequence[Score]) -> list[dict[str, Any]]:
    """What is the same for all activities, as lines down the panel."""
    found = []
    for name, value, colour, dash in (
        (in_words(CROSS_CONDITION), own[0].baselines.get(CROSS_CONDITION), plot.MUTED, "dash"),
        ("ceiling", own[0].ceiling, plot.INK, "solid"),
    ):
        if value is not None and math.isfinite(value):
            ends = np.array([-0.5, len(own) - 0.5])
            hover = f"{name}: %{{x:.4g}}<extra></extra>"
            shared = {"name": name, "legendgroup": name, "hovertemplate": hover}
            found.append(plot.line(np.array([value, value]), ends, colour, dash=dash, **shared))
    return found
