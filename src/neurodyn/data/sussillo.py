"""Files of the reach study of Sussillo et al. 2015: one array each, `(channel, time, condition)`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurodyn.data.arrays import NamedArrays
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

NEURONS = "neuralforRNN_Sussillo2015"
"""Name of a file and of the array in it, `(unit, time, condition)`: every 10 ms from 1.55 s before the onset of movement to 0.4 s after."""
MUSCLES = "EMGforRNN_Sussillo2015"
"""The same of `(muscle, time, condition)`: every 10 ms from 0.25 s before the onset of movement to 0.4 s after."""
PLAN = "planinputforRNN"
"""The same of `(plan, time, condition)`, constant in time."""
ORIGIN = "These files of Sussillo et al. 2015 (10.1038/nn.4042) are not public; they are available from M. M. Churchland on request"


def study_file(folder: Path, name: str) -> Path | None:
    """`NAME.mat`, or `NAME.npz` with the same array; None where neither is there."""
    return next((path for end in ("mat", "npz") if (path := folder / f"{name}.{end}").is_file()), None)


def read_study(path: Path) -> Float[Array, "condition time channel"]:
    """The array that a file holds under its own name.

    Raises:
        InvalidInput: a damaged file, another number of axes, values that are not finite.
        UnknownName: a file without its array.
    """
    values = NamedArrays(path)[path.stem]
    if values.ndim != 3:
        raise InvalidInput(path.stem, f"shape {values.shape}", "(channel, time, condition)")
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InvalidInput(path.stem, "values that are missing or not finite", "finite numbers", "Copy the file again.")
    return values.astype(np.float64).transpose(2, 1, 0)
