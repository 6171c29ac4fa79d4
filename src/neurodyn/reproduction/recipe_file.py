"""A recipe's file as plain mappings, with the fields it takes from the recipe it is `like`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurodyn.errors import InvalidInput, MissingData

LIKE = "like"
"""Field that names the recipe of the same folder whose fields are taken over."""
CHOICES = ("name", "source")
"""Keys that say what a mapping holds the options of: those of another choice are not merged."""


def read(path: Path) -> dict[str, Any]:
    """The fields of a recipe, those of the one it is `like` beneath its own.

    Mappings are merged key by key, everything else is replaced. Options of another choice are not taken over: those of another `name` (a part), another
    `source` (a data set), another model or another objective.

    Raises:
        MissingData: no such file.
        InvalidInput: not YAML or not a mapping; recipes that are `like` one another, or one that is not there.
    """
    return _merged_with_base(path, ())


def objective_of(fields: Mapping[str, Any]) -> Any:
    """The objective that a recipe names: one with a teacher distils where it names none; None for the model's own."""
    return fields.get("objective") or ("distill" if fields.get("teacher") else None)


def _merged_with_base(path: Path, above: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        raise MissingData(f"recipe: there is no file {path}.")
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput("recipe", f"{path}: {error}", "YAML") from error
    if not isinstance(found, Mapping):
        raise InvalidInput("recipe", str(path), "a mapping with at least `model` and `data`", "See recipes/.")
    own = _spelled_out(found)
    name = own.pop(LIKE, None)
    if name is None:
        return own
    above = (*above, path.stem)
    beside = path.with_name(f"{name}.yaml")
    if name in above:
        raise InvalidInput(f"recipe.{LIKE}", " -> ".join((*above, name)), "recipes that do not go in a circle")
    if not beside.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml") if other != path))
        raise InvalidInput(f"{path}: {LIKE}", repr(name), f"a recipe of the same folder: {known}")
    base = _merged_with_base(beside, above)
    if own.get("model", base.get("model")) != base.get("model"):
        base.pop("model_config", None)
    if objective_of({**base, **own}) != objective_of(base):
        base.pop("objective_config", None)
    if own.get("rule", base.get("rule")) != base.get("rule"):
        base.pop("rule_config", None)
    return _over(base, own)


def _spelled_out(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The short forms of `data` (a name) and `teacher` (one name) in full."""
    own = dict(fields)
    if isinstance(own.get("data"), str):
        own["data"] = {"source": own["data"]}
    if isinstance(own.get("teacher"), str):
        own["teacher"] = [own["teacher"]]
    return own


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _over(before, value) if both and _same_choice(before, value) else value  # type: ignore[arg-type]
    return merged


def _same_choice(before: Any, value: Mapping[str, Any]) -> bool:
    return all(key not in value or before.get(key, value[key]) == value[key] for key in CHOICES)
