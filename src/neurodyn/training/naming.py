"""How a run's folder names the model class it holds, so that a class of one's own works like a registered one."""

from __future__ import annotations

import importlib

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model


def model_name(model: str | type[Model]) -> str:
    """A registered name as it is; a class as its registered name, or else as `module:Class`."""
    if isinstance(model, str):
        return model
    name = registry.name_of(model)
    if name in registry.names("models") and registry.load("models", name) is model:
        return name
    return f"{model.__module__}:{model.__qualname__}"


def model_class(model: str | type[Model]) -> type[Model]:
    """The class of a registered name, of `module:Class`, or itself.

    Raises:
        UnknownName: no model of that name.
        InvalidInput: a `module:Class` that cannot be imported.
    """
    if not isinstance(model, str):
        return model
    if ":" not in model:
        return registry.load("models", model)
    module, _, name = model.partition(":")
    try:
        found: type[Model] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InvalidInput("model", model, "an importable module:Class", str(error)) from error
    return found
