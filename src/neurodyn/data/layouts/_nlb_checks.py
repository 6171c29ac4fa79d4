"""Checks on the benchmark's files: whole counts, and shapes that agree between all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodyn.data.layouts._hdf5 import Contents

TARGET_KEYS = (
    "eval_spikes_heldout",
    "train_behavior",
    "eval_behavior",
    "eval_spikes_heldin_forward",
    "eval_spikes_heldout_forward",
    "train_decode_mask",
    "eval_decode_mask",
    "psth",
    "train_cond_idx",
    "eval_cond_idx",
    "train_jitter",
    "eval_jitter",
)
"""Of `eval_target.h5`; the first five are always there. Counts among them may be NaN."""


def check_same_behaviour(*places: Mapping[str, tuple[Contents, str]]) -> None:
    """Raises where training behaviour, which two files may hold, differs between them."""
    given = [place["train_behavior"] for place in places if "train_behavior" in place]
    values = [contents.arrays[name] for contents, name in given]
    if len(given) == 2 and not np.array_equal(values[0], values[1], equal_nan=True):
        contents, name = given[0]
        contents.refuse(
            name, f"shape {values[0].shape}, or other values", f"that of {given[1][0].path.name}, {values[1].shape}"
        )


def checked(found: Mapping[str, tuple[Contents, str]]) -> dict[str, Any]:
    """The arrays, once every count and every shape is right."""
    arrays = {
        key: contents.counts(name, missing=key in TARGET_KEYS) if "_spikes_" in key else contents.arrays[name]
        for key, (contents, name) in found.items()
    }
    first = arrays["train_spikes_heldin"]
    trials = {"train": len(first), "eval": len(arrays["eval_spikes_heldin"])}
    units = {"heldin": first.shape[2], "heldout": arrays["train_spikes_heldout"].shape[2]}
    bins = {False: first.shape[1], True: arrays["train_spikes_heldin_forward"].shape[1]}
    for key, values in arrays.items():
        contents, name = found[key]
        side, shape = key.split("_")[0], values.shape
        expected: tuple[int, ...] = shape
        if "_spikes_" in key:
            expected = (
                trials[side],
                bins[key.endswith("_forward")],
                units["heldout" if "heldout" in key else "heldin"],
            )
        elif key == "psth":
            expected = (len(values), bins[False], sum(units.values()))
        elif key.endswith("_cond_idx"):
            used = np.concatenate([np.asarray(each, int) for each in values]) if len(values) else np.zeros(0, int)
            if len(used) and not 0 <= used.min() <= used.max() < trials[side]:
                contents.refuse(name, f"trials {used.min()} to {used.max()}", f"trials 0 to {trials[side] - 1}")
            contents.require(
                [name.replace(key, other) for other in ("psth", "train_cond_idx", "eval_cond_idx")],
                "condition averages",
            )
            expected = (len(arrays["psth"]),)
        elif key.endswith("_behavior") and values.ndim == 3:
            expected = (trials[side], bins[False], shape[2])
        else:  # one row a trial
            expected = (trials[side], *shape[1:])
        if shape != expected:
            contents.refuse(name, f"shape {shape}", f"{expected}, like the other arrays")
    lists = {
        key: tuple(np.asarray(rows, np.int32) for rows in arrays[key]) for key in arrays if key.endswith("_cond_idx")
    }
    return arrays | lists
