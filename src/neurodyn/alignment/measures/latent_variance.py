"""How much the latents vary: next to nothing after a collapse."""

from __future__ import annotations

import numpy as np

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.metrics.base import Measurement


class LatentVariance(AlignmentMeasure):
    """Variance of the latents of activity over trials and time, summed over all dimensions; its scale is the model's own."""

    definition = (
        "Variance of the posterior means from activity over a subject's trials and time, summed over all latent dimensions (active or not) and averaged over scored subjects. "
        "`posterior` in its context is the mean posterior variance, summed likewise: means that vary far less than that have collapsed."
    )
    group = "latents"

    def applies(self, alignment: Alignment) -> bool:
        return True

    def measure(self, alignment: Alignment) -> Measurement:
        last = 1 + max(int(alignment.rows[s.name].max()) for s in alignment.scored)
        parts = []
        for s in alignment.scored:
            z = np.where(s.mask[..., None], s.latents, 0).astype(np.float64)
            number = s.mask.sum(1)
            z = np.where(s.mask[..., None], z - z.sum((0, 1)) / max(number.sum(), 1), 0)
            sums = np.zeros((last, 2 + alignment.size))
            np.add.at(sums, alignment.rows[s.name], np.column_stack([number, np.square(z).sum((1, 2)), z.sum(1)]))
            parts.append(sums)
        width, subjects = parts[0].shape[1], len(parts)

        def statistic(sums: np.ndarray) -> np.ndarray:
            each = sums.reshape(len(sums), subjects, width)
            number = np.maximum(each[..., 0], 1)
            mean = each[..., 2:] / number[..., None]
            return np.asarray((each[..., 1] / number - np.square(mean).sum(-1)).mean(1))

        table = np.concatenate(parts, 1)
        known = [s.latent_variance[s.mask].sum(-1).mean() for s in alignment.scored if s.latent_variance is not None]
        said = {"active": alignment.active_said, **({"posterior": float(np.mean(known))} if known else {})}
        return Measurement(table[table.any(1)], statistic, said, alignment.over)
