"""One NWB file of the benchmark, checked: spikes in milliseconds, observation intervals, the trial table, where behaviour lies."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.data.alignment import listed
from neurodyn.data.nlb.behaviour import Series
from neurodyn.data.nlb.clock import inside, observed_ms, spike_ms
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nwb import open_nwb, table_frame
from neurodyn.errors import InvalidInput

SPLITS = ("train", "val", "test", "none")


@dataclass(frozen=True, eq=False)
class RecordedFile:
    """One file's content on its own clock."""

    name: str
    """Its name, for messages."""
    spikes: tuple[np.ndarray, ...]
    """Milliseconds of each unit's spikes within its group's observation intervals, int32, increasing."""
    heldin: np.ndarray
    """Bool `(unit,)`."""
    unit_names: tuple[str, ...]
    """Identifier of each unit."""
    observed: dict[str, np.ndarray]
    """Observed milliseconds of each group (`heldin`, `heldout`): those of its first unit, `(interval, 2)`."""
    trials: pd.DataFrame
    """The trial table, times in seconds."""
    series: Series | None
    """Behaviour, not read yet."""
    length_ms: int
    """Milliseconds up to the end of the last observation interval or of the last trial."""
    notes: tuple[str, ...]
    """What was found that changes nothing but is worth knowing."""
    source: Any
    """What closes the file, or None for an object that was given open."""


def read_file(given: Any, protocol: Protocol) -> RecordedFile:
    """Reads a path or an open `pynwb.NWBFile`; behaviour stays where it is until it is needed.

    Raises:
        MissingData: there is no such file.
        InvalidInput: a damaged file; columns that are missing; units without spike times; spikes that are not finite; held-out units beside test
            trials; trials that start twice.
    """
    source, nwb = open_nwb(given) if isinstance(given, str | Path) else (None, given)
    name = Path(given).name if isinstance(given, str | Path) else str(given.identifier)
    with readable(name):
        return _read(nwb, name, protocol, source)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turns what HDF5 says of a truncated file into what to do about it."""
    try:
        yield
    except (OSError, RuntimeError, KeyError) as error:
        raise InvalidInput(
            name, f"a truncated or damaged file ({error})", "a whole file", "Fetch it again with `neurodyn data get`."
        ) from error


def _read(nwb: Any, name: str, protocol: Protocol, source: Any) -> RecordedFile:
    if nwb.units is None or nwb.trials is None:
        missing = "units" if nwb.units is None else "trials"
        raise InvalidInput(name, f"a file without a {missing} table", "units and trials", "Is it the benchmark's file?")
    _require(f"{name}: units", ("spike_times", "obs_intervals", "heldout"), nwb.units.colnames)
    trials = _trials(nwb, name, protocol)
    units = nwb.units
    heldin = ~np.asarray(units["heldout"][:]).astype(bool)
    if not heldin.any():
        raise InvalidInput(f"{name}: units.heldout", "true for every unit", "held-in units")
    testing = set(trials["split"]) == {"test"}
    if testing and not heldin.all():
        raise InvalidInput(
            f"{name}: units.heldout",
            f"{int((~heldin).sum())} held-out units in a file of test trials",
            "held-in units only",
            "Their activity is withheld; take the file as the archive publishes it.",
        )
    intervals = [np.asarray(units["obs_intervals"][u], np.float64).reshape(-1, 2) for u in range(len(units))]
    wrong = [u for u, each in enumerate(intervals) if not len(each) or not np.isfinite(each).all()]
    if wrong:
        got = f"none, or one that is not finite, for unit {units.id[wrong[0]]}"
        raise InvalidInput(f"{name}: units.obs_intervals", got, "at least one start and stop (s) for every unit")
    end_s = max(*(float(each[:, 1].max()) for each in intervals), float(trials["stop_time"].max()))
    length_ms = round(end_s * 1000)
    observed = {
        group: observed_ms(intervals[int(np.flatnonzero(of)[0])], length_ms) if of.any() else np.empty((0, 2), np.int64)
        for group, of in (("heldin", heldin), ("heldout", ~heldin))
    }
    order = np.argsort(units.id[:], kind="stable")  # the benchmark's tensors have units by their identifiers
    names = tuple(str(each) for each in np.asarray(units.id[:])[order])
    spikes, notes = _spikes(units, order, names, name, heldin[order], observed)
    return RecordedFile(
        name=name,
        spikes=spikes,
        heldin=heldin[order],
        unit_names=names,
        observed=observed,
        trials=trials,
        series=_series(nwb, name, protocol.behaviour) if protocol.behaviour and not testing else None,
        length_ms=length_ms,
        notes=tuple(notes),
        source=source,
    )


def _require(table: str, wanted: Collection[str], there: Collection[str]) -> None:
    missing = [column for column in wanted if column not in there]
    if not missing:
        return
    near = difflib.get_close_matches(missing[0], list(there), n=1)
    hint = f"Rename {near[0]!r} to {missing[0]!r} if that is what it is." if near else "Is it the right recording?"
    raise InvalidInput(
        table, f"no column {', '.join(map(repr, missing))}; there are {', '.join(there)}", "these columns", hint
    )


def _trials(nwb: Any, name: str, protocol: Protocol) -> pd.DataFrame:
    """The trial table, checked."""
    frame = table_frame(nwb.trials)
    table = f"{name}: trials"
    columns = [str(column) for column in frame]
    _require(table, ("split",), columns)
    if not len(frame):
        raise InvalidInput(table, "no rows", "one row a trial")
    frame["split"] = frame["split"].astype(str)
    unknown = sorted({str(each) for each in frame["split"]} - set(SPLITS))
    if unknown:
        raise InvalidInput(f"{table}.split", ", ".join(map(repr, unknown)), f"one of {', '.join(SPLITS)}")
    testing = set(frame["split"]) == {"test"}
    _require(table, protocol.test_columns if testing else protocol.train_columns, columns)
    for column in (each for each in columns if each.endswith("_time")):
        try:
            frame[column] = frame[column].astype(float)
        except (TypeError, ValueError):
            raise InvalidInput(f"{table}.{column}", f"a column of {frame[column].dtype}", "times in seconds") from None
    lacking = np.flatnonzero(frame[["start_time", "stop_time"]].isna().any(axis=1))
    if len(lacking):
        raise InvalidInput(table, f"no start or stop in {listed(lacking)}", "both in every trial")
    used = frame[frame["split"] != "none"]
    twice = np.flatnonzero(used["start_time"].duplicated(keep=False))
    if len(twice):
        rows = used.index.to_numpy()[twice]
        start = float(used["start_time"].iloc[twice[0]])
        what = f"{listed(rows)} that start at the same time as another (the first at {start:g} s)"
        raise InvalidInput(f"{table}.start_time", what, "each trial once", "Remove repeated rows.")
    return frame


def _spikes(
    units: Any,
    order: np.ndarray,
    names: tuple[str, ...],
    file: str,
    heldin: np.ndarray,
    observed: dict[str, np.ndarray],
) -> tuple[tuple[np.ndarray, ...], list[str]]:
    """Milliseconds of each unit's spikes that count, and notes on the others."""
    spikes, silent, outside = [], [], 0
    for unit, (row, unit_name) in enumerate(zip(order, names)):
        times = np.asarray(units["spike_times"][int(row)], np.float64)
        if not np.isfinite(times).all():
            raise InvalidInput(f"{file}: spike_times of unit {unit_name}", "times that are not finite", "seconds")
        ms = np.sort(spike_ms(times))
        counted = inside(ms, observed["heldin" if heldin[unit] else "heldout"])
        outside += int((~counted).sum())
        spikes.append(ms[counted])
        if not len(times):
            silent.append(unit_name)
    if len(silent) == len(names):
        raise InvalidInput(f"{file}: units.spike_times", "no spike of any unit", "spike times in seconds")
    notes = []
    if silent:
        notes.append(f"{file}: no spike times for units {', '.join(silent)}")
    if outside:
        notes.append(f"{file}: {outside} spikes outside of the observation intervals are left out")
    return tuple(spikes), notes


def _series(nwb: Any, file: str, wanted: str) -> Series:
    """A time series by its name, or by `container_name` where it lies in a container that holds several."""
    from pynwb import TimeSeries

    found: dict[str, Any] = {}
    for item in nwb.objects.values():
        if isinstance(item, TimeSeries):
            found.setdefault(item.name, item)
            if item.parent is not None:
                found.setdefault(f"{item.parent.name}_{item.name}", item)
    if wanted not in found:
        names = sorted({item.name for item in found.values()})
        near = difflib.get_close_matches(wanted, names, n=1)
        hint = f"Rename {near[0]!r} if that is what it is." if near else "Is it the file with behaviour?"
        raise InvalidInput(file, f"no series {wanted!r}; there are {', '.join(names) or 'none'}", "that series", hint)
    item = found[wanted]
    fixed = item.timestamps is None
    return Series(
        wanted,
        item.data,
        None if fixed else item.timestamps,
        float(item.rate) if fixed else None,
        float(item.starting_time or 0.0) if fixed else 0.0,
        file,
    )
