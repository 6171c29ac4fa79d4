"""The study's table: what was published beside ours, and our own measures beside their baselines."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from neurodyn.metrics.base import Score
from neurodyn.reporting.base import table
from neurodyn.reporting.scores import number
from neurodyn.reporting.study.alignment import not_of_alignment
from neurodyn.reporting.study.base import FLOOR, StudyArm, StudySection, StudySubject, against, best_of, short

VERDICTS = {True: "✓ reached", False: "✗ not reached", None: "not judged"}
WORDS = {"better": "▲", "worse": "▼", "tie": "≈"}


class Comparison(StudySection):
    """Two tables a data set: scores with a published value, and scores without one."""

    name = "comparison"
    title = "Published and ours"
    lead = "What was reported, what the same definitions give here, and what the measures on held-out trials say beside simpler models."

    def html(self, study: StudySubject) -> str:
        """The tables of every data set."""
        groups = study.groups.items()
        parts = [_group(group, arms) for group, arms in groups if any(not_of_alignment(arm.scores) for arm in arms)]
        return "".join(parts) + _caption(study) if parts else ""


def _group(group: str, arms: Sequence[StudyArm]) -> str:
    shown = [(arm, score) for arm in arms for score in not_of_alignment(arm.scores)]
    published = [(arm, score) for arm, score in shown if score.published is not None]
    ours = [(arm, score) for arm, score in shown if score.published is None]
    html = f'<h3 class="subject">{escape(group)}</h3>'
    if published:
        html += "<h3>Measures with a published value</h3>" + _table(published, with_published=True)
    if ours:
        html += "<h3>Measures without one</h3>" + _table(ours, with_published=False)
    return html


def _table(rows: Sequence[tuple[StudyArm, Score]], *, with_published: bool) -> str:
    """One row a measure and variant, measure by measure."""
    names = list(dict.fromkeys(score.name for _, score in rows))
    ordered = sorted(rows, key=lambda row: names.index(row[1].name))
    head = ["Measure", "Variant", *(["Published"] if with_published else []), "Ours", "95 % interval"]
    head += [*(["Verdict"] if with_published else []), "Best baseline", "From the truth", "Floor", "Ceiling"]
    cells, before = [], ""
    for arm, score in ordered:
        arrow = "↑" if score.direction == "higher" else "↓"
        meaning = escape(f"{score.name}: {score.definition}")
        label = f'<abbr title="{meaning}">{escape(short(score.name))}</abbr>&nbsp;{arrow}'
        row = [label if score.name != before else "", escape(f"{arm.variant} {arm.mark}".rstrip())]
        row += [_published(score)] if with_published else []
        row += [_ours(score), f"[{number(score.interval[0])}, {number(score.interval[1])}]"]
        row += [_verdict(score)] if with_published else []
        row += [
            _baseline(score),
            _baseline(score, truth=True),
            number(score.baselines.get(FLOOR)),
            number(score.ceiling),
        ]
        cells.append(row)
        before = score.name
    return table(head, cells, "scores")


def _published(score: Score) -> str:
    context = score.context
    return f"{number(score.published)}{_runs(context.get('published_quartiles'), context.get('published_best'))}"


def _ours(score: Score) -> str:
    context = score.context
    spread = _runs(context.get("quartiles"), context.get("best"))
    if context.get("statistic") == "mean":
        spread = "" if context.get("sd") is None else f" ± {number(context['sd'])}"
    values = ", ".join(number(value) for value in context.get("values", ()))
    return f'<b title="seeds: {escape(values)}">{number(score.value)}</b>{spread}'


def _runs(quartiles: Sequence[float] | None, best: float | None) -> str:
    """Quartiles and best of several runs, smaller than the value before them."""
    parts = [f"[{number(quartiles[0])}, {number(quartiles[1])}]"] if quartiles else []
    parts += [f"best {number(best)}"] if best is not None and quartiles else []
    return f"<br><small>{'; '.join(parts)}</small>" if parts else ""


def _verdict(score: Score) -> str:
    kind = {True: "better", False: "worse", None: "tie"}[score.passed]
    why = str(score.context.get("not_comparable") or f"tolerance {score.context.get('tolerance')}")
    return f'<span class="{kind}" title="{escape(why)}">{VERDICTS[score.passed]}</span>'


def _baseline(score: Score, *, truth: bool = False) -> str:
    best = best_of(score, truth=truth)
    if best is None:
        return "–"
    state = against(score, best)
    name = escape(best.replace("_", " "))
    return f'<span class="{state}">{WORDS[state]}</span> {number(score.baselines[best])}<br><small>{name}</small>'


def _caption(study: StudySubject) -> str:
    scores = [score for arm in study.arms for score in not_of_alignment(arm.scores)]
    statistics = {str(score.context.get("statistic")) for score in scores}
    what = {"mean": "the mean over seeds ± standard deviation", "median": "the median over seeds [quartiles; best]"}
    ours = " or ".join(what[name] for name in what if name in statistics)
    sources = dict.fromkeys(
        f"{score.context.get('source')}. {score.context.get('note') or ''}"
        for score in scores
        if score.published is not None
    )
    reasons = dict.fromkeys(
        str(score.context["not_comparable"])
        for score in scores
        if score.published is not None and score.context.get("not_comparable")
    )
    html = (
        f'<p class="caption">Ours: {ours}; interval: the smallest that holds the 95 % bootstrap interval of every seed. '
        "Best baseline, of those that know as much as the model: ▲ the model is better by the paired 95 % interval, ▼ worse, ≈ not distinguishable. "
        "From the truth: what another true quantity gives, such as the true latents for the input; a measure that it solves says little. "
        "Floor: the least that the numbers of dimensions allow. Ceiling: what the truth itself scores. <i>p.</i>: the study's own definition.</p>"
    )
    html += "".join(f'<p class="caption">Published: {escape(text)}</p>' for text in sources)
    html += "".join(f'<p class="caption">Not judged: {escape(text)}.</p>' for text in reasons)
    return html
