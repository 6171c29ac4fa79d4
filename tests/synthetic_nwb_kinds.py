"""What sets the benchmark's seven datasets apart, for `synthetic_nwb`: names, sizes, trial tables, behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Size:
    """How large a dataset is made."""

    heldin: int = 8
    heldout: int = 3
    train: int = 24
    val: int = 8
    test: int = 8
    none: int = 4
    """Trials in no split; one of them lacks its alignment time, where the dataset has one."""
    rate_hz: float = 20.0
    pause_ms: int = 200
    """Mean pause between two trials (maze)."""
    hold_ms: int = 0
    """How much longer a trial goes on after the movement (maze)."""
    conditions: int = 4
    """Different trial types (maze), movement directions (bump), sample intervals a prior (dmfc)."""


@dataclass
class Series:
    """A continuous signal at 1 kHz."""

    data: np.ndarray
    columns: tuple[str, ...]
    timestamps: np.ndarray | None = None
    """Seconds; None for a clock of 1 kHz from 0."""


@dataclass(frozen=True)
class Kind:
    """One of the benchmark's datasets."""

    dandiset: str
    subject: str
    session: str
    window_ms: tuple[int, int]
    align: str
    lag_ms: int
    blocks: int
    """Observation intervals; 0: one a trial."""
    trials: Callable[[np.random.Generator, np.ndarray, Size], dict[str, Any]]
    """Trial table with times in ms of the trial's own clock."""
    series: Callable[[np.random.Generator, np.ndarray], dict[str, Series]]
    """Behaviour from the lagged state `(ms, 3)`."""
    small: Size
    real: Size

    @property
    def stem(self) -> str:
        """What both file names start with."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "") + "_desc-"


def _cycled(rng: np.random.Generator, split: np.ndarray, conditions: int) -> np.ndarray:
    """A condition a trial, each split going round them all."""
    given = np.empty(len(split), int)
    for name in np.unique(split):
        rows = np.flatnonzero(split == name)
        given[rows] = rng.permutation(np.arange(len(rows)) % conditions)
    return given


def _maze_trials(rng: np.random.Generator, split: np.ndarray, size: Size) -> dict[str, Any]:
    n, versions = len(split), 3
    condition = _cycled(rng, split, size.conditions * versions)
    target_on = rng.integers(50, 100, n)
    delay, rt = rng.integers(100, 250, n), rng.integers(200, 300, n)
    move_onset = target_on + delay + rt
    targets, barriers = np.where(condition % versions == 2, 3, 1), np.where(condition % versions == 0, 0, 2)
    return {
        "start_time": np.zeros(n),
        "target_on_time": target_on,
        "go_cue_time": target_on + delay,
        "move_onset_time": move_onset,
        "stop_time": move_onset + rng.integers(700, 900, n) + size.hold_ms,
        "trial_type": condition // versions,
        "trial_version": condition % versions,
        "maze_id": condition // versions + 100,
        "success": np.ones(n, bool),
        "rt": rt.astype(float),
        "delay": delay.astype(float),
        "num_targets": targets,
        "target_pos": [rng.integers(-120, 120, (k, 2)).astype(float) for k in targets],
        "num_barriers": barriers,
        "barrier_pos": [rng.integers(-120, 120, (k, 4)).astype(float) for k in barriers],
        "active_target": np.zeros(n, int),
        "_condition": condition,
    }


def _rtt_trials(rng: np.random.Generator, split: np.ndarray, size: Size) -> dict[str, Any]:
    n = len(split)
    return {"start_time": np.zeros(n), "stop_time": np.full(n, 600), "_condition": np.zeros(n, int)}


def _bump_trials(rng: np.random.Generator, split: np.ndarray, size: Size) -> dict[str, Any]:
    n = len(split)
    condition = _cycled(rng, split, 2 * size.conditions)
    passive, direction = condition % 2 == 1, (condition // 2) * 360.0 / size.conditions
    # Tenths of a millisecond, as recorded events have; a test trial is cut at whole milliseconds.
    onset = np.where(split == "test", rng.integers(450, 600, n), rng.integers(4500, 6000, n) / 10)
    used = split != "none"
    return {
        "start_time": np.zeros(n),
        "target_on_time": np.where(passive, np.nan, onset - 300),
        "go_cue_time": np.where(passive, np.nan, onset - 200),
        "bump_time": np.where(passive, onset - 30, np.nan),
        "move_onset_time": onset,
        "stop_time": np.ceil(onset) + rng.integers(720, 800, n),
        "result": np.where(used, "R", rng.choice(["A", "I", "F"], n)),
        "ctr_hold": rng.uniform(0.2, 0.4, n),
        "ctr_hold_bump": passive,
        "bump_dir": np.where(passive, direction, np.nan),
        "target_dir": np.where(passive, np.nan, direction),
        "cond_dir": np.where(used, direction, np.nan),
        "_condition": condition,
    }


def _dmfc_trials(rng: np.random.Generator, split: np.ndarray, size: Size) -> dict[str, Any]:
    n = len(split)
    condition = _cycled(rng, split, 8 * size.conditions)
    is_eye, is_left, is_short = condition % 2 == 1, condition // 2 % 2 == 1, condition // 4 % 2 == 1
    samples = np.where(is_short[:, None], [480, 560, 640, 720, 800], [800, 900, 1000, 1100, 1200])
    ts = samples[np.arange(n), np.linspace(0, 4, size.conditions).astype(int)[condition // 8]].astype(float)
    outlier = np.zeros(n, bool)
    for name in ("train", "val"):
        outlier[np.flatnonzero(split == name)[:2]] = True
    tp = np.round(ts * rng.normal(1, 0.1, n).clip(0.7, 1.24), 1)
    tp[outlier] = [1650.0, 240.0] * (outlier.sum() // 2)
    ready = 800 + rng.integers(0, 3000, n) / 10
    go = np.where(split == "test", np.round(ready + ts + tp), ready + ts + tp)
    return {
        "start_time": np.zeros(n),
        "fix_on_time": np.full(n, 10.0),
        "fix_time": np.full(n, 200.0),
        "target_on_time": ready - 300,
        "ready_time": ready,
        "set_time": go - tp,
        "go_time": go,
        "target_acq_time": go + 150,
        "reward_time": np.where(outlier, np.nan, go + 250),
        "bad_time": np.where(outlier, go + 250, np.nan),
        "stop_time": np.ceil(go) + rng.integers(600, 700, n),
        "is_short": is_short,
        "is_eye": is_eye,
        "theta": np.where(is_left, 180, 0),
        "ts": ts,
        "tp": tp,
        "fix_time_dur": ready - 500,
        "target_time_dur": np.full(n, 300.0),
        "iti": np.full(n, 1200.0),
        "reward_dur": np.full(n, 100.0),
        "is_outlier": outlier.astype(int),
        "_condition": condition,
    }


def _hand(rng: np.random.Generator, lagged: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Velocity, a linear map of the lagged state, and its integral."""
    velocity = scale * lagged @ np.array([[1.0, 0.3], [-0.4, 0.9], [0.2, 0.5]])
    return np.cumsum(velocity, 0) / 1000, velocity


def _maze_series(rng: np.random.Generator, lagged: np.ndarray) -> dict[str, Series]:
    position, velocity = _hand(rng, lagged, 100.0)
    x_y = ("x", "y")
    return {
        "cursor_pos": Series(position + 1, x_y),
        "eye_pos": Series(np.roll(position, 50, 0), x_y),
        "hand_pos": Series(position, x_y),
        "hand_vel": Series(velocity, x_y),
    }


def _rtt_series(rng: np.random.Generator, lagged: np.ndarray) -> dict[str, Series]:
    position, velocity = _hand(rng, lagged, 80.0)
    return {
        "cursor_pos": Series(position, ("x", "y")),
        "finger_pos": Series(np.column_stack([position, lagged[:, 2]]), ("x", "y", "z")),
        "finger_vel": Series(velocity, ("x", "y")),
        "target_pos": Series(
            np.repeat(rng.integers(-5, 5, (-(-len(lagged) // 4), 2)), 4, 0)[: len(lagged)] * 1.0, ("x", "y")
        ),
    }


def _bump_series(rng: np.random.Generator, lagged: np.ndarray) -> dict[str, Series]:
    position, velocity = _hand(rng, lagged, 10.0)

    def mixed(name: str, channels: int) -> Series:
        return Series(
            (lagged @ rng.normal(size=(3, channels))).astype(np.float32), tuple(f"{name}{k}" for k in range(channels))
        )

    return {
        "force": Series(mixed("", 6).data, ("fx", "fy", "fz", "mx", "my", "mz")),
        "hand_pos": Series(position, ("x", "y")),
        "hand_vel": Series(velocity, ("x", "y")),
        **{f"joint_{what}": mixed("joint", 7) for what in ("ang", "vel")},
        **{f"muscle_{what}": mixed("muscle", 39) for what in ("len", "vel")},
    }


def _maze(dandiset: str, session: str, lag_ms: int, conditions: int, real: tuple[int, ...]) -> Kind:
    return Kind(
        dandiset, "Jenkins", session, (-250, 450), "move_onset_time", lag_ms, 0, _maze_trials, _maze_series,
        Size(conditions=2), Size(*real, none=0, rate_hz=5.0, pause_ms=432, hold_ms=1100, conditions=conditions),
    )  # fmt: skip


KINDS = {
    "mc_maze": _maze("000128", "full", 100, 36, (137, 45, 1721, 574, 574)),
    "mc_maze_large": _maze("000138", "large", 120, 9, (122, 40, 375, 125, 100)),
    "mc_maze_medium": _maze("000139", "medium", 120, 9, (114, 38, 188, 62, 100)),
    "mc_maze_small": _maze("000140", "small", 120, 9, (107, 35, 75, 25, 100)),
    "mc_rtt": Kind(
        "000129", "Indy", "", (0, 600), "start_time", 140, 4, _rtt_trials, _rtt_series,
        Size(), Size(98, 32, 810, 270, 272, none=0, rate_hz=8.0),
    ),
    "area2_bump": Kind(
        "000127", "Han", "", (-100, 500), "move_onset_time", -20, 4, _bump_trials, _bump_series,
        Size(train=32, val=16, conditions=4), Size(49, 16, 272, 92, 98, none=462, rate_hz=12.0, conditions=8),
    ),
    "dmfc_rsg": Kind(
        "000130", "Haydn", "", (-1500, 0), "go_time", 0, 6, _dmfc_trials, lambda rng, lagged: {},
        Size(train=48, val=24, conditions=2), Size(40, 14, 870, 290, 283, none=0, rate_hz=8.0, conditions=5),
    ),
}  # fmt: skip
