"""What the layouts share about HDF5 files: reading one whole, writing an array as the field does, names of splits, checks of keys and shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np
import pandas as pd

from neurodyn.data.store import as_plain, open_hdf5
from neurodyn.errors import InvalidInput

_SPLIT_NAME = re.compile(r"^(?P<dataset>.+?)-(?P<bin_ms>\d+)ms-(?P<phase>val|test)$")


@dataclass(frozen=True, eq=False)
class Contents:
    """Everything in one HDF5 file."""

    path: Path
    """The file."""
    arrays: dict[str, np.ndarray]
    """Its arrays; nested ones are called `group/array`."""
    attributes: dict[str, dict[str, Any]]
    """Attributes of the file (under the empty name) and of each array."""

    def require(self, keys: Iterable[str], layout: str) -> None:
        """Raises where a key is missing, with what the file holds instead."""
        absent = [key for key in keys if key not in self.arrays]
        if absent:
            raise InvalidInput(
                str(self.path),
                f"a file without {', '.join(absent)} (it holds {', '.join(sorted(self.arrays)) or 'nothing'})",
                f"the keys of {layout}",
                "Keys are spelled exactly so; write the file again with what is missing.",
            )

    def counts(self, key: str, *, missing: bool = False) -> np.ndarray:
        """Spike counts `(trial, time, unit)`, checked.

        Args:
            key: name of the array.
            missing: NaN is allowed, for counts that are not known.

        Raises:
            InvalidInput: another number of axes; counts that are negative, fractional or infinite; NaN where none may be.
        """
        values = self.arrays[key]
        field = f"{self.path.name}: {key}"
        if values.ndim != 3 or values.dtype.kind not in "buif":
            raise InvalidInput(field, f"{values.dtype} of shape {values.shape}", "numbers (trial, time, unit)")
        if values.dtype.kind in "bu":
            return values
        unknown = np.isnan(values)
        bad = np.zeros_like(unknown) if missing else unknown
        for wrong, what, fix in (
            (bad, "NaN", "Only held-out and forward counts of evaluated trials may be unknown."),
            (np.isinf(values), "an infinite count", "Write whole counts per bin."),
            ((values < 0) & ~unknown, "a negative count", "Write counts per bin, not log rates or z-scores."),
            ((values != np.floor(values)) & ~unknown, "a fractional count", "Write counts per bin, not rates."),
        ):
            if wrong.any():
                where = tuple(int(i) for i in np.argwhere(wrong)[0])
                found = f"{what} ({int(wrong.sum())} in all, the first at (trial, time, unit) {where})"
                raise InvalidInput(field, found, "whole spike counts of 0 or more", fix)
        return values

    def refuse(self, key: str, got: str, expected: str) -> NoReturn:
        """Raises for an array that does not go with the others.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            f"{self.path.name}: {key}", got, expected, "Make the files again, all from one cut of the data."
        )


def read_contents(path: str | Path) -> Contents:
    """Reads an HDF5 file whole.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, truncated, damaged or not HDF5.
    """
    arrays: dict[str, np.ndarray] = {}
    attributes: dict[str, dict[str, Any]] = {}

    def take(name: str, item: Any) -> None:
        attributes[name] = dict(item.attrs)
        if isinstance(item, h5py.Dataset):
            arrays[name] = item.asstr()[()] if h5py.check_string_dtype(item.dtype) else np.asarray(item[()])

    with open_hdf5(path) as file:
        try:
            attributes[""] = dict(file.attrs)
            file.visititems(take)
        except (OSError, RuntimeError, KeyError) as error:
            raise InvalidInput(
                str(path), f"a truncated or damaged HDF5 file ({error})", "a whole file", "Write or copy it again."
            ) from error
    return Contents(Path(path), arrays, attributes)


def write_array(file: h5py.File | h5py.Group, name: str, values: Any) -> h5py.Dataset:
    """Writes an array as the benchmark's tools do: floats as float32, integers as int32, compressed; a list of index lists with variable length."""
    if isinstance(values, list | tuple):
        data = file.create_dataset(name, (len(values),), h5py.vlen_dtype(np.int32))
        for place, each in enumerate(values):
            data[place] = np.asarray(each, np.int32)
        return data
    values = np.asarray(values)
    kind = {"f": np.float32, "i": np.int32, "u": np.int32}.get(values.dtype.kind)
    values = values if kind is None else values.astype(kind, copy=False)
    return file.create_dataset(name, data=values, compression="gzip" if values.ndim else None)


def split_of_name(path: Path) -> tuple[str | None, float | None, str | None]:
    """Data set, bin width in seconds and phase that a name says: `mc_maze-05ms-val`, as a folder or as a file without its ending."""
    found = _SPLIT_NAME.match(path.name if path.is_dir() else path.stem)
    return (found["dataset"], int(found["bin_ms"]) / 1000, found["phase"]) if found else (None, None, None)


def bin_width(path: Path, bin_s: float | None, known: Mapping[str, Any]) -> float:
    """The bin width in seconds: what the file or a name says, or what was asked for.

    Args:
        path: the file, for messages.
        bin_s: what was asked for, if anything.
        known: what else says it, and what it says (None: nothing).

    Raises:
        InvalidInput: nothing says it, or two that differ do.
    """
    found = {where: float(s) for where, s in {**known, "data.bin_s": bin_s}.items() if s is not None}
    if not found:
        raise InvalidInput(
            "data.bin_s",
            f"nothing, and neither {path} nor its name says it",
            "the bin width in seconds",
            "Give bin_s, for example 0.005.",
        )
    if max(found.values()) - min(found.values()) > 1e-9:
        said = " and ".join(f"{s:g} s by {where}" for where, s in found.items())
        raise InvalidInput("data.bin_s", said, "one bin width", "Leave bin_s out, or rename what is named wrongly.")
    return next(iter(found.values()))


def table_text(table: pd.DataFrame) -> str:
    """A trial table as JSON: a list of values for each column."""
    return json.dumps({str(column): table[column].tolist() for column in table}, default=as_plain)


def table_of(text: str) -> pd.DataFrame:
    """The trial table that `table_text` wrote."""
    return pd.DataFrame(json.loads(text))
