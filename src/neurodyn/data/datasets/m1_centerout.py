"""Macaque motor cortex during centre-out reaching: two monkeys, three days."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.data.arrays import NamedArrays
from neurodyn.data.binned import Binned
from neurodyn.data.datasets._tensor_pickle import read_tensor_records
from neurodyn.data.datasets.base import Dataset, Remote
from neurodyn.data.splits import hold_out_units, parse_fractions, split_trials
from neurodyn.data.subject_splits import hold_out_subject
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

FOLDER = "m1_centerout_chewie_mihi"
DAYS = ("chewie_2013-10-03", "chewie_2013-12-19", "mihi_2014-03-03")
_ORIGIN = "https://raw.githubusercontent.com/nerdslab/myow-neuro/6aa684bbbdaecea644db24000a5ce6ff3c033b84/data/mihi-chewie/processed/"
_ORIGINALS = {
    "chewie_2013-10-03_100ms_full": "full-chewie-10032013-bin0.10-vel_thresh0.00.pkl",
    "chewie_2013-10-03_50ms_moving": "full-chewie-10032013-bin0.05-vel_thresh5.00.pkl",
    "chewie_2013-12-19_100ms_moving": "full-chewie-12192013-bin0.10-vel_thresh5.00.pkl",
    "mihi_2014-03-03_100ms_moving": "full-mihi-03032014-bin0.10-vel_thresh5.00.pkl",
}
"""Converted file -> public original."""
_SHA256 = {
    "chewie_2013-10-03_100ms_full": "d3c38319c0fd66b794a9480dcf8030e1e73c9b976913af09fa6e1bdf20a13888",
    "chewie_2013-10-03_50ms_moving": "ac4bdce8129fe64414a084efbf777a310d5ba926b19cf27c4e490ff8bb0a230c",
    "chewie_2013-12-19_100ms_moving": "62057a140c8c0e660b8cca2515317d583f83d2e362d04b166c789ba57aeca9b3",
    "mihi_2014-03-03_100ms_moving": "aa53dffd7c7fea6787843221f2d4d01881befbc4c53a655fa9989cd5c837f729",
}
MOVING_CM_S = 5.0
"""Bins count as moving above this hand speed."""


@dataclass(frozen=True)
class M1CenteroutConfig:
    """Which sessions, which bins, which split."""

    day: Literal["chewie_2013-10-03", "chewie_2013-12-19", "mihi_2014-03-03"] = "chewie_2013-10-03"
    """The session, where one is asked for."""
    sessions: Literal["one", "all"] = "one"
    """`all`: a list of all three, the same form each (moving bins of 100 ms)."""
    window: Literal["moving", "full"] = "moving"
    """`moving`: bins with a hand speed above 5 cm/s, the first one first, slow bins between them masked. `full`: whole trials
    (chewie_2013-10-03 in bins of 100 ms only)."""
    bins: int | None = None
    """Of whole trials, the first so many bins, without the trials that are shorter (trials have 9 to 14 bins); by default all, to the length of the longest."""
    forward: int = 0
    """Bins at the end of trials of one length (`bins`) that are predicted, never seen."""
    bin_s: float = 0.1
    """0.1, or 0.05 for the moving bins of chewie_2013-10-03."""
    behaviour: tuple[Literal["velocity", "position", "acceleration", "force"], ...] = ("velocity",)
    """What is brought along; position and acceleration were not recorded for mihi."""
    min_rate_hz: float = 0.5
    """Units at or below this mean rate over the session are left out."""
    heldout: float = 0.25
    """Fraction of the units that are held out."""
    heldout_seed: int = 0
    """Seed of the held-out units."""
    split: str = "70/15/15"
    """Shares of train/valid/test trials; targets are spread over them alike."""
    seed: int = 0
    """Seed of the split."""
    heldout_session: Literal["chewie_2013-10-03", "chewie_2013-12-19", "mihi_2014-03-03"] | None = None
    """A session of `sessions=all` that is held out whole: its trials calibrate or test, none trains."""
    calibration: float = 0.5
    """Share of the held-out session's trials that few-shot calibration may use; they come first, targets in turns."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_range("data.min_rate_hz", self.min_rate_hz, 0)
        parse_fractions(self.split)
        check_range("data.calibration", self.calibration, 0, 1, open_high=True)
        if self.heldout_session is not None and self.sessions == "one":
            raise InvalidInput("data.heldout_session", repr(self.heldout_session), "nothing but with sessions=all")
        if self.bin_s not in (0.05, 0.1):
            raise InvalidInput("data.bin_s", self.bin_s, "0.05 or 0.1")
        first = self.day == DAYS[0] and self.sessions == "one"
        if self.bin_s == 0.05 and not (first and self.window == "moving"):
            raise InvalidInput("data.bin_s", 0.05, f"0.1; only the moving bins of {DAYS[0]} come in 0.05")
        if self.bins is not None:
            check_range("data.bins", self.bins, 1)
            check_range("data.forward", self.forward, 0, self.bins, open_high=True)
        if self.window != "full" and self.bins is not None:
            raise InvalidInput("data.bins", self.bins, "nothing but with window=full", "Set data.window=full.")
        if self.forward and self.bins is None:
            raise InvalidInput("data.forward", self.forward, "0 where trials differ in length", "Set data.bins=9.")
        if self.window == "full" and not first:
            raise InvalidInput("data.window", "'full'", f"'moving'; whole trials come for {DAYS[0]} only")


class M1Centerout(Dataset):
    """Macaque M1 centre-out reaching to 8 targets: two monkeys, three days, 155-187 units (Dyer et al. 2017, doi:10.1038/s41551-017-0169-7)."""

    Config: ClassVar = M1CenteroutConfig
    remotes: ClassVar = tuple(
        Remote(f"{FOLDER}/{original}", _ORIGIN + original, _SHA256[name], f"{FOLDER}/{name}.npz")
        for name, original in _ORIGINALS.items()
    )

    config: M1CenteroutConfig

    def load(self) -> Trials | list[Trials]:
        """One session's trials, or a list of all three. The target, 0 to 7, is the condition."""
        if self.config.sessions == "one":
            return self._session(self.config.day)
        return [self._session(day) for day in DAYS]

    def _session(self, day: str) -> Trials:
        options = self.config
        stored, arrays = self._read(day)
        trial, position = arrays["trial_id"], arrays["bin_in_trial"]
        keep = np.ones(len(trial), bool)
        if options.window == "moving" and stored.endswith("full"):
            keep = np.linalg.norm(arrays["vel"], axis=1) > MOVING_CM_S
        if options.bins is not None:
            keep = (position < options.bins) & (np.bincount(trial)[trial] >= options.bins)
        trial, position = trial[keep].astype(int), position[keep].astype(int)
        present, first = np.unique(trial, return_index=True)
        if options.window == "moving":
            position = position - np.repeat(position[first], np.bincount(trial)[present])
        rates_hz = arrays["spikes"][keep].mean(0) / options.bin_s
        kept = np.flatnonzero(rates_hz > options.min_rate_hz)
        behaviour: dict[str, np.ndarray] = {}
        for name in options.behaviour:
            key = {"velocity": "vel", "position": "pos", "acceleration": "acc", "force": "force"}[name]
            if key not in arrays:
                raise InvalidInput("data.behaviour", repr(name), f"what was recorded on {day}: velocity or force")
            behaviour[name] = arrays[key][keep]
        recording = Binned(
            neural=arrays["spikes"][keep][:, kept],
            bin_s=options.bin_s,
            behaviour=behaviour,
            behaviour_units={"velocity": "cm/s", "position": "cm", "acceleration": "cm/s^2"},
            unit_names=tuple(map(str, kept)),
            name="m1_centerout",
            session=day,
        )
        target = np.asarray(arrays["target"])[present].astype(int)
        table = pd.DataFrame({"condition": target, "target_angle_deg": 90.0 - 45.0 * target})
        trials = recording.trials(trial, position=position, table=table, forward=options.forward)
        trials = dataclasses.replace(trials, session=day, provenance={"file": stored})
        if options.heldout:
            trials = hold_out_units(trials, options.heldout, options.heldout_seed)
        if day == options.heldout_session:
            return hold_out_subject(trials, options.calibration, options.seed)
        return split_trials(trials, parse_fractions(options.split), seed=options.seed, stratify="condition")

    def _read(self, day: str) -> tuple[str, Mapping[str, Any]]:
        """Name and arrays of the stored file a session is cut from, converted or original."""
        if day != DAYS[0]:
            stored = f"{day}_100ms_moving"
        else:
            stored = f"{day}_100ms_full" if self.config.bin_s == 0.1 else f"{day}_50ms_moving"
        path = self.find(f"{FOLDER}/{_ORIGINALS[stored]}")
        return stored, NamedArrays(path) if path.suffix == ".npz" else _from_original(path, self.config.bin_s)


def _from_original(path: Path, bin_s: float) -> dict[str, np.ndarray]:
    """The public file in the form of the converted one: rates times the bin width are counts, trials are stacked."""
    records = read_tensor_records(path)
    stacked = {
        name: np.concatenate([r[name] for r in records]) for name in ("x", "vel", "pos", "acc", "force", "timestep")
    }
    arrays: dict[str, np.ndarray] = {
        "spikes": np.rint(stacked["x"] * bin_s).astype(np.uint8),
        "trial_id": np.repeat(np.arange(len(records)), [len(r["x"]) for r in records]),
        "bin_in_trial": stacked["timestep"],
        "target": np.array([r["y"].ravel()[0] for r in records]),
        "vel": stacked["vel"],
        "force": stacked["force"],
    }
    # Zero throughout means not recorded (mihi).
    return arrays | {name: stacked[name] for name in ("pos", "acc") if stacked[name].any()}
