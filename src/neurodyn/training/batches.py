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

    def __call__(self, rows: np.ndarray, starts: np.ndarray | None = None, length: int | None = None) -> Batch:
        """The trials of these rows, or a window of each (`Batch.of`)."""
        if self._whole is None or starts is not None:
            return Batch.of(self.trials, rows, self._session, starts, length).to(self._device)
        return self._whole.take(torch.from_numpy(rows).to(self._device))

    def in_order(self, size: int) -> Iterator[Batch]:
        """All trials in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self(np.arange(start, min(start + size, len(self))))


def check_batch_size(
    batch_size: int | None, sessions: Sequence[Trials], in_turn: bool = False, processes: int = 1
) -> None:
    """Raises `InvalidInput` for a batch larger than the training trials, or smaller than the number of sessions; sessions in turn give what they have.

    So it does for more processes than trials in the smallest batch of a session.
    """
    for trials in sessions if processes > 1 else ():
        size = len(trials) // math.ceil(len(trials) / _trials_a_session(batch_size, len(sessions), in_turn))
        if size < processes:
            fix = "Give fewer processes, or a larger train.batch_size."
            what = f"at most {size}, the trials of session {trials.session!r} in its smallest batch"
            raise InvalidInput("train.processes", processes, what, fix)
    if in_turn:
        return
    total = sum(len(trials) for trials in sessions)
    if batch_size is not None and batch_size > total:
        raise InvalidInput(
            "train.batch_size", batch_size, f"at most {total}, the training trials", "Give a smaller batch_size."
        )
    if batch_size is not None and batch_size < len(sessions):
        raise InvalidInput("train.batch_size", batch_size, f"at least {len(sessions)}, one trial a session")


def _trials_a_session(batch_size: int | None, sessions: int, in_turn: bool) -> int:
    """Trials that a step takes of a session, at most."""
    return max(1, (batch_size or DEFAULT_BATCH_SIZE) // (1 if in_turn else sessions))


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
        in_turn: a step has a batch of one session, and `batch_size` is its size; by default one of each.
        window_bins: take a random window of so many bins of every trial; None takes trials whole.
        fresh: draw new trials for every step, where the sessions' trials can be drawn; None does so where they all can.
        share: which of how many processes this is: each takes its part of the trials of every batch.

    Raises:
        InvalidInput: a batch size larger than the training trials, or smaller than the number of sessions; more processes than a batch's trials; fresh trials of
            data that cannot be drawn.
    """

    def __init__(
        self,
        sessions: Sequence[Trials],
        batch_size: int | None,
        seed: int,
        transforms: Sequence[Transform] = (),
        device: torch.device | None = None,
        *,
        in_turn: bool = False,
        window_bins: int | None = None,
        fresh: bool | None = False,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        check_batch_size(batch_size, sessions, in_turn, share[1])
        size = _trials_a_session(batch_size, len(sessions), in_turn)
        self._in_turn, self._share = in_turn, share
        self._window = None if window_bins is None else min(window_bins, *(t.bins for t in sessions))
        self._drawn = all(t.draw is not None for t in sessions) if fresh is None else fresh
        for trials in sessions if self._drawn else ():
            if trials.draw is None:
                fix = "Leave train.fresh_trials out, or give a task (neurodyn data list)."
                raise InvalidInput("train.fresh_trials", True, f"false: {trials.session!r} is no task", fix)
        self.device = device or torch.device("cpu")
        self._rows = [Rows(trials, session, self.device) for session, trials in enumerate(sessions)]
        self._chunks = [math.ceil(len(rows) / size) for rows in self._rows]
        self._seed = seed
        self.transforms = transforms
        self._dealing: dict[int, tuple[tuple[int, int], list[np.ndarray]]] = {}
        self._generator = torch.Generator(self.device)
        self.steps = max(self._chunks) * (len(sessions) if in_turn else 1)
        """Steps an epoch."""

    def at(self, epoch: int, index: int) -> tuple[Batch, ...]:
        """The batches of one step.

        Args:
            epoch: counted from 0.
            index: step within the epoch, counted from 0.
        """
        several = len(self._rows)
        turn = index // several if self._in_turn else index
        batches = []
        for session in (index % several,) if self._in_turn else range(several):
            cycle, chunk = divmod(turn, self._chunks[session])
            rows = self._dealt(epoch, session, cycle)[chunk]
            trials, source = self._rows[session].trials, self._rows[session]
            if self._drawn:
                assert trials.draw is not None
                trials = trials.draw(len(rows), self._seed, epoch * self.steps + index)
                source, rows = Rows(trials, session, self.device), np.arange(len(rows))
            starts = self._starts(trials.mask[rows], epoch, index, session)
            if self._share[1] > 1:
                mine = np.array_split(np.arange(len(rows)), self._share[1])[self._share[0]]
                rows, starts = rows[mine], None if starts is None else starts[mine]
            batches.append(source(rows, starts, self._window))
        if self.transforms:
            place = self._share[:1] if self._share[1] > 1 else ()
            self._generator.manual_seed(key(self._seed, Stream.TRANSFORM, epoch, index, *place))
            for transform in self.transforms:
                batches = [transform(batch, self._generator) for batch in batches]
        return tuple(batches)

    def _starts(self, mask: np.ndarray, epoch: int, index: int, session: int) -> np.ndarray | None:
        """First bins of the windows of trials with a mask `(trial, time)`: every place where a window fits between the trial's first and last bin; None for whole trials."""
        if self._window is None:
            return None
        first, end = mask.argmax(1), mask.shape[1] - mask[:, ::-1].argmax(1)
        last = np.maximum(end - self._window, first).clip(0, mask.shape[1] - self._window)
        draw = np.random.default_rng(key(self._seed, Stream.WINDOW, epoch, index, session)).random(len(mask))
        first = np.minimum(first, last)
        return np.asarray(first + np.floor(draw * (last - first + 1)).astype(int))

    def _dealt(self, epoch: int, session: int, cycle: int) -> list[np.ndarray]:
        known = self._dealing.get(session)
        if known is None or known[0] != (epoch, cycle):
            order = np.random.default_rng(key(self._seed, Stream.ORDER, epoch, session, cycle))
            permuted = order.permutation(len(self._rows[session]))
            known = ((epoch, cycle), np.array_split(permuted, self._chunks[session]))
            self._dealing[session] = known
        return known[1]
