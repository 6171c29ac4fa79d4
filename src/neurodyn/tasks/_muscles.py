"""Plans and muscle activity of reaches: read from the files of the study, or made by formula in the same form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodyn.data.sussillo import MUSCLES, ORIGIN, PLAN, read_study, study_file
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.shapes import Array, Float

_STEADY = 100
"""Sample of the plan that is used."""
_CONDITIONS, _PLANS, _MUSCLES = 27, 15, 7
_TIME_S = np.arange(-25, 41) / 100


@dataclass(frozen=True, eq=False)
class Muscles:
    """What a network gets and what it should give, by reach condition."""

    plan: Float[Array, "condition plan"]
    """Divided by the largest absolute value."""
    activity: Float[Array, "condition time muscle"]
    """In bins of 10 ms, from 250 ms before movement to 400 ms after in the study's files."""


def recorded_muscles(folder: Path) -> Muscles:
    """Reads the study's two files.

    Raises:
        MissingData: a file is not there; the message names its origin and what needs no file.
        InvalidInput: a damaged file, arrays of another shape, values that are not finite.
        UnknownName: a file without its array.
    """
    found = []
    for name in (MUSCLES, PLAN):
        path = study_file(folder, name)
        if path is None:
            raise MissingData(
                f"{name}.mat is not in {folder}. {ORIGIN}. Set the task option folder to where they are, or take muscles by formula: task option source=synthetic."
            )
        found.append(read_study(path))
    activity, plan = found
    if len(activity) != len(plan):
        raise InvalidInput(PLAN, f"{len(plan)} conditions", f"{len(activity)}, like {MUSCLES}")
    if plan.shape[1] <= _STEADY:
        raise InvalidInput(PLAN, f"{plan.shape[1]} samples", f"more than {_STEADY}")
    steady = plan[:, _STEADY]
    if not steady.any():
        raise InvalidInput(PLAN, "a plan that is 0 in every condition", "plans that differ between conditions")
    return Muscles(steady / np.abs(steady).max(), activity)


def synthetic_muscles(seed: int) -> Muscles:
    """27 reaches: 9 directions, each straight or curved to either side. A muscle has an early and a late burst whose sizes depend smoothly on the reach.

    The same reach has the same plan and muscles: both are smooth functions of (direction, curvature), drawn once from the seed.
    """
    generator = np.random.default_rng(seed)
    reach = np.arange(_CONDITIONS)
    angle, curvature = reach // 3 * 2 * np.pi * 3 / _CONDITIONS, reach % 3 - 1.0
    features = np.stack([np.cos(angle), np.sin(angle), curvature, curvature * np.cos(angle), curvature * np.sin(angle)])
    plan = np.tanh(generator.normal(size=(_PLANS, len(features))) @ features).T
    sizes = np.log1p(
        np.exp(generator.normal(size=(2, _MUSCLES, len(features))) @ features)
    )  # above 0, (burst, muscle, condition)
    centre_s = generator.uniform((-0.12, 0.05), (0.02, 0.22), (_MUSCLES, 2)).T
    width_s = generator.uniform(0.03, 0.07, (2, _MUSCLES))
    bursts = np.exp(-0.5 * ((_TIME_S - centre_s[..., None]) / width_s[..., None]) ** 2)  # (burst, muscle, time)
    activity = np.einsum("bmc,bmt->ctm", sizes, bursts)
    return Muscles(plan / np.abs(plan).max(), activity / activity.max((0, 1)))
