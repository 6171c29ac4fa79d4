"""Which condition a trial of a new subject was, read from its latents by what other subjects taught."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.paired_means import PERMUTATIONS, mean_of_ratios
from neurodyn.metrics.base import Measurement

QUARTERS = 4
"""Consecutive parts of a trial whose mean latents are looked at."""


def can_classify(alignment: Alignment) -> bool:
    """Whether training subjects have at least two conditions, each several times on average, and scored subjects share one."""
    taught = _labels(alignment.training.values())
    taught = taught[taught != ""]
    asked = _labels(alignment.scored)
    return 2 <= len(np.unique(taught)) <= len(taught) / 2 and bool(np.isin(asked, taught).any())


def zero_shot(alignment: Alignment, seed: int = 0) -> Measurement:
    """Accuracy in the scored subjects of a classifier fitted to the training subjects' latents."""
    training = list(alignment.training.values())
    x, y = np.concatenate([_features(alignment, s) for s in training]), _labels(training)
    model = _fitted(x[y != ""], y[y != ""])
    guess = _most_common(y[y != ""])
    sums = _table(alignment)
    chances, observed, permuted = [], [], []
    generator = np.random.default_rng(seed)
    for k, s in enumerate(alignment.scored):
        true = s.labels("condition")
        asked = np.isin(true, y[y != ""])
        if not asked.any():
            continue
        said = model.predict(_features(alignment, s)[asked])
        _add(sums, k, alignment.rows[s.name][asked], said == true[asked])
        chances.append(float(np.mean(true[asked] == guess)))
        orders = generator.permuted(np.tile(true[asked], (PERMUTATIONS, 1)), axis=1)
        observed.append(float(np.mean(said == true[asked])))
        permuted.append((orders == said).mean(1))
    higher = int((np.mean(permuted, 0) >= np.mean(observed) - 1e-12).sum())
    context = {
        "chance": float(np.mean(chances)),
        "p_permutation": (1 + higher) / (1 + PERMUTATIONS),
        "conditions": len(np.unique(y[y != ""])),
        "active": alignment.active_said,
    }
    return _measurement(alignment, sums, context)


def within_subjects(alignment: Alignment, seed: int = 0) -> Measurement | None:
    """Accuracy of a classifier fitted to the other half of the same subject's trials, every condition halved; None where a condition has a single trial."""
    sums = _table(alignment)
    for k, s in enumerate(alignment.scored):
        y = s.labels("condition")
        counts = np.unique(y[y != ""], return_counts=True)[1]
        if len(counts) < 2 or counts.min() < 2:
            return None
        order = np.random.default_rng(seed).permutation(len(y))
        half = np.zeros(len(y), bool)
        for label in np.unique(y):
            half[order[y[order] == label][::2]] = True
        x, known = _features(alignment, s), y != ""
        for fit in (half, ~half):
            asked = ~fit & known
            said = _fitted(x[fit & known], y[fit & known]).predict(x[asked])
            _add(sums, k, alignment.rows[s.name][asked], said == y[asked])
    return _measurement(alignment, sums, {})


def _fitted(x: np.ndarray, y: np.ndarray) -> Any:
    """Linear discriminant analysis with the covariance shrunk by Ledoit and Wolf's rule."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.dummy import DummyClassifier

    if not (x.std(0) > 0).any():  # nothing to tell conditions apart by
        return DummyClassifier(strategy="most_frequent").fit(x, y)
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, y)


def _features(alignment: Alignment, s: AlignedSubject) -> np.ndarray:
    """Mean active latents in each quarter of a trial's own bins `(trial, quarter × latent)`; that of the whole trial where a quarter is empty."""
    values = np.where(s.mask[..., None] & alignment.active, s.latents, 0.0)
    place, number = s.mask.cumsum(1) - 1, s.mask.sum(1, keepdims=True)
    quarter = np.where(s.mask, QUARTERS * place // np.maximum(number, 1), -1)
    whole = values.sum(1) / np.maximum(number, 1)
    found = []
    for q in range(QUARTERS):
        inside = quarter == q
        count = inside.sum(1)[:, None]
        found.append(np.where(count > 0, np.einsum("tb,tbl->tl", inside, values) / np.maximum(count, 1), whole))
    return np.concatenate(found, 1)


def _labels(subjects: Any) -> np.ndarray:
    each: Sequence[np.ndarray] = [s.labels("condition") for s in subjects]
    return np.concatenate(each) if each else np.empty(0, str)


def _most_common(labels: np.ndarray) -> Any:
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _table(alignment: Alignment) -> np.ndarray:
    return np.zeros((1 + max(int(r.max()) for r in alignment.rows.values()), 2 * len(alignment.scored)))


def _add(sums: np.ndarray, k: int, row: np.ndarray, hit: np.ndarray) -> None:
    np.add.at(sums[:, 2 * k], row, hit)
    np.add.at(sums[:, 2 * k + 1], row, 1)


def _measurement(alignment: Alignment, sums: np.ndarray, context: dict[str, Any]) -> Measurement:
    return Measurement(sums[sums.any(1)], mean_of_ratios, context, alignment.over)
