"""The study in plain words, written from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from neurodyn.metrics.base import Score
from neurodyn.reporting.scores import number
from neurodyn.reporting.study.alignment import alignment_scores, not_of_alignment
from neurodyn.reporting.study.base import StudyArm, StudySection, StudySubject, against, best_of
from neurodyn.reporting.study.correlations import least_distinguishable, rank_correlations, runs_of

STATES = {True: ("fine", "✓ fine"), False: ("look", "! look")}
PAIRS = (("rate_r2", "input_r2_forward"), ("rate_r2", "latent_r2_backward"))
"""Does the first tell which runs are good at the second?"""


class Reading(StudySection):
    """Which published figures were reached, where a simpler model does better, and whether rates tell a good run."""

    name = "reading"
    title = "Reading"
    lead = "Made from the numbers below. A figure is reached where it is within the study's own tolerance, or better."

    def html(self, study: StudySubject) -> str:
        """One item an arm, then one a data set."""
        items = [_arm(arm) for arm in study.arms if arm.scores]
        items += [_item(True, group, [text]) for group, arms in study.groups.items() for text in _together(arms)]
        return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


@dataclass(frozen=True)
class _Statement:
    """A sentence, whether it is good news, and the numbers behind it."""

    sentence: str
    fine: bool = True
    numbers: str = ""


def _arm(arm: StudyArm) -> str:
    said = [*_aligned(arm), *_against_published(arm), *_against_baselines(arm)]
    return _item(all(each.fine for each in said), arm.path, said)


def _item(fine: bool, topic: str, said: Sequence[_Statement]) -> str:
    kind, word = STATES[fine]
    text = " ".join(escape(each.sentence) for each in said)
    numbers = "".join(f"<p>{escape(each.sentence)} {escape(each.numbers)}.</p>" for each in said if each.numbers)
    folded = f"<details><summary>Which</summary>{numbers}</details>" if numbers else ""
    return (
        f'<li class="{kind}"><span class="state">{word}</span><span><b>{escape(topic)}.</b> {text}{folded}</span></li>'
    )


def _aligned(arm: StudyArm) -> Iterator[_Statement]:
    """What the report card of an arm that aligns subjects comes to."""
    for score in alignment_scores(arm.scores):
        if "conclusion" in score.context:
            found = score.context["conclusion"]
            met, judged = found["expected_met"]
            yield _Statement(found["sentence"], met == judged if judged else found["verdict"] == "carries_over")


def _against_published(arm: StudyArm) -> Iterator[_Statement]:
    published = [score for score in not_of_alignment(arm.scores) if score.published is not None]
    judged = [score for score in published if score.passed is not None]
    if judged:
        missed = [score for score in judged if not score.passed]
        sentence = f"{len(judged) - len(missed)} of {len(judged)} published figures are reached."
        yield _Statement(sentence, not missed, f"Not: {_pairs(missed)}" if missed else "")
    for reason in dict.fromkeys(str(s.context.get("not_comparable")) for s in published if s.passed is None):
        unjudged = [s for s in published if s.passed is None and str(s.context.get("not_comparable")) == reason]
        behind = [score for score in unjudged if not _as_good(score)]
        sentence = f"{len(unjudged)} published figures are not judged ({reason}); {len(unjudged) - len(behind)} of them are matched all the same."
        yield _Statement(sentence, not behind, f"Behind: {_pairs(behind)}" if behind else "")


def _against_baselines(arm: StudyArm) -> Iterator[_Statement]:
    scores = not_of_alignment(arm.scores)
    compared = [(score, best) for score in scores if (best := best_of(score)) is not None]
    lost = [(score, best) for score, best in compared if against(score, best) == "worse"]
    if lost:
        yield _Statement(
            f"A simpler model does better on {len(lost)} of {len(compared)} measures.", False, _beside(lost)
        )
    elif compared:
        yield _Statement(f"On none of {len(compared)} measures is a simpler model clearly better.")
    known = [(score, best) for score in scores if (best := best_of(score, truth=True)) is not None]
    trivial = [(score, best) for score, best in known if against(score, best) != "better"]
    if trivial:
        sentence = f"{len(trivial)} of {len(known)} measures are no better than what is read off another true quantity, and say little of the model."
        yield _Statement(sentence, False, _beside(trivial))


def _together(arms: Sequence[StudyArm]) -> Iterator[_Statement]:
    runs = runs_of(arms)
    names, matrix = rank_correlations(runs)
    for first, second in PAIRS:
        if first in names and second in names:
            rho = float(matrix[names.index(first), names.index(second)])
            tells = abs(rho) >= least_distinguishable(len(runs))
            word = "goes with" if tells and rho > 0 else "goes against" if tells else "does not tell"
            yield _Statement(
                f"Over {len(runs)} runs, {first} {word} {second} (rank correlation {number(rho)}; from {number(least_distinguishable(len(runs)))} on it differs from none)."
            )


def _as_good(score: Score) -> bool:
    assert score.published is not None
    tolerance = float(score.context.get("tolerance") or 0.0)
    behind = score.published - score.value if score.direction == "higher" else score.value - score.published
    return behind <= tolerance


def _pairs(scores: Sequence[Score]) -> str:
    return "; ".join(f"{score.name} {number(score.value)} (published {number(score.published)})" for score in scores)


def _beside(pairs: Sequence[tuple[Score, str]]) -> str:
    return "; ".join(
        f"{score.name} {number(score.value)} ({best.replace('_', ' ')} {number(score.baselines[best])})"
        for score, best in pairs
    )
