"""How many dimensions the latents use: a shared gain alone gives one."""

from __future__ import annotations

import numpy as np

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._said import NONE_ACTIVE
from neurodyn.metrics.base import Measurement


class EffectiveDimension(AlignmentMeasure):
    """Participation ratio of the latents' covariance over trials and time: 1 on a line, the number of dimensions where all vary alike."""

    definition = (
        "Participation ratio (sum of eigenvalues)^2 / (sum of squared eigenvalues) of the covariance of the latents of activity over trials and time (Gao et al. 2017, doi:10.1101/214262), "
        f"averaged over scored subjects. {NONE_ACTIVE}."
    )
    group = "latents"

    def applies(self, alignment: Alignment) -> bool:
        return True

    def measure(self, alignment: Alignment) -> Measurement:
        everything = _ratio(alignment, np.ones(alignment.size, bool))
        found = everything if alignment.active.all() else _ratio(alignment, alignment.active)
        said = {"all": everything.value, "active": alignment.active_said}
        return Measurement(found.sums, found.statistic, said, found.over)


def _ratio(alignment: Alignment, used: np.ndarray) -> Measurement:
    size = int(used.sum())
    first, second = np.triu_indices(size)
    last = 1 + max(int(alignment.rows[s.name].max()) for s in alignment.scored)
    parts = []
    for s in alignment.scored:
        z = np.where(s.mask[..., None], s.latents[..., used], 0).astype(np.float64)
        number = s.mask.sum(1)
        z = np.where(
            s.mask[..., None], z - z.sum((0, 1)) / max(number.sum(), 1), 0
        )  # centred once for the digits' sake
        products = np.einsum("ita,itb->iab", z, z, optimize=True)[:, first, second]
        sums = np.zeros((last, 1 + size + len(first)))
        np.add.at(sums, alignment.rows[s.name], np.column_stack([number, z.sum(1), products]))
        parts.append(sums)
    width, subjects = parts[0].shape[1], len(parts)

    def statistic(sums: np.ndarray) -> np.ndarray:
        each = sums.reshape(len(sums), subjects, width)
        number, total, products = each[..., :1], each[..., 1 : 1 + size], each[..., 1 + size :]
        number = np.maximum(number, 1)
        covariance = products / number - (total / number)[..., first] * (total / number)[..., second]
        diagonal = first == second
        trace, square = covariance[..., diagonal].sum(-1), (np.where(diagonal, 1, 2) * np.square(covariance)).sum(-1)
        varies = square > 0
        return np.asarray(np.where(varies, np.square(trace) / np.where(varies, square, 1), 0).mean(1))

    table = np.concatenate(parts, 1)
    return Measurement(table[table.any(1)], statistic, {}, alignment.over)
