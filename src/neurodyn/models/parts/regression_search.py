"""Search for the settings of a lagged Poisson regression on validation rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodyn.regression.poisson import (
    PENALTIES,
    SEARCH_TOLERANCE,
    Fit,
    Rows,
    fit_validated,
    penalties_near,
)


@dataclass(frozen=True)
class Choice:
    """Settings of one regression; the fields are those of `GLMConfig`, one value of each."""

    width: float
    lags: int
    components: int
    reach: float = 0.0
    history: float = 0.0
    """Prior strength in bins; 0 for no history."""


MakeRows = Callable[[Choice], tuple[Rows, Rows]]
"""Gives the training and validation rows of a setting."""


def coordinate_search(rows: MakeRows, start: Choice, options: Mapping[str, Sequence[Any]]) -> tuple[Choice, float]:
    """Changes one setting at a time, in the order of `options`, and keeps what predicts the validation rows best; also gives the penalty.

    The values of a setting are compared at one penalty. It is chosen anew after the first setting, on which it depends most.
    """

    def fit(choice: Choice, penalties: Sequence[float]) -> Fit:
        train, valid = rows(choice)
        return fit_validated(
            train, valid, components=choice.components, penalties=penalties, tolerance=SEARCH_TOLERANCE
        )

    best, found = start, fit(start, PENALTIES[::2])
    for step, (name, values) in enumerate(options.items()):
        base = best
        for value in values:
            choice = dataclasses.replace(base, **{name: value})
            if choice == base:
                continue
            other = fit(choice, (found.penalty,))
            if other.score > found.score:
                best, found = choice, other
        if step == 0 and best != base:
            found = fit(best, penalties_near(found.penalty))
    return best, found.penalty


def final_fit(rows: MakeRows, choice: Choice, penalties: Sequence[float]) -> Fit:
    """The regression with the settings found, fitted to the final tolerance; the best of the penalties is kept."""
    train, valid = rows(choice)
    return fit_validated(train, valid, components=choice.components, penalties=penalties)
