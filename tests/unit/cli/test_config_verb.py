"""`neurodyn config`: whatever has options, by its name."""

from __future__ import annotations

import json

import pytest
import yaml

from neurodyn import registry
from neurodyn.cli import main

KEYS = {
    "strategies": "strategy",
    "transforms": "transform",
    "generators": "generator",
    "readouts": "readout",
    "integrators": "integrator",
    "potentials": "potential",
    "observations": "observation",
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KEYS for name in registry.names(kind)])
def test_a_part_is_printed_as_a_recipe_takes_it(kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", name]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)[KEYS[kind]]
    config = registry.load(kind, name).Config
    assert shown == {"name": name, **(yaml.safe_load(json.dumps(vars(config()))) if config else {})}
    assert main(["config", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[KEYS[kind]] == shown


def test_a_name_of_two_kinds_shows_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "poisson"]) == 0
    assert set(yaml.safe_load(capsys.readouterr().out)) == {"objective_config", "observation"}


def test_fields_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "soft"]) == 0
    assert "# τ, above 0" in capsys.readouterr().out
    assert main(["config", "distill"]) == 0
    shown = capsys.readouterr().out
    assert "name: hard" in shown and "# or correlation, feature, hard_rate" in shown and "base: null" in shown


def test_an_unknown_name_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "sofft"]) == 2
    assert "'soft'" in capsys.readouterr().err
