"""The published correlations of flattened latents, with the tests their authors made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodyn.alignment.base import Alignment
from neurodyn.alignment.measures._said import RAW_WARNING
from neurodyn.alignment.paired_means import mean_r, permutation_p
from neurodyn.alignment.trial_pairs import TrialPairs
from neurodyn.metrics.base import Measurement


def raw(alignment: Alignment, pairs: Sequence[TrialPairs], ddof: int) -> Measurement:
    """Mean r of paired trials over all latents, nothing subtracted, with the published tests in its context.

    Args:
        alignment: what is scored.
        pairs: with raw correlations.
        ddof: of the standard deviations in Cohen's d, as published: 1 across subjects, 0 across modalities.
    """
    paired, unpaired = (np.concatenate([_of(p, which) for p in pairs]) for which in ("paired", "unpaired"))
    found = mean_r(alignment, pairs, "paired")
    said = {
        "unpaired": mean_r(alignment, pairs, "unpaired").value,
        "p_permutation": permutation_p(pairs),
        "published_tests": _tests(paired, unpaired, ddof),
        "warning": RAW_WARNING,
    }
    return Measurement(found.sums, found.statistic, said, found.over)


def _of(p: TrialPairs, which: str) -> np.ndarray:
    r = p.r[getattr(p, which)]
    return np.asarray(r[np.isfinite(r)])


def _tests(paired: np.ndarray, unpaired: np.ndarray, ddof: int) -> dict[str, Any]:
    """Student's t with equal variances, Mann and Whitney's U, and Cohen's d."""
    from scipy.stats import mannwhitneyu, t

    n, m = len(paired), len(unpaired)
    said: dict[str, Any] = {"paired": n, "unpaired": m}
    said["note"] = "p values count overlapping pairs of trials as independent"
    if n < 2 or m < 2 or not paired.var() + unpaired.var() > 0:
        return said
    gap = paired.mean() - unpaired.mean()
    pooled = (n * paired.var() + m * unpaired.var()) / (n + m - 2)
    student, ranks = gap / np.sqrt(pooled * (1 / n + 1 / m)), mannwhitneyu(paired, unpaired)
    said |= {"t": float(student), "t_p": float(2 * t.sf(abs(student), n + m - 2))}
    said |= {"u": float(ranks.statistic), "u_p": float(ranks.pvalue)}
    said["cohens_d"] = float(gap / np.sqrt((paired.var(ddof=ddof) + unpaired.var(ddof=ddof)) / 2))
    return said
