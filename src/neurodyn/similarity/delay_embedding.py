"""States of a system from what is seen of it: windows of the last bins, in their principal coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float
from neurodyn.similarity.activity import Activity

_CHUNK_BYTES = 2**27
_NUMERICAL = 10 * np.finfo(np.float64).eps  # eigenvalues below this part of the largest, times the size, are rounding


@dataclass(frozen=True, eq=False)
class DelayCoordinates:
    """Principal coordinates of windows of bins, of unit sum of squares over the windows they were fitted to (the left singular vectors of the Hankel matrix).

    A window ends at bin t and holds bins t, t − interval, ..., newest first.
    """

    delays: int
    interval: int
    unit_mean: Float[Array, " unit"]
    """Taken off every bin; zeros where nothing is centred."""
    unit_axes: Float[Array, "unit kept"] | None
    """Principal axes that activity is first reduced to; None where it is not."""
    mean: Float[Array, " entry"]
    """Of the windows; zeros where nothing is centred."""
    axes: Float[Array, "entry component"]
    """From entries of a window to coordinates, the largest variance first."""
    sizes: Float[Array, " component"]
    """Singular values of the matrix of windows; those that are rounding are left out."""
    total: float
    """Sum of squares of all windows."""

    @classmethod
    def fit(
        cls, activity: Activity, delays: int, interval: int = 1, *, pca: float | None = None, centred: bool = True
    ) -> DelayCoordinates:
        """From the windows that lie wholly inside the mask.

        Args:
            activity: what is seen, trial by trial.
            delays: bins in a window.
            interval: bins from one to the next in a window.
            pca: activity is first reduced to as few principal components as explain this part of its variance; None for all of it.
            centred: whether coordinates are of the difference from the mean.

        Raises:
            InvalidInput: no trial long enough for two windows that follow each other, or windows that do not vary.
        """
        samples, units = activity.samples, activity.units
        unit_mean = samples.mean(0) if centred else np.zeros(units)
        unit_axes = None if pca is None else _axes(samples - unit_mean, pca)
        kept = units if unit_axes is None else unit_axes.shape[1]
        entries, span = delays * kept, (delays - 1) * interval
        bare = cls(delays, interval, unit_mean, unit_axes, np.zeros(entries), np.eye(entries, 0), np.zeros(0), 0.0)
        valid = bare.valid(activity.counted)
        if not (valid[:, 1:] & valid[:, :-1]).any():
            got = f"no stretch of {span + 2} bins with data"
            fix = "Take fewer delays, or a smaller interval between them."
            raise InvalidInput(activity.name, got, f"one, for {delays} delays every {interval} bins", fix)
        count = int(valid.sum())
        parts = _by_entry if entries <= count else _by_window
        mean, axes, squares, total = parts(bare, activity, valid, centred)
        held = squares > squares.max(initial=0) * max(entries, 1) * _NUMERICAL
        if not held.any():
            raise InvalidInput(activity.name, "windows that do not vary", "activity that changes over time")
        return cls(delays, interval, unit_mean, unit_axes, mean, axes[:, held], np.sqrt(squares[held]), total)

    @property
    def span(self) -> int:
        """Bins from the oldest to the newest of a window."""
        return (self.delays - 1) * self.interval

    def rank(self, wanted: int | float) -> int:
        """How many coordinates a rank asks for: so many, or as few as explain that part of the sum of squares; never more than there are."""
        if isinstance(wanted, int):
            return min(wanted, len(self.sizes))
        explained = np.cumsum(self.sizes**2) / self.total
        return min(int(np.searchsorted(explained, wanted - 1e-12)) + 1, len(self.sizes))

    def valid(self, counted: Bool[Array, "trial time"]) -> Bool[Array, "trial window"]:
        """Which windows have data in each of their bins; there are `span` fewer windows than bins."""
        return windows_inside(counted, self.delays, self.interval)

    def of(self, activity: Activity, components: int) -> Float[Array, "trial window component"]:
        """The leading coordinates of each window; those that are not `valid` mean nothing."""
        length = max(activity.bins - self.span, 0)
        found = np.empty((activity.rows, length, components))
        axes = np.ascontiguousarray(self.axes[:, :components])
        step = max(1, _CHUNK_BYTES // (8 * max(length, 1) * len(self.mean)))
        for first in range(0, activity.rows, step):
            trials = slice(first, first + step)
            seen = self._reduced(activity, trials)
            windows = np.concatenate([seen[:, end : end + length] for end in self._ends], 2)
            found[trials] = (windows.reshape(-1, len(axes)) @ axes).reshape(-1, length, components)
        return np.asarray(np.subtract(found, self.mean @ axes, out=found))

    def newest(self, coordinates: Float[Array, "*any component"]) -> Float[Array, "*any unit"]:
        """Activity in the newest bin of the windows with these leading coordinates."""
        components = coordinates.shape[-1]
        kept = len(self.mean) // self.delays
        back = (self.axes * self.sizes**2)[:kept, :components]
        reduced = coordinates @ back.T + self.mean[:kept]
        return np.asarray((reduced if self.unit_axes is None else reduced @ self.unit_axes.T) + self.unit_mean)

    @property
    def _ends(self) -> list[int]:
        """Bin of each delay in the first window of a trial, newest first."""
        return [self.span - delay * self.interval for delay in range(self.delays)]

    def _reduced(self, activity: Activity, trials: slice = slice(None)) -> Float[Array, "trial time kept"]:
        values = activity.values[trials] - self.unit_mean
        if activity.mask is not None:
            values[~activity.mask[trials]] = 0
        return values if self.unit_axes is None else values @ self.unit_axes


def windows_inside(counted: Bool[Array, "trial time"], delays: int, interval: int = 1) -> Bool[Array, "trial window"]:
    """Which windows of so many bins have data in each of them; the first ends at bin (delays − 1) × interval."""
    span = (delays - 1) * interval
    found = np.ones((len(counted), max(counted.shape[1] - span, 0)), bool)
    for first in range(0, span + 1, interval):
        found &= counted[:, first : first + found.shape[1]]
    return found


Principal = tuple[np.ndarray, np.ndarray, np.ndarray, float]
"""Mean, axes, sums of squares along them, sum of squares of everything."""


def _by_entry(bare: DelayCoordinates, activity: Activity, valid: np.ndarray, centred: bool) -> Principal:
    """From the products of entries: for more windows than entries.

    The products of two delays are those of the two delays before, over windows that end `interval` bins earlier. So only the newest bins are multiplied with all
    delays; the rest follows from the bins that each stretch of windows gains and loses.
    """
    seen, length, delays = bare._reduced(activity), valid.shape[1], bare.delays
    kept = seen.shape[2]
    newest = np.where(valid[..., None], seen[:, bare.span :], 0).reshape(-1, kept)
    products, sums = np.empty((delays, kept, delays, kept)), np.empty((delays, kept))
    sums[0] = newest.sum(0)
    for delay, end in enumerate(bare._ends):
        products[0, :, delay] = newest.T @ seen[:, end : end + length].reshape(-1, kept)
        products[delay, :, 0] = products[0, :, delay].T
    ends = np.diff(np.pad(valid, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    change, moved = np.zeros(((delays - 1) * kept,) * 2), np.zeros((delays - 1) * kept)
    for side in (1, -1):  # where stretches begin, and the first bins after them
        trial, window = np.nonzero(ends == side)
        bins = bare.span + window[:, None] - 1 - np.arange(bare.interval)
        at = bins[..., None] - bare.interval * np.arange(delays - 1)
        rows = seen[trial[:, None, None], at].reshape(bins.size, (delays - 1) * kept)
        change += side * (rows.T @ rows)
        moved += side * rows.sum(0)
    changes, moves = change.reshape(delays - 1, kept, delays - 1, kept), moved.reshape(delays - 1, kept)
    for delay in range(1, delays):
        products[delay, :, 1:] = products[delay - 1, :, :-1] + changes[delay - 1]
        sums[delay] = sums[delay - 1] + moves[delay - 1]
    flat, total = products.reshape(delays * kept, -1), sums.reshape(-1)
    mean = total / valid.sum() if centred else np.zeros(len(total))
    flat -= np.outer(mean, total)
    squares, axes = (x[..., ::-1] for x in np.linalg.eigh(flat))
    return mean, axes / np.sqrt(_above_rounding(squares)), squares, float(np.trace(flat))


def _by_window(bare: DelayCoordinates, activity: Activity, valid: np.ndarray, centred: bool) -> Principal:
    """From the products of windows, a delay at a time: for more entries than windows."""
    seen = bare._reduced(activity, slice(None))
    bins = [seen[:, end : end + valid.shape[1]][valid] for end in bare._ends]
    means = [rows.mean(0) if centred else np.zeros(rows.shape[1]) for rows in bins]
    products = sum((rows - mean) @ (rows - mean).T for rows, mean in zip(bins, means))
    squares, along = (x[..., ::-1] for x in np.linalg.eigh(products))
    scaled = along / _above_rounding(squares)
    axes = np.concatenate([(rows - mean).T @ scaled for rows, mean in zip(bins, means)])
    return np.concatenate(means), axes, squares, float(np.trace(products))


def _above_rounding(squares: np.ndarray) -> np.ndarray:
    """Sums of squares, the largest first; infinite where they are rounding, so that what is divided by them is nothing."""
    return np.where(squares > np.finfo(float).eps ** 2 * squares[0], squares, np.inf)


def _axes(centred: np.ndarray, part: float) -> np.ndarray:
    """Leading principal axes that explain a part of the variance."""
    squares, axes = np.linalg.eigh(centred.T @ centred)
    explained = np.cumsum(squares[::-1]) / squares.sum()
    return np.ascontiguousarray(axes[:, ::-1][:, : int(np.searchsorted(explained, part - 1e-12)) + 1])
