"""One session as recorded, in seconds: spike times, continuous signals, a trial table. Binned only when trials are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.data.alignment import Outside, around_events, conditions, listed, within
from neurodyn.data.binned import Binned
from neurodyn.data.binning import NS, bin_edges, bin_spikes, ticks
from neurodyn.data.continuous import ContinuousSignal
from neurodyn.data.signal import Role, Signal
from neurodyn.data.trials import Trials
from neurodyn.data.validate import check_same_length
from neurodyn.errors import InvalidInput, UnknownName


@dataclass(frozen=True, eq=False)
class Recording:
    """One session as recorded. Spike times and signals may be lazy; they are read and checked when bins are asked for.

    Raises:
        InvalidInput: spike times that are not finite, go back in time, or lie outside the recording (arrays in memory are checked
            here, lazy ones when they are read); observed intervals that overlap or are not in order.
    """

    spike_times: Sequence[Any] = ()
    """Spike times of each unit in seconds, increasing. A list of arrays, or anything that gives one array an index."""
    signals: Mapping[str, ContinuousSignal] = field(default_factory=dict)
    """Continuous signals by name, each on its own clock."""
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One row a trial; times are columns in seconds of recording time."""
    intervals: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Other tables of intervals by name, which `align(table=...)` takes too."""
    span: tuple[float, float] | None = None
    """Start and stop of the recording in seconds; by default, all that its spikes, signals and trials cover."""
    observed: np.ndarray | None = None
    """Intervals `(interval, 2)` within the span in which every unit was recorded; by default the whole span. Those that touch are joined."""
    unit_names: tuple[str, ...] = ()
    """Name of each unit."""
    unit_table: pd.DataFrame = field(default_factory=pd.DataFrame)
    """What else is known of each unit: one row a unit."""
    name: str = "recording"
    """Name of the data set."""
    session: str = "session"
    """Name of the session."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where it came from."""
    source: Any = None
    """The open file that lazy arrays are read from."""

    def __post_init__(self) -> None:
        if self.unit_names:
            check_same_length("unit_names", len(self.unit_names), self.units, "units")
        if self.span is not None and not self.span[0] < self.span[1]:
            raise InvalidInput("span", self.span, "(start, stop) in seconds, start before stop")
        if self.observed is not None:
            observed = np.asarray(self.observed, np.float64)
            if observed.ndim != 2 or observed.shape[1] != 2 or not (np.diff(observed.ravel()) >= 0).all():
                raise InvalidInput(
                    "observed", observed.tolist(), "intervals (start, stop), in order, that do not overlap"
                )
            apart = observed[1:, 0] - observed[:-1, 1] > 1e-6  # intervals that touch are one
            first, last = np.append(True, apart), np.append(apart, True)
            whole = np.stack([observed[first, 0], observed[last, 1]], 1) if len(observed) else observed
            object.__setattr__(self, "observed", whole)
        if isinstance(self.spike_times, list | tuple):
            for unit in range(self.units):
                self.unit_spikes(unit)

    def __repr__(self) -> str:
        start, stop = self.extent
        return (
            f"Recording({self.name!r}, {self.units} units, {stop - start:.1f} s, {len(self.trials)} trials, "
            f"signals: {', '.join(self.signals) or 'none'})"
        )

    def close(self) -> None:
        """Closes the file that lazy arrays are read from; what was cut before stays."""
        if self.source is not None:
            self.source.close()

    @property
    def units(self) -> int:
        """Number of units with spike times."""
        return len(self.spike_times)

    def unit_spikes(self, unit: int) -> np.ndarray:
        """Spike times of one unit in seconds, checked.

        Raises:
            InvalidInput: a time that is not finite, goes back, or lies outside the recording.
        """
        times = np.asarray(self.spike_times[unit], np.float64)
        where = f"spike_times[{unit}]"
        if times.ndim != 1:
            raise InvalidInput(where, f"shape {times.shape}", "(spike,) times in seconds")
        bad = np.flatnonzero(~np.isfinite(times))
        if len(bad):
            raise InvalidInput(where, f"{times[bad[0]]} at spike {bad[0]}", "finite times in seconds", "Remove it.")
        back = np.flatnonzero(np.diff(times) < 0)
        if len(back):
            raise InvalidInput(
                where,
                f"unsorted times ({times[back[0]]:g} s before {times[back[0] + 1]:g} s at spike {back[0]})",
                "increasing times in seconds",
                "Sort them with numpy.sort.",
            )
        low, high = self.span or (-np.inf, np.inf)
        if len(times) and (times[0] < low - 1e-6 or times[-1] > high + 1e-6):  # a microsecond is rounding
            out = times[0] if times[0] < low else times[-1]
            raise InvalidInput(
                where,
                f"a spike at {out:g} s",
                f"times within the recording, {low:g} to {high:g} s",
                "Are they in milliseconds or samples? Otherwise widen span.",
            )
        return times

    @property
    def extent(self) -> tuple[float, float]:
        """Start and stop of the recording in seconds: `span`, or all that spikes, signals and trial times cover."""
        if self.span is not None:
            return self.span
        reach = [s.span for s in self.signals.values() if s.samples]
        for unit in range(self.units):
            times = self.unit_spikes(unit)
            if len(times):
                reach.append((float(times[0]), float(times[-1])))
        for column in ("start_time", "stop_time"):
            if column in self.trials and len(self.trials):
                values = self.trials[column].to_numpy(float)
                if np.isfinite(values).any():
                    reach.append((float(np.nanmin(values)), float(np.nanmax(values))))
        if not reach:
            raise InvalidInput("recording", "neither spikes nor signals", "at least one of them")
        return min(low for low, _ in reach), max(high for _, high in reach)

    # -- trials -----------------------------------------------------------------------------------------------------

    def align(
        self,
        event: str,
        window: tuple[float, float | str],
        bin_s: float,
        *,
        behaviour: Sequence[str] = (),
        stimulus: Sequence[str] = (),
        condition: str | Sequence[str] | None = None,
        lag_s: float = 0.0,
        forward: int = 0,
        neural: str | None = None,
        table: str = "trials",
        drop_missing: bool = False,
        outside: Outside = "error",
    ) -> Trials:
        """Cuts one window a trial around an event, and bins it.

        Bins are half-open, [start, start + bin_s), exact in whole nanoseconds, and begin at the event plus the window's start.

        Args:
            event: column of the trial table with the time of the event, in seconds.
            window: start and stop relative to the event in seconds; or start and the name of a column with each trial's
                stop time, for trials of different length (whole bins only; shorter trials are masked at the end).
            bin_s: bin width in seconds.
            behaviour: names of signals to bring along as behaviour, averaged in the bins (see `binning.resample`).
            stimulus: the same, as stimuli.
            condition: column (or several) that says what condition a trial is.
            lag_s: behaviour is taken so much after the activity; NaN where it was not recorded.
            forward: bins at the end that are predicted, never seen. Behaviour covers the bins before them.
            neural: `spikes`, or the name of a fluorescence signal; by default spikes where there are any.
            table: `trials`, or the name of one of `intervals`.
            drop_missing: leave out trials whose event is NaN instead of refusing.
            outside: what to do with windows that leave the recording: `error`, `mask` those bins, or `drop` those trials.

        Raises:
            UnknownName: no such column, signal or table.
            InvalidInput: the window is not a whole number of bins; an event is NaN; a window lies outside the recording.
        """
        frame = self._table(table)
        cut = around_events(frame, event, window, bin_s, drop_missing, table)
        cut = within(cut, self._intervals(), bin_s, outside)
        frame, starts, mask = frame.iloc[cut.rows].reset_index(drop=True), cut.starts, cut.mask
        if forward and (not mask.all() or forward >= mask.shape[1]):
            raise InvalidInput("forward", f"{forward} bins", "fewer than the window has, and trials of one length")
        edges = bin_edges(mask.shape[1], bin_s)
        signals = self._neural(neural, starts, edges, mask, bin_s)
        seen = mask.shape[1] - forward
        for name in behaviour:
            values = self._signal(name).sample(starts + ticks(lag_s), edges[: seen + 1])
            values[~mask[:, :seen]] = np.nan
            signals[name] = self._binned_signal(name, values, "behaviour", bin_s)
        for name in stimulus:
            values = self._signal(name).sample(starts, edges)
            values[~mask] = 0.0
            signals[name] = self._binned_signal(name, values, "stimulus", bin_s)
        frame = frame.assign(start_s=starts / NS, from_event_s=float(window[0]))
        if condition is not None:
            frame = frame.assign(condition=conditions(frame, condition, table))
        return Trials(
            signals=signals,
            mask=mask,
            table=frame,
            heldin=np.arange(next(iter(signals.values())).shape[0]),
            forward=forward,
            name=self.name,
            session=self.session,
            provenance=self.provenance,
        )

    # -- continuous -------------------------------------------------------------------------------------------------

    def binned(
        self, bin_s: float, *, behaviour: Sequence[str] = (), lag_s: float = 0.0, neural: str | None = None
    ) -> Binned:
        """The whole recording in bins, one segment for each observed interval; a part of a bin at an interval's end is dropped.

        Args: as in `align`.
        """
        rows: dict[str, list[np.ndarray]] = {}
        segment, times = [], []
        neural_name = ""
        for number, (low, high) in enumerate(self._intervals()):
            bins = int(np.floor((high - low) / (bin_s * NS) + 1e-6))
            if bins < 1:
                continue
            edges, start = bin_edges(bins, bin_s), np.array([low])
            cut = self._neural(neural, start, edges, np.ones((1, bins), bool), bin_s)
            neural_name, signal = next(iter(cut.items()))
            rows.setdefault(neural_name, []).append(np.asarray(signal.values)[0])
            for name in behaviour:
                rows.setdefault(name, []).append(self._signal(name).sample(start + ticks(lag_s), edges)[0])
            segment.append(np.full(bins, number))
            times.append((low + edges[:-1]) / NS)
        if not rows:
            raise InvalidInput("bin_s", bin_s, "a bin shorter than the recording")
        joined = {name: np.concatenate(parts) for name, parts in rows.items()}
        return Binned(
            neural=joined[neural_name],
            bin_s=bin_s,
            kind="spikes" if neural_name == "counts" else "fluorescence",
            behaviour={name: joined[name] for name in behaviour},
            segment=np.concatenate(segment),
            time_s=np.concatenate(times),
            unit_names=self.unit_names if neural_name == "counts" else self._signal(neural_name).names,
            behaviour_units={name: self._signal(name).units for name in behaviour},
            name=self.name,
            session=self.session,
            provenance=self.provenance,
        )

    def windows(
        self,
        bins: int,
        bin_s: float,
        *,
        behaviour: Sequence[str] = (),
        lag_s: float = 0.0,
        forward: int = 0,
        stride: int | None = None,
        neural: str | None = None,
    ) -> Trials:
        """The recording cut into windows of `bins` bins, for recordings without trials; see `Binned.windows` and `align`."""
        whole = self.binned(bin_s, behaviour=behaviour, lag_s=lag_s, neural=neural)
        return whole.windows(bins, forward=forward, stride=stride)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _table(self, table: str) -> pd.DataFrame:
        if table != "trials" and table not in self.intervals:
            raise UnknownName("intervals table", table, ["trials", *self.intervals])
        frame = self.trials if table == "trials" else self.intervals[table]
        if not len(frame):
            raise InvalidInput(
                table,
                "no rows",
                "one row a trial",
                f"The recording holds {self.units} units, signals {list(self.signals)} and other tables {list(self.intervals)}: "
                "name one with table=, or cut it with windows().",
            )
        return frame

    def _signal(self, name: str) -> ContinuousSignal:
        if name not in self.signals:
            raise UnknownName("signal", name, self.signals)
        return self.signals[name]

    def _binned_signal(self, name: str, values: np.ndarray, role: Role, bin_s: float) -> Signal:
        given = self._signal(name)
        return Signal(values, "video" if values.ndim > 3 else "series", role, bin_s, given.units, given.names)

    def _intervals(self) -> np.ndarray:
        """Observed intervals in ns `(interval, 2)`."""
        if self.observed is not None and not len(self.observed):
            raise InvalidInput("observed", "no time in which every unit was recorded", "units recorded together")
        return ticks([self.extent] if self.observed is None else self.observed)

    def _neural(
        self, neural: str | None, starts: np.ndarray, edges: np.ndarray, mask: np.ndarray, bin_s: float
    ) -> dict[str, Signal]:
        fluorescent = [name for name, s in self.signals.items() if s.role == "neural"]
        if neural is None:
            if self.units == 0 and len(fluorescent) != 1:
                raise InvalidInput(
                    "neural",
                    "no units with spikes"
                    + (f" and several fluorescence signals: {fluorescent}" if fluorescent else ""),
                    "spike times, or the name of a fluorescence signal",
                )
            neural = "spikes" if self.units else fluorescent[0]
        if neural == "spikes":
            if self.units == 0:
                raise InvalidInput("neural", "no units with spikes", "at least one unit")
            counts = bin_spikes([ticks(self.unit_spikes(unit)) for unit in range(self.units)], starts, edges)
            counts[~mask] = 0
            return {"counts": Signal(counts, "spikes", "neural", bin_s, "counts/bin", self.unit_names)}
        given = self._signal(neural)
        values = given.sample(starts, edges)
        empty = ~np.isfinite(values).all(2) & mask
        if empty.any():
            raise InvalidInput(
                neural,
                f"no finite sample for some bins in {listed(np.flatnonzero(empty.any(1)))}",
                "samples in every bin",
            )
        values[~mask] = 0.0
        return {neural: Signal(values, "fluorescence", "neural", bin_s, given.units, given.names)}
