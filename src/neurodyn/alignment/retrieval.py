"""Finding a trial's partner among all candidates by correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodyn.alignment.base import Alignment
from neurodyn.alignment.paired_means import mean_of_ratios
from neurodyn.alignment.trial_pairs import TrialPairs
from neurodyn.metrics.base import Measurement


def top1(alignment: Alignment, pairs: Sequence[TrialPairs], context: dict[str, Any]) -> Measurement:
    """Share of queries whose most correlated candidate is a partner, both sets asking in turn, averaged over `pairs`. Ties share the hit."""
    last = max(int(max(p.row.max(), p.other_row.max())) for p in pairs)
    sums = np.zeros((1 + last, 2 * len(pairs)))
    for k, p in enumerate(pairs):
        for r, partner, row in _queries(p):
            np.add.at(sums[:, 2 * k], row, _hit(r, partner))
            np.add.at(sums[:, 2 * k + 1], row, 1)
    return Measurement(sums[sums.any(1)], mean_of_ratios, context, alignment.over)


def median_rank(alignment: Alignment, pairs: Sequence[TrialPairs], context: dict[str, Any]) -> Measurement:
    """Median over queries of the rank of the best partner (1: the most correlated of all candidates), both sets asking in turn. Ties count half."""
    queries = [q for p in pairs for q in _queries(p)]
    ranks = np.concatenate([_rank(r, partner) for r, partner, _ in queries])
    values, code = np.unique(ranks, return_inverse=True)
    row = np.concatenate([row for *_, row in queries])
    sums = np.zeros((1 + int(row.max()), len(values)))  # a histogram of ranks in every row, so that draws have a median
    np.add.at(sums, (row, code), 1)

    def median(drawn: np.ndarray) -> np.ndarray:
        below = drawn.cumsum(1)
        half = below[:, -1:] / 2
        low = values[(below >= half).argmax(1)]
        return np.asarray((low + values[(below > half).argmax(1)]) / 2)

    return Measurement(sums[sums.any(1)], median, context, alignment.over)


def chance(pairs: Sequence[TrialPairs]) -> float:
    """Expected share of hits of a blind guess."""
    return float(
        np.mean(
            [np.mean(np.concatenate([partner.sum(1) / _candidates(r) for r, partner, _ in _queries(p)])) for p in pairs]
        )
    )


def chance_rank(pairs: Sequence[TrialPairs]) -> float:
    """Expected rank of the best of a query's partners in a blind order, the median over queries."""
    expected = [(_candidates(r) + 1) / (partner.sum(1) + 1) for p in pairs for r, partner, _ in _queries(p)]
    return float(np.median(np.concatenate(expected)))


def _queries(p: TrialPairs) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Both directions: correlations with candidates (−∞ where it is none), partners, and rows of the trials that have a partner."""
    candidate = (p.paired | p.unpaired) & np.isfinite(p.r)
    r, partner = np.where(candidate, p.r, -np.inf), p.paired & candidate
    ask, other = partner.any(1), partner.any(0)
    return [(r[ask], partner[ask], p.row[ask]), (r.T[other], partner.T[other], p.other_row[other])]


def _candidates(r: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(r).sum(1))


def _hit(r: np.ndarray, partner: np.ndarray) -> np.ndarray:
    best = r >= r.max(1, keepdims=True)
    return np.asarray((best & partner).sum(1) / best.sum(1))


def _rank(r: np.ndarray, partner: np.ndarray) -> np.ndarray:
    best = np.where(partner, r, -np.inf).max(1, keepdims=True)
    higher, tied = ((r > best) & ~partner).sum(1), ((r == best) & ~partner).sum(1)
    return np.asarray(1 + higher + tied / (1 + ((r == best) & partner).sum(1)))
