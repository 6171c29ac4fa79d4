"""Does the posterior of a new subject's activity know how far off it is?"""

from __future__ import annotations

import numpy as np

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._said import GUARD
from neurodyn.alignment.paired_means import mean_of_ratios
from neurodyn.metrics.base import Measurement

LEVEL = 0.9
"""Probability of the intervals."""


class IntervalCoverage(AlignmentMeasure):
    """Share of the other modality's latents inside the 90 % intervals of the posterior from activity: 0.90 is calibrated, more is too wide."""

    definition = (
        "Share of the entries (trial, bin, dimension) of the other modality's posterior means that lie within the 90 % interval of the posterior from activity, averaged over scored subjects "
        f"and modalities. 0.90 is calibrated; below it the posterior is too narrow, above it too wide. {GUARD}; with none there is no value."
    )
    group = "latents"

    def applies(self, alignment: Alignment) -> bool:
        return any(s.beside and s.latent_variance is not None for s in alignment.scored)

    def measure(self, alignment: Alignment) -> Measurement:
        from scipy.stats import norm

        half = float(norm.ppf(0.5 + LEVEL / 2))
        last = 1 + max(int(alignment.rows[s.name].max()) for s in alignment.scored)
        columns, seen = [], np.zeros(last)  # rows are those with data, however many dimensions are active
        for s in alignment.scored:
            if s.latent_variance is None:
                continue
            np.add.at(seen, alignment.rows[s.name], s.mask.sum(1))
            counted = s.mask[..., None] & alignment.active
            reach = half * np.sqrt(np.where(s.mask[..., None], s.latent_variance, 0))
            for other in s.beside.values():
                sums = np.zeros((last, 2))
                inside = counted & (np.abs(np.where(counted, other - s.latents, 0)) <= reach)
                np.add.at(sums, alignment.rows[s.name], np.column_stack([inside.sum((1, 2)), counted.sum((1, 2))]))
                columns.append(sums)
        table = np.concatenate(columns, 1)
        return Measurement(
            table[seen > 0], mean_of_ratios, {"target": LEVEL, "active": alignment.active_said}, alignment.over
        )
