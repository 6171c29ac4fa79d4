"""Who trains, who validates, who tests; which units are held out. Seeded, disjoint, never empty."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from neurodyn.data.trials import SPLITS, Trials
from neurodyn.errors import InvalidInput, UnknownName


def split_trials(
    trials: Trials,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    by: Literal["random", "block"] = "random",
    seed: int = 0,
    *,
    stratify: str | None = None,
) -> Trials:
    """The trials with a column `split`: train, valid or test.

    The first two splits take their fraction of the trials rounded down; the third takes the rest.

    Args:
        trials: one session's trials.
        fractions: of train, valid and test; they add up to 1.
        by: `random` draws trials; `block` takes them in order (blocks in time), the choice for windows of a continuous recording.
        seed: of the draw.
        stratify: a column whose values are spread over the splits alike (random splits only).

    Raises:
        InvalidInput: fractions that do not add up to 1; an empty split; windows of two splits that overlap.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise InvalidInput(
            "split",
            list(fractions),
            "three fractions (train, valid, test) that add up to 1",
            "For example 0.7, 0.15, 0.15.",
        )
    if by not in ("random", "block"):
        raise InvalidInput("split_by", repr(by), "'random' or 'block'")
    n = len(trials)
    names = np.empty(n, dtype=object)
    if stratify is None:
        order = np.arange(n) if by == "block" else np.random.default_rng(seed).permutation(n)
        names[order] = _labels(n, fractions)
    else:
        if by == "block":
            raise InvalidInput("stratify", stratify, "by='random'")
        if stratify not in trials.table:
            raise UnknownName("column of the trial table", stratify, map(str, trials.table.columns))
        rng = np.random.default_rng(seed)
        order = rng.permutation(n)
        strata = trials.table[stratify].astype(str).to_numpy()[order]
        # Deal each condition out evenly over (0, 1), then cut at the fractions: every split gets its share of each condition.
        place = np.empty(n)
        for value in np.unique(strata):
            rows = np.flatnonzero(strata == value)
            place[rows] = (np.arange(len(rows)) + rng.uniform()) / len(rows)
        names[order[np.argsort(place, kind="stable")]] = _labels(n, fractions)
    return _labelled(trials, names)


def explicit_split(trials: Trials, parts: Mapping[str, Sequence[int] | np.ndarray]) -> Trials:
    """The trials with the split given: trial numbers of train, valid and test. Trials in none are labelled `none`.

    Raises:
        InvalidInput: a trial in two splits; a number that is no trial; an empty split; windows of two splits that overlap.
    """
    for name in parts:
        if name not in SPLITS:
            raise UnknownName("split", name, SPLITS)
    names = np.full(len(trials), "none", dtype=object)
    for name in SPLITS:
        rows = np.asarray(parts.get(name, ()), int)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(trials)):
            raise InvalidInput(
                f"split {name}", f"trial {rows.max() if rows.min() >= 0 else rows.min()}", f"0 to {len(trials) - 1}"
            )
        taken = rows[names[rows] != "none"]
        if len(taken):
            raise InvalidInput(
                "split",
                f"trial {taken[0]} both in {names[taken[0]]} and in {name}",
                "disjoint splits",
                "Remove it from one of them.",
            )
        names[rows] = name
    return _labelled(trials, names)


def hold_out_units(
    trials: Trials, fraction: float = 0.25, seed: int = 0, *, heldout: Sequence[int] | np.ndarray | None = None
) -> Trials:
    """The trials with some units held out: an encoder never sees them, a model predicts them.

    Args:
        trials: one session's trials.
        fraction: of the units, rounded to the nearest number (half to even), at least one unit where it is above 0.
        seed: the first units of `numpy.random.default_rng(seed).permutation(units)` are held out.
        heldout: the held-out units themselves, instead of a draw.

    Raises:
        InvalidInput: no unit would be left to see; indices that are no units.
    """
    units = trials.units
    if heldout is None:
        if not 0 <= fraction < 1:
            raise InvalidInput("heldout", fraction, "a fraction of the units, at least 0 and below 1")
        number = max(round(fraction * units), int(fraction > 0))
        out = np.random.default_rng(seed).permutation(units)[:number]
    else:
        out = np.unique(np.asarray(heldout, int))
        if len(out) and (out[0] < 0 or out[-1] >= units):
            raise InvalidInput("heldout", out.tolist(), f"units 0 to {units - 1}")
    if len(out) >= units:
        raise InvalidInput("heldout", f"{len(out)} of {units} units", "at least one unit left to see")
    return dataclasses.replace(trials, heldin=np.setdiff1d(np.arange(units), out))


def last_units(units: int, share: float) -> np.ndarray:
    """The last units, a share of all rounded to the nearest number: held out where units are exchangeable, as simulated ones are.

    >>> last_units(10, 0.25).tolist()
    [8, 9]
    """
    return np.arange(units - round(share * units), units)


def check_shares(field: str, shares: Sequence[float]) -> None:
    """Whether shares of train, valid and test, in any unit, leave none of them empty.

    Raises:
        InvalidInput: not three, or one that is not above 0.
    """
    if len(shares) != 3 or not min(shares) > 0:
        raise InvalidInput(field, shares, "three shares above 0: train, valid, test")


def fractions_of(shares: Sequence[float]) -> list[float]:
    """Shares as fractions of their sum, for `split_trials`.

    >>> fractions_of((4.0, 1.0, 3.0))
    [0.5, 0.125, 0.375]
    """
    return [share / sum(shares) for share in shares]


def check_splits(trials: Trials) -> None:
    """Raises where the trials' splits are empty, or where windows of one recording overlap across splits.

    Windows are known by the table's columns `segment` and `start_bin`.

    Raises:
        InvalidInput: a split without trials; two overlapping windows in different splits.
    """
    names = trials.table["split"].to_numpy()
    for split in SPLITS:
        if not (names == split).any():
            raise InvalidInput(
                "split",
                f"no {split} trials among {len(trials)}",
                "at least one trial in each split",
                "Use more trials or other fractions.",
            )
    if not {"segment", "start_bin"} <= set(trials.table.columns):
        return
    used = trials.table[np.isin(names, SPLITS)]
    ordered = used.sort_values(["segment", "start_bin"])
    segment, start, label = (ordered[c].to_numpy() for c in ("segment", "start_bin", "split"))
    # Windows have one length, so where any two of different splits overlap, two that follow one another do.
    overlap = (segment[1:] == segment[:-1]) & (start[1:] - start[:-1] < trials.bins) & (label[1:] != label[:-1])
    if overlap.any():
        first = int(np.flatnonzero(overlap)[0])
        raise InvalidInput(
            "split",
            f"overlapping windows in {label[first]} and {label[first + 1]} (trials {ordered.index[first]} and {ordered.index[first + 1]})",
            "splits that share no bin",
            "Cut windows without overlap (stride = window), or do not split them (split = none).",
        )


def parse_fractions(text: str) -> tuple[float, ...]:
    """`70/15/15` as fractions of 1; numbers that add up to 1 or 100.

    Raises:
        InvalidInput: not three numbers.
    """
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        numbers = []
    total = sum(numbers)
    if len(numbers) != 3 or not (abs(total - 100) < 1e-6 or abs(total - 1) < 1e-6):
        raise InvalidInput("split", repr(text), "three shares of 100 as train/valid/test", "For example 70/15/15.")
    return tuple(n / 100 for n in numbers) if total > 2 else tuple(numbers)


def _labels(n: int, fractions: Sequence[float]) -> np.ndarray:
    train, valid = int(fractions[0] * n), int(fractions[1] * n)
    return np.array([*["train"] * train, *["valid"] * valid, *["test"] * (n - train - valid)], dtype=object)


def _labelled(trials: Trials, names: Any) -> Trials:
    split = dataclasses.replace(trials, table=trials.table.assign(split=names))
    check_splits(split)
    return split
