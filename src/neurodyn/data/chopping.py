"""Long recordings cut into overlapping windows, and what was inferred in them joined again."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def chop(values: np.ndarray, window: int, overlap: int = 0) -> np.ndarray:
    """Windows `(window, time, ...)` of a continuous array `(time, ...)`, a view of it.

    Bins at the end that do not fill a window are left out, with a warning that says how many.

    Args:
        values: `(time, ...)`.
        window: bins of a window.
        overlap: bins that a window shares with the next.

    Raises:
        InvalidInput: an overlap that is not below the window; fewer bins than a window has.
    """
    _check_overlap(window, overlap)
    if len(values) < window:
        raise InvalidInput("window", f"{window} bins", f"at most {len(values)}, the length of the recording")
    left = (len(values) - window) % (window - overlap)
    if left:
        warnings.warn(f"the last {left} of {len(values)} bins do not fill a window and are left out", stacklevel=2)
    cut = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)[:: window - overlap]
    return np.asarray(np.moveaxis(cut, -1, 1))


def merge(windows: np.ndarray, overlap: int = 0, *, power: float = 2.0) -> np.ndarray:
    """A continuous array `(time, ...)` from windows `(window, time, ...)` that follow one another; the inverse of `chop`.

    Over an overlap of o bins, x runs evenly from 1/o to 1 − 1/o; the earlier window's end weighs 1 − x^power, the later one's start x^power.

    Args:
        windows: `(window, time, ...)`, in order.
        overlap: bins that a window shares with the next.
        power: 1 joins linearly; more prefers the ends of windows, which saw more of the past; infinity keeps them alone.

    Raises:
        InvalidInput: an overlap above half a window, so that three windows would meet; a power below 1.
    """
    number, length = windows.shape[:2]
    _check_overlap(length, overlap)
    if number > 1 and 2 * overlap > length:
        raise InvalidInput(
            "overlap", f"{overlap} of {length} bins", "at most half a window", "Cut with a longer stride."
        )
    if not power >= 1:
        raise InvalidInput("power", power, "1 (linear) or above")
    if not overlap:
        return windows.reshape(number * length, *windows.shape[2:])
    later = np.zeros(overlap) if np.isinf(power) else np.linspace(1 / overlap, 1 - 1 / overlap, overlap) ** power
    later = later.reshape(-1, *([1] * (windows.ndim - 2)))
    stride = length - overlap
    joined = np.empty((number * stride + overlap, *windows.shape[2:]), np.result_type(windows.dtype, np.float32))
    body = joined[: number * stride].reshape(number, stride, *windows.shape[2:])
    body[:] = windows[:, :stride]
    body[1:, :overlap] = windows[:-1, stride:] * (1 - later) + windows[1:, :overlap] * later
    joined[number * stride :] = windows[-1, stride:]
    return joined


@dataclass(frozen=True, eq=False)
class Stretch:
    """What was inferred in one uninterrupted stretch of a recording."""

    segment: int
    """Segment of the recording it lies in, as in the trial table."""
    start_bin: int
    """Its first bin within that segment."""
    start_s: float | None
    """When that bin starts, in seconds of recording time, where the clock is known."""
    arrays: dict[str, np.ndarray]
    """`rates` (expected counts per bin), `latents`, `inputs` and their spread, `(time, channel)`."""


def stretches(inference: Inference, trials: Trials, *, power: float = 2.0) -> list[Stretch]:
    """Inference of windows of a continuous recording, joined where windows touch or overlap; over the observed bins.

    Args:
        inference: of these trials, in their order.
        trials: windows, as `Binned.windows` or `Recording.windows` cut them; all of them or some.
        power: as in `merge`.

    Raises:
        InvalidInput: trials that are not windows; windows that overlap by different numbers of bins or by more than half.
    """
    length = trials.observed_bins
    found = []
    for rows, overlap in check_windows(trials, power):
        arrays = {
            name: merge(values[rows][:, :length], overlap, power=power)
            for name, values in inference.arrays().items()
            if values.ndim == 3 and values.shape[:2] in (trials.mask.shape, (len(trials), length))
        }
        first = rows[0]
        segment, start = (int(trials.table[name].iloc[first]) for name in ("segment", "start_bin"))
        begins = float(trials.table["start_s"].iloc[first]) if "start_s" in trials.table else None
        found.append(Stretch(segment, start, begins, arrays))
    return found


def check_windows(trials: Trials, power: float = 2.0) -> list[tuple[np.ndarray, int]]:
    """The rows of each stretch of windows that touch or overlap, in order, and by how many bins they overlap.

    Raises:
        InvalidInput: as `stretches`.
    """
    if not {"segment", "start_bin"} <= set(trials.table):
        raise InvalidInput("trials", "trials around events", "windows of a continuous recording", "Leave merging out.")
    _check_power(power)
    segment, start = (trials.table[name].to_numpy(int) for name in ("segment", "start_bin"))
    length = trials.observed_bins
    order = np.lexsort([start, segment])
    apart = (np.diff(segment[order]) != 0) | (np.diff(start[order]) > length)
    found = []
    for rows in np.split(order, np.flatnonzero(apart) + 1):
        overlaps = np.unique(length - np.diff(start[rows]))
        if len(overlaps) > 1:
            raise InvalidInput(
                "trials",
                f"windows that overlap by {overlaps.tolist()} bins",
                "the same overlap everywhere in a stretch",
            )
        overlap = int(overlaps[0]) if len(overlaps) else 0
        _check_meeting(length, overlap)
        found.append((rows, overlap))
    return found


def _check_power(power: float) -> None:
    if not power >= 1:
        raise InvalidInput("power", power, "1 (linear) or above")


def _check_meeting(window: int, overlap: int) -> None:
    if 2 * overlap > window:
        raise InvalidInput(
            "overlap", f"{overlap} of {window} bins", "at most half a window", "Cut with a longer stride."
        )


def _check_overlap(window: int, overlap: int) -> None:
    if not 0 <= overlap < window:
        raise InvalidInput("overlap", f"{overlap} bins", f"0 to {window - 1}, less than the window")
