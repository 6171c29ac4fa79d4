"""Where to begin turning one linear system onto another, and what no turn can exceed."""

from __future__ import annotations

import torch

from neurodyn.shapes import Float, Tensor
from neurodyn.similarity.orthogonal_search import Pull

_WEIGHTS = (
    (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (1.0, 0.5, 0.0, 0.0, 0.0, 0.5),
    (0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 1.0, 0.0, 0.0, -0.5),
    (0.0, 0.0, 0.0, 0.0, 1.0, 0.5),
    (1.0, -0.5, 0.5, -0.2, 0.2, 0.2),
    (0.5, -1.0, 1.0, 0.3, -1.0, -0.3),
)
"""Mixtures of the symmetric matrices that `_symmetric` lists. The first alone is exact for symmetric operators; the others order the axes in other ways."""
_NORMAL = 1e-10


def starting_turns(
    a: Float[Tensor, "pair row row"],
    b: Float[Tensor, "pair row row"],
    p: Float[Tensor, "pair row channel"],
    q: Float[Tensor, "pair row channel"],
    count: int,
    seed: int = 0,
) -> Float[Tensor, "pair start row row"]:
    """Orthogonal matrices: nothing moved, a reflection, axes matched by what both systems are, and random ones of either determinant.

    An axis-matching start takes a symmetric matrix made of each system by the same formula, pairs their eigenvectors in order of eigenvalue, and chooses signs by the
    leading eigenvector of the elementwise product of the two operators in these axes. Where B is A in other coordinates it finds them, unless eigenvalues are repeated.
    """
    pairs, rows = a.shape[:2]
    still = torch.eye(rows, dtype=a.dtype, device=a.device).expand(pairs, rows, rows)
    mirror = still.clone()
    mirror[:, 0, 0] = -1
    found = [still, mirror]
    matrices = [(_symmetric(x, y), x, y) for x, y in ((a, p), (b, q))]
    for weights in _WEIGHTS:
        mixed = torch.tensor(weights, dtype=a.dtype, device=a.device)
        axes = [torch.linalg.eigh(torch.einsum("w,wkrs->krs", mixed, parts))[1] for parts, _, _ in matrices]
        (one, p_one), (other, q_other) = ((u.mT @ x @ u, u.mT @ y) for u, (_, x, y) in zip(axes, matrices))
        both = one * other
        sign = torch.linalg.eigh(both + both.mT)[1][:, :, -1]
        whole = (sign * (p_one * q_other).sum(2)).sum(1) if p.shape[2] else torch.ones_like(sign[:, 0])
        sign = torch.where(sign * torch.where(whole < 0, -1.0, 1.0)[:, None] < 0, -1.0, 1.0).to(a.dtype)
        found.append((axes[0] * sign[:, None]) @ axes[1].mT)
    generator = torch.Generator().manual_seed(seed)
    for k in range(max(0, count - len(found))):
        drawn = torch.linalg.qr(torch.randn(rows, rows, dtype=a.dtype, generator=generator))[0]
        if (torch.linalg.det(drawn) < 0) != (k % 2 == 1):
            drawn[:, 0] *= -1  # QR gives one determinant only, and no search crosses to the other
        found.append(drawn.to(a.device).expand(pairs, rows, rows))
    return torch.stack(found[:count], 1)


def _symmetric(a: Tensor, p: Tensor) -> Tensor:
    """Symmetric matrices that turn with the system `(formula, pair, row, row)`."""
    even, odd = a + a.mT, a - a.mT
    return torch.stack([even, odd @ odd, a @ a.mT - a.mT @ a, even @ even, even @ odd - odd @ even, p @ p.mT])


def largest_agreement(
    a: Float[Tensor, "pair row row"],
    b: Float[Tensor, "pair row row"],
    p: Float[Tensor, "pair row channel"],
    q: Float[Tensor, "pair row channel"],
    pull: Pull,
) -> Tensor:
    """What ⟨A, C B Cᵀ⟩ + ⟨P, C Q⟩ cannot exceed `(pair,)`, whatever C.

    Symmetric and skew parts turn apart, and each does best with eigenvalues in order; normal operators do no better than the best matching of their eigenvalues (Hoffman &
    Wielandt 1953, doi:10.1215/S0012-7094-53-02004-3). That matching need not be reached by a real C where it pairs one of two conjugate eigenvalues with a real one.
    """
    parts = [(torch.linalg.eigvalsh((x + x.mT) / 2), torch.linalg.eigvalsh(1j * (x - x.mT) / 2)) for x in (a, b)]
    most = torch.stack([(one * other).sum(1) for one, other in zip(*parts)]).sum(0)
    normal = [torch.linalg.matrix_norm(x @ x.mT - x.mT @ x) < _NORMAL for x in (a, b)]
    for k in torch.nonzero(normal[0] & normal[1]).flatten().tolist():
        most[k] = torch.minimum(most[k], torch.tensor(_matched(a[k], b[k])))
    if p.shape[2]:
        most = most + torch.linalg.svdvals(p @ q.mT).sum(1)
    return most


def _matched(a: Tensor, b: Tensor) -> float:
    from scipy.optimize import linear_sum_assignment

    one, other = (torch.linalg.eigvals(x).cpu().numpy() for x in (a, b))
    gain = (one[:, None].conj() * other).real
    return float(gain[linear_sum_assignment(gain, maximize=True)].sum())
