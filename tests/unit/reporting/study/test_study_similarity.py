"""The similarity section of a study's page: curves of every arm, differences at the same error, lags, and which measures can tell."""

from __future__ import annotations

import dataclasses
import json
import re
from html import escape
from typing import Any

import numpy as np
import pytest
import study_subjects

import similarity_subjects
from neurodyn.reporting.study import page
from neurodyn.reporting.study.base import StudySubject
from neurodyn.reporting.study.learning import Learning
from neurodyn.reporting.study.similarity import Similarity
from neurodyn.reporting.study.similarity_curves import at_errors

RULES = similarity_subjects.RULES


@pytest.fixture(scope="module")
def study() -> StudySubject:
    return similarity_subjects.study()


@pytest.fixture(scope="module")
def drawn(study: StudySubject) -> list[dict[str, Any]]:
    return figures(Similarity().html(study))


def figures(html: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)]


def lines(figure: dict[str, Any], axis: str = "x") -> dict[str, dict[str, Any]]:
    return {t["name"]: t for t in figure["data"] if t["xaxis"] == axis and t.get("name") and "fill" not in t}


def test_values_at_errors_lie_between_the_steps() -> None:
    errors, values = np.array([1.0, 0.5, 0.7, 0.1]), np.array([0.0, 1.0, 5.0, 2.0])
    found = at_errors(errors, values, np.array([2.0, 1.0, 0.75, 0.5, 0.4, 0.05]))
    assert found[:5] == pytest.approx([0, 0, 0.5, 1, 5 - 3 * 0.5])  # 0.5 is reached before the error rises again
    assert np.isnan(found[5])


def test_distance_against_error_has_a_line_and_a_band_an_arm(study: StudySubject, drawn: list[dict[str, Any]]) -> None:
    figure = drawn[0]
    axis = figure["layout"]["xaxis"]
    assert axis["type"] == "log" and axis["range"][0] > axis["range"][1]
    shown = lines(figure)
    assert set(RULES) < set(shown) and shown["cross-condition average"]["y"] == [0.484, 0.484]
    runs = list(study.arms[1].similarities.values())
    low = max(run.errors.min() for run in runs)
    assert shown["eprop"]["x"][-1] == pytest.approx(low, rel=1e-2)
    last = [at_errors(run.errors, run.values["procrustes"], np.array([low]))[0] for run in runs]
    assert shown["eprop"]["y"][-1] == pytest.approx(np.median(last), abs=1e-3)
    bands = [t for t in figure["data"] if t.get("fill") == "toself" and t["xaxis"] == "x"]
    assert len(bands) == 3 and min(bands[1]["y"]) <= min(last) + 1e-3
    rings = [t for t in figure["data"] if t.get("mode") == "markers" and t["xaxis"] == "x"]
    assert [len(ring["x"]) for ring in rings] == [6, 6, 6]


def test_differences_at_the_same_error_have_intervals_and_the_colour_of_their_arm(
    study: StudySubject, drawn: list[dict[str, Any]]
) -> None:
    shown = lines(drawn[1])
    assert list(shown) == ["eprop", "rflo"]
    said = study.arms[0].scores[0].context["similarity"]["measures"]["procrustes"]["matched"]
    path = "similarity/reach/eprop"
    assert shown["eprop"]["y"] == pytest.approx(said["difference"][path], abs=1e-3)
    ends = np.array(said["interval"][path])
    assert np.array(shown["eprop"]["error_y"]["array"]) == pytest.approx(
        ends[:, 1] - said["difference"][path], abs=1e-3
    )
    assert shown["eprop"]["line"]["color"] == lines(drawn[0])["eprop"]["line"]["color"]
    assert drawn[1]["layout"]["yaxis"]["title"]["text"] == "difference from bptt"
    assert shown["eprop"]["x"] != shown["rflo"]["x"]  # bars stand aside from each other


def test_updates_dimension_and_lags(drawn: list[dict[str, Any]]) -> None:
    updates, lags = drawn[2], drawn[3]
    assert set(RULES) | {"recording"} == set(lines(updates, "x4"))
    assert lines(updates)["bptt"]["x"][0] == 0
    assert [s["x0"] for s in lags["layout"]["shapes"] if s["xref"] == "x"] == [320, 380]
    assert set(RULES) <= set(lines(lags, "x3"))


def test_the_table_says_where_the_surrogate_is_above_all(study: StudySubject) -> None:
    html = Similarity().html(study)
    rows = re.findall(r"<tr>(.*?)</tr>", html.split('<table class="scores">')[1])
    assert "procrustes" in rows[1] and ">no</span>" in rows[1]
    assert "cka" in rows[2] and ">yes</span>" in rows[2] and "0.790" in rows[2]
    for sentence in study.arms[0].scores[0].context["similarity"]["sentences"]:
        assert escape(sentence) in html


def test_one_seed_without_conclusions_is_drawn(study: StudySubject) -> None:
    arm = study.arms[2]
    alone = dataclasses.replace(arm, scores=(), similarities={0: arm.similarities[0]})
    html = Similarity().html(StudySubject("similarity", [alone]))
    assert len(figures(html)) == 3 and "One seed" in html and "<table" not in html


def test_the_section_stands_on_the_page_and_arms_keep_their_colours(study: StudySubject) -> None:
    assert '<section id="similarity">' in page.render(study)
    assert Similarity().html(study_subjects.build()) == ""
    curves = study_subjects.learned("bptt", 0).curves
    both = [dataclasses.replace(study.arms[0], similarities={}, curves=curves)]
    both += [dataclasses.replace(arm, curves=curves) for arm in study.arms[1:]]
    shown = StudySubject("similarity", both)
    learned, alike = figures(Learning().html(shown))[0], figures(Similarity().html(shown))[0]
    assert lines(learned)["rflo"]["line"]["color"] == lines(alike)["rflo"]["line"]["color"]
