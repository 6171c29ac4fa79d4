"""Report cards of a study as text: a row a measure and arm, a column a row of the card."""

from __future__ import annotations

from collections.abc import Sequence

from neurodyn.metrics.base import Score
from neurodyn.reporting.study.alignment import (
    MARKS,
    alignment_scores,
    beside,
    columns_of,
    expected,
    legend,
    own,
    warnings,
)

HEADINGS = ("arm", "measure", "ours", "published")


def headings(scores: Sequence[Score]) -> tuple[str, ...]:
    """Of the columns, the arm first."""
    return (*HEADINGS, *(name.replace("_", " ") for name in columns_of(alignment_scores(scores))))


def rows(scores: Sequence[Score]) -> list[tuple[str, ...]]:
    """The cells of `headings` of every measure of an alignment."""
    shown = alignment_scores(scores)
    columns = columns_of(shown)
    return [
        (
            str(score.context["arm"]),
            score.name,
            own(score),
            f"{expected(score)} {MARKS[score.passed]}".strip(),
            *(beside(score, column) for column in columns),
        )
        for score in shown
    ]


def below(scores: Sequence[Score]) -> list[str]:
    """What must be said under the cards."""
    shown = alignment_scores(scores)
    unjudged = dict.fromkeys(
        str(score.context["not_comparable"]) for score in shown if score.published is not None and score.passed is None
    )
    said = [f"Not judged: {why}." for why in unjudged] + [f"Mind: {text}" for text in warnings(shown)]
    return [legend(shown), *said] if shown else []
