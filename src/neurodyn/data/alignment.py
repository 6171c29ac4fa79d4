"""Where the windows around events lie: which trials, where each starts, which of its bins have data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from neurodyn.data.binning import NS, bin_edges, ticks, whole_bins
from neurodyn.errors import InvalidInput, UnknownName

Outside = Literal["error", "mask", "drop"]


@dataclass(frozen=True, eq=False)
class EventWindows:
    """One window a trial, in nanoseconds of recording time."""

    rows: np.ndarray
    """Row of each trial in the table it came from `(trial,)`."""
    starts: np.ndarray
    """Start of each window, ns `(trial,)`."""
    mask: np.ndarray
    """Bool `(trial, bin)`: bins that belong to the window."""

    def select(self, keep: np.ndarray, mask: np.ndarray) -> EventWindows:
        """Some of the trials, with another mask."""
        return EventWindows(self.rows[keep], self.starts[keep], mask[keep])


def around_events(
    frame: pd.DataFrame, event: str, window: tuple[float, float | str], bin_s: float, drop_missing: bool, table: str
) -> EventWindows:
    """Windows around a column of times; `Recording.align` documents the arguments.

    Raises:
        UnknownName: no such column.
        InvalidInput: a missing time (unless `drop_missing`), or a window that is not at least one whole bin.
    """
    events = time_column(frame, event, table)
    keep = np.isfinite(events)
    stops = None
    if isinstance(window[1], str):
        stops = time_column(frame, window[1], table)
        keep &= np.isfinite(stops)
    if not keep.all() and not drop_missing:
        raise InvalidInput(
            event,
            f"NaN (no event, or no stop) in {listed(np.flatnonzero(~keep))}",
            "a time in every trial",
            "drop_missing=True leaves those trials out.",
        )
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise InvalidInput("trials", f"no trial with a time in {event!r}", "at least one trial")
    if stops is None:
        lengths = np.full(len(rows), whole_bins(float(window[1]) - window[0], bin_s, "window"))
    else:
        lengths = np.floor((stops[rows] - events[rows] - window[0]) / bin_s + 1e-6).astype(int)
        if (lengths < 1).any():
            raise InvalidInput(
                str(window[1]),
                f"a stop less than one bin after the start in {listed(rows[lengths < 1])}",
                "at least one bin a trial",
            )
    return EventWindows(rows, ticks(events[rows]) + ticks(window[0]), np.arange(lengths.max()) < lengths[:, None])


def within(windows: EventWindows, observed: np.ndarray, bin_s: float, outside: Outside) -> EventWindows:
    """Holds windows to what was observed: refuses, masks or drops what lies outside.

    Args:
        windows: as cut around events.
        observed: observed intervals in ns `(interval, 2)`.
        bin_s: bin width in seconds.
        outside: `error`, `mask` or `drop`.

    Raises:
        InvalidInput: a window leaves the observed intervals and `outside` is `error`; nothing is left.
    """
    edges = bin_edges(windows.mask.shape[1], bin_s)
    low, high = windows.starts[:, None] + edges[:-1], windows.starts[:, None] + edges[1:]
    covered = np.zeros(windows.mask.shape, bool)
    for first, last in observed:
        covered |= (low >= first) & (high <= last)
    leaves = (windows.mask & ~covered).any(1)
    if leaves.any() and outside == "error":
        raise InvalidInput(
            "window",
            f"a window outside the recording in {listed(windows.rows[leaves])}",
            f"windows within its observed {observed[0, 0] / NS:g} to {observed[-1, 1] / NS:g} s",
            "outside='mask' masks those bins, outside='drop' leaves those trials out.",
        )
    mask = windows.mask & covered
    keep = np.asarray(~leaves if outside == "drop" else mask.any(1))
    if not keep.any():
        raise InvalidInput("trials", "none whose window lies in the recording", "at least one trial")
    if not keep.all() and outside == "mask":
        raise InvalidInput(
            "window",
            f"no bin inside the recording in {listed(windows.rows[~keep])}",
            "some data",
            "Use outside='drop'.",
        )
    return windows.select(keep, mask)


def time_column(frame: pd.DataFrame, name: str, table: str) -> np.ndarray:
    """A column of times in seconds."""
    if name not in frame:
        raise UnknownName(f"column of {table}", name, map(str, frame.columns))
    try:
        return frame[name].to_numpy(np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(name, f"a column of {frame[name].dtype}", "times in seconds") from None


def conditions(frame: pd.DataFrame, columns: str | Sequence[str], table: str) -> np.ndarray:
    """The condition of each trial: a column's values, or several columns' joined by ` / `."""
    names = [columns] if isinstance(columns, str) else list(columns)
    for name in names:
        if name not in frame:
            raise UnknownName(f"column of {table}", name, map(str, frame.columns))
    if len(names) == 1:
        return frame[names[0]].to_numpy()
    return frame[names].astype(str).agg(" / ".join, axis=1).to_numpy(object)


def listed(trials: np.ndarray) -> str:
    """Trial numbers for a message, at most five."""
    more = f" and {len(trials) - 5} more" if len(trials) > 5 else ""
    return f"trial{'s' if len(trials) > 1 else ''} {', '.join(map(str, trials[:5]))}{more}"
