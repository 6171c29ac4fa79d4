"""The learning rate and the weight decay at a place in training, and the memory the plateau schedule needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurodyn.training.config import TrainConfig

PLATEAU_FACTOR = 0.95
COSINE_FLOOR = 0.01
HOLD_COSINE_FLOOR = 0.001
WARMUP_START = 1 / 3
"""Share of the highest rate that a warm-up over steps begins at."""


@dataclass
class Plateau:
    """Shrinks the rate by 0.95 after some epochs without a better validation score."""

    scale: float = 1.0
    best: float = -math.inf
    waited: int = 0

    def saw(self, score: float, patience: int) -> None:
        """Takes the validation score of an epoch (higher is better); `patience` epochs in a row without a better one shrink the rate."""
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited >= patience:
            self.scale, self.waited = self.scale * PLATEAU_FACTOR, 0


def learning_rate(config: TrainConfig, step: int, steps_an_epoch: int, plateau_scale: float = 1.0) -> float:
    """The learning rate of a step: linear warm-up, then the schedule.

    Args:
        config: `schedule`, `learning_rate`, `warmup_epochs`, `warmup_steps` and `epochs` are used.
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
    if config.warmup_steps is not None:
        warmup = config.warmup_steps
        if step < warmup:
            return config.learning_rate * (WARMUP_START + (1 - WARMUP_START) * step / warmup)
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    if config.schedule == "cosine":
        done = (step - warmup) / max(config.epochs * steps_an_epoch - warmup, 1)
        fall = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return config.learning_rate * (COSINE_FLOOR + (1 - COSINE_FLOOR) * fall)
    if config.schedule == "hold_cosine":
        half = config.epochs * steps_an_epoch / 2
        fall = 0.5 * (1 + math.cos(math.pi * min(max(step / half - 1, 0.0), 1.0)))
        return config.learning_rate * (HOLD_COSINE_FLOOR + (1 - HOLD_COSINE_FLOOR) * fall)
    if config.schedule == "inverse_sqrt":
        return config.learning_rate * math.sqrt((warmup + 1) / (step + 1))
    if config.schedule == "plateau":
        return max(config.learning_rate * plateau_scale, min(config.plateau_floor, config.learning_rate))
    return config.learning_rate


def weight_decay(config: TrainConfig, epoch: int) -> float:
    """The weight decay of an epoch, counted from 0.

    >>> weight_decay(TrainConfig(weight_decay=0.5, weight_decay_increase_epochs=100), 50)
    0.25
    """
    rise = min(epoch / config.weight_decay_increase_epochs, 1.0) if config.weight_decay_increase_epochs else 1.0
    return config.weight_decay * rise
