"""Trials by the name of a data set, or from a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.data.trials import Trials
from neurodyn.errors import MissingData, UnknownName


def load(source: str | Path, /, **options: Any) -> Trials | list[Trials]:
    """Trials of a data set by name, or of a file.

    Args:
        source: registered name (`two_area`), or path of an NWB, HDF5, npz or mat file.
        options: fields of the data set's config (or of `FileOptions` for a file).

    Raises:
        UnknownName: no data set of that name.
        MissingData: no such file, or the data set is not on this machine.
        InvalidInput: an option that does not exist, or data that cannot be used.
    """
    name = str(source)
    if name in registry.names("datasets"):
        dataset = registry.load("datasets", name)
        config = configs.from_dict(dataset.Config, options, "data")
        return _with_origin(dataset(config).load(), name, _plain(config, options))
    path = Path(source)
    if not path.suffix and len(path.parts) == 1 and not path.exists():
        raise UnknownName("data set", name, registry.names("datasets"))
    if not path.is_file():
        raise MissingData(f"{path}: there is no such file, and no data set is called so.")
    from neurodyn.data.files import FileOptions, load_file

    asked = configs.from_dict(FileOptions, options, "data")
    return _with_origin(load_file(path, asked), str(path.resolve()), _plain(asked, options))


def _plain(config: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, configs among them as mappings; those of parts say which part."""
    whole = configs.to_dict(config)
    return {name: whole[name] if dataclasses.is_dataclass(value) else value for name, value in options.items()}


def _with_origin(trials: Trials | list[Trials], source: str, options: Mapping[str, Any]) -> Trials | list[Trials]:
    if isinstance(trials, list):
        return [_one_with_origin(t, source, options) for t in trials]
    return _one_with_origin(trials, source, options)


def _one_with_origin(trials: Trials, source: str, options: Mapping[str, Any]) -> Trials:
    return dataclasses.replace(trials, provenance={**trials.provenance, "source": source, "options": dict(options)})
