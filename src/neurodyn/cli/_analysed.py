"""What the analyses of `neurodyn analyse` share: the trials they look at, and how numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurodyn.errors import InvalidInput

_LEADING = 3
"""Numbers of a state or a spectrum that a table shows."""


def session_of(sessions: Sequence[Any], name: str) -> Any:
    """The trials of a session of that name, or the first."""
    if not name:
        return sessions[0]
    for each in sessions:
        if each.session == name:
            return each
    raise InvalidInput("--session", repr(name), f"one of {', '.join(each.session for each in sessions)}")


def numbers(values: Any, form: str) -> str:
    """The first few of some numbers."""
    shown = " ".join(form.format(value) for value in values[:_LEADING])
    return f"{shown} ..." if len(values) > _LEADING else shown
