"""Report cards of the arms that align subjects: every measure over seeds, beside the rows without which it means nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from neurodyn import registry
from neurodyn.alignment.card import SAME_LATENTS
from neurodyn.metrics.base import Score
from neurodyn.reporting.base import table
from neurodyn.reporting.scores import number
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject, short

MARKS = {True: "✓", False: "✗", None: ""}


class ReportCards(StudySection):
    """A table for each arm: a row a measure, a column a row of the card."""

    name = "cards"
    title = "Report cards"
    lead = "What carries over to subjects that nothing was trained on, and is it more than an untrained network, a model of shuffled pairs or the population's rate give?"

    def html(self, study: StudySubject) -> str:
        """The cards of every arm that has one."""
        arms = [arm for arm in study.arms if alignment_scores(arm.scores)]
        if not arms:
            return ""
        scores = [score for arm in arms for score in alignment_scores(arm.scores)]
        said = "".join(f'<p class="caption">{escape(text)}</p>' for text in (legend(scores), *warnings(scores)))
        return "".join(map(_card, arms)) + said


def alignment_scores(scores: Sequence[Score]) -> list[Score]:
    """Those that are measures of an alignment across subjects."""
    known = registry.names("alignment_measures")
    return [score for score in scores if score.name in known]


def not_of_alignment(scores: Sequence[Score]) -> list[Score]:
    """All others."""
    known = registry.names("alignment_measures")
    return [score for score in scores if score.name not in known]


def columns_of(scores: Sequence[Score]) -> list[str]:
    """Rows of the cards, in their order, then the ceilings."""
    found = list(dict.fromkeys(name for score in scores for name in score.baselines))
    return [*found, *([SAME_LATENTS] if any(score.ceiling is not None for score in scores) else [])]


def legend(scores: Sequence[Score]) -> str:
    """What the numbers and the columns are."""
    of = " or ".join(dict.fromkeys(str(score.context.get("statistic")) for score in scores)).capitalize()
    said = [f"{name.replace('_', ' ')}: {_meaning(name)}" for name in columns_of(scores)]
    return f"{of} over seeds (range). {'; '.join(said)}. ✓ and ✗: whether an expected value is met."


def _meaning(column: str) -> str:
    if column.startswith("calibrated_"):
        return f"after calibration on {column.removeprefix('calibrated_')} trials of the new subject"
    return _MEANINGS.get(column, "a simpler model")


_MEANINGS = {
    "untrained": "the same network before training",
    "shuffled_pairing": "trained on behaviour of other trials",
    "population_rate": "one latent, the mean of all units",
    "pca_cca": "principal components rotated by canonical correlation, told what belongs together",
    "within_session": "principal components read by decoders that the subject itself taught",
    SAME_LATENTS: "the model's latents read by decoders that the subject itself taught",
}


def own(score: Score) -> str:
    """The value with its range over seeds."""
    values = [value for value in score.context.get("values", ()) if math.isfinite(value)]
    spread = f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""
    return f"{number(score.value)}{spread}"


def beside(score: Score, column: str) -> str:
    """One cell: the value of a row, marked where something is expected of it; empty where it has none."""
    value = score.ceiling if column == SAME_LATENTS else score.baselines.get(column)
    if value is None:
        return ""
    judged = score.context.get("rows", {}).get(column, {}).get("passed")
    return f"{number(value)} {MARKS[judged]}".rstrip()


def warnings(scores: Sequence[Score]) -> list[str]:
    """What must be said wherever these measures are shown, each once, with their names."""
    said: dict[str, list[str]] = {}
    for score in scores:
        if "warning" in score.context:
            names = said.setdefault(str(score.context["warning"]), [])
            names += [score.name] if score.name not in names else []
    return [f"{', '.join(names)}: {warning}" for warning, names in said.items()]


def _card(arm: StudyArm) -> str:
    scores = alignment_scores(arm.scores)
    columns = columns_of(scores)
    head = ["Measure", "Ours", *(["Published"] if any(s.published is not None for s in scores) else [])]
    rows = []
    for score in scores:
        arrow = "↑" if score.direction == "higher" else "↓"
        cells = [f'<abbr title="{escape(score.definition)}">{escape(short(score.name))}</abbr>&nbsp;{arrow}']
        cells += [f"<b>{escape(own(score))}</b>"]
        cells += [f"{expected(score)} {MARKS[score.passed]}".rstrip()] if len(head) == 3 else []
        rows.append([*cells, *(escape(beside(score, column)) for column in columns)])
    head += [escape(name.replace("_", " ")) for name in columns]
    return f'<h3 class="subject">{escape(arm.path)}</h3>{table(head, rows, "scores")}'


def expected(score: Score) -> str:
    """The published value with how ours is held to it: as good, at most as good, or the same within a tolerance."""
    if score.published is None:
        return ""
    up = score.direction == "higher"
    sign = {"at_least": "≥" if up else "≤", "at_most": "≤" if up else "≥"}.get(score.context.get("compare", ""), "")
    return f"{sign} {number(score.published)}".strip()
