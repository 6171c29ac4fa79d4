"""A continuous recording that is already binned, and its cut into trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.data.validate import check_counts, check_fluorescence, check_same_length
from neurodyn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Binned:
    """Activity `(time, unit)` on one clock, with behaviour, in one or several uninterrupted segments.

    Raises:
        InvalidInput: no bins or units; counts that are negative, fractional or not finite; behaviour or ids of another length.
    """

    neural: np.ndarray
    """Spike counts per bin, or fluorescence, `(time, unit)`."""
    bin_s: float
    """Bin width in seconds."""
    kind: Literal["spikes", "fluorescence"] = "spikes"
    """What `neural` is."""
    behaviour: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Behaviour by name, `(time, channel)`; NaN marks missing samples."""
    segment: np.ndarray | None = None
    """Segment of each bin `(time,)`: a run of equal values is uninterrupted. None: one segment."""
    time_s: np.ndarray | None = None
    """Start of each bin in recording time `(time,)`."""
    unit_names: tuple[str, ...] = ()
    """Name of each unit."""
    behaviour_units: Mapping[str, str] = field(default_factory=dict)
    """Physical unit of each behaviour."""
    name: str = "binned"
    """Name of the data set."""
    session: str = "session"
    """Name of the session."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where it came from."""

    def __post_init__(self) -> None:
        what = "counts" if self.kind == "spikes" else "fluorescence"
        values = np.asarray(self.neural)
        if values.ndim != 2 or 0 in values.shape:
            raise InvalidInput(what, f"shape {values.shape}", "(time, unit), at least one of each")
        if not (np.isfinite(self.bin_s) and self.bin_s > 0):
            raise InvalidInput("bin_s", self.bin_s, "a bin width in seconds above 0")
        if self.kind == "spikes":
            values = check_counts(what, values[None])[0]
        else:
            check_fluorescence(what, values[None])
        object.__setattr__(self, "neural", values)
        columns = {}
        for name, given in self.behaviour.items():
            check_same_length(name, len(given), len(values), "time bins")
            columns[name] = np.asarray(given, np.float32).reshape(len(values), -1)
        object.__setattr__(self, "behaviour", columns)
        for name in ("segment", "time_s"):
            given = getattr(self, name)
            if given is not None:
                check_same_length(name, len(given), len(values), "time bins")

    def windows(self, bins: int, *, forward: int = 0, stride: int | None = None, lag_bins: int = 0) -> Trials:
        """Windows of equal length, in recording order; none crosses a segment. What is left at a segment's end is dropped.

        Args:
            bins: bins of a window, forward ones included.
            forward: bins at its end that are predicted, never seen.
            stride: bins from one window's start to the next's (default `bins`: no overlap).
            lag_bins: behaviour is taken so many bins after the activity (before, when negative); NaN past the segment's ends.

        Returns:
            Trials whose behaviour covers the observed bins, and whose table has `segment` (number of the run), `segment_id`
            (as given), `start_bin` (first bin of the window within its segment) and, where the clock is known, `start_s`.
        """
        if bins < 1 or not 0 <= forward < bins:
            raise InvalidInput("window", f"{bins} bins with {forward} forward", "at least one bin that is not forward")
        stride = bins if stride is None else stride
        if stride < 1:
            raise InvalidInput("stride", stride, "at least 1 bin")
        rows = []
        for number, (low, high) in enumerate(self._runs()):
            rows += [(number, low, high, start) for start in range(low, high - bins + 1, stride)]
        if not rows:
            longest = max(high - low for low, high in self._runs())
            raise InvalidInput(
                "window", f"{bins} bins", f"at most {longest} bins, the longest segment", "Use a shorter window."
            )
        segment, low, high, start = (np.array(column) for column in zip(*rows))
        table = pd.DataFrame({"segment": segment, "start_bin": start - low})
        if self.segment is not None:
            table["segment_id"] = np.asarray(self.segment)[start]
        index = start[:, None] + np.arange(bins)
        return self._cut(index, np.ones(index.shape, bool), low, high, table, forward, lag_bins)

    def trials(
        self,
        trial_id: np.ndarray,
        *,
        position: np.ndarray | None = None,
        table: pd.DataFrame | None = None,
        forward: int = 0,
        lag_bins: int = 0,
    ) -> Trials:
        """One trial for each trial id, of the length it has; shorter ones are masked at the end.

        Args:
            trial_id: trial of each bin `(time,)`; the bins of a trial follow one another.
            position: bin within its trial `(time,)` where some bins were left out (they are masked); default: no gaps.
            table: one row a trial, in the order in which the trials come.
            forward: as in `windows`; needs trials of one length.
            lag_bins: as in `windows`, NaN past a trial's ends.
        """
        trial_id = np.asarray(trial_id).ravel()
        check_same_length("trial_id", len(trial_id), len(self.neural), "time bins")
        runs = _runs(trial_id)
        ids = trial_id[runs[:, 0]]
        if len(np.unique(ids)) < len(ids):
            again = ids[np.flatnonzero(pd.Series(ids).duplicated())[0]]
            raise InvalidInput("trial_id", f"trial {again} in two places", "the bins of a trial one after another")
        low, high = runs[:, 0], runs[:, 1]
        place = np.arange(len(trial_id)) - np.repeat(low, high - low)
        if position is not None:
            place = np.asarray(position).ravel().astype(int)
            check_same_length("position", len(place), len(trial_id), "time bins")
            if place.min() < 0 or (np.diff(place) < 1)[np.diff(np.repeat(np.arange(len(low)), high - low)) == 0].any():
                raise InvalidInput("position", "bins out of order within a trial", "increasing bin numbers from 0")
        index = np.full((len(low), int(place.max()) + 1), -1)
        index[np.repeat(np.arange(len(low)), high - low), place] = np.arange(len(trial_id))
        mask = index >= 0
        if forward and not mask.all():
            raise InvalidInput(
                "forward",
                f"{forward} bins with trials of different length",
                "trials of one length",
                "Use forward=0 or windows.",
            )
        if position is not None and lag_bins:
            raise InvalidInput("lag_bins", lag_bins, "0 where bins were left out of trials")
        frame = pd.DataFrame(index=range(len(low))) if table is None else table.reset_index(drop=True)
        check_same_length("table", len(frame), len(low), "trials")
        frame = frame.assign(trial_id=ids)
        return self._cut(index, mask, low, high, frame, forward, lag_bins)

    def _runs(self) -> np.ndarray:
        return np.array([[0, len(self.neural)]]) if self.segment is None else _runs(np.asarray(self.segment).ravel())

    def _cut(
        self,
        index: np.ndarray,
        mask: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        table: pd.DataFrame,
        forward: int,
        lag_bins: int,
    ) -> Trials:
        """Trials from bin numbers `(trial, time)`; `low` and `high` bound what each may take behaviour from."""
        values = np.where(mask[..., None], self.neural[index], 0).astype(self.neural.dtype)
        what = "counts" if self.kind == "spikes" else "fluorescence"
        signals = {
            what: Signal(
                values,
                self.kind,
                "neural",
                self.bin_s,
                units="counts/bin" if self.kind == "spikes" else "",
                names=self.unit_names,
            )
        }
        seen = slice(0, index.shape[1] - forward)
        later = index[:, seen] + lag_bins
        recorded = mask[:, seen] & (later >= low[:, None]) & (later < high[:, None])
        for name, series in self.behaviour.items():
            taken = np.where(recorded[..., None], series[np.where(recorded, later, 0)], np.nan).astype(np.float32)
            signals[name] = Signal(taken, "series", "behaviour", self.bin_s, units=self.behaviour_units.get(name, ""))
        if self.time_s is not None:
            first = index[np.arange(len(index)), mask.argmax(1)]
            table = table.assign(start_s=np.asarray(self.time_s)[first] - mask.argmax(1) * self.bin_s)
        return Trials(
            signals=signals,
            mask=mask,
            table=table,
            heldin=np.arange(self.neural.shape[1]),
            forward=forward,
            name=self.name,
            session=self.session,
            provenance=self.provenance,
        )


def _runs(ids: np.ndarray) -> np.ndarray:
    """First and past-the-last bin of every run of equal ids, `(run, 2)`."""
    edges = np.concatenate([[0], np.flatnonzero(ids[1:] != ids[:-1]) + 1, [len(ids)]])
    return np.stack([edges[:-1], edges[1:]], 1)
