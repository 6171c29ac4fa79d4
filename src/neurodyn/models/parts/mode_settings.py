"""Settings that belong to one mode of a model: an unused one is an error, never ignored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from neurodyn.errors import InvalidInput


def check_mode_settings(
    config: Any, used_only_in: Mapping[str, Sequence[str]], needed_in: Mapping[str, Sequence[str]]
) -> None:
    """Checks a config with a field `mode`.

    Args:
        config: a dataclass instance.
        used_only_in: fields by the mode that alone uses them; elsewhere they must have their default.
        needed_in: fields by the mode in which they may not be None.

    Raises:
        InvalidInput: a setting of another mode was changed, or a needed one is missing.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    for mode, names in used_only_in.items():
        for name in names:
            value = getattr(config, name)
            if mode != config.mode and value != defaults[name]:
                fix = f"Set model.mode={mode}, or leave model.{name} out."
                raise InvalidInput(f"model.{name}", value, f"nothing: mode {config.mode!r} does not use it", fix)
    for name in needed_in.get(config.mode, ()):
        if getattr(config, name) is None:
            raise InvalidInput(f"model.{name}", "nothing", f"a value: mode {config.mode!r} has no default for it")
