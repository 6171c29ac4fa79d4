"""One split of the benchmark as arrays under their official names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurodyn.data.alignment import listed
from neurodyn.data.nlb.behaviour import decimated
from neurodyn.data.nlb.clock import count, inside, row_from
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.psth import averages, condition_labels
from neurodyn.data.nlb.session import GROUPS, Session
from neurodyn.data.nlb.windows import Windows, select
from neurodyn.errors import InvalidInput, MissingData

Phase = Literal["val", "test"]


@dataclass(frozen=True, eq=False)
class Tensors:
    """One of the benchmark's splits: a recording, a bin width, a phase.

    In phase val train rows are the trials of split train and eval rows those of split val; in phase test they are train and val together, and
    test. Rows keep the order of the trial table.
    """

    dataset: str
    """Name of the recording, e.g. `mc_maze_small`."""
    bin_ms: int
    """Bin width."""
    phase: Phase
    """`val`, or `test`, whose targets are withheld."""
    arrays: Mapping[str, Any]
    """The keys of `train_input.h5`, `eval_input.h5` and (phase val) `eval_target.h5` in one mapping. Counts are per bin, float32, held-in and
    held-out units each in the order of their identifiers; `train_cond_idx` and `eval_cond_idx` are tuples of int32 arrays. `eval_spikes_heldout` is the
    scored target, NaN where nothing is scored; `eval_spikes_heldout_whole` holds the whole window where that leaves a part out."""
    table: pd.DataFrame
    """One row a tensor row, training rows first, then evaluated ones: `trial_id` (order in the combined trial table), `nlb_split` (train, val,
    test), `start_s` (left edge of the window's first bin), `file`, and the columns of the trial table; all times on the clock of that file."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Files with their sha256, and `notes` on what was found."""
    heldin: tuple[int, ...] | None = None
    """Places of the held-in units among all, sorted by identifier; None where it is not known."""
    unit_names: tuple[str, ...] = ()
    """Identifier of each unit, sorted, where known."""
    conditions: tuple[str, ...] = ()
    """Label of each condition of `psth`, as in the column `condition` of the table, where known."""

    @property
    def folder_name(self) -> str:
        """Name of the split's folder, e.g. `mc_maze-05ms-val`."""
        return f"{self.dataset}-{self.bin_ms:02d}ms-{self.phase}"

    @property
    def group(self) -> str:
        """Name of the group in targets and submissions: the recording's, followed by `_20` at 20 ms."""
        return self.dataset if self.bin_ms == 5 else f"{self.dataset}_{self.bin_ms}"

    @property
    def units(self) -> np.ndarray:
        """Place among all units, sorted by identifier, of each unit in the order held-in, held-out `(unit,)`."""
        held_in, held_out = (self.arrays[f"train_spikes_{group}"].shape[2] for group in ("heldin", "heldout"))
        if self.heldin is None:
            return np.arange(held_in + held_out)
        return np.concatenate([self.heldin, np.setdiff1d(np.arange(held_in + held_out), self.heldin)]).astype(int)


def build(
    session: Session, protocol: Protocol, dataset: str, bin_ms: int, phase: Phase, *, psth: bool = True
) -> Tensors:
    """Cuts a session into one split of the benchmark.

    Args:
        session: as `session.read_session` gives it.
        protocol: what is cut.
        dataset: name of the recording.
        bin_ms: bin width; the benchmark scores 5 and 20.
        phase: `val` or `test`.
        psth: whether condition averages are made (phase val).

    Raises:
        MissingData: phase test without the file of test trials.
        InvalidInput: a bin width the windows are not a multiple of; a trial whose window leaves what was recorded or reaches into the next; no behaviour.
    """
    observed, forward = protocol.bins(bin_ms)
    training = ("train",) if phase == "val" else ("train", "val")
    evaluated = "val" if phase == "val" else "test"
    if not (session.trials["split"] == evaluated).any():
        raise MissingData(
            f"{dataset}: no trial of split {evaluated!r} in {', '.join(session.trials['file'].unique())}. "
            + (
                f"Phase test takes the file of test trials: fetch it with `neurodyn data get {dataset}`."
                * (phase == "test")
            )
        )
    train = select(session, protocol, bin_ms, training, protocol.overlap)
    test = select(session, protocol, bin_ms, (evaluated,), protocol.overlap or protocol.evaluated_overlap)
    rows = np.concatenate([train.rows, test.rows])
    arrays: dict[str, Any] = _spikes("train", session, train, bin_ms, observed, forward)
    if phase == "val":
        arrays |= _spikes("eval", session, test, bin_ms, observed, forward)
        if protocol.interval is not None:
            arrays[f"{_TARGET}_whole"] = arrays[_TARGET]
            arrays[_TARGET] = _scored(arrays[_TARGET], session.times_ns(protocol.interval[0]), test, bin_ms)
    else:
        arrays |= _spikes("eval", session, test, bin_ms, observed, 0, groups=("heldin",))
    for part, windows in (("train", train), ("eval", test))[: 2 if phase == "val" else 1]:
        arrays[f"{part}_behavior"] = _behaviour(session, protocol, windows, bin_ms, observed)
        if protocol.decode_group and phase == "val":
            group = session.values(protocol.decode_group)[windows.rows]
            arrays[f"{part}_decode_mask"] = group[:, None] == np.asarray(protocol.decode_groups)
        if protocol.jitter_ms and phase == "val":
            arrays[f"{part}_jitter"] = windows.jitter_bins.astype(np.int32)
    table = _table(session, protocol, train, test, bin_ms)
    conditions: tuple[str, ...] = ()
    if protocol.psth_conditions:
        labels = _labels(session, protocol, rows)
        found = averages(session, protocol, bin_ms, np.sort(rows)) if psth and phase == "val" else None
        if found is not None:
            arrays["psth"], conditions = found.rates, tuple(condition_labels(found.values))
            for part, windows in (("train", train), ("eval", test)):
                places = [np.flatnonzero(np.isin(windows.rows, members)) for members in found.members]
                arrays[f"{part}_cond_idx"] = tuple(each.astype(np.int32) for each in places)
            labels[~np.isin(rows, np.concatenate(found.members))] = None
        table["condition"] = labels
    return Tensors(
        dataset=dataset,
        bin_ms=bin_ms,
        phase=phase,
        arrays=arrays,
        table=table,
        provenance={"notes": [*session.notes, *_notes(session, protocol, (train, test), arrays)]},
        heldin=tuple(np.flatnonzero(session.heldin).tolist()),
        unit_names=session.unit_names,
        conditions=conditions,
    )


_TARGET = "eval_spikes_heldout"


def _spikes(
    part: str,
    session: Session,
    windows: Windows,
    bin_ms: int,
    observed: int,
    forward: int,
    groups: tuple[str, ...] = GROUPS,
) -> dict[str, np.ndarray]:
    """Counts of observed and forward bins. Held-in counts of evaluated trials may be unknown (NaN), no others."""
    arrays = {}
    at = windows.first[:, None] + np.arange(observed + forward)
    for group in groups:
        counts = count(session.group(group), windows.first, observed + forward, bin_ms)
        known = inside(at * bin_ms, session.observed[group])
        required = ~known[:, observed if part == "eval" and group == "heldin" else 0 :]
        if required.any():
            late = np.flatnonzero(required.any(1))
            low, high = (
                np.array([at[late[0], 0], at[late[0], -1] + 1]) * bin_ms - session.shift_ms[windows.rows[late[0]]]
            ) / 1000
            raise InvalidInput(
                f"{group} spikes",
                f"a window outside of the observation intervals in {listed(windows.rows[late])} of the combined table "
                f"(the first: {low:g} to {high:g} s of {session.trials['file'].iloc[windows.rows[late[0]]]})",
                "every bin of the window and of the forward window observed",
                "Correct obs_intervals or the trial's times, or give the trial the split 'none'.",
            )
        for name, bins in (("", slice(0, observed)), ("_forward", slice(observed, None))):
            if name and not forward:
                continue
            values = counts[:, bins].astype(np.float32)
            values[~known[:, bins]] = np.nan
            arrays[f"{part}_spikes_{group}{name}"] = values
    return arrays


def _scored(whole: np.ndarray, start_ns: np.ndarray, windows: Windows, bin_ms: int) -> np.ndarray:
    """Counts between the interval's start and the event, NaN in the rest of the (moved) window."""
    at = windows.first[:, None] + np.arange(whole.shape[1])
    low, high = row_from(start_ns[windows.rows], bin_ms), row_from(windows.event_ns, bin_ms)
    return np.where(((at >= low[:, None]) & (at < high[:, None]))[..., None], whole, np.float32(np.nan))


def _behaviour(session: Session, protocol: Protocol, windows: Windows, bin_ms: int, bins: int) -> np.ndarray:
    """Behaviour of windows: a series `(trial, T, channel)` some time after the spikes, or columns of the table `(trial, column)`."""
    if protocol.trial_behaviour:
        values = np.column_stack([session.values(column)[windows.rows] for column in protocol.trial_behaviour])
        if protocol.outlier:
            values[session.values(protocol.outlier)[windows.rows] != 0] = np.nan
        return values.astype(np.float32)
    if session.series is None:
        raise MissingData(f"The file with training trials was not opened: {protocol.behaviour} comes from it.")
    ms, samples = session.behaviour()
    first = windows.shifted(protocol, bin_ms, protocol.lag_ms)
    values = decimated(ms, samples, first, bins, bin_ms, session.length_ms)
    if not np.isfinite(values).any():
        raise InvalidInput(
            f"{session.series.file}: {protocol.behaviour}",
            "no sample in the window of any trial",
            "behaviour in the windows of training and evaluated trials",
            "Are its times on the clock of the spikes?",
        )
    return values


def _table(session: Session, protocol: Protocol, train: Windows, test: Windows, bin_ms: int) -> pd.DataFrame:
    """The trial table of the tensors' rows; its own `split` becomes `nlb_split`."""
    rows = np.concatenate([train.rows, test.rows])
    table = session.trials.iloc[rows].rename(columns={"split": "nlb_split"}).reset_index(drop=True)
    first = np.concatenate([train.first, test.first])
    columns: dict[str, Any] = {"trial_id": rows, "start_s": (first * bin_ms - session.shift_ms[rows]) / 1000}
    if protocol.jitter_ms:
        columns["jitter_bins"] = np.concatenate([train.jitter_bins, test.jitter_bins])
    return table.assign(**columns)


def _labels(session: Session, protocol: Protocol, rows: np.ndarray) -> np.ndarray:
    """Condition of each row; None where a column is missing or the trial is an outlier."""
    values = np.column_stack([session.values(column)[rows] for column in protocol.psth_conditions])
    if protocol.outlier:
        values[session.values(protocol.outlier)[rows] != 0] = np.nan
    return condition_labels(values)


def _notes(
    session: Session, protocol: Protocol, parts: tuple[Windows, Windows], arrays: Mapping[str, Any]
) -> list[str]:
    """What was left out or is missing."""
    notes = []
    dropped = np.concatenate([part.dropped for part in parts])
    if len(dropped):
        notes.append(f"left out for want of {protocol.align}: {listed(dropped)} of the combined table")
    for name, part in zip(("train", "eval"), parts):
        behaviour = arrays.get(f"{name}_behavior")
        if behaviour is not None and behaviour.ndim == 3:
            gaps = np.flatnonzero(np.isnan(behaviour[..., 0]).any(1))
            if len(gaps):
                notes.append(
                    f"{protocol.behaviour} is missing in a part of {listed(part.rows[gaps])} of the combined table: "
                    "no decoder uses those bins"
                )
        unknown = np.flatnonzero(np.isnan(arrays[f"{name}_spikes_heldin"]).any((1, 2)))
        if len(unknown):
            notes.append(f"held-in spikes are unknown in a part of {listed(part.rows[unknown])} of the combined table")
    return notes
