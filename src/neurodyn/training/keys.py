"""Randomness from a place in training instead of from history: a resumed run draws what an uninterrupted one would."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What a key is for: two uses never share one."""

    WEIGHTS = 0
    SPLIT = 1
    ORDER = 2
    TRANSFORM = 3
    STEP = 4
    SEARCH = 5
    VALIDATION = 6
    WINDOW = 7


def key(seed: int, stream: Stream, *place: int) -> int:
    """A 63-bit seed of a place in training, e.g. (epoch, step). Places that differ give independent seeds.

    Args:
        seed: the run's seed, at least 0.
        stream: what the randomness is for.
        place: epoch, step, session, ...: whatever names the place.
    """
    words = np.random.SeedSequence((seed, int(stream), *place)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def seed_step(seed: int, epoch: int, index: int, rank: int = 0) -> None:
    """Seeds the global torch generators for one optimiser step (posterior samples, dropout), for each of several processes in its own way."""
    value = key(seed, Stream.STEP, epoch, index, *((rank,) if rank else ()))
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(value)
