from __future__ import annotations

import dataclasses
import math

import pytest

from neurodyn.reporting.scores import Scores, best_baseline, number, verdict


def test_verdicts_follow_the_paired_interval(subject):
    assert [verdict(s) for s in subject.scores] == ["better", "tie", "worse"]
    assert [best_baseline(s) for s in subject.scores] == ["glm", "smoothing", "smoothing"]


def test_where_lower_is_better_signs_turn(subject):
    lower = [dataclasses.replace(s, direction="lower") for s in subject.scores]
    assert best_baseline(lower[0]) == "shuffled"
    assert [verdict(s) for s in lower[1:]] == ["alone", "better"]


def test_without_baselines_a_score_stands_alone(subject):
    bare = dataclasses.replace(subject.scores[0], baselines={"glm": math.nan}, difference={})
    assert best_baseline(bare) is None and verdict(bare) == "alone"


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (-0.5, "−0.500"), (None, "–"), (math.nan, "–")])
def test_numbers_for_people(value, text):
    assert number(value) == text


def test_table_holds_every_number_and_escapes_definitions(subject):
    html = Scores().html(subject)
    assert html.count("<tr>") == 1 + len(subject.scores)
    for text in ("0.260", "[0.230, 0.290]", "−0.900", "+0.040 [+0.020, +0.060]", "shuffled", "0.350"):
        assert text in html
    assert "&lt;i&gt;mean&lt;/i&gt;" in html


def test_latent_use_is_said_in_words_for_each_subject(subject, make_subject):
    context = {"scored": "held-out units", "own_latents": 0.26, "other_latents": 0.25, "share": 0.0385}
    used = dataclasses.replace(subject.scores[0], name="latent_use", context=context)
    first, second = (dataclasses.replace(s, scores=[used]) for s in (subject, make_subject("b & c")))
    line = "Co-bps with the latents of other trials: 0.250 (with each trial&#x27;s own: 0.260); the latents carry 3.9% of it."
    assert f"<p>{line}</p>" in Scores().html(first)
    both = Scores().compare([first, second])
    assert f"<p>lfads: {line}</p>" in both and f"<p>b &amp; c: {line}</p>" in both
    assert "latents of other trials" not in Scores().html(subject)


def test_subjects_stand_side_by_side(subject, make_subject):
    html = Scores().compare([subject, make_subject("other <model>", noise=0.3)])
    assert html.count("<tr>") == 1 + 2 * len(subject.scores)
    assert "other &lt;model&gt;" in html and "other <model>" not in html


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_only_worse_baselines_lie_beyond_the_axis(subject, direction):
    sign = 1 if direction == "higher" else -1
    baselines = {"better": sign * 50.0, "worse": -sign * 50.0}
    score = dataclasses.replace(subject.scores[0], baselines=baselines, direction=direction, difference={})
    html = Scores().html(dataclasses.replace(subject, scores=[score]))
    assert "worse: " in html and f"worse: {-sign * 50:.3f}, beyond the axis" in html
    assert f"better: {sign * 50:.3f}, beyond" not in html


def test_what_knows_the_truth_is_listed_and_is_no_competitor(subject):
    known = {"true_latents": 2.0, "true_rates": 3.0, "floor": 4.0}
    pairs = {name: (-1.0, -1.1, -0.9) for name in known}
    score = subject.scores[0]
    told = dataclasses.replace(score, baselines={**score.baselines, **known}, difference={**score.difference, **pairs})
    assert best_baseline(told) == best_baseline(score) == "glm" and verdict(told) == verdict(score) == "better"
    alone = dataclasses.replace(score, baselines=known, difference=pairs)
    assert best_baseline(alone) is None and verdict(alone) == "alone"
    page, plain = (Scores().html(dataclasses.replace(subject, scores=[each])) for each in (told, score))
    assert "<th>true latents</th>" in page.replace(' scope="col"', "") and "3.000" in page
    assert "It is none of floor, true latents, true rates" in page and "It is none of" not in plain
