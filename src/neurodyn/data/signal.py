"""A named array over trials and time, with what it is, what it is for, and its own clock."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.errors import InvalidInput

Kind = Literal["spikes", "rates", "fluorescence", "series", "classes", "video", "label"]
Role = Literal["neural", "behaviour", "stimulus", "input", "target"]


@dataclass(frozen=True, eq=False)
class Signal:
    """One signal of a session's trials.

    `role` decides who may see it: `neural` held-in units and observed bins, `stimulus` and `input` go to the encoder;
    `behaviour` is privileged (training only, for models that declare it); `target` is only ever compared with.
    """

    values: Any
    """Array `(trial, time, ...)`, or `(trial, ...)` for a label. May be lazy (an `h5py.Dataset`, a `numpy.memmap`): it is indexed by trials, and by bins
    of one trial for windows. A lazy source that reads windows faster than one by one has `windows(trials, starts, length)` of its own."""
    kind: Kind
    """What it is: spike counts, rates (averages over trials; any scale, which `units` says), fluorescence, a continuous series, one-hot classes over time, a
    video, or one label a trial."""
    role: Role
    """What it is for."""
    bin_s: float
    """Bin width in seconds; it may differ from the neural signal's (a video at its frame rate)."""
    units: str = ""
    """Physical unit, e.g. `m/s`."""
    names: tuple[str, ...] = ()
    """Name of each channel or unit, when known."""
    mask: np.ndarray | None = None
    """Bool `(trial, time)` or `(trial, time, channel)`, false where there is no sample; None where the trials' own mask holds. Of the population,
    a unit's counts may be unknown in some bins of some trials (a benchmark withholds them, units are recorded in turns): nothing is fitted to them
    and nothing is scored on them. Where an encoder would see them it sees 0; what it sees of the others is not scaled up."""

    def __post_init__(self) -> None:
        least = 1 if self.kind == "label" else 2
        if len(self.values.shape) < least:
            raise InvalidInput(
                f"signal of kind {self.kind}",
                f"shape {tuple(self.values.shape)}",
                "(trial, time, ...)" if least == 2 else "(trial, ...)",
            )
        if self.kind != "label" and not self.bin_s > 0:
            raise InvalidInput("bin_s", self.bin_s, "a bin width in seconds above 0")
        if self.mask is not None and self.mask.shape not in (self.values.shape[:2], self.values.shape):
            raise InvalidInput(
                "signal mask",
                f"shape {self.mask.shape}",
                f"{tuple(self.values.shape[:2])} or {tuple(self.values.shape)}",
            )
        if self.names and len(self.values.shape) > least and len(self.names) != self.values.shape[-1]:
            raise InvalidInput("names", f"{len(self.names)} names", f"{self.values.shape[-1]}, one a channel")

    @property
    def trials(self) -> int:
        """Number of trials."""
        return int(self.values.shape[0])

    @property
    def bins(self) -> int:
        """Number of time bins (0 for a label)."""
        return 0 if self.kind == "label" else int(self.values.shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: what follows `trial` and `time`."""
        return tuple(int(n) for n in self.values.shape[1 if self.kind == "label" else 2 :])

    def rows(self, trials: np.ndarray) -> np.ndarray:
        """The values of some trials, read from disk if they are lazy, in the order asked for."""
        return rows_of(self.values, np.asarray(trials))

    def windows(self, trials: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
        """Windows of consecutive bins, `(window, length, ...)`; of a lazy signal only these are read.

        Args:
            trials: int `(window,)`, the trial of each window; a trial may occur more than once.
            starts: int `(window,)`, the first bin of each, 0..bins - length.
            length: bins a window.

        Raises:
            InvalidInput: the signal is a label; a window that is empty or reaches beyond the bins; another number of starts than trials.
        """
        trials, starts = np.asarray(trials), np.asarray(starts)
        if self.kind == "label":
            raise InvalidInput("signal", "a label, which has no time", "a signal over time")
        if starts.shape != trials.shape:
            raise InvalidInput("starts", f"shape {starts.shape}", f"{trials.shape}, one start a window")
        if not 0 < length <= self.bins:
            raise InvalidInput("length", length, f"1..{self.bins}, the bins of the trials")
        if starts.size and not (starts.min() >= 0 and starts.max() <= self.bins - length):
            worst = int(starts.min()) if starts.min() < 0 else int(starts.max())
            raise InvalidInput(
                "starts",
                worst,
                f"0..{self.bins - length}: windows of {length} bins in {self.bins}, the last one included",
            )
        return windows_of(self.values, trials, starts, length)

    def select(self, trials: np.ndarray) -> Signal:
        """The same signal on some of its trials (a lazy one stays lazy)."""
        values = (
            self.values[trials]
            if isinstance(self.values, np.ndarray) and not isinstance(self.values, np.memmap)
            else _Rows(self.values, np.asarray(trials))
        )
        return dataclasses.replace(self, values=values, mask=None if self.mask is None else self.mask[trials])


def rows_of(values: Any, trials: np.ndarray) -> np.ndarray:
    """Some trials of an array, in the order asked for."""
    if isinstance(values, np.ndarray):
        return np.asarray(values[trials])
    if isinstance(values, _Rows):
        return values.rows(trials)
    if hasattr(values, "windows"):  # it takes any order
        return np.asarray(values.windows(trials, np.zeros(len(trials), int), values.shape[1]))
    unique, inverse = np.unique(trials, return_inverse=True)  # h5py wants increasing indices
    return np.asarray(values[unique])[inverse]


def windows_of(values: Any, trials: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Windows `(window, length, ...)` of an array `(trial, time, ...)`: by the source's own way, else by indexing."""
    if hasattr(values, "windows"):
        return np.asarray(values.windows(trials, starts, length))
    if isinstance(values, np.ndarray):
        return np.asarray(values[trials[:, None], starts[:, None] + np.arange(length)])
    found = np.empty((len(trials), length, *values.shape[2:]), values.dtype)
    for window, (trial, start) in enumerate(zip(trials.tolist(), starts.tolist(), strict=True)):
        found[window] = values[trial, start : start + length]
    return found


class _Rows:
    """Some trials of a lazy array, itself lazy."""

    def __init__(self, source: Any, trials: np.ndarray) -> None:
        nested = isinstance(source, _Rows)
        self._source: Any = source._source if nested else source
        self._trials: np.ndarray = source._trials[trials] if nested else trials
        self.shape = (len(trials), *source.shape[1:])
        self.dtype = source.dtype

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, key: Any) -> np.ndarray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        wanted = self._trials[first]
        if np.ndim(wanted) == 0:
            return np.asarray(self._source[(int(wanted), *rest)])
        unique, inverse = np.unique(wanted, return_inverse=True)
        return np.asarray(self._source[(unique, *rest)])[inverse]

    def rows(self, trials: np.ndarray) -> np.ndarray:
        return rows_of(self._source, self._trials[trials])

    def windows(self, trials: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
        return windows_of(self._source, self._trials[trials], starts, length)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)
