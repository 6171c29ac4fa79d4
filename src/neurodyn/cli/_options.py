"""Flags from dataclasses: documentation, defaults and types come from the fields; unknown options name the nearest one."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import sys
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

import tyro

from neurodyn import registry
from neurodyn.config import Part, field_docs, part_kinds
from neurodyn.errors import InvalidInput

T = TypeVar("T")

Flag = tyro.conf.FlagCreatePairsOff[bool]
"""A switch that is off unless given, without its `--no-` twin."""


def parse(options: type[T], arguments: Sequence[str], command: str, known: Sequence[str] = ()) -> T:
    """The options of one command.

    Args:
        options: a dataclass; nested dataclasses become `--group.field`, `tyro.conf.Positional` fields arguments.
        arguments: what the user typed after the command.
        command: what to call it in help and messages, e.g. `neurodyn evaluate`.
        known: option names to suggest; by default those of `options`.

    Raises:
        InvalidInput: an option or argument the command does not take, or a value that a config refuses.
        SystemExit: text that is no value of the option's type; the parser has printed its message.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed, unknown = tyro.cli(
                options,
                args=_gathered(arguments, flags(options)),
                prog=command,
                return_unknown_args=True,
                registry=_CONSTRUCTORS,
            )
    except SystemExit as stop:
        refused = _refusal(stop)
        if refused is not None:  # said as it is everywhere else, without the parser's frame
            raise refused from None
        sys.stderr.write(said.getvalue())
        raise
    if unknown:
        refuse(unknown[0], known or list(flags(options)), command)
    return parsed


def _refusal(error: BaseException | None) -> InvalidInput | None:
    """The refusal of a config that made the parser end the process."""
    while error is not None and not isinstance(error, InvalidInput):
        error = error.__context__
    return error


_CONSTRUCTORS = tyro.constructors.ConstructorRegistry()


@_CONSTRUCTORS.primitive_rule
def _several_parts(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[Any] | None:
    """Names for a field of several registered parts; their options are for recipes and Python."""
    parts = [m for inner in get_args(info.type) for m in getattr(inner, "__metadata__", ()) if isinstance(m, Part)]
    if not parts:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar="{" + ",".join(registry.names(parts[0].kind)) + "}",
        instance_from_str=tuple,
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [registry.name_of(type(part)) for part in value],
    )


def _gathered(arguments: Sequence[str], defaults: Mapping[str, Any]) -> list[str]:
    """`--key a --key b` as `--key a b` where a key takes several values; of any other, the last counts."""
    given: dict[str, list[str]] = {"": []}
    flag = ""
    for argument in arguments:
        if argument.startswith("--") or (argument[:1] == "-" and argument[1:2].isalpha()):
            flag, _, value = argument.partition("=")
            several = isinstance(defaults.get(flag.replace("_", "-")), tuple)
            given[flag] = [*(given.get(flag, []) if several else []), *([value] if value else [])]
        else:
            given[flag].append(argument)
    leading = given.pop("")
    return [*leading, *(word for name, values in given.items() for word in (name, *values))]


def flags(options: Any, prefix: str = "--") -> dict[str, Any]:
    """Every flag of a dataclass and of the dataclasses in it, as typed, with its default."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        name = prefix + field.name.replace("_", "-")
        default = field.default_factory() if callable(field.default_factory) else field.default
        found |= flags(default, f"{name}.") if dataclasses.is_dataclass(default) else {name: default}
    return found


def with_parts(config: Any) -> tuple[type[Any], Any]:
    """Type and default of a config whose parts' options are flags of their own: `--model.generator.size` beside `--model.dropout`.

    The parts are those the config holds: their names are taken off the arguments first (`taken_parts`).
    """
    kinds, docs = part_kinds(type(config)), field_docs(type(config))
    if not kinds:
        return type(config), config
    hints = typing.get_type_hints(type(config), include_extras=True)
    fields: dict[str, tuple[Any, Any]] = {}
    for field in dataclasses.fields(config):
        value, text = getattr(config, field.name), docs[field.name]
        if field.name not in kinds:
            fields[field.name] = (documented(hints[field.name], text), value)
        elif dataclasses.is_dataclass(value):
            fields[field.name] = with_parts(value)
        else:  # no part yet, or one without options: the flag that names it
            names = "{" + ",".join(registry.names(kinds[field.name])) + "}"
            fields[field.name] = (Annotated[str | None, tyro.conf.arg(help=text, metavar=names)], value)
    kind = made(type(config).__name__, fields)
    return kind, kind()


def as_mapping(config: Any, parsed: Any) -> dict[str, Any]:
    """What was parsed with the type that `with_parts` made of a config, as a mapping that its class is built from."""
    found = {field.name: getattr(parsed, field.name) for field in dataclasses.fields(config)}
    for name in part_kinds(type(config)):
        part = getattr(config, name)
        if dataclasses.is_dataclass(part):
            found[name] = {"name": registry.name_of(type(part)), **as_mapping(part, found[name])}
    return found


def taken(given: list[str], flag: str) -> str | None:
    """Takes `flag VALUE` out of the arguments: a name must be resolved before the flags it brings are known."""
    for position, argument in enumerate(given):
        if argument == flag and position + 1 < len(given):
            value = given[position + 1]
            del given[position : position + 2]
            return value
        if argument.startswith(f"{flag}="):
            del given[position]
            return argument.split("=", 1)[1]
    return None


def taken_parts(given: list[str], config: type[Any], prefix: str) -> dict[str, Any]:
    """Takes the names of a config's parts out of the arguments: `--model.generator low_rank` (or a number, where the part takes one; or None)."""
    found: dict[str, Any] = {}
    for name, flag in zip(part_kinds(config), part_flags(config, prefix)):
        value = taken(given, flag)
        if value is not None:
            whole = value.removeprefix("-").isdecimal()
            found[name] = None if value == "None" else int(value) if whole else value
    return found


def part_flags(config: type[Any], prefix: str) -> list[str]:
    """The flags that name a config's parts."""
    return [f"{prefix}{name.replace('_', '-')}" for name in part_kinds(config)]


def refuse(argument: str, known: Sequence[str], command: str) -> None:
    """Raises for an option or argument a command does not take, with the nearest one it takes."""
    if not argument.startswith("-"):
        raise InvalidInput(argument, "one argument too many", f"only what `{command} --help` lists")
    name = argument.split("=", 1)[0]
    near = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.4)
    last = [flag for flag in known if flag.rsplit(".", 1)[-1] == name.lstrip("-").replace("_", "-")]
    guess = last or near
    raise InvalidInput(
        name,
        "an option that does not exist",
        f"one of those `{command} --help` lists",
        f"Did you mean {guess[0]}?" if guess else "",
    )


def documented(kind: Any, text: str) -> Any:
    """An annotation with its help text, for dataclasses that are made while running."""
    return Annotated[kind, tyro.conf.arg(help=text)]


def made(name: str, fields: Mapping[str, tuple[Any, Any]], base: type[Any] = object) -> type[Any]:
    """A frozen dataclass from `{name: (annotation, default)}`, beside the fields of a base."""
    listed = [(n, kind, dataclasses.field(default=default)) for n, (kind, default) in fields.items()]
    return dataclasses.make_dataclass(name, listed, bases=(base,), frozen=True)
