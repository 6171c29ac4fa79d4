"""One session of dandiset 000688 as its NWB file holds it: spikes by area, the hand, rewarded trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurodyn.data.continuous import ContinuousSignal
from neurodyn.data.nwb import open_nwb, read_nwb
from neurodyn.data.recording import Recording
from neurodyn.errors import InvalidInput

Task = Literal["centre_out", "random_target"]
AREAS = ("M1", "PMd")
SIGNALS = {"position": "cursor_pos", "velocity": "cursor_vel"}
"""What behaviour is called here, and in the files; both in cm and cm/s, two axes."""
ACCELERATION = "cursor_acc"
_COLUMNS = {
    "centre_out": ("start_time", "stop_time", "result", "go_cue_time", "target_dir"),
    "random_target": ("start_time", "stop_time", "result", "go_cue_time_array"),
}
_REWARDED, _BASELINE = "R", "BL"


@dataclass(frozen=True, eq=False)
class Session:
    """What one file holds of one area, or of several."""

    recording: Recording
    """Its units are those of the areas asked for; its trials are the rewarded ones, or their reaches: from `start_time` to `stop_time`, searched for a
    movement from `search_time` on, with `trial_id` (row of the file's table)."""
    areas: tuple[str, ...]
    """Area of each unit."""

    def signal(self, name: str) -> ContinuousSignal:
        """Position or velocity of the hand."""
        return self.recording.signals[SIGNALS[name]]

    @property
    def acceleration(self) -> ContinuousSignal | None:
        """Of the hand, where the file has it."""
        return self.recording.signals.get(ACCELERATION)


@contextmanager
def open_session(path: Path, task: Task, areas: tuple[str, ...]) -> Iterator[Session | None]:
    """A file, open as long as the context; None where it has no unit in the areas asked for.

    Raises:
        InvalidInput: not NWB; no units, electrodes, trial columns or hand signals; an electrode in no known area; no rewarded trial.
    """
    io, nwb = open_nwb(path)
    try:
        where = unit_areas(nwb, path)
        kept = np.flatnonzero(np.isin(where, areas)).tolist()
        if not kept:
            yield None
            return
        recording = read_nwb(nwb)
        for name in SIGNALS.values():
            signal = recording.signals.get(name)
            if signal is None or tuple(signal.values.shape[1:]) != (2,):
                got = "nothing" if signal is None else f"samples of shape {tuple(signal.values.shape[1:])}"
                raise InvalidInput(
                    f"{path.name}: processing/behavior {name}", got, "a time series of two axes", "Is it of 000688?"
                )
        yield Session(
            dataclasses.replace(
                recording,
                spike_times=[recording.spike_times[unit] for unit in kept],
                trials=rewarded(recording.trials, task, path),
                unit_names=tuple(recording.unit_names[unit] for unit in kept),
                unit_table=pd.DataFrame(),
            ),
            tuple(where[kept].tolist()),
        )
    finally:
        io.close()


def unit_areas(nwb: Any, path: Path) -> np.ndarray:
    """Area of each unit `(unit,)`, that of its first electrode.

    Raises:
        InvalidInput: no units with spike times and electrodes, or an electrode in no known area.
    """
    units = nwb.units
    for column in ("spike_times", "electrodes"):
        if units is None or column not in units.colnames:
            raise InvalidInput(f"{path.name}: units", f"none with {column}", "units with spike times and electrodes")
    column = units["electrodes"]
    if hasattr(column, "target"):  # several electrodes a unit: rows, and where each unit's end
        ends = np.asarray(column.data[:], int)
        first = np.asarray(column.target.data[:], int)[np.concatenate([[0], ends[:-1]])]
    else:
        first = np.asarray(column.data[:], int)
    texts = [[str(each) for each in nwb.electrodes[name].data[:]] for name in ("group_name", "location")]
    named = [next((area for area in AREAS if area in " ".join(each)), "") for each in zip(*texts)]
    found = np.array(named, dtype=object)[first]
    if (found == "").any():
        row = int(first[np.flatnonzero(found == "")[0]])
        raise InvalidInput(f"{path.name}: electrode {row}", f"in {texts[0][row]} at {texts[1][row]}", "M1 or PMd")
    return np.asarray(found)


def rewarded(trials: pd.DataFrame, task: Task, path: Path) -> pd.DataFrame:
    """The rewarded trials of the baseline, or their reaches, with the times they are cut by.

    Where the table says to which epoch a trial belongs, only baseline (`BL`) counts. Trials without a go cue, a start or a stop are left out; of a trial
    to random targets, every reach from one go cue to the next, or to the trial's stop.

    Raises:
        InvalidInput: a column is missing, or no trial is left.
    """
    missing = [name for name in _COLUMNS[task] if name not in trials]
    if missing:
        other = next(name for name in _COLUMNS if name != task)
        raise InvalidInput(
            f"{path.name}: trials",
            f"a table without {', '.join(missing)}",
            f"the columns {', '.join(_COLUMNS[task])}",
            f"It may be of the other task: data.task={other}." if set(_COLUMNS[other]) <= set(trials) else "",
        )
    good = np.array([str(result) == _REWARDED for result in trials["result"]], bool)
    if "epoch" in trials:
        good &= np.array([str(epoch) == _BASELINE for epoch in trials["epoch"]], bool)
    start, stop = (trials[name].to_numpy(float) for name in ("start_time", "stop_time"))
    if task == "centre_out":
        go, direction = (trials[name].to_numpy(float) for name in ("go_cue_time", "target_dir"))
        good &= np.isfinite(direction) & (start <= go) & (go < stop)
        frame = pd.DataFrame({"start_time": start, "stop_time": stop, "search_time": go, "direction": direction})
        frame = frame.assign(trial_id=np.arange(len(frame)))[good]
    else:
        rows = [np.asarray(cues, float).ravel() for cues in trials["go_cue_time_array"]]
        width = max((len(cues) for cues in rows), default=0)
        edges = np.column_stack(
            [np.array([np.pad(c, (0, width - len(c)), constant_values=np.nan) for c in rows]), stop]
        )
        good &= (np.diff(edges, axis=1) > 0).all(1)
        begin, end = edges[good, :-1], edges[good, 1:]
        trial = np.broadcast_to(np.flatnonzero(good)[:, None], begin.shape)
        frame = pd.DataFrame({"start_time": begin.ravel(), "stop_time": end.ravel(), "trial_id": trial.ravel()})
        frame = frame.assign(search_time=frame["start_time"], reach=np.tile(np.arange(width), len(begin)))
    if frame.empty:
        raise InvalidInput(f"{path.name}: trials", f"{len(trials)} trials, none rewarded with its cues", "at least one")
    return frame.reset_index(drop=True)
