"""Tensors kept on disk, so that a recording is cut once for the same files and parameters."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import platformdirs

from neurodyn.config import to_dict
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.tensors import Tensors
from neurodyn.data.store import as_plain
from neurodyn.data.writing import written_whole

VERSION = 1
"""Number of the way tensors are made and stored: tensors of another number are made anew."""
_LISTS = ("train_cond_idx", "eval_cond_idx")


def place(protocol: Protocol, dataset: str, bin_ms: int, phase: str, checksums: Mapping[str, str]) -> Path:
    """File of the tensors of these parameters and files, in `NEURODYN_CACHE` if set, else in the user's cache folder."""
    folder = Path(os.environ.get("NEURODYN_CACHE") or platformdirs.user_cache_dir("neurodyn"))
    what = json.dumps([VERSION, to_dict(protocol), bin_ms, phase, sorted(checksums.items())], sort_keys=True)
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    return folder / "nlb" / f"{dataset}-{bin_ms:02d}ms-{phase}-{digest}.npz"


def sha256(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(tensors: Tensors, path: Path) -> None:
    """Writes tensors, whole or not at all. Counts that fit are stored in one byte.

    Raises:
        InvalidInput: the folder cannot be written to; the disk is full.
    """
    stored: dict[str, np.ndarray] = {}
    for key, values in tensors.arrays.items():
        if key in _LISTS:
            stored[key] = np.concatenate([*values, np.empty(0, np.int32)])
            stored[f"{key}.lengths"] = np.array([len(each) for each in values])
        elif "_spikes_" in key and values.size and values.max() < 256:  # NaN is not below 256
            stored[f"{key}.small"] = values.astype(np.uint8)
        else:
            stored[key] = values
    columns = {str(name): tensors.table[name].tolist() for name in tensors.table}
    rest = {
        "dataset": tensors.dataset,
        "bin_ms": tensors.bin_ms,
        "phase": tensors.phase,
        "provenance": dict(tensors.provenance),
        "heldin": tensors.heldin,
        "unit_names": tensors.unit_names,
        "conditions": tensors.conditions,
        "table": columns,
    }
    with written_whole(path) as beside, beside.open("wb") as file:
        np.savez(file, rest=np.array(json.dumps(rest, default=as_plain)), **stored)  # type: ignore[arg-type]


def read(path: Path) -> Tensors | None:
    """Tensors that `write` wrote; None where there are none, or the file is damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            rest: dict[str, Any] = json.loads(str(stored["rest"]))
            arrays: dict[str, Any] = {}
            for key in stored.files:
                if key.endswith(".small"):
                    arrays[key.removesuffix(".small")] = stored[key].astype(np.float32)
                elif key in _LISTS:
                    ends = np.cumsum(stored[f"{key}.lengths"])
                    arrays[key] = tuple(np.split(stored[key], ends[:-1])) if len(ends) else ()
                elif key != "rest" and not key.endswith(".lengths"):
                    arrays[key] = stored[key]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Tensors(
        dataset=rest["dataset"],
        bin_ms=rest["bin_ms"],
        phase=rest["phase"],
        arrays=arrays,
        table=pd.DataFrame(rest["table"]),
        provenance=rest["provenance"],
        heldin=tuple(rest["heldin"]),
        unit_names=tuple(rest["unit_names"]),
        conditions=tuple(rest["conditions"]),
    )
