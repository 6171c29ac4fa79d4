"""What every data set by name is: options, and a way to make `Trials` of them."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import platformdirs

from neurodyn.data.trials import Trials
from neurodyn.errors import MissingData


@dataclass(frozen=True)
class Remote:
    """Where a data file comes from."""

    file: str
    """Path below the data folder."""
    url: str
    """Public origin."""
    sha256: str
    """Of the file as it is downloaded."""
    instead: str = ""
    """Path below the data folder of the same data in another format, taken where it is present."""


@dataclass(frozen=True)
class Archived:
    """Files of a dandiset (https://dandiarchive.org)."""

    dandiset: str
    """Its number, also the name of its folder below a data folder."""
    version: str
    """The published version."""
    patterns: tuple[str, ...]
    """Patterns of paths inside it, of one file or several each, e.g. `sub-C/*ses-CO-20150311*.nwb`."""


def data_folders() -> list[Path]:
    """Folders searched for recordings: `NEURODYN_DATA` if set, then the user's data folder."""
    given = os.environ.get("NEURODYN_DATA")
    return [*([Path(given)] if given else []), Path(platformdirs.user_data_dir("neurodyn"))]


class Dataset(ABC):
    """A data set by name. Its `Config` holds its options; `load` makes the trials, split and with their truth where known."""

    Config: ClassVar[type[Any]]
    remotes: ClassVar[tuple[Remote, ...]] = ()
    """Files it needs, for `neurodyn data get`; none for simulated data."""
    archived: ClassVar[Archived | None] = None
    """Files of a dandiset that `neurodyn data get` fetches, instead of remotes."""
    by_hand: ClassVar[str] = ""
    """Of recorded data that nothing may fetch: where they come from and where to put them."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def load(self) -> Trials | list[Trials]:
        """The trials of one session, or of several."""

    def find(self, file: str) -> Path:
        """The path of one of its files, or of the same data in another format where that is present.

        Raises:
            MissingData: it is in none of the data folders; the message names its origin and the command that fetches it.
        """
        remote = next((r for r in self.remotes if r.file == file), None)
        wanted = [remote.instead, file] if remote is not None and remote.instead else [file]
        for folder in data_folders():
            for name in wanted:
                if (folder / name).exists():
                    return folder / name
        dataset = type(self).__module__.rsplit(".", 1)[-1]
        raise MissingData(
            f"{dataset}: {' or '.join(wanted)} is in none of {', '.join(map(str, data_folders()))}. "
            f"It comes from {remote.url if remote is not None else 'an unknown origin'}. "
            f"Fetch it with `neurodyn data get {dataset}`, or set NEURODYN_DATA to the folder that holds it."
        )

    def check_present(self) -> None:
        """Looks for every file it needs, and reads none.

        Raises:
            MissingData: one is not on this machine; the message says how to get it.
        """
        for remote in self.remotes:
            self.find(remote.file)

    @classmethod
    def with_options(cls, **options: Any) -> Dataset:
        """The data set with some options set by keyword."""
        return cls(dataclasses.replace(cls.Config(), **options))
