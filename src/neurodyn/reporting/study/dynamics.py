"""What arms have learned of the dynamics: each statement that the measures make, with the seeds in which it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from neurodyn.reporting.base import table
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject


class Dynamics(StudySection):
    """A table a folder: statements down, arms across, and in how many seeds each holds."""

    name = "dynamics"
    title = "What was learned of the dynamics"
    lead = "Models that predict the same rates may move by different rules. In how many of an arm's seeds is each statement true?"

    def html(self, study: StudySubject) -> str:
        """The tables; empty where no measure of dynamics was asked for."""
        return "".join(_group(group, arms) for group, arms in study.groups.items())


def _group(group: str, arms: Sequence[StudyArm]) -> str:
    claims = {arm: found for arm in arms if (found := _claims(arm))}
    statements = list(dict.fromkeys(statement for found in claims.values() for statement in found))
    if not statements:
        return ""
    rows = [[escape(each), *(_cell(found.get(each, ())) for found in claims.values())] for each in statements]
    head = ["Statement", *(escape(arm.path.rpartition("/")[2]) for arm in claims)]
    return f'<h3 class="subject">{escape(group)}</h3>{table(head, rows, "claims")}'


def _claims(arm: StudyArm) -> Mapping[str, Sequence[bool]]:
    return {statement: holds for score in arm.scores for statement, holds in score.context.get("claims", {}).items()}


def _cell(holds: Sequence[bool]) -> str:
    return f"{sum(holds)} of {len(holds)}" if holds else "–"
