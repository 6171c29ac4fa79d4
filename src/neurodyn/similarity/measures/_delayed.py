"""What measures of dynamics share: activities in delay coordinates, the rank of a pair, and all pairs with each activity embedded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Protocol, runtime_checkable

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.delay_embedding import DelayCoordinates
from neurodyn.similarity.linear_operator import Transitions, transitions

_PAIRS = 64
"""Pairs that are compared between two ticks of the progress bar."""


@runtime_checkable
class DelayOptions(Protocol):
    """Options of how activity becomes states."""

    @property
    def delays(self) -> int: ...
    @property
    def delay_interval(self) -> int: ...
    @property
    def rank(self) -> int | float: ...
    @property
    def ridge(self) -> float: ...
    @property
    def pca(self) -> float | None: ...


def check_delay_options(config: DelayOptions, where: str) -> None:
    """Raises `InvalidInput` naming the option at fault."""
    check_range(f"{where}.delays", config.delays, 1)
    check_range(f"{where}.delay_interval", config.delay_interval, 1)
    check_range(f"{where}.ridge", config.ridge, 0)
    if isinstance(config.rank, int):
        check_range(f"{where}.rank", config.rank, 1)
    else:
        check_range(f"{where}.rank", config.rank, 0, 1, open_low=True)
    if config.pca is not None:
        check_range(f"{where}.pca", config.pca, 0, 1, open_low=True)


def coordinates_of(activity: Activity, config: DelayOptions, *, centred: bool) -> DelayCoordinates:
    """Delay coordinates of an activity, fitted to itself.

    Raises:
        InvalidInput: as `DelayCoordinates.fit`.
    """
    return DelayCoordinates.fit(activity, config.delays, config.delay_interval, pca=config.pca, centred=centred)


def ranks_of(x: DelayCoordinates, y: DelayCoordinates, wanted: int | float, *, own: bool = False) -> tuple[int, int]:
    """Rank of each side of a pair: the larger of what each asks for, so that both are explained well enough and alike; never more than a side has.

    Args:
        own: each side keeps its own.
    """
    ranks = x.rank(wanted), y.rank(wanted)
    if own:
        return ranks
    return x.rank(max(ranks)), y.rank(max(ranks))


def sums_of(
    activity: Activity,
    coordinates: DelayCoordinates,
    rank: int,
    *,
    constant: bool,
    input_lag: int | None = None,
) -> Transitions:
    """Sums over all trials of the pairs of windows in the leading coordinates.

    Args:
        input_lag: bins from an input to the first state that it moves; None leaves inputs out.

    Raises:
        InvalidInput: fewer pairs of windows than a linear map has features.
    """
    valid = coordinates.valid(activity.counted)
    inputs = None if input_lag is None else _driving(activity, coordinates, input_lag)
    pairs = int((valid[:, 1:] & valid[:, :-1]).sum())
    features = rank + constant + (0 if inputs is None else inputs.shape[2])
    if pairs < features:
        fix = "Take a lower rank, fewer delays, or more trials."
        raise InvalidInput(activity.name, f"{pairs} pairs of windows", f"at least {features}, one for each term", fix)
    return transitions(coordinates.of(activity, rank), valid, inputs, constant=constant).summed()


def _driving(activity: Activity, coordinates: DelayCoordinates, lag: int) -> Float[Array, "trial step input"]:
    """The inputs that move each window to the next."""
    assert activity.inputs is not None
    if not np.isfinite(activity.inputs[activity.counted]).all():
        raise InvalidInput(
            f"inputs of {activity.name}", "values that are not finite", "finite values where there is activity"
        )
    inside = np.where(activity.counted[..., None], activity.inputs, 0).astype(np.float64)
    first = coordinates.span + 1 - lag
    return inside[:, first : activity.bins - lag]


def check_bins(x: Activity, y: Activity) -> None:
    """Raises `InvalidInput` where one step is not as long on both sides."""
    if x.bin_s is not None and y.bin_s is not None and not np.isclose(x.bin_s, y.bin_s):
        fix = "Bin both alike: a step from bin to bin is what is compared."
        raise InvalidInput(f"bin width of {y.name}", f"{y.bin_s:g} s", f"{x.bin_s:g} s, as {x.name} has", fix)


def in_batches(
    shape: tuple[int, int],
    compared: Callable[[list[tuple[int, int]]], np.ndarray],
    label: str,
    *,
    mirrored: bool,
    progress: bool,
) -> Float[Array, "activity other"]:
    """The matrix of values from a function of many pairs at once.

    Args:
        compared: the values `(pair,)` of pairs of row and column.
        mirrored: both sides are the same, and half the pairs are enough.
    """
    from rich.console import Console
    from rich.progress import track

    pairs = [(i, j) for i, j in product(range(shape[0]), range(shape[1])) if not mirrored or i <= j]
    found = np.zeros(shape)
    parts = [pairs[at : at + _PAIRS] for at in range(0, len(pairs), _PAIRS)]
    for part in track(parts, label, console=Console(stderr=True), transient=True) if progress else parts:
        rows, columns = np.transpose(part)
        found[rows, columns] = compared(part)
    return np.where(np.tri(*shape, -1, dtype=bool), found.T, found) if mirrored else found


def by_size(sizes: Sequence[int]) -> dict[int, list[int]]:
    """Places of the pairs of each size."""
    found: dict[int, list[int]] = {}
    for place, size in enumerate(sizes):
        found.setdefault(size, []).append(place)
    return found
