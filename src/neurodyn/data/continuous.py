"""A continuous signal as it was recorded: samples on a clock of their own, read only where needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.data.binning import resample, ticks
from neurodyn.data.signal import Role
from neurodyn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class ContinuousSignal:
    """Samples of one signal with their times: behaviour, fluorescence, a stimulus.

    Raises:
        InvalidInput: both or neither of `timestamps` and `rate_hz`; as many timestamps as there are not samples; timestamps
            that are not finite or go back in time.
    """

    values: Any
    """`(sample,)` or `(sample, channel)` or, for a video, `(sample, height, width)`. May be lazy (`h5py.Dataset`)."""
    timestamps: Any = None
    """Time of each sample, in seconds, increasing; or give `rate_hz`."""
    rate_hz: float | None = None
    """Samples a second, for samples at a fixed rate."""
    start_s: float = 0.0
    """Time of the first sample where `rate_hz` is given."""
    role: Role = "behaviour"
    """What it is for."""
    units: str = ""
    """Physical unit."""
    scale: float = 1.0
    """Stored values times this are in `units`."""
    offset: float = 0.0
    """Added after scaling."""
    names: tuple[str, ...] = ()
    """Name of each channel, when known."""

    def __post_init__(self) -> None:
        if (self.timestamps is None) == (self.rate_hz is None):
            raise InvalidInput("timestamps", "both or neither of timestamps and rate_hz", "one of the two")
        if self.rate_hz is not None and not self.rate_hz > 0:
            raise InvalidInput("rate_hz", self.rate_hz, "samples a second above 0")
        if len(self.values.shape) == 0:
            raise InvalidInput("values", "one number", "an array (sample, channel)")
        if self.timestamps is not None and len(self.timestamps) != self.values.shape[0]:
            raise InvalidInput(
                "timestamps", f"{len(self.timestamps)} timestamps", f"{self.values.shape[0]}, one a sample"
            )

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.values.shape[0])

    def times(self) -> np.ndarray:
        """Time of every sample in ns, checked."""
        if self.rate_hz is not None:
            return ticks(self.start_s + np.arange(self.samples) / self.rate_hz)
        seconds = np.asarray(self.timestamps, np.float64)
        if not np.isfinite(seconds).all():
            where = int(np.flatnonzero(~np.isfinite(seconds))[0])
            raise InvalidInput("timestamps", f"{seconds[where]} at sample {where}", "finite times in seconds")
        times = ticks(seconds)
        if (np.diff(times) < 0).any():
            where = int(np.flatnonzero(np.diff(times) < 0)[0]) + 1
            raise InvalidInput("timestamps", f"a time that goes back at sample {where}", "increasing times in seconds")
        return times

    @property
    def span(self) -> tuple[float, float]:
        """First and last moment it covers, in seconds (the last sample lasts one interval when the rate is fixed)."""
        if self.rate_hz is not None:
            return self.start_s, self.start_s + self.samples / self.rate_hz
        return (float(self.timestamps[0]), float(self.timestamps[-1])) if self.samples else (0.0, 0.0)

    def sample(
        self, starts: np.ndarray, edges: np.ndarray, how: Literal["auto", "average", "interpolate"] = "auto"
    ) -> np.ndarray:
        """Its values in the bins of windows, float32 `(window, bins, channel)`; see `binning.resample`."""
        binned = resample(self.times(), self.values, starts, edges, how)
        if self.scale != 1.0 or self.offset != 0.0:
            binned = (binned * self.scale + self.offset).astype(np.float32)
        return binned[..., None] if binned.ndim == 2 else binned
