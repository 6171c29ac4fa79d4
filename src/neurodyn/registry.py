"""One file a thing: a name is a file name, and the file holds one final class of that name.

`names("models")` lists without importing anything; `load("models", "lfads")` imports one file and returns its class.
A kind may live in several packages: recorded data sets lie under `data`, simulated ones above it, under `simulate`.
Other packages add to a kind with an entry point in the group `neurodyn.<kind>`.
"""

from __future__ import annotations

import ast
import importlib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from neurodyn.errors import NeurodynError, UnknownName

KINDS: dict[str, tuple[str, ...]] = {
    "models": ("neurodyn.models",),
    "generators": ("neurodyn.models.generators",),
    "readouts": ("neurodyn.models.readouts",),
    "integrators": ("neurodyn.dynamics.integrators",),
    "potentials": ("neurodyn.models.potentials",),
    "front_ends": ("neurodyn.models.front_ends",),
    "samplers": ("neurodyn.simulate.samplers",),
    "embeddings": ("neurodyn.simulate.embeddings",),
    "datasets": ("neurodyn.data.datasets", "neurodyn.simulate.datasets"),
    "tasks": ("neurodyn.tasks",),
    "transforms": ("neurodyn.data.transforms",),
    "observations": ("neurodyn.observations",),
    "objectives": ("neurodyn.objectives",),
    "strategies": ("neurodyn.objectives.strategies",),
    "learning_rules": ("neurodyn.learning",),
    "metrics": ("neurodyn.metrics",),
    "decoders": ("neurodyn.decoding",),
    "similarity_measures": ("neurodyn.similarity.measures",),
    "alignment_measures": ("neurodyn.alignment.measures",),
    "dynamics_measures": ("neurodyn.analysis.dynamics_measures",),
    "engines": ("neurodyn.engines",),
}
DERIVED: dict[str, tuple[str, str]] = {"datasets": ("tasks", "neurodyn.simulate.task_data")}
"""Kinds that hold whatever another kind holds too, made by `of(name)` of a module: a task's trials are a data set."""
_SINGULAR = {
    "front_ends": "front end",
    "datasets": "data set",
    "learning_rules": "learning rule",
    "strategies": "strategy",
    "alignment_measures": "alignment measure",
    "similarity_measures": "similarity measure",
    "dynamics_measures": "measure of dynamics",
}
_ROOT = Path(__file__).parent


def _files(kind: str) -> dict[str, tuple[str, Path]]:
    """Module and file of each name of a kind that ships with this package."""
    found: dict[str, tuple[str, Path]] = {}
    for package in KINDS[kind]:
        for path in _ROOT.joinpath(*package.split(".")[1:]).glob("*.py"):
            if not path.stem.startswith("_") and path.stem != "base":
                found[path.stem] = (f"{package}.{path.stem}", path)
    return found


def _third_party(kind: str) -> dict[str, Any]:
    return {point.name: point for point in entry_points(group=f"neurodyn.{kind}")}


@cache
def names(kind: str) -> tuple[str, ...]:
    """Every registered name of a kind, sorted; nothing is imported."""
    derived = names(DERIVED[kind][0]) if kind in DERIVED else ()
    return tuple(sorted({*_files(kind), *_third_party(kind), *derived}))


def singular(kind: str) -> str:
    """What one thing of a kind is called."""
    return _SINGULAR.get(kind, kind.rstrip("s"))


@cache
def load(kind: str, name: str) -> type[Any]:
    """The class registered under `name`.

    Raises:
        UnknownName: no such name; the nearest are suggested.
    """
    if name not in names(kind):
        raise UnknownName(singular(kind), name, names(kind))
    files = _files(kind)
    if name not in files and name in _third_party(kind):
        return _third_party(kind)[name].load()  # type: ignore[no-any-return]
    if name not in files:
        return importlib.import_module(DERIVED[kind][1]).of(name)  # type: ignore[no-any-return]
    module = importlib.import_module(files[name][0])
    wanted = name.replace("_", "")
    for attribute, value in vars(module).items():
        if isinstance(value, type) and attribute.lower() == wanted and value.__module__ == module.__name__:
            return value
    raise NeurodynError(f"{module.__name__} holds no class called like its file ({name}).")


def name_of(cls: type[Any]) -> str:
    """The registered name of a class: its file's name."""
    return cls.__module__.rsplit(".", 1)[-1]


@cache
def summary(kind: str, name: str) -> str:
    """First line of the class's docstring, read from the source without importing it."""
    files = _files(kind)
    if name not in files and kind in DERIVED and name in names(DERIVED[kind][0]):
        return summary(DERIVED[kind][0], name)
    if name not in files:
        return "from another package"
    wanted = name.replace("_", "")
    for node in ast.parse(files[name][1].read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name.lower() == wanted:
            return (ast.get_docstring(node) or "").split("\n", 1)[0]
    return ""
