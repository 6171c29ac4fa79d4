"""The benchmark's tensors the slow, plain way: dense 1 ms arrays, one loop a trial. Shares no code with the library.

`read` puts a session's files on one 1 ms grid, `tensors` re-bins and cuts. Times are integer nanoseconds, so that every comparison is exact. It costs
memory proportional to the session's length and serves only to check the sparse implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pynwb import NWBHDF5IO, NWBFile
from scipy import signal

MS = 1_000_000
"""Nanoseconds a millisecond."""
MISSING = np.iinfo(np.int64).min
"""A time that is not there."""
FORWARD_MS = 200


@dataclass(frozen=True)
class Rules:
    """How one dataset is cut."""

    align: str = "move_onset_time"
    window: tuple[int, int] = (-250, 450)
    lag: int = 0
    series: str = "hand_vel"
    overlap: bool = False
    eval_overlap: bool = False
    conditions: tuple[str, ...] = ("trial_type", "trial_version")
    sd: int = 50
    decoders: bool = False


RULES = {
    "mc_maze": Rules(lag=100, sd=70),
    "mc_maze_large": Rules(lag=120),
    "mc_maze_medium": Rules(lag=120),
    "mc_maze_small": Rules(lag=120),
    "mc_rtt": Rules("start_time", (0, 600), 140, "finger_vel", overlap=True, conditions=()),
    "area2_bump": Rules(
        window=(-100, 500), lag=-20, eval_overlap=True, conditions=("cond_dir", "ctr_hold_bump"), sd=40, decoders=True
    ),
    "dmfc_rsg": Rules(
        "go_time", (-1500, 0), 0, "", overlap=True, conditions=("is_eye", "theta", "is_short", "ts"), sd=70
    ),
}


@dataclass
class Dense:
    """One session on a 1 ms grid; NaN where nothing was recorded."""

    heldin: np.ndarray
    """`(ms, unit)`"""
    heldout: np.ndarray
    behaviour: np.ndarray | None
    """`(ms, channel)`"""
    trials: pd.DataFrame
    """Columns ending in `_time` in nanoseconds."""


def nanoseconds(seconds: Any) -> np.ndarray:
    """Integer nanoseconds, `MISSING` for NaN."""
    given = np.asarray(seconds, float)
    return np.array([MISSING if np.isnan(s) else round(s * 1e9) for s in given], np.int64)


def _one_file(file: NWBFile, series: str) -> Dense:
    units = file.units.to_dataframe()
    table = file.trials.to_dataframe().reset_index(drop=True)
    ends = [round(intervals[-1][-1] * 1000) for intervals in units.obs_intervals]
    rows = max(*ends, round(table.stop_time.max() * 1000))
    groups = []
    for heldout in (False, True):
        chosen = units[units.heldout == heldout]
        counts = np.zeros((rows, len(chosen)), np.float32)
        for column, times in enumerate(chosen.sort_index().spike_times):
            for index in np.round(np.asarray(times) * 1000, 6).astype(int):
                if index < rows:
                    counts[index, column] += 1
        observed = np.zeros(rows, bool)
        for start, end in chosen.obs_intervals.iloc[0] if len(chosen) else []:  # of the table's first unit
            observed[int(np.ceil(round(start * 1000, 6))) : int(np.floor(round(end * 1000, 6)))] = True
        counts[~observed] = np.nan
        groups.append(counts)
    behaviour = None
    if series and "behavior" in file.processing:
        found = file.processing["behavior"][series]
        data = np.asarray(found.data[()], float)
        seconds = (
            np.arange(len(data)) / found.rate + found.starting_time
            if found.timestamps is None
            else found.timestamps[()]
        )
        behaviour = np.full((rows, data.shape[1]), np.nan)
        behaviour[np.round(np.asarray(seconds) * 1000).astype(int)] = data
    for name in [n for n in table if n.endswith("_time")]:
        table[name] = nanoseconds(table[name])
    return Dense(*groups, behaviour, table)


def _stacked(parts: list[np.ndarray], starts: list[int], rows: int) -> np.ndarray:
    """The files' arrays on one grid; a file without these columns leaves NaN."""
    whole = np.full((rows, max(p.shape[1] for p in parts)), np.nan, parts[0].dtype)
    for part, start in zip(parts, starts):
        if part.shape[1]:
            whole[start : start + len(part)] = part
    return whole


def read(files: Sequence[Path | NWBFile], dataset: str) -> Dense:
    """A session's files one after the other, in order of their names where they are paths."""
    parts = []
    for file in sorted(files) if all(isinstance(f, (str, Path)) for f in files) else files:
        if isinstance(file, NWBFile):
            parts.append(_one_file(file, RULES[dataset].series))
        else:
            with NWBHDF5IO(str(file), "r") as io:
                parts.append(_one_file(io.read(), RULES[dataset].series))
    starts = [0]
    for part in parts[:-1]:
        # 0.1 s steps, at least 50 ms after the last row of the file before
        starts.append(int(np.ceil((starts[-1] + len(part.heldin) - 1 + 50) / 100)) * 100)
    rows = starts[-1] + len(parts[-1].heldin)
    for part, start in zip(parts, starts):
        for name in [n for n in part.trials if n.endswith("_time")]:
            times = part.trials[name]
            part.trials[name] = np.where(times == MISSING, MISSING, times + start * MS)
    trials = pd.concat([p.trials for p in parts], ignore_index=True)
    for name in [n for n in trials if n.endswith("_time")]:
        trials[name] = trials[name].fillna(MISSING).astype(np.int64) if trials[name].isna().any() else trials[name]
    moving = [p.behaviour for p in parts if p.behaviour is not None]
    channels = moving[0].shape[1] if moving else 0
    behaviour = [np.empty((0, 0)) if p.behaviour is None else p.behaviour for p in parts]
    return Dense(
        _stacked([p.heldin for p in parts], starts, rows),
        _stacked([p.heldout for p in parts], starts, rows),
        _stacked(behaviour, starts, rows) if channels else None,
        trials,
    )


def rebinned(spikes: np.ndarray, factor: int) -> np.ndarray:
    """Sums over blocks of rows from row 0; NaN where the first row of a block is, otherwise NaN counts as 0."""
    rows = -(-len(spikes) // factor)
    padded = np.zeros((rows * factor, spikes.shape[1]), spikes.dtype)
    padded[: len(spikes)] = np.nan_to_num(spikes)
    summed = padded.reshape(rows, factor, -1).sum(1)
    summed[np.isnan(spikes[::factor])] = np.nan
    return summed


def decimated(series: np.ndarray, factor: int) -> np.ndarray:
    """Zero-phase FIR decimation of the whole session, gaps bridged by straight lines and put back afterwards."""
    clock, filled = np.arange(len(series)), np.empty_like(series)
    for channel in range(series.shape[1]):
        known = ~np.isnan(series[:, channel])
        filled[:, channel] = np.interp(clock, clock[known], series[known, channel])
    out = signal.decimate(filled, factor, n=500, axis=0, ftype="fir")
    out[np.isnan(series[::factor])] = np.nan
    return out


def smoothed(spikes: np.ndarray, sd: int) -> np.ndarray:
    """Every stretch between NaN smoothed by itself, edges not renormalised."""
    length = int(6 * sd)
    kernel = np.exp(-0.5 * ((np.arange(length) - (length - 1) / 2) / sd) ** 2)
    kernel /= kernel.sum()
    out = np.full(spikes.shape, np.nan)
    known = np.r_[False, ~np.isnan(spikes).any(1), False]
    for start, stop in np.flatnonzero(np.diff(known)).reshape(-1, 2):
        full = signal.fftconvolve(spikes[start:stop].astype(float), kernel[:, None], "full", axes=0)
        first = (length - 1) // 2  # the middle of "full", the earlier one of two for an even length
        out[start:stop] = np.maximum(full[first : first + stop - start], 0)
    return out


class Cutter:
    """Rows of each trial on the recording's clock."""

    def __init__(self, trials: pd.DataFrame, bin_ms: int) -> None:
        self.trials, self.bin_ns = trials, bin_ms * MS

    def bin_of(self, time: int) -> int:
        """The first bin whose left edge is not before the time."""
        return int(-(-int(time) // self.bin_ns))

    def rows(
        self, kept: Sequence[int], begin: Sequence[int], end: Sequence[int], overlap: bool
    ) -> list[tuple[int, int]]:
        """First row and the one after the last; without overlap a trial ends where the next kept one begins."""
        found = []
        for place in range(len(kept)):
            first, stop = self.bin_of(begin[place]), self.bin_of(end[place])
            if not overlap and place + 1 < len(kept) and end[place] > begin[place + 1]:
                stop = self.bin_of(begin[place + 1])
            found.append((first, stop))
        return found

    def fixed(
        self, kept: Sequence[int], align: Sequence[int], window: tuple[int, int], overlap: bool
    ) -> list[tuple[int, int]]:
        """Windows of a fixed length around a time of each trial."""
        begin = [int(a) + window[0] * MS for a in align]
        found = self.rows(kept, begin, [int(a) + window[1] * MS for a in align], overlap)
        length = (window[1] - window[0]) * MS // self.bin_ns
        return [(first, min(stop, first + length)) for first, stop in found]


def _taken(array: np.ndarray, rows: tuple[int, int]) -> np.ndarray:
    return array[max(rows[0], 0) : max(rows[1], 0)]


def _stack(array: np.ndarray, windows: list[tuple[int, int]], length: int, name: str, nan: bool = False) -> np.ndarray:
    out = np.full((len(windows), length, array.shape[1]), np.nan)
    for row, window in enumerate(windows):
        cut = _taken(array, window)
        assert len(cut) == length, f"{name}: trial {row} has {len(cut)} of {length} bins"
        assert nan or not np.isnan(cut).any(), f"{name}: NaN in trial {row}"
        out[row] = cut
    return out.astype(np.float32)


def _padded(array: np.ndarray, windows: list[tuple[int, int]], length: int) -> np.ndarray:
    out = np.full((len(windows), length, array.shape[1]), np.nan)
    for row, window in enumerate(windows):
        cut = _taken(array, window)[:length]
        out[row, : len(cut)] = cut
    return out.astype(np.float32)


def jitter(trials: pd.DataFrame, bin_ms: int) -> np.ndarray:
    """Bins each trial of one mask is moved by; every row takes one draw, also those dropped later."""
    generator = np.random.RandomState(0)
    found = np.zeros(len(trials), int)
    for row in range(len(trials)):
        draw, split = generator.random_sample(), trials.split.iloc[row]
        upper = 0.0 if split == "test" else np.clip(1500.0 - trials.tp.iloc[row], 0.0, 300.0)
        if not np.isnan(upper):
            found[row] = int(np.round(draw * np.floor(np.round(upper / bin_ms, 4))))
    return found


def _psth(
    dense: Dense, rules: Rules, dataset: str, bin_ms: int, train: np.ndarray, evaluated: np.ndarray
) -> dict[str, Any]:
    cutter, trials = Cutter(dense.trials, bin_ms), dense.trials
    rates = rebinned(np.column_stack([smoothed(group, rules.sd) for group in (dense.heldin, dense.heldout)]), bin_ms)
    front = dataset == "dmfc_rsg"
    used = trials[trials.split.isin(["train", "val"])]
    labels = sorted(set(used[list(rules.conditions)].dropna().itertuples(index=False, name=None)))
    found: dict[str, list[Any]] = {"psth": [], "train_cond_idx": [], "eval_cond_idx": []}
    for label in labels:
        kept = [
            i
            for i, row in used.iterrows()
            if tuple(row[name] for name in rules.conditions) == label
            and row[rules.align] != MISSING
            and not (front and row.is_outlier == 1)
        ]
        if not kept:
            continue
        align = [int(trials[rules.align][i]) for i in kept]
        if front:
            windows = cutter.rows(kept, [int(trials.set_time[i]) for i in kept], align, overlap=False)
        else:
            windows = cutter.fixed(kept, align, rules.window, overlap=False)
        lengths = np.array([len(_taken(rates, w)) for w in windows])
        good = np.flatnonzero(lengths >= 0.8 * lengths.mean())
        aligned: dict[int, list[np.ndarray]] = {}
        for k in good:
            for row in range(*windows[k]):
                aligned.setdefault(row - cutter.bin_of(align[k]), []).append(rates[row])
        average = np.stack([np.nanmean(aligned[time], 0) for time in sorted(aligned)])
        shortest = lengths[good].min()
        found["psth"].append(average[-shortest:] if front else average[:shortest])
        for key, rows in (("train_cond_idx", train), ("eval_cond_idx", evaluated)):
            found[key].append(np.flatnonzero(np.isin(rows, [kept[k] for k in good])))
    length = 1500 // bin_ms if front else max(len(p) for p in found["psth"])
    psth = np.full((len(found["psth"]), length, rates.shape[1]), np.nan, np.float32)
    for row, average in enumerate(found["psth"]):
        if front:
            average = average[-length:]
            psth[row, length - len(average) :] = average
        else:
            psth[row, : len(average)] = average
    return {**found, "psth": psth}


def tensors(dense: Dense, dataset: str, bin_ms: int, phase: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The arrays of all three files, and the trials (rows of the combined table) of the train and the eval rows."""
    rules, trials = RULES[dataset], dense.trials
    cutter, dmfc = Cutter(trials, bin_ms), dataset == "dmfc_rsg"
    heldin, heldout = rebinned(dense.heldin, bin_ms), rebinned(dense.heldout, bin_ms)
    moving = None if dense.behaviour is None else decimated(dense.behaviour, bin_ms)
    length, forward = (rules.window[1] - rules.window[0]) // bin_ms, FORWARD_MS // bin_ms
    forward_window = (rules.window[1], rules.window[1] + FORWARD_MS)
    out: dict[str, Any] = {}
    rows = {}
    for side, splits in (("train", ["train"] if phase == "val" else ["train", "val"]), ("eval", [phase])):
        masked = trials[trials.split.isin(splits)]
        moved = jitter(masked, bin_ms) if dmfc else np.zeros(len(masked), int)
        usable = (masked[rules.align] != MISSING).to_numpy()
        kept, moved = masked.index.to_numpy()[usable], moved[usable]
        rows[side] = kept
        plain = trials[rules.align].to_numpy()[kept]
        align = plain + moved * bin_ms * MS
        overlap = rules.overlap or (rules.eval_overlap and side == "eval")
        observed = cutter.fixed(kept, align, rules.window, overlap)
        ahead = cutter.fixed(kept, align, forward_window, True)
        targets = side == "train" or phase == "val"
        key = f"{side}_spikes_held"
        out[f"{key}in"] = _stack(heldin, observed, length, f"{key}in", nan=side == "eval")
        if not targets:
            continue
        out[f"{key}out"] = _stack(heldout, observed, length, f"{key}out")
        out[f"{key}in_forward"] = _stack(heldin, ahead, forward, f"{key}in_forward")
        out[f"{key}out_forward"] = _stack(heldout, ahead, forward, f"{key}out_forward")
        if dmfc:
            behaviour = masked[["is_eye", "theta", "is_short", "ts", "tp"]].to_numpy(float)[usable]
            behaviour[masked.is_outlier.to_numpy(float)[usable] != 0] = np.nan
            out[f"{side}_behavior"] = behaviour.astype(np.float32)
        else:
            assert moving is not None
            shifted = (rules.window[0] + rules.lag, rules.window[1] + rules.lag)
            windows = cutter.fixed(kept, align, shifted, overlap)
            out[f"{side}_behavior"] = _padded(moving, windows, length)
        if dmfc and side == "eval":
            out["eval_spikes_heldout_whole"] = out["eval_spikes_heldout"]
            masked_target = np.full_like(out["eval_spikes_heldout"], np.nan)
            ranges = cutter.rows(kept, trials.set_time.to_numpy()[kept], plain, overlap=False)
            for row, (window, move) in enumerate(zip(ranges, moved)):
                cut = _taken(heldout, window)[-(length - move) :]
                masked_target[row, length - move - len(cut) : length - move] = cut
            out["eval_spikes_heldout"] = masked_target
        if phase == "val" and dmfc:
            out[f"{side}_jitter"] = moved
        if phase == "val" and rules.decoders:
            bumped = masked.ctr_hold_bump.to_numpy(float)[usable]
            out[f"{side}_decode_mask"] = np.stack([bumped == 0, bumped == 1], 1)
    if phase == "val" and rules.conditions:
        out |= _psth(dense, rules, dataset, bin_ms, rows["train"], rows["eval"])
    return out, rows["train"], rows["eval"]
