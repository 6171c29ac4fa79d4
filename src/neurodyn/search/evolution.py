"""How a population goes from one generation to the next: binary tournaments, exploration, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.search.lineage import Birth, Row
from neurodyn.search.space import Space

REMEMBERED = 4
"""Generations that the stopping rule looks back on."""
LEAST_IMPROVEMENT = 5e-4
"""Relative improvement over them below which the search stops."""


def exchanged(rows: Sequence[Row], space: Space, generator: np.random.Generator) -> list[Birth]:
    """How every member begins the generation after `rows`.

    Binary tournament: the members that have a score are shuffled and the first half is paired with the second (an odd one sits out). In each pair the
    lower score loses: it takes over the winner's weights and optimiser, with the winner's values explored. Winners go on unchanged. A member that
    failed takes over one of the winners in the same way. Source: Keshtkaran et al. 2022, doi:10.1038/s41592-022-01675-0.

    Args:
        rows: of the generation that has ended, at least one of them with a score.
        space: what is varied.
        generator: of the draws.
    """
    by_member = {row.member: row for row in rows}
    live = [row.member for row in rows if not row.failed]
    order = [live[int(place)] for place in generator.permutation(len(live))]
    half = len(order) // 2
    beaten: dict[int, int] = {}
    for one, other in zip(order[:half], order[half : 2 * half]):
        winner, loser = (one, other) if by_member[one].score >= by_member[other].score else (other, one)
        beaten[loser] = winner
    standing = [member for member in live if member not in beaten]
    births = []
    for member, row in sorted(by_member.items()):
        if row.failed or member in beaten:
            parent = beaten[member] if member in beaten else standing[int(generator.integers(len(standing)))]
            values = space.explored(by_member[parent].values, generator)
            births.append(Birth(member, parent, values, "replace" if row.failed else "exploit"))
        else:
            births.append(Birth(member, member, row.values, "continue"))
    return births


def converged(best: Sequence[float]) -> bool:
    """Whether the search no longer improves: (largest − oldest) / mean |score| of the last 4 generations is at most 5e-4.

    Args:
        best: the best score of each generation, higher is better.

    >>> converged([-1.0, -1.0, -1.0, -1.0]), converged([-1.0, -0.99, -0.98, -0.97]), converged([1.0, 1.0, 1.0])
    (True, False, False)
    """
    last = np.asarray(best[-REMEMBERED:])
    if len(last) < REMEMBERED:
        return False
    return bool(last.max() - last[0] <= LEAST_IMPROVEMENT * np.abs(last).mean())
