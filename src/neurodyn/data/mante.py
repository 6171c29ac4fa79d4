"""Prefrontal units during context-dependent decisions (Mante et al. 2013): one `.mat` file a unit, read and averaged by condition."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurodyn.data.arrays import NamedArrays
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.shapes import Array, Float, Int

Half = Literal["all", "first", "second"]
COHERENCES = (0.06, 0.17, 0.5)
"""Sizes of motion and colour coherence in the session that names the conditions of all units."""
VARIABLES = ("targ_dir", "stim_dir", "stim_col2dir", "context")
"""What trials are grouped and sorted by: chosen direction, motion coherence, colour coherence towards the direction, context (-1 colour, 1 motion)."""


def conditions() -> pd.DataFrame:
    """The 72 conditions in the order of the averages: by choice, motion, colour and context, each ascending; correct choices only."""
    levels = sorted(sign * size for sign in (-1, 1) for size in COHERENCES)
    rows: list[tuple[float, ...]] = sorted(
        (1.0 if (motion if context > 0 else colour) > 0 else -1.0, motion, colour, context)
        for motion, colour, context in itertools.product(levels, levels, (-1, 1))
    )
    choice, motion, colour, context = (np.array(column) for column in zip(*rows))
    return pd.DataFrame(
        {
            "condition": np.arange(len(rows)),
            "choice": choice.astype(int),
            "motion_coherence": motion,
            "colour_coherence": colour,
            "context": np.where(context > 0, "motion", "colour"),
        }
    )


@dataclass(frozen=True, eq=False)
class UnitTrials:
    """Single trials of one unit, in conditions of which every trial was correct."""

    name: str
    """The file's, without its ending."""
    rates_hz: Float[Array, "trial time"]
    """Spikes/s in bins; samples at the end that fill no bin are left out."""
    time_s: Float[Array, " time"]
    """Of each bin's first sample, in seconds from the onset of the dots."""
    condition: Int[Array, " trial"]
    """Place of each trial's condition among the sorted ones; -1 where the trials were not all correct."""
    levels: Float[Array, "condition variable"]
    """Values of the grouping variables of each condition, sorted."""

    @property
    def trials(self) -> Int[Array, " condition"]:
        """Trials of each condition."""
        return np.bincount(self.condition[self.condition >= 0], minlength=len(self.levels))

    def averages(self, chosen: np.ndarray | None = None) -> Float[Array, "condition time"]:
        """Mean over the trials of each condition, or over those chosen (bool `(trial,)`); NaN where there is none."""
        member = self.condition == np.arange(len(self.levels))[:, None]
        weight = (member if chosen is None else member & chosen).astype(float)
        with np.errstate(invalid="ignore"):
            return np.asarray(weight @ self.rates_hz / weight.sum(1, keepdims=True))

    def first_half(self, seed: int) -> np.ndarray:
        """Half of each condition's trials, drawn, as bool `(trial,)`: the same for a unit whichever others are read."""
        order = np.random.default_rng((seed, zlib.crc32(self.name.encode()))).permutation(len(self.condition))
        chosen = np.zeros(len(self.condition), bool)
        for place, number in enumerate(self.trials.tolist()):
            own = order[self.condition[order] == place]
            chosen[own[: number // 2]] = True
        return chosen


def read_unit(path: Path, bin_s: float) -> UnitTrials:
    """Reads one unit's file: struct `unit` with `time` (sample,) in seconds, `response` (trial, sample) of spikes, and `task_variable`, a struct of one value a trial.

    With n samples in T seconds there are int(T / bin) bins of int(n / bins) samples each.

    Raises:
        InvalidInput: a truncated or damaged file, fields of other shapes, times that are not evenly spaced, a bin narrower than a sample.
        UnknownName: a field is missing.
    """
    unit = _field(_loaded(path), "unit", path)
    time, response = (_numbers(unit, name, path) for name in ("time", "response"))
    known = _field(unit, "task_variable", path)
    columns = {name: _numbers(known, name, path) for name in (*VARIABLES, "correct")}
    trials = columns["correct"].size
    if time.ndim != 1 or time.size < 2 or response.shape != (trials, time.size):
        got = f"shape {response.shape} for {trials} trials and {time.size} times"
        raise InvalidInput(f"response of {path.name}", got, "(trial, sample)")
    for name, values in columns.items():
        if values.shape != (trials,):
            raise InvalidInput(f"{name} of {path.name}", f"shape {values.shape}", f"({trials},), one a trial")
    steps = np.diff(time)
    step = float(steps.mean())
    if step <= 0 or np.abs(steps - step).max() > 0.01 * step:
        raise InvalidInput(f"time of {path.name}", "times that are not evenly spaced", "samples at a fixed rate")
    if not np.isfinite(response).all():
        raise InvalidInput(f"response of {path.name}", "values that are not finite", "0 or 1 in each sample")
    bins = int(time.size * step / bin_s + 1e-9)
    if not 0 < bins <= time.size:
        expected = f"from {step:g} s, a sample, to {time.size * step:g} s, a trial"
        raise InvalidInput("data.bin_s", bin_s, expected)
    width = time.size // bins
    binned = response[:, : bins * width].reshape(trials, bins, width).mean(2, dtype=np.float64) / step
    levels, condition = np.unique(np.stack([columns[v] for v in VARIABLES], 1), axis=0, return_inverse=True)
    condition = condition.reshape(-1)
    correct = np.bincount(condition, columns["correct"] != 1, minlength=len(levels)) == 0
    place = np.where(correct, np.cumsum(correct) - 1, -1)
    return UnitTrials(path.stem, binned, time[: bins * width : width], place[condition], levels[correct])


@dataclass(frozen=True, eq=False)
class Averages:
    """Condition averages of many units, which were not recorded together."""

    rates_hz: Float[Array, "condition time unit"]
    time_s: Float[Array, " time"]
    units: pd.DataFrame
    """One row a unit: `file`, `fewest_trials` of a condition, `level_difference` (largest, of a coherence from that of its condition), `same_order` (whether choices,
    contexts and ranks of coherences are those of its conditions)."""
    left_out: Mapping[str, int]
    """Why units were left out, and how many."""


def average_units(
    paths: Sequence[Path],
    bin_s: float,
    half: Half = "all",
    seed: int = 0,
    level_tolerance: float | None = None,
    shown: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> Averages:
    """Reads files one after the other and keeps their averages alone.

    A unit's conditions are those of the table by their place when sorted, as the release of the learning-rule study has it: the levels of coherence differ between sessions.

    Args:
        paths: of the files.
        bin_s: bin width in seconds.
        half: average over all trials, or over one of two drawn halves; then units with a condition of a single trial are left out.
        seed: of the halves.
        level_tolerance: leave out units whose coherences differ by more from those of the table, or come in another order; None keeps all.
        shown: draws a progress bar.

    Raises:
        InvalidInput: as `read_unit`; units with other times; no unit left.
    """
    expected = conditions()
    found: list[np.ndarray] = []
    rows: list[dict[str, Any]] = []
    reasons: dict[str, int] = {}
    first: UnitTrials | None = None
    for path in shown(paths):
        unit = read_unit(path, bin_s)
        why, row = _usable(unit, expected, half, level_tolerance)
        if why:
            reasons[why] = reasons.get(why, 0) + 1
            continue
        first = unit if first is None else first
        if unit.time_s.shape != first.time_s.shape or np.abs(unit.time_s - first.time_s).max() > 1e-6:
            raise InvalidInput(f"time of {path.name}", "other times", f"those of {first.name}")
        chosen = None if half == "all" else unit.first_half(seed) ^ (half == "second")
        found.append(unit.averages(chosen))
        rows.append(row)
    if first is None:
        said = ", ".join(f"{number} with {why}" for why, number in reasons.items()) or "no file"
        raise InvalidInput("units", said, f"at least one unit with {len(expected)} conditions")
    return Averages(np.stack(found, 2), first.time_s, pd.DataFrame(rows), reasons)


def _usable(
    unit: UnitTrials, expected: pd.DataFrame, half: Half, level_tolerance: float | None
) -> tuple[str, dict[str, Any]]:
    """Why a unit is left out, empty if it is not; and its row of the table of units."""
    if len(unit.levels) != len(expected):
        return f"another number of conditions than {len(expected)}", {}
    fewest = int(unit.trials.min())
    if half != "all" and fewest < 2:
        return "a condition of a single trial", {}
    choice, motion, colour, context = unit.levels.T
    nominal = [expected[name].to_numpy() for name in ("motion_coherence", "colour_coherence")]
    differences = [np.abs(a - b).max() for a, b in zip((motion, colour), nominal)]
    ranks = [(_ranks(a) == _ranks(b)).all() for a, b in zip((motion, colour), nominal)]
    signs = (choice == expected["choice"]).all() and ((context > 0) == (expected["context"] == "motion")).all()
    row: dict[str, Any] = {
        "file": unit.name,
        "fewest_trials": fewest,
        "level_difference": float(max(differences)),
        "same_order": bool(signs and all(ranks)),
    }
    if level_tolerance is not None and not row["same_order"]:
        return "conditions in another order", row
    if level_tolerance is not None and row["level_difference"] > level_tolerance:
        return "coherences of other sizes", row
    return "", row


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


def read_stored(path: Path, bin_s: float) -> Averages:
    """Averages that were stored as one array (unit, time, condition), the only one of three axes in an `.npz`, `.mat` or `.h5` file, in the order of `conditions`.

    Raises:
        MissingData, InvalidInput: as `NamedArrays`; no such array or several; another number of conditions; values that are not finite.
    """
    arrays = NamedArrays(path)
    named = [name for name in arrays if arrays[name].ndim == 3]
    if len(named) != 1:
        got = f"{len(named)} arrays of three axes"
        raise InvalidInput(str(path), got, "one, (unit, time, condition)", "Write it alone, with numpy.savez.")
    values = arrays[named[0]]
    number = len(conditions())
    if values.shape[2] != number or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        got = f"shape {values.shape}" if values.shape[2] != number else "values that are not finite"
        raise InvalidInput(named[0], got, f"(unit, time, {number}), finite")
    time = 0.1 + bin_s * np.arange(values.shape[1])
    return Averages(values.transpose(2, 1, 0).astype(np.float64), time, pd.DataFrame(), {})


def _loaded(path: Path) -> Mapping[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    damaged = (MatReadError, ValueError, TypeError, OSError, EOFError, IndexError, NotImplementedError, zlib.error)
    try:
        return dict(loadmat(path, simplify_cells=True))
    except damaged as error:
        got = f"a truncated or damaged file ({error})"
        raise InvalidInput(str(path), got, "a whole .mat file (MATLAB 5)", "Copy or unpack it again.") from error


def _field(struct: Any, name: str, path: Path) -> Any:
    if not isinstance(struct, Mapping) or name not in struct:
        known = [key for key in struct if not key.startswith("__")] if isinstance(struct, Mapping) else []
        raise UnknownName(f"field of {path.name}", name, known)
    return struct[name]


def _numbers(struct: Any, name: str, path: Path) -> np.ndarray:
    values = np.asarray(_field(struct, name, path))
    if values.dtype.kind not in "biuf":
        raise InvalidInput(f"{name} of {path.name}", f"values of type {values.dtype}", "numbers")
    return values
