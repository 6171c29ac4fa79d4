"""Dynamics left to themselves: long runs from many states at once, under no, a constant or a repeated input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.config import check_range
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float, Int

LIMIT = 1e6
"""A run has diverged where it is this many times farther from the starts' centroid than they are, or no finite number."""


@dataclass(frozen=True, eq=False)
class FreeRun:
    """Long runs. One that diverged stays at its last state that had not."""

    states: Float[Array, "trial time state"]
    """The first bin is one step after the start, or one after the transient."""
    lived: Int[Array, " trial"]
    """Bins before a run diverged, the transient counted; all of them where it did not."""
    diverged: Bool[Array, " trial"]

    @property
    def sound(self) -> Float[Array, "trial time state"]:
        """The runs that did not diverge."""
        return self.states[~self.diverged]


def scale_of(starts: Array) -> float:
    """The unit in which a run's distance counts: the larger of the starts' mean distance from their centroid and their mean length; 1 where both are 0."""
    spread = np.linalg.norm(starts - starts.mean(0), axis=1).mean()
    return float(max(spread, np.linalg.norm(starts, axis=1).mean())) or 1.0


def free_run(
    dynamics: DiscreteMap,
    starts: Float[Array, "trial state"],
    inputs: Array | None = None,
    *,
    bins: int,
    transient: int = 0,
    limit: float = LIMIT,
) -> FreeRun:
    """Runs from given states, all at once.

    Args:
        dynamics: one bin of a model or a simulator.
        starts: finite states.
        inputs: none; one held for all, `(input,)`; one a trial, `(trial, input)`; or a course `(trial, time, input)`, repeated when it ends.
        bins: that are kept.
        transient: bins before them that are not.
        limit: distance from the starts' centroid at which a run has diverged, in the starts' scale (`scale_of`).

    Raises:
        InvalidInput: no bins; starts or inputs that are not finite; inputs of another shape.

    >>> grown = free_run(DiscreteMap.of_arrays(lambda x, u: 3 * x), np.array([[0.0], [1.0]]), bins=50)
    >>> grown.diverged.tolist(), grown.lived.tolist(), bool(np.isfinite(grown.states).all())
    ([False, True], [50, 11], True)
    """
    check_range("bins", bins, 1)
    check_range("transient", transient, 0)
    check_range("limit", limit, 0, open_low=True)
    if not len(starts) or not np.isfinite(starts).all():
        what = "none" if not len(starts) else "values that are not finite"
        raise InvalidInput("starts", what, "finite states, at least one")
    course = course_of(inputs, len(starts))
    centre, farthest = starts.mean(0), limit * scale_of(starts)
    state = starts.astype(np.float64)
    lived = np.full(len(starts), transient + bins)
    alive = np.ones(len(starts), bool)
    states = np.empty((len(starts), bins, state.shape[1]))
    for t in range(transient + bins):
        with np.errstate(all="ignore"):
            after = dynamics.step(state, course[:, t % course.shape[1]])
            far = ~(np.linalg.norm(after - centre, axis=1) <= farthest)  # not a number counts as far
        lived[alive & far] = t
        alive &= ~far
        state = np.where(alive[:, None], after, state)
        if t >= transient:
            states[:, t - transient] = state
    return FreeRun(states, lived, ~alive)


def course_of(inputs: Array | None, trials: int) -> Float[Array, "trial time input"]:
    """Inputs as `(trial, time, input)`, from any form that `free_run` takes; time is 1 where they are held.

    Raises:
        InvalidInput: another shape, or values that are not finite.
    """
    if inputs is None:
        return np.zeros((trials, 1, 0))
    given = np.asarray(inputs, float)
    if given.ndim == 1:
        given = np.broadcast_to(given, (trials, given.size))
    if given.ndim == 2:
        given = given[:, None]
    if given.ndim != 3 or len(given) != trials or not given.shape[1] or not np.isfinite(given).all():
        what = f"shape {np.shape(inputs)}" if np.isfinite(given).all() else "values that are not finite"
        raise InvalidInput("inputs", what, f"(input,), ({trials}, input) or ({trials}, time, input), finite")
    return np.asarray(given)
