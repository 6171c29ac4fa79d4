"""The page about a study: what it says of published values, baselines, runs and the correlations between measures."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_subjects

from neurodyn.reporting.study import page
from neurodyn.reporting.study.base import StudyArm, StudySubject, against, best_of
from neurodyn.reporting.study.comparison import Comparison
from neurodyn.reporting.study.correlations import Correlations, least_distinguishable, rank_correlations, runs_of
from neurodyn.reporting.study.flow_fields import FlowFields
from neurodyn.reporting.study.inputs import StudyInputs
from neurodyn.reporting.study.paired import PairedDifferences
from neurodyn.reporting.study.reading import Reading
from neurodyn.reporting.study.spread import Spread


@pytest.fixture(scope="module")
def study() -> StudySubject:
    return study_subjects.build()


def figures(html: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)]


def test_the_page_is_one_file_with_every_section(study: StudySubject, tmp_path: Path) -> None:
    text = page.write(study, tmp_path / "deep" / "report.html").read_text()
    for section in page.SECTIONS:
        if section.name in ("paired", "cards", "learning", "similarity", "dynamics"):
            assert (
                f'<section id="{section.name}">' not in text
            )  # nothing is compared, no subjects are aligned, no task is learned, nothing recorded
            continue
        assert f'<section id="{section.name}">' in text
    assert "Study maze" in text and "Left out of --quick: maze/rec/odin" in text
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.html"]


def test_arms_are_shown_beside_the_one_they_are_compared_with() -> None:
    study = study_subjects.build_taught()
    html = PairedDifferences().html(study)
    (figure,) = figures(html)
    layout, traces = figure["layout"], figure["data"]
    assert layout["yaxis"]["ticktext"] == ["hard_rate", "soft", "self", "shuffled", "teacher †"]
    assert [shape["x0"] for shape in layout["shapes"]] == [0, 0]  # a zero line a panel
    means = {t["name"]: t for t in traces if "error_x" in t and t["xaxis"] == "x"}
    assert set(means) == {"compared", "control", "teacher"}
    assert means["control"]["y"] == [2, 3] and means["control"]["x"] == [0.0, 0.04]
    assert means["compared"]["error_x"]["array"] == pytest.approx([0.02, 0.02])
    dots = next(t for t in traces if t["name"] == "control, seeds")
    assert dots["x"] == pytest.approx([-0.01, 0.0, 0.01, 0.03, 0.04, 0.05])
    titles = [note["text"] for note in layout["annotations"]]
    assert titles == ["co bps (→ better)", "input rotation distance (← better)"]
    assert html.count('<li class="look">') == 2 and "co_bps: hard_rate over none: unexplained." in html
    text = page.render(study)
    assert "not deployable" in text and "reach/teacher †" in text and "reach/soft †" not in text


def test_sections_with_nothing_to_show_are_left_out() -> None:
    bare = StudySubject("maze", [study_subjects.arm("maze/rec/base", inputs=False, seeds=1)])
    text = page.render(bare)
    assert '<section id="spread">' in text
    assert '<section id="inputs">' not in text and '<section id="correlations">' not in text


def test_the_reading_names_what_is_missed_not_judged_and_trivial(study: StudySubject) -> None:
    html = Reading().html(study)
    assert "0 of 1 published figures are reached. Not: published_rate_r2 0.982 (published 0.987)" in html
    assert "1 published figures are not judged (--quick changes trials); 1 of them are matched all the same" in html
    assert "On none of 4 measures is a simpler model clearly better" in html
    assert "4 of 4 measures are no better than what is read off another true quantity" in html
    assert "published_rate_r2 0.982 (true latents 0.992)" in html
    assert html.count('<li class="look">') == 3 and html.count("<details>") == 3


def test_a_simpler_model_that_wins_is_named(study: StudySubject) -> None:
    (first, *rest) = study.arms[0].scores
    lost = dataclasses.replace(first, baselines={"glm": 0.999}, difference={"glm": (-0.017, -0.02, -0.01)})
    arm = dataclasses.replace(study.arms[0], scores=[lost, *rest])
    html = Reading().html(StudySubject("maze", [arm]))
    assert "A simpler model does better on 1 of 4 measures. published_rate_r2 0.982 (glm 0.999)" in html


def test_whether_rates_tell_a_good_run_is_said(study: StudySubject) -> None:
    def renamed(name: str) -> str:
        return {"published_input_r2_forward": "input_r2_forward"}.get(name, name)

    def changed(arm: StudyArm) -> StudyArm:
        scores = [dataclasses.replace(each, name=renamed(each.name)) for each in arm.scores]
        runs = {seed: {renamed(name): value for name, value in run.items()} for seed, run in arm.runs.items()}
        return dataclasses.replace(arm, scores=scores, runs=runs)

    html = Reading().html(StudySubject("maze", [changed(arm) for arm in study.groups["maze/rec"]]))
    assert "Over 10 runs, rate_r2 goes against input_r2_forward (rank correlation −1.000; from 0.632 on" in html


def test_the_best_baseline_knows_no_truth_and_is_no_floor() -> None:
    distance = study_subjects.score("input_rotation_distance", 0.3)
    assert best_of(distance) == "glm" and best_of(distance, truth=True) == "true_latents"
    assert against(distance, "glm") == "better" and against(distance, "true_latents") == "tie"
    assert best_of(dataclasses.replace(distance, baselines={"floor": 0.1, "glm": float("nan")})) is None


def test_the_table_keeps_published_measures_apart_from_ours(study: StudySubject) -> None:
    html = Comparison().html(study)
    assert html.count("Measures with a published value") == html.count("Measures without one") == 2  # data sets
    assert "0.987<br><small>[0.967, 1.007]; best 1.017</small>" in html
    assert "✗ not reached" in html and "not judged" in html and "A study. Scored on all trials." in html
    row = html[html.index("input rotation distance") :]
    assert "0.050" in row[: row.index("</tr>")]  # the floor


def test_every_run_is_a_dot_beside_the_published_quartiles(study: StudySubject) -> None:
    both = figures(Spread().html(study))
    assert len(both) == 2  # a figure a data set
    traces = both[0]["data"]
    dots = [trace for trace in traces if trace["name"] == "our runs"]
    assert len(dots) == 8 and all(len(dot["y"]) == 5 for dot in dots)  # four measures, two variants
    error = next(trace["error_y"] for trace in traces if trace["name"] == "published")
    assert error["array"] == pytest.approx([0.02]) and error["arrayminus"] == pytest.approx([0.02])


def test_inputs_are_shown_for_three_runs_on_the_same_trials(study: StudySubject) -> None:
    html = StudyInputs().html(study)
    (first, second) = figures(html)  # the arm without inferred inputs has none
    titles = [note["text"] for note in first["layout"]["annotations"]]
    assert [title.split(":")[0] for title in titles] == ["best", "median", "worst"]
    true = [trace["y"] for trace in first["data"] if trace["name"] == "true, channel 1"]
    assert len(true) == 3 and true[0] == true[1] == true[2]
    assert second["data"]


def test_portraits_are_of_analysed_runs_only(study: StudySubject) -> None:
    html = FlowFields().html(study)
    assert "maze/ext/base, seed 1" in html and "seed 0" not in html and len(figures(html)) == 1


def test_correlations_are_of_ranks_with_distances_turned_round(study: StudySubject) -> None:
    runs = [dict(run) for arm in study.groups["maze/rec"] for run in arm.runs.values()]
    names, matrix = rank_correlations(runs)
    assert names == list(study_subjects.MEASURES)
    assert runs_of(study.groups["maze/rec"]) == runs
    assert matrix[0] == pytest.approx([1, -1, 1, -1])  # inputs fall as rates rise, and the distance grows
    assert rank_correlations(runs[:3]) == ([], pytest.approx(np.empty((0, 0))))
    (figure, _) = figures(Correlations().html(study))
    assert figure["data"][0]["type"] == "heatmap" and len(figure["data"][0]["z"]) == 4


def test_how_large_a_correlation_must_be() -> None:
    assert least_distinguishable(6) == pytest.approx(0.811, abs=1e-3)  # tables of Pearson's r at 5 %
    assert least_distinguishable(20) == pytest.approx(0.444, abs=1e-3)


def test_an_arm_without_scores_does_not_stop_the_page() -> None:
    assert "maze/rec/base" in page.render(StudySubject("maze", [StudyArm("maze/rec/base", [], {})]))
