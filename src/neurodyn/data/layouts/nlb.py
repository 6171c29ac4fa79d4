"""The Neural Latents Benchmark's own files: one folder a split, as its public tools write and read them.

A folder is called `{dataset}-{bin width in ms, two digits}ms-{val|test}`, for example `mc_maze-05ms-val`. B trials, T observed bins, F forward bins:

| file | key | shape |
| --- | --- | --- |
| `train_input.h5` | `train_spikes_heldin`, `train_spikes_heldout` | (B_train, T, units) |
| | `train_spikes_heldin_forward`, `train_spikes_heldout_forward` | (B_train, F, units) |
| | `train_behavior` | (B_train, T, 2), or (B_train, 5) where behaviour is labels |
| `eval_input.h5` | `eval_spikes_heldin` | (B_eval, T, units) |
| | `eval_spikes_heldout` (phase val) | (B_eval, T, units) |
| `eval_target.h5` (phase val), in a group `{dataset}`, or `{dataset}_20` at 20 ms | `eval_spikes_heldout` | (B_eval, T, units), NaN where nothing is scored |
| | `eval_spikes_heldin_forward`, `eval_spikes_heldout_forward` | (B_eval, F, units) |
| | `train_behavior`, `eval_behavior` | as above |
| | `train_decode_mask`, `eval_decode_mask` | (B, groups), bool |
| | `psth` | (conditions, T, units), held-in units first |
| | `train_cond_idx`, `eval_cond_idx` | one list of trials a condition |
| | `train_jitter`, `eval_jitter` | (B,), in bins |

Counts are per bin. Floats are stored as float32, integers as int32, compressed with gzip. Beside these files lies `trials.json`, the trial table (a list of
values a column, training trials first), which the benchmark's tools do not need; where it is absent the table has only what the arrays say.
Source: doi:10.48550/arXiv.2109.04463.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from neurodyn.data.layouts._hdf5 import (
    Contents,
    bin_width,
    read_contents,
    split_of_name,
    table_of,
    table_text,
    write_array,
)
from neurodyn.data.layouts._nlb_checks import TARGET_KEYS, check_same_behaviour, checked
from neurodyn.data.nlb.tensors import Tensors
from neurodyn.data.writing import folder_made, hdf5_written_whole, written_whole
from neurodyn.errors import InvalidInput, MissingData

_WIDTH = re.compile(r"_(\d+)$")
"""Ends the name of a group of targets, unless bins are 5 ms wide."""
TRAIN, EVAL, TARGET, TABLE = "train_input.h5", "eval_input.h5", "eval_target.h5", "trials.json"
WHOLE = "eval_spikes_heldout_whole"
"""Held-out counts of the whole window, where the target has them only in part: `eval_input.h5` holds them as `eval_spikes_heldout`."""
_TRAIN_KEYS = (
    "train_spikes_heldin",
    "train_spikes_heldout",
    "train_spikes_heldin_forward",
    "train_spikes_heldout_forward",
    "train_behavior",
)


def write(tensors: Tensors, folder: str | Path, overwrite: bool = False) -> Path:
    """Writes one split into a folder of its own below `folder`, all files or none.

    Args:
        tensors: what to write.
        folder: the split's folder `tensors.folder_name` is made in it.
        overwrite: replace files that are there already.

    Returns:
        The split's folder.

    Raises:
        InvalidInput: a file is there already and `overwrite` is not given; the folder cannot be made; the disk is full.
    """
    arrays, target = tensors.arrays, Path(folder) / tensors.folder_name
    parts: dict[str, Mapping[str, Any]] = {
        TRAIN: {key: arrays[key] for key in _TRAIN_KEYS if key in arrays},
        EVAL: {"eval_spikes_heldin": arrays["eval_spikes_heldin"]},
    }
    if tensors.phase == "val":
        parts[EVAL] = {**parts[EVAL], "eval_spikes_heldout": arrays.get(WHOLE, arrays["eval_spikes_heldout"])}
        parts[TARGET] = {key: arrays[key] for key in TARGET_KEYS if key in arrays}
    refuse_existing_split(target, overwrite)
    with folder_made(Path(folder)):
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        beside.mkdir()
        try:
            for name, values in parts.items():
                with hdf5_written_whole(beside / name) as file:
                    _write_file(file, values, tensors, tensors.group if name == TARGET else "")
            with written_whole(beside / TABLE) as table:
                table.write_text(table_text(tensors.table))
            target.mkdir(exist_ok=True)
            for path in beside.iterdir():
                os.replace(path, target / path.name)
        finally:
            shutil.rmtree(beside)
    return target


def _write_file(file: h5py.File, values: Mapping[str, Any], tensors: Tensors, group: str) -> None:
    file.attrs.update({"dataset": tensors.dataset, "phase": tensors.phase, "bin_s": tensors.bin_ms / 1000})
    file.attrs["names"] = json.dumps([tensors.heldin, tensors.unit_names, tensors.conditions], default=int)
    file.attrs["provenance"] = json.dumps(dict(tensors.provenance), default=str)
    where = file.create_group(group) if group else file
    for key, array in values.items():
        write_array(where, key, array)


def is_whole(folder: Path) -> bool:
    """Whether a split's folder holds all of its files."""
    names = (TRAIN, EVAL, TABLE) if folder.name.endswith("-test") else (TRAIN, EVAL, TARGET, TABLE)
    return all((folder / name).is_file() for name in names)


def refuse_existing_split(folder: Path, overwrite: bool) -> None:
    """Raises where a split's folder has files already and they may not be replaced.

    Raises:
        InvalidInput: it has.
    """
    there = [name for name in (TRAIN, EVAL, TARGET, TABLE) if (folder / name).exists()]
    if there and not overwrite:
        raise InvalidInput(
            str(folder), f"a folder that holds {', '.join(there)}", "a new folder", "Add overwrite (--overwrite)."
        )


def read(path: str | Path, bin_s: float | None = None) -> Tensors:
    """Reads one split, written by `write` or by the benchmark's tools.

    Args:
        path: the split's folder, its `train_input.h5`, or one file with all keys (with or without the group of the targets).
        bin_s: bin width in seconds, where neither the name of the folder, of the file or of the group says it.

    Returns:
        The tensors; the counts as whole numbers in float32. In phase test there are no targets.

    Raises:
        MissingData: a file that is needed is not there.
        InvalidInput: a key is missing; shapes disagree; counts that are negative, fractional or unknown where they must be known; no bin width, or two;
            a damaged file.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    single = path.is_file() and path.name not in (TRAIN, EVAL, TARGET)
    train = read_contents(path if single else _there(folder, TRAIN))
    evaluated = train if single else read_contents(_there(folder, EVAL))
    target = train if single else read_contents(folder / TARGET) if (folder / TARGET).is_file() else None
    said = train.attributes[""]
    dataset, named_s, named_phase = split_of_name(path if single else folder.resolve())
    dataset = said.get("dataset", dataset)
    group = None if target is None else _group(target, dataset)
    given = "eval_spikes_heldout" in evaluated.arrays
    phase = _phase(said.get("phase") or named_phase, group is not None, given, folder / TARGET)
    found = {
        **_taken(
            train, _TRAIN_KEYS, _TRAIN_KEYS[:4], f"the benchmark's {TRAIN} (its tools: include_forward_pred=True)"
        ),
        **_taken(evaluated, ("eval_spikes_heldin",), ("eval_spikes_heldin",), f"the benchmark's {EVAL}"),
    }
    if target is not None and group is not None:
        of_target = _taken(target, TARGET_KEYS, TARGET_KEYS[:5], f"the benchmark's {TARGET}", group)
        check_same_behaviour(found, of_target)
        found |= of_target
        name = found["eval_spikes_heldout"][1]
        if given and (target, name) != (evaluated, "eval_spikes_heldout") and np.isnan(target.arrays[name]).any():
            found[WHOLE] = (evaluated, "eval_spikes_heldout")
    else:
        train.require(["train_behavior"], f"the benchmark's {TRAIN} (its tools: include_behavior=True)")
    arrays = checked(found)
    heldin, unit_names, conditions = json.loads(said.get("names", "[null, [], []]"))
    width = bin_width(
        path,
        bin_s,
        {train.path.name: said.get("bin_s"), "the folder's name": named_s, "the targets' group": _width_s(group)},
    )
    return Tensors(
        dataset=str(dataset or _WIDTH.sub("", group or path.stem)),
        bin_ms=round(width * 1000),
        phase=phase,
        arrays=arrays,
        table=_table(None if single else folder / TABLE, arrays, phase),
        provenance={**json.loads(said.get("provenance", "{}")), "layout": "nlb"},
        heldin=None if heldin is None else tuple(heldin),
        unit_names=tuple(unit_names),
        conditions=tuple(conditions),
    )


def _there(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise MissingData(
            f"{folder / name}: there is no such file. A split's folder holds {TRAIN}, {EVAL} and, for validation, {TARGET}."
        )
    return folder / name


def _phase(said: str | None, targets: bool, given: bool, target: Path) -> Any:
    """The phase that a name says, else the one that fits what is there: targets, and held-out counts of evaluated trials."""
    phase = said or ("val" if targets or given else "test")
    if phase == "val" and not targets:
        raise MissingData(
            f"{target}: there is no such file, and a split for validation needs its targets. Make it with the "
            "benchmark's tools or `neurodyn data prepare DATA --layout nlb`; the name of a split for testing ends in -test."
        )
    if phase == "test" and (targets or given):
        raise InvalidInput(
            str(target.parent),
            "held-out counts of the trials to predict, in a split for testing",
            "none: they are withheld",
            "Let the folder's name end in -val if this is validation; `neurodyn submit --score` takes published targets.",
        )
    return phase


def _group(target: Contents, dataset: str | None) -> str | None:
    """Group that holds the targets: empty where they lie at the top of the file, None where there are none."""
    groups = [key.rsplit("/", 1)[0] for key in target.arrays if key.endswith("/eval_spikes_heldout")]
    if len(groups) > 1:
        groups = [group for group in groups if _WIDTH.sub("", group) == dataset]
        if len(groups) != 1:
            raise InvalidInput(
                str(target.path),
                "the targets of several data sets or bin widths",
                "those of one split",
                "Name the folder after the split, for example mc_maze-05ms-val, and keep one bin width a file.",
            )
    if groups:
        return groups[0]
    return "" if "eval_spikes_heldin_forward" in target.arrays else None


def _width_s(group: str | None) -> float | None:
    """The bin width that a group's name says."""
    if not group:
        return None
    found = _WIDTH.search(group)
    return int(found[1]) / 1000 if found else 0.005


def _taken(
    contents: Contents, keys: tuple[str, ...], needed: tuple[str, ...], layout: str, group: str = ""
) -> dict[str, tuple[Contents, str]]:
    """Where each key that is there is to be read from."""
    names = {key: f"{group}/{key}" if group else key for key in keys}
    contents.require([names[key] for key in needed], layout)
    return {key: (contents, name) for key, name in names.items() if name in contents.arrays}


def _table(path: Path | None, arrays: Mapping[str, Any], phase: str) -> pd.DataFrame:
    """The trial table beside the arrays, or what is known without it."""
    train, evaluated = len(arrays["train_spikes_heldin"]), len(arrays["eval_spikes_heldin"])
    if path is None or not path.is_file():
        splits = np.repeat(np.array(["train", phase], dtype=object), [train, evaluated])
        return pd.DataFrame({"trial_id": np.arange(train + evaluated), "nlb_split": splits, "start_s": np.nan})
    try:
        table = table_of(path.read_text())
    except ValueError as error:
        raise InvalidInput(
            str(path), f"a damaged table ({error})", "the trial table", "Make the split again."
        ) from error
    if len(table) != train + evaluated:
        raise InvalidInput(
            str(path), f"{len(table)} trials", f"{train} + {evaluated}, like the arrays", "Make the split again."
        )
    return table
