"""How alike networks that learn by different rules become to a recording: against error, against updates, at the same error, over lags, and which measures can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import table
from neurodyn.reporting.scores import number
from neurodyn.reporting.similarity_panels import (
    ARROWS,
    CROSS_CONDITION,
    MEANING,
    error_axis,
    named_once,
    panels,
    title_of,
)
from neurodyn.reporting.study.arm_lines import look_of, name_of
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject
from neurodyn.reporting.study.similarity_curves import over_errors, over_lags, over_updates


class Similarity(StudySection):
    """What is concluded of each folder of arms that were compared with a recording, its figures, and the table of measures."""

    name = "similarity"
    title = "Similarity to recorded activity"
    lead = "Do rules lead to activity that is as alike to the brain's, where their networks do the task equally well?"

    def html(self, study: StudySubject) -> str:
        """Conclusions, figures and a table a folder; empty where no network was compared with a recording."""
        return "".join(_group(group, arms) for group, arms in study.groups.items() if any(a.similarities for a in arms))


def _group(group: str, arms: Sequence[StudyArm]) -> str:
    drawn = [arm for arm in arms if arm.curves or arm.similarities]  # numbered as where their learning is drawn
    known = {place: arm for place, arm in enumerate(drawn) if arm.similarities}
    said = [score.context["similarity"] for arm in arms for score in arm.scores if "similarity" in score.context]
    shown = [_conclusions(said), over_errors(group, known), *(_matched(group, known, each) for each in said)]
    shown += [over_updates(group, known), over_lags(group, known), *(_ranking(known, each) for each in said)]
    return f'<h3 class="subject">{escape(group)}</h3>{"".join(shown)}'


def _conclusions(said: Sequence[Mapping[str, Any]]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for each in said for sentence in each["sentences"])
    return f'<ol class="definitions">{items}</ol>' if items else ""


def _matched(group: str, arms: Mapping[int, StudyArm], said: Mapping[str, Any]) -> str:
    """Differences from the reference at the same error, with their intervals; empty where no error is reached by all."""
    matched = {label: each for label, each in said["measures"].items() if each["matched"] is not None}
    if not matched:
        return ""
    layout, places, height = panels(len(matched), len(arms))
    by_path = {arm.path: (place, arm) for place, arm in arms.items()}
    traces: list[dict[str, Any]] = []
    error, reference = "", str(said["arm"]).rpartition("/")[2]
    for k, ((label, each), place) in enumerate(zip(matched.items(), places)):
        found = each["matched"]
        error = str(found["error"]).replace("_", " ")
        levels = np.array(found["levels"], float)
        x = error_axis(levels, error)
        y = plot.axis("" if k else f"difference from {reference}", nticks=5)
        axes = plot.panel(layout, k + 1, place, x=x, y=y, title=title_of(label, each["direction"]))
        layout["shapes"].append(_zero(axes))
        others = list(found["difference"])
        step = (levels.max() / levels.min()) ** (1 / max(len(levels) - 1, 1)) if levels.size else 1.0
        for i, path in enumerate(others):
            if path in by_path:
                aside = step ** (0.5 * (i - (len(others) - 1) / 2) / len(others))  # bars do not cover each other
                ends = np.array(found["interval"][path], float)
                traces.append(_bars(*by_path[path], levels * aside, np.array(found["difference"][path]), ends) | axes)
    caption = (
        f"Value of each arm minus that of {escape(reference)} at the first place of training at which the {escape(error)} is as low, means over seeds, with 95 % intervals over seeds, conditions and units "
        f"(with few seeds too narrow for what other seeds would give). Zero: as alike to the recording as {escape(reference)}. Errors that all runs reach; points of several arms stand aside from each other. "
        f"{MEANING} A difference on the arrow’s side: more alike than {escape(reference)}."
    )
    label = f"Differences of similarity at the same error for the arms of {group}"
    return plot.figure(named_once(traces), layout, height=height, label=label, caption=caption)


def _bars(place: int, arm: StudyArm, errors: np.ndarray, difference: np.ndarray, ends: np.ndarray) -> dict[str, Any]:
    colour, _ = look_of(place)
    bar = {"type": "data", "symmetric": False, "color": colour, "thickness": 1.4, "width": 0}
    bar |= {"array": ends[:, 1] - difference, "arrayminus": difference - ends[:, 0]}
    hover = f"{escape(name_of(arm))} at %{{x:.3g}}: %{{y:+.4f}}<extra></extra>"
    style = {"mode": "markers", "marker": {"size": 7, "color": colour}, "error_y": bar}
    return plot.line(errors, difference, colour, hovertemplate=hover, **style) | {
        "name": name_of(arm),
        "legendgroup": name_of(arm),
    }


def _zero(axes: Mapping[str, str]) -> dict[str, Any]:
    across = {"x0": 0, "x1": 1, "xref": f"{axes['xaxis']} domain", "y0": 0, "y1": 0, "yref": axes["yaxis"]}
    return {"type": "line", "line": {"color": plot.MUTED, "width": 1, "dash": "dot"}, **across}


def _ranking(arms: Mapping[int, StudyArm], said: Mapping[str, Any]) -> str:
    """Every measure of the trained networks beside what knows no condition."""
    ranking = said["ranking"]
    if not ranking:
        return ""
    paths = [arm.path for arm in arms.values() if any(arm.path in each["values"] for each in ranking)]
    head = ["Measure", "Surrogate", "Chance", "Untrained", *(escape(path.rpartition("/")[2]) for path in paths)]
    rows = []
    for each in ranking:
        above = each["surrogate_above_all"]
        words = {True: ("worse", "yes"), False: ("better", "no"), None: ("tie", "–")}
        kind, word = words[above]
        cells = [f"{escape(each['measure'])}&nbsp;{ARROWS[each['direction']]}"]
        cells += [number(each[key]) for key in (CROSS_CONDITION, "chance", "untrained")]
        cells += [_seeds(each["values"].get(path)) for path in paths]
        rows.append([*cells, f'<span class="{kind}">{word}</span>'])
    ways = dict.fromkeys(str(each["held_out"]) for each in ranking)
    caption = (
        "Networks after training: medians over seeds, their range below. Surrogate: the recording’s own mean over conditions in every condition, in the same measure on the same samples; where it is above all networks, the "
        f"measure does not tell activity that knows conditions from activity that does not. Untrained: of the first arm. Held out: {escape('; '.join(ways))}. {MEANING}"
    )
    html = table([*head, "Surrogate above all"], rows, "scores")
    return f'<h3>Which measures can tell</h3>{html}<p class="caption">{caption}</p>'


def _seeds(values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    spread = f"<br><small>{number(min(values))} to {number(max(values))}</small>" if len(values) > 1 else ""
    return f"<b>{number(float(np.median(values)))}</b>{spread}"
