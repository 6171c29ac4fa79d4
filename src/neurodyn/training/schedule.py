"""The learning rate at a place in training, and the memory the plateau schedule needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurodyn.training.config import TrainConfig

PLATEAU_FACTOR = 0.95
PLATEAU_EPOCHS = 6
COSINE_FLOOR = 0.01


@dataclass
class Plateau:
    """Shrinks the rate by 0.95 after 6 epochs without a better validation score."""

    scale: float = 1.0
    best: float = -math.inf
    waited: int = 0

    def saw(self, score: float) -> None:
        """Takes the validation score of an epoch (higher is better)."""
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited >= PLATEAU_EPOCHS:
            self.scale, self.waited = self.scale * PLATEAU_FACTOR, 0


def learning_rate(config: TrainConfig, step: int, steps_an_epoch: int, plateau_scale: float = 1.0) -> float:
    """The learning rate of a step: linear warm-up, then the schedule.

    Args:
        config: `schedule`, `learning_rate`, `warmup_epochs` and `epochs` are used.
        step: steps taken so far.
        steps_an_epoch: steps of one epoch.
        plateau_scale: how far the plateau schedule has shrunk the rate.
    """
    if config.schedule == "epoch_cosine":
        epoch, first = step // steps_an_epoch, config.warmup_epochs
        if epoch < first:
            return config.learning_rate * epoch / first
        done = min((epoch - first) / max(config.epochs - first, 1), 1.0)
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    warmup = config.warmup_epochs * steps_an_epoch
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    if config.schedule == "cosine":
        done = (step - warmup) / max(config.epochs * steps_an_epoch - warmup, 1)
        fall = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return config.learning_rate * (COSINE_FLOOR + (1 - COSINE_FLOOR) * fall)
    if config.schedule == "inverse_sqrt":
        return config.learning_rate * math.sqrt((warmup + 1) / (step + 1))
    return config.learning_rate * (plateau_scale if config.schedule == "plateau" else 1.0)
