"""Whether the embeddings of neurons tell their cell type: classifiers trained on the neurons of some sessions and tested on those of others."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurodyn import registry
from neurodyn.analysis.activity_statistics import activity_statistics
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.estimator import Estimator
from neurodyn.metrics.base import Score
from neurodyn.models.base import Model
from neurodyn.shapes import Array, Float
from neurodyn.training.config import TrainConfig
from neurodyn.training.partition import groups, partition

if TYPE_CHECKING:
    from torch import Tensor

LABELS = ("class", "subclass")
"""Columns of the unit table that are told apart."""
CLASSIFIERS: Mapping[str, Sequence[float]] = {
    "knn": (1.0, 3.0, 5.0, 10.0, 20.0),
    "linear": (3e-3, 3e-2, 3e-1, 3.0),
    "mlp": (1e-2, 1.0),
}
"""k nearest neighbours, logistic regression, and a network with a hidden layer of 2048 units, each with the settings that are tried: k, C, and the L2 penalty."""
VALID_SHARE = 0.2
"""Of the training neurons, on which a classifier's setting is chosen."""
_EMBEDDED, _UNTRAINED = "embeddings", "untrained"


def embedded_anew(
    estimator: Estimator, sessions: Sequence[Trials], *, train: TrainConfig | Mapping[str, Any] | None = None
) -> list[Float[Array, "unit embedding"]]:
    """Embeddings of neurons, found from their activity with all else of the model frozen: the published evaluation, for any session.

    Args:
        estimator: a fitted model with an embedding for every neuron.
        sessions: trials with the splits they are to be found by; the model may know them or not, its own embeddings of their neurons play no part.
        train: fields that differ from the model's `adaptation_defaults`.

    Raises:
        InvalidInput: a model without embeddings of neurons, or sessions it cannot be adapted to.
    """
    embeddings_of(estimator.model_, 0)
    known = len(estimator.model_.spec.sessions)
    adapted = estimator.adapt([_nameless(t) for t in sessions], train=train)
    return [embeddings_of(adapted.model_, known + place) for place in range(len(sessions))]


def embeddings_of(model: Model, session: int) -> Float[Array, "unit embedding"]:
    """The embeddings of a session's neurons, in recorded order.

    Raises:
        InvalidInput: a model without embeddings of neurons.
    """
    find: Callable[[int], Tensor] | None = getattr(model, "embeddings_of", None)
    if find is None:
        raise InvalidInput("model", registry.name_of(type(model)), "a model that embeds every neuron, such as neuprint")
    return np.asarray(find(session).cpu().numpy())


def classify_cell_types(
    estimator: Estimator,
    sessions: Sequence[Trials],
    held_out: Sequence[Trials],
    *,
    labels: Sequence[str] = LABELS,
    classifiers: Sequence[str] = tuple(CLASSIFIERS),
    train: TrainConfig | Mapping[str, Any] | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> list[Score]:
    """Top-1 accuracy of cell types read from embeddings, on the neurons of sessions that neither the model nor the classifiers were trained on.

    All embeddings are found anew (`embedded_anew`); one in five training neurons chooses the classifier's setting. Beside every score stand: `majority`
    (the most frequent training label), `shuffled_labels` (the same classifier, training labels permuted), `untrained` (embeddings found in the same way with the
    model before training), `activity_statistics` (the same classifier on simple statistics of each neuron's activity) and, where there is behaviour,
    `behaviour_statistics` (those and the correlations with behaviour).

    Args:
        estimator: a fitted model with an embedding for every neuron.
        sessions: trials whose neurons train the classifiers; those the model was fitted on.
        held_out: trials of other sessions, whose neurons test them.
        labels: columns of the unit tables. Neurons without a label (missing, or empty) are left out.
        classifiers: of `knn`, `linear`, `mlp`.
        train: of the search for the embeddings, as for `embedded_anew`.
        seed: of the classifiers and of the neurons that choose.
        draws: of the bootstrap over test neurons.

    Raises:
        InvalidInput: a held-out session that the model was fitted on; fewer than two labels among the training neurons; a test label that none of them has.
        UnknownName: no such classifier or column.
    """
    for name in classifiers:
        if name not in CLASSIFIERS:
            raise UnknownName("classifier", name, tuple(CLASSIFIERS))
    fitted, _ = groups(estimator.data_, [session.name for session in estimator.model_.spec.sessions])[0]
    if again := [t.session for t in held_out if t.session in {*fitted, *(t.session for t in sessions)}]:
        raise InvalidInput("held_out", f"session {again[0]}, which was trained on", "sessions of other neurons")
    features = _features(estimator, sessions, held_out, train)
    neurons = [pd.concat([_types(t, labels) for t in given], ignore_index=True) for given in (sessions, held_out)]
    context = {
        "model": estimator.plan_.model,
        "seed": estimator.plan_.seed,
        "embedding": features[_EMBEDDED][0].shape[1],
        "held_out": [t.session for t in held_out],
    }
    found = []
    for label in labels:
        known = [_labelled(table[label]) for table in neurons]
        y, z = (table[label].to_numpy(object)[k].astype(str) for table, k in zip(neurons, known))
        _check_labels(label, y, z)
        chosen = {name: (a[known[0]], b[known[1]]) for name, (a, b) in features.items()}
        found += [_score(label, name, chosen, y, z, context, seed, draws) for name in classifiers]
    return found


def _score(
    label: str,
    classifier: str,
    features: Mapping[str, tuple[Array, Array]],
    y: Array,
    z: Array,
    context: Mapping[str, Any],
    seed: int,
    draws: int,
) -> Score:
    """One label, one classifier."""
    right: dict[str, Array] = {}
    settings = {}
    for what, (a, b) in features.items():
        said, settings[what] = _told(classifier, a, y, b, seed)
        right[what] = said == z
    a, b = features[_EMBEDDED]
    shuffled = np.random.default_rng((seed, 1)).permutation(y)
    right["shuffled_labels"] = _told(classifier, a, shuffled, b, seed)[0] == z
    names, counts = np.unique(y, return_counts=True)
    right["majority"] = z == names[counts.argmax()]
    weights = np.random.default_rng(seed).multinomial(len(z), np.full(len(z), 1 / len(z)), size=draws) / len(z)

    def interval(values: Array) -> tuple[float, float]:
        low, high = np.percentile(weights @ values, [2.5, 97.5])
        return float(low), float(high)

    mine = right.pop(_EMBEDDED).astype(float)
    return Score(
        name=f"{label}_{classifier}",
        definition=f"Share of the neurons of held-out sessions whose {label} a classifier ({classifier}) tells from their embeddings.",
        value=float(mine.mean()),
        interval=interval(mine),
        n=len(z),
        direction="higher",
        baselines={name: float(values.mean()) for name, values in right.items()},
        difference={n: (float((mine - v).mean()), *interval(mine - v)) for n, v in right.items()},
        context={
            "interval": "95 % bootstrap over test neurons",
            "training neurons": len(y),
            "labels": names.tolist(),
            "setting": settings[_EMBEDDED],
            **context,
        },
    )


def _told(classifier: str, a: Array, y: Array, b: Array, seed: int) -> tuple[Array, float]:
    """Labels of test neurons by a classifier whose setting is best on the validation neurons, and this setting."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    enough = min(np.unique(y, return_counts=True)[1]) > 1 and VALID_SHARE * len(y) >= len(np.unique(y))
    fit, choose = train_test_split(
        np.arange(len(y)), test_size=VALID_SHARE, random_state=seed, stratify=y if enough else None
    )
    tried = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for setting in CLASSIFIERS[classifier]:
            if classifier == "knn" and setting > len(fit):
                continue
            made = make_pipeline(StandardScaler(), _classifier(classifier, setting, seed)).fit(a[fit], y[fit])
            tried.append((made.score(a[choose], y[choose]), setting, made))
    _, setting, made = max(tried, key=lambda each: each[0])
    return made.predict(b), setting


def _classifier(name: str, setting: float, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    if name == "knn":
        return KNeighborsClassifier(int(setting))
    if name == "linear":
        return LogisticRegression(C=setting, max_iter=1000)
    return MLPClassifier((2048,), alpha=setting, max_iter=60, random_state=seed)


def _features(
    estimator: Estimator,
    sessions: Sequence[Trials],
    held_out: Sequence[Trials],
    train: TrainConfig | Mapping[str, Any] | None,
) -> dict[str, tuple[Array, Array]]:
    """What the classifiers read, of training and of test neurons, by name."""
    several = [*sessions, *held_out]

    def both(values: Sequence[Array]) -> tuple[Array, Array]:
        return np.concatenate(values[: len(sessions)]), np.concatenate(values[len(sessions) :])

    found = {
        _EMBEDDED: both(embedded_anew(estimator, several, train=train)),
        _UNTRAINED: both(embedded_anew(_untrained(estimator, sessions), several, train=train)),
        "activity_statistics": both([activity_statistics(t) for t in several]),
    }
    if all(t.behaviour is not None for t in several):
        found["behaviour_statistics"] = both([activity_statistics(t, behaviour=True) for t in several])
    return found


def _untrained(estimator: Estimator, sessions: Sequence[Trials]) -> Estimator:
    """The estimator with the weights from before its training."""
    found = Estimator(**estimator.get_params())
    found.model_ = estimator.untrained(partition(sessions, None, estimator.seed).train)
    found.plan_, found.data_, found.parts_ = estimator.plan_, estimator.data_, None
    return found


def _nameless(trials: Trials) -> Trials:
    """The trials as those of a session and of units that no model knows."""
    name = trials.neural_name or ""
    signals = {**trials.signals, name: dataclasses.replace(trials.neural, names=())}
    return dataclasses.replace(trials, signals=signals, session=f"{trials.session}, embedded anew")


def _types(trials: Trials, labels: Sequence[str]) -> pd.DataFrame:
    for label in labels:
        if label not in trials.unit_table:
            raise UnknownName("column of the unit table", label, map(str, trials.unit_table.columns))
    return trials.unit_table[list(labels)]


def _labelled(column: pd.Series[Any]) -> Array:
    """Bool `(unit,)`: which units have a label."""
    return np.asarray(column.notna() & (column.astype(str) != ""))


def _check_labels(label: str, y: Array, z: Array) -> None:
    """Raises where there is nothing to tell apart, or something that cannot be told."""
    names = set(y.tolist())
    if len(names) < 2 or not len(z):
        raise InvalidInput(label, f"{len(names)} labels to train on, {len(z)} test neurons", "two labels or more")
    if unknown := set(z.tolist()) - names:
        raise InvalidInput(label, f"{min(unknown)!r} among the test neurons alone", f"labels of {sorted(names)}")
