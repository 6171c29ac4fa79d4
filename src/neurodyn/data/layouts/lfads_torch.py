"""Data files of lfads-torch: one HDF5 file a session (the keys its `BasicDataModule` takes).

P is `train`, `valid` or, optionally, `test`; B trials, T observed bins, F forward bins:

| key | shape |
| --- | --- |
| `P_encod_data` | (B, T, held-in units): counts that the encoder sees |
| `P_recon_data` | (B, T + F, units), held-in units first: counts to reconstruct; may be absent for `test` |
| `P_behavior` | (B, T, channels), or (B, channels) for labels; NaN where missing |
| `P_ext_input` | (B, T, channels): known inputs |
| `P_truth` and `conversion_factor` | (B, T + F, units): true rates, times the factor, in counts per bin; and the factor |
| `psth`, `P_cond_idx` | (conditions, T, units), and a list of trials a condition |
| `P_decode_mask` | (B, groups), bool: trials that share a decoder |
| `P_jitter` | (B,): how far a window was moved, in bins |

Counts that a benchmark withholds are NaN in `test_recon_data`; where all are, the key is left out. Trials keep their splits: `valid` is for stopping,
`test` for scores; a file without `test` gives trials without test trials. Source: https://github.com/arsedler9/lfads-torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurodyn.data.layouts import _parts
from neurodyn.data.layouts._hdf5 import Contents, read_contents, write_array
from neurodyn.data.trials import SPLITS, Trials
from neurodyn.data.writing import hdf5_written_whole, refuse_existing
from neurodyn.errors import InvalidInput

_LAYOUT = "an lfads-torch data file"


def left_out(trials: Trials) -> list[str]:
    """Names of the signals and truths that such a file has no key for."""
    return _parts.left_out(trials, ("behaviour", "input"), ("rates",))


def write(trials: Trials, path: str | Path, overwrite: bool = False) -> Path:
    """Writes the trials of one session; the file appears whole or not at all.

    Args:
        trials: split into train, valid and (optional) test trials of one length, with spike counts.
        path: the file.
        overwrite: replace a file that is there.

    Raises:
        InvalidInput: a file is there and `overwrite` is not given; no train or valid trials; unknown counts in them; trials of different
            length; fluorescence; the folder does not exist; the disk is full.
    """
    refuse_existing(path, overwrite)
    parts = _parts.parts_of(trials, {split: (split,) for split in SPLITS})
    for part in ("train", "valid"):
        if part not in parts:
            raise InvalidInput("split", f"no {part} trials", "at least one in each of train and valid", "Split anew.")
    observed, seen = trials.observed_bins, len(trials.heldin)
    behaviour, inputs = _parts.series_of(trials, "behaviour"), _parts.series_of(trials, "input")
    with hdf5_written_whole(path) as file:
        for part, rows in parts.items():
            counts = _parts.counts_of(trials, rows)
            unknown = np.isnan(counts)
            if part != "test" and unknown.any():
                raise InvalidInput(
                    "trials",
                    f"unknown counts in {part} trials",
                    "known ones: lfads-torch has no mask",
                    "Leave these trials out.",
                )
            write_array(file, f"{part}_encod_data", counts[:, :observed, :seen])
            unseen = unknown[:, :, seen:].all() and unknown[:, observed:].all()
            if not (unknown.any() and unseen):
                write_array(file, f"{part}_recon_data", counts)
            if behaviour:
                write_array(file, f"{part}_behavior", _parts.side_by_side(behaviour, rows))
            if inputs:
                write_array(file, f"{part}_ext_input", _parts.side_by_side(inputs, rows)[:, :observed])
            if "rates" in trials.truth:
                write_array(file, f"{part}_truth", trials.truth["rates"][rows][:, :, trials.unit_order])
        if "rates" in trials.truth:
            file["conversion_factor"] = 1.0
        _parts.write_beside(file, trials, parts)
    return Path(path)


def read(path: str | Path, bin_s: float | None = None) -> Trials:
    """Reads the trials of one session.

    Args:
        path: the file.
        bin_s: bin width in seconds, where neither the file nor its name (`mc_maze-05ms-val.h5`) says it.

    Raises:
        MissingData: there is no such file.
        InvalidInput: a key is missing; shapes disagree; counts that are negative, fractional or unknown where they must be known; no bin width, or two;
            a damaged file.
    """
    contents = read_contents(path)
    arrays = contents.arrays
    contents.require([f"{part}_{key}_data" for part in ("train", "valid") for key in ("encod", "recon")], _LAYOUT)
    counts = {part: _counts(contents, part) for part in SPLITS if f"{part}_encod_data" in arrays}
    _, observed, heldin = arrays["train_encod_data"].shape
    truth = {part: arrays[f"{part}_truth"] for part in counts if f"{part}_truth" in arrays}
    if truth:
        contents.require(["conversion_factor", *(f"{part}_truth" for part in counts)], _LAYOUT)
    return _parts.read_parts(
        contents,
        counts,
        heldin,
        counts["train"].shape[1] - observed,
        {part: np.full(len(values), part, object) for part, values in counts.items()},
        bin_s,
        {
            key: {part: arrays[f"{part}_{key}"] for part in counts if f"{part}_{key}" in arrays}
            for key in ("behavior", "ext_input")
        },
        {part: values / float(arrays["conversion_factor"]) for part, values in truth.items()},
    )


def _counts(contents: Contents, part: str) -> np.ndarray:
    """Counts of one part, held-in units first, NaN where they are withheld."""
    _, observed, heldin = contents.arrays["train_encod_data"].shape
    _, bins, units = contents.arrays["train_recon_data"].shape
    encoded = contents.counts(f"{part}_encod_data")
    if bins < observed or units < heldin:
        contents.refuse("train_recon_data", f"shape {(bins, units)}", f"at least (time, unit) {(observed, heldin)}")
    if encoded.shape[1:] != (observed, heldin):
        contents.refuse(f"{part}_encod_data", f"shape {encoded.shape}", f"(trial, {observed}, {heldin}), as in train")
    if f"{part}_recon_data" in contents.arrays:
        whole = contents.counts(f"{part}_recon_data", missing=part == "test").astype(np.float32, copy=False)
        if whole.shape != (len(encoded), bins, units):
            contents.refuse(f"{part}_recon_data", f"shape {whole.shape}", f"{(len(encoded), bins, units)}")
        if not np.array_equal(whole[:, :observed, :heldin], encoded):
            contents.refuse(
                f"{part}_encod_data",
                "counts that differ from those to reconstruct",
                f"the first {observed} bins and {heldin} units of {part}_recon_data",
            )
        return whole
    whole = np.full((len(encoded), bins, units), np.nan, np.float32)
    whole[:, :observed, :heldin] = encoded
    return whole
