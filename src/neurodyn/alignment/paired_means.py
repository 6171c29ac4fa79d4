"""The mean correlation of trials that belong together, with its intervals and what chance alone gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from neurodyn.alignment.base import Alignment
from neurodyn.alignment.trial_pairs import TrialPairs
from neurodyn.metrics.base import Measurement

PERMUTATIONS = 1000
DRAWS = 2000
_BLOCK = 4_000_000
"""Correlations looked up at once while labels are permuted."""


def mean_r(
    alignment: Alignment,
    pairs: Sequence[TrialPairs],
    which: Literal["paired", "unpaired"],
    context: Mapping[str, Any] | None = None,
) -> Measurement:
    """The mean r of paired (or unpaired) trials in each of `pairs`, averaged over `pairs`.

    Combinations whose trials share no bin are left out. A combination counts to the row of its first trial, so that a draw is a weighted mean.
    """
    sums = np.zeros((1 + max(int(p.row.max()) for p in pairs), 2 * len(pairs)))
    for k, p in enumerate(pairs):
        used = getattr(p, which) & np.isfinite(p.r)
        np.add.at(sums[:, 2 * k], p.row, np.where(used, p.r, 0).sum(1))
        np.add.at(sums[:, 2 * k + 1], p.row, used.sum(1))
    looked_at = sums[:, 1::2].any(1)
    return Measurement(sums[looked_at], mean_of_ratios, context or {}, alignment.over)


def mean_of_ratios(sums: np.ndarray) -> np.ndarray:
    """From `(draw, 2 × pair)`, sum and number in turn, the mean over pairs of sum / number `(draw,)`; pairs that a draw left empty do not count."""
    total, number = sums[:, ::2], sums[:, 1::2]
    some = number > 0
    ratio = np.where(some, total / np.where(some, number, 1), 0)
    return np.asarray(ratio.sum(1) / some.sum(1))


def paired_r(
    alignment: Alignment, pairs_of: Callable[[bool], list[TrialPairs]], context: Mapping[str, Any] | None = None
) -> Measurement:
    """The mean r of paired trials over active dimensions, with what must stand beside it in its context.

    Args:
        alignment: what is scored.
        pairs_of: the pairs over active dimensions (True) or over all (False).
        context: more to say.
    """
    pairs = pairs_of(True)
    found, unpaired = mean_r(alignment, pairs, "paired"), mean_r(alignment, pairs, "unpaired").value
    said: dict[str, Any] = {
        "unpaired": unpaired,
        "gap": found.value - unpaired,
        "unguarded": mean_r(alignment, pairs_of(False), "paired").value,
        "active": alignment.active_said,
        "p_permutation": permutation_p(pairs),
        "pairs": sum(int((p.paired & np.isfinite(p.r)).sum()) for p in pairs),
        "by_pair": {p.name: mean_r(alignment, [p], "paired").value for p in pairs},
    }
    across = interval_over_subjects(alignment, pairs)
    if across is not None:
        said["interval_subjects"] = across
    return Measurement(found.sums, found.statistic, {**said, **(context or {})}, found.over)


def permutation_p(pairs: Sequence[TrialPairs], permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """How often trials whose labels are permuted are as alike as paired ones: (1 + so many at least as high) / (1 + permutations).

    In every subject the labels are permuted among the trials that have one. A p value says nothing about size: collapsed models reach the smallest there is.
    """
    generator = np.random.default_rng(seed)
    filled = [np.where(np.isfinite(p.r), p.r, np.nanmean(p.r) if np.isfinite(p.r).any() else 0) for p in pairs]
    where = [np.nonzero(p.paired) for p in pairs]
    observed = float(np.mean([r[at].mean() for r, at in zip(filled, where)]))
    block = max(1, min(permutations, _BLOCK // max(sum(len(at[0]) for at in where), 1)))
    higher, left = 0, permutations
    while left:
        draws = min(block, left)
        orders: dict[str, np.ndarray] = {}
        total = np.zeros(draws)
        for p, r, at in zip(pairs, filled, where):
            known = p.paired | p.unpaired
            for side, labelled in zip(p.sides, (known.any(1), known.any(0))):
                if side not in orders:
                    orders[side] = _permuted(labelled, draws, generator)
            first, second = (orders[side] for side in p.sides)
            total += r[first[:, at[0]], second[:, at[1]]].mean(1)
        higher += int((total / len(pairs) >= observed - 1e-12).sum())
        left -= draws
    return (1 + higher) / (1 + permutations)


def interval_over_subjects(
    alignment: Alignment, pairs: Sequence[TrialPairs], draws: int = DRAWS, seed: int = 0
) -> tuple[float, float] | None:
    """95 % interval of the mean r of paired trials when subjects are resampled as well as stimuli (or trials); None with fewer than three subjects.

    A draw weighs each pair of subjects by the product of how often its subjects were drawn. A subject that is in every pair (the only zero-shot one) stays.
    Draws that leave no pair of different subjects are passed over. With few subjects such an interval is coarse.
    """
    names = sorted({name for p in pairs for name in p.subjects})
    if len(names) < 3:
        return None
    free = [name for name in names if not all(name in p.subjects for p in pairs)]
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(free), np.full(len(free), 1 / len(free)), size=draws)
    times = {name: drawn[:, k] for k, name in enumerate(free)}
    weight = np.stack([np.prod([times[n] for n in p.subjects if n in times], 0) for p in pairs], 1)
    sums = mean_r(alignment, pairs, "paired").sums
    rows = len(sums)
    resampled = generator.multinomial(rows, np.full(rows, 1 / rows), size=draws) @ sums
    total, number = resampled[:, ::2], resampled[:, 1::2]
    weight = weight * (number > 0)
    some = weight.sum(1) > 0
    value = (weight * total / np.maximum(number, 1)).sum(1)[some] / weight.sum(1)[some]
    low, high = np.percentile(value, [2.5, 97.5])
    return float(low), float(high)


def _permuted(labelled: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Places of a set's trials after its labelled ones were permuted among themselves `(draw, trial)`."""
    order = np.tile(np.arange(len(labelled)), (draws, 1))
    order[:, labelled] = generator.permuted(order[:, labelled], axis=1)
    return order
