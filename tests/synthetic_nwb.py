"""Synthetic NWB files with the exact structure of the benchmark's seven datasets, written with pynwb.

Spikes are Poisson with log rates linear in the state of a Lorenz system; velocity is a linear map of that state, later by the dataset's lag. So
smoothing and a GLM co-smooth above 0, and velocity is decoded best at the right lag. `make` gives the two recordings of a dataset (to be changed by a
test before `write`), `write_dataset` writes both files under their official names.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hdmf.common import VectorData, VectorIndex
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject

from synthetic_nwb_kinds import KINDS, Kind, Series, Size

STEP_MS = 10
"""The latent state's time step."""
CUES = ("move_onset_time", "go_time")
"""Columns a test file keeps beside start, stop and split, where the dataset has them."""


@dataclass
class Recorded:
    """What one file holds. Times in seconds."""

    spike_times: list[np.ndarray]
    heldout: np.ndarray
    observed: list[np.ndarray]
    """Observation intervals of each unit, `(interval, 2)`."""
    trials: dict[str, Any]
    """Column name -> one value a trial; a list of arrays is a ragged column."""
    series: dict[str, Series] = field(default_factory=dict)
    unit_ids: np.ndarray | None = None
    electrodes: bool = True
    subject: str = "Subject"


def _lorenz(start: np.ndarray, steps: int) -> np.ndarray:
    """`(sequence, step, 3)` from the starts `(sequence, 3)`, near zero mean and unit spread; about two turns a second."""
    path, state, dt = np.empty((len(start), steps, 3)), start.T.copy(), 0.015
    for step in range(steps):
        x, y, z = state
        path[:, step] = state.T
        state = state + dt * np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])
    return (path - [0, 0, 23.5]) / [8, 9, 8.6]


def _whole_session(
    rng: np.random.Generator, kind: Kind, size: Size, split: np.ndarray, loadings: np.ndarray, starts: np.ndarray
) -> tuple[dict[str, Any], np.ndarray, list[np.ndarray], np.ndarray]:
    """The trial table (times in ms), observation intervals (ms), spike times of each unit (ms) and the state `(step, 3)`."""
    n = len(split)
    table = kind.trials(rng, split, size)
    length = table["stop_time"]
    if kind.blocks:  # 300 ms before and 400 ms after a block are observed too
        first = np.zeros(n, bool)
        first[np.linspace(0, n, min(kind.blocks, n), endpoint=False).astype(int)] = True
        pause = np.where(first, rng.integers(1200, 1500, n), 0)
    else:
        pause = rng.integers(size.pause_ms // 2, size.pause_ms * 3 // 2 + 1, n)
    begin = np.cumsum(pause) + np.r_[0, np.cumsum(length)[:-1]]
    for name in [key for key in table if key.endswith("_time")]:
        table[name] = table[name] + begin.astype(float)
    if kind.blocks:
        last = np.r_[first[1:], True]
        observed = np.column_stack([begin[first] - 300, table["stop_time"][last] + 400])
    else:
        observed = np.column_stack([begin, table["stop_time"]])
    steps = int(observed[-1, 1]) // STEP_MS + 2
    condition = table.pop("_condition")
    if kind.align == "start_time":  # one continuous recording
        state = _lorenz(starts[:1], steps)[0]
    else:  # each trial starts where its condition does
        edges = np.r_[0, (begin[1:] // STEP_MS).astype(int), steps]
        paths = _lorenz(starts[condition] + rng.normal(0, 0.5, (n, 3)), int(np.diff(edges).max()))
        state = np.concatenate([path[:k] for path, k in zip(paths, np.diff(edges))])
    spikes = []
    for loading in loadings:
        # Rounded, so that the last bit of exp and of the matrix product cannot change a draw.
        expected = np.round(
            size.rate_hz * STEP_MS / 1000 * np.exp(np.round(state @ loading - loading @ loading / 2, 6)), 6
        )
        step = np.repeat(np.arange(steps), rng.poisson(expected))
        ticks = np.sort(step * (30 * STEP_MS) + rng.integers(0, 30 * STEP_MS, len(step)))  # a 30 kHz clock
        spikes.append(ticks / 30.0)
    return table, observed, spikes, state


def _within(times: np.ndarray, intervals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which times fall in the sorted intervals, and in which of them."""
    row = np.searchsorted(intervals[:, 0], times, "right") - 1
    inside = (row >= 0) & (times < intervals[row, 1])
    return inside, row[inside]


def make(
    dataset: str, *, seed: int = 0, scale: str | Size = "small", missing: str = "none"
) -> tuple[Recorded, Recorded]:
    """The train and the test recording.

    Args:
        scale: "small", "real" (the published numbers of units, trials and conditions at a few Hz) or a `Size`.
        missing: the split of the one trial that lacks its alignment time.
    """
    kind = KINDS[dataset]
    size = scale if isinstance(scale, Size) else getattr(kind, scale)
    rng = np.random.default_rng([seed, sorted(KINDS).index(dataset)])
    units = size.heldin + size.heldout
    heldout = rng.permutation(np.arange(units) < size.heldout)
    loadings = rng.normal(size=(units, 3))
    loadings *= 1.2 / np.linalg.norm(loadings, axis=1, keepdims=True)  # all units tuned alike, in their own directions
    starts = _lorenz(rng.normal([[0, 0, 25]], 5), 4000)[0, 400::20] * [8, 9, 8.6] + [0, 0, 23.5]
    half = units // 2  # a leading 1 is the first array, a leading 2 the second
    ids = np.r_[1001 + 10 * np.arange(half), 2001 + 10 * np.arange(units - half)]
    split = rng.permutation(np.repeat(["train", "val", "none"], [size.train, size.val, size.none]))

    table, observed, spikes, state = _whole_session(rng, kind, size, split, loadings, starts)
    lacking = np.flatnonzero(split == missing)
    if kind.align != "start_time" and len(lacking):
        for name in CUES:
            if name in table:
                table[name][lacking[0]] = np.nan
    clock = np.arange(int(observed[-1, 1]))
    lagged = np.column_stack([np.interp(clock - kind.lag_ms, np.arange(len(state)) * STEP_MS, s) for s in state.T])
    series = kind.series(rng, lagged)
    if not kind.blocks:  # the maze's behaviour was stored within trials only
        inside = _within(clock, observed)[0]
        series = {n: Series(s.data[inside], s.columns, clock[inside] / 1000) for n, s in series.items()}
    times = {name: value / 1000 if name.endswith("_time") else value for name, value in table.items()}
    train = Recorded(
        [s[_within(s, observed)[0]] / 1000 for s in spikes], heldout, [observed / 1000] * units, {**times, "split": split},
        series, ids, dataset != "dmfc_rsg", kind.subject,
    )  # fmt: skip

    split = np.repeat(["test"], size.test)
    table, _, spikes, _ = _whole_session(rng, kind, size, split, loadings, starts)
    align = table[kind.align]
    old = np.column_stack([align + kind.window_ms[0], align + kind.window_ms[1]])
    new = np.cumsum(rng.integers(50, 250, size.test)) + np.r_[0, np.cumsum(np.diff(old)[:-1, 0])]
    cut = []
    for times_ms, out in zip(spikes, heldout):
        if not out:
            inside, row = _within(times_ms, old)
            cut.append((times_ms[inside] - old[row, 0] + new[row]) / 1000)
    window = np.column_stack([new, new + np.diff(old)[:, 0]]) / 1000
    trials = {"start_time": window[:, 0], "stop_time": window[:, 1], "split": split}
    if kind.align != "start_time":
        trials[kind.align] = (new - kind.window_ms[0]) / 1000
    test = Recorded(
        cut,
        np.zeros(len(cut), bool),
        [window] * len(cut),
        trials,
        {},
        ids[~heldout],
        dataset != "dmfc_rsg",
        kind.subject,
    )
    return train, test


def nwb_file(recorded: Recorded) -> NWBFile:
    """The recording as an NWB file in memory."""
    session = NWBFile(
        "synthetic", "synthetic", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), session_id="synthetic"
    )
    session.subject = Subject(subject_id=recorded.subject, species="Macaca mulatta")
    units = len(recorded.spike_times)
    ids = np.arange(units) if recorded.unit_ids is None else recorded.unit_ids
    if recorded.electrodes:
        device = session.create_device("array")
        groups = [session.create_electrode_group(f"array_{area}", area, area, device) for area in ("PMd", "M1")]
        for unit in range(units):
            group = groups[unit % 2]
            session.add_electrode(group=group, location=group.location, id=unit)
    session.add_unit_column("heldout", "True for units withheld in the test file")
    for unit, times in enumerate(recorded.spike_times):
        where = {"electrodes": [unit]} if recorded.electrodes else {}
        session.add_unit(
            id=int(ids[unit]),
            spike_times=times,
            obs_intervals=recorded.observed[unit],
            heldout=bool(recorded.heldout[unit]),
            **where,
        )
    columns: list[Any] = []
    for name, values in recorded.trials.items():
        ragged = isinstance(values, list)
        column = VectorData(
            name=name, description=name, data=np.concatenate(values) if ragged else list(np.asarray(values))
        )
        columns.append(column)
        if ragged:
            columns.append(VectorIndex(name=f"{name}_index", target=column, data=np.cumsum([len(v) for v in values])))
    session.trials = TimeIntervals(name="trials", description="trials", columns=columns, colnames=list(recorded.trials))
    if recorded.series:
        module = session.create_processing_module("behavior", "behaviour")
        for name, series in recorded.series.items():
            clock = (
                {"rate": 1000.0, "starting_time": 0.0}
                if series.timestamps is None
                else {"timestamps": series.timestamps}
            )
            comments = f"columns=[{','.join(series.columns)}]"
            module.add(TimeSeries(name=name, data=series.data, unit="mm", description=name, comments=comments, **clock))
    return session


def write(recorded: Recorded, path: Path) -> Path:
    """The recording as an NWB file on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb_file(recorded))
    return path


def write_dataset(folder: Path | str, dataset: str, **options: Any) -> tuple[Path, Path]:
    """Train and test file of a dataset, in `<folder>/<dandiset>/sub-<Subject>/` under their official names.

    Args:
        options: as of `make`.
    """
    kind = KINDS[dataset]
    train, test = make(dataset, **options)
    stem = Path(folder) / kind.dandiset / f"sub-{kind.subject}" / kind.stem
    return (
        write(train, Path(f"{stem}train_{'behavior+' if train.series else ''}ecephys.nwb")),
        write(test, Path(f"{stem}test_ecephys.nwb")),
    )


def harden(recorded: Recorded, dataset: str, *, seed: int, gaps: bool = True) -> Recorded:
    """The recording made awkward, in place: spikes on and just below millisecond edges, outside what was observed and in pairs; observation intervals
    that differ between units; events between and on bin edges; trials of the bump task that overlap.

    Args:
        gaps: also NaN in the behaviour, and a spike after the recording's end.
    """
    kind, rng = KINDS[dataset], np.random.default_rng(seed)
    observed, trials = recorded.observed[0], recorded.trials
    for unit, times in enumerate(recorded.spike_times):
        edges = rng.integers(0, int(observed[-1, 1] * 1000) - 1, 60) / 1000
        odd = [
            edges[:20],
            edges[20:40] - 1e-10,
            edges[40:] - 1e-8,
            rng.uniform(0, observed[-1, 1] - 0.01, 30),
            times[:20],
        ]
        late = [observed[-1, 1:] + 3] if gaps else []
        recorded.spike_times[unit] = np.sort(np.abs(np.concatenate([times, *odd, *late])))
    if trials["split"][0] == "test":  # its windows leave no room
        return recorded
    wider = observed + rng.uniform(0, 0.02, observed.shape) * [-1, 1]
    wider[-1, 1] = observed[-1, 1]
    recorded.observed = [observed[: len(observed) // 2 + 1]] * len(recorded.heldout)  # only a group's first unit counts
    recorded.observed[np.argmin(recorded.heldout)] = wider
    recorded.observed[np.argmax(recorded.heldout)] = observed
    align, split = trials[kind.align], trials["split"]
    n = len(align)
    if dataset == "area2_bump":
        blocks = np.searchsorted(observed[:, 0], align)
        pairs = np.flatnonzero(
            (split[:-1] == "train") & (split[1:] == "val") & (np.diff(blocks) == 0) & ~np.isnan(np.diff(align))
        )
        for place, pair in enumerate(pairs[::2]):  # not two in a row, which would leave the block
            align[pair + 1] = align[pair] + (0.55, 0.3)[place % 2]
            for name in ("cond_dir", "ctr_hold_bump"):
                trials[name][pair + 1] = trials[name][pair]
    moved = rng.choice([0.0, 0.00031, 0.00123, 0.0017], n) * rng.choice([-1, 1], n)
    snapped = [align + moved, np.round(align * 50) / 50, np.round(align * 200) / 200 + 1e-10, align]
    new = np.choose(rng.integers(0, 4, n), snapped)
    if dataset == "dmfc_rsg":
        trials["set_time"] = trials["set_time"] + new - align
    trials[kind.align] = new
    if gaps:
        for series in recorded.series.values():
            for start in rng.integers(0, len(series.data) - 60, 30):
                series.data[start : start + rng.integers(1, 60)] = np.nan
    return recorded
