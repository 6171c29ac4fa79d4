"""Shuffled pairing: behaviour and stimuli are dealt out anew among the trials of every batch, as a control."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import torch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class PairingShuffleConfig:
    """No options."""


class PairingShuffle(Transform):
    """Permutes all behaviour, stimuli and known inputs across the trials of a batch, together, anew at every step; no trial keeps its own.

    What is then learned knows how activity looks and how behaviour looks, but not which belongs to which. An alignment must score far better than this control.
    Nothing comes from outside the batch, so it works on windows and lazy signals too.
    """

    Config: ClassVar = PairingShuffleConfig
    stage: ClassVar[Stage] = Stage.ACTIVITY

    def __init__(self, config: PairingShuffleConfig | None = None) -> None:
        self.config = config or PairingShuffleConfig()

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Looks whether there is anything to shuffle.

        Raises:
            InvalidInput: a session with a single trial.
        """
        for trials in sessions:
            if len(trials) < 2:
                raise InvalidInput("pairing_shuffle", f"1 trial in session {trials.session!r}", "two or more")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        ring = torch.randperm(len(batch.trial), generator=generator, device=generator.device).to(batch.mask.device)
        order = torch.empty_like(ring)
        order[ring] = ring.roll(1)  # one cycle through all trials has no fixed point
        observed = batch.observed
        signals = {
            name: values if name == observed.neural_name else values[order] for name, values in observed.signals.items()
        }
        return dataclasses.replace(
            batch,
            privileged={name: values[order] for name, values in batch.privileged.items()},
            observed=dataclasses.replace(observed, signals=signals),
        )
