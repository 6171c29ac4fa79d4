"""Whatever DATA names: its options (a registered data set's `Config`, or a file's `FileOptions`) and its trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn import registry
from neurodyn.cli._options import Flag, as_mapping, documented, made, parse, taken_parts, with_parts
from neurodyn.config import from_dict, part_kinds, to_dict
from neurodyn.errors import InvalidInput, MissingData, UnknownName

if TYPE_CHECKING:
    from neurodyn.data.nlb.dataset import NLBDataset
    from neurodyn.data.trials import Trials

_WHOLE = "_neurodyn_config"
"""Attribute of a class of flags: the config that they were made of."""


def data_options(
    source: str, recorded: Mapping[str, Any] | None = None, given: list[str] | None = None, prefix: str = "--data."
) -> tuple[type[Any], Any]:
    """Type and defaults of the options of a data set or file; `load_options` and `chosen` read what is parsed with them.

    Args:
        source: a registered name or a path.
        recorded: `{"source", "options"}` of a run or recipe, whose options become the defaults where this data takes them too.
        given: arguments, from which the names of the options' parts are taken: `--data.sampler binomial` brings flags of its own.
        prefix: of those flags.

    Raises:
        UnknownName: neither a file nor a registered name.
        MissingData: it looks like a file's path, and there is none.
    """
    kind = _options_class(source)
    defaults = kind()
    if recorded is not None and _recorded_class(str(recorded["source"])) is kind:
        options = recorded.get("options", {})
        if source != recorded["source"] and source not in registry.names("datasets"):
            from neurodyn.data.files import usable

            options = usable(source, options)
        defaults = from_dict(kind, {**to_dict(defaults), **options}, "data")
    if not part_kinds(kind):
        return kind, defaults
    named = {} if given is None else taken_parts(given, kind, prefix)
    whole = from_dict(kind, {**to_dict(defaults), **named}, "data")
    shown, values = with_parts(whole)
    setattr(shown, _WHOLE, whole)
    return shown, values


def chosen(config: Any) -> Any:
    """The data set's config of what was parsed with `data_options`."""
    whole = getattr(config, _WHOLE, None)
    return config if whole is None else from_dict(type(whole), as_mapping(whole, config), "data")


def load_options(config: Any) -> dict[str, Any]:
    """The options that differ from their defaults, as `neurodyn.load` takes them."""
    config = chosen(config)
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


def source_of(command: str, arguments: Sequence[str], **extra: tuple[Any, Any]) -> tuple[str, Any, Any]:
    """NAME or FILE, the config its own options make (no prefix here: there is nothing else), and all that was parsed.

    Args:
        command: of `neurodyn data`.
        arguments: what was typed after it.
        extra: `(annotation, default)` of each option the command has besides those of the data and `--json`.
    """
    if not arguments or arguments[0].startswith("-"):
        raise InvalidInput(
            "NAME|FILE", "nothing", "a data set or file first", f"For example: neurodyn data {command} two_area."
        )
    source, given = arguments[0], list(arguments[1:])
    kind, _ = data_options(source, given=given, prefix="--")
    fields = {"json": (documented(Flag, "One JSON object on stdout."), False), **extra}
    options: Any = parse(made(command, fields, base=kind), given, f"neurodyn data {command} {source}")
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(kind)}
    return source, chosen(kind(**values)), options


def loaded(source: str, config: Any) -> Trials | list[Trials]:
    """The trials of a data set or file, with a line on stderr while they load."""
    from neurodyn import api
    from neurodyn.cli._console import working

    with working(f"Loading {source} ..."):
        return api.load(source, **load_options(config))


def benchmark_named(source: str, config: Any) -> NLBDataset | None:
    """The data set of the Neural Latents Benchmark that a name, or a file with option `benchmark`, stands for."""
    from neurodyn.data.files import benchmark_of, benchmarks

    if source in benchmarks():
        dataset: NLBDataset = registry.load("datasets", source)(config)
        return dataset
    if Path(source).is_file() and config.benchmark is not None:
        return benchmark_of(source, config)
    return None


def split_sizes(trials: Trials) -> dict[str, int]:
    """Number of trials of each split."""
    labels = list(trials.table["split"]) if "split" in trials.table else []
    ordered = dict.fromkeys([name for name in ("train", "valid", "test") if name in labels] + labels)
    return {name: labels.count(name) for name in ordered}


def splits_line(trials: Trials) -> str:
    """The same for people."""
    return ", ".join(f"{number} {name}" for name, number in split_sizes(trials).items()) or "not split"
