"""A study's result on disk: `table.json` for machines, `table.md` for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurodyn.data.writing import written_whole
from neurodyn.metrics.base import Score
from neurodyn.submission.targets import NOT_BLIND

HEADINGS = ("arm", "score", "ours", "published", "verdict", "baselines")


def as_mapping(study: str, scores: Sequence[Score]) -> dict[str, Any]:
    """The study as `neurodyn reproduce --json` prints it."""
    return {"study": study, "scores": [score.as_mapping() for score in scores]}


def write(folder: Path, study: str, scores: Sequence[Score]) -> None:
    """Writes both files whole.

    Raises:
        InvalidInput: the folder is not writable, or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / "table.json") as beside:
        beside.write_text(json.dumps(as_mapping(study, scores), indent=2, allow_nan=False))
    with written_whole(folder / "table.md") as beside:
        beside.write_text(markdown(study, scores))


def markdown(study: str, scores: Sequence[Score]) -> str:
    """The table as Markdown, with where each published value comes from below it."""
    lines = [f"# {study}", "", f"| {' | '.join(HEADINGS)} |", f"|{' --- |' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row(score))} |" for score in scores]
    sources = dict.fromkeys(source(score) for score in scores if score.published is not None)
    lines += ["", *(f"- {each}" for each in sources)]
    if any(score.context.get("blind") is False for score in scores):
        lines += ["", NOT_BLIND]
    return "\n".join([*lines, "", INTERVALS, ""])


INTERVALS = (
    "Ours: mean ± standard deviation over seeds [95 % bootstrap interval on held-out trials, of all seeds together]; "
    "baselines on the same trials."
)


def row(score: Score) -> tuple[str, ...]:
    """One score's cells, in the order of `HEADINGS`."""
    context, (low, high) = score.context, score.interval
    spread = "" if context["sd"] is None else f" ± {context['sd']:.4f}"
    return (
        f"{context['arm']} ({context['runs']})",
        score.name,
        f"{score.value:.4f}{spread} [{low:.4f}, {high:.4f}]",
        "" if score.published is None else f"{score.published:.4f}",
        verdict(score),
        ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items()),
    )


def source(score: Score) -> str:
    """Where a published value comes from, and what else a reader must know about it."""
    return " ".join(filter(None, (f"{score.context['source']}: <{score.context['url']}>.", score.context["note"])))


def verdict(score: Score) -> str:
    """Whether the published value was reproduced, or why the two are not compared."""
    context = score.context
    if score.passed is None:
        why = str(context["not_comparable"])
        return why if score.published is None else f"not comparable: {why}"
    how = "not worse by more than" if context["compare"] == "at_least" else "within"
    return f"{'passed' if score.passed else 'FAILED'} ({how} {context['tolerance']:g})"
