"""Trials of one session as tensors, split by who may see what."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from neurodyn.data.signal import windows_of
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Observed:
    """All a model's forward may see: held-in units over observed bins, stimuli, known inputs. Nothing else exists in it."""

    signals: Mapping[str, Tensor]
    """Neural signal `(trial, time_observed, heldin)`; stimuli and inputs `(trial, time, ...)`; labels `(trial, ...)`."""
    mask: Tensor
    """Bool `(trial, time_observed)`: true where there is data. Values outside are zero."""
    bins: int
    """Bins to produce: the observed ones, then the forward ones."""
    neural_name: str | None = None
    """Which signal is the population."""
    session: int = 0
    """Index of the session in the model's `DataSpec`."""
    hidden: Tensor | None = None
    """Bool, like the population: entries whose zero says nothing, because they were not recorded or a transform masked them; None where there are none."""

    @property
    def neural(self) -> Tensor:
        """The population, `(trial, time_observed, heldin)`."""
        assert self.neural_name is not None
        return self.signals[self.neural_name]

    @property
    def trials(self) -> int:
        """Number of trials."""
        return int(self.mask.shape[0])


@dataclass(frozen=True, eq=False)
class Batch:
    """Trials of one session: what may be seen, what is privileged, what is compared with. Held-in units come first."""

    observed: Observed
    """What an encoder may see."""
    privileged: Mapping[str, Tensor]
    """Behaviour, at training time only, for models that declare `uses_privileged`. NaN marks missing samples."""
    targets: Mapping[str, Tensor]
    """What a loss compares with: the neural signal `(trial, time, unit)` whole, held-in units first, and signals with role `target`."""
    mask: Tensor
    """Bool `(trial, time)`: bins that count."""
    trial: Tensor
    """Int `(trial,)`: row of each trial in the `Trials` the batch was cut from."""
    loss_weight: Mapping[str, Tensor] = field(default_factory=dict)
    """Weight of each target entry, by signal; transforms set it (coordinated dropout), every objective applies it. Missing means 1."""
    known: Mapping[str, Tensor] = field(default_factory=dict)
    """Bool, like the target: entries that were recorded, for signals of which some were not. Part of `weight`."""
    withheld: Mapping[str, Tensor] = field(default_factory=dict)
    """Bool, like the target: recorded entries that `loss_weight` keeps out of training, to watch the loss on them (sample validation)."""
    shown: Tensor | None = None
    """Int `(trial, 2)`: what each trial was shown (a number for each value of the table's column `stimulus`) and its first bin; None where that is not known."""
    condition: Tensor | None = None
    """Int `(trial,)`: a number for each condition, the same for the same one in any batch; None where trials have none."""

    def weight(self, name: str) -> Tensor:
        """Weight of every entry of a target: the mask times `known` and `loss_weight`, broadcastable to the target."""
        target = self.targets[name]
        mask = self.mask.to(target.dtype if target.is_floating_point() else torch.float32)
        if target.ndim >= 2 and target.shape[1] == mask.shape[1]:
            mask = mask.reshape(*mask.shape, *([1] * (target.ndim - 2)))
        else:
            mask = torch.ones((), device=target.device)
        if name in self.known:
            mask = mask * self.known[name]
        return mask * self.loss_weight[name] if name in self.loss_weight else mask

    def counted(self, name: str) -> Tensor:
        """Bool, like the target: entries with data, to compare with."""
        return (self.weight(name) > 0).expand_as(self.targets[name])

    def with_population(self, activity: Tensor, seen: Tensor | None = None) -> Batch:
        """The same trials with other activity of the population `(trial, time, unit)`, held-in units first.

        Args:
            activity: what a loss compares with.
            seen: what the encoder sees, `(trial, time_observed, heldin)`; by default its part of the activity.
        """
        name = self.observed.neural_name
        assert name is not None
        bins, heldin = self.observed.neural.shape[1:]
        changed = dataclasses.replace(self, targets={**self.targets, name: activity})
        return changed.with_seen(activity[:, :bins, :heldin] if seen is None else seen)

    def with_seen(
        self,
        seen: Tensor,
        weight: Tensor | None = None,
        withheld: Tensor | None = None,
        hidden: Tensor | None = None,
    ) -> Batch:
        """The same trials with other activity for the encoder.

        Args:
            seen: `(trial, time_observed, heldin)`.
            weight: `(trial, time, unit)`, multiplies the population's `loss_weight`.
            withheld: entries of the population that this weight keeps out of training.
            hidden: bool, like `seen`: entries that are masked, besides those that are already.
        """
        name = self.observed.neural_name
        assert name is not None
        before = self.observed.hidden
        hidden = before if hidden is None else hidden if before is None else hidden | before
        observed = dataclasses.replace(self.observed, signals={**self.observed.signals, name: seen}, hidden=hidden)
        weights, out = dict(self.loss_weight), dict(self.withheld)
        if weight is not None:
            weights[name] = weight * weights[name] if name in weights else weight
        if withheld is not None:
            out[name] = withheld | out[name] if name in out else withheld
        return dataclasses.replace(self, observed=observed, loss_weight=weights, withheld=out)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""

        def move(mapping: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: t.to(device) for name, t in mapping.items()}

        hidden = self.observed.hidden
        observed = dataclasses.replace(
            self.observed,
            signals=move(self.observed.signals),
            mask=self.observed.mask.to(device),
            hidden=None if hidden is None else hidden.to(device),
        )
        return Batch(
            observed,
            move(self.privileged),
            move(self.targets),
            self.mask.to(device),
            self.trial.to(device),
            move(self.loss_weight),
            move(self.known),
            move(self.withheld),
            None if self.shown is None else self.shown.to(device),
            None if self.condition is None else self.condition.to(device),
        )

    @staticmethod
    def of(
        trials: Trials,
        index: np.ndarray | None = None,
        session: int = 0,
        starts: np.ndarray | None = None,
        length: int | None = None,
    ) -> Batch:
        """Cuts a batch from trials (all of them, or the rows in `index`), whole or a window of each; lazy signals are read here.

        Args:
            trials: one session's.
            index: int `(row,)`; with `starts` a trial may occur more than once.
            session: index of the session in the model's `DataSpec`.
            starts: int `(row,)`, the first bin of each row's window on the population's clock, 0..bins - length; None takes whole trials.
            length: bins a window.

        Raises:
            InvalidInput: only one of `starts` and `length`; windows of trials with forward bins, or with a signal on another clock; as `Signal.windows`.
        """
        rows = np.arange(len(trials)) if index is None else np.asarray(index)
        window = _window(trials, starts, length)

        def cut(values: np.ndarray) -> np.ndarray:
            """Rows, or their windows, of a mask `(trial, time, ...)`."""
            return np.asarray(values[rows] if window is None else windows_of(values, rows, *window))

        bins = trials.bins if window is None else window[1]
        seen = bins - trials.forward
        # Without held-out units the order is the recorded one, and a large population need not be copied.
        order = torch.from_numpy(trials.unit_order) if len(trials.heldin) < trials.units else slice(None)
        mask = torch.from_numpy(cut(trials.mask))
        observed: dict[str, Tensor] = {}
        privileged: dict[str, Tensor] = {}
        targets: dict[str, Tensor] = {}
        known: dict[str, Tensor] = {}
        hidden = None
        for name, signal in trials.signals.items():
            read = signal.rows(rows) if window is None or signal.kind == "label" else signal.windows(rows, *window)
            values = torch.from_numpy(np.ascontiguousarray(read, dtype=np.float32))
            if signal.role == "neural":
                values = _blank(values[:, :, order], mask)
                targets[name] = values
                if signal.mask is not None and not (recorded := cut(signal.mask)).all():
                    per_entry = torch.from_numpy(recorded).reshape(len(rows), bins, -1)
                    known[name] = per_entry.expand(*values.shape)[:, :, order]
                    targets[name] = values = values.masked_fill(~known[name], 0.0)
                    unknown = ~known[name][:, :seen, : len(trials.heldin)]
                    hidden = unknown if unknown.any() else None
                observed[name] = values[:, :seen, : len(trials.heldin)]
            elif signal.role == "behaviour":
                privileged[name] = values
            elif signal.role == "target":
                targets[name] = values if signal.kind == "label" else _blank(values, mask)
                if signal.mask is not None:
                    counted = torch.from_numpy(np.ascontiguousarray(cut(signal.mask)))
                    known[name] = counted.reshape(*counted.shape, *([1] * (values.ndim - counted.ndim)))
            else:
                observed[name] = values if signal.kind == "label" else _blank(values, mask)
        return Batch(
            observed=Observed(observed, mask[:, :seen], bins, trials.neural_name, session, hidden),
            privileged=privileged,
            targets=targets,
            mask=mask,
            trial=torch.from_numpy(rows),
            known=known,
            shown=_shown(trials, rows, None if window is None else window[0]),
            condition=_condition(trials, rows),
        )

    def take(self, rows: Tensor) -> Batch:
        """Some trials of a batch."""

        def pick(mapping: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: t[rows] for name, t in mapping.items()}

        hidden = self.observed.hidden
        observed = dataclasses.replace(
            self.observed,
            signals=pick(self.observed.signals),
            mask=self.observed.mask[rows],
            hidden=None if hidden is None else hidden[rows],
        )
        return Batch(
            observed,
            pick(self.privileged),
            pick(self.targets),
            self.mask[rows],
            self.trial[rows],
            pick(self.loss_weight),
            pick(self.known),
            pick(self.withheld),
            None if self.shown is None else self.shown[rows],
            None if self.condition is None else self.condition[rows],
        )


def _window(trials: Trials, starts: np.ndarray | None, length: int | None) -> tuple[np.ndarray, int] | None:
    """Starts and length of the windows, checked; None for whole trials."""
    if starts is None and length is None:
        return None
    if starts is None or length is None:
        raise InvalidInput("starts, length", f"starts={starts}, length={length}", "both, or neither")
    if trials.forward:
        raise InvalidInput(
            "forward", f"{trials.forward} forward bins", "none: a window within a trial has nothing ahead of it"
        )
    for name, signal in trials.signals.items():
        if signal.kind != "label" and signal.bins != trials.bins:
            raise InvalidInput(
                name, f"{signal.bins} bins", f"{trials.bins}, like the population: windows are cut on its clock"
            )
    return np.asarray(starts), length


def _shown(trials: Trials, rows: np.ndarray, starts: np.ndarray | None) -> Tensor | None:
    """What was shown in each row and from which bin on; the same number for the same stimulus in any batch, a number of its own for a trial of which it is not known."""
    if "stimulus" not in trials.table:
        return None
    stimulus = trials.table["stimulus"].iloc[rows]
    numbers = pd.util.hash_array(stimulus.to_numpy().astype(str).astype(object), categorize=False).view(np.int64)
    numbers = np.where(stimulus.isna(), rows, numbers)
    first = np.zeros(len(rows), np.int64) if starts is None else starts.astype(np.int64)
    return torch.from_numpy(np.stack([numbers, first], 1))


def _condition(trials: Trials, rows: np.ndarray) -> Tensor | None:
    """Conditions that are whole numbers as they are, others by a number of their own; -1 for a trial that has none."""
    if trials.conditions is None:
        return None
    found = trials.conditions[rows]
    if not np.issubdtype(found.dtype, np.integer):
        hashed = pd.util.hash_array(found.astype(str).astype(object), categorize=False).view(np.int64)
        found = np.where(pd.isna(found), -1, hashed)
    return torch.from_numpy(found.astype(np.int64))


def _blank(values: Tensor, mask: Tensor) -> Tensor:
    """Zero outside the mask, whatever was there (NaN too); signals on another clock as they are."""
    if values.ndim < 2 or values.shape[1] != mask.shape[1] or bool(mask.all()):
        return values
    return values.masked_fill(~mask.reshape(*mask.shape, *([1] * (values.ndim - 2))), 0.0)
