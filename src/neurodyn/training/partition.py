"""Which trials train, which validate, which are put aside; and how a run knows its data again."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodyn.data.stimulus_overlap import stimulus_overlap
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.keys import Stream, key

WHOLE_ENTRIES = 2**29
"""Values of a session's activity beyond which it is known by a few trials."""
TELLING_TRIALS = 16
"""How many these are."""
VALID_SHARE = 5
"""One in five training trials validates where no validation trials are given."""
TELLING_ENTRIES = 20
"""Two trials with so many active entries alike are the same trial: chance does not repeat them."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Trials by what they are for, one item a session. Those to train and to validate on carry no condition averages."""

    train: list[Trials]
    valid: list[Trials]
    test: list[Trials] | None
    """None where the data were given without a test split."""
    unseen: list[Trials] = field(default_factory=list)
    """Whole sessions that take no part in training: subjects that are held out. Their trials' splits are `test`, `calibration` and `none`."""

    def __add__(self, other: Parts) -> Parts:
        """The sessions of both; without a test split where either has none."""
        test = None if self.test is None or other.test is None else self.test + other.test
        return Parts(self.train + other.train, self.valid + other.valid, test, self.unseen + other.unseen)


def partition(trials: Trials | Sequence[Trials], valid: Trials | Sequence[Trials] | None, seed: int) -> Parts:
    """Sorts trials by their `split` column and by what was given as validation trials.

    Sessions with a `test` split and no `train` split, beside others that have one, are held out whole. Where a session has neither, one in five of its training trials validates: drawn by the seed, or the last ones where trials are windows of a
    continuous recording, since neighbours are alike.

    Args:
        trials: one session's or several sessions' trials.
        valid: validation trials of the same sessions, in the same order.
        seed: of the draw.

    Raises:
        InvalidInput: only test trials; fewer than five trials to draw from; other sessions in `valid`; a trial in both.
    """
    sessions = [trials] if isinstance(trials, Trials) else list(trials)
    if not sessions:
        raise InvalidInput("trials", "no session", "the trials of one session or more")
    unseen = [t for t in sessions if _has(t, "test") and not _has(t, "train")]
    if len(unseen) < len(sessions):
        sessions = [t for t in sessions if not any(t is other for other in unseen)]
    else:
        unseen = []
    train = [_part(t, "train") for t in sessions]
    if valid is not None:
        given = [valid] if isinstance(valid, Trials) else list(valid)
        if [t.session for t in given] != [t.session for t in sessions]:
            names = [t.session for t in sessions]
            raise InvalidInput("valid", [t.session for t in given], f"trials of the sessions {names}, in this order")
        validating = [_part(t, "valid") for t in given]
    else:
        pairs = [
            (mine, whole.valid) if _has(whole, "valid") else _set_aside(mine, key(seed, Stream.SPLIT, i))
            for i, (mine, whole) in enumerate(zip(train, sessions))
        ]
        train, validating = [a for a, _ in pairs], [b for _, b in pairs]
    for mine, theirs in zip(train, validating):
        check_disjoint(mine, theirs, "valid")
    test = [t.test for t in sessions] if all(_has(t, "test") for t in sessions) else None
    _warn_of_known_stimuli(train, unseen)
    return Parts([_blind(t) for t in train], [_blind(t) for t in validating], test, unseen)


def origin(parts: Parts) -> dict[str, Any]:
    """Where the trials came from, as a run records it: `source`, `options`, and fingerprints by which they are known again."""
    provenance = parts.train[0].provenance
    found = {"source": provenance.get("source"), "options": dict(provenance.get("options", {}))}
    return found | {"train": fingerprint(parts.train), "valid": fingerprint(parts.valid)}


def joined(data: Mapping[str, Any], seed: int, parts: Parts, new_seed: int) -> dict[str, Any]:
    """The record of a run's data with the sessions that joined its model: each group of sessions is known again by itself.

    Args:
        data: record of the run before, as `origin` or this function made it.
        seed: of its splits.
        parts: of the new sessions.
        new_seed: of their splits.
    """
    group = {"sessions": [t.session for t in parts.train], **origin(parts), "split_seed": new_seed}
    return {"split_seed": seed, **data, "joined": [*data.get("joined", ()), group]}


def groups(data: Mapping[str, Any], sessions: Sequence[str]) -> list[tuple[list[str], Mapping[str, Any]]]:
    """The sessions of a run that were given together, with the record of where they came from: those it was begun with, then those that joined."""
    later = data.get("joined", ())
    new = {name for group in later for name in group["sessions"]}
    return [([name for name in sessions if name not in new], data), *((group["sessions"], group) for group in later)]


def fingerprint(sessions: Sequence[Trials]) -> str:
    """A hash of the trials' population activity (of very large recordings, of a few trials), masks (unknown entries too), held-in units and forward bins; the same data give the same."""
    total = hashlib.sha256()
    for trials in sessions:
        total.update(f"{trials.session} {trials.forward} {trials.heldin.tolist()}".encode())
        total.update(np.packbits(trials.mask).tobytes())
        own = trials.neural.mask if trials.neural_name else None
        if own is not None and not own.all():
            total.update(np.packbits(own).tobytes())
        several = (
            trials.select(np.linspace(0, len(trials) - 1, TELLING_TRIALS).astype(int)) if _vast(trials) else trials
        )
        for values in _activity(several):
            total.update(_digest(values))
    return total.hexdigest()


def calibration_trials(trials: Trials, count: int | None) -> Trials:
    """The trials that calibration may use: those of a split `calibration` where there is one, the first `count` of them.

    Raises:
        InvalidInput: fewer than `count`.
    """
    given = trials.part("calibration") if _has(trials, "calibration") else trials
    if count is None:
        return given
    if not 0 < count <= len(given):
        raise InvalidInput("count", count, f"1 to {len(given)}, the calibration trials of {trials.session!r}")
    return given.select(np.arange(count))


def check_disjoint(train: Trials, other: Trials, field: str) -> None:
    """Raises where a trial of `other` is a training trial too: one with the same activity in 20 entries or more.

    Where counts are unknown in either, only what an encoder sees is compared: all else may be withheld. Of very large recordings the table's column `trial` is
    compared where both have it: reading them would take long.

    Raises:
        InvalidInput: naming `field` and the trial.
    """
    if train.neural_name is None or other.neural_name is None or train.units != other.units:
        return
    if _vast(train) and train.session == other.session and all("trial" in t.table for t in (train, other)):
        places = {label: trial for trial, label in enumerate(train.table["trial"].tolist())}
        for trial, label in enumerate(other.table["trial"].tolist()):
            if label in places:
                raise _in_both(field, trial, places[label])
        return
    whole = all(trials.neural.mask is None or trials.neural.mask.all() for trials in (train, other))
    seen = (train.bins, slice(None)) if whole else (train.observed_bins, train.heldin)
    known = {_digest(values): trial for trial, values in enumerate(_activity(train, *seen))}
    for trial, values in enumerate(_activity(other, *seen)):
        same = known.get(_digest(values)) if np.count_nonzero(values) >= TELLING_ENTRIES else None
        if same is not None:
            raise _in_both(field, trial, same)


def _in_both(field: str, trial: int, same: int) -> InvalidInput:
    return InvalidInput(
        field,
        f"trial {trial}, which is training trial {same} too",
        "trials that are not trained on",
        "Use trials.train and trials.valid of neurodyn.data.splits.split_trials.",
    )


def _vast(trials: Trials) -> bool:
    """Whether a session's activity is too large to be read for nothing else."""
    return trials.neural_name is not None and int(np.prod(trials.neural.values.shape)) > WHOLE_ENTRIES


def _warn_of_known_stimuli(train: Sequence[Trials], unseen: Sequence[Trials]) -> None:
    """Warns, with counts, where test stimuli of a held-out subject are training stimuli too."""
    train = [t for t in train if "stimulus" in t.table]
    heldout = [t.test for t in unseen if "stimulus" in t.table]
    if not train or not heldout:
        return
    for row in stimulus_overlap(train, heldout).to_dict("records"):
        if row["trials_seen"]:
            warnings.warn(
                f"{row['trials_seen']} of {row['trials']} test trials of the held-out session {row['session']!r} show stimuli that occur in training "
                f"({row['stimuli_seen']} of {row['stimuli']} stimuli): the subject is new to the model, the stimuli are not",
                stacklevel=4,
            )


def _blind(trials: Trials) -> Trials:
    """Trials without condition averages: test trials went into them too."""
    return trials if trials.psth is None else dataclasses.replace(trials, psth=None)


def _has(trials: Trials, split: str) -> bool:
    return "split" in trials.table and bool((trials.table["split"] == split).any())


def _part(trials: Trials, split: str) -> Trials:
    """The trials labelled `split`; all of them where there are no labels, or where validation trials carry another than `test`."""
    if "split" not in trials.table:
        return trials
    if _has(trials, split):
        return trials.part(split)
    if split == "valid" and not _has(trials, "test"):
        return trials
    known = ", ".join(map(str, trials.table["split"].unique()))
    got = f"only trials of the split {known} in session {trials.session!r}"
    raise InvalidInput("trials", got, f"{split} trials", "Never train or choose on test trials.")


def _set_aside(trials: Trials, seed: int) -> tuple[Trials, Trials]:
    n = len(trials)
    if n < VALID_SHARE:
        raise InvalidInput("trials", f"{n} trials", f"at least {VALID_SHARE}", "One in five validates; or give valid=.")
    windows = "start_bin" in trials.table
    order = np.arange(n) if windows else np.random.default_rng(seed).permutation(n)
    kept = n - n // VALID_SHARE
    mine, theirs = np.sort(order[:kept]), np.sort(order[kept:])
    if windows:
        mine = mine[~_overlapping(trials, mine, theirs)]
        if not len(mine):
            raise InvalidInput(
                "trials",
                "windows that all overlap the last fifth",
                "windows that share no bin with those that validate",
                "Give valid=, or cut with a longer stride.",
            )
    return dataclasses.replace(trials.select(mine), draw=trials.draw), trials.select(theirs)


def _overlapping(trials: Trials, mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Which windows of `mine` share a bin of their recording with one of `theirs`."""
    start = trials.table["start_bin"].to_numpy()
    segment = trials.table["segment"].to_numpy() if "segment" in trials.table else np.zeros(len(start), int)
    shared = np.zeros(len(mine), bool)
    for place in theirs:
        shared |= (segment[mine] == segment[place]) & (np.abs(start[mine] - start[place]) < trials.bins)
    return shared


def _activity(trials: Trials, bins: int | None = None, units: np.ndarray | slice = slice(None)) -> Iterator[np.ndarray]:
    """The population's activity trial by trial, of some bins and units (the first signal's where nothing was recorded)."""
    signal = trials.neural if trials.neural_name else next(iter(trials.signals.values()))
    for trial in range(len(trials)):
        values = signal.rows(np.array([trial]))[0]
        yield np.ascontiguousarray(values if bins is None else values[:bins, units])


def _digest(values: np.ndarray) -> bytes:
    return hashlib.blake2b(values.tobytes(), digest_size=16).digest()
