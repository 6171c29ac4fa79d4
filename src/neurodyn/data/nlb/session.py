"""A recording of the benchmark as its files hold it: sparse, on one clock of milliseconds, test trials before training trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.data.nlb.behaviour import Series
from neurodyn.data.nlb.clock import clock_ns, joined
from neurodyn.data.nlb.file import RecordedFile, read_file, readable
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.errors import InvalidInput

GROUPS = ("heldin", "heldout")


@dataclass(frozen=True, eq=False)
class Session:
    """All files of a recording on one clock. Each file after the first is moved by a multiple of 100 ms, so bins lie as in the file alone.

    Use it as a context manager, or call `close`: behaviour is read from the open file.
    """

    spikes: tuple[np.ndarray, ...]
    """Milliseconds of each unit's spikes, int32, increasing; units in the order of their identifiers. Spikes outside of `observed` are not among them."""
    heldin: np.ndarray
    """Bool `(unit,)`."""
    unit_names: tuple[str, ...]
    """Identifier of each unit."""
    observed: dict[str, np.ndarray]
    """Observed milliseconds of `heldin` and of `heldout` units, `(interval, 2)`, sorted."""
    trials: pd.DataFrame
    """The trial tables one under another. Times are in seconds on the clock of each trial's own file; `file` names it."""
    shift_ms: np.ndarray
    """What brings the times of each trial to the session's clock `(trial,)`."""
    length_ms: int
    """Length of the session."""
    series: Series | None
    """Behaviour, on disk until it is read."""
    series_shift_ms: int
    """What brings it to the session's clock."""
    notes: tuple[str, ...] = ()
    """What was found that is worth knowing."""
    sources: tuple[Any, ...] = ()
    """Open files."""
    _samples: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list, repr=False)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files that were opened here."""
        for source in self.sources:
            source.close()

    def group(self, name: str) -> list[np.ndarray]:
        """Spikes of the held-in or the held-out units."""
        wanted = self.heldin if name == "heldin" else ~self.heldin
        return [self.spikes[unit] for unit in np.flatnonzero(wanted)]

    def times_ns(self, column: str) -> np.ndarray:
        """A column of times on the session's clock, in ns; `clock.NEVER` where there is none."""
        return clock_ns(self.trials[column].to_numpy(float), self.shift_ms)

    def values(self, column: str) -> np.ndarray:
        """A column of numbers as float; NaN where there is none."""
        try:
            return np.asarray(self.trials[column].to_numpy(float, na_value=np.nan))
        except (TypeError, ValueError):
            raise InvalidInput(f"trials.{column}", f"a column of {self.trials[column].dtype}", "numbers") from None

    def behaviour(self) -> tuple[np.ndarray, np.ndarray]:
        """Millisecond of each sample of the behaviour series, and the samples, float64 `(sample, channel)`; read once.

        Raises:
            InvalidInput: as `behaviour.Series.read`; a truncated file.
        """
        if self.series is None:
            raise InvalidInput("behaviour", "no series", "a recording with one")
        if not self._samples:
            with readable(self.series.file):
                ms, samples = self.series.read()
            self._samples.append((ms + self.series_shift_ms, samples))
        return self._samples[0]


def read_session(files: Sequence[Any], protocol: Protocol) -> Session:
    """Reads the files of a recording.

    Args:
        files: paths or open `pynwb.NWBFile` objects in any order: the one with training trials, and the one with test trials where it is at hand.
        protocol: the columns and the series that are needed.

    Raises:
        MissingData: there is no such file.
        InvalidInput: no training trials, or two files with them; held-in units that differ between the files; what `file.read_file` finds.
    """
    opened: list[RecordedFile] = []
    try:
        for given in files:
            opened.append(read_file(given, protocol))  # noqa: PERF401 (those opened before an error are closed)
        return _joined(opened)
    except BaseException:
        for file in opened:
            if file.source is not None:
                file.source.close()
        raise


def _joined(files: list[RecordedFile]) -> Session:
    training = [file for file in files if set(file.trials["split"]) != {"test"}]
    if len(training) != 1 or len(files) > 2:
        raise InvalidInput(
            "files",
            f"{len(training)} with training trials among {', '.join(file.name for file in files) or 'none'}",
            "one with training trials, and at most one with test trials",
        )
    train = training[0]
    if train.heldin.all():
        raise InvalidInput(
            f"{train.name}: units.heldout", "false for every unit", "held-out units in the training file"
        )
    ordered = [file for file in files if file is not train] + [train]
    shifts: list[int] = []
    end = 0
    for file in ordered:
        shifts.append(_shift_ms(end) if shifts else 0)
        end = shifts[-1] + file.length_ms
        _same_heldin(train, file)
    tables = [file.trials.assign(file=file.name) for file in ordered]
    at = {name: place for place, name in enumerate(train.unit_names)}
    parts: list[list[np.ndarray]] = [[] for _ in at]
    for file, shift in zip(ordered, shifts):
        for name, ms in zip(file.unit_names, file.spikes):
            parts[at[name]].append(ms + np.int32(shift))
    return Session(
        spikes=tuple(np.concatenate(each) for each in parts),
        heldin=train.heldin,
        unit_names=train.unit_names,
        observed={
            group: joined(np.concatenate([file.observed[group] + shift for file, shift in zip(ordered, shifts)]))
            for group in GROUPS
        },
        trials=pd.concat(tables, ignore_index=True),
        shift_ms=np.repeat(shifts, [len(file.trials) for file in ordered]),
        length_ms=end,
        series=train.series,
        series_shift_ms=shifts[-1],
        notes=tuple(note for file in ordered for note in file.notes),
        sources=tuple(file.source for file in ordered if file.source is not None),
    )


def _shift_ms(length_ms: int) -> int:
    """Where the next file starts: the first multiple of 100 ms at least 50 ms after the last millisecond."""
    return -(-(length_ms - 1 + 50) // 100) * 100


def _same_heldin(train: RecordedFile, other: RecordedFile) -> None:
    wanted = [name for name, seen in zip(train.unit_names, train.heldin) if seen]
    found = [name for name, seen in zip(other.unit_names, other.heldin) if seen]
    if wanted == found:
        return
    only = [f"{name} in {train.name} only" for name in wanted if name not in found]
    only += [f"{name} in {other.name} only" for name in found if name not in wanted]
    raise InvalidInput(
        f"{other.name}: units",
        f"other held-in units than {train.name} ({'; '.join(only[:3]) or 'in another order'})",
        "the same in both",
        "The files are of different releases or recordings: fetch both again.",
    )
