"""Data files of BLEND: one flat HDF5 file with a part to train on and a part to evaluate (what its release's `SpikesDataset` takes).

B trials, T observed bins, F forward bins; P is `train` or `eval`:

| key | shape |
| --- | --- |
| `P_spikes_heldin`, `P_spikes_heldout` | (B, T, units) |
| `P_spikes_heldin_forward`, `P_spikes_heldout_forward` | (B, F, units) |
| `P_behavior` | (B, T, channels), or (B, channels) for labels; NaN where missing |
| `P_behavior_forward` | (B, F, channels): behaviour in the forward bins, which its teacher sees |

Held-out and forward counts of `eval` are absent where a benchmark withholds them, and NaN where it withholds some. Written beside these, and passed over by
the release: `psth`, `P_cond_idx`, `P_decode_mask`, `P_jitter` as in `lfads_torch`. The keys may say `data` for `spikes`, as older files do.

Training and validation trials are `train`, test trials `eval`. A file that does not say which is which gives every fifth training trial to validation.
The release casts behaviour to integers, and NaN with it; convert units (m/s to mm/s) before writing for it. Source: doi:10.48550/arXiv.2410.13872,
https://github.com/dddavid4real/BLEND.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurodyn.data.layouts import _parts
from neurodyn.data.layouts._hdf5 import Contents, read_contents, write_array
from neurodyn.data.trials import Trials
from neurodyn.data.writing import hdf5_written_whole, refuse_existing
from neurodyn.errors import InvalidInput

_SPLITS = {"train": ("train", "valid"), "eval": ("test",)}
_LAYOUT = "a BLEND data file"
_PIECES = ("heldin", "heldout", "heldin_forward", "heldout_forward")


def left_out(trials: Trials) -> list[str]:
    """Names of the signals and truths that such a file has no key for."""
    return _parts.left_out(trials, ("behaviour",))


def write(trials: Trials, path: str | Path, overwrite: bool = False) -> Path:
    """Writes the trials of one session; the file appears whole or not at all.

    Args:
        trials: split into train, valid and test trials of one length, with spike counts and held-out units.
        path: the file.
        overwrite: replace a file that is there.

    Raises:
        InvalidInput: a file is there and `overwrite` is not given; no held-out units; no train or test trials; unknown counts in training
            trials; trials of different length; fluorescence; the folder does not exist; the disk is full.
    """
    refuse_existing(path, overwrite)
    parts = _parts.parts_of(trials, _SPLITS)
    if len(parts) < 2:
        raise InvalidInput("split", f"trials for {', '.join(parts)} only", "train and test trials", "Split anew.")
    if not len(trials.heldout):
        raise InvalidInput("heldout", "no held-out units", "some: BLEND's loss needs them", "Hold out, e.g. 0.25.")
    observed, seen = trials.observed_bins, len(trials.heldin)
    behaviour = _parts.series_of(trials, "behaviour")
    with hdf5_written_whole(path) as file:
        for part, rows in parts.items():
            counts = _parts.counts_of(trials, rows)
            if part == "train" and np.isnan(counts).any():
                raise InvalidInput(
                    "trials", "unknown counts in training trials", "known ones", "Leave these trials out."
                )
            for piece in _PIECES if trials.forward else _PIECES[:2]:
                bins = slice(observed, None) if piece.endswith("_forward") else slice(observed)
                units = slice(seen, None) if piece.startswith("heldout") else slice(seen)
                values = counts[:, bins, units]
                if not np.isnan(values).all():
                    write_array(file, f"{part}_spikes_{piece}", values)
            if behaviour:
                values = _parts.side_by_side(behaviour, rows)
                series = values.ndim == 3
                write_array(file, f"{part}_behavior", values[:, :observed] if series else values)
                if series and values.shape[1] > observed:
                    write_array(file, f"{part}_behavior_forward", values[:, observed:])
        _parts.write_beside(file, trials, parts)
    return Path(path)


def read(path: str | Path, bin_s: float | None = None, valid_every: int = 5) -> Trials:
    """Reads the trials of one session.

    Args:
        path: the file.
        bin_s: bin width in seconds, where neither the file nor its name (`mc_maze-05ms-val.h5`) says it.
        valid_every: every so many training trials one is for validation, where the file does not say which.

    Raises:
        MissingData: there is no such file.
        InvalidInput: a key is missing; shapes disagree; counts that are negative, fractional or unknown where they must be known; no bin width, or two;
            a damaged file.
    """
    contents = read_contents(path)
    spikes = "spikes" if "eval_data_heldin" not in contents.arrays else "data"
    contents.require([f"train_{spikes}_heldin", f"train_{spikes}_heldout", f"eval_{spikes}_heldin"], _LAYOUT)
    _, observed, heldin = contents.arrays[f"train_{spikes}_heldin"].shape
    forward = contents.arrays.get(f"train_{spikes}_heldin_forward")
    counts = {part: _counts(contents, part, spikes) for part in _SPLITS}
    labels = np.full(len(counts["train"]), "train", object)
    labels[valid_every - 1 :: valid_every] = "valid"
    return _parts.read_parts(
        contents,
        counts,
        heldin,
        0 if forward is None else forward.shape[1],
        {"train": labels, "eval": np.full(len(counts["eval"]), "test", object)},
        bin_s,
        {"behavior": _behaviour(contents, observed)},
        {},
    )


def _counts(contents: Contents, part: str, spikes: str) -> np.ndarray:
    """Counts of one part `(trial, T + F, unit)`, held-in units first, NaN where they are withheld."""
    arrays = contents.arrays
    trials = len(arrays[f"{part}_{spikes}_heldin"])
    sizes = {piece: arrays[name].shape for piece in _PIECES if (name := f"train_{spikes}_{piece}") in arrays}
    if ("heldin_forward" in sizes) != ("heldout_forward" in sizes):
        contents.require([f"train_{spikes}_heldin_forward", f"train_{spikes}_heldout_forward"], _LAYOUT)
    blocks = {}
    for piece in sizes:
        key = f"{part}_{spikes}_{piece}"
        bins = sizes["heldin_forward" if piece.endswith("_forward") else "heldin"][1]
        units = sizes["heldin" if piece.startswith("heldin") else "heldout"][2]
        expected = (trials, bins, units)
        if key not in arrays and part == "eval" and piece != "heldin":
            blocks[piece] = np.full(expected, np.nan, np.float32)
            continue
        contents.require([key], _LAYOUT)
        blocks[piece] = contents.counts(key, missing=part == "eval" and piece != "heldin")
        if blocks[piece].shape != expected:
            contents.refuse(key, f"shape {blocks[piece].shape}", f"(trial, time, unit) {expected}, like the others")
    rows = [("heldin", "heldout"), ("heldin_forward", "heldout_forward")]
    beside = [np.concatenate([blocks[a], blocks[b]], 2) for a, b in rows if a in blocks]
    return np.concatenate(beside, 1).astype(np.float32, copy=False)


def _behaviour(contents: Contents, observed: int) -> dict[str, np.ndarray]:
    """Behaviour of each part that has one, forward bins after the observed ones where they are there."""
    found = {}
    for part in _SPLITS:
        now, later = (contents.arrays.get(f"{part}_behavior{bins}") for bins in ("", "_forward"))
        if now is None:
            continue
        if now.ndim == 3 and now.shape[1] != observed:
            contents.refuse(f"{part}_behavior", f"{now.shape[1]} bins", f"{observed}, like the spikes")
        if later is not None and (later.ndim != 3 or later.shape[::2] != now.shape[::2]):
            contents.refuse(f"{part}_behavior_forward", f"shape {later.shape}", f"as {part}_behavior, {now.shape}")
        found[part] = now if later is None else np.concatenate([now, later], 1)
    return found
