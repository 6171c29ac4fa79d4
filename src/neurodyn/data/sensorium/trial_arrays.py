"""Arrays `(trial, time, ...)` that lie in a file a trial and are read when asked for: only those trials, only those frames.

Files hold `(..., frame)` in C order, so a window is many short runs. Through a memory map they take less time than reading the whole file, and no buffer
of its size; reading run by run takes five to ten times as long (`benchmarks/sensorium_loading.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from neurodyn.data.sensorium.folder import mapped
from neurodyn.data.sensorium.frame_resizing import resizing_matrix
from neurodyn.errors import InvalidInput


class TrialArrays(ABC):
    """An array of float32, a file a trial; `windows` is how a `Signal` reads it.

    Args:
        files: one a trial.
        bins: int `(trial,)`, valid frames of each; later ones are `fill`.
        sample: shape of one frame as it is read.
    """

    dtype: ClassVar = np.dtype(np.float32)
    fill: ClassVar[float] = 0.0
    """What stands where a trial has no data any more."""

    def __init__(self, files: Sequence[Path], bins: np.ndarray, sample: tuple[int, ...]) -> None:
        self._files, self._bins = tuple(files), np.asarray(bins)
        self.shape = (len(self._files), int(self._bins.max()), *sample)

    @abstractmethod
    def _read(self, stored: np.ndarray, start: int, stop: int, out: np.ndarray) -> None:
        """Writes frames start..stop of a trial's file into `out`, `(time, ...)`."""

    def windows(self, trials: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
        """Windows of consecutive frames, float32 `(window, length, ...)`.

        Args:
            trials: int `(window,)`.
            starts: int `(window,)`, first frame of each.
            length: frames a window.

        Raises:
            MissingData, InvalidInput: a file that is gone, damaged or shorter than it was.
        """
        found = np.empty((len(trials), length, *self.shape[2:]), self.dtype)
        for out, trial, start in zip(found, trials, starts, strict=True):
            stop = min(int(start) + length, int(self._bins[trial]))
            valid = max(stop - int(start), 0)
            if valid:
                stored = mapped(self._files[trial])
                if stored.ndim < 2 or stored.shape[-1] < stop:
                    raise InvalidInput(str(self._files[trial]), f"shape {stored.shape}", f"{stop} frames or more")
                self._read(stored, int(start), stop, out[:valid])
            out[valid:] = self.fill
        return found

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Trials by index, list or slice; what follows indexes each trial, `(time, ...)`. A slice of the time reads only its frames."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        trials = np.arange(len(self))[first]
        time, *others = rest or [slice(None)]
        start, stop = 0, self.shape[1]
        if isinstance(time, slice) and time.step in (None, 1):
            start, stop, _ = time.indices(self.shape[1])
            time = slice(None)
        several = np.atleast_1d(trials)
        values = self.windows(several, np.full(len(several), start), max(stop - start, 0))[:, time, *others]
        return values if np.ndim(trials) else values[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)


class Responses(TrialArrays):
    """Responses times their precision, `(trial, time, unit)`; files hold `(unit, frame)`. The tiny negative numbers of deconvolution are taken as 0.

    Args:
        files, bins: as `TrialArrays`.
        precision: float32 `(unit, 1)`, or `(unit, frame)`.
        units: int `(unit,)`, which units of the files; None takes all, as `precision` has them.
    """

    def __init__(
        self, files: Sequence[Path], bins: np.ndarray, precision: np.ndarray, units: np.ndarray | None = None
    ) -> None:
        super().__init__(files, bins, (len(precision),))
        self._precision, self._units = precision, units

    def _read(self, stored: np.ndarray, start: int, stop: int, out: np.ndarray) -> None:
        values = stored[:, start:stop] if self._units is None else stored[self._units, start:stop]
        scale = self._precision if self._precision.shape[1] == 1 else self._precision[:, start:stop]
        np.multiply(values.T, scale.T, out=out, casting="same_kind")
        np.maximum(out, 0, out=out)


class Videos(TrialArrays):
    """Videos in 0..1, `(trial, time, height, width)`; files hold grey values 0..255, `(height, width, frame)`.

    Args:
        files, bins: as `TrialArrays`.
        stored: height and width of the files' frames.
        frame: height and width to resize to.
    """

    def __init__(
        self, files: Sequence[Path], bins: np.ndarray, stored: tuple[int, int], frame: tuple[int, int]
    ) -> None:
        super().__init__(files, bins, frame)
        self._rows = None if stored[0] == frame[0] else resizing_matrix(stored[0], frame[0])
        self._columns = None if stored[1] == frame[1] else resizing_matrix(stored[1], frame[1])

    def _read(self, stored: np.ndarray, start: int, stop: int, out: np.ndarray) -> None:
        frames = np.moveaxis(stored[:, :, start:stop], 2, 0).astype(np.float32) / np.float32(255)
        if self._rows is not None:
            frames = self._rows @ frames
        if self._columns is not None:
            frames = frames @ self._columns.T
        out[...] = frames


class Series(TrialArrays):
    """Channels of a behaviour file, `(trial, time, channel)`; files hold `(channel, frame)`. NaN where nothing was measured.

    Args:
        files, bins: as `TrialArrays`.
        channels: which rows of the files.
    """

    fill: ClassVar[float] = float("nan")

    def __init__(self, files: Sequence[Path], bins: np.ndarray, channels: Sequence[int]) -> None:
        super().__init__(files, bins, (len(channels),))
        self._channels = list(channels)

    def _read(self, stored: np.ndarray, start: int, stop: int, out: np.ndarray) -> None:
        out[...] = stored[self._channels, start:stop].T
