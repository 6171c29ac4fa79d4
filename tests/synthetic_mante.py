"""Small files in the layout of the Mante 2013 units, made by formula."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from scipy.io import savemat

SAMPLES = 751


def unit(
    seed: int, sizes: tuple[float, ...] = (0.06, 0.17, 0.5), repeats: int = 3, errors: int = 1, gain: float = 30.0
) -> dict[str, object]:
    """The struct `unit`: every pair of coherences in both contexts, so many correct and wrong trials of each, in drawn order."""
    generator = np.random.default_rng(seed)
    levels = sorted(sign * size for sign in (-1, 1) for size in sizes)
    correct = [(m, c, x, 1) for m, c, x in itertools.product(levels, levels, (-1, 1)) for _ in range(repeats)]
    wrong = [(m, c, x, 0) for m, c, x in itertools.product(levels, levels, (-1, 1)) for _ in range(errors)]
    rows = np.array([*correct, *wrong])
    motion, colour, context, was_correct = rows[generator.permutation(len(rows))].T
    choice = np.sign(np.where(context > 0, motion, colour)) * np.where(was_correct == 1, 1, -1)
    rate = gain * (1 + 0.5 * choice + 0.3 * np.sign(motion) + 0.4 * motion * context + 0.2 * colour)
    rising = np.linspace(0.5, 1.5, SAMPLES)
    response = generator.random((len(choice), SAMPLES)) < np.clip(rate, 1, None)[:, None] * rising / 1000
    return {
        "time": 0.1 + np.arange(SAMPLES) / 1000,
        "response": response.astype(np.uint8),
        "task_variable": {
            "targ_dir": choice,
            "stim_dir": motion,
            "stim_col2dir": colour,
            "context": context,
            "correct": was_correct,
            "stim_trial": np.arange(1, len(choice) + 1),
        },
    }


def write(folder: Path, name: str, made: dict[str, object]) -> Path:
    """One unit's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mat"
    savemat(path, {"unit": made}, do_compression=True)
    return path
