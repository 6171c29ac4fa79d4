"""Condition averages as trials: one row a condition, aligned to an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float


def average_trials(
    rates: Float[Array, "condition time unit"],
    table: pd.DataFrame,
    time_s: np.ndarray,
    *,
    name: str,
    units: str,
    behaviour: Mapping[str, Signal] | None = None,
    unit_table: pd.DataFrame | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Trials:
    """Trials whose population signal `rates` is averaged over the trials of each condition.

    Args:
        rates: averages, of any scale.
        table: one row a condition, with column `condition`; `from_event_s` is added.
        time_s: `(time,)`, of the bins from the event, in seconds, evenly spaced.
        name: of the data set.
        units: of the rates.
        behaviour: signals averaged alike.
        unit_table, provenance: as in `Trials`.
    """
    bin_s = float(np.round(np.diff(time_s).mean(), 9))
    return Trials(
        signals={"rates": Signal(rates, "rates", "neural", bin_s, units), **(behaviour or {})},
        mask=np.ones(rates.shape[:2], bool),
        table=table.assign(from_event_s=float(time_s[0])),
        heldin=np.arange(rates.shape[2]),
        unit_table=pd.DataFrame() if unit_table is None else unit_table,
        name=name,
        session=name,
        provenance=provenance or {},
    )


def samples_within(time_s: np.ndarray, window_s: tuple[float, float], where: str = "data.window_s") -> slice:
    """The samples from the first to the last time of a window, both included.

    Args:
        time_s: of the samples `(time,)`, in seconds, increasing.
        window_s: first and last time.
        where: what to call the window in an error.

    Raises:
        InvalidInput: an empty window, or one that leaves the times.
    """
    first, last = window_s
    slack = 1e-6
    if not (time_s[0] - slack <= first < last <= time_s[-1] + slack):
        expected = f"two times within {time_s[0]:g} and {time_s[-1]:g} s, the first one earlier"
        raise InvalidInput(where, window_s, expected)
    inside = np.flatnonzero((time_s >= first - slack) & (time_s <= last + slack))
    if len(inside) < 2:
        raise InvalidInput(where, window_s, f"a window of two samples or more, {np.diff(time_s)[0]:g} s apart")
    return slice(int(inside[0]), int(inside[-1]) + 1)
