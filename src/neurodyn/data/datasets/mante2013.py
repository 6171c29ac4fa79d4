"""Macaque prefrontal cortex during context-dependent decisions, averaged over trials (Mante et al. 2013)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from neurodyn.config import check_choices, check_range
from neurodyn.data.averages import average_trials
from neurodyn.data.datasets.base import Dataset, data_folders
from neurodyn.data.mante import Averages, Half, average_units, conditions, read_stored
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData

FOLDER = "mante2013"
_UNPACKED = ("", "PFC data/PFC data 1", "PFC data 1")
"""Where units of the first monkey lie below a folder, however the archive was unpacked."""
_CLOSE = 0.01
"""Coherences that differ by less are called the same."""


@dataclass(frozen=True)
class Mante2013Config:
    """Which files, and how their trials are averaged."""

    folder: str | None = None
    """Where the units' .mat files lie, in it or in `PFC data/PFC data 1` below (default: `mante2013` in the data folder)."""
    averages: str | None = None
    """Instead of units, a file with stored averages: one array (unit, time, condition), in .npz, .mat or .h5. Halves cannot be had of it."""
    bin_s: float = 0.015
    """Bin width in seconds."""
    half: Half = "all"
    """Average over all trials, or over one of two drawn halves of each condition's trials: alike as the two are, noise leaves no model to be."""
    seed: int = 0
    """Seed of the halves."""
    level_tolerance: float | None = None
    """Leave out units whose coherences differ by more from those of their conditions, or come in another order. None keeps all, with a warning, as the release does."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        check_range("data.bin_s", self.bin_s, 0, open_low=True)
        check_range("data.seed", self.seed, 0)
        if self.level_tolerance is not None:
            check_range("data.level_tolerance", self.level_tolerance, 0)


class Mante2013(Dataset):
    """Macaque prefrontal cortex, decisions on motion or colour: units of one monkey, 72 conditions, 100 to 850 ms after the dots come on (doi:10.1038/nature12742)."""

    Config: ClassVar = Mante2013Config
    by_hand: ClassVar = (
        "The recordings are an archive, 'PFC data', on V. Mante's page at the Institute of Neuroinformatics, University and ETH Zurich (https://www.ini.uzh.ch). Unpack it in the "
        "folder mante2013 of the data folder, or give its folder (folder, --data.folder), or a file with stored averages (averages, --data.averages)."
    )

    config: Mante2013Config

    def load(self) -> Trials:
        """One row a condition; `rates` in spikes/s (of stored averages as stored), units that were not recorded together side by side.

        Table: `condition` (0 to 71), `choice`, `motion_coherence`, `colour_coherence`, `context`, `from_event_s`. Units: `file`, `fewest_trials`, `level_difference`, `same_order`.
        Hundreds of files take a minute or two, with a progress bar, and no more memory than one of them beside the averages.

        Raises:
            MissingData: no unit's file is there; the message names the origin.
            InvalidInput: a file that is damaged or holds something else, or no unit with all conditions; halves of stored averages.
        """
        options = self.config
        if options.averages is not None:
            if options.half != "all":
                fix = "Give the folder of the units instead."
                raise InvalidInput("data.half", repr(options.half), "'all' for stored averages", fix)
            found = read_stored(Path(options.averages), options.bin_s)
        else:
            paths = self.files()
            found = average_units(
                paths, options.bin_s, options.half, options.seed, options.level_tolerance, shown=_with_bar
            )
            _warn(found)
        provenance: dict[str, Any] = {"left_out": dict(found.left_out), "half": options.half}
        if len(found.units):
            provenance["fewest_trials"] = int(found.units["fewest_trials"].min())
        return average_trials(
            found.rates_hz,
            conditions(),
            found.time_s,
            name="mante2013",
            units="spikes/s" if options.averages is None else "",
            unit_table=found.units,
            provenance=provenance,
        )

    def files(self) -> list[Path]:
        """The units' files, by name.

        Raises:
            MissingData: there is none.
        """
        given = self.config.folder
        folders = [folder / FOLDER for folder in data_folders()] if given is None else [Path(given)]
        for folder in (base / below for base in folders for below in _UNPACKED):
            # macOS leaves a `._` file beside each one that it packs.
            found = sorted(path for path in folder.glob("*.mat") if not path.name.startswith("._"))
            if found:
                return found
        raise MissingData(f"mante2013: no .mat file of a unit in {', '.join(map(str, folders))}. {self.by_hand}")

    def check_present(self) -> None:
        """Looks for the units' files, and reads none.

        Raises:
            MissingData: there is none.
        """
        self.files()


def _with_bar(paths: Sequence[Path]) -> Iterable[Path]:
    from rich.console import Console
    from rich.progress import track

    return track(paths, "reading units", console=Console(stderr=True), transient=True, disable=len(paths) < 20)


def _warn(found: Averages) -> None:
    """Says what a comparison should know of units that are kept as the release keeps them."""
    units, fix = found.units, "level_tolerance leaves them out"
    order = int((~units["same_order"]).sum())
    if order:
        said = f"{order} of {len(units)} units have their conditions in another order than the table says; {fix}"
        warnings.warn(said, stacklevel=4)
    others = units["level_difference"][units["same_order"] & (units["level_difference"] > _CLOSE)]
    if len(others):
        said = f"{len(others)} of {len(units)} units were shown coherences up to {others.max():.2g} from those of their conditions, which are matched by rank; {fix}"
        warnings.warn(said, stacklevel=4)
