"""Print every field of a model's, data set's, objective's or the training's configuration as documented YAML.

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

_KINDS = ("models", "datasets", "objectives")


@dataclass(frozen=True)
class Options:
    """Print every field of a configuration as documented YAML, ready to be put in a recipe."""

    name: Positional[str]
    """A model, data set or objective, or `train`."""
    json: Flag = False
    """One JSON object, without the documentation."""


def run(arguments: Sequence[str]) -> None:
    """Prints the configuration."""
    options = parse(Options, arguments, "neurodyn config")
    from neurodyn.cli._console import print_json

    found = _configs(options.name)
    if options.json:
        print_json({key: to_dict(config) for key, config in found.items()})
        return
    for key, config in found.items():
        text = documented_yaml(config) if dataclasses.fields(config) else "{}\n"
        print(f"{key}:\n" + "".join(f"  {line}\n" if line else "\n" for line in text.splitlines()), end="")


def _configs(name: str) -> dict[str, Any]:
    from neurodyn.training.config import TrainConfig

    if name == "train":
        return {"train": TrainConfig()}
    kind = next((kind for kind in _KINDS if name in registry.names(kind)), None)
    if kind is None:
        raise UnknownName(
            "model, data set or objective", name, ["train", *(n for k in _KINDS for n in registry.names(k))]
        )
    part = registry.load(kind, name)
    if kind == "datasets":
        return {"options": part.Config()}
    if kind == "objectives":
        return {"objective_config": part.Config()}
    objective = registry.load("objectives", part.default_objective)
    return {
        "model_config": part.Config(),
        "objective_config": objective.Config(**part.objective_defaults),
        "train": TrainConfig(**part.training_defaults),
    }
