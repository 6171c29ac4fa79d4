"""Trials in one HDF5 file, with a schema number and where they came from."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

import neurodyn
from neurodyn.data.psth import PSTH
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.data.writing import hdf5_written_whole
from neurodyn.errors import InvalidInput, MissingData

FORMAT = "neurodyn.trials"
SCHEMA = 1
"""Number of the layout written here. A file with a higher number was written by a later version."""


def save(trials: Trials, path: str | Path) -> Path:
    """Writes trials to an HDF5 file; the file appears whole or not at all.

    Layout: attributes `format`, `schema`, `name`, `session`, `forward`, `signals`, `provenance` (JSON); `signals/<name>` with `kind`, `role`,
    `bin_s`, `units`, `names` as attributes and `masks/<name>` where a signal has its own; `mask`, `heldin`, `table/<column>`, `unit_table/<column>`, `truth/<name>`, `psth`.

    Raises:
        InvalidInput: the folder does not exist or the disk is full.
    """
    versions = {"neurodyn": neurodyn.__version__, "numpy": np.__version__, "python": platform.python_version()}
    with hdf5_written_whole(path) as file:
        file.attrs["format"], file.attrs["schema"] = FORMAT, SCHEMA
        file.attrs["name"], file.attrs["session"] = trials.name, trials.session
        file.attrs["forward"] = trials.forward
        file.attrs["signals"] = json.dumps(list(trials.signals))
        file.attrs["provenance"] = json.dumps({**trials.provenance, "versions": versions}, default=str)
        for name, signal in trials.signals.items():
            data = _write(file, f"signals/{name}", np.asarray(signal.values))
            data.attrs["kind"], data.attrs["role"] = signal.kind, signal.role
            data.attrs["bin_s"], data.attrs["units"] = signal.bin_s, signal.units
            data.attrs["names"] = json.dumps(signal.names)
            if signal.mask is not None:
                _write(file, f"masks/{name}", signal.mask)
        _write(file, "mask", trials.mask)
        _write(file, "heldin", trials.heldin)
        _write_table(file, "table", trials.table)
        if len(trials.unit_table.columns):
            _write_table(file, "unit_table", trials.unit_table)
        for name, truth in trials.truth.items():
            _write(file, f"truth/{name}", np.asarray(truth))
        if trials.psth is not None:
            _write(file, "psth", trials.psth.rates).attrs["conditions"] = json.dumps(trials.psth.conditions)
    return Path(path)


def load(path: str | Path, *, lazy: bool = False) -> Trials:
    """Reads trials from a file that `save` wrote.

    Args:
        path: the file.
        lazy: leave signals on disk and read them trial by trial; the file then stays open.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, truncated, not HDF5, not a file of trials, or of a later schema.
    """
    file = open_hdf5(path)
    if file.attrs.get("format") != FORMAT:
        keys = ", ".join(file) or "nothing"
        file.close()
        raise InvalidInput(
            str(path),
            f"an HDF5 file that holds {keys}",
            "trials written by neurodyn",
            "Other files are read by `neurodyn data prepare`.",
        )
    schema = int(file.attrs["schema"])
    if schema > SCHEMA:
        file.close()
        raise InvalidInput(str(path), f"schema {schema}", f"at most {SCHEMA}", "Install a later neurodyn.")
    try:
        trials = _read(file, lazy)
    except (OSError, KeyError, RuntimeError) as error:
        file.close()
        raise InvalidInput(str(path), f"a damaged file ({error})", "a whole file", "Write or copy it again.") from error
    if not lazy:
        file.close()
    return trials


def open_hdf5(path: str | Path) -> h5py.File:
    """Opens any HDF5 file for reading.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, truncated or not HDF5.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingData(f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise InvalidInput(str(path), "an empty file (0 bytes)", "an HDF5 file", "Write or copy it again.")
    if not h5py.is_hdf5(path):
        raise InvalidInput(str(path), "a file that is not HDF5", "an HDF5 file")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InvalidInput(
            str(path), f"a truncated or damaged HDF5 file ({error})", "a whole file", "Write or copy it again."
        ) from error


def _read(file: h5py.File, lazy: bool) -> Trials:
    signals = {}
    for name in json.loads(file.attrs["signals"]):
        data = file[f"signals/{name}"]
        mask = file[f"masks/{name}"][()] if f"masks/{name}" in file else None
        signals[name] = Signal(
            values=data if lazy else data[()],
            kind=data.attrs["kind"],
            role=data.attrs["role"],
            bin_s=float(data.attrs["bin_s"]),
            units=data.attrs["units"],
            names=tuple(json.loads(data.attrs["names"])),
            mask=mask,
        )
    mask = file["mask"][()]
    provenance: Mapping[str, Any] = json.loads(file.attrs["provenance"])
    return Trials(
        signals=signals,
        mask=mask,
        table=pd.DataFrame(_columns(file["table"]), index=range(len(mask))),
        heldin=file["heldin"][()],
        forward=int(file.attrs["forward"]),
        unit_table=pd.DataFrame(_columns(file["unit_table"]) if "unit_table" in file else None),
        truth={name: data[()] for name, data in file.get("truth", {}).items()},
        psth=PSTH(file["psth"][()], tuple(json.loads(file["psth"].attrs["conditions"]))) if "psth" in file else None,
        name=file.attrs["name"],
        session=file.attrs["session"],
        provenance=provenance,
    )


def _write(file: h5py.File, name: str, values: np.ndarray) -> h5py.Dataset:
    """Compressed, one trial (or so) a chunk, so that a lazy reader pays for what it takes."""
    if values.size < 1024:
        return file.create_dataset(name, data=values)
    per_trial = max(1, values[0].size * values.itemsize)
    chunk = (max(1, min(len(values), 65536 // per_trial)), *values.shape[1:])
    return file.create_dataset(name, data=values, chunks=chunk, compression="gzip", compression_opts=1, shuffle=True)


def _write_table(file: h5py.File, name: str, table: pd.DataFrame) -> None:
    """Numbers as arrays, everything else as JSON text."""
    file.create_group(name).attrs["columns"] = json.dumps([str(c) for c in table.columns])
    for column in table.columns:
        values = table[column].to_numpy()
        if values.dtype.kind in "biuf":
            _write(file, f"{name}/{column}", values)
        else:
            text = [json.dumps(v, default=as_plain) for v in values.tolist()]
            file.create_dataset(f"{name}/{column}", data=text, dtype=h5py.string_dtype()).attrs["json"] = True


def _columns(group: h5py.Group) -> dict[str, Any]:
    return {column: _column(group[column]) for column in json.loads(group.attrs["columns"])}


def _column(data: h5py.Dataset) -> Any:
    return [json.loads(text) for text in data.asstr()[()]] if data.attrs.get("json") else data[()]


def as_plain(value: Any) -> Any:
    """What `json.dumps` cannot write, as it can: arrays as lists, NumPy's numbers as Python's, the rest as text."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
