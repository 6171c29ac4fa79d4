"""What the files of lfads-torch and of BLEND share: one flat HDF5 file with a block of trials for each part of the data.

What neither format knows, but what makes reading back exact, is written where both releases pass over it: the array `trials` (the trial table as JSON)
and the attributes `bin_s`, `heldin` (units in recorded order), `counts`, `behavior` and `ext_input` (signals and their channels), `name`, `session`
and `provenance`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import pandas as pd

from neurodyn.data.layouts._hdf5 import Contents, bin_width, split_of_name, table_of, table_text, write_array
from neurodyn.data.psth import PSTH
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.data.validate import check_counts
from neurodyn.errors import InvalidInput


def parts_of(trials: Trials, splits: Mapping[str, tuple[str, ...]]) -> dict[str, np.ndarray]:
    """Rows of the trials of each part of a file, which holds the trials of some splits.

    Raises:
        InvalidInput: trials that are not split, of different length, or whose population is not spike counts.
    """
    if trials.neural.kind != "spikes":
        raise InvalidInput("trials", f"{trials.neural.kind}", "spike counts", "Save with `--layout trials` instead.")
    if not trials.mask.all():
        raise InvalidInput("trials", "trials of different length", "trials of one length", "Cut windows of one length.")
    if "split" not in trials.table:
        raise InvalidInput("split", "trials that are not split", "train, valid and test", "Give split, e.g. 70/15/15.")
    labels = trials.table["split"].to_numpy()
    rows = {part: np.flatnonzero(np.isin(labels, wanted)) for part, wanted in splits.items()}
    return {part: index for part, index in rows.items() if len(index)}


def counts_of(trials: Trials, rows: np.ndarray) -> np.ndarray:
    """Counts `(trial, time, unit)` of some trials in float32, held-in units first; NaN where they are not known."""
    known = np.broadcast_to(trials.known[rows], (len(rows), trials.bins, trials.units))
    values = np.where(known, trials.neural.rows(rows), np.float32(np.nan)).astype(np.float32, copy=False)
    return values[:, :, trials.unit_order]


def series_of(trials: Trials, role: str) -> dict[str, Signal]:
    """The signals of a role that a file can hold: series on the neural clock, or, where there are none, labels."""
    known = trials.of_role(role)
    lengths = (trials.bins, trials.observed_bins)
    series = {name: s for name, s in known.items() if s.kind == "series" and s.bins in lengths}
    return series or {name: s for name, s in known.items() if s.kind == "label" and len(s.values.shape) == 2}


def left_out(trials: Trials, roles: tuple[str, ...], truth: tuple[str, ...] = ()) -> list[str]:
    """Names of what a file has no place for."""
    kept = {name for role in roles for name in series_of(trials, role)} | {trials.neural_name}
    return [name for name in trials.signals if name not in kept] + [name for name in trials.truth if name not in truth]


def side_by_side(signals: Mapping[str, Signal], rows: np.ndarray) -> np.ndarray:
    """Signals' channels side by side for some trials, `(trial, time, channel)` or `(trial, channel)`; NaN past a signal's end."""
    values = [np.asarray(signal.rows(rows), np.float32) for signal in signals.values()]
    bins = max(each.shape[1] for each in values)
    if values[0].ndim == 3:
        values = [np.pad(v, ((0, 0), (0, bins - v.shape[1]), (0, 0)), constant_values=np.nan) for v in values]
    return np.concatenate(values, -1)


def write_beside(file: h5py.File, trials: Trials, rows: Mapping[str, np.ndarray]) -> None:
    """Writes all that is not spikes, behaviour, inputs or truth: the table and what follows from it, the PSTH, and what makes reading exact."""
    table = trials.table
    for part, index in rows.items():
        if "decode_group" in table:
            groups = np.arange(int(table["decode_group"].max()) + 1)
            write_array(file, f"{part}_decode_mask", table["decode_group"].to_numpy(int)[index][:, None] == groups)
        if "jitter_bins" in table:
            write_array(file, f"{part}_jitter", table["jitter_bins"].to_numpy(int)[index])
        if trials.psth is not None and trials.conditions is not None:
            write_array(file, f"{part}_cond_idx", trials.psth.rows(trials.conditions[index]))
    if trials.psth is not None:
        psth = write_array(file, "psth", trials.psth.rates[:, :, trials.unit_order])
        psth.attrs["conditions"] = json.dumps(trials.psth.conditions)
    used = table.iloc[np.sort(np.concatenate(list(rows.values())))]
    file["trials"] = table_text(used)
    file.attrs["bin_s"], file.attrs["heldin"] = trials.bin_s, trials.heldin
    file.attrs["name"], file.attrs["session"] = trials.name, trials.session
    file.attrs["provenance"] = json.dumps(dict(trials.provenance), default=str)
    file.attrs["counts"] = _described({trials.neural_name or "counts": trials.neural})
    for key, role in (("behavior", "behaviour"), ("ext_input", "input")):
        file.attrs[key] = _described(series_of(trials, role))


def read_parts(
    contents: Contents,
    counts: Mapping[str, np.ndarray],
    heldin: int,
    forward: int,
    splits: Mapping[str, np.ndarray],
    bin_s: float | None,
    series: Mapping[str, Mapping[str, np.ndarray]],
    truth: Mapping[str, np.ndarray],
) -> Trials:
    """Trials from the parts of a file, in the order they were written in (part after part, where the file does not say).

    Args:
        contents: the file.
        counts: of each part `(trial, time, unit)`, held-in units first; NaN where they are not known.
        heldin: number of held-in units.
        forward: number of forward bins.
        splits: the split of each trial of each part, where the file does not say.
        bin_s: bin width in seconds that was asked for.
        series: `behavior` and `ext_input` of each part.
        truth: rates of each part, held-in units first.

    Raises:
        InvalidInput: shapes that disagree; no bin width, or two.
    """
    said = contents.attributes[""]
    for part, values in counts.items():
        for key, given in (*((k, v[part]) for k, v in series.items() if part in v), *[("truth", truth.get(part))]):
            if given is not None and len(given) != len(values):
                contents.refuse(f"{part}_{key}", f"{len(given)} trials", f"{len(values)}, like {part}'s spikes")
    table, order = _table(contents, counts, splits)
    everything = np.concatenate(list(counts.values()))[order]
    units = everything.shape[2]
    seen = np.asarray(said["heldin"], int) if "heldin" in said else np.arange(heldin)
    if len(seen) != heldin:
        contents.refuse("attribute heldin", f"{len(seen)} units", f"{heldin}, like the held-in counts")
    recorded = np.argsort(np.concatenate([seen, np.setdiff1d(np.arange(units), seen)]))
    everything = everything[:, :, recorded]
    known = ~np.isnan(everything)
    dataset, named_s, _ = split_of_name(contents.path)
    width = bin_width(contents.path, bin_s, {"the file": said.get("bin_s"), "its name": named_s})
    neural = json.loads(said.get("counts", '[{"name": "counts", "names": []}]'))[0]
    signals = {
        neural["name"]: Signal(
            check_counts("counts", np.where(known, everything, 0)),
            "spikes",
            "neural",
            width,
            "counts/bin",
            tuple(neural["names"]),
            mask=None if known.all() else known,
        )
    }
    for key, role in (("behavior", "behaviour"), ("ext_input", "input")):
        if series.get(key):
            signals |= _signals(_stacked(series[key], counts)[order], role, width, said.get(key))
    psth = contents.arrays.get("psth")
    if psth is not None and psth.shape[1:] != (everything.shape[1] - forward, units):
        shape = f"(condition, {everything.shape[1] - forward}, {units})"
        contents.refuse("psth", f"shape {psth.shape}", f"{shape}, the observed bins and the units")
    conditions = contents.attributes.get("psth", {}).get("conditions")
    labels = json.loads(conditions) if conditions else [str(k) for k in range(0 if psth is None else len(psth))]
    return Trials(
        signals=signals,
        mask=np.ones(everything.shape[:2], bool),
        table=table,
        heldin=np.flatnonzero(recorded < heldin),
        forward=forward,
        truth={"rates": np.concatenate(list(truth.values()))[order][:, :, recorded]} if truth else {},
        psth=None if psth is None else PSTH(psth[:, :, recorded], tuple(labels)),
        name=str(said.get("name", dataset or contents.path.stem)),
        session=str(said.get("session", contents.path.stem)),
        provenance=json.loads(said.get("provenance", "{}")),
    )


def _table(
    contents: Contents, counts: Mapping[str, np.ndarray], splits: Mapping[str, np.ndarray]
) -> tuple[pd.DataFrame, np.ndarray]:
    """The trial table, and where each of its rows lies among the parts one after another."""
    if "trials" in contents.arrays:
        table = table_of(str(contents.arrays["trials"]))
        places = [np.flatnonzero(np.isin(table["split"], np.unique(splits[part]))) for part in counts]
        if [len(place) for place in places] == [len(values) for values in counts.values()]:
            return table, np.argsort(np.concatenate(places))
        contents.refuse("trials", f"a table of {[len(p) for p in places]} trials", f"{[*map(len, counts.values())]}")
    columns: dict[str, Any] = {"split": np.concatenate([splits[part] for part in counts])}
    for name, key in (("decode_group", "decode_mask"), ("jitter_bins", "jitter")):
        found = [contents.arrays[f"{part}_{key}"] for part in counts if f"{part}_{key}" in contents.arrays]
        if len(found) == len(counts):
            columns[name] = np.concatenate([np.where(f.any(1), f.argmax(1), -1) if f.ndim == 2 else f for f in found])
    if "psth" in contents.arrays:
        condition = np.full(len(columns["split"]), None, object)
        start = 0
        for part, values in counts.items():
            for label, rows in enumerate(contents.arrays.get(f"{part}_cond_idx", [])):
                condition[start + np.asarray(rows, int)] = str(label)
            start += len(values)
        columns["condition"] = condition
    for name, column in columns.items():
        if len(column) != len(columns["split"]):
            contents.refuse(name, f"{len(column)} trials", f"{len(columns['split'])}, like the spikes")
    return pd.DataFrame(columns), np.arange(len(columns["split"]))


def _stacked(parts: Mapping[str, np.ndarray], counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """A series of every part; NaN where a part has none, and past the end of one that is shorter."""
    some = next(iter(parts.values()))
    bins = max(each.shape[1] for each in parts.values())
    full = [np.full((len(v), *((bins,) if some.ndim == 3 else ()), some.shape[-1]), np.nan) for v in counts.values()]
    for target, part in zip(full, counts):
        if part in parts:
            target[:, : parts[part].shape[1]] = parts[part]
    return np.concatenate(full).astype(np.float32)


def _signals(values: np.ndarray, role: Any, bin_s: float, described: str | None) -> dict[str, Signal]:
    """The signals whose channels lie side by side."""
    default = [{"name": "behaviour" if role == "behaviour" else "input", "channels": values.shape[-1], "bins": 0}]
    signals, start = {}, 0
    for each in json.loads(described) if described else default:
        own = values[..., start : start + each["channels"]]
        own = own[:, : each["bins"] or None] if values.ndim == 3 else own
        kind: Any = "series" if values.ndim == 3 else "label"
        names = tuple(each.get("names", ()))
        signals[each["name"]] = Signal(own, kind, role, bin_s, each.get("units", ""), names)
        start += each["channels"]
    return signals


def _described(signals: Mapping[str, Signal]) -> str:
    listed = [
        {"name": name, "channels": s.shape[-1], "bins": s.bins, "units": s.units, "names": s.names}
        for name, s in signals.items()
    ]
    return json.dumps(listed)
