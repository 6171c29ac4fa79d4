"""Phase portraits in the report."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.reporting.fixed_points import FixedPoints
from neurodyn.reporting.phase_portrait import phase_portrait


@pytest.fixture
def portrait(subject) -> PhasePortrait:
    return subject.portraits[0]


def drawn(html: str) -> tuple[list[dict], str]:
    spec = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1])
    return spec["data"], re.search("<figcaption>(.*)</figcaption>", html, re.S)[1]


def named(traces: list[dict], name: str, axis: str = "x") -> list[dict]:
    return [t for t in traces if t.get("name") == name and t["xaxis"] == axis]


def test_every_point_is_drawn_by_its_kind(portrait):
    traces, caption = drawn(phase_portrait(portrait))
    assert named(traces, "stable")[0]["marker"]["symbol"] == "circle"
    assert named(traces, "saddle")[0]["marker"]["symbol"] == "circle-open"
    assert len(named(traces, "stable", "x2")[0]["x"]) == 1
    assert named(traces, "stable, unvisited")[0]["marker"]["color"] != named(traces, "stable")[0]["marker"]["color"]
    assert "1 point in grey" in caption
    assert len(named(traces, "true stable", "x2")[0]["x"]) == 2
    assert sum(bool(t["showlegend"]) for t in traces if t.get("name") == "stable") == 1


def test_arrows_point_along_the_flow(portrait):
    eastward = np.zeros_like(portrait.velocity)
    eastward[..., 0] = 1.0
    traces, _ = drawn(phase_portrait(dataclasses.replace(portrait, velocity=eastward)))
    arrows = next(t for t in traces if t.get("marker", {}).get("symbol") == "arrow")
    assert set(np.ravel(arrows["marker"]["angle"])) == {90}


def test_nullclines_only_where_the_plane_is_the_whole_state(portrait):
    kinds = [t["type"] for t in drawn(phase_portrait(portrait))[0]]
    assert kinds.count("contour") == 2
    slice_of_more = dataclasses.replace(portrait, speed=portrait.speed + 1)
    traces, caption = drawn(phase_portrait(slice_of_more))
    assert "contour" not in [t["type"] for t in traces] and "nullcline" not in caption


def test_without_truth_and_without_points(portrait):
    nothing = dataclasses.replace(
        portrait, points=np.zeros((0, 2)), kinds=(), visited=np.zeros(0, bool), eigenvalues=np.zeros((0, 2), complex),
        mapped=np.zeros((0, 0)), true_paths=np.zeros((2, 20, 0)), true_points=np.zeros((0, 0)), true_kinds=(), true_eigenvalues=np.zeros((0, 0), complex),
    )  # fmt: skip
    traces, caption = drawn(phase_portrait(nothing))
    assert "No fixed point was found" in caption and not named(traces, "true trials", "x2")


def test_the_section_is_left_out_without_an_analysis(subject):
    assert FixedPoints().applies(subject)
    assert FixedPoints().html(subject).count("<figure") == len(subject.portraits)
    assert not FixedPoints().applies(dataclasses.replace(subject, portraits=()))
