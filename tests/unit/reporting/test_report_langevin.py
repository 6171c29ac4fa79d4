"""The report's section on physics, from the physics of models set by hand."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pytest

from neurodyn.reporting.langevin import Langevin, physics_html


def figures(html: str) -> list[dict[str, Any]]:
    return [json.loads(spec) for spec in re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)]


def test_everything_is_shown_and_small(subject) -> None:
    assert Langevin().applies(subject) and not Langevin().applies(dataclasses.replace(subject, physics=None))
    html = Langevin().html(subject)
    assert html.count("<figure") == 5 and html.count("<table") == 2 and len(html) < 150_000
    assert "under-damped" in html and "frequency (Hz)" in html and "nan" not in html.lower().replace("nanosec", "")


def test_energies_and_their_equilibrium_are_drawn(subject) -> None:
    traces = {t["name"]: t for t in figures(physics_html(subject.physics))[1]["data"] if "name" in t}
    assert traces["kinetic at equilibrium"]["y"] == [4, 4]
    np.testing.assert_allclose(traces["total"]["y"], subject.physics.energies.mean["total"], rtol=1e-2)


def test_the_landscape_holds_trials_and_the_point_of_rest(subject) -> None:
    traces = figures(physics_html(subject.physics))[2]["data"]
    surface = next(t for t in traces if t["type"] == "contour")
    assert np.shape(surface["z"]) == (41, 41)
    rest = next(t for t in traces if t.get("name") == "point of rest")
    assert len(rest["x"]) == 1 and {"visited", "Boltzmann, exp(−U/T)"} <= {t.get("name") for t in traces}


@pytest.mark.parametrize(
    ("given", "figure", "says"),
    [
        ({"inferred_inputs": False}, 4, "No inputs are inferred"),
        ({"potential": {"name": "oscillator_release", "kernel_init": "normal"}}, 2, "No Boltzmann law"),
        ({"potential": "mlp", "size": 1}, 2, "Not drawn for one dimension"),
        ({"integrator": "velocity_verlet"}, 0, "8 modes that do not decay"),
    ],
)
def test_what_is_missing_is_said(given: dict[str, object], figure: int, says: str, physics_of) -> None:
    html = physics_html(physics_of(**given))
    captions = re.findall("<figcaption>(.*?)</figcaption>", html, re.S)
    assert says in captions[figure] and len(figures(html)) == 5


def test_many_wells_are_counted(physics_of) -> None:
    html = physics_html(physics_of(potential={"name": "double_well", "height": 6.0}))
    assert re.search(r"\d+ minima were found", html) and html.count("<td>minimum</td>") == 4
