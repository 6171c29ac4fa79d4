"""How often a network's decision is the right one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.metrics._task_outputs import answered, compared, context_of, targets_of, weight_of, with_targets
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class TaskAccuracy(Metric):
    """Share of trials whose outputs are largest at the right class, over the bins of the decision."""

    definition = (
        "Share of test trials in which the network's class probabilities, averaged over the bins that count and whose right class is that of the trial's last such bin, are "
        "largest at that class. Trials in which no decision is asked for, because their right class never changes while it does in others, are left out."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return answered(evaluation, "classes")

    def measure(self, evaluation: Evaluation) -> Measurement:
        found = []
        for each in compared(evaluation, "classes"):
            last, decision = _decisions(each.target, each.weight.max(2) > 0)
            said = (each.said * decision[..., None]).sum(1).argmax(1)
            decided = _decided(each.target, each.weight.max(2) > 0)
            found.append(np.stack([decided & (said == last), decided], 1))
        return Measurement(np.sum(found, 0, float), _share, context_of(evaluation))

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        """`constant_output`: the decision that is right most often in the training trials."""
        found = []
        for name in targets_of(evaluation.trials["test"], "classes"):
            train, test = (_last(evaluation.trials[split], name) for split in ("train", "test"))
            known = train[train >= 0]
            usual = int(np.bincount(known).argmax()) if len(known) else 0
            found.append(np.stack([test == usual, test >= 0], 1))
        return {"constant_output": Measurement(np.sum(found, 0, float), _share)}

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        return with_targets(evaluation)


def _decisions(target: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The right class in each trial's last bin that counts `(trial,)`, and the bins that count in which it is right `(trial, time)`.

    Args:
        target: one-hot classes `(trial, time, class)`.
        counted: bins that count `(trial, time)`.
    """
    right = target.argmax(2)
    last = counted.shape[1] - 1 - counted[:, ::-1].argmax(1)
    decided = np.take_along_axis(right, last[:, None], 1)
    return decided[:, 0], counted & (right == decided)


def _decided(target: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Bool `(trial,)`: trials in which a decision is asked for: their right class changes within the bins that count, or it does so in no trial and some bin counts."""
    shown = (target * counted[..., None]).any(1).sum(1)
    return np.asarray(shown > 1 if (shown > 1).any() else shown > 0)


def _last(trials: Trials, name: str) -> np.ndarray:
    """The right class in each trial's last bin that counts; -1 where no decision is asked for."""
    counted = weight_of(trials, name).max(2) > 0
    target = np.asarray(trials.signals[name].values)
    return np.where(_decided(target, counted), _decisions(target, counted)[0], -1)


def _share(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[:, 0] / sums[:, 1])
