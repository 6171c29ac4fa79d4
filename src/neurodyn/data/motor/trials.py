"""A session cut into trials around movement onset: counts, the hand, conditions."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pandas as pd

from neurodyn.data.binning import bin_edges, ticks
from neurodyn.data.motor.artefacts import artefact_times, within_trials
from neurodyn.data.motor.onset import STEP_S, movement_onsets
from neurodyn.data.motor.reaches import LEAST_REACHES, reach_conditions
from neurodyn.data.motor.session import SIGNALS, Session, Task
from neurodyn.data.motor.targets import target_ids
from neurodyn.data.motor.units import active_units
from neurodyn.data.motor.windows import REACH_WINDOW_S, WINDOWS_S, Window, cut_windows, window_bins
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def cut_trials(
    session: Session,
    task: Task,
    window: Window | Literal["trial"],
    bin_s: float,
    behaviour: tuple[str, ...],
    least_hz: float,
    drop_artefacts: bool,
) -> Trials:
    """Counts of the active units and the hand in bins counted from the start of each trial, in a window around movement onset or over whole trials.

    Position is relative to the hand at the bin of the onset. The table has `condition`, `onset_bin` (within the window or trial), `onset_s`, `start_s`,
    `trial_id`, of random targets `reach`, and `artefact` (the hand cannot have moved as recorded).

    Args:
        session: an open session.
        task: what its trials are.
        window: `execution`, `preparation`, or `trial` for whole trials, masked at their end.
        bin_s: bin width in seconds.
        behaviour: of `velocity` and `position`.
        least_hz: units below this mean rate over all bins of the trials are left out.
        drop_artefacts: leave out trials with an artefact.

    Raises:
        InvalidInput: no trial with a movement inside the window, or no active unit.
    """
    recording = session.recording
    whole = recording.align(
        "start_time", (0.0, "stop_time"), bin_s, behaviour=tuple(SIGNALS.values()), neural="spikes", outside="drop"
    )
    table, hand = whole.table, np.asarray(whole.signals[SIGNALS["position"]].values)
    onset = onset_bins(session, table, bin_s)
    table = table.assign(artefact=_artefacts(session, table), condition=_conditions(task, table, hand))
    active = active_units(whole.counts, whole.mask, bin_s, least_hz)
    if not active.any():
        raise InvalidInput("data.min_rate_hz", least_hz, f"a rate that one of the {len(active)} units reaches")
    good = (onset >= 0) & (table["condition"].to_numpy() >= 0)
    if drop_artefacts:
        good &= ~table["artefact"].to_numpy(bool)
    kept, index, mask = _places(whole.mask, good, onset, task, window, bin_s)
    if task == "random_target":
        own = table["condition"].iloc[kept]
        often = own.map(own.value_counts()).to_numpy() >= LEAST_REACHES
        kept, index, mask = kept[often], index[often], mask[often]
    if not len(kept):
        got = f"{len(whole)} rewarded trials, none with a whole {window} window"
        raise InvalidInput(recording.session, got, "at least one")
    rows, first = kept[:, None], index[:, 0]
    counts = np.where(mask[..., None], whole.counts[rows, index][..., active], 0)
    names = tuple(np.array(recording.unit_names, dtype=object)[active])
    signals = {"counts": dataclasses.replace(whole.neural, values=counts, names=names)}
    for name in behaviour:
        given = whole.signals[SIGNALS[name]]
        origin = hand[kept, onset[kept]][:, None] if name == "position" else 0.0
        signals[name] = dataclasses.replace(given, values=np.asarray(given.values)[rows, index] - origin)
    start = table["start_s"].to_numpy()[kept]
    columns = [name for name in ("trial_id", "reach", "condition", "artefact") if name in table]
    return dataclasses.replace(
        whole,
        signals=signals,
        mask=mask,
        heldin=np.arange(len(names)),
        unit_table=pd.DataFrame({"area": np.array(session.areas)[active]}),
        table=table[columns]
        .iloc[kept]
        .reset_index(drop=True)
        .assign(start_s=start + first * bin_s, onset_s=start + onset[kept] * bin_s, onset_bin=onset[kept] - first),
    )


def _places(
    mask: np.ndarray, good: np.ndarray, onset: np.ndarray, task: Task, window: str, bin_s: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trials that are good and hold their window, the window's bins in them `(kept, bin)`, and which of these have data."""
    if window == "trial":
        kept = np.flatnonzero(good)
        return kept, np.broadcast_to(np.arange(mask.shape[1]), (len(kept), mask.shape[1])), mask[kept]
    bins = window_bins(REACH_WINDOW_S if task == "random_target" else WINDOWS_S[window], bin_s)
    inside, kept = cut_windows(mask, mask & good[:, None], onset, bins)
    return kept, onset[kept, None] + bins, inside


def onset_bins(session: Session, table: pd.DataFrame, bin_s: float) -> np.ndarray:
    """Bin of each trial's movement onset `(trial,)`, −1 without one: found in bins of 10 ms, then divided, the rest dropped."""
    start, stop, search = (table[name].to_numpy(float) for name in ("start_time", "stop_time", "search_time"))
    steps = np.floor((stop - start) / STEP_S + 1e-6).astype(int)
    velocity = session.signal("velocity").sample(ticks(start), bin_edges(int(steps.max()), STEP_S))
    speed = np.linalg.norm(velocity, axis=2).astype(float)
    speed[np.arange(speed.shape[1]) >= steps[:, None]] = np.nan
    onset = movement_onsets(speed, np.floor((search - start) / STEP_S + 1e-6).astype(int))
    return np.where(onset < 0, -1, np.floor(onset * STEP_S / bin_s + 1e-6).astype(int))


def _conditions(task: Task, table: pd.DataFrame, hand: np.ndarray) -> np.ndarray:
    """Target of each trial, or place and direction of each reach; −1 where it has none."""
    if task == "centre_out":
        return np.asarray(target_ids(table["direction"].to_numpy(float)))
    known = np.isfinite(hand).all(2)
    good = known.any(1)
    rows = np.flatnonzero(good)
    last = hand.shape[1] - 1 - known[rows, ::-1].argmax(1)
    found = np.full(len(table), -1)
    if len(rows):
        start, end = (hand[rows, place].astype(float) for place in (known[rows].argmax(1), last))
        found[rows] = reach_conditions(start, end)
    return found


def _artefacts(session: Session, table: pd.DataFrame) -> np.ndarray:
    position, acceleration = session.signal("position"), session.acceleration
    samples = np.asarray(position.values[:], float) * position.scale + position.offset
    alike = acceleration is not None and acceleration.samples == position.samples
    moved = (
        np.asarray(acceleration.values[:], float) * acceleration.scale if acceleration is not None and alike else None
    )
    times = artefact_times(position.times() / 1e9, samples, moved)
    return np.asarray(within_trials(times, table["start_time"].to_numpy(float), table["stop_time"].to_numpy(float)))
