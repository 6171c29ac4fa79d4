"""How far two linear systems are apart, whatever orthonormal coordinates each is written in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from neurodyn.shapes import Array, Float
from neurodyn.similarity.operator_starts import largest_agreement, starting_turns
from neurodyn.similarity.orthogonal_search import Pull, same_inputs, search

_CHUNK_BYTES, _ARRAYS = 2**28, 40  # memory of one batch, and matrices that a search keeps of each start
_REACHED = 1e-13


@dataclass(frozen=True)
class Turned:
    """The best orthogonal C found for each pair of systems, and how far it can be trusted."""

    turn: Float[Array, "pair row row"]
    """C: the second system is C B Cᵀ in the coordinates of the first."""
    apart: Float[Array, " pair"]
    """Frobenius norm of what is left: 0 to 2 for systems of unit size."""
    floor: Float[Array, " pair"]
    """No C gets below this; where `apart` is there, it is the global optimum."""
    spread: Float[Array, " pair"]
    """Largest minus smallest norm over the searches that were followed to the end; 0 where all agree."""


def angle_of(apart: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """Angle in radians, 0 to π, between unit vectors so far apart; the arccos of their product would lose half of the digits near 0."""
    return np.asarray(2 * np.arcsin(np.clip(apart / 2, 0, 1)))


def unit(operators: Float[Array, "*any row column"]) -> Float[Array, "*any row column"]:
    """Copies of Frobenius norm 1; what is zero stays zero."""
    size = np.linalg.norm(operators, axis=(-2, -1), keepdims=True)
    return np.asarray(operators / np.where(size > 0, size, 1))


def closest_turns(
    a: Float[Array, "pair row row"],
    b: Float[Array, "pair row row"],
    p: Float[Array, "pair row channel"] | None = None,
    q: Float[Array, "pair row channel"] | None = None,
    *,
    pull: Pull = same_inputs,
    starts: int = 24,
    device: str = "cpu",
) -> Turned:
    """Orthogonal C that minimise ‖A − C B Cᵀ‖² + ‖P − C Q‖², all pairs side by side.

    There are many local optima. Each pair is searched from `starting_turns`: all of them roughly, the best third to the end. A start that reaches `largest_agreement`
    ends the search: symmetric systems, rotations, and systems that are the same in other coordinates need no search. A pair gives the same in either order.

    Args:
        a, b: operators, of about unit size.
        p, q: input maps; None for systems without inputs.
        pull: how input maps are compared.
        starts: of each pair.
        device: where the search runs.
    """
    none = np.zeros((*a.shape[:2], 0))
    given = (a, b, none if p is None else p, none if q is None else q)
    a_, b_, p_, q_ = (torch.tensor(x, dtype=torch.float64, device=device) for x in given)
    other = (torch.einsum("krr->k", a_) < torch.einsum("krr->k", b_))[:, None, None]
    ordered = [torch.where(other, y, x) for x, y in ((a_, b_), (b_, a_), (p_, q_), (q_, p_))]
    step = max(1, _CHUNK_BYTES // (8 * _ARRAYS * starts * a.shape[1] ** 2))
    parts = [_turned([x[i : i + step] for x in ordered], pull, starts) for i in range(0, len(a), step)]
    turn, apart, floor, spread = (torch.cat(x) for x in zip(*parts))
    return Turned(*(x.cpu().numpy() for x in (torch.where(other, turn.mT, turn), apart, floor, spread)))


def _turned(systems: list[torch.Tensor], pull: Pull, starts: int) -> tuple[torch.Tensor, ...]:
    a, b, p, q = systems
    size = torch.stack([(x**2).sum((1, 2)) for x in systems]).sum(0)
    most = largest_agreement(a, b, p, q, pull)
    begun = starting_turns(a, b, p, q, starts)

    def followed(
        which: torch.Tensor, turns: torch.Tensor, tolerance: float = 1e-9, iterations: int = 500
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Ends of the searches of some pairs, from turns `(pair, start, row, row)`, with their values `(pair, start)`."""
        a, b, p, q = (x[which].repeat_interleave(turns.shape[1], 0) for x in systems)
        c, value = search(a, b, p, q, turns.flatten(0, 1), pull=pull, tolerance=tolerance, iterations=iterations)
        return c.view_as(turns), value.view(turns.shape[:2])

    def best(turns: torch.Tensor, value: torch.Tensor, count: int) -> torch.Tensor:
        return torch.take_along_dim(turns, value.topk(count, 1)[1][..., None, None], 1)

    every = torch.arange(len(a), device=a.device)
    _, value = followed(every, begun, iterations=0)
    turn = best(begun, value, 1)[:, 0]
    spread = torch.zeros_like(most)
    left = torch.nonzero(value.amax(1) < most - _REACHED).flatten()
    if len(left):
        scouts = best(*followed(left, begun[left], tolerance=1e-3, iterations=60), max(1, starts // 3))
        ends, value = followed(left, scouts)
        turn[left] = best(ends, value, 1)[:, 0]
        norms = (size[left, None] - 2 * value).clamp(min=0).sqrt()
        spread[left] = norms.amax(1) - norms.amin(1)
    turned = turn @ q
    aimed = pull(turned, p)[1] if p.shape[2] else p
    apart = (((a - turn @ b @ turn.mT) ** 2).sum((1, 2)) + ((aimed - turned) ** 2).sum((1, 2))).sqrt()
    floor = (size - 2 * most).clamp(min=0).sqrt()
    return turn, apart, torch.minimum(floor, apart), spread


def matched_eigenvalues(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared distance in the complex plane between two sets of eigenvalues, each matched to one of the other set so that it is least.

    The optimal transport between the two as clouds of equal weight; its root is a metric, the Wasserstein-2 distance.
    """
    from scipy.optimize import linear_sum_assignment

    squared = np.abs(a[:, None] - b) ** 2
    return float(squared[linear_sum_assignment(squared)].mean())
