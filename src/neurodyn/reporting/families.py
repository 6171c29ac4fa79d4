"""Activities whose names share a beginning, such as `bptt seed1` and `bptt seed2`, drawn alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from neurodyn.reporting import plot

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "pentagon")
_NUMBERED = re.compile(r"^(?P<family>.+?)(?:[\s_/:.-]+(?:seed|run|rep)?[\s_=-]*\d+|\s*\(\d+\))$", re.IGNORECASE)


@dataclass(frozen=True)
class Family:
    """Activities that differ in a seed, or one alone."""

    name: str
    members: tuple[int, ...]
    """Places of the activities."""
    colour: str
    symbol: str


def families_of(names: Sequence[str], reference: str | None = None) -> list[Family]:
    """The families of some names, each with a colour and a symbol; the reference is one of its own, in ink and a star.

    Names belong together where they are the same but for a number at the end, alone or after `seed`, `run` or `rep`.

    Args:
        names: of the activities.
        reference: one of them.
    """
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        numbered = _NUMBERED.match(name)
        found.setdefault(numbered["family"] if numbered and name != reference else name, []).append(place)
    others = [(name, members) for name, members in found.items() if members != _place(names, reference)]
    listed = [
        Family(name if len(members) > 1 else names[members[0]], tuple(members), colour, SYMBOLS[k % len(SYMBOLS)])
        for k, ((name, members), colour) in enumerate(zip(others, plot.colours(len(others))))
    ]
    return [Family(n, (p,), plot.INK, "star") for p, n in enumerate(names) if n == reference] + listed


def colours_of(families: Sequence[Family]) -> dict[int, str]:
    """The colour of every activity, by its place."""
    return {member: family.colour for family in families for member in family.members}


def _place(names: Sequence[str], reference: str | None) -> list[int]:
    return [place for place, name in enumerate(names) if name == reference]
