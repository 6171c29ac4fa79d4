"""What a submission is compared with: the sizes of a prepared split, and the mean counts of its training trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.submission.layout import EVAL, FORWARD, TRAIN


@dataclass(frozen=True, eq=False)
class Expected:
    """Sizes of one prepared split. A size is None where what it was read off does not tell."""

    train_trials: int | None
    """B_tr: training trials of the phase, those put aside for validation among them."""
    eval_trials: int | None
    """B_ev: trials the phase evaluates."""
    observed_bins: int | None
    """T: bins of the observed window."""
    forward_bins: int | None
    """F: bins that follow it."""
    heldin: int | None
    """N_in: held-in neurons."""
    heldout: int | None
    """N_out: held-out neurons."""
    phase: str | None = None
    """`val` or `test`."""
    other_phase: tuple[int | None, int | None] = (None, None)
    """B_tr and B_ev of the other phase, to tell a submission of the wrong one."""
    decoded: bool = True
    """Whether behaviour is decoded from the rates, which takes those of the training trials."""
    means: tuple[np.ndarray, np.ndarray] | None = None
    """Mean training count per bin of every held-in `(heldin,)` and held-out `(heldout,)` neuron over the observed window."""

    @staticmethod
    def of(train: Sequence[Trials], test: Trials) -> Expected:
        """Reads the sizes off a benchmark's trials.

        Args:
            train: all trials that may be trained on: the training trials, and those put aside for validation.
            test: trials the phase evaluates.
        """
        counted = sum((_sums(trials) for trials in train), np.zeros((2, test.units)))
        means = counted[0] / np.maximum(counted[1], 1)
        phase = str(test.provenance["benchmark"]["phase"])
        splits = np.concatenate([trials.table["nlb_split"].to_numpy(str) for trials in train])
        here = len(splits), len(test)
        if phase == "val":
            other: tuple[int | None, int | None] = (sum(here), None)
        else:
            other = (int((splits == "train").sum()), int((splits == "val").sum()))
        return Expected(
            train_trials=here[0],
            eval_trials=here[1],
            observed_bins=test.observed_bins,
            forward_bins=test.forward,
            heldin=len(test.heldin),
            heldout=len(test.heldout),
            phase=phase,
            other_phase=other,
            decoded=test.behaviour is not None,
            means=(means[test.heldin], means[test.heldout]),
        )

    @staticmethod
    def of_targets(targets: Mapping[str, Any]) -> Expected:
        """Reads the sizes off a group of targets (`eval_spikes_heldout`, `train_behavior`, ...)."""
        trials, bins, heldout = targets["eval_spikes_heldout"].shape
        behaviour = targets["train_behavior"].shape
        ahead = targets["eval_spikes_heldin_forward"].shape if "eval_spikes_heldin_forward" in targets else None
        every = targets["psth"].shape[2] if "psth" in targets else None
        return Expected(
            train_trials=behaviour[0],
            eval_trials=trials,
            observed_bins=bins,
            forward_bins=None if ahead is None else ahead[1],
            heldin=ahead[2] if ahead is not None else None if every is None else every - heldout,
            heldout=heldout,
            decoded=len(behaviour) == 3,
        )

    @staticmethod
    def of_itself(arrays: Mapping[str, Any]) -> Expected:
        """What the arrays of a group say about each other, where the data are not at hand; `eval_rates_*` lead."""

        def size(keys: Sequence[str], axis: int) -> int | None:
            shapes = [arrays[key].shape for key in keys if key in arrays and len(arrays[key].shape) == 3]
            return int(shapes[0][axis]) if shapes else None

        return Expected(
            train_trials=size(TRAIN, 0),
            eval_trials=size((*EVAL, *FORWARD), 0),
            observed_bins=size((*EVAL, *TRAIN), 1),
            forward_bins=size(FORWARD, 1),
            heldin=size((EVAL[0], TRAIN[0], FORWARD[0]), 2),
            heldout=size((EVAL[1], TRAIN[1], FORWARD[1]), 2),
            decoded=any(key in arrays for key in TRAIN),
        )

    def shape(self, key: str) -> tuple[int | None, int | None, int | None]:
        """(trial, time, unit) of an array of the submission."""
        return (
            self.train_trials if key in TRAIN else self.eval_trials,
            self.forward_bins if key in FORWARD else self.observed_bins,
            self.heldin if "heldin" in key else self.heldout,
        )

    def mean(self, key: str) -> np.ndarray | None:
        """Mean training count of each neuron of an array."""
        return None if self.means is None else self.means[0 if "heldin" in key else 1]


def _sums(trials: Trials) -> np.ndarray:
    """Counts added up, and entries known, of every unit over the observed bins: `(2, unit)`."""
    known = trials.known[:, : trials.observed_bins]
    counts = trials.counts[:, : trials.observed_bins]
    total = np.where(known, counts, 0) if not known.all() else counts
    entries = np.broadcast_to(known.sum((0, 1)), trials.units)
    return np.stack([total.sum((0, 1), dtype=np.float64), entries])
