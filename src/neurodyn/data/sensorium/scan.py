"""What one reading of a tier's files finds: valid frames, what was shown, which trials cannot be used, sums of the responses. Kept, so that it is done once."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import platformdirs

from neurodyn.data.sensorium.folder import MouseFolder, Tier, mapped
from neurodyn.data.sensorium.identity import video_identity
from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput, MissingData

VERSION = 1
"""Number of the way a folder is read: what was found by another number is found anew."""
LEAST_RESPONSE = -1e-5
"""Deconvolution leaves negative numbers of about -1e-7; what lies below this is no such thing."""


@dataclass(frozen=True, eq=False)
class TierScan:
    """One tier of one mouse. All arrays are `(trial,)`, in the order of trial indices, but for the sums, `(unit,)`."""

    trial: np.ndarray
    """Trial index."""
    bins: np.ndarray
    """Valid frames: those before the first NaN in the video or the responses."""
    stimulus: np.ndarray
    """Identity of the video, empty where it cannot be read."""
    withheld: np.ndarray
    """Whether the responses were not released: all zero, or, beyond the tiers train and oracle, absent."""
    problem: np.ndarray
    """Why a trial cannot be used, empty where it can."""
    total: np.ndarray
    """Sum of each unit's responses over the valid frames of the trials that can be used."""
    squares: np.ndarray
    """The same of their squares."""

    @property
    def usable(self) -> np.ndarray:
        """Bool `(trial,)`."""
        return np.asarray(~self.withheld & (self.problem == ""))

    @property
    def frames(self) -> int:
        """How many frames were summed."""
        return int(self.bins[self.usable].sum())


@dataclass(frozen=True, eq=False)
class _Found:
    """What a trial's files hold."""

    bins: int = 0
    stimulus: str = ""
    withheld: bool = False
    problem: str = ""
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0


def scan_tier(mouse: MouseFolder, tier: Tier) -> TierScan:
    """Reads every video and response file of a tier once, or takes what was found before in the same files.

    What was found is kept in `NEURODYN_CACHE` if set, else in the user's cache folder; the data folder is never written to. Progress is shown on
    stderr. A file under several names (hard links) is read once.
    """
    trials = mouse.trials(tier)
    kept = _place(mouse, tier, trials)
    scan = _kept(kept)
    if scan is not None:
        return scan
    seen: dict[object, _Found] = {}
    found = []
    with _progress(f"{mouse.name}, {tier}", len(trials)) as advance:
        for trial in trials.tolist():
            files = mouse.file("videos", trial), mouse.file("responses", trial)
            key = tuple((s.st_dev, s.st_ino) if (s := _stat(file)) else None for file in files)
            if key not in seen:
                seen[key] = _read_trial(*files, mouse.units, tier)
            found.append(seen[key])
            advance()
    usable = [each for each in found if not each.withheld and not each.problem]
    scan = TierScan(
        trials,
        np.array([each.bins for each in found], int),
        np.array([each.stimulus for each in found], str),
        np.array([each.withheld for each in found], bool),
        np.array([each.problem for each in found], str),
        np.zeros(mouse.units) + sum(each.total for each in usable),
        np.zeros(mouse.units) + sum(each.squares for each in usable),
    )
    _keep(scan, kept)
    return scan


def _read_trial(video_file: Path, response_file: Path, units: int, tier: Tier) -> _Found:
    try:
        video = mapped(video_file)
    except (InvalidInput, MissingData) as error:
        return _Found(problem=str(error))
    if video.ndim != 3:
        return _Found(problem=f"{video_file}: shape {video.shape}, not (height, width, frame)")
    shown, infinite = _valid_frames(video)
    if not shown or infinite:
        return _Found(problem=f"{video_file}: " + ("an infinite value" if infinite else "NaN from the first frame on"))
    frames = np.asarray(video[..., :shown])
    if frames.min() < -0.5 or frames.max() > 255.5:
        return _Found(problem=f"{video_file}: grey values {frames.min():g}..{frames.max():g}, not 0..255")
    stimulus = video_identity(frames)
    try:
        responses = mapped(response_file)
    except MissingData as error:
        withheld = tier not in ("train", "oracle")
        return _Found(shown, stimulus, withheld, "" if withheld else str(error))
    except InvalidInput as error:
        return _Found(shown, stimulus, problem=str(error))
    if responses.shape != (units, video.shape[2]):
        expected = f"({units}, {video.shape[2]}), units and the frames of its video"
        return _Found(shown, stimulus, problem=f"{response_file}: shape {responses.shape}, not {expected}")
    recorded, infinite = _valid_frames(responses)
    bins = min(shown, recorded)
    if infinite or not bins:
        what = "an infinite value" if infinite else "NaN from the first frame on"
        return _Found(bins, stimulus, problem=f"{response_file}: {what}")
    values = np.asarray(responses[:, :bins])
    if not values.any():
        return _Found(bins, stimulus, withheld=True)
    if values.min() < LEAST_RESPONSE:
        return _Found(bins, stimulus, problem=f"{response_file}: a response of {values.min():g}, not 0 or above")
    squares = np.einsum("ut,ut->u", values, values, dtype=np.float64, casting="unsafe")
    return _Found(bins, stimulus, total=values.sum(1, dtype=np.float64), squares=squares)


def _valid_frames(values: np.ndarray) -> tuple[int, bool]:
    """Frames before the first with a NaN, of an array `(..., frame)`; and whether an infinite value ends them instead."""
    flat = values.reshape(-1, values.shape[-1])
    with np.errstate(invalid="ignore"):
        bad = ~np.isfinite(flat.sum(0))
    if not bad.any():
        return values.shape[-1], False
    first = int(bad.argmax())
    return first, not np.isnan(flat[:, first]).any()


def _stat(file: Path) -> os.stat_result | None:
    return file.stat() if file.is_file() else None


def _place(mouse: MouseFolder, tier: Tier, trials: np.ndarray) -> Path:
    """Where what was found in these very files is kept."""
    what = hashlib.sha256(f"{VERSION} {mouse.path.resolve()} {tier} {mouse.units}".encode())
    for trial in trials.tolist():
        for kind in ("videos", "responses"):
            stat = _stat(mouse.file(kind, trial))
            what.update(f"{trial} {(stat.st_size, stat.st_mtime_ns) if stat else None}".encode())
    folder = Path(os.environ.get("NEURODYN_CACHE") or platformdirs.user_cache_dir("neurodyn"))
    return folder / "sensorium" / f"{mouse.name}-{tier}-{what.hexdigest()[:16]}.npz"


def _kept(path: Path) -> TierScan | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return TierScan(**{field.name: stored[field.name] for field in fields(TierScan)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(scan: TierScan, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as beside, beside.open("wb") as file:
            np.savez(file, **{field.name: getattr(scan, field.name) for field in fields(TierScan)})
    except (InvalidInput, OSError):  # a cache that cannot be written costs time, not the result
        pass


@contextmanager
def _progress(name: str, trials: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, once the reading takes long."""
    import sys
    import time

    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"reading {name}", total=trials, visible=False)
        yield lambda: bar.update(task, advance=1, visible=time.monotonic() - began > 2)
