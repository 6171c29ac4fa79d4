"""The leading principal components of a population's activity, fitted to some of a subject's trials and applied to others."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.alignment.activity_blocks import StandardisedActivity
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.data.trials import Trials

COMPONENTS = 10
"""At most so many, as in Safaie et al. 2023, doi:10.1038/s41586-023-06714-0."""
_PASSES, _MORE = 8, 10


@dataclasses.dataclass(frozen=True, eq=False)
class ActivityComponents:
    """A projection of one subject's standardised, smoothed activity. No label and no behaviour is looked at."""

    activity: StandardisedActivity
    """Units' means and deviations, those of the trials it was fitted to."""
    centre: np.ndarray
    """`(unit,)`: mean of the smoothed activity."""
    axes: np.ndarray
    """`(unit, component)`: orthonormal, the largest variance first."""

    @staticmethod
    def fit(trials: Trials, number: int, seed: int = 0) -> ActivityComponents:
        """By subspace iteration over blocks of trials: no covariance of all units is made.

        Args:
            trials: one subject's.
            number: of components; as many as there are units where these are fewer.
            seed: of the directions it begins with.
        """
        activity = StandardisedActivity.of(trials)
        units = trials.units
        number = min(number, units)
        start = np.random.default_rng(seed).normal(size=(units, min(units, number + _MORE)))
        basis = np.linalg.qr(start)[0]
        centre = sum(values.sum((0, 1)) for _, values in activity) / max(int(trials.mask.sum()), 1)
        for _ in range(_PASSES):
            product = np.zeros_like(basis)
            for rows, values in activity:
                flat = values[trials.mask[rows]] - centre
                product += flat.T @ (flat @ basis)
            basis = np.linalg.svd(product, full_matrices=False)[0]
        return ActivityComponents(activity, centre, basis[:, :number])

    def __call__(self, trials: Trials) -> np.ndarray:
        """Scores of any trials of the subject `(trial, time, component)`; 0 outside the mask."""
        found = np.zeros((*trials.mask.shape, self.axes.shape[1]))
        for rows, values in dataclasses.replace(self.activity, trials=trials):
            found[rows] = (values - self.centre) @ self.axes * trials.mask[rows][..., None]
        return found

    def subject(self, name: str, trials: Trials, bins: int) -> AlignedSubject:
        """Trials of the subject with components in place of latents, cut to the first `bins`."""
        return AlignedSubject(name, trials, self(trials)[:, :bins])


def components_of(alignment: Alignment) -> int:
    """As many as the model has latents, `COMPONENTS` at most."""
    return min(alignment.size, COMPONENTS)
