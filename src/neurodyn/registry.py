"""One file a thing: a name is a file name, and the file holds one final class of that name.

`names("models")` lists without importing anything; `load("models", "lfads")` imports one file and returns its class.
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

KINDS: dict[str, str] = {
    "models": "neurodyn.models",
    "datasets": "neurodyn.data.datasets",
    "transforms": "neurodyn.data.transforms",
    "observations": "neurodyn.observations",
    "objectives": "neurodyn.objectives",
    "learning_rules": "neurodyn.learning",
    "metrics": "neurodyn.metrics",
}
_SINGULAR = {"models": "model", "datasets": "data set", "learning_rules": "learning rule"}
_ROOT = Path(__file__).parent


def _folder(kind: str) -> Path:
    return _ROOT.joinpath(*KINDS[kind].split(".")[1:])


def _third_party(kind: str) -> dict[str, Any]:
    return {point.name: point for point in entry_points(group=f"neurodyn.{kind}")}


@cache
def names(kind: str) -> tuple[str, ...]:
    """Every registered name of a kind, sorted; nothing is imported."""
    files = (path.stem for path in _folder(kind).glob("*.py") if not path.stem.startswith("_") and path.stem != "base")
    return tuple(sorted({*files, *_third_party(kind)}))


@cache
def load(kind: str, name: str) -> type[Any]:
    """The class registered under `name`.

    Raises:
        UnknownName: no such name; the nearest are suggested.
    """
    singular = _SINGULAR.get(kind, kind.rstrip("s"))
    if name not in names(kind):
        raise UnknownName(singular, name, names(kind))
    if not (_folder(kind) / f"{name}.py").exists():
        return _third_party(kind)[name].load()  # type: ignore[no-any-return]
    module = importlib.import_module(f"{KINDS[kind]}.{name}")
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
    path = _folder(kind) / f"{name}.py"
    if not path.exists():
        return "from another package"
    wanted = name.replace("_", "")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name.lower() == wanted:
            return (ast.get_docstring(node) or "").split("\n", 1)[0]
    return ""
