"""Checks a submission before anyone scores it: names, shapes, values, and whether the rates are expected counts per bin."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics._bits_per_spike import FLOOR
from neurodyn.submission.expected import Expected
from neurodyn.submission.layout import ARRAYS, BIN_MS, EVAL, FORWARD, GROUPS, SCALING, TRAIN, Submission, group_name

UNIT_FACTOR = 3.0
"""The mean predicted rate may differ so much from the mean training count."""
_AXES = ("trial", "bin", "neuron")


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a submission, or worth knowing."""

    level: Literal["error", "warning"]
    """`error`: it cannot be scored, or the score would mean nothing."""
    where: str
    """Group, or group and array."""
    got: str
    expected: str
    fix: str = ""


def check(submission: Submission, expected: Mapping[str, Expected]) -> list[Finding]:
    """Everything wrong with a submission, errors first.

    Args:
        submission: rates by group.
        expected: sizes of each group's prepared split. Of a group without any, only the arrays' agreement with each other is checked, and a warning says so.

    Returns:
        Nothing where all is well. Errors: unknown groups, missing arrays, other shapes (and which mistake that looks like), values that are not finite or
        below 0, a mean rate more than a factor 3 from the mean training count. Warnings: rates of exactly 0 and what they cost, unknown arrays, an incomplete
        scaling set.
    """
    found = list(_check_names(submission))
    for name, arrays in submission.groups.items():
        if name not in GROUPS:
            continue
        sizes = expected.get(name)
        if sizes is None:
            fix = f"Get it with `neurodyn data get {GROUPS[name][0]}`, or set NEURODYN_DATA to the data folder."
            got = "a data set that was not found on this machine"
            found.append(Finding("warning", name, got, "sizes and mean counts to compare with", fix))
            sizes = Expected.of_itself(arrays)
        found += _check_arrays(name, arrays, sizes)
        for key in (key for key in ARRAYS if key in arrays):
            wrong = _check_shape(name, key, arrays[key].shape, sizes)
            found += _check_values(name, key, np.asarray(arrays[key]), sizes.mean(key)) if wrong is None else [wrong]
    return sorted(found, key=lambda finding: finding.level)


def require(findings: Sequence[Finding]) -> None:
    """Raises for the first error and says how many more there are.

    Raises:
        InvalidInput: there is an error among the findings.
    """
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        first, more = errors[0], len(errors) - 1
        fix = f"{first.fix} ({more} more error{'s' if more > 1 else ''} like or beside it.)" if more else first.fix
        raise InvalidInput(first.where, first.got, first.expected, fix.strip())


def check_shapes(name: str, arrays: Mapping[str, Any], expected: Expected) -> None:
    """Raises where an array is missing or has another shape than expected; values are not looked at.

    Raises:
        InvalidInput: naming the array, both shapes, and the mistake it looks like.
    """
    shapes = [_check_shape(name, key, arrays[key].shape, expected) for key in ARRAYS if key in arrays]
    require([*_check_arrays(name, arrays, expected), *(finding for finding in shapes if finding is not None)])


def _check_names(submission: Submission) -> Iterator[Finding]:
    if not submission.groups:
        yield Finding(
            "error", "submission", "no group", "a group for each data set", f"For example {next(iter(GROUPS))}."
        )
    for name in submission.groups:
        if name not in GROUPS:
            yield Finding(
                "error", name, "a group the benchmark does not know", "one of its own", _nearest(name, GROUPS)
            )
    for bin_ms in BIN_MS:
        sets = [group_name(dataset, bin_ms) for dataset in SCALING]
        missing = [name for name in sets if name not in submission.groups]
        if 0 < len(missing) < len(sets):
            got = f"{', '.join(name for name in sets if name in submission.groups)} without {' and '.join(missing)}"
            yield Finding(
                "warning", "scaling sets", got, "all three in one file", "They are reported together; add the others."
            )


def _check_arrays(name: str, arrays: Mapping[str, Any], expected: Expected) -> Iterator[Finding]:
    """Which arrays there are."""
    for key in (*(TRAIN if expected.decoded else ()), *EVAL):
        if key not in arrays:
            why = "A decoder of behaviour is fitted to the training trials' rates." if key in TRAIN else ""
            yield Finding("error", f"{name}/{key}", "nothing", "an array (trial, time, unit)", why)
    if sum(key in arrays for key in FORWARD) == 1:
        there, missing = sorted(FORWARD, key=lambda key: key not in arrays)
        yield Finding("error", f"{name}/{missing}", "nothing", f"an array, as {there} is given", "Give both or none.")
    for key in arrays:
        if key not in ARRAYS:
            got = "an array that is not scored"
            yield Finding("warning", f"{name}/{key}", got, "the benchmark's own", _nearest(key, ARRAYS))


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."


def _check_shape(name: str, key: str, got: tuple[int, ...], expected: Expected) -> Finding | None:
    wanted = expected.shape(key)
    if len(got) == 3 and all(size in (None, mine) for size, mine in zip(wanted, got)):
        return None
    written = ", ".join("any" if size is None else str(size) for size in wanted)
    phase = f" of phase {expected.phase}" if expected.phase else ""
    return Finding(
        "error",
        f"{name}/{key}",
        f"shape {tuple(got)}",
        f"({written}) for (trial, time, unit){phase}",
        _mistake(name, key, got, expected),
    )


def _mistake(name: str, key: str, got: tuple[int, ...], expected: Expected) -> str:
    """The mistake a wrong shape looks like; empty where it looks like none that is known."""
    wanted = expected.shape(key)
    dataset, bin_ms = GROUPS[name]
    if len(got) != 3:
        return "Rates have three axes."
    if None not in wanted and sorted(got) == sorted(size for size in wanted if size is not None):
        return "The axes look transposed: their order is (trial, time, unit)."
    trials, bins, units = (mine if mine != size and size is not None else None for mine, size in zip(got, wanted))
    if bins is not None:
        assert wanted[1] is not None
        for other in BIN_MS:
            if other != bin_ms and bins * other == wanted[1] * bin_ms:
                return f"This looks like {other} ms bins, which belong in the group {group_name(dataset, other)}."
        observed, forward = expected.observed_bins, expected.forward_bins
        if observed is not None and forward is not None and bins == observed + forward:
            return f"The forward bins look included: the last {forward} go into {' and '.join(FORWARD)}."
        if bins in (observed, forward):
            return "Observed and forward bins look exchanged."
    if trials is not None:
        if trials == expected.other_phase[0 if key in TRAIN else 1]:
            other_phase = "test" if expected.phase == "val" else "val"
            return f"This looks like phase {other_phase}: fit and infer with phase={expected.phase}."
        if trials in (expected.train_trials, expected.eval_trials):
            return "Training and evaluated trials look exchanged."
        if key in TRAIN:
            return (
                "Every trial of the phase's training split counts, those put aside for validation too, in table order."
            )
    if units is not None and expected.heldin is not None and expected.heldout is not None:
        if units == expected.heldin + expected.heldout:
            return "All neurons are here: held-in and held-out ones go into two arrays."
        if units in (expected.heldin, expected.heldout):
            return "Held-in and held-out neurons look exchanged."
    return ""


def _check_values(name: str, key: str, rates: np.ndarray, means: np.ndarray | None) -> Iterator[Finding]:
    """Finite, positive, and in expected counts per bin."""
    where, wanted = f"{name}/{key}", "finite expected counts per bin above 0"
    if not rates.size:
        return
    low, high = float(rates.min()), float(rates.max())  # NaN and infinities reach one of them
    if not (np.isfinite(low) and np.isfinite(high)):
        yield Finding(
            "error", where, _first(~np.isfinite(rates), rates), wanted, "The model diverged, or a trial is missing."
        )
        return
    trained = None if means is None else float(means.mean())
    if low < 0:
        fix = "Rates are never negative; clip or refit."
        if trained and _near(float(np.exp(rates.astype(np.float64)).mean()), trained, UNIT_FACTOR):
            fix = "These look like log rates: submit exp(log_rates)."
        yield Finding("error", where, _first(rates < 0, rates), wanted, fix)
        return
    if trained:
        mean = float(rates.mean(dtype=np.float64))
        if not _near(mean, trained, UNIT_FACTOR):
            got = f"a mean rate of {mean:.3g}, {mean / trained:.3g} times the mean training count"
            yield Finding(
                "error", where, got, f"within a factor {UNIT_FACTOR:g} of {trained:.3g}", _unit(name, mean / trained)
            )
    if low == 0:
        yield _zeros(where, rates, means)


def _first(bad: np.ndarray, rates: np.ndarray) -> str:
    place = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    named = ", ".join(f"{axis} {index}" for axis, index in zip(_AXES, place))
    number = int(bad.sum())
    return f"{rates[place]} at {named}" + (f" (and {number - 1} more)" if number > 1 else "")


def _near(value: float, other: float, factor: float) -> bool:
    return value > 0 and abs(math.log(value / other)) <= math.log(factor)


def _unit(name: str, ratio: float) -> str:
    """The unit that rates look like which are so many times too high."""
    bin_ms = GROUPS[name][1]
    bin_s = bin_ms / 1000
    other = next(width for width in BIN_MS if width != bin_ms)
    looks = {
        1 / bin_s: f"spikes per second: multiply them by the bin width, {bin_s:g} s",
        bin_s: f"rates multiplied by the bin width ({bin_s:g} s) twice: divide by it once",
        other / bin_ms: f"rates per {other} ms bin: multiply them by {bin_ms / other:g}",
    }
    near = min(looks, key=lambda factor: abs(math.log(ratio / factor)) if ratio > 0 else math.inf)
    return f"They look like {looks[near]}." if ratio > 0 and _near(ratio, near, 2.0) else "Rates are counts per bin."


def _zeros(where: str, rates: np.ndarray, means: np.ndarray | None) -> Finding:
    zeros = rates == 0
    per_neuron = zeros.sum((0, 1))
    worst = int(per_neuron.argmax())
    got = f"{int(zeros.sum())} rates of exactly 0, {int(per_neuron[worst])} of them of neuron {worst}"
    cost = "about 30 bits"
    if means is not None and means[worst] > 0:
        cost = f"{math.log2(means[worst] / FLOOR):.0f} bits"
    fix = f"The evaluator takes them for {FLOOR:g}: every spike that falls on one costs neuron {worst} {cost}. Floor them higher."
    return Finding("warning", where, got, "rates above 0", fix)
