"""A small file in the layout of the Hatsopoulos 2007 averages, made by formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurodyn.data.hatsopoulos import FILE, KINEMATICS


def arrays(units: int = 5) -> dict[str, np.ndarray]:
    """Bell-shaped rates `(unit, time, condition)` and kinematics `(condition, time)` that are zero until 100 ms before movement."""
    time_ms = np.arange(-800, 401, 10)
    direction = np.arange(8) * np.pi / 4
    bell = np.exp(-0.5 * ((time_ms - 50) / 100) ** 2)
    tuned = 1 + np.cos(direction - np.linspace(0, np.pi, units)[:, None])
    found = {
        "firing_rate": 10 * bell[:, None] * tuned[:, None],
        "time_ms": time_ms,
        "reach_direction_deg": np.arange(0, 360, 45),
    }
    rising = np.clip((time_ms + 100) / 500, 0, 1)
    for place, names in enumerate(KINEMATICS.values()):
        found |= {
            name: np.cos(direction - axis * np.pi / 2 + place)[:, None] * rising for axis, name in enumerate(names)
        }
    return found


def write(folder: Path, **changed: np.ndarray) -> Path:
    """The file below a data folder, with some arrays changed."""
    path = folder / FILE
    path.parent.mkdir(parents=True)
    np.savez_compressed(path, **(arrays() | changed))
    return path
