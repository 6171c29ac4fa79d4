"""One mouse's trials: signals that read their files when asked for, a mask of valid frames, a table of what was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from neurodyn.data.sensorium.folder import MouseFolder, Tier, mapped
from neurodyn.data.sensorium.precision import precision, std_of_sums
from neurodyn.data.sensorium.scan import TierScan
from neurodyn.data.sensorium.trial_arrays import Responses, Series, Videos
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

BIN_S = 1 / 30
"""Everything is sampled at 30 Hz."""
Behaviour = Literal["pupil", "running", "pupil_center"]
_CHANNELS: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]] = {
    "pupil": ("behavior", (0,), ("dilation",)),
    "running": ("behavior", (1,), ("speed",)),
    "pupil_center": ("pupil_center", (0, 1), ("horizontal", "vertical")),
}
"""Where a behaviour signal lies: folder, rows, names of its channels."""


@dataclass(frozen=True)
class Reading:
    """How a mouse's files become trials: the split of each tier that is read, and the options of the data set that bear on it."""

    splits: Mapping[Tier, str]
    statistics: Literal["per_neuron", "official"]
    frame: tuple[int, int] | None
    behaviour: tuple[Behaviour, ...]
    bad_trials: Literal["refuse", "exclude"]
    units: int | None
    trials: int | None


def stimulus_table(scans: Mapping[Tier, TierScan]) -> pd.DataFrame:
    """One row a trial of some tiers, usable or not: `trial`, `tier`, `stimulus`."""
    parts = [
        pd.DataFrame({"trial": scan.trial, "tier": tier, "stimulus": scan.stimulus}) for tier, scan in scans.items()
    ]
    return pd.concat(parts, ignore_index=True)


def read_mouse(
    mouse: MouseFolder, scans: Mapping[Tier, TierScan], reading: Reading, stimuli: Mapping[int, str]
) -> Trials:
    """A mouse's trials, in the order of tiers and trial indices. Nothing of the recording is read here but the size of a frame.

    Args:
        mouse: its folder.
        scans: what the files of its tiers hold, those of `reading.splits` at least, and tier `train`, by which responses are scaled.
        reading: how.
        stimuli: identity of what each trial index showed.

    Raises:
        InvalidInput: trials that cannot be used, unless they are to be left out; no trial that can; statistics that do not fit the recording.
        MissingData: the statistics, or a behaviour's files, are not there.
    """
    tables, left_out = [], []
    for tier, split in reading.splits.items():
        scan = scans[tier]
        if reading.bad_trials == "refuse":
            _refuse(mouse, tier, scan)
        for why, which in (("responses withheld", scan.withheld), ("cannot be used", scan.problem != "")):
            if which.any():
                left_out.append({"tier": tier, "why": why, "trials": int(which.sum())})
        table = pd.DataFrame({"trial": scan.trial, "tier": tier, "split": split, "bins": scan.bins})
        tables.append(table[scan.usable].head(len(table) if reading.trials is None else reading.trials))
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        raise InvalidInput(
            "data.mice",
            f"mouse {mouse.name}, no usable trial in {', '.join(reading.splits)}",
            "one at least",
            "The responses of test tiers were released for five of the ten mice only.",
        )
    table["stimulus"] = [stimuli[k] for k in table["trial"].tolist()]
    bins = table["bins"].to_numpy(int)
    frames = np.arange(bins.max())
    scale = _precision(mouse, scans, reading, len(frames))
    units = None if reading.units is None else _spread(mouse.units, reading.units)
    chosen = np.arange(mouse.units) if units is None else units
    places = pd.DataFrame(mouse.positions_um[chosen], columns=["x_um", "y_um", "z_um"])
    return Trials(
        signals=_signals(mouse, table, bins, scale[chosen], units, reading),
        mask=frames < bins[:, None],
        table=table,
        heldin=np.arange(len(chosen)),
        unit_table=places.assign(unit_id=mouse.unit_ids[chosen]),
        name="sensorium2023",
        session=mouse.name,
        provenance={"folder": mouse.path.name, "statistics": reading.statistics, "left_out": left_out},
    )


def _signals(
    mouse: MouseFolder,
    table: pd.DataFrame,
    bins: np.ndarray,
    scale: np.ndarray,
    units: np.ndarray | None,
    reading: Reading,
) -> dict[str, Signal]:
    def files(what: str) -> list[Path]:
        return [mouse.file(what, k) for k in table["trial"].tolist()]

    videos = files("videos")
    height, width = mapped(videos[0]).shape[:2]
    responses = Responses(files("responses"), bins, scale, units)
    shown = Videos(videos, bins, (height, width), reading.frame or (height, width))
    signals = {
        "responses": Signal(responses, "fluorescence", "neural", BIN_S, units="s.d."),
        "video": Signal(shown, "video", "stimulus", BIN_S),
    }
    for what in dict.fromkeys(_CHANNELS[name][0] for name in reading.behaviour):
        _check_behaviour(files(what), bins)
    for name in reading.behaviour:
        what, rows, channels = _CHANNELS[name]
        signals[name] = Signal(Series(files(what), bins, rows), "series", "behaviour", BIN_S, names=channels)
    return signals


def _check_behaviour(files: Sequence[Path], bins: np.ndarray) -> None:
    """Looks at the size of each file, so that a missing or damaged one is known before training."""
    for file, needed in zip(files, bins.tolist(), strict=True):
        shape = mapped(file).shape
        if len(shape) != 2 or shape[0] != 2 or shape[1] < needed:
            raise InvalidInput(str(file), f"shape {shape}", f"(2, {needed} frames or more)")


def _precision(mouse: MouseFolder, scans: Mapping[Tier, TierScan], reading: Reading, bins: int) -> np.ndarray:
    """float32 `(unit, 1)`, or `(unit, frame)` for the first `bins` frames or more."""
    if reading.statistics == "per_neuron":
        train = scans["train"]
        return precision(std_of_sums(train.total, train.squares, train.frames))
    std = mouse.response_std()
    if 1 < std.shape[1] < bins:
        raise InvalidInput("statistics", f"{std.shape[1]} frames", f"{bins} at least, as the trials of {mouse.name}")
    return precision(std)


def _spread(units: int, wanted: int) -> np.ndarray:
    """Some units, evenly spread: neighbours lie in the same imaging plane."""
    if not 1 <= wanted <= units:
        raise InvalidInput("data.units", wanted, f"1..{units}, the units of the mouse")
    return np.linspace(0, units - 1, wanted).round().astype(int)


def _refuse(mouse: MouseFolder, tier: Tier, scan: TierScan) -> None:
    bad = np.flatnonzero(scan.problem != "")
    if len(bad):
        raise InvalidInput(
            f"mouse {mouse.name}, tier {tier}",
            f"{len(bad)} of {len(scan.trial)} trials that cannot be used; trial {scan.trial[bad[0]]}: {scan.problem[bad[0]]}",
            "whole trials",
            "Unpack the mouse's archive again, or leave such trials out (bad_trials='exclude').",
        )
