"""The options of whatever DATA names: a registered data set's `Config`, or a file's `FileOptions`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurodyn import registry
from neurodyn.config import from_dict, to_dict
from neurodyn.errors import MissingData, UnknownName


def data_options(source: str, recorded: Mapping[str, Any] | None = None) -> tuple[type[Any], Any]:
    """Type and defaults of the options of a data set or file.

    Args:
        source: a registered name or a path.
        recorded: `{"source", "options"}` of a run or recipe, whose options become the defaults where they are of the same kind.

    Raises:
        UnknownName: neither a file nor a registered name.
        MissingData: it looks like a file's path, and there is none.
    """
    kind = _options_class(source)
    defaults = kind()
    if recorded is not None and _options_class(str(recorded["source"])) is kind:
        defaults = from_dict(kind, {**to_dict(defaults), **recorded.get("options", {})}, "data")
    return kind, defaults


def load_options(config: Any) -> dict[str, Any]:
    """The options that differ from their defaults, as `neurodyn.load` takes them."""
    defaults = type(config)()
    names = [field.name for field in dataclasses.fields(config)]
    return {name: getattr(config, name) for name in names if getattr(config, name) != getattr(defaults, name)}


def data_name(source: str) -> str:
    """What to call the data in a folder's name: the registered name, or the file's without its ending."""
    return source if source in registry.names("datasets") else Path(source).stem


def _options_class(source: str) -> type[Any]:
    if source in registry.names("datasets"):
        config: type[Any] = registry.load("datasets", source).Config
        return config
    if Path(source).is_file():
        from neurodyn.data.files import FileOptions

        return FileOptions
    if Path(source).suffix or "/" in source:
        raise MissingData(f"data: there is no file {source}, and no data set is called so (see `neurodyn data list`).")
    raise UnknownName("data set", source, registry.names("datasets"))
