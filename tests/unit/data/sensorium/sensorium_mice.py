"""Small mice in the layout of the recordings, and ways to spoil them."""

from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.sensorium.folder import MouseFolder, find_mice, open_mouse
from neurodyn.data.sensorium.synthetic import SyntheticMouse, write_synthetic

FRAMES = 40
FIRST, SECOND = SyntheticMouse("101-2-10", 12, 45), SyntheticMouse("202-2-8", 15, 48)


def write_pair(folder: Path, *mice: SyntheticMouse, **options: Any) -> Path:
    """One pair of mice, small; the folder of the mapping files."""
    sizes = {"train": 4, "oracle": 2, "tests": 1, "repeats": 2, "frames": FRAMES} | options
    return write_synthetic(folder, [mice or (FIRST, SECOND)], **sizes)


def mouse_of(folder: Path, animal: str = "101") -> MouseFolder:
    return open_mouse(next(path for name, path in find_mice(folder).items() if name.startswith(animal)))


def change(file: Path, change: Any) -> None:
    """Writes an array file anew, changed."""
    values = np.load(file)
    file.unlink()  # hard links keep what they had
    np.save(file, change(values))


def truncate(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])
