"""One mouse's folder: which trials it holds, in which files, of which units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from neurodyn.errors import InvalidInput, MissingData

Tier = Literal["train", "oracle", "live_test_main", "live_test_bonus", "final_test_main", "final_test_bonus"]
TIERS: tuple[Tier, ...] = (
    "train",
    "oracle",
    "live_test_main",
    "live_test_bonus",
    "final_test_main",
    "final_test_bonus",
)
NO_TRIAL = "none"
"""What the list of tiers says of an index without a trial."""
_NAME = re.compile(r"dynamic(?P<name>(?P<animal>\w+)-\d+-\d+)-Video-\w+")


@dataclass(frozen=True, eq=False)
class MouseFolder:
    """Where one mouse's recording lies, and what its `meta` folder says; nothing of the recording itself is read."""

    path: Path
    """`dynamic<animal>-<session>-<scan>-Video-<hash>`."""
    name: str
    """`<animal>-<session>-<scan>`."""
    tiers: np.ndarray
    """Tier of each trial index, `(index,)`; `none` where an index has no trial."""
    unit_ids: np.ndarray
    """`(unit,)`."""
    positions_um: np.ndarray
    """x, y, z of each unit in micrometres, `(unit, 3)`."""

    @property
    def animal(self) -> str:
        """Number of the animal, as mapping files name it."""
        return self.name.split("-", 1)[0]

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.unit_ids)

    def trials(self, tier: Tier) -> np.ndarray:
        """Indices of a tier's trials, increasing, `(trial,)`."""
        return np.flatnonzero(self.tiers == tier)

    def file(self, what: str, trial: int) -> Path:
        """The file of one trial; `what` is `videos`, `responses`, `behavior` or `pupil_center`."""
        return self.path / "data" / what / f"{trial}.npy"

    def response_std(self) -> np.ndarray:
        """The published standard deviations of the responses, `(unit, frame)`.

        Raises:
            MissingData: the folder has none.
            InvalidInput: another number of units.
        """
        path = self.path / "meta" / "statistics" / "responses" / "all" / "std.npy"
        std = np.asarray(mapped(path), np.float64)
        if len(std) != self.units:
            raise InvalidInput(str(path), f"{len(std)} units", f"{self.units}, like the list of units")
        return std.reshape(self.units, -1)


def find_mice(folder: Path) -> dict[str, Path]:
    """Folders of mice by name, in a folder or one below it, in the order of their names.

    Raises:
        InvalidInput: two folders of the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted([*folder.glob("dynamic*"), *folder.glob("*/dynamic*")]):
        match = _NAME.fullmatch(path.name)
        if match is None or not path.is_dir():
            continue
        if match["name"] in found:
            raise InvalidInput("folder", f"{match['name']} twice: {found[match['name']]} and {path}", "one of them")
        found[match["name"]] = path
    return dict(sorted(found.items()))


def open_mouse(path: Path) -> MouseFolder:
    """Reads what a mouse's `meta` folder says.

    Raises:
        MissingData: a file of `meta` is not there.
        InvalidInput: the folder is not named as the layout says; a damaged file; an unknown tier; positions of another number of units.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise InvalidInput("folder", path.name, "dynamic<animal>-<session>-<scan>-Video-<hash>")
    meta = path / "meta"
    tiers = np.asarray(mapped(meta / "trials" / "tiers.npy")).astype(str)
    unknown = sorted(set(tiers.tolist()) - {*TIERS, NO_TRIAL})
    if unknown:
        raise InvalidInput(
            str(meta / "trials" / "tiers.npy"), f"the tier {unknown[0]!r}", ", ".join([*TIERS, NO_TRIAL])
        )
    unit_ids = np.asarray(mapped(meta / "neurons" / "unit_ids.npy")).ravel()
    where = meta / "neurons" / "cell_motor_coordinates.npy"
    positions = np.asarray(mapped(where), np.float64)
    if positions.shape != (len(unit_ids), 3):
        raise InvalidInput(str(where), f"shape {positions.shape}", f"({len(unit_ids)}, 3): x, y, z of each unit")
    return MouseFolder(path, match["name"], tiers, unit_ids, positions)


def mapped(path: Path) -> np.ndarray:
    """An array file as a memory map, so that only what is looked at is read.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is damaged or cut short, or holds Python objects.
    """
    try:
        values: np.ndarray = np.load(str(path), mmap_mode="r", allow_pickle=False)  # a Path would be resolved each time
    except FileNotFoundError as error:
        raise MissingData(f"{path} is not there. Unpack the mouse's archive again, whole.") from error
    except (ValueError, EOFError, OSError) as error:
        raise InvalidInput(
            str(path), f"a damaged file ({error})", "a whole .npy file", "Unpack the mouse's archive again."
        ) from error
    return values
