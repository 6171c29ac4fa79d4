"""Named arrays in `.npz`, `.h5` or `.mat` files as trials."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from neurodyn.data.binned import Binned
from neurodyn.data.signal import Signal
from neurodyn.data.store import open_hdf5
from neurodyn.data.trials import SPLITS, Trials
from neurodyn.data.validate import check_counts
from neurodyn.errors import InvalidInput, MissingData, UnknownName


class NamedArrays(Mapping[str, np.ndarray]):
    """The numeric arrays of a file by name, each read when asked for. Nested HDF5 names are spelled `group/array`.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, damaged, or of another format; an array holds Python objects.
        UnknownName: no array of that name; the nearest are suggested.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise MissingData(f"{self.path}: there is no such file.")
        if self.path.stat().st_size == 0:
            raise InvalidInput(str(self.path), "an empty file (0 bytes)", "a file with arrays")
        with self.path.open("rb") as file:
            head = file.read(128)
        self._transposed = head.startswith(b"MATLAB 7.3")  # MATLAB writes its arrays column by column
        self._source: Any
        self._names: list[str]
        if head.startswith(b"PK"):
            try:
                self._source = np.load(self.path, allow_pickle=False)
            except (zipfile.BadZipFile, ValueError, OSError) as error:
                raise self._damaged(error) from error
            self._names = list(self._source.files)
        elif head.startswith(b"MATLAB 5.0"):
            from scipy.io import loadmat

            try:
                found = loadmat(self.path)
            except (ValueError, TypeError, OSError, EOFError, zlib.error) as error:
                raise self._damaged(error) from error
            self._source = {k: v for k, v in found.items() if isinstance(v, np.ndarray) and v.dtype.kind in "biufSU"}
            self._names = list(self._source)
        elif h5py.is_hdf5(self.path) or head.startswith(b"\x89HDF"):
            self._source = open_hdf5(self.path)
            self._names = []
            self._source.visititems(
                lambda name, item: self._names.append(name) if isinstance(item, h5py.Dataset) else None
            )
        else:
            raise InvalidInput(
                str(self.path), "neither .npz nor .mat nor HDF5", "one of these formats", "numpy.savez writes .npz."
            )

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise UnknownName(f"array of {self.path.name}", name, self._names)
        try:
            values: np.ndarray = np.asarray(self._source[name])
        except ValueError as error:  # an array of objects would need a pickle
            if "pickle" in str(error):
                raise InvalidInput(name, "an array of Python objects", "numbers") from error
            raise self._damaged(error) from error
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
            raise self._damaged(error) from error
        return values.T if self._transposed else values

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def row(self, name: str) -> np.ndarray:
        """An array of one number a bin or trial, `(n,)`, however it is laid out (MATLAB has rows and columns only)."""
        values = self[name]
        if values.ndim > 1 and max(values.shape) != values.size:
            raise InvalidInput(name, f"shape {values.shape}", "one number a bin or trial")
        return values.ravel()

    def number(self, name: str) -> float:
        """An array that holds a single number."""
        values = self[name]
        if values.size != 1:
            raise InvalidInput(name, f"shape {values.shape}", "a single number")
        return float(values.ravel()[0])

    def _damaged(self, error: Exception) -> InvalidInput:
        return InvalidInput(
            str(self.path), f"a truncated or damaged file ({error})", "a whole file", "Write or copy it again."
        )


def is_ready_split(arrays: Mapping[str, Any]) -> bool:
    """Whether arrays follow the ready-split layout that `read_ready_split` reads."""
    return all(f"{split}_heldin" in arrays for split in SPLITS)


def read_ready_split(arrays: NamedArrays) -> Trials:
    """Trials that come split and with units held out, as they are.

    For each split `train`, `valid`, `test`: `SPLIT_heldin` counts `(trial, time, heldin)`; optional `SPLIT_heldin_forward`, `SPLIT_heldout`,
    `SPLIT_heldout_forward`, `SPLIT_behavior` `(trial, time, channel)`, `SPLIT_rates` (expected counts per bin, held-in units first),
    `SPLIT_latents`, `SPLIT_inputs`, `SPLIT_trials` (original trial numbers). Once: `bin_s`, `heldin_ids`, `heldout_ids`.
    """
    counts = {}
    for split in SPLITS:
        counts[split] = _beside(arrays, split, "")
        if "train_heldin_forward" in arrays:
            counts[split] = np.concatenate([counts[split], _beside(arrays, split, "_forward")], 1)
    forward = arrays["train_heldin_forward"].shape[1] if "train_heldin_forward" in arrays else 0
    n_in = arrays["train_heldin"].shape[2]
    units = counts["train"].shape[2]
    heldin = arrays.row("heldin_ids").astype(int) if "heldin_ids" in arrays else np.arange(n_in)
    heldout = arrays.row("heldout_ids").astype(int) if "heldout_ids" in arrays else np.arange(n_in, units)
    recorded = np.argsort(np.concatenate([heldin, heldout]))  # held-in first -> recorded order
    if len(recorded) != units:
        raise InvalidInput("heldin_ids, heldout_ids", f"{len(recorded)} units", f"{units} units, like the counts")
    everything = check_counts("heldin", _stacked(counts))[:, :, recorded]
    bin_s = arrays.number("bin_s")
    signals = {"counts": Signal(everything, "spikes", "neural", bin_s, "counts/bin")}
    if "train_behavior" in arrays:
        behaviour = _stacked({s: arrays[f"{s}_behavior"] for s in SPLITS})
        signals["behaviour"] = Signal(behaviour.astype(np.float32), "series", "behaviour", bin_s)
    truth = {
        name: _stacked({s: arrays[f"{s}_{name}"] for s in SPLITS})
        for name in ("rates", "latents", "inputs")
        if f"train_{name}" in arrays
    }
    if "rates" in truth:
        truth["rates"] = truth["rates"][:, :, recorded]
    table = pd.DataFrame({"split": np.repeat(np.array(SPLITS, dtype=object), [len(counts[s]) for s in SPLITS])})
    if "train_trials" in arrays:
        table["trial"] = np.concatenate([arrays.row(f"{s}_trials") for s in SPLITS])
        if table["trial"].duplicated().any():
            twice = int(table["trial"][table["trial"].duplicated()].iloc[0])
            raise InvalidInput("train_trials, valid_trials, test_trials", f"trial {twice} twice", "disjoint splits")
    return Trials(
        signals=signals,
        mask=np.ones(everything.shape[:2], bool),
        table=table,
        heldin=np.flatnonzero(recorded < n_in),
        forward=forward,
        truth=truth,
        name=arrays.path.stem,
        session=arrays.path.stem,
    )


def binned_arrays(
    arrays: NamedArrays,
    neural: str,
    kind: Any,
    bin_s: float,
    behaviour: tuple[str, ...] = (),
    segment_id: str | None = None,
) -> Binned:
    """A continuous recording `(time, unit)` from named arrays."""
    activity = arrays[neural]
    series = {name: arrays[name] for name in behaviour}
    return Binned(
        neural=activity,
        bin_s=bin_s,
        kind=kind,
        # MATLAB has no vectors: a row with one number a bin is a series of one channel.
        behaviour={name: s.ravel() if s.size == len(activity) else s for name, s in series.items()},
        segment=None if segment_id is None else arrays.row(segment_id),
        name=arrays.path.stem,
        session=arrays.path.stem,
    )


def _beside(arrays: NamedArrays, split: str, bins: str) -> np.ndarray:
    """Held-in and held-out units side by side, of one split; `bins` is empty or `_forward`."""
    first, second = f"{split}_heldin{bins}", f"{split}_heldout{bins}"
    if second not in arrays:
        return arrays[first]
    seen, out = arrays[first], arrays[second]
    if seen.shape[:2] != out.shape[:2]:
        raise InvalidInput(second, f"shape {out.shape}", f"(trial, time) {seen.shape[:2]}, like {first}")
    return np.concatenate([seen, out], 2)


def _stacked(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    shapes = {name: part.shape[1:] for name, part in parts.items()}
    if len(set(shapes.values())) > 1:
        raise InvalidInput("splits", f"shapes {shapes}", "the same bins and units in every split")
    return np.concatenate(list(parts.values()))
