"""A study of seconds whose arms have teachers and controls, shared by the tests here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

DATA = {"source": "privileged_reach", "options": {"train": 20, "valid": 8, "test": 10, "heldin": 6, "heldout": 3}}
RECIPES: dict[str, dict[str, Any]] = {
    "none": {
        "model": "ndt",
        "data": DATA,
        "model_config": {"width": 4, "layers": 1, "feedforward": 4},
        "train": {"epochs": 2, "warmup_epochs": 0},
    },
    "teacher": {"like": "none", "model_config": {"behaviour": {"fusion": "add"}}, "evaluate": {"privileged": True}},
    "hard": {"like": "none", "teacher": "teacher"},
    "soft": {"like": "hard", "objective_config": {"strategy": "soft"}},
    "self": {"like": "hard", "teacher": "none"},
    "teacher_mean_rate": {"model": "mean_rate", "data": DATA},
    "mean_rate": {"like": "hard", "teacher": "teacher_mean_rate"},
}
EXPECTED: dict[str, Any] = {
    "sources": {},
    "settings": {},
    "arms": {},
    "unpublished": {"scores": ["co_bps", "behaviour_r2"], "reason": "made up"},
    "compare_with": "none",
    "controls": ["self", "mean_rate"],
}


def write(folder: Path, *arms: str, expected: dict[str, Any] | None = None, **changed: dict[str, Any]) -> Path:
    """Writes some arms (all without names) into the study `taught/reach` below a folder of recipes, which is returned.

    Args:
        folder: of recipes.
        arms: names of recipes.
        expected: fields of `expected.json` that differ.
        changed: recipes in place of those, by name.
    """
    below = folder / "taught" / "reach"
    below.mkdir(parents=True, exist_ok=True)
    recipes = {name: RECIPES[name] for name in (arms or RECIPES)} | changed
    for name, recipe in recipes.items():
        (below / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    found = {**EXPECTED, **(expected or {})}
    found["controls"] = [name for name in found["controls"] if name in recipes]
    (below / "expected.json").write_text(json.dumps(found))
    return folder
