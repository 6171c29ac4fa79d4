"""Training batches by their place: `at(epoch, index)` gives the same batch whenever it is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.keys import Stream, key

DEFAULT_BATCH_SIZE = 64


class Rows:
    """Batches of one session by trial index. In-memory signals become tensors once; lazy ones are read when asked for."""

    def __init__(self, trials: Trials, session: int, device: torch.device) -> None:
        lazy = any(type(signal.values) is not np.ndarray for signal in trials.signals.values())
        self.trials, self._session, self._device = trials, session, device
        self._whole = None if lazy else Batch.of(trials, session=session).to(device)

    def __len__(self) -> int:
        return len(self.trials)

    def __call__(self, rows: np.ndarray) -> Batch:
        if self._whole is None:
            return Batch.of(self.trials, rows, self._session).to(self._device)
        return self._whole.take(torch.from_numpy(rows).to(self._device))

    def in_order(self, size: int) -> Iterator[Batch]:
        """All trials in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self(np.arange(start, min(start + size, len(self))))


def check_batch_size(batch_size: int | None, sessions: Sequence[Trials]) -> None:
    """Raises `InvalidInput` for a batch larger than the training trials, or smaller than the number of sessions."""
    total = sum(len(trials) for trials in sessions)
    if batch_size is not None and batch_size > total:
        raise InvalidInput(
            "train.batch_size", batch_size, f"at most {total}, the training trials", "Give a smaller batch_size."
        )
    if batch_size is not None and batch_size < len(sessions):
        raise InvalidInput("train.batch_size", batch_size, f"at least {len(sessions)}, one trial a session")


class Batches:
    """The training batches of every epoch: a tuple of batches a step, one a session.

    An epoch lasts as long as the session with most trials; the others begin again, in another order. Trials are dealt into
    batches whose sizes differ by one at most, and none is dropped.

    Args:
        sessions: training trials of each session.
        batch_size: trials a step, over all sessions; None takes 64, or all where there are fewer.
        seed: the run's seed: the order is keyed by (seed, epoch), the transforms by (seed, epoch, step).
        transforms: applied to every batch, in order.
        device: where the tensors live.

    Raises:
        InvalidInput: a batch size larger than the training trials, or smaller than the number of sessions.
    """

    def __init__(
        self,
        sessions: Sequence[Trials],
        batch_size: int | None,
        seed: int,
        transforms: Sequence[Transform] = (),
        device: torch.device | None = None,
    ) -> None:
        check_batch_size(batch_size, sessions)
        share = max(1, (batch_size or DEFAULT_BATCH_SIZE) // len(sessions))
        self.device = device or torch.device("cpu")
        self._rows = [Rows(trials, session, self.device) for session, trials in enumerate(sessions)]
        self._chunks = [math.ceil(len(rows) / share) for rows in self._rows]
        self._seed = seed
        self.transforms = transforms
        self._dealing: dict[int, tuple[tuple[int, int], list[np.ndarray]]] = {}
        self._generator = torch.Generator(self.device)
        self.steps = max(self._chunks)
        """Steps an epoch."""

    def at(self, epoch: int, index: int) -> tuple[Batch, ...]:
        """The batches of one step.

        Args:
            epoch: counted from 0.
            index: step within the epoch, counted from 0.
        """
        batches = []
        for session, rows in enumerate(self._rows):
            cycle, chunk = divmod(index, self._chunks[session])
            batches.append(rows(self._dealt(epoch, session, cycle)[chunk]))
        if self.transforms:
            self._generator.manual_seed(key(self._seed, Stream.TRANSFORM, epoch, index))
            for transform in self.transforms:
                batches = [transform(batch, self._generator) for batch in batches]
        return tuple(batches)

    def _dealt(self, epoch: int, session: int, cycle: int) -> list[np.ndarray]:
        known = self._dealing.get(session)
        if known is None or known[0] != (epoch, cycle):
            order = np.random.default_rng(key(self._seed, Stream.ORDER, epoch, session, cycle))
            permuted = order.permutation(len(self._rows[session]))
            known = ((epoch, cycle), np.array_split(permuted, self._chunks[session]))
            self._dealing[session] = known
        return known[1]
