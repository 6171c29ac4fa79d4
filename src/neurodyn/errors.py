"""Errors a person can act on: each names the field, what it got, what was expected, and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NeurodynError(Exception):
    """Anything wrong with what the user gave; the command line prints it without a traceback and exits with code 2."""


class InvalidInput(NeurodynError, ValueError):
    """A value that cannot be used.

    Args:
        field: name of the field, key, column or option at fault, as the user wrote it.
        got: the offending value, or what is wrong with it.
        expected: what would have been accepted.
        fix: what to do about it.
    """

    def __init__(self, field: str, got: object, expected: str, fix: str = "") -> None:
        self.field, self.got, self.expected, self.fix = field, got, expected, fix
        super().__init__(f"{field}: got {got}; expected {expected}." + (f" {fix}" if fix else ""))


class UnknownName(NeurodynError, LookupError):
    """A name nothing is registered under; the nearest known names are suggested."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        options = sorted(known)
        near = difflib.get_close_matches(name, options, n=3, cutoff=0.5)
        hint = (
            f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else f"Known: {', '.join(options) or 'none'}."
        )
        self.name, self.near = name, near
        super().__init__(f"{kind}: no {kind} is called {name!r}. {hint}")


class MissingData(NeurodynError, FileNotFoundError):
    """A data set or file that is not on this machine; the message says where it comes from."""
