"""The page about a comparison, and the section of a run that was compared with a recording."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import similarity_subjects
from neurodyn.comparison.comparison import Comparison
from neurodyn.comparison.embedding import tree_of
from neurodyn.reporting.families import families_of
from neurodyn.reporting.page import render
from neurodyn.reporting.similarity import comparison_html, write_comparison
from neurodyn.reporting.similarity_over_training import SimilarityOverTraining
from neurodyn.reporting.similarity_panels import lag_axis, lag_marks, panels, shortened, value_axis
from neurodyn.reporting.subject import Subject


def figures(html: str) -> list[dict[str, Any]]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    return [json.loads(text) for text in found]


def named(figure: dict[str, Any], axis: str = "x") -> dict[str, dict[str, Any]]:
    """The lines of a panel by name."""
    return {t["name"]: t for t in figure["data"] if t["xaxis"] == axis and t.get("name") and "fill" not in t}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return similarity_subjects.comparison(5)


@pytest.fixture(scope="module")
def drawn(comparison: Comparison) -> list[dict[str, Any]]:
    return figures(comparison_html(comparison))


def test_the_heat_map_holds_the_values_in_the_order_of_the_tree(
    comparison: Comparison, drawn: list[dict[str, Any]]
) -> None:
    heat, tree = (next(t for t in drawn[1]["data"] if t["type"] == kind) for kind in ("heatmap", "scatter"))
    compared = comparison.measures["procrustes"]
    order = tree_of(compared.distances, comparison.names).order
    shown, expected = np.array(heat["z"], float), compared.values[np.ix_(order, order)]
    off = ~np.eye(5, dtype=bool)
    assert shown[off] == pytest.approx(expected[off], abs=1e-3) and np.isnan(np.diag(shown)).all()
    assert heat["zmin"] == pytest.approx(expected[off].min(), rel=1e-4)
    ticks = drawn[1]["layout"]["yaxis"]["ticktext"]
    assert [re.sub("<.*?>", "", text) for text in ticks] == [comparison.names[i] for i in order]
    assert drawn[1]["layout"]["yaxis2"]["matches"] == "y"
    # Every leaf has a branch at its own row, and the root joins at the largest height.
    rows = {y for x, y in zip(tree["x"], tree["y"]) if x == 0}
    assert rows == {0, 1, 2, 3, 4}
    assert max(x for x in tree["x"] if x is not None) == pytest.approx(
        tree_of(compared.distances, comparison.names).joins[-1, 2], abs=1e-3
    )


def test_dark_is_more_alike_whatever_the_direction(drawn: list[dict[str, Any]]) -> None:
    heats = {t["colorbar"]["title"]["text"]: t for f in drawn for t in f["data"] if t["type"] == "heatmap"}
    assert heats["procrustes ↓"]["reversescale"] is False and heats["rsa ↑"]["reversescale"] is True


def test_the_map_gives_each_family_a_colour_and_a_symbol(comparison: Comparison, drawn: list[dict[str, Any]]) -> None:
    families = {trace["name"]: trace for trace in drawn[2]["data"]}
    assert list(families) == ["recording", "bptt", "eprop seed1", "rflo seed1"]
    assert families["bptt"]["customdata"] == ["bptt seed1", "bptt seed2"] and families["bptt"]["showlegend"]
    assert families["recording"]["marker"]["symbol"] == "star" and families["recording"]["text"] == ["recording"]
    assert (
        len({t["marker"]["color"] for t in families.values()})
        == 4
        == len({str(t["marker"]["symbol"]) for t in families.values()})
    )
    assert drawn[2]["layout"]["yaxis"]["scaleanchor"] == "x"
    html = comparison_html(comparison)
    assert "Classical scaling" in html and "since rsa is no metric" in html


def test_the_table_says_what_gives_a_value_meaning(comparison: Comparison) -> None:
    html = comparison_html(comparison)
    assert html.count('<abbr title="') == 2
    for text in ("cross-condition average", "time shuffled", "chance", "Fitted", "Ceiling: none: condition averages"):
        assert text in html
    assert "mean over 5 parts of the conditions, each left out of the fit in turn (procrustes)" in html
    assert "rotations and reflections" in html and "no metric" in html
    best = min((s for s in comparison.scores if s.name == "procrustes"), key=lambda s: s.value)
    rows = re.findall(r"<tr>(.*?)</tr>", html.split('<table class="scores">')[1])
    assert str(best.context["y"]) in rows[1] and f"<b>{best.value:.3f}</b>" in rows[1]


def test_warnings_stand_above_everything(comparison: Comparison) -> None:
    html = comparison_html(dataclasses.replace(comparison, warnings=["a < b: reduce it"]))
    assert 0 < html.index("a &lt; b: reduce it") < html.index("<section")
    assert '<li class="look"><span class="state">' not in comparison_html(comparison)


def test_lags_are_marked(comparison: Comparison, drawn: list[dict[str, Any]]) -> None:
    sweep = comparison.lags["procrustes"]
    (figure,) = [f for f in drawn if f["layout"]["xaxis"]["title"]["text"] == "lag (ms)"]
    marks = {s["x0"]: s["line"]["dash"] for s in figure["layout"]["shapes"] if s["xref"] == "x"}
    assert marks == {50: "dash", round(1000 * sweep.best_s): "dot"} and sweep.best_s != sweep.used_s
    lines = named(figure)
    assert lines["bptt seed1"]["x"] == [-100, -50, 0, 50, 100]
    assert lines["bptt seed1"]["y"] == pytest.approx(sweep.values["bptt seed1"], abs=1e-3)
    assert lines["cross-condition average"]["y"][0] == pytest.approx(sweep.baseline, abs=1e-3)
    assert lines["bptt seed1"]["line"]["dash"] != lines["bptt seed2"]["line"]["dash"]
    assert lines["bptt seed1"]["line"]["color"] == lines["bptt seed2"]["line"]["color"]


def test_two_activities_and_many(tmp_path: Path) -> None:
    two = similarity_subjects.comparison(2, lags=False)
    assert '<section id="lags">' not in comparison_html(two) and len(figures(comparison_html(two))) == 5
    many = similarity_subjects.comparison(60, measures=("procrustes",), lags=False, draws=0)
    page = write_comparison(many, tmp_path / "new" / "many.html").read_text()
    assert "<summary>The 60 activities</summary>" in page
    assert not list(tmp_path.glob("new/*.part")) and len(list(tmp_path.glob("new/*"))) == 1
    heat = next(t for f in figures(page) for t in f["data"] if t["type"] == "heatmap")
    assert len(heat["z"]) == 60 and "texttemplate" not in heat


def test_a_long_table_is_folded_away(comparison: Comparison) -> None:
    many = dataclasses.replace(comparison, scores=[*comparison.scores] * 8)
    assert "<summary>Table of 64 scores</summary>" in comparison_html(many)
    assert "<summary>Table" not in comparison_html(comparison)


def test_long_names_are_short_beside_marks_and_whole_on_hover() -> None:
    long = [f"a network with a very long description of how it was trained, seed {i}" for i in range(3)]
    html = comparison_html(similarity_subjects.comparison(4, long, lags=False))
    heat = next(f for f in figures(html) if f["data"][0]["type"] == "heatmap")
    shown = [re.sub("<.*?>", "", text) for text in heat["layout"]["yaxis"]["ticktext"]]
    assert max(map(len, shown)) <= 22 and len(set(shown)) == 4 and any("…" in text for text in shown)
    assert any(long[0] in text for row in heat["data"][0]["text"] for text in row)


def test_a_distance_that_is_not_known_leaves_the_values(comparison: Comparison) -> None:
    compared = comparison.measures["rsa"]
    distances = compared.distances.copy()
    distances[0, 1] = distances[1, 0] = np.nan
    broken = dataclasses.replace(compared, distances=distances)
    html = comparison_html(dataclasses.replace(comparison, measures={"rsa": broken}, scores=(), lags={}))
    assert "No tree and no map: distance of recording and bptt seed1: got nan" in html
    (figure,) = figures(html)
    assert "xaxis2" not in figure["layout"] and len(figure["data"][0]["z"]) == 5


def test_families() -> None:
    names = [
        "brain 1",
        "bptt seed1",
        "bptt_2",
        "runs/eprop-3",
        "runs/eprop seed=4",
        "net (1)",
        "net (2)",
        "gpfa12",
        "lfads",
    ]
    found = {f.name: f.members for f in families_of(names, "brain 1")}
    expected: dict[str, tuple[int, ...]] = {"brain 1": (0,), "bptt": (1, 2), "runs/eprop": (3, 4), "net": (5, 6)}
    assert found == expected | {"gpfa12": (7,), "lfads": (8,)}
    assert shortened("abcdefghij", 7) == "abc…hij" and shortened("abc", 7) == "abc"


def test_a_baseline_far_off_does_not_flatten_the_curves() -> None:
    axis = value_axis(
        np.array([0.4, 0.5, np.nan]), {"cross_condition_average": 0.55, "chance": 2.0, "time_shuffled": 0.6}
    )
    low, high = axis["range"]
    assert 0.3 < low < 0.4 and 0.6 < high < 0.7


def test_texts_of_lags_stay_inside_of_the_panel() -> None:
    for used, best, expected in ((-0.1, 0.1, ["left", "right"]), (0.0, 0.02, ["right", "left"]), (0.0, 0.0, ["left"])):
        layout = panels(1, 1)[0]
        layout["xaxis"] = lag_axis(np.array([-0.1, 0.0, 0.1]))
        lag_marks(layout, {"xaxis": "x", "yaxis": "y"}, used, best)
        assert [note["xanchor"] for note in layout["annotations"]] == expected


# -- one run ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def along() -> list[dict[str, Any]]:
    found = similarity_subjects.over_training()
    return figures(SimilarityOverTraining().html(_Shown(found)))  # type: ignore[arg-type]


class _Shown(Subject):
    """A subject of which the section looks at the similarity alone."""

    def __init__(self, found: Any) -> None:
        object.__setattr__(self, "similarity", found)


def test_distance_against_error_falls_to_the_right(along: list[dict[str, Any]]) -> None:
    found = similarity_subjects.over_training()
    axis = along[0]["layout"]["xaxis"]
    assert axis["type"] == "log" and axis["range"][0] > axis["range"][1]
    assert axis["title"]["text"] == "normalised error"
    lines = named(along[0])
    assert lines["network"]["x"] == pytest.approx(found.errors, rel=1e-2)
    assert lines["network"]["y"] == pytest.approx(found.values["procrustes"], abs=1e-3)
    rings = lines["first 6 kept steps"]
    assert rings["x"] == pytest.approx(found.errors[:6], rel=1e-2) and rings["mode"] == "markers"
    assert lines["cross-condition average"]["y"] == [0.484, 0.484]
    assert any("chance 0.8" in note["text"] for note in along[0]["layout"]["annotations"])  # beyond the panel


def test_bands_are_inside_of_their_panels_and_dimension_stands_beside_the_data(along: list[dict[str, Any]]) -> None:
    layout = along[1]["layout"]
    bands = [t for t in along[1]["data"] if t.get("fill") == "toself"]
    assert len(bands) == 3
    low, high = layout["yaxis"]["range"]
    assert low < min(bands[0]["y"]) < max(bands[0]["y"]) < high
    dimension = named(along[1], "x4")
    assert dimension["recording"]["y"][0] == pytest.approx(3.295)
    assert "participation ratio (dimensions)" in [note["text"] for note in layout["annotations"]]


def test_lags_of_a_run(along: list[dict[str, Any]]) -> None:
    shapes = [s for s in along[2]["layout"]["shapes"] if s["xref"] == "x"]
    assert [s["x0"] for s in shapes] == [320, 380]


def test_errors_of_zero_and_no_draws_leave_the_rest() -> None:
    found = similarity_subjects.over_training(draws=0)
    errors = found.errors.copy()
    errors[-1] = 0
    drawn = figures(SimilarityOverTraining().html(_Shown(dataclasses.replace(found, errors=errors))))  # type: ignore[arg-type]
    assert named(drawn[0])["network"]["x"][-1] is None
    assert not any(t.get("fill") for t in drawn[1]["data"])


def test_the_section_is_on_the_page_of_what_was_compared(make_subject: Callable[..., Subject]) -> None:
    subject = make_subject()
    assert 'id="similarity_over_training"' not in render([subject])
    compared = dataclasses.replace(subject, similarity=similarity_subjects.over_training())
    assert 'id="similarity_over_training"' in render([compared])
