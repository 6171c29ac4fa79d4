"""Training windows that start anywhere in the training recording, not only where the trials were cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials


@dataclass(frozen=True)
class WindowShiftConfig:
    """No options."""


class WindowShift(Transform):
    """Moves every training window by up to half its length, where the training trials were cut side by side from one recording.

    Needs the table columns `start_bin` (first bin of the trial in its recording) and, with several recordings, `segment`. Training trials
    that follow each other without a gap are joined; a window moves within its stretch only, so that no bin of a validation or test trial is
    ever touched. Trials without those columns, of different length, with unknown counts, or alone in their stretch are left as they are; so
    are batches with a signal on another clock.
    """

    Config: ClassVar = WindowShiftConfig
    stage: ClassVar[Stage] = Stage.TRIALS

    def __init__(self, config: WindowShiftConfig | None = None) -> None:
        self.config = config or WindowShiftConfig()
        self._sessions: list[_Stretches | None] = []

    @property
    def moves(self) -> bool:
        """Whether the trials it was prepared for have windows that move."""
        return any(stretches is not None for stretches in self._sessions)

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Joins the training trials of every session into stretches."""
        self._sessions = [_Stretches.of(trials) for trials in sessions]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        session = batch.observed.session
        stretches = self._sessions[session] if session < len(self._sessions) else None
        if stretches is None or batch.observed.neural_name is None:
            return batch
        bins = batch.observed.bins
        low, high = stretches.low[batch.trial.cpu()], stretches.high[batch.trial.cpu()]
        drawn = torch.rand(len(low), generator=generator, device=generator.device).cpu()
        start = low + (drawn * (high - low + 1)).long().clamp_max(high - low)
        rows = start[:, None] + torch.arange(bins)

        def cut(name: str, like: Tensor) -> Tensor:
            return stretches.joined[name][rows].to(like.device, like.dtype)

        name = batch.observed.neural_name
        seen, heldin = batch.observed.neural.shape[1:]
        target = cut(name, batch.targets[name])
        targets = {n: target if n == name else cut(n, t) for n, t in batch.targets.items()}
        signals = {n: target[:, :seen, :heldin] if n == name else cut(n, t) for n, t in batch.observed.signals.items()}
        privileged = {n: cut(n, t)[:, : t.shape[1]] for n, t in batch.privileged.items()}
        observed = dataclasses.replace(batch.observed, signals=signals)
        return dataclasses.replace(batch, observed=observed, targets=targets, privileged=privileged)


class _Stretches:
    """Trials of one session joined end to end where nothing is missing between them."""

    def __init__(self, joined: dict[str, Tensor], low: Tensor, high: Tensor) -> None:
        self.joined = joined
        """Every signal over the joined bins, `(joined_time, ...)`; the population's units held-in first."""
        self.low, self.high = low, high
        """First and last joined bin at which the window of each trial may start."""

    @staticmethod
    def of(trials: Trials) -> _Stretches | None:
        """None where there is nothing to join."""
        bins = trials.bins
        if "start_bin" not in trials.table or trials.neural_name is None or not trials.known.all():
            return None
        wide = {n: s for n, s in trials.signals.items()}
        if any(s.kind == "label" or s.bin_s != trials.bin_s for s in wide.values()):
            return None
        if any(s.bins != bins and s.role != "behaviour" for s in wide.values()):
            return None
        start = trials.table["start_bin"].to_numpy(dtype=np.int64)
        segment = trials.table["segment"].to_numpy() if "segment" in trials.table else np.zeros(len(start), int)
        labels = np.unique(segment, return_inverse=True)[1]
        order = np.lexsort((start, labels))
        follows = (np.diff(start[order]) <= bins) & (np.diff(labels[order]) == 0)
        stretch = np.concatenate([[0], np.cumsum(~follows)])
        if len(np.unique(stretch)) == len(start):
            return None
        ends = np.array([start[order[stretch == k]].max() + bins for k in range(stretch[-1] + 1)])
        begins = np.array([start[order[stretch == k]].min() for k in range(stretch[-1] + 1)])
        offset = np.concatenate([[0], np.cumsum(ends - begins)])
        place = np.empty(len(start), np.int64)
        place[order] = offset[stretch] + start[order] - begins[stretch]
        of_trial = np.empty(len(start), np.int64)
        of_trial[order] = stretch
        joined = {}
        for name, signal in wide.items():
            values = np.asarray(signal.values[:], np.float32)
            if name == trials.neural_name:
                values = values[:, :, trials.unit_order]
            empty = np.nan if signal.role == "behaviour" else 0.0
            whole = np.full((offset[-1], *values.shape[2:]), empty, np.float32)
            for k, at in enumerate(place):
                whole[at : at + values.shape[1]] = values[k]
            joined[name] = torch.from_numpy(whole)
        low = np.maximum(place - bins // 2, offset[:-1][of_trial])
        high = np.minimum(place + (bins - 1) // 2, offset[1:][of_trial] - bins)
        return _Stretches(joined, torch.from_numpy(low), torch.from_numpy(high))
