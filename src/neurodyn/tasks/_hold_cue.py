"""What reaching tasks share whose go signal is the end of a hold cue: ramps, timing, where a target lies."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Bool, Float

RAMP = np.array([0.05, 0.10, 0.20, 0.35, 0.65, 0.80, 0.90, 0.95])
"""How a cue comes on, bin by bin; it goes off the same way backwards."""
BUMP = np.concatenate([RAMP, np.ones(7), RAMP[::-1]])
"""A short cue, `(23,)`."""


def check_timing(field: str, bins: tuple[int, ...]) -> None:
    """Raises `InvalidInput` for a range of bins that is not one."""
    if len(bins) != 2 or bins[0] < 0 or bins[1] < bins[0]:
        raise InvalidInput(field, bins, "a shortest and a longest time in bins, 0 or more and in this order")


def check_output(offset: int, start: tuple[int, int], output_bins: int, bins: int) -> None:
    """Checks that the output fits into the trial, given the bins `(earliest, latest)` that it would start in without its offset.

    Raises:
        InvalidInput: it can start before the trial, or end after it.
    """
    if start[0] + offset < 0:
        fix = "Make the shortest of before_cue_bins or delay_bins longer."
        raise InvalidInput("task.output_offset_bins", offset, f"at least {-start[0]}: outputs start in the trial", fix)
    needed = start[1] + offset + output_bins
    if bins < needed:
        fix = "Give the trial more bins, or shorten before_cue_bins or delay_bins."
        raise InvalidInput("task.bins", bins, f"at least {needed}, which the longest trial needs", fix)


def drawn_reaches(
    streams: TrialStreams, conditions: int, before_cue: tuple[int, int], delay: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Condition of each trial, bins before its cue and bins of its delay; where there are enough trials the first ones are one of each condition."""
    condition = streams.choice(conditions)
    if streams.trials >= conditions:
        condition[:conditions] = np.arange(conditions)
    drawn = streams.integers(before_cue[1] - before_cue[0] + 1, delay[1] - delay[0] + 1)
    return condition, before_cue[0] + drawn[:, 0], delay[0] + drawn[:, 1]


def hold_cue(end: Array, bins: int) -> Float[Array, "trial time"]:
    """1 from the start of each trial up to bin `end`, the last bins before it ramped down."""
    cue = (np.arange(bins) < end[:, None]).astype(np.float32)
    put(cue, RAMP[None, ::-1], end - len(RAMP))
    return cue


def put(into: Float[Array, "trial time *rest"], values: Array, start: Array) -> None:
    """Writes values `(trial, time, *rest)`, or `(1, time, *rest)` for all trials, into each trial from its bin `start` on."""
    into[np.arange(len(into))[:, None], start[:, None] + np.arange(values.shape[1])] = values


def counted_before(stop: Array, bins: int, outputs: int) -> Bool[Array, "trial time output"]:
    """Entries before bin `stop` of each trial."""
    return np.repeat((np.arange(bins) < stop[:, None])[:, :, None], outputs, axis=2)
