"""The submission file of the Neural Latents Benchmark: one HDF5 file, a group a data set and bin width, float32 rates in expected counts per bin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.store import open_hdf5
from neurodyn.data.writing import hdf5_written_whole
from neurodyn.errors import InvalidInput, UnknownName

DATASETS = ("mc_maze", "mc_rtt", "area2_bump", "dmfc_rsg", "mc_maze_large", "mc_maze_medium", "mc_maze_small")
"""The benchmark's data sets in the order of its results."""
SCALING = {"mc_maze_large": "[500] ", "mc_maze_medium": "[250] ", "mc_maze_small": "[100] "}
"""Data sets that are reported together as `mc_maze_scaling`, and the prefix of each one's scores (its number of training trials)."""
BIN_MS = {5: "", 20: "_20"}
"""Bin widths of the benchmark, and what follows the data set's name in a group's."""
GROUPS = {f"{dataset}{suffix}": (dataset, bin_ms) for dataset in DATASETS for bin_ms, suffix in BIN_MS.items()}
"""Every group's data set and bin width in ms, in the order of the official results."""
TRAIN = ("train_rates_heldin", "train_rates_heldout")
"""Rates of the training trials over the observed bins, `(trial, time, unit)`; a decoder of behaviour is fitted to them."""
EVAL = ("eval_rates_heldin", "eval_rates_heldout")
"""Rates of the evaluated trials over the observed bins."""
FORWARD = ("eval_rates_heldin_forward", "eval_rates_heldout_forward")
"""Rates of the evaluated trials over the bins that follow; optional, both or none."""
ARRAYS = (*TRAIN, *EVAL, *FORWARD)
"""Every array of a group."""
_FORMAT = "neurodyn submission"


@dataclass(frozen=True)
class Member:
    """A run whose rates went into a group; the rates of several are averaged."""

    run: str
    """The run's folder as it was given, or how an estimator in memory prints."""
    model: str
    seed: int


@dataclass(frozen=True, eq=False)
class Submission:
    """Predicted rates of one phase, group by group."""

    groups: Mapping[str, Mapping[str, Any]]
    """Arrays of each group by name (`ARRAYS`); lazy ones (`h5py.Dataset`) where the file is open."""
    phase: str | None = None
    """`val` or `test`; None where the file does not say."""
    members: Mapping[str, tuple[Member, ...]] = field(default_factory=dict)
    """The runs behind each group, where known."""


def group_name(dataset: str, bin_ms: int) -> str:
    """`mc_maze` at 5 ms, `mc_maze_20` at 20 ms.

    Raises:
        UnknownName: not a data set of the benchmark.
        InvalidInput: another bin width.
    """
    if dataset not in DATASETS:
        raise UnknownName("data set of the benchmark", dataset, DATASETS)
    if bin_ms not in BIN_MS:
        raise InvalidInput("bin_s", f"{bin_ms} ms", "0.005 or 0.02: the benchmark scores 5 and 20 ms bins")
    return dataset + BIN_MS[bin_ms]


def write(path: str | Path, submission: Submission) -> Path:
    """Writes the file whole or not at all: float32, gzip. The arrays are not checked here (`neurodyn.submission.check`).

    Raises:
        InvalidInput: the folder does not exist or cannot be written; the disk is full.
    """
    target = Path(path)
    with hdf5_written_whole(target) as file:
        file.attrs["format"] = _FORMAT
        if submission.phase is not None:
            file.attrs["phase"] = submission.phase
        for name, arrays in submission.groups.items():
            group = file.create_group(name)
            dataset, bin_ms = GROUPS[name]
            group.attrs.update({"dataset": dataset, "bin_ms": bin_ms, "units": "expected counts per bin"})
            group.attrs["members"] = json.dumps([vars(member) for member in submission.members.get(name, ())])
            for key, values in arrays.items():
                group.create_dataset(key, data=np.asarray(values, np.float32), compression="gzip", compression_opts=4)
    return target


@contextmanager
def opened(path: str | Path) -> Iterator[Submission]:
    """A submission file, ours or another tool's; arrays stay on disk until they are asked for.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is damaged or not HDF5, or holds something else than groups of arrays of floats.
    """
    import h5py

    with open_hdf5(path) as file:
        for name, group in file.items():
            if not isinstance(group, h5py.Group):
                raise InvalidInput(f"{path}: {name}", "an array outside a group", f"a group such as {DATASETS[0]}")
            for key, values in group.items():
                if not isinstance(values, h5py.Dataset) or values.dtype.kind != "f":
                    what = values.dtype if isinstance(values, h5py.Dataset) else "a group"
                    raise InvalidInput(f"{path}: {name}/{key}", what, "an array of float16, float32 or float64")
        phase = file.attrs.get("phase")
        members = {name: _members(group.attrs.get("members")) for name, group in file.items()}
        groups = {name: {key: file[name][key] for key in _in_order(file[name])} for name in _in_order(file, GROUPS)}
        yield Submission(groups, None if phase is None else str(phase), members)


def read(path: str | Path) -> Submission:
    """The whole file in memory.

    Raises:
        MissingData, InvalidInput: as `opened`.
    """
    with opened(path) as lazy:
        arrays = {name: {key: np.asarray(values) for key, values in g.items()} for name, g in lazy.groups.items()}
        return Submission(arrays, lazy.phase, lazy.members)


def _in_order(names: Iterable[str], known: Iterable[str] = ARRAYS) -> list[str]:
    """Names in the benchmark's order, those it does not know last; HDF5 sorts them by letter."""
    given = list(names)
    return [name for name in dict.fromkeys([*known, *given]) if name in given]


def _members(recorded: Any) -> tuple[Member, ...]:
    """What a group says about its runs; nothing in another tool's file."""
    return () if recorded is None else tuple(Member(**member) for member in json.loads(recorded))
