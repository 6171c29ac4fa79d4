"""Flags from dataclasses: documentation, defaults and types come from the fields; unknown options name the nearest one."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import tyro

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
        InvalidInput: an option or argument the command does not take.
    """
    parsed, unknown = tyro.cli(
        options, args=_gathered(arguments, flags(options)), prog=command, return_unknown_args=True
    )
    if unknown:
        refuse(unknown[0], known or list(flags(options)), command)
    return parsed


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
