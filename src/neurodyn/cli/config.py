"""Print every field of a configuration (of a model, data set, objective, one of their parts, or training) as documented YAML.

usage: neurodyn config NAME
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tyro.conf import Positional

from neurodyn import registry
from neurodyn.cli._options import Flag, parse
from neurodyn.config import documented_yaml, to_dict
from neurodyn.errors import UnknownName

_WHOLE = ("models", "datasets", "objectives")
_PARTS = ("strategies", "transforms", "generators", "readouts", "integrators", "potentials", "observations")


@dataclass(frozen=True)
class Options:
    """Print every field of a configuration as documented YAML, ready to be put in a recipe."""

    name: Positional[str]
    """A model, data set or objective, a part of one (a strategy, transform, generator, readout, integrator, potential or observation), or `train`."""
    json: Flag = False
    """One JSON object, without the documentation."""


def run(arguments: Sequence[str]) -> None:
    """Prints the configuration."""
    options = parse(Options, arguments, "neurodyn config")
    from neurodyn.cli._console import print_json

    found = _configs(options.name)
    parts = {registry.singular(kind): {"name": options.name} for kind in _PARTS}
    if options.json:
        print_json(
            {key: {**parts.get(key, {}), **(to_dict(config) if config else {})} for key, config in found.items()}
        )
        return
    for key, config in found.items():
        text = f"name: {options.name}\n" if key in parts else ""
        text += documented_yaml(config) if config is not None and dataclasses.fields(config) else ""
        print(f"{key}:\n" + "".join(f"  {line}\n" if line else "\n" for line in (text or "{}\n").splitlines()), end="")


def _configs(name: str) -> dict[str, Any]:
    """Every configuration that a name stands for, by its key in a recipe; a name may be that of things of several kinds."""
    from neurodyn.training.config import TrainConfig

    if name == "train":
        return {"train": TrainConfig()}
    kinds = (*_WHOLE, *_PARTS)
    found: dict[str, Any] = {}
    for kind in kinds:
        if name in registry.names(kind):
            found |= _of(kind, registry.load(kind, name))
    if not found:
        known = ["train", *(n for kind in kinds for n in registry.names(kind))]
        raise UnknownName("model, data set, objective or part", name, known)
    return found


def _of(kind: str, thing: type[Any]) -> dict[str, Any]:
    from neurodyn.training.config import TrainConfig

    if kind in _PARTS:
        return {registry.singular(kind): thing.Config and thing.Config()}
    if kind == "datasets":
        return {"options": thing.Config()}
    if kind == "objectives":
        return {"objective_config": thing.Config()}
    objective = registry.load("objectives", thing.default_objective)
    return {
        "model_config": thing.Config(),
        "objective_config": objective.Config(**thing.objective_defaults),
        "train": TrainConfig(**thing.training_defaults),
    }
