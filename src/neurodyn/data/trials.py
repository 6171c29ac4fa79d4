"""One session's trials: named signals with roles, a mask, a table, and the truth when it is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurodyn.data.psth import PSTH
from neurodyn.data.signal import Signal
from neurodyn.data.validate import check_behaviour, check_counts, check_fluorescence, check_same_length, without_nan
from neurodyn.errors import InvalidInput, UnknownName

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of one session, aligned and binned.

    Units keep their recorded order here; a `Batch` puts held-in units first. Trials of different length are a mask.
    """

    signals: Mapping[str, Signal]
    """Signals by name; the first with role `neural` is the population."""
    mask: np.ndarray
    """Bool `(trial, time)` on the neural clock: true where there is data."""
    table: pd.DataFrame
    """One row a trial, carried through every selection. Columns used when present: `condition`, `split`; `segment`, `start_bin`, `start_s` of windows;
    `from_event_s` (time of a trial's first bin from the event that trials are aligned to); `decode_group` (trials that share a decoder), `jitter_bins`
    (how far a trial's window was moved), `interval_s` and `interval_condition` (a timed interval and what it is compared within), `trial_id` (order in
    the recording)."""
    heldin: np.ndarray
    """Int `(heldin,)`: sorted indices of the units an encoder may see. The others are held out."""
    forward: int = 0
    """Number of bins at the end of the window that are predicted, never seen."""
    unit_table: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One row a unit, in recorded order, or empty. Columns used when present: `class` and `subclass` (its cell type; missing or empty where it is not known), `x_um`, `y_um`, `z_um`
    (its position in micrometres)."""
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Ground truth when simulated: `rates` (expected counts per bin, `(trial, time, unit)`), `latents`, `inputs`."""
    psth: PSTH | None = None
    """True condition averages, where they are known; conditions are those of the table."""
    name: str = "trials"
    """Name of the data set."""
    session: str = "session"
    """Name of the session."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where it came from: source, options, versions."""
    draw: Callable[[int, int, int], Trials] | None = None
    """Draws fresh trials of the same kind, where that can be done (tasks): `draw(number, seed, step)` gives so many for a step of a training with this seed,
    the same whenever it is asked. A selection of trials has none, since fresh ones would be of the whole; set it to None where you change signals."""

    def __post_init__(self) -> None:
        if not self.signals:
            raise InvalidInput("signals", "none", "at least one signal")
        n = next(iter(self.signals.values())).trials
        if n == 0:
            raise InvalidInput("trials", "none", "at least one trial", "Check the alignment column and the window.")
        for name, signal in self.signals.items():
            check_same_length(name, signal.trials, n, "trials")
        check_same_length("table", len(self.table), n, "trials")
        if self.mask.ndim != 2 or self.mask.shape[0] != n:
            raise InvalidInput("mask", f"shape {self.mask.shape}", f"({n}, time)")
        if self.neural_name is not None:
            neural = self.signals[self.neural_name]
            if neural.shape[0] == 0:
                raise InvalidInput(self.neural_name, "no units", "at least one unit")
            check_same_length("mask", self.mask.shape[1], neural.bins, "time bins")
            units = neural.shape[0]
            heldin = self.heldin
            if (
                heldin.ndim != 1
                or len(np.unique(heldin)) != len(heldin)
                or len(heldin) == 0
                or heldin.min() < 0
                or heldin.max() >= units
            ):
                raise InvalidInput("heldin", heldin.tolist(), f"distinct unit indices in 0..{units - 1}")
            if len(self.unit_table.columns):
                check_same_length("unit_table", len(self.unit_table), units, "units")
            if np.any(np.diff(heldin) < 0):
                raise InvalidInput("heldin", "unsorted indices", "increasing unit indices")
            if not 0 <= self.forward < neural.bins:
                raise InvalidInput(
                    "forward", self.forward, f"between 0 and {neural.bins - 1} bins, fewer than the window has"
                )
        for name, values in self.truth.items():
            check_same_length(f"truth[{name!r}]", len(values), n, "trials")

    # -- building ---------------------------------------------------------------------------------------------------

    @staticmethod
    def from_arrays(
        counts: np.ndarray | None = None,
        *,
        bin_s: float,
        fluorescence: np.ndarray | None = None,
        behaviour: np.ndarray | Mapping[str, np.ndarray] | None = None,
        stimulus: np.ndarray | Mapping[str, np.ndarray] | None = None,
        inputs: np.ndarray | Mapping[str, np.ndarray] | None = None,
        targets: np.ndarray | Mapping[str, np.ndarray] | None = None,
        conditions: Sequence[Any] | np.ndarray | None = None,
        mask: np.ndarray | None = None,
        heldin: Sequence[int] | np.ndarray | None = None,
        forward: int = 0,
        table: pd.DataFrame | None = None,
        unit_table: pd.DataFrame | None = None,
        split: Sequence[str] | np.ndarray | None = None,
        truth: Mapping[str, np.ndarray] | None = None,
        nan: Literal["refuse", "unknown"] = "refuse",
        name: str = "arrays",
        session: str = "session",
        provenance: Mapping[str, Any] | None = None,
    ) -> Trials:
        """Trials from plain arrays.

        Args:
            counts: spike counts per bin, `(trial, time, unit)`, whole and non-negative.
            bin_s: bin width in seconds.
            fluorescence: calcium or deconvolved activity, `(trial, time, unit)`, instead of counts.
            behaviour: `(trial, time, channel)`, or several by name. NaN marks missing samples.
            stimulus, inputs, targets: the same, for what the model is driven by and what it should produce; a
                `(trial, time, height, width)` stimulus is a video.
            conditions: one label a trial.
            mask: bool `(trial, time)`, false where a trial has no data.
            heldin: indices of the units an encoder may see (default all).
            forward: number of final bins that are predicted, never seen.
            table: one row a trial.
            unit_table: one row a unit: cell types, positions.
            split: `train`, `valid` or `test` for each trial.
            truth: ground truth by name (`rates` in expected counts per bin).
            nan: what NaN in counts or fluorescence is: an error, or entries that were not recorded (`Signal.mask`).

        Raises:
            InvalidInput: shapes that disagree; counts that are negative, fractional or not finite; fluorescence that is not finite; infinite
                behaviour; an empty population.
        """
        signals: dict[str, Signal] = {}
        if counts is not None:
            filled, known = without_nan(counts) if nan == "unknown" else (counts, None)
            values = check_counts("counts", filled, mask)
            signals["counts"] = Signal(values, "spikes", "neural", bin_s, units="counts/bin", mask=known)
        if fluorescence is not None:
            filled, known = without_nan(fluorescence) if nan == "unknown" else (fluorescence, None)
            values = check_fluorescence("fluorescence", filled, mask)
            signals["fluorescence"] = Signal(values, "fluorescence", "neural", bin_s, mask=known)
        groups: list[tuple[str, Any, Any]] = [
            ("behaviour", behaviour, "behaviour"),
            ("stimulus", stimulus, "stimulus"),
            ("input", inputs, "input"),
            ("target", targets, "target"),
        ]
        for default, given, role in groups:
            if given is None:
                continue
            for key, values in (given if isinstance(given, Mapping) else {default: given}).items():
                kind: Any = "video" if len(values.shape) >= 4 else "series" if len(values.shape) == 3 else "label"
                if role == "behaviour" and kind == "series" and signals:
                    check_behaviour(key, values, next(iter(signals.values())).bins, forward)
                signals[key] = Signal(values, kind, role, bin_s)
        if not signals:
            raise InvalidInput("counts", None, "an array (trial, time, unit)", "Give counts=... or fluorescence=...")
        first = next(iter(signals.values()))
        frame = pd.DataFrame(index=range(first.trials)) if table is None else table.reset_index(drop=True)
        if conditions is not None:
            check_same_length("conditions", len(conditions), first.trials, "trials")
            frame = frame.assign(condition=np.asarray(conditions))
        if split is not None:
            check_same_length("split", len(split), first.trials, "trials")
            frame = frame.assign(split=np.asarray(split, dtype=object))
        units = next((s.shape[0] for s in signals.values() if s.role == "neural"), 0)
        return Trials(
            signals=signals,
            mask=np.ones((first.trials, first.bins), bool) if mask is None else np.asarray(mask, bool),
            table=frame,
            heldin=np.arange(units) if heldin is None else np.asarray(heldin, int),
            forward=forward,
            unit_table=pd.DataFrame() if unit_table is None else unit_table.reset_index(drop=True),
            truth=truth or {},
            name=name,
            session=session,
            provenance=provenance or {},
        )

    # -- sizes ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        what = ", ".join(
            f"{name} {s.kind}{(*([s.bins] if s.bins else []), *s.shape)}" for name, s in self.signals.items()
        )
        held = f", {len(self.heldout)} of {self.units} units held out" if self.units and len(self.heldout) else ""
        ahead = f", {self.forward} forward bins" if self.forward else ""
        return f"Trials({self.name!r}, {len(self)} trials: {what}; {self.bin_s * 1000:g} ms bins{held}{ahead})"

    @property
    def neural_name(self) -> str | None:
        """Name of the population's signal, or None when nothing was recorded (a task alone)."""
        return next((name for name, s in self.signals.items() if s.role == "neural"), None)

    @property
    def neural(self) -> Signal:
        """The population's signal."""
        if self.neural_name is None:
            raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        return self.signals[self.neural_name]

    @property
    def bin_s(self) -> float:
        """Bin width of the population (or of the first signal), in seconds."""
        return (self.neural if self.neural_name else next(iter(self.signals.values()))).bin_s

    @property
    def bins(self) -> int:
        """Bins in the window, forward ones included."""
        return int(self.mask.shape[1])

    @property
    def observed_bins(self) -> int:
        """Bins an encoder may see."""
        return self.bins - self.forward

    @property
    def units(self) -> int:
        """Number of units, held-out ones included (0 without a neural signal)."""
        return self.neural.shape[0] if self.neural_name else 0

    @property
    def heldout(self) -> np.ndarray:
        """Indices of the held-out units."""
        return np.setdiff1d(np.arange(self.units), self.heldin)

    @property
    def unit_order(self) -> np.ndarray:
        """Unit indices as a `Batch` orders them: held-in first, then held-out."""
        return np.concatenate([self.heldin, self.heldout])

    @property
    def known(self) -> np.ndarray:
        """Bool `(trial, time, unit)`, or `(trial, time, 1)` where it is the same for all units: entries of the population that were recorded."""
        mask = self.mask[..., None]
        own = self.neural.mask
        return mask if own is None else mask & own.reshape(*mask.shape[:2], -1)

    # -- shortcuts --------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> np.ndarray:
        """Spike counts `(trial, time, unit)`."""
        return np.asarray(self.neural.values)

    def of_role(self, role: str) -> dict[str, Signal]:
        """Signals with a role, by name."""
        return {name: s for name, s in self.signals.items() if s.role == role}

    @property
    def behaviour(self) -> np.ndarray | None:
        """Behaviour `(trial, time, channel)`: every behaviour series on the neural clock side by side, or None."""
        series = [np.asarray(s.values, np.float64) for s in self.of_role("behaviour").values() if s.kind == "series"]
        series = [s for s in series if s.shape[1] in (self.bins, self.observed_bins)]
        if not series:
            return None
        width = max(s.shape[1] for s in series)
        return np.concatenate(
            [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=np.nan) for s in series], 2
        )

    @property
    def conditions(self) -> np.ndarray | None:
        """Condition of each trial (None or NaN where a trial has none); None where no trial has one."""
        found = self.table["condition"].to_numpy() if "condition" in self.table else None
        return None if found is None or pd.isna(found).all() else found

    # -- selection --------------------------------------------------------------------------------------------------

    def select(self, trials: np.ndarray | Sequence[int] | slice) -> Trials:
        """Some trials, with everything that belongs to them."""
        index = np.arange(len(self))[trials]
        return dataclasses.replace(
            self,
            signals={name: s.select(index) for name, s in self.signals.items()},
            mask=self.mask[index],
            table=self.table.iloc[index].reset_index(drop=True),
            truth={name: values[index] for name, values in self.truth.items()},
            draw=None,
        )

    def part(self, split: str) -> Trials:
        """The trials of one split.

        Raises:
            InvalidInput: the trials have not been split, or the split is empty.
        """
        if "split" not in self.table:
            raise InvalidInput(
                "split",
                "trials that have not been split",
                "train, valid and test trials",
                "Call neurodyn.data.splits.split_trials(trials, ...) first.",
            )
        known = self.table["split"].unique().tolist()
        if split not in known:
            raise UnknownName("split", split, known)
        found = self.select(np.flatnonzero(self.table["split"].to_numpy() == split))
        return dataclasses.replace(found, draw=self.draw)

    @property
    def train(self) -> Trials:
        """Training trials."""
        return self.part("train")

    @property
    def valid(self) -> Trials:
        """Validation trials: for stopping and choosing, never for scores."""
        return self.part("valid")

    @property
    def test(self) -> Trials:
        """Test trials: for scores only."""
        return self.part("test")
