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
        recorded: `{"source", "options"}` of a run or recipe, whose options become the defaults where this data takes them too.

    Raises:
        UnknownName: neither a file nor a registered name.
        MissingData: it looks like a file's path, and there is none.
    """
    kind = _options_class(source)
    defaults = kind()
    if recorded is not None and _recorded_class(str(recorded["source"])) is kind:
        given = recorded.get("options", {})
        if source != recorded["source"] and source not in registry.names("datasets"):
            from neurodyn.data.files import READERS, kind_of

            given = {name: value for name, value in given.items() if name in READERS[kind_of(source)]}
        defaults = from_dict(kind, {**to_dict(defaults), **given}, "data")
    return kind, defaults


def load_options(config: Any) -> dict[str, Any]:
    """The options that differ from their defaults, as `neurodyn.load` takes them."""
    defaults = type(config)()
    names = [field.name for field in dataclasses.fields(config)]
    return {name: getattr(config, name) for name in names if getattr(config, name) != getattr(defaults, name)}


def data_name(source: str) -> str:
    """What to call the data in a folder's name: the registered name, or the file's without its ending."""
    return source if source in registry.names("datasets") else Path(source).stem


def _recorded_class(source: str) -> type[Any] | None:
    """Of the data a run was fitted on, which may be elsewhere by now."""
    try:
        return _options_class(source)
    except (MissingData, UnknownName):
        return None


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
