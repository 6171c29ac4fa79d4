"""A search space: distributions of fields by the dotted names recipes use, checked against the plan they vary."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from neurodyn.errors import InvalidInput, MissingData
from neurodyn.search.dimension import Dimension
from neurodyn.training.plan import Plan

_GROUPS = {"model": "model_config", "objective": "objective_config", "train": "train"}
_FIXED = ("epochs", "select", "patience", "burn_in_epochs", "max_cpu_s", "checkpoint_every", "device", "threads", "tensorboard")  # fmt: skip
"""Fields of `TrainConfig` that members must share for their scores to compare, or that change nothing but where and how long."""
_INSIDE = 0.381966
"""A place between two bounds that is no whole number, whatever whole numbers they are."""
Values = dict[str, Any]
"""A value for every dimension, by its dotted name."""


@dataclass(frozen=True)
class Space:
    """What a search varies."""

    dimensions: tuple[Dimension, ...]

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dimensions)

    @staticmethod
    def of(given: Mapping[str, Any] | str | Path | Space) -> Space:
        """From `{name: distribution}`, or the YAML file of one.

        Raises:
            MissingData: no such file.
            InvalidInput: not a mapping of distributions, or an empty one.
        """
        if isinstance(given, Space):
            return given
        if isinstance(given, str | Path):
            given = _read(Path(given))
        if not isinstance(given, Mapping) or not given:
            raise InvalidInput("space", repr(given), "a mapping from fields to distributions")
        return Space(tuple(Dimension.of(str(name), value) for name, value in given.items()))

    def as_mapping(self) -> dict[str, Any]:
        """As its file says it."""
        return {dimension.name: dimension.as_mapping() for dimension in self}

    def checked(self, plan: Plan) -> Space:
        """The space with whole numbers where the fields want them.

        Raises:
            InvalidInput: a field that does not exist (the nearest is suggested), of another type, or that cannot take its bounds; a field that decides
                how members are compared.
        """
        return Space(tuple(_checked(dimension, plan) for dimension in self))

    def drawn(self, generator: np.random.Generator) -> Values:
        """Values to begin with."""
        return {dimension.name: dimension.drawn(generator) for dimension in self}

    def explored(self, values: Values, generator: np.random.Generator) -> Values:
        """Values near others."""
        return {dimension.name: dimension.explored(values[dimension.name], generator) for dimension in self}


def varied(plan: Plan, values: Mapping[str, Any]) -> Plan:
    """A plan with other values in some of its fields.

    Args:
        plan: what is varied.
        values: by dotted name; `model.generator` before `model.generator.size`, whatever their order here.

    Raises:
        InvalidInput: a field that does not exist, or a value it cannot take.
    """
    mapping = plan.as_mapping()
    for name in sorted(values, key=lambda name: name.count(".")):
        group, *path = name.split(".")
        if group not in _GROUPS or not path:
            near = _nearest(plan, name)
            raise InvalidInput(name, "a field that does not exist", "a name below model, objective or train", near)
        place = mapping[_GROUPS[group]]
        for step in path[:-1]:
            inner = place.get(step)
            if isinstance(inner, str):
                inner = {"name": inner}
            if not isinstance(inner, Mapping | None):
                raise InvalidInput(name, "a field that does not exist", f"{step} itself: it is {inner!r}")
            place[step] = place = dict(inner or {})
        place[path[-1]] = values[name]
    return Plan.from_mapping(mapping)


def _checked(dimension: Dimension, plan: Plan) -> Dimension:
    name = dimension.name
    group, _, field = name.partition(".")
    if group == "train" and field in _FIXED:
        raise InvalidInput(name, "a field that is searched", "one that members may differ in", f"Fix it with --{name}.")
    if dimension.kind == "choice":
        for option in (*dimension.values, *([] if dimension.start is None else [dimension.start])):
            varied(plan, {name: option})
        return dimension
    low, high = dimension.values
    inside = low + _INSIDE * (high - low)
    try:
        varied(plan, {name: float(inside)})
    except InvalidInput as refused:
        try:
            varied(plan, {name: round(inside)})
        except InvalidInput:
            raise refused from None
        if not all(float(v).is_integer() for v in dimension.values):
            raise InvalidInput(name, f"bounds {low} and {high}", "whole numbers, as the field takes") from refused
        dimension = dataclasses.replace(dimension, values=(int(low), int(high)), whole=True)
    for bound in dimension.values:
        varied(plan, {name: bound if dimension.whole else float(bound)})
    return dimension


def _nearest(plan: Plan, name: str) -> str:
    known = [
        f"{group}.{field}" for group, key in _GROUPS.items() for field in plan.as_mapping()[key] if field not in _FIXED
    ]
    same = [each for each in known if each.rpartition(".")[2] == name.rpartition(".")[2]]
    near = same or difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else ""


def _read(path: Path) -> Any:
    if not path.is_file():
        raise MissingData(f"space: there is no file {path}.")
    try:
        return yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput("space", f"{path}: {' '.join(str(error).split())}", "YAML") from error
