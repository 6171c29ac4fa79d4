"""Mapping files: which trials of two mice, or of one, showed the same video; as published, as computed from the videos, and whether both agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neurodyn.errors import InvalidInput, MissingData

_PAIRS = re.compile(r"(dynamic\w+?)_(dynamic\w+?)_CrossIndividuals\.txt")
_REPEATS = re.compile(r"(dynamic\w+?)_oracle_CrossIndividuals\.txt")
_LINE = re.compile(r"(\w+)_(\d+),(\w+)_(\d+)")


@dataclass(frozen=True)
class SharedVideos:
    """The videos two mice saw once each: a trial of the one beside a trial of the other."""

    first: str
    """Animal, as in `29228`."""
    second: str
    trials: np.ndarray
    """Trial indices `(video, 2)`."""


@dataclass(frozen=True)
class RepeatedVideos:
    """The videos one mouse saw several times."""

    animal: str
    trials: tuple[tuple[int, ...], ...]
    """Trial indices, one tuple a video."""


def read_shared(path: Path) -> SharedVideos:
    """Reads `<A>_<B>_CrossIndividuals.txt`: a line a video, `<A>_<i>,<B>_<j>`, with A and B like `dynamic29156`.

    Raises:
        MissingData: no such file.
        InvalidInput: it is not named so; a line of another form or of another mouse; a trial twice.
    """
    names = _PAIRS.fullmatch(path.name)
    if names is None:
        raise InvalidInput("mapping", path.name, "<A>_<B>_CrossIndividuals.txt")
    trials = []
    for number, line in enumerate(_lines(path), 1):
        match = _LINE.fullmatch(line)
        if match is None or (match[1], match[3]) != (names[1], names[2]):
            raise InvalidInput(f"{path.name}, line {number}", repr(line), f"{names[1]}_<i>,{names[2]}_<j>")
        trials.append((int(match[2]), int(match[4])))
    table: np.ndarray = np.array(trials, int).reshape(-1, 2)
    for column, name in enumerate((names[1], names[2])):
        values, times = np.unique(table[:, column], return_counts=True)
        if (times > 1).any():
            raise InvalidInput(path.name, f"trial {values[times > 1][0]} of {name} twice", "each trial once")
    return SharedVideos(_animal(names[1]), _animal(names[2]), table)


def read_repeats(path: Path) -> RepeatedVideos:
    """Reads `<A>_oracle_CrossIndividuals.txt`: a line a video, the indices of the trials that showed it, each followed by a comma.

    Raises:
        MissingData: no such file.
        InvalidInput: it is not named so; something else than indices; a trial twice.
    """
    names = _REPEATS.fullmatch(path.name)
    if names is None:
        raise InvalidInput("mapping", path.name, "<A>_oracle_CrossIndividuals.txt")
    groups = []
    for number, line in enumerate(_lines(path), 1):
        parts = [part.strip() for part in line.split(",") if part.strip()]
        if not all(part.isdigit() for part in parts):
            raise InvalidInput(f"{path.name}, line {number}", repr(line), "trial indices with commas between them")
        groups.append(tuple(map(int, parts)))
    everything = [trial for group in groups for trial in group]
    if len(set(everything)) < len(everything):
        twice = next(trial for trial in everything if everything.count(trial) > 1)
        raise InvalidInput(path.name, f"trial {twice} twice", "each trial once")
    return RepeatedVideos(_animal(names[1]), tuple(groups))


def shared_videos(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """The same table computed: trial indices `(video, 2)` of the same video in tier `train`, in the order of the first's.

    Args:
        first, second: one row a trial, with columns `trial`, `tier` and `stimulus`.
    """
    columns = ["trial", "stimulus"]
    both = _shown(first, "train")[columns].merge(_shown(second, "train")[columns], on="stimulus")
    return both.sort_values("trial_x")[["trial_x", "trial_y"]].to_numpy(int)


def repeated_videos(table: pd.DataFrame) -> tuple[tuple[int, ...], ...]:
    """The same computed: trial indices of each video of tier `oracle`, one tuple a video, in the order of their first trials."""
    groups = _shown(table, "oracle").groupby("stimulus")["trial"]
    return tuple(sorted(tuple(sorted(map(int, trials))) for _, trials in groups))


def compare(folder: Path, stimuli: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Mapping files beside what the videos say.

    Args:
        folder: holds the mapping files; those of other mice are passed over.
        stimuli: by animal, one row a trial of the recording, with columns `trial`, `tier` and `stimulus`.

    Returns:
        One row a file: `file`, `listed` (pairs of trials, or repeats, that it names), `computed` (that the videos give), `agree` (both).

    Raises:
        MissingData: no mapping file of these mice is there.
        InvalidInput: a file names trials that a mouse does not have; as `read_shared` and `read_repeats`.
    """
    rows = []
    for path in mapping_files(folder, stimuli):
        listed: set[tuple[int, ...]]
        if _REPEATS.fullmatch(path.name):
            repeats = read_repeats(path)
            table = stimuli[repeats.animal]
            _check_present(path, repeats.animal, {k for group in repeats.trials for k in group}, table, "oracle")
            listed, computed = {tuple(sorted(group)) for group in repeats.trials}, set(repeated_videos(table))
        else:
            shared = read_shared(path)
            first, second = stimuli[shared.first], stimuli[shared.second]
            _check_present(path, shared.first, set(shared.trials[:, 0].tolist()), first, "train")
            _check_present(path, shared.second, set(shared.trials[:, 1].tolist()), second, "train")
            listed = set(map(tuple, shared.trials.tolist()))
            computed = set(map(tuple, shared_videos(first, second).tolist()))
        rows.append((path.name, len(listed), len(computed), len(listed & computed)))
    return pd.DataFrame(rows, columns=["file", "listed", "computed", "agree"])


def listed_stimuli(folder: Path, stimuli: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with the identities that mapping files give in place of those of the frames; a trial that no file names is unlike any other.

    Raises:
        MissingData, InvalidInput: as `compare`.
    """
    compare(folder, stimuli)
    named = {animal: {int(k): f"{animal}_{k}" for k in table["trial"]} for animal, table in stimuli.items()}
    for path in mapping_files(folder, stimuli):
        if _REPEATS.fullmatch(path.name):
            repeats = read_repeats(path)
            for group in repeats.trials:
                named[repeats.animal].update(dict.fromkeys(group, f"{repeats.animal}_{group[0]}"))
        else:
            shared = read_shared(path)
            for i, j in shared.trials.tolist():
                named[shared.second][j] = named[shared.first][i]
    return {
        animal: table.assign(stimulus=[named[animal][int(k)] for k in table["trial"]])
        for animal, table in stimuli.items()
    }


def mapping_files(folder: Path, animals: Mapping[str, object]) -> list[Path]:
    """The mapping files of these animals, by name.

    Raises:
        MissingData: there is none.
    """
    found = []
    for path in sorted(folder.glob("*_CrossIndividuals.txt")):
        names = _REPEATS.fullmatch(path.name) or _PAIRS.fullmatch(path.name)
        if names is not None and all(_animal(name) in animals for name in names.groups()):
            found.append(path)
    if not found:
        raise MissingData(f"{folder}: no mapping file (<A>_<B>_CrossIndividuals.txt) of {', '.join(animals)} is there.")
    return found


def _shown(table: pd.DataFrame, tier: str) -> pd.DataFrame:
    return table[(table["tier"] == tier) & (table["stimulus"] != "")]


def _check_present(path: Path, animal: str, named: set[int], table: pd.DataFrame, tier: str) -> None:
    absent = sorted(named - set(table["trial"][table["tier"] == tier].tolist()))
    if absent:
        raise InvalidInput(
            path.name,
            f"{len(absent)} trials that mouse {animal} does not have in tier {tier}, the first {absent[0]}",
            "trials of the recording",
            "Is it the mapping file of this recording, and is the mouse's folder whole?",
        )


def _animal(name: str) -> str:
    return name.removeprefix("dynamic")


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise MissingData(f"{path} is not there.")
    return [line.strip() for line in path.read_text().splitlines() if line.strip()]
