"""The learning section of a study's page: curves of every arm against updates and CPU time, gradients beside the exact ones, and the conclusion."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pytest
import study_subjects

from neurodyn.reporting.study import page
from neurodyn.reporting.study.base import LearningCurve, StudySubject
from neurodyn.reporting.study.learning import Learning
from neurodyn.reporting.study.paired import PairedDifferences

NAMES = ("bptt", "eprop", "rflo")


@pytest.fixture(scope="module")
def study() -> StudySubject:
    return StudySubject("rules", [study_subjects.learned(name, number) for number, name in enumerate(NAMES)])


def figures(html: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)]


def lines(figure: dict[str, Any], axis: str) -> dict[str, dict[str, Any]]:
    return {t["name"]: t for t in figure["data"] if t["xaxis"] == axis and "fill" not in t}


def test_every_arm_has_a_line_and_a_band_against_updates_and_cpu_time(study: StudySubject) -> None:
    curves, _ = figures(Learning().html(study))
    assert [curves["layout"][axis]["title"]["text"] for axis in ("xaxis", "xaxis2")] == ["updates", "CPU seconds"]
    by_updates, by_time = (lines(curves, axis) for axis in ("x", "x2"))
    assert list(by_updates) == list(by_time) == list(NAMES)
    assert by_updates["eprop"]["x"] == [20, 40, 60, 80, 100] and by_time["eprop"]["x"] == [1, 2, 3, 4, 5]
    assert by_updates["eprop"]["y"][0] == pytest.approx(np.exp(-20 / 111), abs=1e-3)  # the middle seed
    bands = [trace for trace in curves["data"] if trace.get("fill") == "toself"]
    assert len(bands) == 2 * len(NAMES) and len(bands[0]["x"]) == 10


def test_gradients_keep_the_colour_of_their_arm(study: StudySubject) -> None:
    curves, gradients = figures(Learning().html(study))
    shown = lines(gradients, "x")
    assert list(shown) == ["eprop", "rflo"]
    assert all(shown[name]["line"]["color"] == lines(curves, "x")[name]["line"]["color"] for name in shown)
    assert shown["rflo"]["x"] == [0, 40, 80] and shown["rflo"]["y"] == [1, 0.75, 0.5]
    assert lines(gradients, "x2")["rflo"]["y"] == pytest.approx([0.8, 0.6, 0.4])


def test_the_conclusion_stands_here_and_not_with_paired_differences(study: StudySubject) -> None:
    text = page.render(study)
    assert text.count("In the same CPU time: bptt &lt; eprop.") == 1
    assert '<section id="learning">' in text and PairedDifferences().html(study) == ""


def test_an_error_of_zero_and_a_shorter_run_leave_the_rest(study: StudySubject) -> None:
    arm = study.arms[1]
    zero = LearningCurve("normalised_error", np.array([20.0, 40.0]), np.array([1.0, 2.0]), np.array([0.5, 0.0]))
    shorter = dataclasses.replace(arm, curves={**arm.curves, 0: zero}, gradients={})
    (figure,) = figures(Learning().html(StudySubject("rules", [shorter])))
    line = lines(figure, "x")["eprop"]
    assert line["x"] == [20, 40] and line["y"][1] is None


def test_nothing_is_shown_where_no_task_is_learned() -> None:
    assert Learning().html(study_subjects.build()) == ""
