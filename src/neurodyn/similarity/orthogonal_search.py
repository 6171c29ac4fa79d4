"""The turn that brings one linear system closest to another: many searches over orthogonal matrices at once."""

from __future__ import annotations

from collections.abc import Callable

import torch

from neurodyn.shapes import Float, Tensor

Pull = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From the turned inputs and those of the other side to the agreement `(problem,)` and its derivative by the turned inputs."""
_MEMORY, _HALVINGS, _ENOUGH = 8, 25, 1e-4
_TRUST = 1.5  # largest step, as the Frobenius norm of the skew matrix over the root of its rows: beyond, a local model says nothing


def inner(x: Float[Tensor, "problem row column"], y: Float[Tensor, "problem row column"]) -> Tensor:
    """Sum of the products of entries `(problem,)`."""
    found: Tensor = (x * y).sum((1, 2))
    return found


def same_inputs(
    turned: Float[Tensor, "problem row channel"], target: Float[Tensor, "problem row channel"]
) -> tuple[Tensor, Float[Tensor, "problem row channel"]]:
    """Inputs that are shared, channel by channel."""
    return inner(turned, target), target


def turned_inputs(
    turned: Float[Tensor, "problem row channel"], target: Float[Tensor, "problem row channel"]
) -> tuple[Tensor, Float[Tensor, "problem row channel"]]:
    """Inputs that may be rotated onto each other: the best rotation D is that of Procrustes, and it need not be differentiated (it is a maximum)."""
    left, values, right = torch.linalg.svd(turned.mT @ target, full_matrices=False)
    return values.sum(1), target @ (left @ right).mT


def search(
    a: Float[Tensor, "problem row row"],
    b: Float[Tensor, "problem row row"],
    p: Float[Tensor, "problem row channel"],
    q: Float[Tensor, "problem row channel"],
    starts: Float[Tensor, "problem row row"],
    *,
    pull: Pull = same_inputs,
    tolerance: float = 1e-9,
    iterations: int = 500,
) -> tuple[Float[Tensor, "problem row row"], Tensor]:
    """Local maxima over orthogonal C of ⟨A, C B Cᵀ⟩ + ⟨P, C Q⟩, one from each start.

    L-BFGS on the orthogonal group (Nocedal & Wright 2006, 7.2; Absil, Mahony & Sepulchre 2008): a step is C ← R(Ω) C with the Cayley map R of a skew Ω, so
    gradients of different steps are skew matrices alike and are compared as they are. Problems run side by side; those that are done leave the batch.

    Args:
        a, b: operators of unit size or less, so that the tolerance is a relative one.
        p, q: input maps; no channels for systems without inputs.
        starts: orthogonal; a step never changes the sign of the determinant.
        tolerance: of the gradient's Frobenius norm.

    Returns:
        C, and the value at each `(problem,)`.
    """
    best, value = starts.clone(), torch.empty(len(starts), dtype=a.dtype, device=a.device)
    where = torch.arange(len(starts), device=a.device)
    c, m, n = starts, starts @ b @ starts.mT, starts @ q
    f, gradient = _value(a, m, p, n, pull), _gradient(a, m, p, n, pull)
    steps: list[Tensor] = []
    changes: list[Tensor] = []
    for _ in range(iterations):
        going = torch.linalg.matrix_norm(gradient) > tolerance
        if int(going.sum()) <= 0.7 * len(going):
            done = ~going
            best[where[done]], value[where[done]] = c[done], f[done]
            if not going.any():
                return best, value
            where, a, p, c, m, n, f, gradient = (x[going] for x in (where, a, p, c, m, n, f, gradient))
            steps, changes = [s[going] for s in steps], [y[going] for y in changes]
        move = _direction(gradient, steps, changes)
        c, m, n, f_new, taken = _line_search(a, p, c, m, n, f, gradient, move, pull)
        after = _gradient(a, m, p, n, pull)
        steps, changes = [*steps, taken][-_MEMORY:], [*changes, gradient - after][-_MEMORY:]
        gradient, f = torch.where((f_new > f)[:, None, None], after, torch.zeros_like(after)), f_new
    best[where], value[where] = c, f
    return best, value


def _value(a: Tensor, m: Tensor, p: Tensor, n: Tensor, pull: Pull) -> Tensor:
    agreement = inner(a, m)
    return agreement + pull(n, p)[0] if p.shape[2] else agreement


def _gradient(a: Tensor, m: Tensor, p: Tensor, n: Tensor, pull: Pull) -> Tensor:
    """Of the value by the skew Ω of a step, skew itself."""
    full = a @ m.mT - m.mT @ a
    if p.shape[2]:
        full = full + pull(n, p)[1] @ n.mT
    skew: Tensor = (full - full.mT) / 2
    return skew


def _direction(gradient: Tensor, steps: list[Tensor], changes: list[Tensor]) -> Tensor:
    """Two-loop recursion for ascent; pairs without curvature of the right sign count for nothing."""
    move, weights = gradient, []
    for s, y in zip(reversed(steps), reversed(changes)):
        curvature = inner(s, y)
        rho = torch.where(curvature > 1e-12 * inner(y, y), 1 / curvature, torch.zeros_like(curvature))
        alpha = rho * inner(s, move)
        weights.append((rho, alpha))
        move = move - alpha[:, None, None] * y
    if steps:
        s, y = steps[-1], changes[-1]
        ratio = inner(s, y) / inner(y, y)
        move = torch.where(torch.isfinite(ratio) & (ratio > 0), ratio, torch.ones_like(ratio))[:, None, None] * move
    for (s, y), (rho, alpha) in zip(zip(steps, changes), reversed(weights)):
        move = move + (alpha - rho * inner(y, move))[:, None, None] * s
    uphill = inner(move, gradient) > 1e-10 * torch.linalg.matrix_norm(move) * torch.linalg.matrix_norm(gradient)
    move = torch.where(uphill[:, None, None], move, gradient)
    limit = _TRUST * move.shape[1] ** 0.5
    shrunk: Tensor = move * (limit / torch.linalg.matrix_norm(move)).clamp(max=1)[:, None, None]
    return shrunk


def _line_search(
    a: Tensor, p: Tensor, c: Tensor, m: Tensor, n: Tensor, f: Tensor, gradient: Tensor, move: Tensor, pull: Pull
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Halves steps until each gains in proportion to its slope; those that gain nothing at any length stay where they are."""
    slope = inner(move, gradient)
    length = torch.ones_like(f)
    eye = torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    c_new, m_new, n_new, f_new = c.clone(), m.clone(), n.clone(), f.clone()
    left = torch.arange(len(f), device=f.device)
    for _ in range(_HALVINGS):
        half = move[left] * (length[left] / 2)[:, None, None]
        turn = torch.linalg.solve(eye - half, eye + half)
        m_try, n_try = turn @ m[left] @ turn.mT, turn @ n[left]
        f_try = _value(a[left], m_try, p[left], n_try, pull)
        good = f_try >= f[left] + _ENOUGH * length[left] * slope[left]
        kept = left[good]
        m_new[kept], n_new[kept], f_new[kept] = m_try[good], n_try[good], f_try[good]
        c_new[kept] = turn[good] @ c[kept]
        left = left[~good]
        if not len(left):
            break
        length[left] /= 2
    length[left] = 0
    return c_new, m_new, n_new, f_new, move * length[:, None, None]
