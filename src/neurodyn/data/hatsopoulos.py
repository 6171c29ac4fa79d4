"""Motor cortex during reaches to eight targets, averaged over trials (Hatsopoulos et al. 2007): the file as named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodyn.data.arrays import NamedArrays
from neurodyn.data.datasets.base import data_folders
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.shapes import Array, Float

FILE = "hatsopoulos2007/hatsopoulos2007_center_out.npz"
"""Below a data folder."""
ORIGIN = (
    "The recordings are those of Suresh et al. 2020 (doi:10.7554/eLife.58848), on Dryad (doi:10.5061/dryad.xsj3tx9cm); the averages are an .npy dictionary of the "
    "public release LearningRuleSimilarities of Liu, Yang & Cueva 2025 (arXiv:2506.06904), whose arrays belong into an .npz of that name"
)
STEP_MS = 10
KINEMATICS = {
    "position": ("xhandposition", "yhandposition"),
    "velocity": ("xhandspeed", "yhandspeed"),
    "angles": ("shoulderangle", "elbowangle"),
}
"""What is read -> the file's arrays for its two axes."""


@dataclass(frozen=True, eq=False)
class ReachAverages:
    """Averages of each condition, aligned to the onset of movement at time zero."""

    rates_hz: Float[Array, "condition time unit"]
    """Smoothed with a Gaussian of s.d. 25 ms. The file states no unit; its magnitudes are spikes a second."""
    kinematics: Mapping[str, Float[Array, "condition time axis"]]
    """`position`, `velocity` (x, y) and `angles` (shoulder, elbow): relative to before the movement, each axis divided by its largest absolute value."""
    time_s: Float[Array, " time"]
    """Of the samples, in seconds."""
    direction_deg: Float[Array, " condition"]
    """Of the reach, counterclockwise from rightwards."""


def read_averages(path: str | Path | None = None) -> ReachAverages:
    """Reads the file.

    Args:
        path: of the `.npz`; by default it is looked for in the data folders.

    Raises:
        MissingData: there is none; the message names its origin.
        InvalidInput: a truncated file, an array of another shape, values that are missing or not finite, negative rates.
        UnknownName: an array is missing.
    """
    arrays = NamedArrays(averages_file() if path is None else path)
    firing = _finite(arrays, "firing_rate")
    if firing.ndim != 3:
        raise InvalidInput("firing_rate", f"shape {firing.shape}", "(unit, time, condition)")
    if firing.min(initial=0) < 0:
        raise InvalidInput("firing_rate", f"a rate of {firing.min():g}", "rates of 0 or more")
    _, bins, conditions = firing.shape
    # The release's dictionary has neither axis; whoever converts it need not add them.
    times = _finite(arrays, "time_ms") if "time_ms" in arrays else np.arange(-800.0, 400 + STEP_MS, STEP_MS)
    if times.shape != (bins,) or (np.diff(times) != STEP_MS).any():
        raise InvalidInput("time_ms", f"shape {times.shape}", f"{bins} times, {STEP_MS} ms apart")
    directions = (
        _finite(arrays, "reach_direction_deg")
        if "reach_direction_deg" in arrays
        else np.arange(conditions) * 360.0 / conditions
    )
    if directions.shape != (conditions,):
        raise InvalidInput("reach_direction_deg", f"shape {directions.shape}", f"{conditions} directions")
    kinematics = {}
    for name, axes in KINEMATICS.items():
        values = {axis: _finite(arrays, axis) for axis in axes}
        for axis, each in values.items():
            if each.shape != (conditions, bins):
                expected = f"{(conditions, bins)}, condition by time like firing_rate"
                raise InvalidInput(axis, f"shape {each.shape}", expected)
        kinematics[name] = np.stack(list(values.values()), 2)
    return ReachAverages(firing.transpose(2, 1, 0), kinematics, times / 1000, directions)


def averages_file() -> Path:
    """The file in the data folders.

    Raises:
        MissingData: it is in none; the message names its origin.
    """
    for folder in data_folders():
        if (folder / FILE).exists():
            return folder / FILE
    searched = ", ".join(map(str, data_folders()))
    raise MissingData(f"{FILE} is in none of {searched}. {ORIGIN}. Set NEURODYN_DATA to the folder that holds it.")


def _finite(arrays: NamedArrays, name: str) -> Float[Array, ...]:
    values = arrays[name]
    if values.dtype.kind not in "iuf":
        raise InvalidInput(name, f"values of type {values.dtype}", "numbers")
    if not np.isfinite(values).all():
        raise InvalidInput(name, "values that are missing or not finite", "finite numbers", "Copy the file again.")
    return values.astype(np.float64, copy=False)
