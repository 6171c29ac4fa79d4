"""What every arm gains over the one it is compared with: differences over seeds on the same trials, with controls beside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from neurodyn.metrics.base import Score
from neurodyn.reporting import plot
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject, short

COLUMNS = 3
ROW_PIXELS, GAP_PIXELS = 22, 76
STATES = {"explained": ("fine", "✓ gain"), "uncontrolled": ("look", "! open"), "unexplained": ("look", "! look")}
KINDS = {
    "student": ("compared", plot.MODEL, "circle"),
    "compared": ("compared", plot.MODEL, "circle"),
    "control": ("control", plot.CATEGORIES[1], "square"),
    "teacher": ("teacher", plot.BASELINE, "diamond"),
}
"""Name in the legend, colour and symbol, by what an arm is for."""


class PairedDifferences(StudySection):
    """One sentence a score, then one figure a reference: a panel a measure, a row an arm."""

    name = "paired"
    title = "Paired differences"
    lead = "What does each arm gain over the one it is compared with, seed by seed on the same trials, and do controls gain as much?"

    def html(self, study: StudySubject) -> str:
        """The conclusions and the figures; empty where no arms are compared."""
        rows: dict[str, list[tuple[StudyArm, Score]]] = {}
        for arm in study.arms:
            for score in arm.scores:
                if "paired" in score.context:
                    rows.setdefault(score.context["paired"]["to"], []).append((arm, score))
        figures = [_figure(reference, compared) for reference, compared in rows.items()]
        return _conclusions(study) + "".join(figures) if figures else ""


def _conclusions(study: StudySubject) -> str:
    items = []
    for arm in study.arms:
        for score in arm.scores:
            found = score.context.get("conclusion")
            if found and "paired" in score.context:
                kind, word = STATES.get(found["verdict"], ("look", "– no gain"))
                text = f"<b>{escape(arm.group)}.</b> {escape(found['sentence'])}"
                items.append(f'<li class="{kind}"><span class="state">{word}</span><span>{text}</span></li>')
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


def _figure(reference: str, compared: Sequence[tuple[StudyArm, Score]]) -> str:
    arms = list({arm.path: arm for arm, _ in compared}.values())
    panels: dict[tuple[str, str], dict[int, Score]] = {}
    for arm, score in compared:
        panels.setdefault((score.name, _session(score, compared)), {})[arms.index(arm)] = score
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    inner = rows * (ROW_PIXELS * len(arms) + 30) + (rows - 1) * GAP_PIXELS
    layout: dict[str, Any] = {"margin": {"l": 120, "r": 14, "t": 62, "b": 40}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 30 / inner, "yanchor": "bottom"}
    ticks: dict[str, Any] = {
        "tickvals": list(range(len(arms))),
        "ticktext": [f"{arm.variant} {arm.mark}".rstrip() for arm in arms],
    }
    traces: list[dict[str, Any]] = []
    places = plot.grid(rows, columns, gap_x=0.05, gap_y=GAP_PIXELS / inner)
    for k, (((name, session), scored), place) in enumerate(zip(panels.items(), places)):
        arrow = "→ better" if next(iter(scored.values())).direction == "higher" else "← better"
        first = k % columns == 0
        y = plot.axis(range=[len(arms) - 0.4, -0.6], showticklabels=first, showline=False, **ticks)
        title = " ".join(filter(None, (short(name), session, f"({arrow})")))
        axes = plot.panel(
            layout, k + 1, place, x=plot.axis(nticks=4, range=_limits(list(scored.values()))), y=y, title=title
        )
        layout.setdefault("shapes", []).append(plot.vertical(0.0, axes))
        for role, (label, colour, symbol) in KINDS.items():
            own = {row: score.context["paired"] for row, score in scored.items() if score.context.get("role") == role}
            if own:
                traces += [mark | axes for mark in _marks(own, label, colour, symbol)]
    shown: set[str] = set()
    for trace in traces:
        trace["showlegend"] = trace["name"] not in shown
        shown.add(trace["name"])
    hows = dict.fromkeys(score.context["paired"]["how"] for _, score in compared)
    seeds = max(len(score.context["paired"]["seeds"]) for _, score in compared)
    caption = (
        f"Score minus that of {escape(reference.rpartition('/')[2])} (the dotted line), on the same test trials, <i>n</i> = {seeds} seed{'s' if seeds > 1 else ''}. "
        f"Large marks: mean with its interval ({escape('; '.join(hows))}); small marks: seeds.{_symbols(compared)}"
    )
    label = f"Paired differences from {reference}"
    html = plot.figure(traces, layout, height=inner + 102, label=label, caption=caption)
    return f'<h3 class="subject">{escape(reference.rpartition("/")[0])}: over {escape(reference.rpartition("/")[2])}</h3>{html}'


def _symbols(compared: Sequence[tuple[StudyArm, Score]]) -> str:
    """What squares and diamonds are, where there are any."""
    roles = {score.context.get("role") for _, score in compared}
    said = " Squares: controls" if "control" in roles else ""
    said += (
        ", taught by models that know nothing of a trial's behaviour."
        if said and "student" in roles
        else "." * bool(said)
    )
    if "teacher" in roles:
        said += " Diamonds: arms that teach; those marked † were given the behaviour of the test trials, and what lies far off is cut at the panel's edge."
    return said


def _limits(scores: Sequence[Score]) -> list[float]:
    """Ends of the axis: 0 and the intervals of the arms a study is about and of controls; arms that teach, unless they lie far off."""
    ends: dict[bool, list[float]] = {True: [], False: []}
    for score in scores:
        paired = score.context["paired"]
        ends[score.context.get("role") == "teacher"] += [*paired["interval"], *paired["differences"]]
    near, far = ([value for value in ends[teaches] if math.isfinite(value)] for teaches in (False, True))
    near = [0.0, *(near or far)]
    reach = max(near) - min(near)
    shown = near + [value for value in far if min(near) - reach <= value <= max(near) + reach]
    margin = 0.06 * max(max(shown) - min(shown), 1e-6)
    return [min(shown) - margin, max(shown) + margin]


def _marks(own: Mapping[int, Mapping[str, Any]], label: str, colour: str, symbol: str) -> list[dict[str, Any]]:
    """Means with their intervals, and the seeds under them."""
    rows, means = list(own), [paired["difference"] for paired in own.values()]
    base: dict[str, Any] = {"type": "scatter", "mode": "markers", "name": label, "legendgroup": label}
    spread = {
        "type": "data",
        "symmetric": False,
        "array": [paired["interval"][1] - mean for paired, mean in zip(own.values(), means)],
        "arrayminus": [mean - paired["interval"][0] for paired, mean in zip(own.values(), means)],
        "color": colour,
        "thickness": 1.6,
        "width": 4,
    }
    mean = {"x": means, "y": rows, "error_x": spread, "marker": {"size": 9, "color": colour, "symbol": symbol}}
    seeds = [(value, row) for row, paired in own.items() for value in paired["differences"]]
    dots = {"x": [value for value, _ in seeds], "y": [row + 0.22 for _, row in seeds]}
    small = {"size": 4, "color": plot.faded(colour, 0.6), "symbol": symbol}
    hover = {"hovertemplate": "%{x:+.4f}<extra></extra>"}
    return [base | mean | hover, base | dots | hover | {"marker": small, "name": f"{label}, seeds"}]


def _session(score: Score, compared: Sequence[tuple[StudyArm, Score]]) -> str:
    """The score's session, where there are several."""
    sessions = {other.context.get("session") for _, other in compared}
    return str(score.context.get("session", "")) if len(sessions) > 1 else ""
