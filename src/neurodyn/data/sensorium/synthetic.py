"""Writes folders in the layout of the recordings, with invented mice: for tests, a first look, and measurements of reading."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.sensorium.folder import NO_TRIAL
from neurodyn.data.writing import folder_made
from neurodyn.errors import InvalidInput

HEIGHT, WIDTH = 36, 64
LATENTS = 3
"""A video is so many patterns that come and go; each neuron follows a mixture of them."""
_HASH = "0" * 32
_WHAT = ("videos", "responses", "behavior", "pupil_center")
_STATISTICS: dict[str, Any] = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max, "median": np.median}


@dataclass(frozen=True)
class SyntheticMouse:
    """One invented mouse."""

    name: str
    """`<animal>-<session>-<scan>`."""
    units: int = 40
    padded: int = 324
    """Frames of each file; those after the valid ones are NaN."""
    released: bool = True
    """Whether responses of the test tier are there; else they are all zero, or the file is missing, in turns."""


@dataclass(frozen=True)
class _Trial:
    index: int
    tier: str
    video: int
    """Number of the video; equal numbers are equal videos."""
    repeat: int
    """How often the mouse saw it before."""


def write_synthetic(
    folder: str | Path,
    pairs: Sequence[Sequence[SyntheticMouse]],
    *,
    train: int = 12,
    oracle: int = 2,
    tests: int = 2,
    repeats: int = 3,
    frames: int = 300,
    seed: int = 0,
    distinct: int | None = None,
) -> Path:
    """Writes mice that see videos, with mapping files beside them.

    The mice of a pair see the same `train` videos but for one each, under other trial indices; all mice see the same `oracle` and `tests` videos (tier
    `live_test_main`), `repeats` times. Indices have gaps. Video: 36 x 64 grey values around 127. Responses: non-negative, driven by what is shown, with
    gamma noise and the tiny negative numbers of deconvolution.

    Args:
        folder: where the mice's folders go, and `mapping` with the mapping files; it is made.
        pairs: mice that see the same training videos, in groups of one or more.
        train: training videos of each mouse.
        oracle: validation videos.
        tests: test videos.
        repeats: how often those are shown.
        frames: valid frames of each video.
        seed: of everything that is drawn.
        distinct: only so many videos and responses are drawn for each mouse; the other files are hard links to them. So a small disk holds a large folder.

    Returns:
        The folder of the mapping files.

    Raises:
        InvalidInput: a mouse that is there already; fewer padded frames than valid ones; a folder that cannot be written to.
    """
    folder = Path(folder)
    for mouse in (mouse for pair in pairs for mouse in pair):
        if not re.fullmatch(r"\d+-\d+-\d+", mouse.name):
            raise InvalidInput("name", repr(mouse.name), "<animal>-<session>-<scan>, three numbers")
        if mouse.padded < frames:
            raise InvalidInput("padded", mouse.padded, f"{frames} or more, the valid frames")
        if _path(folder, mouse).exists():
            raise InvalidInput(str(_path(folder, mouse)), "a folder that is there already", "a new one")
    with folder_made(folder / "mapping") as mapping:
        shown = _Shown(frames, seed, distinct)
        for number, pair in enumerate(pairs):
            first_video = (number + 1) * 10**6  # no video in common with another pair
            plans = {
                mouse: _plan(
                    np.random.default_rng([seed, number, place]), first_video, place, train, oracle, tests, repeats
                )
                for place, mouse in enumerate(pair)
            }
            for mouse, plan in plans.items():
                _write_mouse(_path(folder, mouse), mouse, plan, shown)
                _write_repeats(mapping, mouse, plan)
            for place, first in enumerate(pair):
                for second in pair[place + 1 :]:
                    _write_pairs(mapping, first, second, plans[first], plans[second])
    return mapping


class _Shown:
    """Videos by number, and what drives neurons while they are shown."""

    def __init__(self, frames: int, seed: int, distinct: int | None) -> None:
        self.frames, self.seed, self.distinct = frames, seed, distinct
        y, x = np.linspace(0, 2 * np.pi, HEIGHT), np.linspace(0, 2 * np.pi, WIDTH)
        self._patterns = np.stack([np.outer(np.cos(k * y), np.sin((k + 1) * x)) for k in range(LATENTS)])

    def content(self, number: int) -> int:
        """Which of the contents a video or a trial with this number has."""
        return number if self.distinct is None else number % self.distinct

    def latents(self, video: int) -> np.ndarray:
        """`(latent, frame)`: first-order autoregressive, unit variance, time constant 0.5 s."""
        from scipy.signal import lfilter

        rng = np.random.default_rng([self.seed, 1, self.content(video)])
        decay = np.exp(-1 / 15)
        noise = rng.normal(size=(LATENTS, self.frames + 100)) * np.sqrt(1 - decay**2)
        return np.asarray(lfilter([1], [1, -decay], noise, axis=1)[:, 100:])

    def video(self, video: int) -> np.ndarray:
        """`(height, width, frame)`, whole grey values."""
        picture = np.tensordot(self._patterns, self.latents(video), (0, 0))
        return np.asarray(np.clip(np.rint(127 + 30 * picture), 0, 255))


def _plan(
    rng: np.random.Generator, first_video: int, place: int, train: int, oracle: int, tests: int, repeats: int
) -> list[_Trial]:
    """Which index shows which video, of one mouse."""
    own = first_video + train + place
    # One video that only this mouse sees, at another place in each: so the same videos have other indices.
    videos = [first_video + n for n in range(train - 1)]
    videos.insert(min(place, train - 1), own)
    tiers = ["train"] * train + ["oracle"] * oracle * repeats + ["live_test_main"] * tests * repeats
    count = len(tiers)
    indices = rng.permutation(count + count // 5 + 1)[:count]
    of_tier = {tier: np.sort(indices[[t == tier for t in tiers]]) for tier in dict.fromkeys(tiers)}
    seen: dict[int, int] = {}
    plan = []
    shown = {
        "train": videos,
        "oracle": rng.permutation(np.repeat(np.arange(oracle), repeats)).tolist(),
        "live_test_main": rng.permutation(np.repeat(oracle + np.arange(tests), repeats)).tolist(),
    }
    for tier, where in of_tier.items():
        for index, video in zip(where.tolist(), shown[tier], strict=True):
            plan.append(_Trial(index, tier, video, seen.setdefault(video, 0)))
            seen[video] += 1
    return plan


def _write_mouse(path: Path, mouse: SyntheticMouse, plan: Sequence[_Trial], shown: _Shown) -> None:
    rng = np.random.default_rng([shown.seed, 2, *map(int, mouse.name.split("-"))])
    weights = rng.normal(size=(mouse.units, LATENTS))
    gain = rng.gamma(2.0, 3.0, (mouse.units, 1))
    with _made_whole(path) as beside:
        for what in _WHAT:
            drawn: dict[int, tuple[Path, np.ndarray]] = {}
            (beside / "data" / what).mkdir(parents=True)
            for number, trial in enumerate(plan):
                file = beside / "data" / what / f"{trial.index}.npy"
                if what == "responses" and trial.tier == "live_test_main" and not mouse.released:
                    if trial.repeat % 2 == 0:
                        np.save(file, np.zeros((mouse.units, mouse.padded), np.float32))
                    continue
                # A video is the same whenever it is shown, what it evokes is not.
                content = shown.content(trial.video if what == "videos" or shown.distinct is not None else number)
                if content in drawn:
                    os.link(drawn[content][0], file)
                    continue
                values = _draw(what, trial.video, number, shown, weights, gain)
                np.save(file, _padded(values, mouse.padded))
                drawn[content] = file, values
            _write_statistics(
                beside / "meta" / "statistics" / what / "all", [v for _, v in drawn.values()], mouse.padded
            )
        _write_meta(beside / "meta", mouse, plan, rng)


def _draw(what: str, video: int, number: int, shown: _Shown, weights: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """One trial's array, float32 `(..., frame)`, without padding."""
    if what == "videos":
        return shown.video(video).astype(np.float32)
    rng = np.random.default_rng([shown.seed, 3, number, _WHAT.index(what)])
    if what == "responses":
        drive = np.logaddexp(0, weights @ shown.latents(video) - 1)
        noisy = gain * drive * rng.gamma(0.5, 2.0, (len(weights), shown.frames))
        values: np.ndarray = np.where(noisy < 1e-3, -1e-7, noisy)
    else:
        walk = rng.normal(size=(2, shown.frames)).cumsum(1) / np.sqrt(shown.frames)
        values = np.abs(walk) * 10 if what == "behavior" else walk + 30
    return values.astype(np.float32)


def _padded(values: np.ndarray, frames: int) -> np.ndarray:
    """`(..., frame)` with NaN at its end."""
    padding = [(0, 0)] * (values.ndim - 1) + [(0, frames - values.shape[-1])]
    return np.pad(values, padding, constant_values=np.nan)


def _write_statistics(folder: Path, values: Sequence[np.ndarray], padded: int) -> None:
    """Over trials, separately for every frame, as the published ones are."""
    folder.mkdir(parents=True)
    stacked = np.stack(values)
    for name, statistic in _STATISTICS.items():
        np.save(folder / f"{name}.npy", _padded(statistic(stacked, axis=0), padded))


def _write_meta(folder: Path, mouse: SyntheticMouse, plan: Sequence[_Trial], rng: np.random.Generator) -> None:
    (folder / "neurons").mkdir(parents=True)
    (folder / "trials").mkdir()
    animal, session, scan = map(int, mouse.name.split("-"))
    depth = np.sort(rng.permutation(10)[np.arange(mouse.units) % 10])  # ten blocks, one an imaging plane
    depth_um = (200 + 25 * rng.permutation(10))[depth]  # in an order of the mouse's own
    across_um = rng.uniform(0, 600, (2, mouse.units))
    neurons = {
        "unit_ids": 1 + np.arange(mouse.units),
        "cell_motor_coordinates": np.stack([*across_um, depth_um], 1),
        "animal_ids": np.full(mouse.units, animal),
        "sessions": np.full(mouse.units, session),
        "scan_idx": np.full(mouse.units, scan),
    }
    for name, values in neurons.items():
        np.save(folder / "neurons" / f"{name}.npy", values)
    tiers = np.full(1 + max(trial.index for trial in plan), NO_TRIAL, "<U16")
    for trial in plan:
        tiers[trial.index] = trial.tier
    np.save(folder / "trials" / "tiers.npy", tiers)


def _write_repeats(folder: Path, mouse: SyntheticMouse, plan: Sequence[_Trial]) -> None:
    shown: dict[int, list[int]] = {}
    for trial in plan:
        if trial.tier == "oracle":
            shown.setdefault(trial.video, []).append(trial.index)
    lines = ["".join(f"{index}," for index in indices) for indices in shown.values()]
    (folder / f"{_called(mouse)}_oracle_CrossIndividuals.txt").write_text("\n".join(lines) + "\n")


def _write_pairs(
    folder: Path, first: SyntheticMouse, second: SyntheticMouse, of_first: Sequence[_Trial], of_second: Sequence[_Trial]
) -> None:
    where = {trial.video: trial.index for trial in of_second if trial.tier == "train"}
    lines = [
        f"{_called(first)}_{trial.index},{_called(second)}_{where[trial.video]}"
        for trial in of_first
        if trial.tier == "train" and trial.video in where
    ]
    (folder / f"{_called(first)}_{_called(second)}_CrossIndividuals.txt").write_text("\n".join(lines) + "\n")


def _called(mouse: SyntheticMouse) -> str:
    return f"dynamic{mouse.name.split('-', 1)[0]}"


def _path(folder: Path, mouse: SyntheticMouse) -> Path:
    return folder / f"dynamic{mouse.name}-Video-{_HASH}"


@contextmanager
def _made_whole(path: Path) -> Iterator[Path]:
    """A folder beside its place, renamed when the block ends well and removed when it does not."""
    beside = path.with_name(f".{path.name}.part")
    beside.mkdir()
    try:
        yield beside
        beside.rename(path)
    except BaseException:
        shutil.rmtree(beside)
        raise
