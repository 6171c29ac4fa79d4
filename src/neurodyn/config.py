"""Dataclasses to and from plain mappings and documented YAML. Strict: a field that does not exist is an error, never ignored."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import textwrap
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml

from neurodyn import registry
from neurodyn.errors import InvalidInput

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Part:
    """Marks a field that holds the config of a registered part: `generator: Annotated[Any, Part("generators")] = GRUConfig()`.

    The field takes a name (`"low_rank"`), a mapping (`{"name": "low_rank", "rank": 3}`; without `name` the part stays the one it has by default)
    or a config of the part; it holds the config (the name of a part that has no options) once `resolve_parts` ran, in the dataclass's `__post_init__`.
    """

    kind: str
    """The registry's kind."""
    number: str | None = None
    """Field of the part that a bare number sets: with `size`, 16 stands for `{"size": 16}`."""
    optional: bool = False
    """Whether the field may hold None."""


def resolve_parts(config: Any, where: str) -> None:
    """Puts configs in place of the names, mappings and numbers that fields for parts were given: call it first in `__post_init__`."""
    hints = typing.get_type_hints(type(config), include_extras=True)
    for field in dataclasses.fields(config):
        part = _part(hints[field.name])
        if part is not None:
            value = _built_part(getattr(config, field.name), part, f"{where}.{field.name}", field)
            object.__setattr__(config, field.name, value)
        elif any(_part(inner) is not None for inner in get_args(hints[field.name])):  # several parts
            value = _coerce(getattr(config, field.name), hints[field.name], f"{where}.{field.name}")
            object.__setattr__(config, field.name, value)


def part_kinds(cls: type[Any]) -> dict[str, str]:
    """The fields of a dataclass that hold one registered part each, with the part's kind."""
    found = {name: _part(hint) for name, hint in typing.get_type_hints(cls, include_extras=True).items()}
    return {name: part.kind for name, part in found.items() if part is not None}


def _part(hint: Any) -> Part | None:
    return next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Part)), None)


def field_docs(cls: type[Any]) -> dict[str, str]:
    """The docstring written under each field of a dataclass."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError):
            continue
        body = typing.cast(ast.ClassDef, tree.body[0]).body
        for node, after in zip(body, body[1:]):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr):
                if isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
                    docs[node.target.id] = inspect.cleandoc(after.value.value)
    return docs


def to_dict(config: Any) -> dict[str, Any]:
    """A dataclass instance as plain mappings, lists and scalars."""
    hints = typing.get_type_hints(type(config), include_extras=True)
    return {f.name: _plain(getattr(config, f.name), hints[f.name]) for f in dataclasses.fields(config)}


def _plain(value: Any, hint: Any = None) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {} if _part(hint) is None else {"name": registry.name_of(type(value))}
        return named | to_dict(value)
    if isinstance(value, tuple | list):
        inner = get_args(hint)[0] if get_args(hint) else None
        return [_plain(v, inner) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return str(value) if isinstance(value, Path) else value


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "config") -> T:
    """Builds a dataclass from a mapping.

    Raises:
        InvalidInput: an unknown field (the nearest is suggested), a value of another type, a choice that does not exist.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    unknown = [name for name in values if name not in fields]
    if unknown:
        near = difflib.get_close_matches(unknown[0], fields, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        raise InvalidInput(
            f"{where}.{unknown[0]}", "a field that does not exist", f"one of {', '.join(sorted(fields))}", hint
        )
    found = {
        name: _built_part(value, part, f"{where}.{name}", fields[name])
        if (part := _part(hints[name])) is not None
        else _coerce(value, hints[name], f"{where}.{name}")
        for name, value in values.items()
    }
    return cls(**found)


def _built_part(value: Any, part: Part, where: str, field: dataclasses.Field[Any] | None = None) -> Any:
    """The config of a part, or the name of one without options, from what a field for it may be given."""
    known = registry.names(part.kind)
    if value is None and part.optional:
        return None
    if isinstance(value, int | float) and part.number is not None and not isinstance(value, bool):
        value = {part.number: value}
    if isinstance(value, str):
        value = {"name": value}
    if isinstance(value, Mapping):
        values = dict(value)
        name = values.pop("name", None)
        if name is None and field is not None:
            default = field.default_factory() if callable(field.default_factory) else field.default
            name = registry.name_of(type(default)) if dataclasses.is_dataclass(default) else None
        if not isinstance(name, str):
            raise InvalidInput(where, dict(value), f"a mapping with `name`, one of {', '.join(known)}")
        options = registry.load(part.kind, name).Config
        if options is None and values:
            raise InvalidInput(
                f"{where}.{next(iter(values))}", "a field that does not exist", f"none: {name} has no options"
            )
        return name if options is None else from_dict(options, values, where)
    if dataclasses.is_dataclass(value) and registry.name_of(type(value)) in known:
        return value
    raise InvalidInput(where, repr(value), f"one of {', '.join(known)}, or a mapping with its options")


def _coerce(value: Any, hint: Any, where: str) -> Any:
    if get_origin(hint) is Annotated:
        part = _part(hint)
        return _coerce(value, get_args(hint)[0], where) if part is None else _built_part(value, part, where)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        options = get_args(hint)
        if value is None and type(None) in options:
            return None
        failure: InvalidInput | None = None
        for option in (o for o in options if o is not type(None)):
            try:
                return _coerce(value, option, where)
            except InvalidInput as error:
                failure = failure or error
        raise failure or InvalidInput(where, repr(value), str(hint))
    if origin is Literal:
        if value not in get_args(hint):
            near = difflib.get_close_matches(str(value), [str(a) for a in get_args(hint)], n=1)
            raise InvalidInput(
                where,
                repr(value),
                "one of " + ", ".join(map(repr, get_args(hint))),
                f"Did you mean {near[0]!r}?" if near else "",
            )
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise InvalidInput(where, repr(value), "a mapping of fields")
        return from_dict(hint, value, where)
    if origin in (tuple, list):
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise InvalidInput(where, repr(value), "a list")
        inner = get_args(hint)[0] if get_args(hint) else Any
        return origin(_coerce(v, inner, f"{where}[{i}]") for i, v in enumerate(value))
    if origin in (dict, Mapping) or (origin is not None and issubclass(origin, Mapping)):
        return dict(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):  # YAML reads 1e-3 as text
        try:
            return float(value)
        except ValueError:
            raise InvalidInput(where, repr(value), "a number") from None
    if hint is Path:
        return Path(value)
    if hint is Any or not isinstance(hint, type):
        return value
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InvalidInput(
            where,
            f"{value!r} ({type(value).__name__})",
            {"int": "a whole number", "str": "text", "bool": "true or false"}.get(hint.__name__, hint.__name__),
        )
    return value


def parsed(where: str, text: str) -> Any:
    """A value as it is written in YAML: a number, text, a list.

    Raises:
        InvalidInput: no YAML.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(where, repr(text), "a value as in YAML: 3, text or [1, 2]") from error


def check_choices(config: Any, where: str) -> None:
    """Checks every field of a config against its annotation (Python does not): call it in `__post_init__`."""
    hints = typing.get_type_hints(type(config), include_extras=True)
    for field in dataclasses.fields(config):
        _coerce(getattr(config, field.name), hints[field.name], f"{where}.{field.name}")


def check_range(
    where: str,
    value: float | int,
    low: float | int | None = None,
    high: float | int | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raises `InvalidInput` naming the field when a number is outside its range or not finite."""
    too_low = low is not None and (value <= low if open_low else value < low)
    too_high = high is not None and (value >= high if open_high else value > high)
    if value != value or too_low or too_high:
        left = "" if low is None else f"{'above' if open_low else 'at least'} {low:g}"
        right = "" if high is None else f"{'below' if open_high else 'at most'} {high:g}"
        raise InvalidInput(where, value, " and ".join(filter(None, (left, right))) or "a finite number")


def documented_yaml(config: Any) -> str:
    """A config as YAML, each field's documentation as a comment above it."""
    return "\n".join(_documented(config, 0)) + "\n"


def _documented(config: Any, depth: int) -> list[str]:
    pad, lines, docs = "  " * depth, [], field_docs(type(config))
    parts = part_kinds(type(config))
    hints = typing.get_type_hints(type(config), include_extras=True)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        lines += [f"{pad}# {line}" for line in docs.get(field.name, "").splitlines()]
        nested = dataclasses.is_dataclass(value) and not isinstance(value, type)
        name = registry.name_of(type(value)) if nested else value
        others = [each for each in registry.names(parts[field.name]) if each != name] if field.name in parts else []
        if nested:
            named = [f"{pad}  # or {', '.join(others)}", f"{pad}  name: {name}"] if field.name in parts else []
            lines += [f"{pad}{field.name}:", *named, *_documented(value, depth + 1)]
        else:
            lines += [f"{pad}# or {', '.join(others)}"] if others else []
            text = yaml.safe_dump(
                {field.name: _plain(value, hints[field.name])},
                default_flow_style=None if isinstance(value, tuple | list) else False,
                sort_keys=False,
            ).rstrip()
            lines += [pad + line for line in text.splitlines()]
    return lines
