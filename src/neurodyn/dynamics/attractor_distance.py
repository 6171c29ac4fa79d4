"""How alike two clouds of states are: the divergence of where long runs are, whenever they are there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

SMOOTHING = 1e-5
"""Counts added to every cell, as the published form does (Laplace)."""
_PER_CELL, _MOST_CELLS = 10, 30
"""States of the reference a cell by default, and cells along a dimension at most: the published number for three dimensions and 1e5 states."""
_AT_A_TIME = 2**22


def default_cells(states: int, dimensions: int) -> int:
    """Cells along each dimension: 30, or so few that ten states of the reference fall into one on average, but three at least."""
    return int(np.clip(np.floor((states / _PER_CELL) ** (1 / dimensions)), 3, _MOST_CELLS))


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of equal width over the range of a reference."""

    low: Array
    """`(dimension,)`."""
    high: Array
    cells: int
    """Along each dimension."""

    @staticmethod
    def over(reference: Float[Array, "state dimension"], cells: int | None = None) -> Grid:
        """Over the range of the reference.

        Raises:
            InvalidInput: no states, or values that are not finite.
        """
        if not len(reference) or not np.isfinite(reference).all():
            raise InvalidInput("reference", "no states or values that are not finite", "finite states")
        number = default_cells(*reference.shape) if cells is None else cells
        return Grid(reference.min(0), reference.max(0), number)

    @property
    def size(self) -> int:
        """Number of cells; beyond them lies one more, for all that is outside."""
        return int(self.cells ** len(self.low))

    def cell(self, states: Float[Array, "*axes dimension"]) -> Array:
        """Index of each state's cell `(...)`; `size` outside of the range."""
        width = np.maximum(self.high - self.low, 1e-12 * np.maximum(np.abs(self.high), 1))
        place = np.floor(self.cells * (states - self.low) / width)
        place = np.where(states == self.high, self.cells - 1, place)  # the largest belongs to the last cell
        inside = np.all((place >= 0) & (place < self.cells), -1)
        steps = self.cells ** np.arange(len(self.low) - 1, -1, -1)
        return np.where(inside, np.where(np.expand_dims(inside, -1), place, 0) @ steps, self.size).astype(int)

    def counts(self, runs: Float[Array, "trial time dimension"]) -> Float[Array, "trial cell"]:
        """States of each run in each cell; the last column is what lies outside."""
        rows = np.arange(len(runs))[:, None] * (self.size + 1) + self.cell(runs)
        return np.bincount(rows.ravel(), minlength=len(runs) * (self.size + 1)).reshape(len(runs), -1).astype(float)


def divergence_of_counts(reference: Float[Array, "*axes cell"], other: Float[Array, "*axes cell"]) -> Array:
    """Σ p ln(p / q) in nats `(...)`, of counts with `SMOOTHING` added to each cell."""
    p, q = (
        (counts + SMOOTHING) / (counts.sum(-1, keepdims=True) + SMOOTHING * counts.shape[-1])
        for counts in (reference, other)
    )
    return np.asarray((p * np.log(p / q)).sum(-1))


def binned_divergence(
    states: Float[Array, "row column"], reference: Float[Array, "state dimension"], *, cells: int | None = None
) -> float:
    """KL divergence of where a model's states are from where the reference's are, in nats, over cells: for five dimensions at most.

    D_stsp of Koppe et al. 2019 (10.1371/journal.pcbi.1007263) and Hess et al. 2023. Unlike there, what lies outside of the reference's range
    counts, in one cell of its own: a model that leaves is not judged by what stays.

    Args:
        states: of a model.
        reference: of the truth.
        cells: along each dimension; none is `default_cells`.

    Raises:
        InvalidInput: no reference; more than five dimensions; other dimensions than the reference's.

    >>> square = np.random.default_rng(0).uniform(size=(2000, 2))
    >>> round(binned_divergence(square, square), 6), binned_divergence(square[:, :1] * [1.0, 0.0], square) > 5
    (0.0, True)
    """
    check_range("dimensions", reference.shape[1], 1, 5)
    _same_width(states, reference)
    grid = Grid.over(reference, cells)
    return float(divergence_of_counts(grid.counts(reference[None])[0], grid.counts(states[None])[0]))


def log_ratios(
    states: Float[Array, "row column"],
    reference: Float[Array, "state dimension"],
    *,
    width: float = 1.0,
    samples: int = 1000,
    most: int = 10_000,
    seed: int = 0,
) -> tuple[Array, Array]:
    """ln p(x) − ln q(x) at samples x of p, and the reference's state that each was drawn about; see `mixture_divergence`.

    Raises:
        InvalidInput: a width of zero or less; other dimensions than the reference's.
    """
    from scipy.special import logsumexp

    check_range("width", width, 0, open_low=True)
    _same_width(states, reference)
    rng = np.random.default_rng(seed)
    scale = np.maximum(reference.std(0), 1e-12)
    centres = [each if len(each) <= most else each[rng.permutation(len(each))[:most]] for each in (reference, states)]
    drawn = rng.integers(len(reference), size=samples)
    x = reference[drawn] / scale + width * rng.standard_normal((samples, reference.shape[1]))

    def log_density(of: Array) -> Array:
        some = max(1, _AT_A_TIME // len(of))
        logs = []
        for start in range(0, samples, some):
            rows, y = x[start : start + some], of / scale
            squared = (rows**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * rows @ y.T
            logs.append(logsumexp(-0.5 * squared / width**2, axis=1))
        return np.asarray(np.concatenate(logs) - np.log(len(of)))

    return np.asarray(log_density(centres[0]) - log_density(centres[1])), drawn


def mixture_divergence(
    states: Float[Array, "row column"],
    reference: Float[Array, "state dimension"],
    *,
    width: float = 1.0,
    samples: int = 1000,
    seed: int = 0,
) -> float:
    """KL divergence, in nats, of mixtures with a Gaussian at every state, by Monte Carlo: for any number of dimensions.

    D_stsp of Brenner et al. 2022 (10.48550/arXiv.2207.02542) for more dimensions than cells can cover. Each dimension is in units of the
    reference's s.d.

    Args:
        states: of a model.
        reference: of the truth.
        width: s.d. of the Gaussians; the published value is 1, beside which fine structure does not count.
        samples: of the reference's mixture.
        seed: of the samples.

    Raises:
        InvalidInput: as `log_ratios`.
    """
    return float(log_ratios(states, reference, width=width, samples=samples, seed=seed)[0].mean())


def _same_width(states: Array, reference: Array) -> None:
    if states.shape[1] != reference.shape[1]:
        raise InvalidInput("states", f"{states.shape[1]} dimensions", f"{reference.shape[1]}, as the reference")
