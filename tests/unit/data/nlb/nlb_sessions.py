"""Small sessions in memory, for tests of single steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurodyn.data.nlb.protocol import Protocol, Release
from neurodyn.data.nlb.session import Session

PROTOCOL = Protocol(
    dandiset="000000",
    version="0",
    subject="Nobody",
    align="go_time",
    window_ms=(-50, 50),
    behaviour="hand_vel",
    psth_conditions=("side",),
    psth_sd_ms=10,
    release=Release(heldin=1, heldout=1),
)


def session(
    spikes: list[np.ndarray], heldin: list[bool], observed: np.ndarray, trials: dict[str, Any], length_ms: int
) -> Session:
    """One file's session; the same observed milliseconds for both groups. Without start and stop trials last 100 ms."""
    table = pd.DataFrame(trials)
    table["start_time"] = trials.get("start_time", table["go_time"] - 0.05)
    table["file"] = "train.nwb"
    return Session(
        spikes=tuple(np.sort(each).astype(np.int32) for each in spikes),
        heldin=np.array(heldin),
        unit_names=tuple(map(str, range(len(spikes)))),
        observed={"heldin": observed, "heldout": observed},
        trials=table,
        shift_ms=np.zeros(len(table), int),
        length_ms=length_ms,
        series=None,
        series_shift_ms=0,
    )
