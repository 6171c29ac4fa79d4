"""What an arm that aligns subjects comes to, in words: whether it carries over to new subjects, and what speaks against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from neurodyn.alignment.card import BESIDE, HEADLINE, RIVALS, ReportCard
from neurodyn.metrics.base import Score
from neurodyn.reporting.scores import number
from neurodyn.reporting.study.alignment import alignment_scores

Verdict = Literal["carries_over", "in_part", "does_not", "open"]
"""`carries_over`: nothing on the card speaks against it. `in_part`: nor here, but a calibrated model reads much more behaviour. `does_not`: something does. `open`:
measures or rows are missing."""
BEHAVIOUR = "zero_shot_behaviour_r2"
SHARE = 2 / 3
"""Of what the model reads of behaviour after calibration, what it must read without for the whole to be said to carry over."""
_SAID = {
    "cross_subject_r": "r across subjects",
    "cross_modal_r": "r with the other modality",
    BEHAVIOUR: "behaviour R²",
    "zero_shot_target_accuracy": "target accuracy",
    "effective_dimension": "effective dimension",
}
"""Measures that a conclusion quotes, in order."""


def with_alignment_conclusions(scores: Sequence[Score]) -> list[Score]:
    """The scores, with `context["conclusion"]` on the headline of every arm that has a report card."""
    said = {}
    for arm in dict.fromkeys(score.context["arm"] for score in scores):
        own = [score for score in scores if score.context["arm"] == arm]
        if any(score.name == HEADLINE for score in own):
            said[arm] = alignment_conclusion(arm, alignment_scores(own))
    return [
        dataclasses.replace(score, context={**score.context, "conclusion": said[score.context["arm"]]})
        if score.name == HEADLINE
        else score
        for score in scores
    ]


def alignment_conclusion(arm: str, scores: Sequence[Score]) -> dict[str, Any]:
    """The verdict, and one sentence or a few that give its numbers.

    Args:
        arm: its path.
        scores: of its report card, over seeds.

    Returns:
        `score` (the headline's name), `arm`, `verdict`, `findings` (what speaks against it), `expected_met` (how many of how many expected values) and `sentence`.
    """
    card = ReportCard(scores)
    found = card.findings()
    calibrated = [row for row in card.rows if row.startswith("calibrated_")]
    less = bool(calibrated) and _reads_less(card, calibrated[-1])
    verdict: Verdict = "open" if card.missing else "does_not" if found else "in_part" if less else "carries_over"
    judged = list(_judged(scores))
    met = [name for name, passed, _ in judged if passed]
    must_fail = any(compare == "at_most" for _, _, compare in judged) and len(met) == len(judged)
    said = {
        "carries_over": "carries over to subjects that nothing was trained on",
        "in_part": "carries over in part to subjects that nothing was trained on: much of their behaviour is read after calibration alone",
        "does_not": f"does not carry over{', as it must not' if must_fail else ''}",
        "open": f"open: there is no {', no '.join(card.missing)}",
    }[verdict]
    sentences = [f"{said} ({'; '.join(_quoted(card))}).", *found, *_told_more(card)]
    if judged:
        missed = [name for name, passed, _ in judged if not passed]
        sentences.append(
            f"{len(met)} of {len(judged)} expected values are met{': not ' + ', '.join(missed) if missed else ''}."
        )
    return {
        "score": HEADLINE,
        "arm": arm,
        "verdict": verdict,
        "findings": found,
        "expected_met": [len(met), len(judged)],
        "sentence": f"{arm.rpartition('/')[2]} {' '.join(sentences)}",
    }


def _reads_less(card: ReportCard, row: str) -> bool:
    """Whether the model reads much less behaviour than a calibrated one."""
    score = card.by_name.get(BEHAVIOUR)
    return score is not None and row in score.baselines and score.value < SHARE * score.baselines[row]


def _quoted(card: ReportCard) -> Iterator[str]:
    """The measures that say most, the headline with what it must be read beside."""
    for name, words in _SAID.items():
        if name not in card.by_name:
            continue
        score, rows = card.by_name[name], RIVALS if name == HEADLINE else BESIDE[-1:]
        beside = ", ".join(
            f"{row.replace('_', ' ')} {number(score.baselines[row])}" for row in rows if row in score.baselines
        )
        yield f"{words} {number(score.value)}{', ' + beside if beside else ''}"


def _told_more(card: ReportCard) -> Iterator[str]:
    """What labels of the new subject give."""
    shown = [card.by_name[name] for name in list(_SAID)[:4] if name in card.by_name]
    rows = [row for row in card.rows if row.startswith("calibrated_")]
    for row in dict.fromkeys((*rows[:1], *rows[-1:])):
        values = [f"{_SAID[s.name]} {number(s.baselines[row])}" for s in shown if row in s.baselines]
        yield f"With {row.removeprefix('calibrated_')} calibration trials: {', '.join(values)}."
    ceiling = card.value("pca_cca", HEADLINE)
    if ceiling is not None:
        yield f"PCA and CCA, told what belongs together: r {number(ceiling)}."


def _judged(scores: Sequence[Score]) -> Iterator[tuple[str, bool, str]]:
    """Every expected value that could be judged, of the arm and of the rows beside it: its name, whether it was met, and how it was compared."""
    for score in scores:
        if score.passed is not None:
            yield score.name, score.passed, score.context["compare"]
        for row, given in score.context.get("rows", {}).items():
            if given["passed"] is not None:
                yield f"{score.name} of {row}", given["passed"], ""
