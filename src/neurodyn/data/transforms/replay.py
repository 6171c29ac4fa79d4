"""Replay: spikes drawn anew from what the model expects, to be read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms._spikes import require_spikes
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials


@dataclass(frozen=True)
class ReplayConfig:
    """How much is replayed, and from when on."""

    share: float = 0.5
    """Share of the training batches that are replayed ones."""
    weight: float = 0.3
    """Weight of a replayed entry in the loss; with coordinated dropout of the same rate both kinds of batches pull alike."""
    start_epoch: int = 20
    """First epoch of it: before, the model expects nothing worth replaying."""
    stop_epoch: int | None = None
    """First epoch without it again; empty for none. What is replayed varies less than the truth, so that rates shrink towards their mean: a stretch on recorded spikes alone, at the end, undoes that."""

    def __post_init__(self) -> None:
        check_choices(self, "replay")
        check_range("replay.share", self.share, 0, 1)
        check_range("replay.weight", self.weight, 0, open_low=True)
        check_range("replay.start_epoch", self.start_epoch, 0)
        if self.stop_epoch is not None:
            check_range("replay.stop_epoch", self.stop_epoch, self.start_epoch)


class Replay(Transform):
    """In place of a batch's spikes, a draw from the rates the model infers of them now; these rates are then what the loss compares with.

    An encoder sees a recorded trial's spikes again and again and over-fits to them; here it meets the same trajectory under ever new noise, whole and with
    a target free of noise. Rates come from the averaged weights, posterior means, without dropout. The sleep phase of Hinton et al. 1995
    (doi:10.1126/science.7761831), with trajectories inferred from data in place of dreamt ones. Spikes only.
    """

    Config: ClassVar = ReplayConfig
    stage: ClassVar[Stage] = Stage.REPLAYED
    spikes_only: ClassVar[bool] = True

    def __init__(self, config: ReplayConfig | None = None) -> None:
        self.config = config or ReplayConfig()
        self._expected: Callable[[Batch], Tensor] | None = None

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Raises `InvalidInput` for a population that is not spikes."""
        require_spikes(sessions, "replay")

    def begin(self, epoch: int, expected: Callable[[Batch], Tensor]) -> None:
        c = self.config
        on = c.start_epoch <= epoch and (c.stop_epoch is None or epoch < c.stop_epoch)
        self._expected = expected if on else None

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        drawn = torch.rand((), generator=generator, device=generator.device)
        if self._expected is None or float(drawn) >= self.config.share:
            return batch
        name = batch.observed.neural_name
        assert name is not None
        seen, heldin = batch.observed.neural.shape[1:]
        rates = self._expected(_showing(batch, batch.targets[name][:, :seen, :heldin]))
        inside = rates * batch.mask[..., None]
        spikes = torch.poisson(inside[:, :seen, :heldin], generator=generator)
        replayed = _showing(batch, spikes)
        return dataclasses.replace(
            replayed,
            targets={**batch.targets, name: inside},
            loss_weight={**batch.loss_weight, name: torch.full_like(inside, self.config.weight)},
            known={other: known for other, known in batch.known.items() if other != name},
        )


def _showing(batch: Batch, counts: Tensor) -> Batch:
    """The batch with other counts before the encoder."""
    name = batch.observed.neural_name or ""
    observed = dataclasses.replace(batch.observed, signals={**batch.observed.signals, name: counts})
    return dataclasses.replace(batch, observed=observed)
