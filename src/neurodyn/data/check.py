"""What to know about a recording before a model is fitted to it: silent and duplicated units, gaps, odd intervals, a bin width."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurodyn.data.binned import Binned
from neurodyn.data.binning import NS, ticks
from neurodyn.data.recording import Recording
from neurodyn.data.trials import Trials

REFRACTORY_S = 1e-3
"""Two spikes of one neuron are hardly ever closer than this."""
BIN_WIDTHS_S = (0.005, 0.01, 0.02, 0.05, 0.1)
"""Bin widths that are advised."""
SPIKES_PER_BIN = 0.1
"""The median active unit should fire so much in a bin."""


@dataclass(frozen=True)
class Finding:
    """One thing to know about a recording."""

    level: Literal["note", "warning"]
    """`warning`: likely to spoil results."""
    what: str
    """Short name: `silent units`, `gap`, ..."""
    detail: str
    """What was found, with numbers."""
    fix: str = ""
    """What to do about it."""


@dataclass(frozen=True, eq=False)
class Check:
    """What a check found."""

    summary: dict[str, Any]
    """Sizes: units, trials, seconds, mean rate."""
    findings: tuple[Finding, ...]
    """What to know, warnings first."""
    units: pd.DataFrame
    """One row a unit: `unit`, `rate_hz` (or `mean` for fluorescence), and `short_intervals` (fraction under 1 ms) for spike times."""
    bin_s: float | None
    """Advised bin width: the narrowest of 5, 10, 20, 50 and 100 ms in which the median unit that fires has at least 0.1 spikes,
    and never narrower than what is binned already; None for fluorescence."""

    def with_findings(self, more: Iterable[Finding]) -> Check:
        """The same check with findings from elsewhere."""
        return dataclasses.replace(self, findings=_ordered([*more, *self.findings]))

    def as_mapping(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "summary": self.summary,
            "advised_bin_s": self.bin_s,
            "findings": [vars(finding) for finding in self.findings],
            "units": self.units.to_dict("records"),
        }


def check(source: Recording | Binned | Trials) -> Check:
    """Looks at a recording, a binned recording or trials.

    Findings: silent units (no spike) and nearly silent ones (below 0.1 Hz); duplicated units (of spike times: over half of the smaller
    unit's spikes within the same millisecond as the other's; of counts: correlation over bins above 0.95); intervals under 1 ms (over
    1 % of a unit's) and repeated spike times; stretches in which no unit fires (longer than 1 s and than 20 mean intervals of the whole
    population); gaps between the samples of a signal; NaN in behaviour and in the trial table.
    """
    if isinstance(source, Recording):
        return _check_recording(source)
    if isinstance(source, Binned):
        counts = source.neural
        behaviour: dict[str, np.ndarray] = dict(source.behaviour)
        clock = source.time_s
    else:
        known = source.known
        counts = (source.counts if known.all() else np.where(known, source.counts, np.float32(np.nan)))[source.mask]
        behaviour = {
            name: np.asarray(s.values)[source.mask[:, : s.bins]]
            for name, s in source.of_role("behaviour").items()
            if s.kind == "series" and s.bins <= source.bins
        }
        clock = None
    spikes = source.kind == "spikes" if isinstance(source, Binned) else source.neural.kind == "spikes"
    return _check_counts(source, np.asarray(counts), behaviour, clock, source.bin_s, spikes)


def advised_bin_s(rates_hz: np.ndarray, binned_s: float = 0.0) -> float:
    """The narrowest of the usual bin widths in which the median firing unit has at least 0.1 spikes a bin; at least `binned_s`."""
    firing = rates_hz[rates_hz > 0]
    wanted = SPIKES_PER_BIN / np.median(firing) if len(firing) else BIN_WIDTHS_S[-1]
    narrow = [width for width in BIN_WIDTHS_S if width >= wanted * (1 - 1e-9)]
    return max(narrow[0] if narrow else BIN_WIDTHS_S[-1], binned_s)


def _check_recording(recording: Recording) -> Check:
    start, stop = recording.extent
    observed = [(start, stop)] if recording.observed is None else recording.observed
    seconds = float(sum(b - a for a, b in observed))
    trains = [recording.unit_spikes(unit) for unit in range(recording.units)]
    names = recording.unit_names or tuple(map(str, range(recording.units)))
    rates = np.array([len(t) / seconds for t in trains])
    short = np.array([(np.diff(t) < REFRACTORY_S).mean() if len(t) > 1 else 0.0 for t in trains])
    findings = _rate_findings(names, rates)
    repeated = [f"{names[u]} ({n})" for u, t in enumerate(trains) if (n := int((np.diff(ticks(t)) == 0).sum()))]
    if repeated:
        findings.append(
            Finding("warning", "repeated spikes", f"the same time twice in units {_few(repeated)}", "Remove them.")
        )
    if (short > 0.01).any():
        units = [f"{names[u]} ({short[u]:.1%})" for u in np.flatnonzero(short > 0.01)]
        findings.append(
            Finding(
                "warning",
                "short intervals",
                f"over 1 % under 1 ms in units {_few(units)}",
                "They hold more than one neuron.",
            )
        )
    findings += _duplicates(names, _coincidence(trains), 0.5, "of the smaller unit's spikes in the same millisecond")
    population = np.sort(np.concatenate([*trains, np.array([])]))
    findings += _silences(population, len(population) / seconds if seconds else 0.0, observed)
    for name, signal in recording.signals.items():
        findings += _signal_findings(name, signal.times(), signal.values if signal.role == "behaviour" else None)
    for column in recording.trials:
        missing = int(recording.trials[column].isna().sum())
        if missing:
            detail = f"{column}: {missing} of {len(recording.trials)} trials"
            findings.append(
                Finding(
                    "note",
                    "missing values",
                    detail,
                    "align(..., drop_missing=True) leaves out trials without the event.",
                )
            )
    summary = {
        "units": recording.units,
        "trials": len(recording.trials),
        "seconds": seconds,
        "signals": list(recording.signals),
    }
    table = pd.DataFrame({"unit": names, "rate_hz": rates, "short_intervals": short})
    return _checked(summary, findings, table, advised_bin_s(rates) if recording.units else None)


def _check_counts(
    source: Binned | Trials,
    counts: np.ndarray,
    behaviour: dict[str, np.ndarray],
    clock: np.ndarray | None,
    bin_s: float,
    spikes: bool,
) -> Check:
    seconds = len(counts) * bin_s
    names = source.unit_names if isinstance(source, Binned) else source.neural.names
    names = names or tuple(map(str, range(counts.shape[1])))
    known = ~np.isnan(counts)
    number = np.where(known.any(0), known.sum(0), np.nan)  # a unit known in no bin has no rate
    means = np.sum(counts, 0, dtype=np.float64, where=known) / number / (bin_s if spikes else 1.0)
    findings = _rate_findings(names, means) if spikes else []
    whole = counts if known.all() else counts[known.all(1)]
    varying = np.ptp(whole, 0) > 0 if len(whole) else np.zeros(counts.shape[1], bool)
    correlation = np.zeros((counts.shape[1],) * 2)
    correlation[np.ix_(varying, varying)] = (
        np.atleast_2d(np.corrcoef(whole[:, varying].T.astype(np.float64))) if varying.any() else 0.0
    )
    findings += _duplicates(names, correlation, 0.95, "correlation over bins")
    if spikes and isinstance(source, Binned):
        fired = np.flatnonzero(counts.sum(1) > 0) * bin_s
        findings += _silences(fired, counts.sum() / seconds, [(0.0, seconds)])
    if clock is not None:
        findings += _signal_findings("time", ticks(clock), None)
    for name, values in behaviour.items():
        findings += _missing(name, values)
    summary = {"units": counts.shape[1], "seconds": seconds, "bin_s": bin_s, "signals": list(behaviour)}
    if isinstance(source, Trials):
        summary |= {"trials": len(source), "bins": source.bins}
    table = pd.DataFrame({"unit": names, "rate_hz" if spikes else "mean": means})
    return _checked(summary, findings, table, advised_bin_s(means, bin_s) if spikes else None)


def _checked(summary: dict[str, Any], findings: list[Finding], units: pd.DataFrame, bin_s: float | None) -> Check:
    if "rate_hz" in units and len(units):
        summary["mean_rate_hz"] = float(units["rate_hz"].mean())
    return Check(summary, _ordered(findings), units, bin_s)


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.level != "warning"))


def _rate_findings(names: tuple[str, ...], rates: np.ndarray) -> list[Finding]:
    silent = [names[u] for u in np.flatnonzero(rates == 0)]
    rare = [names[u] for u in np.flatnonzero((rates > 0) & (rates < 0.1))]
    findings = []
    if silent:
        findings.append(
            Finding("warning", "silent units", f"{len(silent)} units never fire: {_few(silent)}", "Leave them out.")
        )
    if rare:
        findings.append(
            Finding(
                "note",
                "nearly silent units",
                f"{len(rare)} units below 0.1 Hz: {_few(rare)}",
                "They carry little; consider leaving them out.",
            )
        )
    return findings


def _coincidence(trains: list[np.ndarray]) -> np.ndarray:
    """Fraction of the smaller unit's occupied milliseconds that the other unit occupies too, `(unit, unit)`."""
    from scipy.sparse import csr_matrix

    if not trains:
        return np.zeros((0, 0))
    occupied = [np.unique(ticks(t) // (NS // 1000)) for t in trains]
    first = min((int(o[0]) for o in occupied if len(o)), default=0)
    width = max((int(o[-1]) for o in occupied if len(o)), default=0) - first + 1
    rows = np.repeat(np.arange(len(trains)), [len(o) for o in occupied])
    columns = np.concatenate(occupied) - first
    matrix = csr_matrix((np.ones(len(columns), np.float32), (rows, columns)), shape=(len(trains), width))
    size = np.array([len(o) for o in occupied])
    shared: np.ndarray = (matrix @ matrix.T).toarray()
    fraction: np.ndarray = shared / np.maximum(np.minimum(size[:, None], size), 1)
    return fraction


def _duplicates(names: tuple[str, ...], likeness: np.ndarray, above: float, of: str) -> list[Finding]:
    pairs = np.argwhere(np.triu(likeness > above, 1))
    if not len(pairs):
        return []
    shown = [f"{names[a]} and {names[b]} ({likeness[a, b]:.0%})" for a, b in pairs]
    return [
        Finding(
            "warning",
            "duplicated units",
            f"{_few(shown)} {of}",
            "Keep one of each pair: held-out units that are copies of held-in ones inflate co-smoothing.",
        )
    ]


def _silences(fired: np.ndarray, rate: float, observed: Any) -> list[Finding]:
    if not len(fired) or rate <= 0:
        return []
    longest = max(1.0, 20 / rate)
    found = []
    for low, high in observed:
        inside = fired[(fired >= low) & (fired <= high)]
        edges = np.concatenate([[low], inside, [high]])
        found += [f"{edges[k]:.2f} to {edges[k + 1]:.2f} s" for k in np.flatnonzero(np.diff(edges) > longest)]
    return (
        [Finding("warning", "gap", f"no unit fires from {_few(found)}", "Cut windows outside of it.")] if found else []
    )


def _signal_findings(name: str, times: np.ndarray, values: Any) -> list[Finding]:
    findings = []
    steps = np.diff(times)
    if len(steps) and (steps > 2 * np.median(steps)).any():
        gaps = [
            f"{times[k] / NS:.2f} to {times[k + 1] / NS:.2f} s" for k in np.flatnonzero(steps > 2 * np.median(steps))
        ]
        findings.append(Finding("note", "gap", f"{name}: no sample from {_few(gaps)}", "Bins there are NaN."))
    return findings + ([] if values is None else _missing(name, values))


def _missing(name: str, values: Any) -> list[Finding]:
    finite = np.isfinite(np.asarray(values, np.float64))
    if finite.all():
        return []
    return [
        Finding(
            "note",
            "NaN behaviour",
            f"{name}: {1 - finite.mean():.1%} of the samples",
            "NaN samples are left out of every score.",
        )
    ]


def _few(items: list[str]) -> str:
    return ", ".join(items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")
