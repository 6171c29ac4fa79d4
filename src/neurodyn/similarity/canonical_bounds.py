"""What canonical correlations between two sessions are compared with: a session with itself, and sessions whose targets and times do not agree.

Source: Safaie et al. 2023, doi:10.1038/s41586-023-06714-0. Published are the 99th percentile within a session and the 1st of the control. The control's 1st
percentile is lenient: look at its mean and 95th too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.canonical_correlation import (
    SUMMARY_COMPONENTS,
    CanonicalCorrelation,
    batched_correlations,
    mean_of_first,
)
from neurodyn.similarity.orthogonal_alignment import OrthogonalAlignment
from neurodyn.similarity.target_matching import MatchedTrials, paired_rows

REPEATS = 1000
PERCENTILES = (1, 95, 99)
_ENTRIES = 2_000_000
"""Numbers gathered at a time."""


def across_sessions(x: MatchedTrials, y: MatchedTrials) -> np.ndarray:
    """Canonical correlations `(component,)` of two sessions, fitted and compared on the same trials, as published."""
    return np.asarray(CanonicalCorrelation.fit(*paired_rows(x, y)).correlations)


def across_held_out(
    x: MatchedTrials,
    y: MatchedTrials,
    kind: type[CanonicalCorrelation] | type[OrthogonalAlignment] = CanonicalCorrelation,
) -> np.ndarray:
    """Correlations `(component,)` of two sessions aligned on one half of every condition's trials and compared on the other.

    Raises:
        InvalidInput: fewer than two trials of a condition.
    """
    half = _half(x)
    fitted = kind.fit(*paired_rows(x.take(slice(half)), y.take(slice(half))))
    return fitted.correlations_of(*paired_rows(x.take(slice(half, None)), y.take(slice(half, None))))


def within_session(x: MatchedTrials, repeats: int = REPEATS, seed: int = 0) -> Float[Array, "repeat component"]:
    """Upper bound: canonical correlations between two random halves of one session's trials, condition by condition.

    Raises:
        InvalidInput: fewer than two trials of a condition.
    """
    half, (conditions, trials) = _half(x), x.values.shape[:2]
    every = np.arange(conditions)[:, None]

    def draw(generator: np.random.Generator, number: int) -> np.ndarray:
        order = generator.permuted(np.broadcast_to(np.arange(trials), (number, conditions, trials)), axis=2)
        one, other = order[..., :half], order[..., half : 2 * half]
        keep = x.mask[every, one] & x.mask[every, other]
        return _correlations(x.values[every, one], x.values[every, other], keep)

    return _repeated(draw, repeats, 2 * x.values.size, seed)


def control(
    x: MatchedTrials, y: MatchedTrials, window_bins: int, repeats: int = REPEATS, seed: int = 0
) -> Float[Array, "repeat component"]:
    """Lower bound: canonical correlations of two sessions whose conditions are permuted and whose windows lie anywhere in their trials.

    In each repeat both sessions' conditions are permuted, and every trial gives a window that starts at a random bin of its own. Where trials are no
    longer than the window only the conditions differ.

    Args:
        x, y: whole trials of two sessions, matched.
        window_bins: length of the windows that are compared.
        repeats: number of draws.
        seed: of the draws.

    Raises:
        InvalidInput: a window longer than the trials.
    """
    conditions, trials, bins = x.mask.shape
    if not 0 < window_bins <= bins:
        raise InvalidInput("window_bins", window_bins, f"1 to {bins}, the bins of a trial")
    every = np.arange(trials)[None, None, :, None]

    def windows(session: MatchedTrials, generator: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        order = generator.permuted(np.broadcast_to(np.arange(conditions), (number, conditions)), axis=1)
        length = bins - session.mask[..., ::-1].argmax(-1)  # past the last bin with data
        spare = np.maximum(length - window_bins, 0)[order]
        start = (generator.random(spare.shape) * (spare + 1)).astype(int)
        where = order[:, :, None, None], every, start[..., None] + np.arange(window_bins)
        return session.values[where], session.mask[where]

    def draw(generator: np.random.Generator, number: int) -> np.ndarray:
        (one, own), (other, others) = windows(x, generator, number), windows(y, generator, number)
        return _correlations(one, other, own & others)

    return _repeated(draw, repeats, 2 * conditions * trials * window_bins * x.values.shape[-1], seed)


def bound_summary(draws: Float[Array, "repeat component"], number: int = SUMMARY_COMPONENTS) -> dict[str, float]:
    """Mean of the first so many correlations: `p1`, `p95`, `p99` of the repeats, each component by itself, and their `mean`."""
    percentiles = np.percentile(draws, PERCENTILES, axis=0)
    found = {f"p{q}": float(mean_of_first(values, number)) for q, values in zip(PERCENTILES, percentiles)}
    return {**found, "mean": float(mean_of_first(draws.mean(0), number))}


def signed_rank(pairs: np.ndarray, bound: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test that pairs of sessions `(pair,)` do not differ from their bounds `(pair,)`.

    Its least value depends on the number of pairs alone, so it says nothing of size.

    Raises:
        InvalidInput: different numbers of pairs, or none that differs.
    """
    from scipy.stats import wilcoxon

    if len(pairs) != len(bound) or not np.any(pairs != bound):
        raise InvalidInput("pairs", f"{len(pairs)} pairs and {len(bound)} bounds", "as many, of which some differ")
    return float(wilcoxon(pairs, bound).pvalue)


def _half(x: MatchedTrials) -> int:
    if x.trials < 2:
        raise InvalidInput("trials", f"{x.trials} of each condition", "at least 2, one for each half")
    return x.trials // 2


def _correlations(x: np.ndarray, y: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """From `(draw, condition, trial, time, dimension)` and what counts of it."""
    rows = None if keep.all() else keep.reshape(len(keep), -1)
    flat_x, flat_y = (each.reshape(len(each), -1, each.shape[-1]) for each in (x, y))
    return np.asarray(batched_correlations(flat_x, flat_y, rows))


def _repeated(
    draw: Callable[[np.random.Generator, int], np.ndarray], repeats: int, entries: int, seed: int
) -> np.ndarray:
    """Draws in blocks that fit into memory."""
    if repeats < 1:
        raise InvalidInput("repeats", repeats, "at least 1")
    generator, block = np.random.default_rng(seed), max(1, _ENTRIES // max(entries, 1))
    return np.concatenate([draw(generator, min(block, repeats - done)) for done in range(0, repeats, block)])
