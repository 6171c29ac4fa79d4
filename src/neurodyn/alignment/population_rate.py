"""The least that subjects share: how active the population is as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.alignment.activity_blocks import StandardisedActivity
from neurodyn.alignment.base import AlignedSubject, Alignment


def population_rate(alignment: Alignment) -> Alignment:
    """The same subjects with one latent in place of the model's: the mean of all units' standardised activity, smoothed with a Gaussian of 2 bins.

    Units are standardised by their own subject's trials; no label of any subject is used. A model whose scores are not above these carries over no more than a gain.
    """
    return Alignment(_replaced(alignment.subjects), _replaced(alignment.training))


def _replaced(subjects: Mapping[str, AlignedSubject]) -> dict[str, AlignedSubject]:
    found = {}
    for name, s in subjects.items():
        latents = np.zeros((*s.trials.mask.shape, 1))
        for rows, values in StandardisedActivity.of(s.trials):
            latents[rows, :, 0] = values.mean(-1)
        found[name] = AlignedSubject(name, s.trials, latents[:, : s.mask.shape[1]], zero_shot=s.zero_shot)
    return found
