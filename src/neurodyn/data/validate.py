"""Checks on what users give, apart from the mathematics: each raises an error that names the field and the fix."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput

_INSTEAD_OF_NAN = (
    "Mark missing bins with mask= instead of NaN. Entries of single units: Trials.from_arrays(nan='unknown')."
)


def check_same_length(field: str, got: int, expected: int, of: str) -> None:
    """Raises when an array has another number of trials, bins or units than the rest."""
    if got != expected:
        raise InvalidInput(field, f"{got} {of}", f"{expected} {of}, like the other arrays")


def check_counts(field: str, values: Any, mask: np.ndarray | None = None) -> np.ndarray:
    """Spike counts `(trial, time, unit)` as they came, checked: whole, finite, non-negative where there is data."""
    counts: np.ndarray = np.asarray(values)
    if counts.ndim != 3:
        raise InvalidInput(
            field,
            f"shape {counts.shape}",
            "(trial, time, unit)",
            "A continuous (time, unit) recording is cut by Recording or `neurodyn data prepare`.",
        )
    if 0 in counts.shape:
        raise InvalidInput(field, f"shape {counts.shape}", "at least one trial, one bin and one unit")
    if counts.dtype == object or counts.dtype.kind not in "buif":
        raise InvalidInput(field, f"dtype {counts.dtype}", "numbers")
    if mask is not None and np.shape(mask) != counts.shape[:2]:
        raise InvalidInput("mask", f"shape {np.shape(mask)}", f"(trial, time) = {counts.shape[:2]}")
    if counts.dtype.kind in "bu":
        return counts
    seen = counts if mask is None else counts[np.asarray(mask, bool)]
    if counts.dtype.kind == "f":
        _refuse(
            field,
            counts,
            ~np.isfinite(seen),
            "a value that is not finite",
            "finite counts",
            _INSTEAD_OF_NAN,
        )
        _refuse(
            field,
            counts,
            seen != np.floor(seen),
            "a fractional count",
            "whole spike counts per bin",
            "Rates or fluorescence go in as fluorescence=, not counts=.",
        )
    _refuse(field, counts, seen < 0, "a negative count", "counts of 0 or more")
    if counts.dtype.kind == "f" and mask is not None:
        counts = np.where(np.asarray(mask, bool)[..., None], counts, 0)
    return counts.astype(np.uint16 if counts.size and counts.max() < 65536 else np.uint32)


def check_fluorescence(field: str, values: Any, mask: np.ndarray | None = None) -> np.ndarray:
    """Fluorescence `(trial, time, unit)` in float32, checked: finite where there is data."""
    found: np.ndarray = np.asarray(values)
    if found.ndim != 3 or 0 in found.shape:
        raise InvalidInput(field, f"shape {found.shape}", "(trial, time, unit), at least one of each")
    if found.dtype.kind not in "buif":
        raise InvalidInput(field, f"dtype {found.dtype}", "numbers")
    bad = ~np.isfinite(found).all(2)
    if mask is not None and np.shape(mask) == bad.shape:
        bad &= np.asarray(mask, bool)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        what = f"a value that is not finite in {int(bad.sum())} bins, the first at (trial, time) {where}"
        raise InvalidInput(field, what, "finite values", _INSTEAD_OF_NAN)
    return found.astype(np.float32, copy=False)


def without_nan(values: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """An array with 0 in place of NaN, and where there was none, bool of the same shape (None for everywhere)."""
    given: np.ndarray = np.asarray(values)
    if given.dtype.kind != "f" or not (missing := np.isnan(given)).any():
        return given, None
    return np.where(missing, 0, given), ~missing


def check_behaviour(field: str, values: Any, bins: int, forward: int) -> None:
    """Behaviour `(trial, time, channel)` covers every bin, or every bin but the forward ones; NaN marks what is missing.

    Raises:
        InvalidInput: another number of bins, or an infinite value.
    """
    if values.shape[1] not in (bins, bins - forward):
        known = f"{bins} time bins" + (f", or {bins - forward} without the forward ones" if forward else "")
        raise InvalidInput(field, f"{values.shape[1]} time bins", f"{known}, like the population")
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
        raise InvalidInput(field, "an infinite value", "finite values", "NaN marks missing samples.")


def _refuse(field: str, counts: np.ndarray, bad: np.ndarray, what: str, expected: str, fix: str = "") -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0]) if bad.shape == counts.shape else "masked-in data"
        raise InvalidInput(field, f"{what} ({int(bad.sum())} in all, the first at {where})", expected, fix)
