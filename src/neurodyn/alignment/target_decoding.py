"""Which condition a trial of a new subject was, read from its latents by what other subjects taught."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.paired_means import PERMUTATIONS, mean_of_ratios
from neurodyn.metrics.base import Measurement

QUARTERS = 4
"""Consecutive parts of a trial whose mean latents are looked at."""
Name = Callable[[AlignedSubject], np.ndarray]
"""From a subject's latents to the condition of each trial `(trial,)`."""


@dataclass(frozen=True, eq=False)
class Named:
    """Which trials of a scored subject were asked about, and which of these were named right."""

    subject: str
    asked: np.ndarray
    """Bool `(trial,)`."""
    right: np.ndarray
    """Bool `(trial,)`; looked at where asked."""


def can_classify(alignment: Alignment) -> bool:
    """Whether training subjects have at least two conditions, each several times on average, and scored subjects share one."""
    taught, asked = _known(alignment.training.values()), _labels(alignment.scored)
    return 2 <= len(np.unique(taught)) <= len(taught) / 2 and bool(np.isin(asked, taught).any())


def can_be_asked(alignment: Alignment, s: AlignedSubject) -> np.ndarray:
    """Trials of a scored subject whose condition a training subject has too `(trial,)`."""
    return np.isin(s.labels("condition"), _known(alignment.training.values()))


def zero_shot(alignment: Alignment, seed: int = 0) -> Measurement:
    """Accuracy in the scored subjects of a classifier fitted to the training subjects' latents."""
    training = list(alignment.training.values())
    model = alignment.taught("condition", lambda: fitted(training, alignment.active))
    values, counts = np.unique(_known(training), return_counts=True)
    guess = values[counts.argmax()]
    named, chances, observed, permuted = [], [], [], []
    generator = np.random.default_rng(seed)
    for s in alignment.scored:
        asked = can_be_asked(alignment, s)
        if not asked.any():
            continue
        true, said = s.labels("condition"), model(s)
        named.append(Named(s.name, asked, said == true))
        chances.append(float(np.mean(true[asked] == guess)))
        orders = generator.permuted(np.tile(true[asked], (PERMUTATIONS, 1)), axis=1)
        observed.append(float(np.mean(said[asked] == true[asked])))
        permuted.append((orders == said[asked]).mean(1))
    higher = int((np.mean(permuted, 0) >= np.mean(observed) - 1e-12).sum())
    context = {
        "chance": float(np.mean(chances)),
        "p_permutation": (1 + higher) / (1 + PERMUTATIONS),
        "conditions": len(values),
        "active": alignment.active_said,
    }
    return accuracy(alignment, named, context)


def within_subjects(alignment: Alignment, seed: int = 0) -> Measurement | None:
    """Accuracy of a classifier fitted to the other half of the same subject's trials, every condition halved; None where a condition has a single trial."""
    named = []
    for s in alignment.scored:
        y = s.labels("condition")
        counts = np.unique(y[y != ""], return_counts=True)[1]
        if len(counts) < 2 or counts.min() < 2:
            return None
        order = np.random.default_rng(seed).permutation(len(y))
        half = np.zeros(len(y), bool)
        for label in np.unique(y):
            half[order[y[order] == label][::2]] = True
        said = np.where(half, fitted([s], alignment.active, ~half)(s), fitted([s], alignment.active, half)(s))
        named.append(Named(s.name, y != "", said == y))
    return accuracy(alignment, named)


def accuracy(alignment: Alignment, named: Sequence[Named], context: Mapping[str, Any] | None = None) -> Measurement:
    """Share of trials named right, averaged over subjects (and those who taught their classifiers)."""
    sums = np.zeros((1 + max(int(r.max()) for r in alignment.rows.values()), 2 * len(named)))
    for k, each in enumerate(named):
        row = alignment.rows[each.subject][each.asked]
        np.add.at(sums[:, 2 * k], row, each.right[each.asked])
        np.add.at(sums[:, 2 * k + 1], row, 1)
    return Measurement(sums[sums.any(1)], mean_of_ratios, context or {}, alignment.over)


def fitted(
    subjects: Sequence[AlignedSubject], active: np.ndarray | None = None, trials: np.ndarray | None = None
) -> Name:
    """Linear discriminant analysis of some subjects' trials, with the covariance shrunk by Ledoit and Wolf's rule.

    It names the most frequent condition where trials do not differ, or no condition is repeated.

    Args:
        subjects: with conditions.
        active: bool `(latent,)`, dimensions that count, when it is asked too; all by default.
        trials: bool `(trial,)`, those of each subject that are used; all by default.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.dummy import DummyClassifier

    y = _labels(subjects)
    used = y != "" if trials is None else (y != "") & trials
    x, y = np.concatenate([_features(s, active) for s in subjects])[used], y[used]
    tells = 1 < len(np.unique(y)) < len(y) and bool((x.std(0) > 0).any())
    kind = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto") if tells else DummyClassifier()
    model = kind.fit(x, y)
    return lambda s: np.asarray(model.predict(_features(s, active)))


def _features(s: AlignedSubject, active: np.ndarray | None) -> np.ndarray:
    """Mean active latents in each quarter of a trial's own bins `(trial, quarter × latent)`; that of the whole trial where a quarter is empty."""
    values = np.where(s.mask[..., None] if active is None else s.mask[..., None] & active, s.latents, 0.0)
    place, number = s.mask.cumsum(1) - 1, s.mask.sum(1, keepdims=True)
    quarter = np.where(s.mask, QUARTERS * place // np.maximum(number, 1), -1)
    whole = values.sum(1) / np.maximum(number, 1)
    found = []
    for q in range(QUARTERS):
        inside = quarter == q
        count = inside.sum(1)[:, None]
        found.append(np.where(count > 0, np.einsum("tb,tbl->tl", inside, values) / np.maximum(count, 1), whole))
    return np.concatenate(found, 1)


def _labels(subjects: Iterable[AlignedSubject]) -> np.ndarray:
    each = [s.labels("condition") for s in subjects]
    return np.concatenate(each) if each else np.empty(0, str)


def _known(subjects: Iterable[AlignedSubject]) -> np.ndarray:
    labels = _labels(subjects)
    return np.asarray(labels[labels != ""])
