"""Report cards on the page about a study: a column for every row, marks where something is expected, warnings, and names with room."""

from __future__ import annotations

import dataclasses
import re

import study_subjects

from alignment_cases import aligned, collapsed
from neurodyn.alignment.card import report_card
from neurodyn.metrics.base import Score
from neurodyn.reporting.study.alignment import ReportCards
from neurodyn.reporting.study.base import StudyArm, StudySubject, best_of
from neurodyn.reporting.study.comparison import Comparison
from neurodyn.reporting.study.reading import Reading
from neurodyn.reporting.study.spread import Spread


def arm(path: str = "subjects/tiers/a_name_of_some_length") -> StudyArm:
    model = aligned()
    rows = {"model": model, "untrained": aligned(noise=4.0), "shuffled_pairing": collapsed(model)}
    names = ["cross_subject_r", "cross_subject_r_raw"]
    scores = report_card({**rows, "calibrated_4": aligned(noise=0.1)}, measures=names, draws=50)
    expected = {"rows": {"shuffled_pairing": {"passed": False}}, "compare": "at_most", "values": [0.7, 0.9]}
    conclusion = {"sentence": "It carries over.", "verdict": "carries_over", "expected_met": [1, 2]}
    more = [{**expected, "conclusion": conclusion}, {}]
    own = [dataclasses.replace(s, context={**s.context, "statistic": "median", **m}) for s, m in zip(scores, more)]
    own[0] = dataclasses.replace(own[0], published=0.65, passed=True)
    return StudyArm(path, own, {seed: {score.name: score for score in own} for seed in range(3)})


def test_the_card_stands_in_place_of_the_comparison() -> None:
    study = StudySubject("subjects", [arm()])
    html = ReportCards().html(study)
    heads = re.findall(r"<th(?: [^>]*)?>(.*?)</th>", html)
    assert heads == ["Measure", "Ours", "Published", "untrained", "shuffled pairing", "calibrated 4"]
    assert "(0.700 to 0.900)" in html and "≤ 0.650 ✓" in html and "0.000 ✗" in html
    assert "says nothing about quality" in html and "after calibration on 4 trials" in html
    assert Comparison().html(study) == "" and ReportCards().html(study_subjects.build()) == ""
    reading = Reading().html(study)
    assert "It carries over." in reading and "! look" in reading and "simpler model" not in reading


def test_what_is_told_labels_of_the_new_subject_is_no_rival() -> None:
    score: Score = arm().scores[0]
    assert max(score.baselines, key=lambda name: score.baselines[name]) == "calibrated_4"
    assert best_of(score) in ("untrained", "shuffled_pairing")


def test_long_names_of_arms_stand_upright_and_have_room() -> None:
    def shown(path: str) -> tuple[str, int]:
        html = Spread().html(StudySubject("subjects", [arm(path)]))
        (height,) = re.findall(r"height:\s*(\d+)px", html)[:1]
        return html, int(height)

    (short, low), (long, high) = shown("subjects/tiers/t"), shown("subjects/tiers/a_name_of_some_length")
    assert '"tickangle":90' in long.replace(" ", "") and '"tickangle":90' not in short.replace(" ", "")
    assert high > low + 80
